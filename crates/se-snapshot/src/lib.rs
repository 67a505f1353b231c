//! Stored objects at a revision to one immutable engine [`Snapshot`]. Pure: values in, a value out.
//!
//! What the engine cannot use is skipped and told as a [`Problem`]; the rest is kept, so one bad object never stops
//! the others. Start at [`build`]; then `site` (cluster, Gslb), `dns_service`, `gslb_service`, `monitor`, `http` (L7 virtual
//! services and all that they reach) and `registration` (the names that virtual services own), one file per object type
//! (avi-api 2.4 to 2.9, 2.11, 2.13, 2.22 to 2.24). `memo` keeps what did not change from one build to the next: `changes`
//! says what did, `reading` what a result was made from. No defaults that need other objects, no references by name: the
//! stored objects have gone through `objects`.
#![warn(missing_docs)]

mod changes;
mod dns_policy;
mod dns_service;
mod field;
mod geo_db;
mod gslb_service;
mod http;
mod listening;
mod log_policy;
mod memo;
mod monitor;
mod names;
mod placement;
mod problem;
mod reading;
mod registration;
mod site;

use std::collections::BTreeMap;

use model::Version;
use se_protocol::{Clients, PortOffset, Snapshot};
use serde_json::{Map, Value};

pub use geo_db::{GeoFile, TYPES as GEO_TYPES, geo_files};
pub use memo::Memo;
pub use names::{AskedName, Names, Resolved};
pub use placement::{MovedServices, TYPES as PLACEMENT_TYPES, place};
pub use problem::Problem;

/// Types whose changes can change a snapshot.
pub const TYPES: &[&str] = &[
    "applicationprofile",
    "cloud",
    "cluster",
    "dnspolicy",
    "fileobject",
    "gslb",
    "gslbgeodbprofile",
    "gslbservice",
    "healthmonitor",
    "httppolicyset",
    "ipaddrgroup",
    "ipamdnsproviderprofile",
    "networkprofile",
    "pool",
    "poolgroup",
    "serviceenginegroup",
    "sslkeyandcertificate",
    "sslprofile",
    "stringgroup",
    "tenant",
    "virtualservice",
    "vsvip",
];

/// One stored object. Its debug form leaves the fields out: they may hold a private key.
#[derive(Clone, Copy)]
pub struct Object<'a> {
    /// API path of its type: `gslbservice`.
    pub kind: &'a str,
    /// Its uuid.
    pub uuid: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Uuid of its tenant.
    pub tenant: &'a str,
    /// Its configuration with the defaults filled in; references end in a uuid.
    pub fields: &'a Map<String, Value>,
    /// Microseconds since the epoch of its first write; 0 where that is not known.
    pub created_us: i64,
    /// Microseconds since the epoch of its last write.
    pub modified_us: i64,
    /// Store revision of its last write: the same uuid at the same revision is the same object.
    pub revision: u64,
}

impl std::fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, uuid, name, revision, .. } = self;
        f.debug_struct("Object")
            .field("kind", kind)
            .field("uuid", uuid)
            .field("name", name)
            .field("revision", revision)
            .finish_non_exhaustive()
    }
}

/// Builds the snapshot of everything in `objects`; objects of types not in [`TYPES`] are ignored. What `memo` knows of
/// an earlier build, with an empty one nothing, is not translated again; the result does not depend on it. What geo
/// databases hold is for the caller to add: [`geo_files`] says which they are.
#[must_use]
pub fn build<'a>(
    objects: impl IntoIterator<Item = Object<'a>>,
    version: Version,
    port_offset: PortOffset,
    memo: Memo,
) -> (Snapshot, Vec<Problem>, Memo) {
    let mut world = World::sort(objects);
    let memo = memo.compare(&mut world);
    let mut problems = Vec::new();
    let site = site::Site::read(&world, &mut problems);
    let dns_services = world
        .of("virtualservice")
        .filter_map(|object| dns_service::read(object, &world, &site, &mut problems))
        .collect();
    let (memo, found) = memo.follow(&world, site.sites, port_offset, &mut problems);
    let snapshot = Snapshot {
        version,
        cluster_uuid: site.cluster_uuid,
        port_offset,
        clients: Clients { public: site.public_clients, ..Clients::default() },
        dns_services,
        gslb_domains: site.gslb_domains,
        gslb_services: found.gslb_services,
        monitors: found.monitors,
        http: found.http,
        registrations: found.registrations,
    };
    (snapshot, problems, memo)
}

/// The objects by type, each in the order of its uuids, so that the order of the input does not show.
struct World<'a> {
    by_kind: BTreeMap<&'a str, Vec<Object<'a>>>,
    /// What is not as it was in the build before.
    changes: changes::Changes,
}

impl<'a> World<'a> {
    fn sort(objects: impl IntoIterator<Item = Object<'a>>) -> Self {
        let mut by_kind: BTreeMap<&str, Vec<Object<'a>>> = BTreeMap::new();
        for object in objects {
            by_kind.entry(object.kind).or_default().push(object);
        }
        for objects in by_kind.values_mut().filter(|objects| !objects.is_sorted_by(|a, b| a.uuid < b.uuid)) {
            objects.sort_by(|a, b| a.uuid.cmp(b.uuid));
        }
        Self { by_kind, changes: changes::Changes::default() }
    }

    fn of(&self, kind: &str) -> impl Iterator<Item = Object<'a>> {
        self.by_kind.get(kind).into_iter().flatten().copied()
    }

    fn get(&self, kind: &str, uuid: &str) -> Option<Object<'a>> {
        let objects = self.by_kind.get(kind)?;
        let place = objects.binary_search_by(|object| object.uuid.cmp(uuid)).ok()?;
        objects.get(place).copied()
    }
}

#[cfg(test)]
mod tests;
