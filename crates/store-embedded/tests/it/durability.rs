//! An acknowledged write survives `kill -9`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rand::Rng;
use store::{Op, Outcome, Store, Txn};
use store_embedded::SqliteStore;

/// Names the store that the child is to write to.
const CHILD: &str = "STORE_EMBEDDED_TEST_CHILD";

const ROUNDS: usize = 5;
const WRITERS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_writes_survive_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("objects.db");
    let mut acknowledged = BTreeMap::new();
    for round in 0..ROUNDS {
        // Killed between two acknowledgements, with others under way.
        let before_kill = rand::rng().random_range(1..600);
        let seen = write_and_kill(&path, round, before_kill);
        assert!(seen.len() >= before_kill, "{} of {before_kill}", seen.len());
        acknowledged.extend(seen);
        check(&path, &acknowledged).await;
    }
}

/// The child of the test above; alone it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_writes_until_it_is_killed() {
    let Some(setting) = std::env::var_os(CHILD) else { return };
    let setting = setting.into_string().unwrap();
    let (round, path) = setting.split_once(' ').unwrap();
    let store = SqliteStore::open(path).unwrap();
    let store = &store;
    let writers = (0..WRITERS).map(|writer| async move {
        for n in 0..100_000 {
            let key = format!("/{round}/{writer}/{n}");
            let txn = Txn { compares: vec![], ops: vec![Op::Put(key.clone(), vec![7; 500].into())] };
            let Outcome::Committed(revision) = store.txn(txn).await.unwrap() else { panic!("conflict") };
            // One write each, so that lines stay whole.
            let mut out = std::io::stdout().lock();
            out.write_all(format!("ack {revision} {key}\n").as_bytes()).unwrap();
            out.flush().unwrap();
        }
    });
    futures::future::join_all(writers).await;
}

/// Revisions and keys that the child acknowledged, including those still in the pipe when it was killed.
fn write_and_kill(path: &Path, round: usize, before_kill: usize) -> BTreeMap<u64, String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "durability::child_that_writes_until_it_is_killed", "--nocapture"])
        .env(CHILD, format!("{round} {}", path.display()))
        .stdout(Stdio::piped())
        .spawn()
        .map(KillOnDrop)
        .unwrap();
    let mut lines = BufReader::new(child.0.stdout.take().unwrap());
    let mut seen = BTreeMap::new();
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        // A line cut off by the kill acknowledges nothing.
        if let Some((revision, key)) = line.strip_suffix('\n').and_then(acknowledgement) {
            seen.insert(revision, key);
        }
        if seen.len() == before_kill {
            child.0.kill().unwrap();
        }
        line.clear();
    }
    assert!(!child.0.wait().unwrap().success());
    seen
}

fn acknowledgement(line: &str) -> Option<(u64, String)> {
    let (revision, key) = line.split_once("ack ")?.1.split_once(' ')?;
    Some((revision.parse().unwrap(), key.to_owned()))
}

async fn check(path: &Path, acknowledged: &BTreeMap<u64, String>) {
    let store = SqliteStore::open(path).unwrap();
    let last = store.revision().await.unwrap();
    assert!(last >= *acknowledged.keys().last().unwrap());
    for (revision, key) in acknowledged {
        let entry = store.get(key).await.unwrap().unwrap_or_else(|| panic!("{key} at {revision} of {last} is lost"));
        assert_eq!((entry.modified, entry.value.len()), (*revision, 500), "{key}");
    }
    let mut watch = store.watch(0).await.unwrap();
    for revision in 1..=last {
        let commit = tokio::time::timeout(Duration::from_secs(5), watch.recv()).await.unwrap().unwrap().unwrap();
        assert_eq!(commit.revision, revision, "the log has no gap");
    }
}

/// No child outlives a failing test.
struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
