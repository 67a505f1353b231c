//! Keys, values and revisions: the store trait, the memory store, the contract.
//!
//! Nothing here knows an object. Lists, filters and back-references are a projection that readers feed from
//! [`Store::watch`]; uniqueness, references and allocation are guard keys compared in the same [`Txn`]. SQLite and
//! etcd can both keep these promises; `contract` is the suite that every backend runs.
#![warn(missing_docs)]

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

/// Counts commits. The first commit of a store makes revision 1; 0 means "before everything".
pub type Revision = u64;

/// Most operations one transaction may carry (etcd's default).
pub const TXN_OPS_MAX: usize = 128;

/// A stored value with its revisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Key, by convention `/kind/…` text.
    pub key: String,
    /// Value, opaque bytes.
    pub value: Arc<[u8]>,
    /// Revision that created the key.
    pub created: Revision,
    /// Revision that wrote it last.
    pub modified: Revision,
}

/// A condition of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compare {
    /// The key does not exist.
    Absent(String),
    /// The key exists, whatever its revision.
    Present(String),
    /// The key was last written by this revision.
    ModifiedAt(String, Revision),
}

/// A write of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Creates or replaces.
    Put(String, Arc<[u8]>),
    /// Removes; nothing happens when the key is absent.
    Delete(String),
}

/// All comparisons hold and all writes happen at one revision, or nothing happens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Txn {
    /// Conditions.
    pub compares: Vec<Compare>,
    /// Writes, at most [`TXN_OPS_MAX`]; a key appears once.
    pub ops: Vec<Op>,
}

/// How a transaction ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Written, and durable where the backend is durable.
    Committed(Revision),
    /// Nothing was written: this comparison did not hold.
    Conflict(Compare),
}

/// One commit as a watcher sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Revision of the commit.
    pub revision: Revision,
    /// Its changes, in the order of the transaction.
    pub changes: Vec<Change>,
}

/// One change of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Created or replaced.
    Put(Entry),
    /// Removed.
    Delete(String),
}

/// What went wrong in a backend.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The caller broke a rule of the trait, for example too many operations.
    #[error("the transaction is not allowed: {0}")]
    Refused(String),
    /// The revision asked for is no longer kept.
    #[error("revision {asked} is compacted, the oldest kept is {oldest}")]
    Compacted {
        /// Revision asked for.
        asked: Revision,
        /// Oldest revision a watch can start after.
        oldest: Revision,
    },
    /// The backend failed; whether the write happened is unknown.
    #[error("{doing}")]
    Backend {
        /// What was being done.
        doing: &'static str,
        /// The backend's own error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Commits after a revision, in order, without gaps. A reader that falls behind loses the channel, not the order.
pub type Watch = mpsc::Receiver<Result<Commit, StoreError>>;

/// Keys, values and revisions.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Random identity of this store's history, made with the store.
    fn incarnation(&self) -> &str;

    /// Revision of the last commit.
    async fn revision(&self) -> Result<Revision, StoreError>;

    /// The entry at `key`.
    async fn get(&self, key: &str) -> Result<Option<Entry>, StoreError>;

    /// Entries whose key starts with `prefix` and is greater than `after`, in key order, at most `limit` (0 = all),
    /// with the revision they were read at.
    async fn range(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Entry>, Revision), StoreError>;

    /// Commits `txn` if its comparisons hold.
    async fn txn(&self, txn: Txn) -> Result<Outcome, StoreError>;

    /// Commits with a revision greater than `after`.
    async fn watch(&self, after: Revision) -> Result<Watch, StoreError>;
}
