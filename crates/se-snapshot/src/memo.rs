//! What was translated before. There are thousands of services, each with its monitor perhaps, and a change touches one.

use std::{
    collections::{BTreeSet, HashSet},
    iter::Peekable,
    sync::Arc,
    vec::IntoIter,
};

use model::{dns::Registration, gslb::GslbService, http::HttpObjects, monitor::HealthMonitor};
use se_protocol::PortOffset;

use crate::{
    AskedName, Names, Object, Problem, World,
    changes::Revisions,
    gslb_service, http, monitor,
    names::{Asking, Told, is_current},
    registration,
    site::Sites,
};

/// What a build hands to the next one, so that it translates only what changed. Empty in the beginning.
#[derive(Debug, Default)]
pub struct Memo {
    /// The sites: a service depends on them.
    sites: Sites,
    services: Vec<Known<Service>>,
    /// What names resolve to, for the next build.
    names: Arc<Names>,
    monitors: Vec<Known<Arc<HealthMonitor>>>,
    http: http::Memo,
    registrations: registration::Memo,
    /// The objects that all this was made from.
    revisions: Revisions,
}

/// What a build found of that which is remembered.
pub(crate) struct Found {
    pub(crate) gslb_services: Vec<Arc<GslbService>>,
    pub(crate) monitors: Vec<Arc<HealthMonitor>>,
    pub(crate) http: HttpObjects,
    pub(crate) registrations: Vec<Arc<Registration>>,
}

/// A service, and the names that it was made with.
#[derive(Debug)]
struct Service {
    value: Option<Arc<GslbService>>,
    told: Told,
}

/// One object and what became of it.
#[derive(Debug)]
struct Known<T> {
    uuid: String,
    /// `None` of an object that is missing.
    revision: Option<u64>,
    /// Name of its tenant, where that counts.
    tenant: String,
    value: T,
    problems: Vec<Problem>,
}

impl Memo {
    /// The same, with what names resolve to from now on.
    #[must_use]
    pub fn with_names(self, names: Arc<Names>) -> Self {
        Self { names, ..self }
    }

    /// The names that members of services are known by.
    #[must_use]
    pub fn names_asked(&self) -> BTreeSet<AskedName> {
        self.services.iter().flat_map(|known| &known.value.told).map(|(asked, _)| asked.clone()).collect()
    }

    /// Notes in `world` what changed since the memo was made.
    pub(crate) fn compare(self, world: &mut World<'_>) -> Self {
        let (revisions, changes) = self.revisions.follow(world);
        world.changes = changes;
        Self { revisions, ..self }
    }

    /// Everything as `world` has it, taken from the memo where that is the same, and the memo for next time.
    pub(crate) fn follow(
        self,
        world: &World<'_>,
        sites: Sites,
        port_offset: PortOffset,
        problems: &mut Vec<Problem>,
    ) -> (Self, Found) {
        let Self { sites: known_sites, services, names, monitors, http, registrations, revisions } = self;
        let known = if known_sites == sites { services } else { Vec::new() };
        let services = follow_services(known, world, &sites, &names);
        problems.extend(services.iter().flat_map(|known| &known.problems).cloned());
        let gslb_services: Vec<Arc<GslbService>> =
            services.iter().filter_map(|known| known.value.value.clone()).collect();
        let (http, http_objects) = http.follow(world, port_offset, problems);
        let uuids = gslb_services.iter().map(|service| service.health_monitors.as_slice());
        let uuids = uuids.chain(http_objects.pools.iter().map(|pool| pool.health_monitors.as_slice()));
        let monitors = follow_monitors(monitors, wanted(uuids.flatten(), world));
        problems.extend(monitors.iter().flat_map(|known| &known.problems).cloned());
        let (registrations, registered) = registrations.follow(world, problems);
        let found = Found {
            gslb_services,
            monitors: monitors.iter().map(|known| Arc::clone(&known.value)).collect(),
            http: http_objects,
            registrations: registered,
        };
        (Self { sites, services, names, monitors, http, registrations, revisions }, found)
    }
}

fn follow_services(known: Vec<Known<Service>>, world: &World<'_>, sites: &Sites, names: &Names) -> Vec<Known<Service>> {
    let mut known = known.into_iter().peekable();
    let follow = |object: Object<'_>| {
        let tenant = world.get("tenant", object.tenant).map_or(object.tenant, |tenant| tenant.name);
        let same = take(&mut known, object.uuid, Some(object.revision)).filter(|known| known.tenant == tenant);
        same.filter(|known| is_current(&known.value.told, names)).unwrap_or_else(|| {
            let (mut problems, mut asking) = (Vec::new(), Asking::new(names));
            let value = gslb_service::read(object, tenant, sites, &mut asking, &mut problems).map(Arc::new);
            let value = Service { value, told: asking.told };
            let (uuid, tenant) = (object.uuid.to_owned(), tenant.to_owned());
            Known { uuid, revision: Some(object.revision), tenant, value, problems }
        })
    };
    world.of("gslbservice").map(follow).collect()
}

/// Monitors that services and pools refer to, in the order of their uuids, with their objects if there are any.
fn wanted<'a>(uuids: impl Iterator<Item = &'a String>, world: &World<'a>) -> Vec<(&'a str, Option<Object<'a>>)> {
    let mut missing: HashSet<&str> = HashSet::new();
    let mut last = "";
    for uuid in uuids {
        // Many services have the same one.
        if uuid != last {
            missing.insert(uuid);
            last = uuid;
        }
    }
    let there = world.of("healthmonitor").filter(|object| missing.remove(object.uuid));
    let mut wanted: Vec<(&str, Option<Object<'_>>)> = there.map(|object| (object.uuid, Some(object))).collect();
    if !missing.is_empty() {
        wanted.extend(missing.into_iter().map(|uuid| (uuid, None)));
        wanted.sort_by_key(|(uuid, _)| *uuid);
    }
    wanted
}

fn follow_monitors(
    known: Vec<Known<Arc<HealthMonitor>>>,
    wanted: Vec<(&str, Option<Object<'_>>)>,
) -> Vec<Known<Arc<HealthMonitor>>> {
    let mut known = known.into_iter().peekable();
    let follow = |(uuid, object): (&str, Option<Object<'_>>)| {
        let revision = object.map(|object| object.revision);
        take(&mut known, uuid, revision).unwrap_or_else(|| {
            let mut problems = Vec::new();
            let value = Arc::new(monitor::read(uuid, object, &mut problems));
            Known { uuid: uuid.to_owned(), revision, tenant: String::new(), value, problems }
        })
    };
    wanted.into_iter().map(follow).collect()
}

/// What is known of `uuid` at `revision`; what comes before it in the order of uuids is gone.
fn take<T>(known: &mut Peekable<IntoIter<Known<T>>>, uuid: &str, revision: Option<u64>) -> Option<Known<T>> {
    while known.next_if(|known| known.uuid.as_str() < uuid).is_some() {}
    known.next_if(|known| known.uuid == uuid).filter(|known| known.revision == revision)
}

#[cfg(test)]
mod tests;
