//! A snapshot on its way: opened by `Begin`, carried by `Chunk`s, in force at `Commit` and not before.
//!
//! ```text
//!            Begin(no base)                       Chunk*             Commit
//!   idle ----------------------> full, from nothing ------> ... -----------------> in force, or refused
//!            Begin(base) = what runs
//!   idle ----------------------> delta, from what runs ---> ... -----------------> in force, or refused
//! ```
//! The same messages travel from controller to engine and lie in the engine's checkpoint and journal. [`parts`] writes
//! them, [`Assembler`] reads them. Whatever goes wrong on the way is told once, at the `Commit`, and what runs stays.

use std::sync::Arc;

use bytes::Bytes;
use model::Version;
use prost::Message;

use crate::{
    pack,
    resource::{DecodeError, ResourceKey, ResourceSet, Stamp, Stamped},
    wire::{self, ConvertError},
};

/// Most bytes of resources in a transfer; a hundred thousand services take about a tenth of it.
pub const TRANSFER_BYTES_MAX: usize = 512 * 1024 * 1024;

/// One message of a transfer.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Opens it.
    Begin(wire::Begin),
    /// Some of its changes.
    Chunk(wire::Chunk),
    /// Closes it.
    Commit(wire::Commit),
}

/// Why a transfer was not taken. What ran before goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A commit without a begin.
    #[error("a commit came without the changes it closes")]
    NotBegun,
    /// The message itself is malformed.
    #[error("a message of the snapshot is malformed")]
    Malformed(#[source] ConvertError),
    /// A delta to something else than what runs.
    #[error("the changes are to version {base}, which is not what runs here")]
    WrongBase {
        /// What the changes are based on.
        base: Version,
    },
    /// Older than what runs.
    #[error(
        "version {offered} is older than {running}, which runs here; when the controller's data were put back from an \
         older copy, start it once with --restored"
    )]
    Older {
        /// What was offered.
        offered: Version,
        /// What runs.
        running: Version,
    },
    /// What arrived is not what was sent.
    #[error("the snapshot is not what its checksum says ({resources} resources)")]
    Checksum {
        /// How many arrived.
        resources: usize,
    },
    /// Over [`TRANSFER_BYTES_MAX`].
    #[error("the snapshot is larger than {TRANSFER_BYTES_MAX} bytes")]
    TooLarge,
    /// A resource is malformed.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// The messages that turn `base` into `to`; a full snapshot when there is no base.
#[must_use]
pub fn parts(base: Option<&Stamped>, to: &Stamped) -> Vec<Part> {
    let nothing = ResourceSet::default();
    let (puts, deletes) = to.resources().changes_since(base.map_or(&nothing, Stamped::resources));
    let mut parts = vec![Part::Begin(wire::Begin { base: base.map(|base| (&base.stamp()).into()) })];
    parts.extend(pack(puts).into_iter().map(|puts| Part::Chunk(wire::Chunk { puts, deletes: Vec::new() })));
    parts.extend(pack(deletes).into_iter().map(|deletes| Part::Chunk(wire::Chunk { puts: Vec::new(), deletes })));
    let resources = u64::try_from(to.resources().len()).unwrap_or(u64::MAX);
    parts.push(Part::Commit(wire::Commit { stamp: Some((&to.stamp()).into()), resources }));
    parts
}

/// Puts transfers together.
#[derive(Debug, Default)]
pub struct Assembler {
    current: Option<Arc<Stamped>>,
    open: Option<Result<Open, Refusal>>,
}

#[derive(Debug)]
struct Open {
    resources: ResourceSet,
    bytes: usize,
}

impl Assembler {
    /// Goes on from `current`.
    #[must_use]
    pub fn new(current: Option<Arc<Stamped>>) -> Self {
        Self { current, open: None }
    }

    /// What is in force.
    #[must_use]
    pub fn current(&self) -> Option<&Arc<Stamped>> {
        self.current.as_ref()
    }

    /// Takes the next message; `Some` when it brought a snapshot into force.
    ///
    /// # Errors
    /// [`Refusal`], at a commit only.
    pub fn take(&mut self, part: Part) -> Result<Option<Arc<Stamped>>, Refusal> {
        match part {
            Part::Begin(begin) => {
                self.open = Some(self.begin(begin));
                Ok(None)
            }
            Part::Chunk(chunk) => {
                self.open = self.open.take().map(|open| open.and_then(|open| open.add(chunk)));
                Ok(None)
            }
            Part::Commit(commit) => {
                let open = self.open.take().unwrap_or(Err(Refusal::NotBegun));
                let committed = Arc::new(self.commit(commit, open?)?);
                self.current = Some(Arc::clone(&committed));
                Ok(Some(committed))
            }
        }
    }

    fn begin(&self, begin: wire::Begin) -> Result<Open, Refusal> {
        let Some(base) = begin.base else {
            return Ok(Open { resources: ResourceSet::default(), bytes: 0 });
        };
        let base = Stamp::try_from(base).map_err(Refusal::Malformed)?;
        match &self.current {
            Some(current) if current.stamp() == base => Ok(Open { resources: current.resources().clone(), bytes: 0 }),
            _ => Err(Refusal::WrongBase { base: base.version }),
        }
    }

    fn commit(&self, commit: wire::Commit, open: Open) -> Result<Stamped, Refusal> {
        let stamp = commit.stamp.ok_or(Refusal::Malformed(ConvertError::Missing("stamp")))?;
        let stamp = Stamp::try_from(stamp).map_err(Refusal::Malformed)?;
        if let Some(running) = self.current.as_ref().map(|current| current.version())
            && stamp.version.is_older_than(running)
        {
            return Err(Refusal::Older { offered: stamp.version, running: running.clone() });
        }
        let resources = open.resources.len();
        if u64::try_from(resources) != Ok(commit.resources) || open.resources.checksum() != stamp.checksum {
            return Err(Refusal::Checksum { resources });
        }
        Ok(Stamped::decode(stamp.version, open.resources, self.current.as_deref())?)
    }
}

impl Open {
    fn add(mut self, chunk: wire::Chunk) -> Result<Self, Refusal> {
        self.bytes = self.bytes.saturating_add(chunk.encoded_len());
        if self.bytes > TRANSFER_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        for wire::Resource { key, body } in chunk.puts {
            let key = key.ok_or(Refusal::Malformed(ConvertError::Missing("key")))?;
            // A copy: as a slice it would keep the whole message alive as long as one resource of it lives.
            self.resources.put(key.into(), Bytes::copy_from_slice(&body));
        }
        for key in chunk.deletes {
            self.resources.remove(&ResourceKey::from(key));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests;
