//! Two writes decided on the same state: the one that commits second must fail by its guards, and on a second look by its text.

use objects::{Class, Write};
use serde_json::json;

use crate::world::{Verb, World, federated_monitor, gslb_service, tcp_monitor, uuid_of, virtual_service};

/// Commits `first`, then expects `second` (decided before) to be refused by the store and again by a new decision.
#[track_caller]
fn check_excluded(world: &mut World, first: &Verb<'_>, second: &Verb<'_>, text: &str) {
    let (decided_first, decided_second): (Write, Write) = (world.decide(first).unwrap(), world.decide(second).unwrap());
    world.commit(&decided_first).unwrap();
    world.commit(&decided_second).expect_err("the guards must notice the first write");
    let error = world.refusal(second);
    assert!(error.to_string().contains(text), "{error}");
}

#[test]
fn two_creates_of_one_name() {
    let mut world = World::new();
    let create = || Verb::Create("healthmonitor", tcp_monitor("m"));
    check_excluded(&mut world, &create(), &create(), "already exists");
}

#[test]
fn two_services_for_one_domain_name() {
    let mut world = World::with_gslb();
    let mut other = gslb_service("b.avi.iberia.local", &["192.0.2.1"]);
    other["domain_names"] = json!(["a.avi.iberia.local"]);
    let first = Verb::Create("gslbservice", gslb_service("a.avi.iberia.local", &["192.0.2.1"]));
    check_excluded(&mut world, &first, &Verb::Create("gslbservice", other), "domain name conflicting");
}

#[test]
fn a_delete_and_a_new_reference() {
    for delete_first in [true, false] {
        let mut world = World::with_gslb();
        let monitor = world.create("healthmonitor", federated_monitor("hm"));
        let mut body = gslb_service("a.avi.iberia.local", &["192.0.2.1"]);
        body["health_monitor_refs"] = json!(["hm"]);
        let delete = Verb::Delete("healthmonitor", uuid_of(&monitor));
        let create = Verb::Create("gslbservice", body);
        if delete_first {
            check_excluded(&mut world, &delete, &create, "HealthMonitor object not found!");
        } else {
            check_excluded(&mut world, &create, &delete, "referred by: ['GslbService a.avi.iberia.local']");
        }
    }
}

#[test]
fn a_delete_after_a_reference_came_and_went() {
    let mut world = World::with_gslb();
    let monitor = world.create("healthmonitor", federated_monitor("hm"));
    let delete = Verb::Delete("healthmonitor", uuid_of(&monitor));
    let mut body = gslb_service("a.avi.iberia.local", &["192.0.2.1"]);
    body["health_monitor_refs"] = json!(["hm"]);
    let service = world.create("gslbservice", body);
    world.write(&Verb::Delete("gslbservice", uuid_of(&service))).unwrap();
    world.write(&delete).unwrap();
    assert!(!world.keys.keys().any(|key| key.contains(uuid_of(&monitor))), "guard keys go with their object");
}

#[test]
fn referrers_of_one_object_do_not_disturb_each_other() {
    let mut world = World::with_gslb();
    world.create("healthmonitor", federated_monitor("hm"));
    let create = |name: &str| {
        let mut body = gslb_service(name, &["192.0.2.1"]);
        body["health_monitor_refs"] = json!(["hm"]);
        Verb::Create("gslbservice", body)
    };
    let a = world.decide(&create("a.avi.iberia.local")).unwrap();
    let b = world.decide(&create("b.avi.iberia.local")).unwrap();
    world.commit(&a).unwrap();
    world.commit(&b).unwrap();
}

#[test]
fn two_replaces_of_one_object() {
    let mut world = World::new();
    let created = world.create("healthmonitor", tcp_monitor("m"));
    let replace = || Verb::Replace("healthmonitor", uuid_of(&created), created.clone());
    check_excluded(&mut world, &replace(), &replace(), "Need to reload object data");
}

#[test]
fn a_tenant_goes_while_an_object_arrives() {
    let mut world = World::new();
    let tenant = world.create("tenant", json!({"name": "t1"}));
    let mut body = tcp_monitor("m");
    body["tenant_ref"] = tenant["url"].clone();
    let create = Verb::Create("healthmonitor", body);
    let delete = Verb::Delete("tenant", uuid_of(&tenant));
    check_excluded(&mut world, &create, &delete, "['HealthMonitor m']");
    let mut world = World::new();
    let tenant = world.create("tenant", json!({"name": "t1"}));
    let delete = Verb::Delete("tenant", uuid_of(&tenant));
    check_excluded(&mut world, &delete, &create, "Tenant object not found!");
}

#[test]
fn the_gslb_changes_while_a_service_arrives() {
    let mut world = World::with_gslb();
    let gslb = world.projection.single("gslb").unwrap().uuid.clone();
    let create = || Verb::Create("gslbservice", gslb_service("a.avi.iberia.local", &["192.0.2.1"]));
    let maintain = Verb::Patch("gslb", &gslb, json!({"replace": {"maintenance_mode": true}}));
    check_excluded(&mut world, &maintain, &create(), "maintenance mode");
    let mut world = World::with_gslb();
    let gslb = world.projection.single("gslb").unwrap().uuid.clone();
    let remove = Verb::Delete("gslb", &gslb);
    check_excluded(&mut world, &create(), &remove, "['GslbService a.avi.iberia.local']");
    let mut world = World::with_gslb();
    let gslb = world.projection.single("gslb").unwrap().uuid.clone();
    check_excluded(&mut world, &Verb::Delete("gslb", &gslb), &create(), "GSLB sub-domains");
}

#[test]
fn a_write_that_no_transaction_can_carry_is_refused() {
    let world = World::with_gslb();
    let names: Vec<String> = (0..130).map(|index| format!("a{index}.avi.iberia.local")).collect();
    let mut body = gslb_service("a.avi.iberia.local", &["192.0.2.1"]);
    body["domain_names"] = json!(names);
    let error = world.refusal(&Verb::Create("gslbservice", body));
    assert_eq!(error.class(), Class::Validation);
    assert!(error.to_string().contains("at most 128 are possible"), "{error}");
}

#[test]
fn many_references_at_once_and_the_delete_of_one() {
    let world = |pools: usize| {
        let mut world = World::new();
        let made: Vec<_> = (0..pools).map(|index| world.create("pool", json!({"name": format!("p{index}")}))).collect();
        (world, uuid_of(&made[7]).to_owned())
    };
    let group = |pools: usize| {
        let members: Vec<_> = (0..pools).map(|index| json!({"pool_ref": format!("/api/pool?name=p{index}")})).collect();
        Verb::Create("poolgroup", json!({"name": "g", "members": members}))
    };
    for pools in [10, 200, 500] {
        let (mut deleted_first, pool) = world(pools);
        check_excluded(&mut deleted_first, &Verb::Delete("pool", &pool), &group(pools), "Pool object not found!");
        let (mut grouped_first, pool) = world(pools);
        check_excluded(&mut grouped_first, &group(pools), &Verb::Delete("pool", &pool), "['PoolGroup g']");
        // Once the group is gone they can go, however they were guarded, and a group can come back.
        let group_uuid = grouped_first.projection.single("poolgroup").unwrap().uuid.clone();
        grouped_first.write(&Verb::Delete("poolgroup", &group_uuid)).unwrap();
        grouped_first.write(&Verb::Delete("pool", &pool)).unwrap();
        grouped_first.create("pool", json!({"name": "p7"}));
        grouped_first.write(&group(pools)).unwrap();
    }
}

#[test]
fn two_deletes_of_one_type_do_not_disturb_each_other() {
    let mut world = World::new();
    let [a, b] = ["a", "b"].map(|name| world.create("pool", json!({"name": name})));
    let [a, b] = [&a, &b].map(|pool| world.decide(&Verb::Delete("pool", uuid_of(pool))).unwrap());
    world.commit(&a).unwrap();
    world.commit(&b).unwrap();
}

#[test]
fn two_vsvips_at_one_address() {
    let vip = |name: &str| json!({"name": name, "vip": [{"ip_address": {"addr": "192.0.2.1"}}]});
    let (a, b) = (Verb::Create("vsvip", vip("a")), Verb::Create("vsvip", vip("b")));
    check_excluded(&mut World::new(), &a, &b, "IP address 192.0.2.1 conflicts with VsVip a");
    // The same for addresses that virtual services bring along.
    let inline = |name: &str| Verb::Create("virtualservice", virtual_service(name, "192.0.2.1"));
    check_excluded(&mut World::new(), &inline("a"), &inline("b"), "IP address 192.0.2.1 conflicts with VsVip vsvip-");
}

#[test]
fn two_virtual_services_on_one_port_of_a_vsvip() {
    let mut world = World::new();
    world.create("vsvip", json!({"name": "v", "vip": [{"ip_address": {"addr": "192.0.2.1"}}]}));
    let service = |name: &str, port: u16| json!({"name": name, "vsvip_ref": "v", "services": [{"port": port}]});
    let (a, b) = (Verb::Create("virtualservice", service("a", 80)), Verb::Create("virtualservice", service("b", 80)));
    check_excluded(&mut world, &a, &b, "TCP port 80 on VsVip v is used by VirtualService a");
    // One that moves there, against one that is made there.
    let c = world.create("virtualservice", service("c", 81));
    let moved = Verb::Replace("virtualservice", uuid_of(&c), service("c", 82));
    check_excluded(&mut world, &moved, &Verb::Create("virtualservice", service("d", 82)), "used by VirtualService c");
}

#[test]
fn two_children_with_one_server_name() {
    let mut world = World::new();
    let mut parent = virtual_service("parent", "192.0.2.1");
    parent["type"] = json!("VS_TYPE_VH_PARENT");
    let parent = world.create("virtualservice", parent);
    let child = |name: &str| {
        Verb::Create(
            "virtualservice",
            json!({"name": name, "type": "VS_TYPE_VH_CHILD", "vh_parent_vs_ref": "parent", "vh_domain_name": ["a.test"]}),
        )
    };
    check_excluded(&mut world, &child("a"), &child("b"), "'a.test' belongs to VirtualService a");
    let mut world = World::new();
    let mut other = virtual_service("parent", "192.0.2.1");
    other["type"] = json!("VS_TYPE_VH_PARENT");
    let other = world.create("virtualservice", other);
    assert_eq!(parent["name"], other["name"]);
    let delete = Verb::Delete("virtualservice", uuid_of(&other));
    check_excluded(&mut world, &delete, &child("a"), "VirtualService object not found!");
}

#[test]
fn a_range_changes_while_an_address_of_it_is_allocated() {
    let mut world = World::new();
    let network = |first: u8| {
        let address = |last: u8| json!({"addr": format!("192.0.2.{last}")});
        json!({"name": "n", "configured_subnets": [{"prefix": {"ip_addr": address(0), "mask": 24},
            "static_ip_ranges": [{"range": {"begin": address(first), "end": address(first)}}]}]})
    };
    let made = world.create("network", network(1));
    let vip = json!({"auto_allocate_ip": true, "ipam_network_subnet": {"network_ref": "n"}});
    let allocate = Verb::Create("vsvip", json!({"name": "v", "vip": [vip]}));
    let decided = world.decide(&allocate).unwrap();
    world.replace("network", uuid_of(&made), network(2));
    world.commit(&decided).expect_err("the guards must notice that the range moved");
    let vs_vip = world.write(&allocate).unwrap();
    assert_eq!(vs_vip["vip"][0]["ip_address"]["addr"], "192.0.2.2");
}

#[test]
fn a_cloud_goes_while_a_pool_arrives() {
    let mut world = World::new();
    let cloud = world.create("cloud", json!({"name": "c"}));
    let pool = Verb::Create("pool", json!({"name": "p", "cloud_ref": "c"}));
    let delete = Verb::Delete("cloud", uuid_of(&cloud));
    check_excluded(&mut world, &pool, &delete, "Cannot delete, object is referred by: ['Pool p']");
    let mut world = World::new();
    let cloud = world.create("cloud", json!({"name": "c"}));
    check_excluded(&mut world, &Verb::Delete("cloud", uuid_of(&cloud)), &pool, "Cloud object not found!");
    assert!(!world.keys.keys().any(|key| key.contains(uuid_of(&cloud))), "its VRFs and all guard keys went with it");
}
