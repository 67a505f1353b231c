//! Which engines run what: those of a service engine group run its virtual services (avi-api 2.4, 2.20). GSLB services
//! and registered names go to all, so that every DNS virtual service answers alike.
//!
//! An engine calls its group by name or uuid. Groups of one name, as each cloud has its `Default-Group`, are one to an
//! engine that names it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use model::http::{HttpObjects, RequestAction, Target, VirtualHost, VirtualService};
use se_protocol::{DEFAULT_GROUP, GroupSnapshots, PortOffset, Snapshot};

use crate::{Object, World, field::Message};

/// Types that say where virtual services run.
pub const TYPES: &[&str] = &["serviceenginegroup", "virtualservice"];
/// First port that never moves.
const UNPRIVILEGED: u16 = 1024;

/// Virtual services as they listen where the offset is not the controller's. One that stays the same object in the
/// snapshot of everything stays the same object here, so that engines are sent what changed, and nothing else.
#[derive(Debug, Default)]
pub struct MovedServices {
    before: HashMap<PortOffset, ByUuid>,
    now: HashMap<PortOffset, ByUuid>,
}

/// What a virtual service was, and what was made of it.
type ByUuid = HashMap<String, (Arc<VirtualService>, Arc<VirtualService>)>;

/// Splits `all`, the snapshot of everything, by the groups among `objects`. Where everything is in one group, its
/// snapshot is `all` itself; without any group, all engines run all. `moved` is what the call before left, in the beginning
/// nothing; the result does not depend on it.
#[must_use]
pub fn place<'a>(
    objects: impl IntoIterator<Item = Object<'a>>,
    all: &Arc<Snapshot>,
    moved: &mut MovedServices,
) -> GroupSnapshots {
    moved.before = std::mem::take(&mut moved.now);
    let world = World::sort(objects);
    let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for group in world.of("serviceenginegroup") {
        names.entry(group.name).or_default().insert(group.uuid);
        names.entry(group.uuid).or_default().insert(group.uuid);
    }
    if names.is_empty() {
        moved.before.clear();
        return GroupSnapshots::same(Arc::clone(all));
    }
    let placed = Placed::read(&world);
    let mut snapshots: BTreeMap<BTreeSet<&str>, Arc<Snapshot>> = BTreeMap::new();
    let groups = names.into_iter().map(|(name, groups)| {
        let snapshot = snapshots.entry(groups).or_insert_with_key(|groups| {
            let offset = groups.iter().find_map(|uuid| offset(world.get("serviceenginegroup", uuid)?));
            of_groups(all, offset.unwrap_or(all.port_offset), moved, |service| placed.is_in(service, groups))
        });
        (name.to_owned(), Arc::clone(snapshot))
    });
    let groups = groups.collect();
    moved.before.clear();
    GroupSnapshots::new(groups, of_groups(all, all.port_offset, moved, |_| false))
}

/// What the group states; `None` when it leaves that to the controller.
fn offset(group: Object<'_>) -> Option<PortOffset> {
    let add = u16::try_from(Message::root("ServiceEngineGroup", group.fields).number("port_offset")?).ok()?;
    Some(if add == 0 { PortOffset::NONE } else { PortOffset { below: UNPRIVILEGED, add } })
}

/// Where virtual services are.
struct Placed<'a> {
    /// The group of those that name none.
    default: Option<&'a str>,
    /// The group of the others, by uuid of the virtual service.
    groups: BTreeMap<&'a str, &'a str>,
}

impl<'a> Placed<'a> {
    fn read(world: &World<'a>) -> Self {
        let default = world.of("serviceenginegroup").find(|group| group.name == DEFAULT_GROUP);
        let services = world.of("virtualservice");
        let named = services.filter_map(|it| Some((it.uuid, Message::root("", it.fields).reference("se_group_ref")?)));
        Self { default: default.map(|group| group.uuid), groups: named.collect() }
    }

    fn is_in(&self, service: &str, groups: &BTreeSet<&str>) -> bool {
        self.groups.get(service).copied().or(self.default).is_some_and(|group| groups.contains(group))
    }
}

/// What of `all` engines run whose virtual services are those that `is_here` picks.
fn of_groups(
    all: &Arc<Snapshot>,
    port_offset: PortOffset,
    moved: &mut MovedServices,
    is_here: impl Fn(&str) -> bool,
) -> Arc<Snapshot> {
    let everything = all.dns_services.iter().map(|it| &it.uuid).chain(all.http.services.iter().map(|it| &it.host.uuid));
    if port_offset == all.port_offset && everything.clone().all(|uuid| is_here(uuid)) {
        return Arc::clone(all);
    }
    let services = all.http.services.iter().filter(|service| is_here(&service.host.uuid));
    let services = if port_offset == all.port_offset {
        services.cloned().collect()
    } else {
        services.map(|service| moved.get(service, port_offset)).collect()
    };
    let http = with_pools(services, &all.http);
    let of_members = all.gslb_services.iter().flat_map(|service| &service.health_monitors);
    let wanted: HashSet<&String> = http.pools.iter().flat_map(|pool| &pool.health_monitors).chain(of_members).collect();
    Arc::new(Snapshot {
        version: all.version.clone(),
        cluster_uuid: all.cluster_uuid.clone(),
        port_offset,
        clients: all.clients.clone(),
        dns_services: all.dns_services.iter().filter(|service| is_here(&service.uuid)).cloned().collect(),
        gslb_domains: all.gslb_domains.clone(),
        gslb_services: all.gslb_services.clone(),
        monitors: all.monitors.iter().filter(|monitor| wanted.contains(&monitor.uuid)).cloned().collect(),
        http,
        registrations: all.registrations.clone(),
    })
}

impl MovedServices {
    /// The service, listening as an engine with this offset does.
    fn get(&mut self, service: &Arc<VirtualService>, offset: PortOffset) -> Arc<VirtualService> {
        let uuid = &service.host.uuid;
        let now = self.now.entry(offset).or_default();
        if let Some((_, moved)) = now.get(uuid) {
            return Arc::clone(moved);
        }
        let known = self.before.get_mut(&offset).and_then(|before| before.remove_entry(uuid));
        let same = known.filter(|(_, (original, _))| Arc::ptr_eq(original, service));
        let (uuid, pair) =
            same.unwrap_or_else(|| (uuid.clone(), (Arc::clone(service), Arc::new(moved(service, offset)))));
        let moved = Arc::clone(&pair.1);
        now.insert(uuid, pair);
        moved
    }
}

fn moved(service: &VirtualService, offset: PortOffset) -> VirtualService {
    let mut service = service.clone();
    for port in &mut service.ports {
        port.listen_port = offset.apply(port.port);
    }
    service
}

/// `services` with the pool groups and pools of `all` that they reach.
fn with_pools(services: Vec<Arc<VirtualService>>, all: &HttpObjects) -> HttpObjects {
    let (mut groups, mut pools) = (HashSet::new(), HashSet::new());
    for service in &services {
        let children = service.children.iter().map(|child| &child.host);
        for target in children.chain([&service.host]).flat_map(targets) {
            match target {
                Target::Pool(uuid) => pools.insert(uuid.clone()),
                Target::PoolGroup(uuid) => groups.insert(uuid.clone()),
            };
        }
    }
    let pool_groups: Vec<_> = all.pool_groups.iter().filter(|group| groups.contains(&group.uuid)).cloned().collect();
    pools.extend(pool_groups.iter().flat_map(|group| &group.members).map(|member| member.pool.clone()));
    let pools = all.pools.iter().filter(|pool| pools.contains(&pool.uuid)).cloned().collect();
    HttpObjects { services, pools, pool_groups }
}

fn targets(host: &VirtualHost) -> impl Iterator<Item = &Target> {
    let rules = host.policies.iter().flat_map(|policies| &policies.request);
    let selected = rules.filter_map(|rule| match &rule.action {
        Some(RequestAction::Select(target)) => Some(target),
        Some(RequestAction::Redirect(_) | RequestAction::Respond(_)) | None => None,
    });
    host.target.iter().chain(selected)
}

#[cfg(test)]
mod tests;
