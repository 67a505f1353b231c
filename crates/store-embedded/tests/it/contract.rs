//! The promises of every store.

use std::sync::Arc;

use store::contract::Subject;
use store_embedded::{Options, SqliteStore};

async fn make(history: u64) -> Subject {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { history, ..Options::default() };
    let store = SqliteStore::open_with(folder.path().join("objects.db"), options).unwrap();
    Subject::keeping(Arc::new(store), folder)
}

store::contract_tests!(make);
