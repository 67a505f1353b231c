//! What holds for every world: the order of events does not matter, nor what was translated before.

use std::collections::BTreeSet;

use ako_translate::{ClusterObject, Index, Kind, ObjectKey, Translator};
use proptest::prelude::*;
use serde_json::json;

use crate::world::{
    CERTIFICATE, KEY, World, all, class, created, ingress_with, named, namespace, node, secret, service, slice,
};

/// One of a few objects, so that they meet.
fn object() -> impl Strategy<Value = ClusterObject> {
    let name = prop::sample::select(vec!["default/a", "default/b", "red/a", "red/c"]);
    let host = prop::sample::select(vec!["foo.com", "bar.com", "*.foo.com", "", "foo.org"]);
    let path = prop::sample::select(vec!["/=web", "/a=web", "/a/b=web:81", "/a==web", "=gone"]);
    let pods =
        prop::collection::vec(prop::sample::select(vec!["10.1.1.1@n1", "10.1.1.2", "!10.1.1.3", "-10.1.1.4"]), 0..4);
    let place = prop::sample::select(vec!["default", "red"]);
    prop_oneof![
        4 => (name, prop::collection::vec((host, prop::collection::vec(path, 1..3)), 1..3), 0_u32..4, any::<bool>())
            .prop_map(|(name, rules, at, secure)| {
                let rules: Vec<(&str, &[&str])> = rules.iter().map(|(host, paths)| (*host, paths.as_slice())).collect();
                ingress_with(name, &rules, |body| {
                    created(at)(body);
                    if secure {
                        body["spec"]["tls"] = json!([{"hosts": ["foo.com"], "secretName": "cert"}]);
                    }
                })
            }),
        2 => (place.clone(), pods).prop_map(|(place, pods)| slice(&format!("{place}/web"), 8080, &pods)),
        1 => (place.clone(), prop::sample::select(vec!["ClusterIP", "LoadBalancer", "ExternalName"])).prop_map(|(place, kind)| {
            service(&format!("{place}/web"), json!({"type": kind, "ports": [{"port": 80, "nodePort": 30080}]}))
        }),
        1 => place.clone().prop_map(|place| secret(&format!("{place}/cert"), CERTIFICATE, KEY)),
        1 => any::<bool>().prop_map(|is_default| class("avi-lb", "ako.vmware.com/avi-lb", is_default)),
        1 => (place, prop::sample::select(vec!["admin", "nonadmin"])).prop_map(|(place, tenant)| {
            namespace(place, json!({}), json!({"ako.vmware.com/tenant-name": tenant}))
        }),
        1 => prop::sample::select(vec!["10.0.0.1", "10.0.0.2"]).prop_map(|ip| node("n1", ip, &["10.34.0.0/24"])),
    ]
}

/// Something that happens to a cluster.
#[expect(clippy::large_enum_variant, reason = "there are few of them")]
#[derive(Debug, Clone)]
enum Event {
    Put(ClusterObject),
    Delete(Kind, &'static str),
}

fn event() -> impl Strategy<Value = Event> {
    let gone = prop::sample::select(vec![
        (Kind::Ingress, "default/a"),
        (Kind::Ingress, "red/a"),
        (Kind::EndpointSlice, "default/web-1"),
        (Kind::Service, "default/web"),
        (Kind::Secret, "default/cert"),
        (Kind::IngressClass, "avi-lb"),
        (Kind::Namespace, "red"),
        (Kind::Node, "n1"),
    ]);
    prop_oneof![4 => object().prop_map(Event::Put), 1 => gone.prop_map(|(kind, name)| Event::Delete(kind, name))]
}

fn settings() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    prop::sample::select(vec![
        vec![],
        vec![("fqdnReusePolicy", "Strict")],
        vec![("serviceType", "NodePort"), ("shardVSSize", "SMALL")],
    ])
}

fn world(settings: &[(&str, &str)]) -> World {
    let mut world = World::new();
    for (key, value) in settings {
        world.set(key, value);
    }
    world
}

/// Identity of an object, to tell which of two wins.
fn key(object: &ClusterObject) -> String {
    let (kind, metadata) = match object {
        ClusterObject::Ingress(object) => ("i", &object.metadata),
        ClusterObject::IngressClass(object) => ("c", &object.metadata),
        ClusterObject::Service(object) => ("s", &object.metadata),
        ClusterObject::EndpointSlice(object) => ("e", &object.metadata),
        ClusterObject::Secret(object) => ("t", &object.metadata),
        ClusterObject::Namespace(object) => ("n", &object.metadata),
        ClusterObject::Node(object) => ("o", &object.metadata),
    };
    format!("{kind}/{:?}/{:?}", metadata.namespace, metadata.name)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_order_of_objects_does_not_matter(
        objects in prop::collection::vec(object(), 1..25),
        settings in settings(),
        shuffle in any::<prop::sample::Index>(),
    ) {
        let mut seen = BTreeSet::new();
        let mut objects: Vec<_> = objects.into_iter().filter(|object| seen.insert(key(object))).collect();
        let mut first = world(&settings);
        let mut second = world(&settings);
        objects.iter().cloned().for_each(|object| first.put(object));
        let at = shuffle.index(objects.len());
        objects.rotate_left(at);
        objects.reverse();
        objects.into_iter().for_each(|object| second.put(object));
        prop_assert_eq!(all(&first.outcome()), all(&second.outcome()));
    }

    #[test]
    fn a_translator_says_the_same_as_one_that_starts_afresh(
        events in prop::collection::vec(event(), 1..25),
        settings in settings(),
    ) {
        let mut world = world(&settings);
        for event in events {
            match event {
                Event::Put(object) => world.put(object),
                Event::Delete(kind, name) => world.delete(kind, name),
            }
            let kept = world.outcome();
            let fresh = Translator::new(world.site()).translate(&world.index, &world.kept);
            prop_assert_eq!(all(&kept), all(&fresh));
            prop_assert!(fresh.desired.changed_units(&kept.desired).is_empty());
        }
    }

    /// A graph that a controller takes: names are unique, and what an object refers to is there.
    #[test]
    fn names_are_unique_and_references_lead_somewhere(
        objects in prop::collection::vec(object(), 1..25),
        settings in settings(),
    ) {
        let mut world = world(&settings);
        objects.into_iter().for_each(|object| world.put(object));
        let outcome = world.outcome();
        let keys: Vec<&ObjectKey> = outcome.desired.objects().map(|object| &object.key).collect();
        let unique: BTreeSet<_> = keys.iter().map(|key| (key.kind.path(), &key.tenant, &key.name)).collect();
        prop_assert_eq!(unique.len(), keys.len());
        const OURS: [&str; 7] =
            ["vsvip", "sslkeyandcertificate", "pool", "poolgroup", "httppolicyset", "l4policyset", "virtualservice"];
        for object in outcome.desired.objects() {
            prop_assert!(object.key.name.len() <= 255);
            let body = object.to_body(&outcome.desired.site).to_string();
            for reference in body.split("\"/api/").skip(1) {
                let reference = reference.split('"').next().unwrap_or_default();
                let (path, name) = reference.split_once("?name=").unwrap();
                let path = path.trim_end_matches('/');
                if OURS.contains(&path) {
                    let (tenant, name) = (&object.key.tenant, name.to_owned());
                    prop_assert!(unique.contains(&(path, tenant, &name)), "{} of {:?}", reference, object.key);
                }
            }
        }
    }

    /// Nothing a cluster can say makes the translation panic.
    #[test]
    fn any_text_is_taken(
        host in ".{0,80}",
        path in ".{0,80}",
        pod in "\\PC{0,40}",
        certificate in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut world = World::new();
        world.cloud.domains = None;
        let text = format!("{path}=web");
        world.put(ingress_with("a", &[(&host, &[&text])], |body| {
            body["spec"]["rules"][0]["http"]["paths"][0]["path"] = path.clone().into();
            body["spec"]["tls"] = json!([{"secretName": "cert"}]);
        }));
        world.put(service("web", json!({"type": "LoadBalancer", "ports": [{"port": -1}, {"port": 80}],
            "loadBalancerIP": pod})));
        world.put(slice("web", 8080, &[&pod]));
        world.put(secret("cert", &String::from_utf8_lossy(&certificate), KEY));
        world.put(node("n1", &pod, &[&pod]));
        all(&world.outcome());
    }
}

#[test]
fn a_reset_forgets_what_is_not_said_again() {
    let mut index = Index::default();
    index.reset([secret("a", CERTIFICATE, KEY), node("n", "10.0.0.1", &[])]);
    index.reset([]);
    assert!(index.ingress(&named("a")).is_none());
    let outcome = Translator::new(World::new().site()).translate(&index, &BTreeSet::new());
    assert_eq!(outcome.desired.objects().count(), 0);
    assert_eq!(outcome.desired.routes, Some(vec![]));
}
