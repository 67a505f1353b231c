//! Durable commits per second, by the number of writers: `cargo bench -p store-embedded --bench commits`.

use std::time::{Duration, Instant};

use store::{Compare, HISTORY_DEFAULT, Op, Store, Txn};
use store_embedded::SqliteStore;

/// About a GslbService with its guards.
const VALUE_BYTES: usize = 2000;
const DURATION: Duration = Duration::from_secs(2);

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime is what this needs");
    for writers in [1, 8, 64, 256] {
        let (commits, took) = runtime.block_on(measure(writers));
        report(writers, commits, took);
    }
}

async fn measure(writers: usize) -> (u64, Duration) {
    // In the working directory, because /tmp may be memory.
    let folder = tempfile::tempdir_in(".").expect("a folder to write in");
    let store = SqliteStore::open(folder.path().join("objects.db")).expect("a new store");
    let (store, start) = (&store, now());
    let writers = (0..writers).map(|writer| async move {
        let mut commits = 0;
        while now() - start < DURATION {
            let key = format!("/object/{writer}/{commits}");
            let txn = Txn {
                compares: vec![Compare::Absent(key.clone())],
                ops: vec![
                    Op::Put(key, vec![7; VALUE_BYTES].into()),
                    Op::Put(format!("/name/{writer}/{commits}"), (*b"guard").into()),
                ],
            };
            store.txn(txn).await.expect("a commit");
            commits += 1;
        }
        commits
    });
    let commits: u64 = futures::future::join_all(writers).await.into_iter().sum();
    assert!(commits < HISTORY_DEFAULT * 1000);
    (commits, now() - start)
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures the clock")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::print_stdout, reason = "the result of a benchmark")]
fn report(writers: usize, commits: u64, took: Duration) {
    println!("{writers:>4} writers: {:>8.0} commits/s", commits as f64 / took.as_secs_f64());
}
