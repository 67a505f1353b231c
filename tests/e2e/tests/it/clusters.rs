//! The main job on real API servers: what is in the clusters shows in the answers and, field by field, on the controller.

mod expected;
mod refusals;

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
    refusals::stand_in_the_statuses(&world);
    a_service_port_makes_its_monitor_anew(&mut world);
    a_wildcard_host_is_told(&world);
    priority_nought_is_a_pool_that_never_answers(&world);
    identifiers_go_along_and_who_lacks_them_is_told(&world);
    the_config_is_followed_without_a_restart(&world);
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

    // Who replaces an object drops its status, which comes back.
    world.merge("s1az1", CONFIG, &json!({"status": null, "metadata": {"annotations": null}}));
    world.merge("s1az1", POLICY, &json!({"status": null}));
    world.wait("the config to be accepted again", || state("gc-1") == "success: gslb config accepted");
    world.wait("the policy to be accepted again", || error("global-gdp") == "success");

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
    full_selectors_count(world, &select);
    select(Value::Null);
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]);
}

/// amko 12 line 13, beyond the original: s1az1 is live, s1az2 a test, s2 has no stage.
fn full_selectors_count(world: &World, select: &dyn Fn(Value)) {
    let stage = |operator: &str, values: &[&str]| json!({"label": null, "matchExpressions": [{"key": "stage", "operator": operator, "values": values}]});
    select(stage("In", &["live", "test"]));
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3)]);
    select(stage("NotIn", &["live"]));
    world.wait_for_split(&[(S1AZ2, 3), (S2, 1)]);
    select(stage("DoesNotExist", &[]));
    world.wait_for_split(&[(S2, 1)]);
    // Beside it the objects' own labels.
    let app = json!({"label": null, "matchLabels": {"app": "gslb"}, "matchExpressions": [
        {"key": "hidden", "operator": "DoesNotExist"}
    ]});
    world.merge("s1az1", POLICY, &json!({"spec": {"matchRules": {"appSelector": app}}}));
    select(stage("Exists", &[]));
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3)]);
    let hide = |value: Value| {
        world.merge("s1az1", &format!("{INGRESSES}/hello"), &json!({"metadata": {"labels": {"hidden": value}}}));
    };
    hide("".into());
    world.wait_for_split(&[(S1AZ2, 3)]);
    let error = || world.object("s1az1", POLICY)["status"]["errorStatus"].clone();
    select(stage("In", &[]));
    let expected = "invalid namespaceSelector: matchExpressions[0]: In needs values";
    world.wait("the selector to be refused", || error() == expected);
    // What was valid stays in force.
    world.wait_for_split(&[(S1AZ2, 3)]);
    hide(Value::Null);
    let simple = json!({"label": {"app": "gslb"}, "matchLabels": null, "matchExpressions": null});
    world.merge("s1az1", POLICY, &json!({"spec": {"matchRules": {"appSelector": simple}}}));
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
    let expected = ["changed gslbservice", "deleted healthmonitor", "created healthmonitor", "changed gslbservice"];
    assert_eq!(world.writes_of("amko", mark, &["db.avi.iberia.local", DB_MONITOR]), expected);
}

/// amko 12 line 31. In a status an API server lets no wildcard stand, only a name that it covers.
fn a_wildcard_host_is_told(world: &World) {
    let mark = world.mark("amko");
    let hosts: [(&str, &str, &[&str]); 2] =
        [("*.any.avi.iberia.local", "10.10.23.63", &[]), ("one.avi.iberia.local", "10.10.23.63", &[])];
    let mut any = ingress("any", &hosts);
    any["status"]["loadBalancer"]["ingress"][0]["hostname"] = "www.any.avi.iberia.local".into();
    world.make("s2", INGRESSES, &any);
    let words = ["makes no member", "cluster=s2", "Ingress default/any", "*.any.avi.iberia.local is a wildcard"];
    world.wait_until_said("amko", mark, &words);
    let names = || world.held("gslbservice").into_keys().collect::<Vec<_>>();
    world.wait("the other host's service", || names().iter().any(|name| name == "one.avi.iberia.local"));
    assert!(!names().iter().any(|name| name.contains("any")), "{:?}", names());
    world.remove("s2", &format!("{INGRESSES}/any"));
}

/// amko 2.2 check 6, 5.5; avi-api 2.23 (0 - Do not choose members from this pool).
fn priority_nought_is_a_pool_that_never_answers(world: &World) {
    let split = world.object("s1az1", POLICY)["spec"]["trafficSplit"].clone();
    let mut nought = split.clone();
    nought[2]["priority"] = 0.into();
    world.merge("s1az1", POLICY, &json!({"spec": {"trafficSplit": nought}}));
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3)]);
    let groups = world.held("gslbservice")[HELLO]["groups"].clone();
    let pools: Vec<_> = groups.as_array().unwrap().iter().map(|pool| (&pool["name"], &pool["priority"])).collect();
    assert_eq!(json!(pools), json!([["amko-gs-group-10", 10], ["amko-gs-group-0", 0]]));
    assert_eq!(groups[1]["members"][0]["ip"]["addr"], S2);
    // It stays, though the status is written: the original would lose it (amko 5.5).
    let policy = world.object("s1az1", POLICY);
    assert_eq!((&policy["spec"]["trafficSplit"], &policy["status"]["errorStatus"]), (&nought, &json!("success")));
    world.merge("s1az1", POLICY, &json!({"spec": {"trafficSplit": split}}));
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]);
}

/// amko 3.7, 7.7
fn identifiers_go_along_and_who_lacks_them_is_told(world: &World) {
    let mark = world.mark("amko");
    let annotations = json!({
        "ako.vmware.com/host-fqdn-vs-uuid-map": json!({HELLO: "virtualservice-hello"}).to_string(),
        "ako.vmware.com/controller-cluster-uuid": "cluster-two",
    });
    world.merge("s2", &format!("{INGRESSES}/hello"), &json!({"metadata": {"annotations": annotations}}));
    let by_address = world.object("s1az1", POLICY)["spec"]["matchClusters"].clone();
    let mut identified = by_address.clone();
    identified[2]["syncVipOnly"] = false.into();
    world.merge("s1az1", POLICY, &json!({"spec": {"matchClusters": identified}}));
    let members = |name: &str| -> Vec<Value> {
        let service = world.held("gslbservice").remove(name).unwrap();
        let members = service["groups"][0]["members"].as_array().unwrap().iter();
        members.map(|member| json!([member["ip"]["addr"], member["vs_uuid"], member["cluster_uuid"]])).collect()
    };
    let expected =
        [json!([S1AZ1, null, null]), json!([S1AZ2, null, null]), json!([S2, "virtualservice-hello", "cluster-two"])];
    world.wait("the identifiers", || members(HELLO) == expected);
    world.wait("the member without", || members("shop.avi.iberia.local") == [json!(["10.10.25.47", null, null])]);
    let words = ["makes no member", "cluster=s2", "Ingress default/shop", "does not carry the virtual service"];
    world.wait_until_said("amko", mark, &words);
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]);
    world.merge("s1az1", POLICY, &json!({"spec": {"matchClusters": by_address}}));
    world.wait("all by address", || members("shop.avi.iberia.local").len() == 2);
}

/// amko 2.1; 12 line 3: what the original asks a restart for holds at once, in its words otherwise.
fn the_config_is_followed_without_a_restart(world: &World) {
    let edit = |spec: Value, told: &[&str]| {
        let mark = world.mark("amko");
        world.merge("s1az1", CONFIG, &json!({"spec": spec}));
        world.wait_until_said("amko", mark, &[&["gslb config edited", "GSLBConfig avi-system/gc-1"], told].concat());
        mark
    };
    let mark = edit(json!({"logLevel": "DEBUG"}), &["logLevel INFO → DEBUG"]);
    edit(json!({"refreshInterval": 900}), &["refreshInterval 1800 → 900"]);
    world.wait_until_said("amko", mark, &["DEBUG", "planned"]);
    edit(json!({"logLevel": "INFO"}), &["logLevel DEBUG → INFO"]);
    let (status, answer) = world.try_merge("s1az1", CONFIG, &json!({"spec": {"logLevel": "LOUD"}}));
    assert!(status == 422 && answer.contains("spec.logLevel"), "{status} {answer}");
    edit(json!({"gslbLeader": {"controllerVersion": "22.1.3"}}), &["controllerVersion 30.2.1 → 22.1.3"]);

    let clusters = |names: &[&str]| {
        let members: Vec<Value> = names.iter().map(|name| json!({"clusterContext": name})).collect();
        json!({"memberClusters": members})
    };
    edit(clusters(&["s1az1", "s1az2"]), &["memberClusters s1az1,s1az2,s2 → s1az1,s1az2"]);
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3)]);
    world.wait("the policy to be told", || {
        world.object("s1az1", POLICY)["status"]["errorStatus"] == "cluster context s2 not present in GSLBConfig"
    });
    let mark = edit(clusters(&["s1az1", "s1az2", "s2", "s3"]), &["memberClusters s1az1,s1az2 → s1az1,s1az2,s2,s3"]);
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]);
    world.wait_until_said("amko", mark, &["GSLBConfig", "cluster context s3 is not in the kubeconfig"]);
    world.set_weights([6, 4, 2]);
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 4), (S2, 2)]);
    let state = || world.object("s1az1", CONFIG)["status"]["state"].clone();
    let unknown = "error: cluster healthcheck failed, cluster context s3 is not in the kubeconfig of the members";
    world.wait("the status to name the cluster", || state() == unknown);
    edit(clusters(&["s1az1", "s1az2", "s2"]), &["memberClusters s1az1,s1az2,s2,s3 → s1az1,s1az2,s2"]);
    world.wait("the config to be accepted", || state() == "success: gslb config accepted");
    assert_eq!(world.count(12), World::counts(&[(S1AZ1, 6), (S1AZ2, 4), (S2, 2)]));
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
