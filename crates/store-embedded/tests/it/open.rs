//! Files that are not what they should be, and disks that are full.

use std::error::Error;
use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use store::{Op, Outcome, Store, StoreError, Txn};
use store_embedded::{OpenError, Options, SqliteStore};

fn put(key: &str, value: Vec<u8>) -> Txn {
    Txn { compares: vec![], ops: vec![Op::Put(key.to_owned(), value.into())] }
}

/// The whole chain, as a person reads it.
fn chain(error: &dyn Error) -> String {
    let source = error.source().map(|source| format!(": {}", chain(source)));
    format!("{error}{}", source.unwrap_or_default())
}

#[track_caller]
fn check_refused(path: &Path, says: &str) {
    let refused = SqliteStore::open(path).expect_err("a file that cannot be opened");
    let text = chain(&refused);
    assert!(text.contains(says), "{text}");
    assert!(text.contains(&path.display().to_string()), "{text}");
}

#[tokio::test]
async fn files_are_for_their_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("objects.db");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    store.txn(put("/a", vec![1])).await.unwrap();
    let mut files = 0;
    for file in fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
        files += 1;
    }
    assert_eq!(files, 4, "the database, its WAL, its shared memory, the lock");
}

#[test]
fn a_file_that_is_not_sqlite_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("objects.db");
    let text = "apiVersion: v1\nkind: Service\n".repeat(200);
    fs::write(&path, &text).unwrap();
    check_refused(&path, "not a Meridian store");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_database_of_another_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("objects.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
    drop(other);
    check_refused(&path, "not a Meridian store");
}

#[test]
fn a_store_of_a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("objects.db");
    drop(SqliteStore::open(&path).unwrap());
    let other = rusqlite::Connection::open(&path).unwrap();
    other.pragma_update(None, "user_version", 99).unwrap();
    drop(other);
    check_refused(&path, "schema version 99 and this program knows 1");
}

#[tokio::test]
async fn a_damaged_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("objects.db");
    let store = SqliteStore::open(&path).unwrap();
    for n in 0..50 {
        store.txn(put(&format!("/{n}"), vec![7; 5000])).await.unwrap();
    }
    drop(store);
    let file = fs::File::options().write(true).open(&path).unwrap();
    let length = file.metadata().unwrap().len();
    for page in 1..length / 4096 {
        file.write_all_at(&[0xa5; 64], page * 4096).unwrap();
    }
    drop(file);
    check_refused(&path, "damaged");
}

#[tokio::test]
async fn a_truncated_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("objects.db");
    let store = SqliteStore::open(&path).unwrap();
    for n in 0..50 {
        store.txn(put(&format!("/{n}"), vec![7; 5000])).await.unwrap();
    }
    drop(store);
    fs::File::options().write(true).open(&path).unwrap().set_len(3 * 4096).unwrap();
    check_refused(&path, "damaged");
}

#[test]
fn a_folder_that_takes_no_files_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    // Not even root makes files in these.
    for path in [file.join("objects.db"), folder.path().join("none/objects.db"), "/proc/objects.db".into()] {
        check_refused(&path, "creating");
    }
}

#[test]
fn a_folder_in_place_of_the_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("objects.db");
    fs::create_dir(&path).unwrap();
    check_refused(&path, "");
}

#[tokio::test]
async fn a_second_process_is_refused_until_the_first_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("objects.db");
    let store = SqliteStore::open(&path).unwrap();
    assert!(matches!(SqliteStore::open(&path), Err(OpenError::InUse { .. })));
    drop(store);
    SqliteStore::open(&path).unwrap();
}

#[tokio::test]
async fn a_full_disk_refuses_what_does_not_fit_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("objects.db");
    let options = Options { pages_max: Some(64), ..Options::default() };
    let store = SqliteStore::open_with(&path, options).unwrap();
    let mut watch = store.watch(0).await.unwrap();
    assert_eq!(store.txn(put("/a", vec![1])).await.unwrap(), Outcome::Committed(1));

    // A group in which one does not fit: the others do not suffer.
    let writes = (0..8).map(|n| store.txn(put(&format!("/{n}"), vec![7; if n == 3 { 1_000_000 } else { 10 }])));
    let outcomes = futures::future::join_all(writes).await;
    for (n, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome.is_err(), n == 3, "{n}: {outcome:?}");
    }
    let Some(Err(error @ StoreError::Full { .. })) = outcomes.get(3) else { panic!("{outcomes:?}") };
    let said = format!("committing to the object store: {}: the disk is full: free some space", path.display());
    assert!(chain(error).starts_with(&said), "{}", chain(error));

    assert_eq!(store.txn(put("/b", vec![1])).await.unwrap(), Outcome::Committed(9));
    assert!(store.get("/3").await.unwrap().is_none());
    for revision in 1..=9 {
        assert_eq!(watch.recv().await.unwrap().unwrap().revision, revision);
    }
}

#[tokio::test]
async fn another_history_has_the_same_content_and_revision_under_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("objects.db");
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.txn(put("/a", vec![1])).await.unwrap(), Outcome::Committed(1));
    let before = store.incarnation().to_owned();
    drop(store);
    let store = SqliteStore::open_with(&path, Options { new_history: true, ..Options::default() }).unwrap();
    let renewed = store.incarnation().to_owned();
    assert_ne!(renewed, before);
    assert_eq!(store.revision().await.unwrap(), 1);
    assert!(store.get("/a").await.unwrap().is_some());
    drop(store);
    assert_eq!(SqliteStore::open(&path).unwrap().incarnation(), renewed);
}

#[tokio::test]
async fn a_disk_too_full_for_a_new_store_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("objects.db");
    let refused = SqliteStore::open_with(&path, Options { pages_max: Some(2), ..Options::default() });
    assert!(matches!(refused, Err(OpenError::Full { .. })), "{refused:?}");
    SqliteStore::open(&path).unwrap();
}
