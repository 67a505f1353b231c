//! The store under test, with short forms of its calls.

#![expect(clippy::unwrap_used, reason = "a failing call is a failing test")]

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use crate::{Commit, Compare, Entry, Op, Outcome, Revision, Store, Txn, Watch};

/// Far more than any backend needs; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A store under test, and what has to live as long (a temporary directory).
pub struct Subject {
    /// The store.
    pub store: Arc<dyn Store>,
    _keep: Box<dyn Any + Send + Sync>,
}

impl Subject {
    /// A store that needs nothing else.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self::keeping(store, ())
    }

    /// A store together with what it needs.
    pub fn keeping(store: Arc<dyn Store>, keep: impl Any + Send + Sync) -> Self {
        Self { store, _keep: Box::new(keep) }
    }

    pub(super) async fn txn(&self, compares: &[Compare], ops: &[Op]) -> Outcome {
        let txn = Txn { compares: compares.to_vec(), ops: ops.to_vec() };
        self.store.txn(txn).await.unwrap()
    }

    /// Commits without comparisons.
    pub(super) async fn commit(&self, ops: &[Op]) -> Revision {
        match self.txn(&[], ops).await {
            Outcome::Committed(revision) => revision,
            Outcome::Conflict(compare) => panic!("conflict without comparisons: {compare:?}"),
        }
    }

    pub(super) async fn get(&self, key: &str) -> Option<Entry> {
        self.store.get(key).await.unwrap()
    }

    pub(super) async fn keys(&self, prefix: &str, after: Option<&str>, limit: usize) -> Vec<String> {
        let (entries, _) = self.store.range(prefix, after, limit).await.unwrap();
        entries.into_iter().map(|entry| entry.key).collect()
    }

    pub(super) async fn revision(&self) -> Revision {
        self.store.revision().await.unwrap()
    }

    pub(super) async fn watch(&self, after: Revision) -> Watch {
        self.store.watch(after).await.unwrap()
    }

    /// Commits `count` times, some of them at once.
    pub(super) async fn fill(&self, count: usize) {
        for chunk in (0..count).collect::<Vec<_>>().chunks(64) {
            let commits = chunk.iter().map(|n| {
                let op = put(&format!("/fill/{n:05}"), "x");
                async move { self.commit(&[op]).await }
            });
            futures::future::join_all(commits).await;
        }
    }
}

/// The next commit; fails when the channel ends or nothing comes.
pub(super) async fn next(watch: &mut Watch) -> Commit {
    let received = tokio::time::timeout(PATIENCE, watch.recv()).await;
    received.expect("a commit in time").expect("the channel is open").unwrap()
}

/// The commits up to `last`, checked to be without gap.
pub(super) async fn up_to(watch: &mut Watch, after: Revision, last: Revision) -> Vec<Commit> {
    let mut commits = Vec::new();
    for revision in after + 1..=last {
        let commit = next(watch).await;
        assert_eq!(commit.revision, revision, "in order, without gap");
        commits.push(commit);
    }
    commits
}

pub(super) fn put(key: &str, value: &str) -> Op {
    Op::Put(key.to_owned(), value.as_bytes().into())
}

pub(super) fn delete(key: &str) -> Op {
    Op::Delete(key.to_owned())
}
