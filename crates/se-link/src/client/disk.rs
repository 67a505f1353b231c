//! Checkpoint and journal: what was in force last, so that an engine answers after its own restart without a controller.
//!
//! ```text
//! checkpoint:  magic, Begin (no base), Chunk*, Commit                 replaced as a whole, atomically
//! journal:     (Begin (base = the state before), Chunk*, Commit)*    appended and synced, one run per snapshot
//! record:      length (4 octets) | first 8 octets of SHA-256 of the payload | payload, a message of the link
//! ```
//! A torn end of the journal is what a crash leaves: everything before it counts. Each delta names its base by version
//! and checksum, so a journal that belongs to an older checkpoint applies nothing. Certificates are sealed in both, see
//! `secrets.rs`; what was sealed with a key that is not there any more is as good as damaged.

mod secrets;

use std::{
    fs::{File, OpenOptions},
    io::{self, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use prost::Message;
use se_protocol::{
    Stamped,
    transfer::{Assembler, Part, parts},
    wire::{FromController, from_controller},
};
use sha2::{Digest, Sha256};

use crate::private_file::{self, FileError};

const CHECKPOINT: &str = "checkpoint";
const JOURNAL: &str = "journal";
const MAGIC: &[u8] = b"meridian engine checkpoint 1\n";
/// Length and hash before a payload.
const HEAD_BYTES: usize = 12;
/// A journal may grow to this, or to the size of its checkpoint, before a new checkpoint takes its place.
const JOURNAL_BYTES_MIN: u64 = 1024 * 1024;

/// The engine's two files.
#[derive(Debug)]
pub(super) struct Disk {
    dir: PathBuf,
    /// What certificates are sealed with; made when the first is written.
    key: Option<seal::Key>,
    /// What the files hold; `None` when that is nothing or not known.
    held: Option<Arc<Stamped>>,
    checkpoint_bytes: u64,
    journal_bytes: u64,
}

impl Disk {
    /// Reads both files. What cannot be read is told as a warning and counts as nothing.
    pub(super) fn open(dir: &Path) -> (Self, Option<Arc<Stamped>>) {
        let key = secrets::load(dir);
        let nothing = |key| Self { dir: dir.to_owned(), key, held: None, checkpoint_bytes: 0, journal_bytes: 0 };
        let checkpoint = match private_file::read(&dir.join(CHECKPOINT)) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return (nothing(key), None),
            Err(error) => {
                tell_lost(&crate::certificate::chain(&error));
                return (nothing(key), None);
            }
        };
        let mut assembler = match read_checkpoint(&checkpoint, key.as_ref()) {
            Ok(assembler) => assembler,
            Err(unusable) => {
                tell_lost(unusable.reason());
                return (nothing(key), None);
            }
        };
        let journal = private_file::read(&dir.join(JOURNAL)).unwrap_or_else(|error| {
            tracing::warn!(reason = crate::certificate::chain(&error), "journal not read: an older snapshot runs");
            None
        });
        let good = journal.map_or(0, |bytes| replay(&bytes, key.as_ref(), &mut assembler));
        let held = assembler.current().cloned();
        let checkpoint_bytes = size(checkpoint.len());
        (Self { held: held.clone(), checkpoint_bytes, journal_bytes: size(good), ..nothing(key) }, held)
    }

    /// Makes the files hold `stamped`, durably.
    ///
    /// # Errors
    /// What the file system said; the files then hold something older, and the next call writes everything.
    pub(super) fn keep(&mut self, stamped: &Arc<Stamped>) -> Result<(), FileError> {
        // Not known any more until it went well.
        let held = self.held.take();
        let same_history = |held: &Arc<Stamped>| held.version().incarnation == stamped.version().incarnation;
        match held.filter(same_history) {
            Some(held) if held.stamp() == stamped.stamp() => {}
            Some(held) => {
                let run = self.records(parts(Some(&held), stamped))?;
                let room = self.checkpoint_bytes.max(JOURNAL_BYTES_MIN);
                if self.journal_bytes.saturating_add(size(run.len())) <= room {
                    self.append(&run)?;
                } else {
                    self.replace(stamped)?;
                }
            }
            None => self.replace(stamped)?,
        }
        self.held = Some(Arc::clone(stamped));
        Ok(())
    }

    /// Appends after what is known to be good; a torn end is overwritten.
    fn append(&mut self, run: &[u8]) -> Result<(), FileError> {
        let path = self.dir.join(JOURNAL);
        let write = || {
            let mut file = open_journal(&path)?;
            file.set_len(self.journal_bytes)?;
            file.seek(io::SeekFrom::End(0))?;
            file.write_all(run)?;
            file.sync_data()
        };
        write().map_err(|source| FileError::new("writing", &path, source))?;
        self.journal_bytes = self.journal_bytes.saturating_add(size(run.len()));
        Ok(())
    }

    /// A new checkpoint; the journal, which belongs to the one before, goes after it.
    fn replace(&mut self, stamped: &Stamped) -> Result<(), FileError> {
        let mut content = MAGIC.to_vec();
        content.extend(self.records(parts(None, stamped))?);
        private_file::write(&self.dir, CHECKPOINT, &content)?;
        self.checkpoint_bytes = size(content.len());
        let path = self.dir.join(JOURNAL);
        open_journal(&path)
            .and_then(|file| file.set_len(0))
            .map_err(|source| FileError::new("clearing", &path, source))?;
        self.journal_bytes = 0;
        Ok(())
    }

    /// The octets of `parts`, certificates sealed.
    fn records(&mut self, mut parts: Vec<Part>) -> Result<Vec<u8>, FileError> {
        let key = match self.key.take() {
            Some(key) => key,
            None => secrets::make(&self.dir)?,
        };
        let sealed = secrets::seal(&mut parts, self.key.insert(key));
        sealed.map_err(|source| FileError::new("sealing what goes to", &self.dir, io::Error::other(source)))?;
        Ok(parts.into_iter().flat_map(record).collect())
    }
}

/// Why a checkpoint is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unusable {
    Damaged,
    Closed,
}

impl Unusable {
    fn reason(self) -> &'static str {
        match self {
            Self::Damaged => "the checkpoint is damaged",
            Self::Closed => "the checkpoint's private keys were sealed with another key than there is in seal-key",
        }
    }
}

fn open_journal(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn tell_lost(reason: &str) {
    tracing::warn!(reason, "the snapshot that ran last is lost: nothing is answered until the controller sends one");
}

/// The checkpoint's state, if every octet is as it was written.
fn read_checkpoint(bytes: &[u8], key: Option<&seal::Key>) -> Result<Assembler, Unusable> {
    let mut rest = bytes.strip_prefix(MAGIC).ok_or(Unusable::Damaged)?;
    let mut assembler = Assembler::default();
    while !rest.is_empty() {
        let (mut part, after) = read_record(rest).ok_or(Unusable::Damaged)?;
        rest = after;
        secrets::open(&mut part, key).map_err(|secrets::Closed| Unusable::Closed)?;
        assembler.take(part).map_err(|_| Unusable::Damaged)?;
    }
    if assembler.current().is_some() { Ok(assembler) } else { Err(Unusable::Damaged) }
}

/// Applies what is whole, in order, up to the first record that is not; says up to which octet that is.
fn replay(bytes: &[u8], key: Option<&seal::Key>, assembler: &mut Assembler) -> usize {
    let (mut rest, mut good) = (bytes, 0);
    while let Some((mut part, after)) = read_record(rest) {
        rest = after;
        if secrets::open(&mut part, key).is_err() {
            tracing::warn!("rest of the journal left out, its private keys do not open: an older snapshot runs");
            break;
        }
        match assembler.take(part) {
            Ok(None) => {}
            Ok(Some(_)) => good = bytes.len() - rest.len(),
            Err(refusal) => {
                tracing::debug!(reason = %refusal, "rest of the journal left out");
                break;
            }
        }
    }
    good
}

fn record(part: Part) -> Vec<u8> {
    let message = match part {
        Part::Begin(begin) => from_controller::Message::Begin(begin),
        Part::Chunk(chunk) => from_controller::Message::Chunk(chunk),
        Part::Commit(commit) => from_controller::Message::Commit(commit),
    };
    let payload = FromController { message: Some(message) }.encode_to_vec();
    // A part is some 1 MiB at most.
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&length[..], &hash(&payload), &payload].concat()
}

/// The first record and what follows it; `None` when it is torn or damaged.
fn read_record(bytes: &[u8]) -> Option<(Part, &[u8])> {
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES)?;
    let (length, expected) = head.split_at_checked(4)?;
    let length = u32::from_be_bytes(length.try_into().ok()?);
    let (payload, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    if hash(payload) != expected {
        return None;
    }
    let part = match FromController::decode(payload).ok()?.message? {
        from_controller::Message::Begin(begin) => Part::Begin(begin),
        from_controller::Message::Chunk(chunk) => Part::Chunk(chunk),
        from_controller::Message::Commit(commit) => Part::Commit(commit),
        _ => return None,
    };
    Some((part, after))
}

fn hash(payload: &[u8]) -> [u8; 8] {
    let mut short = [0; 8];
    short.iter_mut().zip(Sha256::digest(payload)).for_each(|(to, from)| *to = from);
    short
}

fn size(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
