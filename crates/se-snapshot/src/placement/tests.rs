use model::{
    Revision, Version,
    http::{PolicySet, RequestMatch, RequestRule},
    testing::{child, dns_service, http_pool, pool_group, service, to_pool, virtual_service},
};
use serde_json::{Map, Value, json};

use super::*;
use crate::monitor;

/// `a`: a pool, and a child with a pool group; `b`: a pool that a rule selects. `dns` is a DNS virtual service.
fn everything() -> Arc<Snapshot> {
    let address = "192.0.2.1:80".parse().unwrap();
    let mut a = virtual_service("a", address, to_pool("a"));
    a.children = vec![child("a-child", "a.example.com", Some(Target::PoolGroup("poolgroup-a".into())))];
    let mut b = virtual_service("b", address, None);
    let select = RequestRule {
        name: "r".into(),
        matches: RequestMatch::default(),
        header_edits: vec![],
        action: to_pool("b").map(RequestAction::Select),
    };
    let rules = PolicySet { uuid: "httppolicyset-b".into(), name: "b".into(), security: vec![], request: vec![select] };
    b.host.policies = vec![Arc::new(rules)];
    for service in [&mut a, &mut b] {
        service.ports[0].listen_port = PortOffset::UNPRIVILEGED.apply(80);
    }
    let pools = ["a", "a-child", "b"].map(|name| {
        let mut pool = http_pool(name, &[]);
        pool.health_monitors = vec![format!("healthmonitor-{name}")];
        Arc::new(pool)
    });
    let monitor = |name| Arc::new(monitor::read(&format!("healthmonitor-{name}"), None, &mut vec![]));
    let mut global = service("app.example.com", vec![]);
    global.health_monitors = vec!["healthmonitor-gslb".into()];
    let dns = model::dns::DnsVirtualService { uuid: "virtualservice-dns".into(), ..dns_service("example.com") };
    Arc::new(Snapshot {
        version: Version { incarnation: "i".into(), term: 0, revision: Revision(7) },
        cluster_uuid: "cluster-1".into(),
        port_offset: PortOffset::UNPRIVILEGED,
        clients: se_protocol::Clients::default(),
        dns_services: vec![dns],
        gslb_domains: vec![],
        gslb_services: vec![Arc::new(global)],
        monitors: ["a", "a-child", "b", "gslb"].map(monitor).to_vec(),
        http: HttpObjects {
            services: vec![Arc::new(a), Arc::new(b)],
            pools: pools.to_vec(),
            pool_groups: vec![Arc::new(pool_group("a", &[("a-child", 1, 0)]))],
        },
        registrations: vec![],
    })
}

/// Objects as type, uuid, name, fields.
fn placed(all: &Arc<Snapshot>, objects: &[(&str, &str, &str, Value)]) -> GroupSnapshots {
    placed_after(&mut MovedServices::default(), all, objects)
}

fn placed_after(
    moved: &mut MovedServices,
    all: &Arc<Snapshot>,
    objects: &[(&str, &str, &str, Value)],
) -> GroupSnapshots {
    let none = Map::new();
    let objects = objects.iter().map(|(kind, uuid, name, fields)| Object {
        kind,
        uuid,
        name,
        tenant: "admin",
        fields: fields.as_object().unwrap_or(&none),
        created_us: 0,
        modified_us: 0,
        revision: 1,
    });
    place(objects, all, moved)
}

fn group(uuid: &'static str, name: &'static str, fields: Value) -> (&'static str, &'static str, &'static str, Value) {
    ("serviceenginegroup", uuid, name, fields)
}

/// A virtual service in the group with this uuid.
fn in_group(uuid: &'static str, group: &str) -> (&'static str, &'static str, &'static str, Value) {
    ("virtualservice", uuid, uuid, json!({"se_group_ref": format!("https://c/api/serviceenginegroup/{group}#x")}))
}

#[track_caller]
fn check(snapshot: &Snapshot, services: &[&str], pools: &[&str], groups: &[&str], monitors: &[&str]) {
    let dns = snapshot.dns_services.iter().map(|it| it.uuid.as_str());
    let http = snapshot.http.services.iter().map(|it| it.host.uuid.as_str());
    assert_eq!(dns.chain(http).collect::<Vec<_>>(), services);
    assert_eq!(snapshot.http.pools.iter().map(|it| it.uuid.as_str()).collect::<Vec<_>>(), pools);
    assert_eq!(snapshot.http.pool_groups.iter().map(|it| it.uuid.as_str()).collect::<Vec<_>>(), groups);
    assert_eq!(snapshot.monitors.iter().map(|it| it.uuid.as_str()).collect::<Vec<_>>(), monitors);
    assert_eq!(snapshot.gslb_services.len(), 1);
}

#[test]
fn virtual_services_go_to_the_engines_of_their_group_with_what_they_reach() {
    let all = everything();
    let groups = placed(
        &all,
        &[
            group("serviceenginegroup-1", "Default-Group", json!({})),
            group("serviceenginegroup-2", "edge", json!({})),
            in_group("virtualservice-a", "serviceenginegroup-1"),
            in_group("virtualservice-b", "serviceenginegroup-2"),
            ("virtualservice", "virtualservice-dns", "dns", json!({})),
        ],
    );
    let default = [groups.of("Default-Group"), groups.of("serviceenginegroup-1")];
    assert!(Arc::ptr_eq(default[0], default[1]), "a name or a uuid");
    check(
        default[0],
        &["virtualservice-dns", "virtualservice-a"],
        &["pool-a", "pool-a-child"],
        &["poolgroup-a"],
        &["healthmonitor-a", "healthmonitor-a-child", "healthmonitor-gslb"],
    );
    check(groups.of("edge"), &["virtualservice-b"], &["pool-b"], &[], &["healthmonitor-b", "healthmonitor-gslb"]);
    assert!(groups.has("edge") && !groups.has("other"));
    check(groups.of("other"), &[], &[], &[], &["healthmonitor-gslb"]);
}

#[test]
fn one_group_with_everything_shares_the_snapshot_of_everything() {
    let all = everything();
    let groups = placed(&all, &[group("serviceenginegroup-1", "Default-Group", json!({}))]);
    assert!(Arc::ptr_eq(groups.of("Default-Group"), &all));
    assert!(Arc::ptr_eq(placed(&all, &[]).of("any"), &all));
}

#[test]
fn groups_of_one_name_are_one_to_engines_that_name_it() {
    let all = everything();
    let objects = [
        group("serviceenginegroup-1", "Default-Group", json!({})),
        group("serviceenginegroup-2", "Default-Group", json!({})),
        in_group("virtualservice-b", "serviceenginegroup-2"),
    ];
    let groups = placed(&all, &objects);
    assert!(Arc::ptr_eq(groups.of("Default-Group"), &all));
    let uuids = |group| groups.of(group).http.services.iter().map(|it| it.host.uuid.clone()).collect::<Vec<_>>();
    assert_eq!(uuids("serviceenginegroup-1"), ["virtualservice-a"]);
    assert_eq!(uuids("serviceenginegroup-2"), ["virtualservice-b"]);
}

#[test]
fn group_states_how_its_engines_move_low_ports() {
    let all = everything();
    let port_of = |fields: Value| {
        let groups = placed(&all, &[group("serviceenginegroup-1", "Default-Group", fields)]);
        let snapshot = groups.of("Default-Group");
        (snapshot.port_offset.apply(53), snapshot.http.services[0].ports[0].listen_port)
    };
    assert_eq!(port_of(json!({})), (8053, 8080));
    assert_eq!(port_of(json!({"port_offset": 0})), (53, 80));
    assert_eq!(port_of(json!({"port_offset": 20_000})), (20_053, 20_080));
}

#[test]
fn a_moved_service_is_the_same_object_until_it_changes() {
    let (mut moved, mut all) = (MovedServices::default(), everything());
    let groups = |offset: u16| {
        let fields = json!({"port_offset": offset});
        [group("serviceenginegroup-1", "Default-Group", fields.clone()), group("serviceenginegroup-2", "edge", fields)]
    };
    let of = |placed: &GroupSnapshots| placed.of("Default-Group").http.services.clone();
    let first = of(&placed_after(&mut moved, &all, &groups(20_000)));
    let changed = Arc::make_mut(&mut all);
    Arc::make_mut(&mut changed.http.services[1]).host.name = "other".into();
    let second = of(&placed_after(&mut moved, &all, &groups(20_000)));
    assert!(Arc::ptr_eq(&first[0], &second[0]));
    assert_eq!((second[1].host.name.as_str(), second[1].ports[0].listen_port), ("other", 20_080));
    let third = of(&placed_after(&mut moved, &all, &groups(30_000)));
    assert!(third.iter().all(|service| service.ports[0].listen_port == 30_080));
    // What is not needed is not kept.
    let _ = placed_after(&mut moved, &all, &[]);
    assert!(moved.now.is_empty() && moved.before.is_empty());
}
