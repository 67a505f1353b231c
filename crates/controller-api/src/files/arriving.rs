//! A file on its way from another site, in parts.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::PathBuf;

use sha2::{Digest, Sha256};
use tokio::sync::watch;

/// Octets that are read at once to see what came.
const READ_BYTES: usize = 64 * 1024;

/// A file that is not whole yet. What came stays on the disk when this is dropped.
#[derive(Debug)]
pub struct Arriving {
    checksum: String,
    file: File,
    length: u64,
    partial: PathBuf,
    path: PathBuf,
    directory: PathBuf,
    arrived: watch::Sender<u64>,
}

impl Arriving {
    pub(super) fn open(
        checksum: String,
        partial: PathBuf,
        path: PathBuf,
        directory: PathBuf,
        arrived: watch::Sender<u64>,
    ) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(&partial)?;
        let length = file.metadata()?.len();
        Ok(Self { checksum, file, length, partial, path, directory, arrived })
    }

    /// How many bytes are here.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The bytes that come next. After an error it may be opened again, and goes on with what the disk took.
    ///
    /// # Errors
    /// When the disk does not take them.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// All is here: it becomes the file for good if it holds what it has to, and is thrown away otherwise. Which of both.
    ///
    /// # Errors
    /// When the disk does not take or give it.
    pub fn finish(self) -> io::Result<bool> {
        self.file.sync_all()?;
        let (mut reader, mut hash, mut buffer) = (File::open(&self.partial)?, Sha256::new(), vec![0; READ_BYTES]);
        loop {
            let count = reader.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            hash.update(buffer.get(..count).unwrap_or_default());
        }
        let found: String = hash.finalize().iter().map(|octet| format!("{octet:02x}")).collect();
        if !found.eq_ignore_ascii_case(&self.checksum) {
            std::fs::remove_file(&self.partial)?;
            return Ok(false);
        }
        std::fs::rename(&self.partial, &self.path)?;
        File::open(&self.directory)?.sync_all()?;
        self.arrived.send_modify(|count| *count += 1);
        Ok(true)
    }
}
