//! A failure of SQLite while the store is open, shared by all who waited for the same commit.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{ErrorCode, ffi};
use store::StoreError;

/// What failed, in words a person can act on.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}: {says}", file.display())]
pub(crate) struct Failure {
    file: PathBuf,
    says: &'static str,
    source: Arc<rusqlite::Error>,
}

impl Failure {
    /// What happened to the store in `file`.
    pub(crate) fn of(file: &Path, source: rusqlite::Error) -> Self {
        let says = match source.sqlite_error_code() {
            _ if is_full(&source) => "the disk is full: free some space, the store goes on by itself",
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                "the file is damaged: stop the controller and restore a backup"
            }
            Some(ErrorCode::SystemIoFailure) => "the disk failed",
            Some(ErrorCode::ReadOnly) => "the file may not be written",
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another program holds the file locked",
            _ => "SQLite failed",
        };
        Self { file: file.to_owned(), says, source: Arc::new(source) }
    }

    /// Whether the disk was full: nothing was written, and a smaller write may fit.
    pub(crate) fn is_full(&self) -> bool {
        is_full(&self.source)
    }

    /// The failure as callers of the trait see it.
    pub(crate) fn while_doing(self, doing: &'static str) -> StoreError {
        if self.is_full() {
            return StoreError::Full { doing, source: Box::new(self) };
        }
        StoreError::Backend { doing, source: Box::new(self) }
    }
}

/// Whether the disk has no room. The index of the WAL is a file, too; of that one SQLite only says that it cannot grow.
pub(crate) fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
        || error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_SHMSIZE)
}
