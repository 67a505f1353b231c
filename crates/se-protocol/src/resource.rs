//! A snapshot as a set of keyed and hashed resources, in the form in which they travel and lie on disk.
//!
//! The hash is over the bytes as they travelled, so that an engine holds and passes on what a newer controller said even
//! where it does not understand it. The checksum of a set is the exclusive or of its hashes: it does not depend on an
//! order, and a change updates it in the time of that change. It guards against mistakes, not against an adversary;
//! who may speak is the business of TLS.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
};

use bytes::Bytes;
use model::Version;
use prost::Message;
use sha2::{Digest, Sha256};

use crate::{
    MESSAGE_BYTES_MAX, PortOffset, Snapshot,
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

#[derive(Debug, Clone, PartialEq, Eq)]
struct Resource {
    body: Bytes,
    hash: Checksum,
}

/// Resources by key, with their checksum.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceSet {
    resources: BTreeMap<ResourceKey, Resource>,
    checksum: Checksum,
}

/// A whole snapshot in both forms: for running and for travelling.
///
/// Lists of objects are in the order of their uuids: that is how `se-snapshot` builds them, and how they arrive.
#[derive(Debug, Clone, PartialEq)]
pub struct Stamped {
    snapshot: Arc<Snapshot>,
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
    /// Prepares `snapshot` for travelling. What `previous` holds unchanged is not encoded and hashed again.
    ///
    /// # Errors
    /// [`EncodeError`].
    pub fn encode(snapshot: Arc<Snapshot>, previous: Option<&Stamped>) -> Result<Self, EncodeError> {
        let mut resources = ResourceSet::default();
        let Snapshot { version: _, cluster_uuid, port_offset, dns_services, gslb_domains, gslb_services, monitors } =
            &*snapshot;
        let header = wire::SnapshotHeader {
            cluster_uuid: cluster_uuid.clone(),
            port_offset_below: u32::from(port_offset.below),
            port_offset_add: u32::from(port_offset.add),
            gslb_domains: gslb_domains.iter().map(ToString::to_string).collect(),
        };
        resources.put_checked(ResourceKey::header(), header.encode_to_vec().into())?;
        for service in dns_services {
            let body = wire::DnsVirtualService::from(service).encode_to_vec();
            resources.put_checked(ResourceKey::new(ResourceKind::DnsVirtualService, &service.uuid), body.into())?;
        }
        for monitor in monitors {
            let body = wire::HealthMonitor::from(monitor).encode_to_vec();
            resources.put_checked(ResourceKey::new(ResourceKind::HealthMonitor, &monitor.uuid), body.into())?;
        }
        // There are thousands of these, and a change touches one.
        let known: HashMap<&str, &model::gslb::GslbService> = previous
            .iter()
            .flat_map(|previous| &previous.snapshot.gslb_services)
            .map(|service| (service.uuid.as_str(), service))
            .collect();
        for service in gslb_services {
            let key = ResourceKey::new(ResourceKind::GslbService, &service.uuid);
            let kept = (known.get(service.uuid.as_str()) == Some(&service))
                .then(|| previous.and_then(|previous| previous.resources.resources.get_key_value(&key)))
                .flatten();
            match kept {
                Some((key, resource)) => resources.insert(key.clone(), resource.clone()),
                None => resources.put_checked(key, wire::GslbService::from(service).encode_to_vec().into())?,
            }
        }
        Ok(Self { snapshot: sorted(snapshot), resources })
    }

    /// The snapshot that `resources` are. What `previous` holds unchanged is not decoded again.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(version: Version, resources: ResourceSet, previous: Option<&Stamped>) -> Result<Self, DecodeError> {
        let mut header = None;
        let (mut dns_services, mut gslb_services, mut monitors) = (Vec::new(), Vec::new(), Vec::new());
        for (key, resource) in &resources.resources {
            let read = || -> Result<Option<Object>, ConvertError> {
                Ok(Some(match ResourceKind::try_from(key.kind) {
                    Ok(ResourceKind::Header) => Object::Header(message("header", &resource.body)?),
                    Ok(ResourceKind::DnsVirtualService) => Object::Dns(
                        message::<wire::DnsVirtualService>("DNS virtual service", &resource.body)?.try_into()?,
                    ),
                    Ok(ResourceKind::GslbService) => match previous.and_then(|known| known.same(key, resource)) {
                        Some(known) => Object::Gslb(known.clone()),
                        None => Object::Gslb(message::<wire::GslbService>("GSLB service", &resource.body)?.try_into()?),
                    },
                    Ok(ResourceKind::HealthMonitor) => {
                        Object::Monitor(message::<wire::HealthMonitor>("health monitor", &resource.body)?.try_into()?)
                    }
                    // Of a newer controller: kept for the checksum, without effect here.
                    Ok(ResourceKind::Unspecified) | Err(_) => return Ok(None),
                }))
            };
            let object = read().map_err(|source| DecodeError::Resource { key: key.clone(), source })?;
            match object {
                Some(Object::Header(found)) => header = Some(found),
                Some(Object::Dns(service)) => dns_services.push(service),
                Some(Object::Gslb(service)) => gslb_services.push(service),
                Some(Object::Monitor(monitor)) => monitors.push(monitor),
                None => {}
            }
        }
        let wire::SnapshotHeader { cluster_uuid, port_offset_below, port_offset_add, gslb_domains } =
            header.ok_or(DecodeError::NoHeader)?;
        let in_header = |source| DecodeError::Resource { key: ResourceKey::header(), source };
        let port_offset = PortOffset {
            below: wire::port("port_offset_below", port_offset_below).map_err(in_header)?,
            add: wire::port("port_offset_add", port_offset_add).map_err(in_header)?,
        };
        let gslb_domains = wire::names_from_text(gslb_domains).map_err(in_header)?;
        let snapshot =
            Snapshot { version, cluster_uuid, port_offset, dns_services, gslb_domains, gslb_services, monitors };
        Ok(Self { snapshot: Arc::new(snapshot), resources })
    }

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
        Stamp { version: self.snapshot.version.clone(), checksum: self.resources.checksum }
    }

    /// The same content under another version.
    #[must_use]
    pub fn restamped(&self, version: Version) -> Self {
        let snapshot = Snapshot { version, ..Snapshot::clone(&self.snapshot) };
        Self { snapshot: Arc::new(snapshot), resources: self.resources.clone() }
    }

    /// The service that `resource` was decoded to before.
    fn same(&self, key: &ResourceKey, resource: &Resource) -> Option<&model::gslb::GslbService> {
        let known = self.resources.resources.get(key)?;
        let services = &self.snapshot.gslb_services;
        let place = services.binary_search_by(|service| service.uuid.as_str().cmp(&key.id)).ok()?;
        (known.hash == resource.hash).then(|| services.get(place)).flatten()
    }
}

enum Object {
    Header(wire::SnapshotHeader),
    Dns(model::dns::DnsVirtualService),
    Gslb(model::gslb::GslbService),
    Monitor(model::monitor::HealthMonitor),
}

fn message<M: Message + Default>(what: &'static str, bytes: &Bytes) -> Result<M, ConvertError> {
    // From a slice: fields must not keep the whole buffer alive.
    M::decode(bytes.as_ref()).map_err(|_| ConvertError::Encoding(what))
}

/// The snapshot with its objects in the order of their uuids.
fn sorted(snapshot: Arc<Snapshot>) -> Arc<Snapshot> {
    let is_sorted = snapshot.dns_services.is_sorted_by(|a, b| a.uuid < b.uuid)
        && snapshot.gslb_services.is_sorted_by(|a, b| a.uuid < b.uuid)
        && snapshot.monitors.is_sorted_by(|a, b| a.uuid < b.uuid);
    if is_sorted {
        return snapshot;
    }
    let mut snapshot = Arc::unwrap_or_clone(snapshot);
    snapshot.dns_services.sort_by(|a, b| a.uuid.cmp(&b.uuid));
    snapshot.gslb_services.sort_by(|a, b| a.uuid.cmp(&b.uuid));
    snapshot.monitors.sort_by(|a, b| a.uuid.cmp(&b.uuid));
    Arc::new(snapshot)
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
        self.insert(key, Resource { body, hash });
    }

    /// Takes a resource away, if it is there.
    pub fn remove(&mut self, key: &ResourceKey) {
        if let Some(old) = self.resources.remove(key) {
            self.checksum.toggle(&old.hash);
        }
    }

    /// What turns `base` into `self`: resources to put, keys to delete, both in the order of the keys.
    #[must_use]
    pub fn changes_since(&self, base: &ResourceSet) -> (Vec<wire::Resource>, Vec<wire::ResourceKey>) {
        let is_new = |(key, resource): &(&ResourceKey, &Resource)| {
            base.resources.get(*key).is_none_or(|known| known.hash != resource.hash)
        };
        let puts = self
            .resources
            .iter()
            .filter(is_new)
            .map(|(key, resource)| wire::Resource { key: Some(key.into()), body: resource.body.clone() });
        let deletes = base.resources.keys().filter(|key| !self.resources.contains_key(key));
        (puts.collect(), deletes.map(wire::ResourceKey::from).collect())
    }

    fn put_checked(&mut self, key: ResourceKey, body: Bytes) -> Result<(), EncodeError> {
        let bytes = body.len() + key.id.len();
        if bytes > RESOURCE_BYTES_MAX {
            return Err(EncodeError::TooLarge { key, bytes });
        }
        self.put(key, body);
        Ok(())
    }

    fn insert(&mut self, key: ResourceKey, resource: Resource) {
        self.checksum.toggle(&resource.hash);
        if let Some(old) = self.resources.insert(key, resource) {
            self.checksum.toggle(&old.hash);
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
