//! The data directory: private to its owner, used by one controller at a time.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use nix::fcntl::{Flock, FlockArg};

/// An open data directory; the lock goes when this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: Flock<File>,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another controller uses it.
    #[error(
        "the data directory {} is in use by process {pid} (it holds {}): stop that process, or use another directory",
        path.display(), path.join(LOCK).display()
    )]
    Locked {
        /// The directory.
        path: PathBuf,
        /// Process id in the lock file, or `unknown`.
        pid: String,
    },
    /// The file system refused.
    #[error("{doing} {}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

const LOCK: &str = "lock";

impl DataDir {
    /// Makes the directory if it is not there, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, DataDirError> {
        let io = |doing, source| DataDirError::Io { doing, path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|e| io("making the data directory", e))?;
        // A directory that was there before may be open to others; what will lie in it is not for them.
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(|e| io("closing to others", e))?;
        let lock = path.join(LOCK);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock)
            .map_err(|source| DataDirError::Io { doing: "opening", path: lock.clone(), source })?;
        let mut holder = String::new();
        // Only for the message; a file that cannot be read names no process.
        file.read_to_string(&mut holder).unwrap_or_default();
        let mut lock_file = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
            nix::errno::Errno::EWOULDBLOCK => {
                let pid = if holder.trim().is_empty() { "unknown" } else { holder.trim() };
                DataDirError::Locked { path: path.to_owned(), pid: pid.to_owned() }
            }
            errno => DataDirError::Io { doing: "locking", path: lock.clone(), source: errno.into() },
        })?;
        lock_file
            .rewind()
            .and_then(|()| lock_file.set_len(0))
            .and_then(|()| writeln!(lock_file, "{}", std::process::id()))
            .map_err(|source| DataDirError::Io { doing: "writing", path: lock, source })?;
        Ok(Self { path: path.to_owned(), _lock: lock_file })
    }

    /// Path of a file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a whole file that only its owner reads: complete under its name, or not there.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<PathBuf, DataDirError> {
        let path = self.file(name);
        write_private(&path, content)?;
        Ok(path)
    }
}

/// Writes a whole file that only its owner reads: complete under its name, or not there.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<(), DataDirError> {
    let io = |doing, source| DataDirError::Io { doing, path: path.to_owned(), source };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let fresh = path.with_file_name(format!(".{name}.new"));
    // One that a crash left behind may have another mode.
    fs::remove_file(&fresh)
        .or_else(|e| if e.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(e) })
        .map_err(|e| io("clearing the way for", e))?;
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh).map_err(|e| io("making", e))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(|e| io("writing", e))?;
    fs::rename(&fresh, path).map_err(|e| io("putting in place", e))?;
    let directory = path.parent().unwrap_or(Path::new("."));
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(|e| io("keeping", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_directory_and_what_is_written_are_private() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b");
        let data = DataDir::open(&path).unwrap();
        let file = data.write("secret", b"one").unwrap();
        data.write("secret", b"two").unwrap();
        assert_eq!((mode(&path), mode(&file), mode(&path.join(LOCK))), (0o700, 0o600, 0o600));
        assert_eq!(fs::read(file).unwrap(), b"two");
    }

    #[test]
    fn a_second_user_is_told_who_the_first_is() {
        let root = tempfile::tempdir().unwrap();
        let first = DataDir::open(root.path()).unwrap();
        let error = DataDir::open(root.path()).unwrap_err();
        let DataDirError::Locked { pid, .. } = &error else { panic!("{error}") };
        assert_eq!(*pid, std::process::id().to_string());
        assert!(error.to_string().contains("stop that process"), "{error}");
        drop(first);
        DataDir::open(root.path()).unwrap();
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("file"), "").unwrap();
        let error = DataDir::open(&root.path().join("file/data")).unwrap_err();
        assert!(error.to_string().starts_with("making the data directory /"), "{error}");
    }
}
