//! Where uploaded files are kept: by what they hold, so that a file is complete or not there.

mod arriving;

use std::collections::BTreeSet;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use axum::body::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

pub use self::arriving::Arriving;

/// Largest file in bytes; the city databases that are sold have about half.
pub const FILE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A directory of files by the SHA-256 of what they hold, in hexadecimal.
#[derive(Debug, Clone)]
pub struct Files {
    directory: PathBuf,
    /// How many came from elsewhere.
    arrived: watch::Sender<u64>,
}

impl Files {
    /// Files in `directory`, which is made when the first one comes.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self { directory, arrived: watch::Sender::new(0) }
    }

    /// What a file is called that holds this.
    #[must_use]
    pub fn checksum(content: &[u8]) -> String {
        Sha256::digest(content).iter().map(|octet| format!("{octet:02x}")).collect()
    }

    /// What the file holds.
    ///
    /// # Errors
    /// When it is not there, or cannot be read.
    pub fn read(&self, checksum: &str) -> io::Result<Vec<u8>> {
        std::fs::read(self.path(checksum)?)
    }

    /// Changes whenever a file is there that came in parts, after the object that says that there is one.
    #[must_use]
    pub fn arrivals(&self) -> watch::Receiver<u64> {
        self.arrived.subscribe()
    }

    /// Whether the file is here, complete.
    #[must_use]
    pub fn has(&self, checksum: &str) -> bool {
        self.path(checksum).is_ok_and(|path| path.is_file())
    }

    /// How large the file is, and `length` bytes of it from `offset` on; fewer at its end.
    ///
    /// # Errors
    /// When it is not there, or cannot be read.
    pub fn part(&self, checksum: &str, offset: u64, length: u64) -> io::Result<(u64, Vec<u8>)> {
        let mut file = std::fs::File::open(self.path(checksum)?)?;
        let (size, mut bytes) = (file.metadata()?.len(), Vec::new());
        file.seek(SeekFrom::Start(offset))?;
        file.take(length).read_to_end(&mut bytes)?;
        Ok((size, bytes))
    }

    /// How many bytes the disk takes yet.
    ///
    /// # Errors
    /// When the directory, or the one around it, cannot be looked at.
    pub fn free(&self) -> io::Result<u64> {
        let directory = if self.directory.is_dir() { Some(self.directory.as_path()) } else { self.directory.parent() };
        let disk = nix::sys::statvfs::statvfs(directory.unwrap_or(Path::new(".")))?;
        Ok(disk.blocks_available().saturating_mul(disk.fragment_size()))
    }

    /// A file that comes in parts: it goes on where it was when it was last left.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn arriving(&self, checksum: &str) -> io::Result<Arriving> {
        let path = self.path(checksum)?;
        std::fs::create_dir_all(&self.directory)?;
        let partial = self.directory.join(format!(".{checksum}.part"));
        Arriving::open(checksum.to_owned(), partial, path, self.directory.clone(), self.arrived.clone())
    }

    /// Removes what is not `used` and was not written since `before`: what was replaced, and what never came whole. How
    /// many those were.
    ///
    /// # Errors
    /// When the directory cannot be read, or a file not be removed.
    pub fn remove_unused(&self, used: &BTreeSet<String>, before: SystemTime) -> io::Result<usize> {
        let mut removed = 0;
        let entries = match std::fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            other => other?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let checksum = name.trim_start_matches('.').split('.').next().unwrap_or_default();
            let is_ours = self.path(checksum).is_ok();
            if is_ours && !used.contains(checksum) && entry.metadata()?.modified()? < before {
                std::fs::remove_file(entry.path())?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Keeps a file for good before it returns.
    pub(crate) async fn keep(&self, content: Bytes) -> io::Result<String> {
        let files = self.clone();
        off_the_async_threads(move || {
            let checksum = Self::checksum(&content);
            let (path, fresh) = (files.path(&checksum)?, files.directory.join(format!(".{checksum}.new")));
            std::fs::create_dir_all(&files.directory)?;
            std::fs::write(&fresh, &content)?;
            std::fs::File::open(&fresh)?.sync_all()?;
            std::fs::rename(&fresh, &path)?;
            std::fs::File::open(&files.directory)?.sync_all()?;
            Ok(checksum)
        })
        .await
    }

    pub(crate) async fn load(&self, checksum: &str) -> io::Result<Vec<u8>> {
        let (files, checksum) = (self.clone(), checksum.to_owned());
        off_the_async_threads(move || files.read(&checksum)).await
    }

    /// Forgets a file, if it is there.
    pub(crate) async fn remove(&self, checksum: &str) -> io::Result<()> {
        let path = self.path(checksum)?;
        off_the_async_threads(move || match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        })
        .await
    }

    /// Only what is a checksum becomes a path: objects say what clients wrote.
    fn path(&self, checksum: &str) -> io::Result<PathBuf> {
        let is_checksum = checksum.len() == 64 && checksum.bytes().all(|octet| octet.is_ascii_hexdigit());
        match is_checksum {
            true => Ok(Path::join(&self.directory, checksum)),
            false => Err(io::Error::new(io::ErrorKind::NotFound, format!("`{checksum}` is no checksum"))),
        }
    }
}

async fn off_the_async_threads<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
