//! Federated objects from one site to another (avi-api 5.3).

use objects::federated::{self, Copied};
use objects::{Effect, Guard, Object, Write};
use serde_json::{Value, json};

use crate::world::{Verb, World, federated_monitor, gslb_service, tcp_monitor, uuid_of};

/// Brings `copies` into `world` as a site does, in as many transactions as it takes.
fn adopt(world: &mut World, mut copies: Vec<Copied>) -> usize {
    let mut transactions = 0;
    while !copies.is_empty() {
        for adoption in federated::adopt(&world.projection, &copies, 4) {
            assert!(adoption.effects.len() <= objects::write::KEYS_MAX, "{}", adoption.effects.len());
            assert!(adoption.taken > 0);
            commit(world, adoption.effects);
            copies.drain(..adoption.taken);
            transactions += 1;
        }
    }
    transactions
}

fn commit(world: &mut World, effects: Vec<Effect>) {
    let any = world.object("cluster", &world.cluster_uuid());
    let change = objects::Change::Deleted(any);
    let write = Write { change, others: Vec::new(), warnings: Vec::new(), guards: Vec::<Guard>::new(), effects };
    world.commit(&write).unwrap();
}

fn travel(from: &World, to: &World, path: &str, uuid: &str) -> Object {
    let packed = federated::pack(&from.projection, &from.object(path, uuid));
    federated::unpack(&to.projection, &packed, 1_700_000_000_000_000).unwrap()
}

fn put(object: Object) -> Copied {
    Copied::Put(Box::new(object))
}

/// Two controllers with a tenant of the same name, which has another uuid at each.
fn two_sites() -> (World, World) {
    let mut leader = World::with_gslb();
    leader.create("tenant", json!({"name": "blue"}));
    let mut follower = World::new();
    follower.create("pool", json!({"name": "takes a uuid"}));
    follower.create("tenant", json!({"name": "blue"}));
    (leader, follower)
}

#[test]
fn an_object_is_the_same_at_the_other_site_and_points_at_what_is_there() {
    let (mut leader, mut follower) = two_sites();
    let monitor = leader.create("healthmonitor", federated_monitor("blue-monitor"));
    let blue = leader.projection.tenant_by_name("blue").unwrap().uuid.clone();
    let mut service = gslb_service("app.avi.iberia.local", &["192.0.2.1"]);
    service["health_monitor_refs"] = json!([monitor["url"], "/api/healthmonitor?name=System-GSLB-TCP"]);
    service["tenant_ref"] = json!(format!("/api/tenant/{blue}"));
    let service = leader.create("gslbservice", service);
    let (monitor, service) = (uuid_of(&monitor).to_owned(), uuid_of(&service).to_owned());

    let copies = vec![
        put(travel(&leader, &follower, "healthmonitor", &monitor)),
        put(travel(&leader, &follower, "gslbservice", &service)),
    ];
    adopt(&mut follower, copies);
    let (there, here) = (leader.object("gslbservice", &service), follower.object("gslbservice", &service));
    assert_eq!((&there.name, &there.uuid, there.version), (&here.name, &here.uuid, here.version));
    assert_eq!(here.last_modified_us, 1_700_000_000_000_000);
    let tenant = follower.projection.tenant_by_name("blue").unwrap();
    assert_ne!(tenant.uuid, blue);
    assert_eq!(here.tenant, tenant.uuid);
    let own = follower.projection.by_name("healthmonitor", "admin", None, "System-GSLB-TCP").unwrap();
    assert_eq!(here.body["health_monitor_refs"], json!([format!("/api/healthmonitor/{monitor}"), own.reference()]));
    assert_eq!(follower.projection.gslb_service_of("app.avi.iberia.local").unwrap().uuid, service);
    assert!(!follower.projection.referrers("healthmonitor", &monitor).is_empty());
}

#[test]
fn what_is_gone_at_the_leader_goes_with_all_it_held() {
    let (mut leader, mut follower) = two_sites();
    let service = leader.create("gslbservice", gslb_service("app.avi.iberia.local", &["192.0.2.1"]));
    let uuid = uuid_of(&service);
    let keys = follower.keys.len();
    let copy = travel(&leader, &follower, "gslbservice", uuid);
    adopt(&mut follower, vec![put(copy)]);
    assert!(follower.keys.len() > keys);
    adopt(&mut follower, vec![Copied::Delete { path: "gslbservice".into(), uuid: uuid.to_owned() }]);
    assert!(follower.projection.gslb_service_of("app.avi.iberia.local").is_none());
    let left: Vec<&String> = follower.keys.keys().filter(|key| key.contains("app.avi")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_name_moves_from_one_object_to_another_in_one_go() {
    let (mut leader, mut follower) = two_sites();
    let first = leader.create("gslbservice", gslb_service("app.avi.iberia.local", &["192.0.2.1"]));
    let first = uuid_of(&first).to_owned();
    let copy = travel(&leader, &follower, "gslbservice", &first);
    adopt(&mut follower, vec![put(copy)]);
    let delete = Verb::Delete("gslbservice", &first);
    leader.write(&delete).unwrap();
    let second = leader.create("gslbservice", gslb_service("app.avi.iberia.local", &["192.0.2.2"]));
    let second = uuid_of(&second).to_owned();
    // As a reader of the whole state does it: what is there first, what is gone last.
    let copies = vec![
        put(travel(&leader, &follower, "gslbservice", &second)),
        Copied::Delete { path: "gslbservice".into(), uuid: first },
    ];
    adopt(&mut follower, copies);
    assert_eq!(follower.projection.gslb_service_of("app.avi.iberia.local").unwrap().uuid, second);
    let taken = String::from_utf8(follower.keys["/fqdn/app.avi.iberia.local"].0.clone()).unwrap();
    assert_eq!(taken, second, "the name is still held");
}

#[test]
fn many_objects_come_in_transactions_that_the_store_takes() {
    let (mut leader, mut follower) = two_sites();
    let mut copies = Vec::new();
    for n in 0..200 {
        let service = leader.create("gslbservice", gslb_service(&format!("app{n}.avi.iberia.local"), &["192.0.2.1"]));
        copies.push(put(travel(&leader, &follower, "gslbservice", uuid_of(&service))));
    }
    let transactions = adopt(&mut follower, copies);
    assert!((2..=20).contains(&transactions), "{transactions}");
    assert_eq!(follower.projection.objects("gslbservice").count(), 200);
}

#[test]
fn transactions_that_may_happen_at_once_end_the_same_in_any_order() {
    let (mut leader, mut follower) = two_sites();
    let mut copies = Vec::new();
    for n in 0..150 {
        let service = leader.create("gslbservice", gslb_service(&format!("app{n}.avi.iberia.local"), &["192.0.2.1"]));
        copies.push(put(travel(&leader, &follower, "gslbservice", uuid_of(&service))));
    }
    // The first is written again, and its name goes over to another in the end.
    let Some(Copied::Put(first)) = copies.first().cloned() else { panic!("no copy") };
    let uuid = first.uuid.clone();
    let mut again = first.clone();
    again.body.insert("ttl".into(), json!(17));
    copies.push(Copied::Put(again));
    copies.push(Copied::Delete { path: "gslbservice".into(), uuid: uuid.clone() });
    leader.write(&Verb::Delete("gslbservice", &uuid)).unwrap();
    let heir = leader.create("gslbservice", gslb_service("app0.avi.iberia.local", &["192.0.2.9"]));
    let heir = uuid_of(&heir).to_owned();
    copies.push(put(travel(&leader, &follower, "gslbservice", &heir)));
    let mut together = 0;
    while !copies.is_empty() {
        let adoptions = federated::adopt(&follower.projection, &copies, 8);
        together = together.max(adoptions.len());
        copies.drain(..adoptions.iter().map(|adoption| adoption.taken).sum::<usize>());
        for adoption in adoptions.into_iter().rev() {
            commit(&mut follower, adoption.effects);
        }
    }
    assert!(together > 1, "none at once");
    assert_eq!(follower.projection.objects("gslbservice").count(), 150);
    assert!(follower.projection.get("gslbservice", &uuid).is_none(), "the one that went");
    assert_eq!(follower.projection.gslb_service_of("app0.avi.iberia.local").unwrap().uuid, heir);
    let taken = String::from_utf8(follower.keys["/fqdn/app0.avi.iberia.local"].0.clone()).unwrap();
    assert_eq!(taken, heir, "the name is held by its heir");
}

#[test]
fn only_what_is_federated_and_made_by_people_is_copied() {
    let (mut leader, _) = two_sites();
    let local = leader.create("healthmonitor", tcp_monitor("local"));
    let federated = leader.create("healthmonitor", federated_monitor("everywhere"));
    let is = |uuid: &str| federated::is_replicated(&leader.object("healthmonitor", uuid));
    assert!(!is(uuid_of(&local)));
    assert!(is(uuid_of(&federated)));
    let system = leader.projection.by_name("healthmonitor", "admin", None, "System-GSLB-TCP").unwrap();
    assert!(!federated::is_replicated(system), "each site makes it for itself");
}

#[test]
fn what_is_no_object_is_told_and_a_tenant_that_is_missing_is_named() {
    let (leader, follower) = two_sites();
    assert!(federated::unpack(&follower.projection, b"{", 0).is_err());
    let gslb = leader.projection.single("gslb").unwrap();
    let mut packed: Value = serde_json::from_slice(&federated::pack(&leader.projection, gslb)).unwrap();
    packed["tenant"] = json!("green");
    let error = federated::unpack(&follower.projection, packed.to_string().as_bytes(), 0).unwrap_err();
    assert_eq!(error.to_string(), "there is no tenant green here");
}

#[test]
fn what_a_later_release_says_of_an_object_survives_at_a_site_that_does_not_know_it() {
    let (leader, follower) = two_sites();
    let gslb = leader.projection.single("gslb").unwrap();
    let mut packed: Value = serde_json::from_slice(&federated::pack(&leader.projection, gslb)).unwrap();
    packed["later"] = json!(1);
    packed["object"]["later"] = json!({"a": 2});
    packed["object"]["body"]["later"] = json!([3]);
    packed["object"]["body"]["sites"][0]["later"] = json!("four");
    let came = federated::unpack(&follower.projection, packed.to_string().as_bytes(), 7).unwrap();
    // It goes through the store, and on to others when this site leads.
    let stored = Object::from_bytes(follower.projection.types(), &came.to_bytes(), 1).unwrap();
    let on: Value = serde_json::from_slice(&federated::pack(&follower.projection, &stored)).unwrap();
    assert_eq!(on["object"]["later"], json!({"a": 2}));
    assert_eq!(on["object"]["body"]["later"], json!([3]));
    assert_eq!(on["object"]["body"]["sites"][0]["later"], json!("four"));
}
