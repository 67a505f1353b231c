//! A snapshot as a set of keyed and hashed resources, in the form in which they travel and lie on disk.
//!
//! The hash is over the bytes as they travelled, so that an engine holds and passes on what a newer controller said even
//! where it does not understand it. The checksum of a set is the exclusive or of its hashes: it does not depend on an
//! order, and a change updates it in the time of that change. It guards against mistakes, not against an adversary;
//! who may speak is the business of TLS.
//!
//! There are thousands of objects and a change touches one: what stays is shared with the snapshot before, object and
//! resource alike, and known as the same by its address.

mod set;

use std::{fmt, sync::Arc};

use bytes::Bytes;
use model::{Version, gslb::GslbService, monitor::HealthMonitor};
use prost::Message;

use set::Resource;
pub use set::ResourceSet;

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
        let snapshot = sorted(snapshot);
        let mut resources = ResourceSet::default();
        let Snapshot {
            version: _,
            cluster_uuid,
            port_offset,
            dns_services,
            gslb_domains,
            gslb_services,
            monitors,
            http: _,
            registrations: _,
        } = &*snapshot;
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
        let mut known = Known::gslb_services(previous);
        for service in gslb_services {
            match known.resource_of(&service.uuid, service) {
                Some(resource) => resources.insert(Arc::clone(resource)),
                None => {
                    let body = wire::GslbService::from(&**service).encode_to_vec();
                    resources.put_checked(ResourceKey::new(ResourceKind::GslbService, &service.uuid), body.into())?;
                }
            }
        }
        let mut known = Known::monitors(previous);
        for monitor in monitors {
            match known.resource_of(&monitor.uuid, monitor) {
                Some(resource) => resources.insert(Arc::clone(resource)),
                None => {
                    let body = wire::HealthMonitor::from(&**monitor).encode_to_vec();
                    resources.put_checked(ResourceKey::new(ResourceKind::HealthMonitor, &monitor.uuid), body.into())?;
                }
            }
        }
        Ok(Self { snapshot, resources })
    }

    /// The snapshot that `resources` are. What `previous` holds unchanged is not decoded again.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(version: Version, resources: ResourceSet, previous: Option<&Stamped>) -> Result<Self, DecodeError> {
        let mut header = None;
        let (mut dns_services, mut gslb_services, mut monitors) = (Vec::new(), Vec::new(), Vec::new());
        let (mut known_services, mut known_monitors) = (Known::gslb_services(previous), Known::monitors(previous));
        for resource in resources.iter() {
            let key = &resource.key;
            let mut read = || -> Result<Option<Object>, ConvertError> {
                Ok(Some(match ResourceKind::try_from(key.kind) {
                    Ok(ResourceKind::Header) => Object::Header(message("header", &resource.body)?),
                    Ok(ResourceKind::DnsVirtualService) => Object::Dns(
                        message::<wire::DnsVirtualService>("DNS virtual service", &resource.body)?.try_into()?,
                    ),
                    Ok(ResourceKind::GslbService) => Object::Gslb(match known_services.object_of(resource) {
                        Some(known) => Arc::clone(known),
                        None => Arc::new(message::<wire::GslbService>("GSLB service", &resource.body)?.try_into()?),
                    }),
                    Ok(ResourceKind::HealthMonitor) => Object::Monitor(match known_monitors.object_of(resource) {
                        Some(known) => Arc::clone(known),
                        None => Arc::new(message::<wire::HealthMonitor>("health monitor", &resource.body)?.try_into()?),
                    }),
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
        let snapshot = Snapshot {
            version,
            cluster_uuid,
            port_offset,
            dns_services,
            gslb_domains,
            gslb_services,
            monitors,
            http: model::http::HttpObjects::default(),
            registrations: Vec::new(),
        };
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
        Stamp { version: self.snapshot.version.clone(), checksum: self.resources.checksum() }
    }

    /// The same content under another version.
    #[must_use]
    pub fn restamped(&self, version: Version) -> Self {
        let snapshot = Snapshot { version, ..Snapshot::clone(&self.snapshot) };
        Self { snapshot: Arc::new(snapshot), resources: self.resources.clone() }
    }
}

/// Objects of one kind in the snapshot before, and their resources; asked for in the order of uuids.
struct Known<'a, T> {
    objects: &'a [Arc<T>],
    resources: &'a [Arc<Resource>],
}

impl<'a> Known<'a, GslbService> {
    fn gslb_services(previous: Option<&'a Stamped>) -> Self {
        Self::of(previous, ResourceKind::GslbService, |snapshot| &snapshot.gslb_services)
    }
}

impl<'a> Known<'a, HealthMonitor> {
    fn monitors(previous: Option<&'a Stamped>) -> Self {
        Self::of(previous, ResourceKind::HealthMonitor, |snapshot| &snapshot.monitors)
    }
}

impl<'a, T: PartialEq> Known<'a, T> {
    fn of(previous: Option<&'a Stamped>, kind: ResourceKind, objects: impl Fn(&'a Snapshot) -> &'a [Arc<T>]) -> Self {
        let Some(previous) = previous else { return Self { objects: &[], resources: &[] } };
        let (objects, resources) = (objects(&previous.snapshot), previous.resources.of_kind(kind.into()));
        // One resource for each object, in the same order, unless two objects had the same uuid.
        if objects.len() == resources.len() {
            Self { objects, resources }
        } else {
            Self { objects: &[], resources: &[] }
        }
    }

    /// The resource that `object` was encoded to before.
    fn resource_of(&mut self, uuid: &str, object: &Arc<T>) -> Option<&'a Arc<Resource>> {
        let (known, resource) = self.find(uuid)?;
        (Arc::ptr_eq(known, object) || known == object).then_some(resource)
    }

    /// The object that `resource` was decoded to before.
    fn object_of(&mut self, resource: &Arc<Resource>) -> Option<&'a Arc<T>> {
        let (object, known) = self.find(&resource.key.id)?;
        (Arc::ptr_eq(known, resource) || known.hash == resource.hash).then_some(object)
    }

    /// Leaves out what comes before `uuid`.
    fn find(&mut self, uuid: &str) -> Option<(&'a Arc<T>, &'a Arc<Resource>)> {
        let before = self.resources.iter().take_while(|known| &*known.key.id < uuid).count();
        self.objects = self.objects.get(before..)?;
        self.resources = self.resources.get(before..)?;
        let (object, resource) = (self.objects.first()?, self.resources.first()?);
        (&*resource.key.id == uuid).then_some((object, resource))
    }
}

enum Object {
    Header(wire::SnapshotHeader),
    Dns(model::dns::DnsVirtualService),
    Gslb(Arc<GslbService>),
    Monitor(Arc<HealthMonitor>),
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
