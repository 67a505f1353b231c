//! The main job on real API servers: what is in the clusters shows in the answers and, field by field, on the controller.

mod expected;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::demo::HELLO;
use crate::world::World;
use crate::world::clusters::{StandIn, has_python};

pub(crate) const S1AZ1: &str = "10.10.25.46";
pub(crate) const S1AZ2: &str = "10.10.26.40";
pub(crate) const S2: &str = "10.10.23.40";
pub(crate) const INGRESSES: &str = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";
const SERVICES: &str = "/api/v1/namespaces/default/services";
const CONFIG: &str = "/apis/amko.vmware.com/v1alpha1/namespaces/avi-system/gslbconfigs/gc-1";
const POLICIES: &str = "/apis/amko.vmware.com/v1alpha2/namespaces/avi-system/globaldeploymentpolicies";
const POLICY: &str = "/apis/amko.vmware.com/v1alpha2/namespaces/avi-system/globaldeploymentpolicies/global-gdp";
/// Of the service `db.avi.iberia.local` (amko 6.2).
const DB_MONITOR: &str = "amko--0de46e172558cb2debb134c03494843b3525f5fb";
/// Of the service `hello.avi.iberia.local`.
const HELLO_MONITOR: &str = "amko--9b503a4789b965fdfad2c3c8deaa0f1acb89f4dc";

#[test]
fn what_is_in_the_clusters_shows_in_the_answers_and_field_by_field_on_the_controller() {
    if !has_python() {
        return;
    }
    let Some(mut world) = World::start() else { return };
    let _applications = fill(&mut world);
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 4), (S2, 2)]);
    objects_are_those_of_the_specification(&world);
    every_name_is_answered(&world);
    statuses_say_what_is_accepted(&world);
    edits_reach_the_answers(&mut world);
    a_namespace_selector_counts(&world);
    a_service_port_makes_its_monitor_anew(&mut world);
}

/// TLS and none, several hosts, LoadBalancer Services, and what must not become a member. Returns what answers there.
fn fill(world: &mut World) -> Vec<StandIn> {
    for (cluster, address, tls) in [("s1az1", "10.10.25.47", true), ("s2", "10.10.23.47", false)] {
        let mut shop = ingress("shop", &[("shop.avi.iberia.local", address, &["/", "/cart"])]);
        match tls {
            true => shop["spec"]["tls"] = json!([{"hosts": ["shop.avi.iberia.local"]}]),
            false => shop["metadata"]["annotations"] = json!({"ako.vmware.com/enable-tls": "true"}),
        }
        world.make(cluster, INGRESSES, &shop);
    }
    let red = "red.avi.iberia.local";
    let hosts: [(&str, &str, &[&str]); 2] =
        [(red, "10.10.26.48", &[""]), ("blue.avi.iberia.local", "10.10.26.49", &["/paint", "/paint"])];
    world.make("s1az2", INGRESSES, &ingress("paint", &hosts));
    world.make("s2", INGRESSES, &ingress("paint", &[(red, "10.10.23.48", &[])]));
    let db = "db.avi.iberia.local";
    world.make("s1az1", SERVICES, &service("db", db, "10.10.25.50", &[(9187, "TCP"), (5432, "TCP")]));
    world.make("s1az2", SERVICES, &service("db", db, "10.10.26.50", &[(5432, "TCP")]));
    world.make("s2", SERVICES, &service("ntp", "ntp.avi.iberia.local", "10.10.23.51", &[(123, "UDP")]));

    let mut unlabelled = ingress("unlabelled", &[("unlabelled.avi.iberia.local", "10.10.23.60", &[])]);
    unlabelled["metadata"]["labels"] = json!({"app": "other"});
    world.make("s2", INGRESSES, &unlabelled);
    let mut strange = ingress("strange", &[("strange.avi.iberia.local", "10.10.23.61", &[])]);
    strange["status"]["loadBalancer"]["ingress"][0]["hostname"] = "stranger.avi.iberia.local".into();
    world.make("s2", INGRESSES, &strange);
    let mut inner = service("inner", "inner.avi.iberia.local", "10.10.23.62", &[(80, "TCP")]);
    inner["spec"]["type"] = "ClusterIP".into();
    inner.as_object_mut().unwrap().remove("status");
    world.make("s2", SERVICES, &inner);

    for listen in ["10.10.26.48:80", "10.10.26.49:80", "10.10.23.48:80", "10.10.25.50:5432", "10.10.26.50:5432"] {
        world.add_backend(listen);
    }
    vec![
        world.stand_in("page", "10.10.25.47", 443, "s1az1"),
        world.stand_in("page", "10.10.23.47", 443, "s1az1"),
        world.stand_in("echo", "10.10.23.51", 123, "s1az1"),
    ]
}

fn objects_are_those_of_the_specification(world: &World) {
    let config = world.object("s1az1", CONFIG);
    let uuid = config["metadata"]["annotations"]["amko.vmware.com/amko-uuid"].as_str().unwrap();
    let created_by = format!("amko-{uuid}");
    check(world, "gslbservice", &expected::services(&created_by));
    check(world, "healthmonitor", &expected::monitors(&created_by));
}

/// Waits until the operator's objects of a type have these names, then compares each as a whole.
#[track_caller]
fn check(world: &World, kind: &str, expected: &[Value]) {
    let mut names: Vec<&str> = expected.iter().map(|object| object["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    let ours = || -> BTreeMap<String, Value> {
        let all = world.held(kind).into_iter();
        all.filter(|(name, _)| kind == "gslbservice" || name.starts_with("amko--")).collect()
    };
    world.wait(&format!("{kind} {names:?}"), || ours().keys().eq(&names));
    let shown = |object: &Value| serde_json::to_string_pretty(&as_written(object)).unwrap();
    for wanted in expected {
        let name = wanted["name"].as_str().unwrap();
        let wanted = shown(wanted);
        // Members of another cluster may still be on their way.
        let is_there = || ours().get(name).is_some_and(|object| shown(object) == wanted);
        let mut tries = 0;
        while !is_there() {
            tries += 1;
            let there = shown(&ours()[name]);
            assert!(tries < 100, "{kind} {name} is\n{there}\nand should be\n{wanted}");
            std::thread::sleep(std::time::Duration::from_millis(50)); // bounded: at most 100 tries
        }
    }
}

/// Without what the controller counts and names by itself; a reference as `TYPE#NAME`.
fn as_written(object: &Value) -> Value {
    match object {
        Value::Object(fields) => {
            let own = ["uuid", "url", "_last_modified", "configpb_attributes"];
            let fields = fields.iter().filter(|(key, _)| !own.contains(&key.as_str()));
            // Sorted: the order of the keys does not count.
            let fields: BTreeMap<String, Value> = fields.map(|(key, value)| (key.clone(), as_written(value))).collect();
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(as_written).collect()),
        Value::String(text) => match (text.split_once("/api/"), text.rsplit_once('#')) {
            (Some((_, path)), Some((_, name))) => format!("{}#{name}", path.split('/').next().unwrap()).into(),
            _ => object.clone(),
        },
        _ => object.clone(),
    }
}

fn every_name_is_answered(world: &World) {
    world.wait_for_split_of("shop.avi.iberia.local", &[("10.10.25.47", 6), ("10.10.23.47", 2)]);
    world.wait_for_split_of("red.avi.iberia.local", &[("10.10.26.48", 4), ("10.10.23.48", 2)]);
    world.wait_for_split_of("blue.avi.iberia.local", &[("10.10.26.49", 2)]);
    world.wait_for_split_of("db.avi.iberia.local", &[("10.10.25.50", 6), ("10.10.26.50", 4)]);
    world.wait_for_split_of("ntp.avi.iberia.local", &[("10.10.23.51", 2)]);
}

/// What `kubectl get -o yaml` shows (amko 2.1, 2.2).
fn statuses_say_what_is_accepted(world: &World) {
    let state = |name: &str| world.object("s1az1", &CONFIG.replace("gc-1", name))["status"]["state"].clone();
    let error = |name: &str| world.object("s1az1", &format!("{POLICIES}/{name}"))["status"]["errorStatus"].clone();
    world.wait("the config to be accepted", || state("gc-1") == "success: gslb config accepted");
    world.wait("the policy to be accepted", || error("global-gdp") == "success");

    // Another of each is told so, and stays without effect.
    let mut another = world.object("s1az1", CONFIG);
    another["metadata"] = json!({"name": "gc-2"});
    another.as_object_mut().unwrap().remove("status");
    world.make("s1az1", CONFIG.rsplit_once('/').unwrap().0, &another);
    world.wait("the second config to be refused", || state("gc-2") == "error: can't add another gslbconfig");
    world.remove("s1az1", &CONFIG.replace("gc-1", "gc-2"));
    let mut another = world.object("s1az1", POLICY);
    another["metadata"] = json!({"name": "another"});
    another["spec"]["matchClusters"] = json!([{"cluster": "s2"}]);
    another.as_object_mut().unwrap().remove("status");
    world.make("s1az1", POLICIES, &another);
    world.wait("the second policy to be refused", || {
        error("another") == "a GDP object already exists, can't add another"
    });
    world.remove("s1az1", &format!("{POLICIES}/another"));

    // An invalid edit says why; what was valid stays in force.
    let split = world.object("s1az1", POLICY)["spec"]["trafficSplit"].clone();
    let unknown = json!([{"cluster": "s3", "weight": 1}]);
    world.merge("s1az1", POLICY, &json!({"spec": {"trafficSplit": unknown}}));
    world.wait("the error", || error("global-gdp") == "cluster s3 in traffic policy not present in GSLBConfig");
    assert_eq!(world.count(12), World::counts(&[(S1AZ1, 6), (S1AZ2, 4), (S2, 2)]));
    world.merge("s1az1", POLICY, &json!({"spec": {"trafficSplit": split}}));
    world.wait("the policy to be accepted again", || error("global-gdp") == "success");
}

fn edits_reach_the_answers(world: &mut World) {
    world.set_weights([6, 3, 1]);
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]);
    world.label_ingress("s1az2", "none");
    world.wait_for_split(&[(S1AZ1, 6), (S2, 1)]);
    world.label_ingress("s1az2", "gslb");
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]);

    world.remove("s2", &format!("{INGRESSES}/hello"));
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3)]);
    world.make("s2", INGRESSES, &ingress("hello", &[(HELLO, S2, &["/"])]));
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]);

    let moved = "10.10.23.41";
    world.add_backend(&format!("{moved}:80"));
    let status = |address: &str| json!({"status": {"loadBalancer": {"ingress": [{"ip": address, "hostname": HELLO}]}}});
    world.merge("s2", &format!("{INGRESSES}/hello/status"), &status(moved));
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3), (moved, 1)]);
    world.merge("s2", &format!("{INGRESSES}/hello/status"), &status(S2));
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]);

    // Tuned by hand, which the operator respects (amko 6.7), to see it within seconds.
    let monitor = world.held("healthmonitor")[HELLO_MONITOR].clone();
    let tuned = json!({"send_interval": 1, "receive_timeout": 1});
    world.tune("healthmonitor", monitor["uuid"].as_str().unwrap(), &tuned);
    world.kill_backend(1);
    world.wait_for_split(&[(S1AZ1, 6), (S2, 1)]);
    world.revive_backend(1);
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]);
    assert_eq!(world.held("healthmonitor")[HELLO_MONITOR]["send_interval"], 1);
}

/// amko 3.3, 3.9
fn a_namespace_selector_counts(world: &World) {
    let label = |cluster: &str, value: Value| {
        let namespace = "/api/v1/namespaces/default";
        world.merge(cluster, namespace, &json!({"metadata": {"labels": {"stage": value}}}));
    };
    label("s1az1", "live".into());
    label("s2", "live".into());
    label("s1az2", "test".into());
    let select = |value: Value| {
        let selector = json!({"spec": {"matchRules": {"namespaceSelector": value}}});
        world.merge("s1az1", POLICY, &selector);
    };
    select(json!({"label": {"stage": "live"}}));
    world.wait_for_split(&[(S1AZ1, 6), (S2, 1)]);
    label("s1az2", "live".into());
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]);
    label("s2", Value::Null);
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3)]);
    label("s1az2", "test".into());
    select(json!({"label": {"stage": "test"}}));
    world.wait_for_split(&[(S1AZ2, 3)]);
    select(Value::Null);
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]);
}

/// PUT of the service without the monitor, DELETE, POST, PUT of the service (amko 6.7).
fn a_service_port_makes_its_monitor_anew(world: &mut World) {
    let before = world.held("healthmonitor")[DB_MONITOR].clone();
    let mark = world.mark("controller");
    for cluster in ["s1az1", "s1az2"] {
        world.merge(cluster, &format!("{SERVICES}/db"), &json!({"spec": {"ports": [{"name": "p", "port": 5433}]}}));
    }
    world.add_backend("10.10.25.50:5433");
    world.add_backend("10.10.26.50:5433");
    let monitor = || world.held("healthmonitor").remove(DB_MONITOR);
    world.wait("a monitor of the new port", || monitor().is_some_and(|monitor| monitor["monitor_port"] == 5433));
    assert_ne!(monitor().unwrap()["uuid"], before["uuid"]);
    world.wait_for_split_of("db.avi.iberia.local", &[("10.10.25.50", 6), ("10.10.26.50", 3)]);
    assert!(!world.has_said("controller", mark, &["PUT", "healthmonitor"]), "changed in place");
}

/// An object to be made once more.
pub(crate) fn again(object: &Value) -> Value {
    let mut object = object.clone();
    object["metadata"] = json!({"name": object["metadata"]["name"], "labels": object["metadata"]["labels"]});
    object
}

/// A labelled Ingress with a status entry for each host: host, address, paths.
pub(crate) fn ingress(name: &str, hosts: &[(&str, &str, &[&str])]) -> Value {
    let rules = hosts.iter().map(|(host, _, paths)| {
        let backend = json!({"service": {"name": "app", "port": {"number": 8080}}});
        let paths = paths.iter().map(|path| {
            let mut entry = json!({"pathType": "ImplementationSpecific", "backend": backend});
            if !path.is_empty() {
                entry["path"] = (*path).into();
            }
            entry
        });
        let paths: Vec<Value> = paths.collect();
        match paths.is_empty() {
            true => json!({"host": host}),
            false => json!({"host": host, "http": {"paths": paths}}),
        }
    });
    let entries = hosts.iter().map(|(host, address, _)| json!({"ip": address, "hostname": host}));
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "labels": {"app": "gslb"}},
        "spec": {"rules": rules.collect::<Vec<_>>()},
        "status": {"loadBalancer": {"ingress": entries.collect::<Vec<_>>()}},
    })
}

/// A labelled Service of type LoadBalancer.
fn service(name: &str, host: &str, address: &str, ports: &[(u16, &str)]) -> Value {
    let ports =
        ports.iter().map(|(port, protocol)| json!({"name": format!("p{port}"), "port": port, "protocol": protocol}));
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": {"app": "gslb"}},
        "spec": {"type": "LoadBalancer", "ports": ports.collect::<Vec<_>>()},
        "status": {"loadBalancer": {"ingress": [{"ip": address, "hostname": host}]}},
    })
}
