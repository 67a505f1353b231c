//! An operator in each of three clusters: one leads, its objects are everywhere, and another takes over.

use std::time::Instant;

use serde_json::{Value, json};

use crate::clusters::{INGRESSES, S1AZ1, S1AZ2, S2, ingress};
use crate::world::World;

const CLUSTERS: [&str; 3] = ["s1az1", "s1az2", "s2"];
const CONFIG: &str = "/apis/amko.vmware.com/v1alpha1/namespaces/avi-system/gslbconfigs/gc-1";
const POLICY: &str = "/apis/amko.vmware.com/v1alpha2/namespaces/avi-system/globaldeploymentpolicies/global-gdp";
const UUID: &str = "amko.vmware.com/amko-uuid";
const ALL_WELL: [&str; 5] = [
    "current AMKOCluster Validation / valid AMKOCluster object / ",
    "member cluster initialisation / all cluster clients fetched / ",
    "member cluster validation / validated all member clusters / ",
    "GSLBConfig Federation / federated to all valid clusters successfully / ",
    "GDP Federation / federated to all valid clusters successfully / ",
];
const FOLLOWS: &str = "current AMKOCluster Validation / won't federate objects / AMKO not a leader";

// catalogue amko: 110, 111, 112, 114, 115, 178, 179, 180, 181, 182, 183, 184, 185, 188
#[test]
fn the_leader_s_objects_are_everywhere_and_a_flag_moves_it() {
    let Some(mut world) = World::start_without_operator() else { return };
    world.add_backend("10.10.26.48:80");
    // Without an AMKOCluster nothing is done.
    world.start_operator("s1az1");
    world.wait_until_said("amko-s1az1", 0, &["may not lead", "error during boot up: No AMKOCluster object was found"]);
    assert!(world.held("gslbservice").is_empty());

    world.federate("s1az1", false);
    let own = world.amko_cluster("s1az1")["spec"].clone();
    for cluster in ["s1az2", "s2"] {
        world.start_operator(cluster);
    }
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 4), (S2, 2)]);
    world.wait("five conditions", || world.conditions("s1az1") == ALL_WELL);
    world.wait("followers to say so", || ["s1az2", "s2"].iter().all(|cluster| world.conditions(cluster) == [FOLLOWS]));
    world.wait("all to know the leader", || CLUSTERS.iter().all(|cluster| world.leader_shown(cluster).0 == "s1az1"));
    world.wait("all to be ready", || CLUSTERS.iter().all(|cluster| world.is_operator_ready(cluster)));
    world.wait("a status that leaves the spec alone", || world.amko_cluster("s1az1")["spec"] == own);
    let of = |cluster: &str, path: &str| world.seen(cluster, path);
    let identity = |cluster: &str| of(cluster, CONFIG)["metadata"]["annotations"][UUID].clone();
    world.wait("an identity", || identity("s1az1").is_string());
    let uuid = identity("s1az1");
    let same = |cluster: &str, path: &str| {
        let spec = of(cluster, path)["spec"].clone();
        spec.is_object() && spec == of("s1az1", path)["spec"]
    };
    for cluster in ["s1az2", "s2"] {
        world.wait("the copies", || same(cluster, CONFIG) && same(cluster, POLICY));
        world.wait("the identity", || identity(cluster) == uuid);
        let writer = || of(cluster, CONFIG)["metadata"]["managedFields"].to_string();
        world.wait("the federator's name", || writer().contains("AMKO-Federator"));
    }

    // Edits go along; what is edited at a follower, or made there, does not stay.
    world.merge("s1az1", CONFIG, &json!({"spec": {"refreshInterval": 1234}}));
    world.merge("s1az1", POLICY, &json!({"spec": {"ttl": 17}}));
    world.wait("the edits", || {
        of("s2", CONFIG)["spec"]["refreshInterval"] == 1234 && of("s2", POLICY)["spec"]["ttl"] == 17
    });
    let mut extra = of("s2", CONFIG);
    extra["metadata"] = json!({"name": "gc-2"});
    extra.as_object_mut().unwrap().remove("status");
    world.make("s2", CONFIG.rsplit_once('/').unwrap().0, &extra);
    world.merge("s2", POLICY, &json!({"spec": {"ttl": 18}}));
    world.wait("the extra one to go", || world.is_gone("s2", &CONFIG.replace("gc-1", "gc-2")));
    world.wait("the edit to be undone", || of("s2", POLICY)["spec"]["ttl"] == 17);

    a_member_that_cannot_take_part_is_told(&world);
    two_leaders_stop_both(&world);

    // The flag moves, as somebody sets it after a disaster.
    world.set_part("s1az1", &json!({"isLeader": false}));
    world.wait_until_said("amko-s1az1", 0, &["AMKO leader flag changed."]);
    world.wait("the event", || {
        let events = of("s1az1", "/api/v1/namespaces/avi-system/events")["items"].clone();
        let is_it = |event: &Value| {
            event["reason"] == "AMKOShutdown"
                && event["message"] == "AMKO leader flag changed."
                && event["involvedObject"]["name"] == "gc-1"
        };
        events.as_array().is_some_and(|events| events.iter().any(is_it))
    });
    world.wait("the old leader to follow", || world.conditions("s1az1") == [FOLLOWS]);
    world.set_part("s2", &json!({"isLeader": true}));
    world.wait("the new one to lead", || world.conditions("s2") == ALL_WELL);
    world.wait("all to know the leader", || CLUSTERS.iter().all(|cluster| world.leader_shown(cluster).0 == "s2"));
    new_ingress(&world, "after", "10.10.26.48");
    world.wait_for_split_of("after.avi.iberia.local", &[("10.10.26.48", 4)]);
    world.wait("the same identity, so the same services", || identity("s2") == uuid);

    // What is deleted at the leader is deleted everywhere.
    for path in [POLICY, CONFIG] {
        world.remove("s2", path);
        world.wait("it to go everywhere", || CLUSTERS.iter().all(|cluster| world.is_gone(cluster, path)));
        if path == POLICY {
            world.wait("the services to go", || world.held("gslbservice").is_empty());
        }
    }
}

fn a_member_that_cannot_take_part_is_told(world: &World) {
    let third = |reason: &str| {
        let expected = format!("member cluster validation / error in validating some member clusters / {reason}");
        world.wait(&expected, || world.conditions("s1az1").get(2) == Some(&expected));
    };
    let edit = |ttl: u64| world.merge("s1az1", POLICY, &json!({"spec": {"ttl": ttl}}));
    let there = |ttl: u64| world.seen("s2", POLICY)["spec"]["ttl"] == ttl;
    world.set_part("s2", &json!({"version": "2.3.0"}));
    third("version mismatch, current AMKO: 2.2.1, AMKO in cluster s2: 2.3.0");
    edit(19);
    world.wait("the other member to have it", || world.seen("s1az2", POLICY)["spec"]["ttl"] == 19);
    assert!(!there(19), "a member of another version gets no copies");
    world.set_part("s2", &json!({"version": "2.2.1"}));
    world.wait("the copy", || there(19) && world.conditions("s1az1") == ALL_WELL);

    let part = world.amko_cluster("s2")["spec"].clone();
    world.remove_part("s2");
    third("no AMKOCluster object present in cluster s2, can't federate");
    world.add_part("s2", &part);
    world.wait("all to be well", || world.conditions("s1az1") == ALL_WELL);
}

fn two_leaders_stop_both(world: &World) {
    let conflict = |own: &str, other: &str| {
        let expected = format!(
            "member cluster validation / member cluster clients invalid / AMKO in cluster {other} is also a leader, \
             conflicting state"
        );
        world.wait(&expected, || world.conditions(own).last() == Some(&expected));
        world.wait("it to say so", || !world.is_operator_ready(own));
    };
    world.set_part("s2", &json!({"isLeader": true}));
    conflict("s1az1", "s2");
    conflict("s2", "s1az1");
    new_ingress(world, "meanwhile", "10.10.26.47");
    let served = |world: &World| world.held("gslbservice").contains_key("meanwhile.avi.iberia.local");
    assert!(!served(world), "nobody writes");
    world.set_part("s2", &json!({"isLeader": false}));
    world.wait("all to be well", || world.conditions("s1az1") == ALL_WELL);
    world.wait("what waited to be written", || served(world));
}

#[test]
fn another_cluster_leads_by_itself_when_the_operator_that_led_is_killed() {
    let Some(mut world) = World::start_without_operator() else { return };
    world.federate("s1az1", true);
    for cluster in CLUSTERS {
        world.start_operator(cluster);
    }
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 4), (S2, 2)]);
    let everywhere = |world: &World, leader: &str| {
        world.wait(&format!("all to show {leader}"), || CLUSTERS.iter().all(|c| world.leader_shown(c).0 == leader));
    };
    // Of three that begin together, the one whose flag says so is first.
    everywhere(&world, "s1az1");
    world.wait("five conditions", || world.conditions("s1az1") == ALL_WELL);
    let (_, term) = world.leader_shown("s1az1");
    world.wait("the copies", || ["s1az2", "s2"].iter().all(|cluster| !world.seen(cluster, POLICY).is_null()));

    world.add_backend("10.10.26.47:80");
    world.kill_operator("s1az1");
    let killed = now();
    new_ingress(&world, "hackazon", "10.10.26.47");
    world.wait_for_split_of("hackazon.avi.iberia.local", &[("10.10.26.47", 4)]);
    println!("a new Ingress is answered {:.1} s after the leader was killed", seconds_since(killed));
    let mut heir = (String::new(), 0);
    world.wait("both to show the heir", || {
        heir = world.leader_shown("s1az2");
        ["s1az2", "s2"].contains(&heir.0.as_str()) && heir == world.leader_shown("s2")
    });
    let (heir, later) = heir;
    assert!(later > term, "{later} after {term}");
    assert_eq!(world.count(12), World::counts(&[(S1AZ1, 6), (S1AZ2, 4), (S2, 2)]), "what was there stays");

    // The first one returns, and stays follower.
    world.start_operator("s1az1");
    everywhere(&world, &heir);
    world.wait("it to follow", || world.is_operator_ready("s1az1") && world.conditions("s1az1") == [FOLLOWS]);
    world.merge(&heir, POLICY, &json!({"spec": {"ttl": 17}}));
    world.wait("the heir's policy to be there", || world.seen("s1az1", POLICY)["spec"]["ttl"] == 17);
    assert_eq!(world.leader_shown("s1az1"), (heir.clone(), later));

    // One that ends in good order gives its leases back.
    let mark = world.mark("amko-s1az1");
    let ended = now();
    world.stop_operator(&heir);
    let left: Vec<&str> = CLUSTERS.into_iter().filter(|cluster| *cluster != heir).collect();
    world.wait("another heir", || world.leader_shown(left[0]).1 > later && world.leader_shown(left[1]).1 > later);
    println!("another leads {:.1} s after the leader was told to end", seconds_since(ended));
    assert!(world.has_said("amko-s1az1", mark, &["this operator leads"]) || world.leader_shown("s1az1").0 != "s1az1");
}

#[expect(clippy::disallowed_methods, reason = "what a takeover takes is measured and printed")]
fn now() -> Instant {
    Instant::now()
}

fn seconds_since(begin: Instant) -> f64 {
    now().saturating_duration_since(begin).as_secs_f64()
}

fn new_ingress(world: &World, name: &str, address: &str) {
    let host = format!("{name}.avi.iberia.local");
    let ingress: Value = ingress(name, &[(&host, address, &["/"])]);
    world.make("s1az2", INGRESSES, &ingress);
}
