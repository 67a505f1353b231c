//! A snapshot as a set of keyed and hashed resources, in the form in which they travel and lie on disk.
//!
//! The hash is over the bytes as they travelled, so that an engine holds and passes on what a newer controller said even
//! where it does not understand it. The checksum of a set is the exclusive or of its hashes: it does not depend on an
//! order, and a change updates it in the time of that change. It guards against mistakes, not against an adversary;
//! who may speak is the business of TLS.
//!
//! There are thousands of objects and a change touches one: what stays is shared with the snapshot before, object and
//! resource alike, and known as the same by its address.
//!
//! `object.rs` says which objects are resources, `http.rs` takes virtual services apart and puts them together, so that
//! a child of thousands, or a key that many show, is a resource of its own.

mod decode;
mod encode;
mod http;
mod object;
mod set;

use std::{fmt, sync::Arc};

use bytes::Bytes;
use model::Version;

use http::HttpParts;
use set::Resource;
pub use set::ResourceSet;

use crate::{
    MESSAGE_BYTES_MAX, Snapshot,
    wire::{self, ConvertError, ResourceKind},
};

/// Most bytes of one resource, so that it fits into a message with its key.
pub const RESOURCE_BYTES_MAX: usize = MESSAGE_BYTES_MAX - 8 * 1024;

/// 32 octets that differ when what they stand for differs.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Checksum([u8; 32]);

/// A version, and the checksum of exactly what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Version.
    pub version: Version,
    /// Checksum of the resources.
    pub checksum: Checksum,
}

/// What a resource is called: its kind and the uuid of its object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceKey {
    /// Wire value of [`ResourceKind`]; may be one that this release does not know.
    kind: i32,
    id: Arc<str>,
}

/// A whole snapshot in both forms: for running and for travelling.
///
/// Lists of objects are in the order of their uuids: that is how `se-snapshot` builds them, and how they arrive.
#[derive(Debug, Clone, PartialEq)]
pub struct Stamped {
    snapshot: Arc<Snapshot>,
    /// What `snapshot.http` is put together from.
    http: HttpParts,
    resources: ResourceSet,
}

/// Why a snapshot cannot travel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// One object does not fit into a message.
    #[error("{key} has {bytes} bytes; the most that can be sent to an engine is {RESOURCE_BYTES_MAX}")]
    TooLarge {
        /// Which.
        key: ResourceKey,
        /// Its size.
        bytes: usize,
    },
}

/// Why a set of resources is no snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// There is no header.
    #[error("the snapshot has no header")]
    NoHeader,
    /// One resource is malformed.
    #[error("{key} cannot be read")]
    Resource {
        /// Which.
        key: ResourceKey,
        /// Why not.
        #[source]
        source: ConvertError,
    },
}

impl Stamped {
    /// The snapshot.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Its resources.
    #[must_use]
    pub fn resources(&self) -> &ResourceSet {
        &self.resources
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &Version {
        &self.snapshot.version
    }

    /// Its version and checksum.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp { version: self.snapshot.version.clone(), checksum: self.resources.checksum() }
    }

    /// The same content under another version.
    #[must_use]
    pub fn restamped(&self, version: Version) -> Self {
        let snapshot = Snapshot { version, ..Snapshot::clone(&self.snapshot) };
        Self { snapshot: Arc::new(snapshot), http: self.http.clone(), resources: self.resources.clone() }
    }
}

impl ResourceKey {
    fn new(kind: ResourceKind, id: &str) -> Self {
        Self { kind: kind.into(), id: id.into() }
    }

    fn header() -> Self {
        Self::new(ResourceKind::Header, "")
    }
}

impl fmt::Display for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match ResourceKind::try_from(self.kind) {
            Ok(ResourceKind::Header) => f.write_str("the snapshot's header"),
            Ok(ResourceKind::Unspecified) | Err(_) => write!(f, "resource {} of kind {}", self.id, self.kind),
            // Avi's uuids begin with their type.
            Ok(_) => f.write_str(&self.id),
        }
    }
}

impl From<&ResourceKey> for wire::ResourceKey {
    fn from(ResourceKey { kind, id }: &ResourceKey) -> Self {
        Self { kind: *kind, id: id.as_ref().to_owned() }
    }
}

impl From<wire::ResourceKey> for ResourceKey {
    fn from(wire::ResourceKey { kind, id }: wire::ResourceKey) -> Self {
        Self { kind, id: id.into() }
    }
}

impl Checksum {
    /// Adds what is not in it, takes out what is.
    fn toggle(&mut self, other: &Checksum) {
        self.0.iter_mut().zip(other.0).for_each(|(mine, theirs)| *mine ^= theirs);
    }

    /// The octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(8).try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl From<&Stamp> for wire::Stamp {
    fn from(Stamp { version, checksum }: &Stamp) -> Self {
        Self { version: Some(version.into()), checksum: Bytes::copy_from_slice(&checksum.0) }
    }
}

impl TryFrom<wire::Stamp> for Stamp {
    type Error = ConvertError;
    fn try_from(wire::Stamp { version, checksum }: wire::Stamp) -> Result<Self, ConvertError> {
        let octets = checksum.as_ref().try_into().map_err(|_| ConvertError::Encoding("checksum"))?;
        Ok(Self { version: version.ok_or(ConvertError::Missing("version"))?.into(), checksum: Checksum(octets) })
    }
}
