//! One process per store: the revision counter and the feed live in its memory.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::OpenError;

/// An advisory lock on a file beside the store, released when this is dropped or the process ends however it ends.
///
/// It is a file of its own because closing any other descriptor of the store's file would drop SQLite's locks on it.
#[derive(Debug)]
pub(crate) struct FileLock(#[expect(dead_code, reason = "held for its lock")] File);

impl FileLock {
    /// Takes the lock of the store at `store`.
    pub(crate) fn take(store: &Path) -> Result<Self, OpenError> {
        let mut path = store.as_os_str().to_owned();
        path.push(".lock");
        let io = |doing, source: io::Error| OpenError::Io { doing, path: path.clone().into(), source };
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|source| io("creating", source))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: store.to_owned() }),
            Err(TryLockError::Error(source)) => Err(io("locking", source)),
        }
    }
}
