//! Keys, values and revisions: the store trait, the memory store, the contract.
//!
//! Nothing here knows an object. Lists, filters and back-references are a projection that readers feed from
//! [`Store::watch`]; uniqueness, references and allocation are guard keys compared in the same [`Txn`]. SQLite and
//! etcd can both keep these promises; [`contract`] is the suite that every backend runs.
//!
//! A projection starts with [`Store::range`] and watches from the revision that `range` returned. When its channel
//! ends, because it read too slowly or the backend stopped, it watches again from the last revision it saw; when that
//! is [`StoreError::Compacted`], it starts over. A store with another [`Store::incarnation`] has another history.
#![warn(missing_docs)]

pub mod contract;

mod commit;
mod error;
mod feed;
mod memory;
mod txn;

pub use commit::{Change, Commit, Entry, Revision, Watch};
pub use error::StoreError;
pub use feed::{Feed, WATCH_BUFFER};
pub use memory::MemoryStore;
pub use txn::{Compare, Op, Outcome, TXN_OPS_MAX, Txn};

use async_trait::async_trait;

/// Revisions a backend keeps for watchers unless it is told otherwise.
pub const HISTORY_DEFAULT: u64 = 10_000;

/// Keys, values and revisions.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Random identity of this store's history, made with the store.
    fn incarnation(&self) -> &str;

    /// Revision of the last commit.
    ///
    /// # Errors
    /// [`StoreError::Backend`].
    async fn revision(&self) -> Result<Revision, StoreError>;

    /// The entry at `key`.
    ///
    /// # Errors
    /// [`StoreError::Backend`].
    async fn get(&self, key: &str) -> Result<Option<Entry>, StoreError>;

    /// Entries whose key starts with `prefix` and is greater than `after`, in byte order of their keys, at most `limit`
    /// (0 = all), with the revision they were read at.
    ///
    /// # Errors
    /// [`StoreError::Backend`].
    async fn range(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Entry>, Revision), StoreError>;

    /// Commits `txn` if its comparisons hold.
    ///
    /// A commit takes the next revision; readers and watchers have it before this returns. A transaction that changes
    /// nothing (no writes, or deletes of absent keys alone) takes none and answers with the last one.
    ///
    /// # Errors
    /// [`StoreError::Refused`] as by [`Txn::check`]; [`StoreError::Full`], after which nothing happened;
    /// [`StoreError::Backend`], after which the write may have happened.
    async fn txn(&self, txn: Txn) -> Result<Outcome, StoreError>;

    /// Commits with a revision greater than `after`.
    ///
    /// # Errors
    /// [`StoreError::Compacted`]; [`StoreError::Refused`] for a revision that has not happened yet, which is a
    /// revision of another history; [`StoreError::Backend`].
    async fn watch(&self, after: Revision) -> Result<Watch, StoreError>;
}
