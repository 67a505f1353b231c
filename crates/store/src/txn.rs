//! Transactions: comparisons and writes that happen together or not at all.

use std::collections::HashSet;
use std::sync::Arc;

use crate::{Revision, StoreError};

/// Most operations one transaction may carry (etcd's default).
pub const TXN_OPS_MAX: usize = 128;

/// All comparisons hold and all writes happen at one revision, or nothing happens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Txn {
    /// Conditions.
    pub compares: Vec<Compare>,
    /// Writes, at most [`TXN_OPS_MAX`]; a key appears once.
    pub ops: Vec<Op>,
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

/// How a transaction ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Written, and durable where the backend is durable.
    Committed(Revision),
    /// Nothing was written: this comparison, the first such, did not hold.
    Conflict(Compare),
}

impl Txn {
    /// Whether the transaction keeps the rules that hold for every backend.
    ///
    /// # Errors
    /// [`StoreError::Refused`]: more than [`TXN_OPS_MAX`] writes, an empty key, or a key written twice.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.ops.len() > TXN_OPS_MAX {
            return Err(StoreError::Refused(format!("{} writes, at most {TXN_OPS_MAX} fit in one", self.ops.len())));
        }
        let mut written = HashSet::with_capacity(self.ops.len());
        for key in self.ops.iter().map(Op::key) {
            if key.is_empty() {
                return Err(StoreError::Refused("a key is empty".to_owned()));
            }
            if !written.insert(key) {
                return Err(StoreError::Refused(format!("{key} is written twice")));
            }
        }
        Ok(())
    }
}

impl Op {
    /// The key written.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Put(key, _) | Self::Delete(key) => key,
        }
    }
}

impl Compare {
    /// The key compared.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Absent(key) | Self::Present(key) | Self::ModifiedAt(key, _) => key,
        }
    }

    /// Whether it holds for a key last written by `modified` (`None` = the key is absent).
    #[must_use]
    pub fn holds(&self, modified: Option<Revision>) -> bool {
        match self {
            Self::Absent(_) => modified.is_none(),
            Self::Present(_) => modified.is_some(),
            Self::ModifiedAt(_, revision) => modified == Some(*revision),
        }
    }
}
