//! Where uploaded files are kept: by what they hold, so that a file is complete or not there.

use std::io;
use std::path::{Path, PathBuf};

use axum::body::Bytes;
use sha2::{Digest, Sha256};

/// A directory of files by the SHA-256 of what they hold, in hexadecimal.
#[derive(Debug, Clone)]
pub struct Files(PathBuf);

impl Files {
    /// Files in `directory`, which is made when the first one comes.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self(directory)
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

    /// Keeps a file for good before it returns.
    pub(crate) async fn keep(&self, content: Bytes) -> io::Result<String> {
        let files = self.clone();
        off_the_async_threads(move || {
            let checksum = Self::checksum(&content);
            let (path, fresh) = (files.path(&checksum)?, files.0.join(format!(".{checksum}.new")));
            std::fs::create_dir_all(&files.0)?;
            std::fs::write(&fresh, &content)?;
            std::fs::File::open(&fresh)?.sync_all()?;
            std::fs::rename(&fresh, &path)?;
            std::fs::File::open(&files.0)?.sync_all()?;
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
            true => Ok(Path::join(&self.0, checksum)),
            false => Err(io::Error::new(io::ErrorKind::NotFound, format!("`{checksum}` is no checksum"))),
        }
    }
}

async fn off_the_async_threads<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
