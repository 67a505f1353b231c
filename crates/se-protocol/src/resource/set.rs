//! Resources by key. A copy shares them, so that it costs little and what did not change is known by its address.

use std::{cmp::Ordering, fmt, sync::Arc};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{Checksum, DecodeError, EncodeError, RESOURCE_BYTES_MAX, ResourceKey};
use crate::wire::{self, ConvertError};

/// Resources by key, with their checksum.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceSet {
    /// In the order of their keys, each key once.
    resources: Vec<Arc<Resource>>,
    checksum: Checksum,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Resource {
    pub(super) key: ResourceKey,
    pub(super) body: Bytes,
    pub(super) hash: Checksum,
}

impl Resource {
    pub(super) fn unreadable(&self, source: ConvertError) -> DecodeError {
        DecodeError::Resource { key: self.key.clone(), source }
    }
}

/// Without the body: it may be a private key.
impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource").field("key", &self.key).field("hash", &self.hash).finish_non_exhaustive()
    }
}

impl ResourceSet {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.resources.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }

    /// Exclusive or of all hashes.
    #[must_use]
    pub fn checksum(&self) -> Checksum {
        self.checksum
    }

    /// Puts a resource in place of any with its key.
    pub fn put(&mut self, key: ResourceKey, body: Bytes) {
        let hash = hash(&key, &body);
        self.insert(Arc::new(Resource { key, body, hash }));
    }

    /// Takes a resource away, if it is there.
    pub fn remove(&mut self, key: &ResourceKey) {
        if let Ok(place) = self.resources.binary_search_by(|known| known.key.cmp(key)) {
            let old = self.resources.remove(place);
            self.checksum.toggle(&old.hash);
        }
    }

    /// What turns `base` into `self`: resources to put, keys to delete, both in the order of the keys.
    #[must_use]
    pub fn changes_since(&self, base: &ResourceSet) -> (Vec<wire::Resource>, Vec<wire::ResourceKey>) {
        let (mut puts, mut deletes) = (Vec::new(), Vec::new());
        let (mut mine, mut theirs) = (self.resources.iter().peekable(), base.resources.iter().peekable());
        loop {
            let order = match (mine.peek(), theirs.peek()) {
                (Some(my), Some(their)) if Arc::ptr_eq(my, their) => Ordering::Equal,
                (Some(my), Some(their)) => my.key.cmp(&their.key),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return (puts, deletes),
            };
            let my = if order.is_le() { mine.next() } else { None };
            let their = if order.is_ge() { theirs.next() } else { None };
            match (my, their) {
                (Some(my), Some(their)) if Arc::ptr_eq(my, their) || my.hash == their.hash => {}
                (Some(my), _) => puts.push(wire::Resource { key: Some((&my.key).into()), body: my.body.clone() }),
                (None, Some(their)) => deletes.push((&their.key).into()),
                (None, None) => {}
            }
        }
    }

    /// Those of one kind, in the order of their ids.
    pub(super) fn of_kind(&self, kind: i32) -> &[Arc<Resource>] {
        let start = self.resources.partition_point(|known| known.key.kind < kind);
        let end = self.resources.partition_point(|known| known.key.kind <= kind);
        self.resources.get(start..end).unwrap_or_default()
    }

    pub(super) fn put_checked(&mut self, key: ResourceKey, body: Bytes) -> Result<(), EncodeError> {
        let bytes = body.len() + key.id.len();
        if bytes > RESOURCE_BYTES_MAX {
            return Err(EncodeError::TooLarge { key, bytes });
        }
        self.put(key, body);
        Ok(())
    }

    pub(super) fn insert(&mut self, resource: Arc<Resource>) {
        self.checksum.toggle(&resource.hash);
        // Whole sets come in order.
        if self.resources.last().is_none_or(|last| last.key < resource.key) {
            self.resources.push(resource);
            return;
        }
        match self.resources.binary_search_by(|known| known.key.cmp(&resource.key)) {
            Ok(place) => {
                let old = std::mem::replace(&mut self.resources[place], resource);
                self.checksum.toggle(&old.hash);
            }
            Err(place) => self.resources.insert(place, resource),
        }
    }
}

fn hash(key: &ResourceKey, body: &[u8]) -> Checksum {
    let mut digest = Sha256::new();
    digest.update(key.kind.to_be_bytes());
    digest.update(u64::try_from(key.id.len()).unwrap_or(u64::MAX).to_be_bytes());
    digest.update(key.id.as_bytes());
    digest.update(body);
    Checksum(digest.finalize().into())
}
