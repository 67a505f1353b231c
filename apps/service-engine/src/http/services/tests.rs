use model::http::{HttpConfig, Pool, Target};
use model::testing::{child, http_pool, pool_group, to_pool, virtual_service};
use model::{Revision, Version};
use se_protocol::{PortOffset, Snapshot};

use super::*;
use crate::targets::Targets as Watched;

const VIP: &str = "192.0.2.80:80";

/// Services and pools without sockets: every address that the table has is listened on, but for those that failed.
struct Watching {
    services: Services,
    pools: Pools,
    table: Table,
    failed: BTreeMap<SocketAddr, String>,
    now_us: i64,
}

impl Watching {
    fn new() -> Self {
        let version = Version { incarnation: "test".into(), term: 0, revision: Revision(0) };
        let (services, pools) = (Services::default(), Pools::default());
        Self { services, pools, table: Table::empty(version), failed: BTreeMap::new(), now_us: 0 }
    }

    fn adopt(&mut self, objects: &HttpObjects) {
        self.now_us += 1;
        let version = self.table.version.clone();
        let HttpObjects { services, pools, pool_groups } = objects.clone();
        let config = HttpConfig { version: version.clone(), services, pools, pool_groups };
        let (table, _) = Table::compile(&config, Some(&self.table));
        let snapshot = Snapshot {
            version,
            cluster_uuid: "cluster-1".into(),
            port_offset: PortOffset::NONE,
            clients: se_protocol::Clients::default(),
            dns_services: vec![],
            gslb_domains: vec![],
            gslb_services: vec![],
            monitors: vec![],
            http: objects.clone(),
            registrations: vec![],
        };
        let flips = self.pools.adopt(&snapshot, &table, &mut Watched::default(), self.now_us);
        let ground = Ground { table: &table, failed: &self.failed, pools: &self.pools };
        self.services.adopt(objects, &flips.pools, ground, self.now_us);
        self.table = table;
    }

    /// State and reason by name.
    fn state(&mut self, name: &str) -> (State, String) {
        let uuid = format!("virtualservice-{name}");
        let state = self.services.report().into_iter().find(|state| state.uuid == uuid).unwrap();
        (state.state, state.reason.clone())
    }
}

/// A pool that is up, and one that is not.
fn pools() -> Vec<Arc<Pool>> {
    let server = ("192.0.2.1:8080".parse().unwrap(), 1);
    vec![Arc::new(http_pool("empty", &[])), Arc::new(http_pool("full", &[server]))]
}

fn objects(service: VirtualService, groups: Vec<PoolGroup>) -> HttpObjects {
    let pool_groups = groups.into_iter().map(Arc::new).collect();
    HttpObjects { services: vec![Arc::new(service)], pools: pools(), pool_groups }
}

fn to_group(name: &str) -> Option<Target> {
    Some(Target::PoolGroup(format!("poolgroup-{name}")))
}

fn up() -> (State, String) {
    (State::Up, String::new())
}

#[test]
fn a_virtual_service_follows_the_members_of_its_group_that_get_requests() {
    let mut watching = Watching::new();
    let mut objects = objects(virtual_service("vs", VIP.parse().unwrap(), to_group("g")), vec![]);
    watching.adopt(&objects);
    assert_eq!(watching.state("vs"), (State::Down, "poolgroup-g does not exist, or has no pool".into()));
    // The virtual service stays the same object throughout.
    let cases: [(&[_], _); 4] = [
        (&[("empty", 1, 0)], (State::Down, "pool empty: it has no servers".to_owned())),
        (&[("empty", 1, 1), ("full", 0, 0)], (State::Down, "pool empty: it has no servers".to_owned())),
        (&[("empty", 1, 1), ("gone", 1, 0)], (State::Down, "none of its 2 pools is up".to_owned())),
        (&[("empty", 1, 1), ("full", 1, 0)], up()),
    ];
    for (members, expected) in cases {
        objects.pool_groups = vec![Arc::new(pool_group("g", members))];
        watching.adopt(&objects);
        assert_eq!(watching.state("vs"), expected, "{members:?}");
    }
}

#[test]
fn a_virtual_service_needs_as_many_pools_as_it_asks_for() {
    let mut watching = Watching::new();
    let mut service = virtual_service("vs", VIP.parse().unwrap(), to_group("g"));
    let group = vec![pool_group("g", &[("empty", 1, 0), ("full", 1, 0)])];
    let needs_two = (State::Down, "1 of its 2 pools up, 2 needed".to_owned());
    for (pools_up_min, expected) in [(0, up()), (1, up()), (2, needs_two), (1, up())] {
        service.host.pools_up_min = pools_up_min;
        watching.adopt(&objects(service.clone(), group.clone()));
        assert_eq!(watching.state("vs"), expected, "{pools_up_min}");
    }
}

#[test]
fn a_pool_that_comes_or_goes_reaches_those_that_name_it() {
    let mut watching = Watching::new();
    let mut objects = objects(virtual_service("vs", VIP.parse().unwrap(), to_pool("full")), vec![]);
    watching.adopt(&objects);
    assert_eq!(watching.state("vs"), up());
    objects.pools.pop();
    watching.adopt(&objects);
    assert_eq!(watching.state("vs"), (State::Down, "pool-full does not exist, or has no pool".into()));
    objects.pools = pools();
    watching.adopt(&objects);
    assert_eq!(watching.state("vs"), up());
}

#[test]
fn a_child_needs_its_parent_and_its_own_pools_and_the_parent_needs_no_child() {
    let mut watching = Watching::new();
    let mut parent = virtual_service("parent", VIP.parse().unwrap(), None);
    parent.children =
        vec![child("down", "a.example.com", to_pool("empty")), child("up", "b.example.com", to_pool("full"))];
    watching.adopt(&objects(parent.clone(), vec![]));
    let states = |watching: &mut Watching| ["parent", "up", "down"].map(|name| watching.state(name));
    assert_eq!(states(&mut watching), [up(), up(), (State::Down, "pool empty: it has no servers".into())]);

    watching.failed.insert(VIP.parse().unwrap(), "in use".into());
    watching.adopt(&objects(parent.clone(), vec![]));
    let child = (State::Down, "its parent parent: in use".to_owned());
    assert_eq!(states(&mut watching), [(State::Down, "in use".to_owned()), child.clone(), child]);
    assert_eq!(watching.services.obstacle().unwrap(), "virtual service parent: in use");

    watching.failed.clear();
    parent.host.enabled = false;
    watching.adopt(&objects(parent, vec![]));
    let child = (State::Disabled, "its parent parent is switched off".to_owned());
    assert_eq!(states(&mut watching), [(State::Disabled, "switched off".to_owned()), child.clone(), child]);
    assert_eq!(watching.services.obstacle(), None);
}

#[test]
fn a_new_child_leaves_the_reports_of_the_others_as_they_are() {
    let mut watching = Watching::new();
    let mut parent = virtual_service("a", VIP.parse().unwrap(), None);
    parent.children = vec![child("b", "b.example.com", to_pool("full"))];
    watching.adopt(&objects(parent.clone(), vec![]));
    let before = watching.services.report();
    parent.children.push(child("c", "c.example.com", to_pool("full")));
    watching.adopt(&objects(parent.clone(), vec![]));
    let now = watching.services.report();
    assert_eq!((before.len(), now.len()), (2, 3));
    assert!(before.iter().zip(&now).all(|(before, now)| Arc::ptr_eq(before, now)));
    parent.children.remove(0);
    watching.adopt(&objects(parent, vec![]));
    let uuids: Vec<String> = watching.services.report().iter().map(|state| state.uuid.clone()).collect();
    assert_eq!(uuids, ["virtualservice-a", "virtualservice-c"]);
}
