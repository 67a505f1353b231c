//! What is written back (ako 3.11, 4.8, 10.1, 10.2; catalogue 14.3).

use std::collections::BTreeMap;

use ako_translate::{ClusterObject, Entry, Kind, Published, StatusPatch, VipAddress, status_patches};
use serde_json::{Value, json};

use crate::world::{CERTIFICATE, KEY, World, ingress, ingress_with, named, secret, service, tls};

const MAP: &str = "ako.vmware.com/host-fqdn-vs-uuid-map";
const CLUSTER: &str = "ako.vmware.com/controller-cluster-uuid";
const TENANT: &str = "ako.vmware.com/tenant-name";

/// A controller on which everything that is wanted is there: the VIP of shard n is 10.250.250.1n (ako 9.9).
fn published(world: &mut World) -> Published {
    let mut published = Published { cluster_uuid: "cluster-1".into(), ..Published::default() };
    for object in world.outcome().desired.objects() {
        let key = (object.key.tenant.clone(), object.key.name.clone());
        match object.key.kind.path() {
            "virtualservice" => {
                drop(published.virtual_services.insert(key, format!("vs-{}", object.markers.hosts.join(""))))
            }
            "vsvip" => {
                let number = object.key.name.rsplit('-').next().and_then(|n| n.parse::<u8>().ok()).unwrap_or(9);
                let v4 = Some(format!("10.250.250.1{number}").parse().unwrap());
                published.vips.insert(key, vec![VipAddress { v4, ..VipAddress::default() }]);
            }
            _ => {}
        }
    }
    published
}

fn patches(world: &mut World, published: &Published) -> Vec<StatusPatch> {
    let outcome = world.outcome();
    status_patches(&world.index, &outcome, published)
}

/// Writes patches into the cluster.
fn write(world: &mut World, patches: &[StatusPatch]) {
    for patch in patches {
        let merge = |mut body: Value| {
            if let Some(status) = patch.status() {
                body["status"] = status;
            }
            for (key, value) in &patch.annotations {
                let annotations = body["metadata"]["annotations"].as_object_mut().unwrap();
                annotations.retain(|there, _| there != key);
                annotations.extend(value.iter().map(|value| (key.clone(), value.as_str().into())));
            }
            body
        };
        let object = match &patch.object {
            ako_translate::Source::Ingress(name) => {
                let body = serde_json::to_value(world.index.ingress(name).unwrap().as_ref()).unwrap();
                ClusterObject::Ingress(serde_json::from_value(merge(body)).unwrap())
            }
            ako_translate::Source::Service(name) => {
                let mut body = serde_json::to_value(world.index.service(name).unwrap().as_ref()).unwrap();
                if body["metadata"]["annotations"].is_null() {
                    body["metadata"]["annotations"] = json!({});
                }
                ClusterObject::Service(serde_json::from_value(merge(body)).unwrap())
            }
            other @ ako_translate::Source::Node(_) => panic!("{other}"),
        };
        world.put(object);
    }
}

fn entries(patch: &StatusPatch) -> Vec<String> {
    let text =
        |entry: &Entry| format!("{} {}", entry.host.as_deref().unwrap_or("-"), entry.ip.as_deref().unwrap_or("-"));
    patch.entries.iter().flatten().map(text).collect()
}

/// 14.3, 60, 61, 68.
#[test]
fn each_host_shows_the_vip_of_its_shard_once() {
    let mut world = World::new();
    world.put(ingress("ing", &[("foo.com", &["/=web"]), ("bar.com", &["/=web"])]));
    let published = published(&mut world);
    let patch = patches(&mut world, &published);
    assert_eq!(patch.len(), 1);
    assert_eq!(entries(&patch[0]), ["bar.com 10.250.250.11", "foo.com 10.250.250.10"]);
    let expected: BTreeMap<String, Option<String>> =
        [(MAP, r#"{"bar.com":"vs-bar.com","foo.com":"vs-foo.com"}"#), (CLUSTER, "cluster-1"), (TENANT, "admin")]
            .map(|(key, value)| (key.to_owned(), Some(value.to_owned())))
            .into();
    assert_eq!(patch[0].annotations, expected, "ako 10.2");
    assert_eq!(
        patch[0].status(),
        Some(json!({"loadBalancer": {"ingress": [
            {"ip": "10.250.250.11", "hostname": "bar.com"}, {"ip": "10.250.250.10", "hostname": "foo.com"}]}}))
    );
    write(&mut world, &patch);
    assert_eq!(patches(&mut world, &published), [], "nothing differs, nothing is written");
}

/// 14.3, 62 to 64.
#[test]
fn what_is_not_served_any_more_is_not_shown() {
    let mut world = World::new();
    world.put(secret("cert", CERTIFICATE, KEY));
    world.put(ingress_with("ing", &[("foo.com", &["/=web"]), ("bar.com", &["/=web"])], tls(&["foo.com"], "cert")));
    let all = published(&mut world);
    let patch = patches(&mut world, &all);
    write(&mut world, &patch);
    world.delete(Kind::Secret, "cert");
    let patch = patches(&mut world, &all);
    assert_eq!(entries(&patch[0]), ["bar.com 10.250.250.11"]);
    assert_eq!(patch[0].annotations[MAP].as_deref(), Some(r#"{"bar.com":"vs-bar.com"}"#));
    write(&mut world, &patch);
    world.set("blockedNamespaceList", r#"["default"]"#);
    let patch = patches(&mut world, &all);
    assert_eq!(patch[0].status(), Some(json!({"loadBalancer": {"ingress": null}})));
    assert_eq!(patch[0].annotations.values().collect::<Vec<_>>(), [&None, &None, &None]);
    write(&mut world, &patch);
    assert_eq!(patches(&mut world, &all), []);
}

#[test]
fn what_others_wrote_stays() {
    let mut world = World::new();
    let foreign = |annotations: Value| {
        ingress_with("ing", &[("foo.com", &["/=web"])], move |body| {
            body["spec"]["ingressClassName"] = "nginx".into();
            body["metadata"]["annotations"] = annotations;
            body["status"] = json!({"loadBalancer": {"ingress": [
                {"ip": "192.0.2.1"}, {"ip": "10.250.250.10", "hostname": "foo.com"}]}});
        })
    };
    world.put(crate::world::class("nginx", "k8s.io/ingress-nginx", false));
    world.put(foreign(json!({})));
    assert_eq!(patches(&mut world, &Published::default()), [], "never ours");
    world.put(foreign(json!({MAP: r#"{"foo.com":"vs"}"#, TENANT: "admin"})));
    let patch = patches(&mut world, &Published::default());
    assert_eq!(entries(&patch[0]), ["- 192.0.2.1"], "ours goes, theirs stays");
    assert_eq!(patch[0].annotations.keys().collect::<Vec<_>>(), [MAP, TENANT]);
}

/// ako 4.8.
#[test]
fn a_host_that_nobody_named_is_not_shown() {
    let mut world = World::new();
    world.put(ingress("ing", &[("", &["/=web"]), ("*.foo.com", &["/=web"]), ("foo.com", &["/=web"])]));
    let published = published(&mut world);
    assert_eq!(entries(&patches(&mut world, &published)[0]), ["foo.com 10.250.250.10"]);
}

#[test]
fn a_host_shows_when_child_and_vip_are_there() {
    let mut world = World::new();
    world.put(ingress("ing", &[("foo.com", &["/=web"])]));
    let mut all = published(&mut world);
    all.virtual_services.retain(|(_, name), _| name.contains("Shared"));
    assert_eq!(patches(&mut world, &all), []);
    let mut all = published(&mut world);
    all.vips.clear();
    assert_eq!(patches(&mut world, &all), []);
}

/// 14.3, 66 and 67.
#[test]
fn public_addresses_are_shown_in_place_of_the_others() {
    let mut world = World::new();
    world.put(ingress("ing", &[("foo.com", &["/=web"])]));
    let mut all = published(&mut world);
    let ip = |text: &str| Some(text.parse().unwrap());
    let vips = all.vips.values_mut().next().unwrap();
    *vips = vec![
        VipAddress { v6: ip("2001:db8::1"), v4: ip("10.0.0.1"), floating: None },
        VipAddress { v4: ip("10.0.0.2"), ..VipAddress::default() },
    ];
    let expected = ["foo.com 10.0.0.1", "foo.com 2001:db8::1", "foo.com 10.0.0.2"];
    assert_eq!(entries(&patches(&mut world, &all)[0]), expected);
    all.vips.values_mut().next().unwrap()[0].floating = ip("35.250.250.1");
    assert_eq!(entries(&patches(&mut world, &all)[0]), ["foo.com 35.250.250.1"]);
}

/// ako 3.11.
#[test]
fn a_service_shows_its_vip_and_name() {
    let mut world = World::new();
    world.cloud.domains = Some(vec!["com".into()]);
    let spec = |kind: &str| json!({"type": kind, "ports": [{"port": 80}]});
    world.put(service("kuard", spec("LoadBalancer")));
    let all = published(&mut world);
    let patch = patches(&mut world, &all);
    assert_eq!(entries(&patch[0]), ["kuard.default.com 10.250.250.19"]);
    assert_eq!(patch[0].annotations[MAP].as_deref(), Some(r#"{"kuard.default.com":"vs-"}"#));
    write(&mut world, &patch);
    assert_eq!(patches(&mut world, &all), []);

    let there = world.index.service(&named("kuard")).unwrap().as_ref().clone();
    let mut body = serde_json::to_value(there).unwrap();
    body["spec"]["type"] = "ClusterIP".into();
    world.put(ClusterObject::Service(serde_json::from_value(body).unwrap()));
    let patch = patches(&mut world, &all);
    assert_eq!(patch[0].status(), Some(json!({"loadBalancer": {"ingress": null}})));
    world.set("layer7Only", "true");
    assert_eq!(patches(&mut world, &all), [], "existing statuses stay untouched, ako 3.1");
}

#[test]
fn a_service_without_a_name_shows_its_vip_alone() {
    let mut world = World::new();
    world.cloud.domains = None;
    world.put(service("kuard", json!({"type": "LoadBalancer", "ports": [{"port": 80}]})));
    let published = published(&mut world);
    let patch = patches(&mut world, &published);
    assert_eq!(patch[0].status(), Some(json!({"loadBalancer": {"ingress": [{"ip": "10.250.250.19"}]}})));
    assert!(patch[0].annotations.is_empty(), "only with a host name");
}

#[test]
fn annotations_of_a_person_stay_while_nothing_is_shown() {
    let mut world = World::new();
    world.put(ingress_with("ing", &[("foo.com", &["/=web"])], |body| {
        body["metadata"]["annotations"] = json!({TENANT: "mine"});
    }));
    assert_eq!(patches(&mut world, &Published::default()), []);
}

#[test]
fn an_unknown_cluster_uuid_does_not_remove_the_known_one() {
    let mut world = World::new();
    world.put(ingress("ing", &[("foo.com", &["/=web"])]));
    let mut all = published(&mut world);
    let patch = patches(&mut world, &all);
    write(&mut world, &patch);
    all.cluster_uuid.clear();
    assert_eq!(patches(&mut world, &all), []);
}
