//! A failure of SQLite while the store is open, shared by all who waited for the same commit.

use std::sync::Arc;

use rusqlite::ErrorCode;
use store::StoreError;

/// What failed, in words a person can act on.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{says}")]
pub(crate) struct Failure {
    says: &'static str,
    source: Arc<rusqlite::Error>,
}

impl From<rusqlite::Error> for Failure {
    fn from(source: rusqlite::Error) -> Self {
        let says = match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => "the disk is full: free some space, the store goes on by itself",
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                "the file is damaged: stop the controller and restore a backup"
            }
            Some(ErrorCode::SystemIoFailure) => "the disk failed",
            Some(ErrorCode::ReadOnly) => "the file may not be written",
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another program holds the file locked",
            _ => "SQLite failed",
        };
        Self { says, source: Arc::new(source) }
    }
}

impl Failure {
    /// Whether the disk was full: nothing was written, and a smaller write may fit.
    pub(crate) fn is_full(&self) -> bool {
        self.source.sqlite_error_code() == Some(ErrorCode::DiskFull)
    }

    /// The failure as callers of the trait see it.
    pub(crate) fn while_doing(self, doing: &'static str) -> StoreError {
        StoreError::Backend { doing, source: Box::new(self) }
    }
}
