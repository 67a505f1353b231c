//! A change costs what it touches, and touches what it should (ako 2.6, 14.1).

use std::collections::BTreeMap;

use ako_translate::{ClusterObject, Kind, ObjectKey, ObjectType, Outcome, UnitName, Work};
use serde_json::json;

use crate::world::{CERTIFICATE, KEY, World, class, ingress, ingress_with, namespace, node, secret, slice, tls, web};

/// Ingresses `ing-0` … with a host, a Service and a pod each.
fn many(count: usize) -> World {
    let mut world = World::new();
    for number in 0..count {
        for object in web(&format!("web-{number}"), &["10.1.1.1"]) {
            world.put(object);
        }
        let (host, path) = (format!("host-{number}.com"), format!("/=web-{number}"));
        world.put(ingress(&format!("ing-{number}"), &[(&host, &[&path])]));
    }
    world
}

fn checksums(outcome: &Outcome) -> BTreeMap<ObjectKey, u32> {
    let site = &outcome.desired.site;
    outcome.desired.objects().map(|object| (object.key.clone(), object.checksum(site))).collect()
}

/// Types of what differs between two translations: added, changed, removed.
fn changes(before: &Outcome, after: &Outcome) -> [Vec<ObjectType>; 3] {
    let (before, after) = (checksums(before), checksums(after));
    let kinds = |keys: Vec<&ObjectKey>| keys.into_iter().map(|key| key.kind).collect();
    [
        kinds(after.keys().filter(|key| !before.contains_key(key)).collect()),
        kinds(
            after
                .iter()
                .filter(|(key, sum)| before.get(key).is_some_and(|there| there != *sum))
                .map(|(k, _)| k)
                .collect(),
        ),
        kinds(before.keys().filter(|key| !after.contains_key(key)).collect()),
    ]
}

/// 14.1, 13.
#[test]
fn a_scale_of_endpoints_changes_the_pool_alone() {
    let mut world = many(3);
    let before = world.outcome();
    world.put(slice("web-1", 8080, &["10.1.1.1", "10.1.1.2"]));
    let after = world.outcome();
    assert_eq!(changes(&before, &after), [vec![], vec![ObjectType::Pool], vec![]]);
    let host = |host: &str| UnitName::Host { tenant: "admin".into(), host: host.into() };
    assert_eq!(after.desired.changed_units(&before.desired), [host("host-1.com")]);
}

/// 14.1, 14.
#[test]
fn an_unchanged_world_gives_equal_checksums() {
    let (first, second) = (many(20).outcome(), many(20).outcome());
    assert_eq!(checksums(&first), checksums(&second), "by translators that know nothing of each other");
    assert!(second.desired.changed_units(&first.desired).is_empty());
}

#[test]
fn a_removed_ingress_takes_exactly_its_objects() {
    let mut world = many(20);
    world.put(secret("cert", CERTIFICATE, KEY));
    let before = world.outcome();
    world.put(ingress_with("extra", &[("extra.com", &["/=web-1", "/a=web-2"])], tls(&["extra.com"], "cert")));
    let with = world.outcome();
    use ObjectType::{
        ChildVirtualService, HttpPolicySet, Pool, PoolGroup, SslKeyAndCertificate, VirtualService, VsVip,
    };
    let own =
        vec![SslKeyAndCertificate, Pool, Pool, PoolGroup, PoolGroup, HttpPolicySet, HttpPolicySet, ChildVirtualService];
    // The parent has one more certificate, its VIP one more name.
    assert_eq!(changes(&before, &with), [own.clone(), vec![VsVip, VirtualService], vec![]]);
    world.delete(Kind::Ingress, "extra");
    let without = world.outcome();
    assert_eq!(changes(&with, &without), [vec![], vec![VsVip, VirtualService], own]);
    assert_eq!(checksums(&without), checksums(&before));
}

/// What has to be made for a change among 3,000 Ingresses.
#[test]
fn a_change_makes_again_only_what_it_touches() {
    const COUNT: usize = 3000;
    let mut world = many(COUNT);
    let all = Work { ingresses: COUNT, hosts: COUNT, shards: 8, services: 0 };
    assert_eq!(world.outcome().work, all);
    assert_eq!(world.outcome().work, Work::default(), "nothing changed");

    let mut check = |what: &str, object: ClusterObject, expected: Work| {
        world.put(object);
        assert_eq!(world.outcome().work, expected, "{what}");
    };
    let host = Work { hosts: 1, ..Work::default() };
    check("a pod", slice("web-7", 8080, &["10.1.1.9"]), host);
    check("a Service", web("web-7", &[])[0].clone(), host);
    check("a Secret that nobody uses", secret("other", CERTIFICATE, KEY), Work::default());
    check("a node in ClusterIP mode", node("n1", "10.0.0.1", &[]), Work::default());
    check(
        "a status alone",
        ingress_with("ing-7", &[("host-7.com", &["/=web-7"])], |body| {
            body["status"] = json!({"loadBalancer": {"ingress": [{"ip": "10.10.25.40", "hostname": "host-7.com"}]}});
        }),
        Work { ingresses: 1, ..Work::default() },
    );
    check("a path", ingress("ing-7", &[("host-7.com", &["/=web-7", "/a=web-8"])]), Work { ingresses: 1, ..host });
    check("a host", ingress("ing-7", &[("host-x.com", &["/=web-7"])]), Work { ingresses: 1, shards: 2, ..host });
    check("another namespace", namespace("red", json!({}), json!({})), Work::default());
    check(
        "the labels of the namespace",
        namespace("default", json!({"a": "b"}), json!({})),
        Work { ingresses: COUNT, ..Work::default() },
    );
    check("a class", class("other", "x/y", false), Work { ingresses: COUNT, ..Work::default() });
}

#[test]
fn a_new_setting_makes_everything_again_and_the_same_ones_nothing() {
    let mut world = many(10);
    world.outcome();
    world.set("tenantName", "red");
    let outcome = world.outcome();
    assert_eq!(outcome.work.hosts, 10);
    assert!(outcome.desired.objects().all(|object| object.key.tenant == "red"));
    assert_eq!(world.outcome().work, Work::default());
}
