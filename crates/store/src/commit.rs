//! What is stored, and how it changes.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::StoreError;

/// Counts commits. The first commit of a store makes revision 1; 0 means "before everything".
pub type Revision = u64;

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

/// Commits after a revision, in order, without gaps. A reader that falls behind loses the channel, not the order.
pub type Watch = mpsc::Receiver<Result<Commit, StoreError>>;
