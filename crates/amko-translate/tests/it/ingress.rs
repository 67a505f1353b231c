//! Ingresses to services (amko 3.4, 13.2, 13.7).

use amko_translate::{Desired, Traffic};
use k8s_crds::Object;
use serde_json::json;

use crate::world::{World, edit, ingress, monitors, rejections, services};

// catalogue amko: 21, 84
#[test]
fn a_labelled_ingress_is_a_service_until_it_is_deleted() {
    let mut world = World::new();
    let object = ingress("ing1", &[("foo.avi.com", "10.1.1.1")]);
    world.put("k8s", object.clone());
    assert_eq!(services(&world.outcome()), ["foo.avi.com: 10.1.1.1*1@10(k8s)"]);
    world.remove("k8s", &object);
    assert!(world.outcome().desired.services.is_empty());
}

// catalogue amko: 84
#[test]
fn the_same_host_in_two_clusters_is_one_service() {
    let mut world = World::new();
    world.put("oshift", ingress("ing1", &[("foo.avi.com", "10.2.2.2")]));
    world.put("k8s", ingress("ing1", &[("foo.avi.com", "10.1.1.1")]));
    assert_eq!(services(&world.outcome()), ["foo.avi.com: 10.1.1.1*1@10(k8s) 10.2.2.2*1@10(oshift)"]);
}

#[test]
fn order_follows_the_config_whatever_came_first() {
    let mut world = World::new();
    world.put("k8s", ingress("b", &[("foo.avi.com", "10.1.1.2")]));
    world.put("oshift", ingress("a", &[("foo.avi.com", "10.2.2.2")]));
    world.put("k8s", ingress("a", &[("foo.avi.com", "10.1.1.1")]));
    world.config.clusters.reverse();
    let expected = "foo.avi.com: 10.2.2.2*1@10(oshift) 10.1.1.1*1@10(k8s) 10.1.1.2*1@10(k8s)";
    assert_eq!(services(&world.outcome()), [expected]);
}

// catalogue amko: 24
#[test]
fn each_host_of_an_ingress_lives_its_own_life() {
    let mut world = World::new();
    world.put("k8s", ingress("ing1", &[("a.avi.com", "10.1.1.1"), ("b.avi.com", "10.1.1.2")]));
    assert_eq!(services(&world.outcome()), ["a.avi.com: 10.1.1.1*1@10(k8s)", "b.avi.com: 10.1.1.2*1@10(k8s)"]);
    world.put("k8s", ingress("ing1", &[("a.avi.com", "10.1.1.1"), ("c.avi.com", "10.1.1.3")]));
    assert_eq!(services(&world.outcome()), ["a.avi.com: 10.1.1.1*1@10(k8s)", "c.avi.com: 10.1.1.3*1@10(k8s)"]);
}

fn without_label(object: &Object) -> Object {
    edit(object, |body| body["metadata"]["labels"] = json!({"app": "other"}))
}

fn without_status(object: &Object) -> Object {
    edit(object, |body| body["status"] = json!({}))
}

/// What happens to an Ingress happens to each of its hosts.
#[track_caller]
fn check_life(hosts: &[(&str, &str)], expected: &[&str]) {
    let mut world = World::new();
    let object = ingress("ing1", hosts);
    world.put("k8s", object.clone());
    assert_eq!(services(&world.outcome()), expected);

    world.put("k8s", without_label(&object));
    let outcome = world.outcome();
    assert!(outcome.desired.services.is_empty() && outcome.desired.monitors.is_empty());
    assert_eq!(rejections(&outcome), ["Ingress default/ing1: it lacks the label app=gslb"]);
    world.put("k8s", object.clone());
    assert_eq!(services(&world.outcome()), expected);

    world.put("k8s", without_status(&object));
    assert!(world.outcome().desired.services.is_empty());
    world.put("k8s", object.clone());
    assert_eq!(services(&world.outcome()), expected);

    world.remove("k8s", &object);
    assert_eq!(world.outcome().desired, Desired::default());
}

// catalogue amko: 25, 29
#[test]
fn an_ingress_follows_its_label_and_its_status() {
    check_life(&[("a.avi.com", "10.1.1.1")], &["a.avi.com: 10.1.1.1*1@10(k8s)"]);
}

// catalogue amko: 23, 26, 32, 33
#[test]
fn every_host_of_an_ingress_follows_its_label_and_its_status() {
    let expected = ["a.avi.com: 10.1.1.1*1@10(k8s)", "b.avi.com: 10.1.1.2*1@10(k8s)"];
    check_life(&[("a.avi.com", "10.1.1.1"), ("b.avi.com", "10.1.1.2")], &expected);
}

// catalogue amko: 22, 31
#[test]
fn a_renamed_host_and_another_address_are_followed() {
    let mut world = World::new();
    world.put("k8s", ingress("ing1", &[("a.avi.com", "10.1.1.1")]));
    assert_eq!(services(&world.outcome()), ["a.avi.com: 10.1.1.1*1@10(k8s)"]);
    world.put("k8s", ingress("ing1", &[("b.avi.com", "10.1.1.1")]));
    assert_eq!(services(&world.outcome()), ["b.avi.com: 10.1.1.1*1@10(k8s)"]);
    world.put("k8s", ingress("ing1", &[("b.avi.com", "10.1.1.7")]));
    assert_eq!(services(&world.outcome()), ["b.avi.com: 10.1.1.7*1@10(k8s)"]);
}

// catalogue amko: 27
#[test]
fn new_hosts_of_an_ingress_that_lost_its_label_join_only_with_it() {
    let mut world = World::new();
    world.put("k8s", ingress("ing1", &[("a.avi.com", "10.1.1.1"), ("b.avi.com", "10.1.1.2")]));
    assert_eq!(world.outcome().desired.services.len(), 2);
    let renamed = ingress("ing1", &[("c.avi.com", "10.1.1.1"), ("d.avi.com", "10.1.1.2")]);
    world.put("k8s", without_label(&renamed));
    assert!(world.outcome().desired.services.is_empty());
    world.put("k8s", renamed);
    assert_eq!(services(&world.outcome()), ["c.avi.com: 10.1.1.1*1@10(k8s)", "d.avi.com: 10.1.1.2*1@10(k8s)"]);
}

// catalogue amko: 35, 36
#[test]
fn tls_stays_with_a_renamed_host() {
    let mut world = World::new();
    let with_tls = |host: &str| {
        edit(&ingress("ing1", &[(host, "10.1.1.1")]), |body| body["spec"]["tls"] = json!([{"hosts": [host]}]))
    };
    for host in ["a.avi.com", "b.avi.com"] {
        world.put("k8s", with_tls(host));
        let outcome = world.outcome();
        assert_eq!(services(&outcome), [format!("{host}: 10.1.1.1*1@10(k8s)")]);
        let tls = Traffic::Paths { paths: vec!["/".into()], tls: true };
        assert_eq!(outcome.selection.accepted[0].traffic, tls);
    }
    world.remove("k8s", &with_tls("b.avi.com"));
    assert_eq!(world.outcome().desired, Desired::default());
}

// catalogue amko: 85, 90
#[test]
fn each_host_is_a_service_until_its_last_member_is_deleted() {
    let mut world = World::new();
    let (foo1, foo2) =
        (ingress("foo1", &[("foo.avi.com", "10.1.1.1")]), ingress("foo2", &[("foo.avi.com", "10.2.2.2")]));
    world.put("k8s", foo1.clone());
    world.put("oshift", foo2.clone());
    world.put("k8s", ingress("bar", &[("bar.avi.com", "10.1.1.3")]));
    let bar = "bar.avi.com: 10.1.1.3*1@10(k8s)";
    assert_eq!(services(&world.outcome()), [bar, "foo.avi.com: 10.1.1.1*1@10(k8s) 10.2.2.2*1@10(oshift)"]);
    world.remove("k8s", &foo1);
    assert_eq!(services(&world.outcome()), [bar, "foo.avi.com: 10.2.2.2*1@10(oshift)"]);
    world.remove("oshift", &foo2);
    let outcome = world.outcome();
    assert_eq!(services(&outcome), [bar]);
    assert!(outcome.desired.monitors.values().all(|monitor| monitor.service == "bar.avi.com"));
}

/// amko 12 line 31: wildcard hosts are not supported. The other host of the Ingress lives on.
#[test]
fn a_wildcard_host_is_rejected_with_its_reason() {
    let mut world = World::new();
    world.put("k8s", ingress("ing1", &[("*.avi.com", "10.1.1.1"), ("a.avi.com", "10.1.1.1")]));
    let outcome = world.outcome();
    assert_eq!(services(&outcome), ["a.avi.com: 10.1.1.1*1@10(k8s)"]);
    let reason = "host *.avi.com is a wildcard, which no GSLB service stands for; name each host";
    let expected = [format!("Ingress default/ing1: {reason}")];
    assert_eq!(rejections(&outcome), expected);
    // API servers refuse a wildcard in a status, so that a name that it covers stands there.
    let covered = edit(&ingress("ing1", &[("*.avi.com", "10.1.1.1")]), |body| {
        body["status"]["loadBalancer"]["ingress"][0]["hostname"] = "www.avi.com".into();
    });
    world.put("k8s", covered);
    assert_eq!(rejections(&world.outcome()), expected);
}

// catalogue amko: 28, 30
#[test]
fn an_ingress_without_a_status_waits() {
    let mut world = World::new();
    let object = ingress("ing1", &[("foo.avi.com", "10.1.1.1")]);
    world.put("k8s", edit(&object, |body| body["status"] = json!({})));
    let outcome = world.outcome();
    assert!(outcome.desired.services.is_empty());
    assert_eq!(rejections(&outcome), ["Ingress default/ing1: its status has no load balancer entry yet"]);
    world.put("k8s", object);
    assert_eq!(world.outcome().desired.services.len(), 1);
}

// catalogue amko: 38, 39
#[test]
fn a_status_entry_that_cannot_be_used_is_left_out() {
    let mut world = World::new();
    let object = ingress("ing1", &[("a.avi.com", "10.1.1.1"), ("b.avi.com", "nonsense"), ("", "10.1.1.3")]);
    let entries = |body: &mut serde_json::Value| {
        let extra = json!({"hostname": "z.avi.com", "ip": "10.1.1.4"});
        body["status"]["loadBalancer"]["ingress"].as_array_mut().unwrap().push(extra);
    };
    world.put("k8s", edit(&object, entries));
    let outcome = world.outcome();
    assert_eq!(services(&outcome), ["a.avi.com: 10.1.1.1*1@10(k8s)"]);
    let expected = [
        "Ingress default/ing1: its status has no valid address",
        "Ingress default/ing1: its status has no host name",
        "Ingress default/ing1: host z.avi.com of its status is in none of its rules",
    ];
    assert_eq!(rejections(&outcome), expected);
}

// catalogue amko: 34
#[test]
fn one_changed_address_changes_its_host_alone() {
    let mut world = World::new();
    world.put("k8s", ingress("ing1", &[("a.avi.com", "10.1.1.1"), ("b.avi.com", "10.1.1.2")]));
    let before = world.outcome();
    world.put("k8s", ingress("ing1", &[("a.avi.com", "10.1.1.1"), ("b.avi.com", "10.1.1.9")]));
    let after = world.outcome();
    assert_eq!(services(&after), ["a.avi.com: 10.1.1.1*1@10(k8s)", "b.avi.com: 10.1.1.9*1@10(k8s)"]);
    assert_eq!(before.desired.services.first_key_value(), after.desired.services.first_key_value());
}

// catalogue amko: 37
#[test]
fn tls_comes_from_the_spec_or_the_annotation_and_counts_alone() {
    let mut world = World::new();
    let object = ingress("ing1", &[("a.avi.com", "10.1.1.1"), ("b.avi.com", "10.1.1.2")]);
    world.put("k8s", edit(&object, |body| body["spec"]["tls"] = json!([{"hosts": ["a.avi.com"]}])));
    assert_eq!(monitors(&world.outcome()), ["HTTP 80 HEAD / HTTP/1.0", "HTTPS 443 HEAD / HTTP/1.0"]);
    let annotations = json!({"ako.vmware.com/enable-tls": ""});
    world.put("k8s", edit(&object, |body| body["metadata"]["annotations"] = annotations));
    assert_eq!(monitors(&world.outcome()), ["HTTPS 443 HEAD / HTTP/1.0", "HTTPS 443 HEAD / HTTP/1.0"]);
}

#[test]
fn one_tls_member_makes_the_service_https() {
    let mut world = World::new();
    let object = ingress("ing1", &[("foo.avi.com", "10.1.1.1")]);
    world.put("k8s", object.clone());
    world.put("oshift", edit(&object, |body| body["spec"]["tls"] = json!([{"hosts": ["foo.avi.com"]}])));
    assert_eq!(monitors(&world.outcome()), ["HTTPS 443 HEAD / HTTP/1.0"]);
}

// catalogue amko: 40
#[test]
fn paths_come_from_the_first_rule_of_a_host() {
    let mut world = World::new();
    let object = ingress("ing1", &[("foo.avi.com", "10.1.1.1")]);
    let path = |path: &str| json!({"path": path, "pathType": "Prefix", "backend": {}});
    let object = edit(&object, |body| {
        body["spec"]["rules"] = json!([
            {"host": "foo.avi.com", "http": {"paths": [path("/b"), path(""), path("/b")]}},
            {"host": "foo.avi.com", "http": {"paths": [path("/ignored")]}},
        ]);
    });
    world.put("k8s", object);
    assert_eq!(monitors(&world.outcome()), ["HTTP 80 HEAD / HTTP/1.0", "HTTP 80 HEAD /b HTTP/1.0"]);
    let names = world.outcome().desired.services.values().next().unwrap().monitors.names().len();
    assert_eq!(names, 2);
}

#[test]
fn members_paths_are_united() {
    let mut world = World::new();
    let object = ingress("ing1", &[("foo.avi.com", "10.1.1.1")]);
    let with_path = |path: &str| {
        let paths = json!([{"path": path, "pathType": "Prefix", "backend": {}}]);
        edit(&object, |body| body["spec"]["rules"][0]["http"]["paths"] = paths)
    };
    world.put("k8s", with_path("/"));
    world.put("oshift", with_path("/bar"));
    let outcome = world.outcome();
    let expected = ["amko--4840199bd9890d2070fdf5c52958599949b2b3ca", "amko--ca83bd5048b64a70aba2f3f666da479ab62a588e"];
    assert_eq!(outcome.desired.monitors.keys().map(|key| key.name.as_str()).collect::<Vec<_>>(), expected);
}

// catalogue amko: 92
#[test]
fn one_address_twice_is_one_member_and_two_objects() {
    let mut world = World::new();
    world.put("k8s", ingress("ing1", &[("foo.avi.com", "10.1.1.1")]));
    world.put("k8s", ingress("ing2", &[("foo.avi.com", "10.1.1.1")]));
    let outcome = world.outcome();
    assert_eq!(services(&outcome), ["foo.avi.com: 10.1.1.1*1@10(k8s)"]);
    let description = outcome.desired.services.values().next().unwrap().description();
    assert_eq!(description, "INGRESS/k8s/default/ing1/foo.avi.com,INGRESS/k8s/default/ing2/foo.avi.com");
}

// catalogue amko: 91
#[test]
fn delivering_the_same_again_changes_nothing() {
    let mut world = World::new();
    world.put("k8s", ingress("ing1", &[("foo.avi.com", "10.1.1.1")]));
    let before = world.outcome();
    world.put("k8s", ingress("ing1", &[("foo.avi.com", "10.1.1.1")]));
    assert_eq!(before, world.outcome());
}

/// Without `syncVipOnly` the identifiers of AKO are needed (amko 3.7).
// catalogue amko: 93
#[test]
fn without_identifiers_only_the_first_object_of_a_service_is_published() {
    let mut world = World::new();
    for cluster in &mut world.gdp.spec.match_clusters {
        cluster.sync_vip_only = None;
    }
    let object = ingress("ing1", &[("foo.avi.com", "10.1.1.1")]);
    world.put("k8s", object.clone());
    world.put("oshift", ingress("ing1", &[("foo.avi.com", "10.2.2.2")]));
    let outcome = world.outcome();
    assert_eq!(services(&outcome), ["foo.avi.com: 10.1.1.1*1@10(k8s)"]);
    let member = outcome.desired.services.values().next().unwrap().to_body()["groups"][0]["members"][0].clone();
    assert_eq!(member["vs_uuid"], "");
    assert!(member.get("cluster_uuid").is_none());

    let annotations = json!({
        "ako.vmware.com/host-fqdn-vs-uuid-map": r#"{"foo.avi.com":"virtualservice-2"}"#,
        "ako.vmware.com/controller-cluster-uuid": "cluster-2",
    });
    let identified = ingress("ing1", &[("foo.avi.com", "10.2.2.2")]);
    world.put("oshift", edit(&identified, |body| body["metadata"]["annotations"] = annotations));
    let outcome = world.outcome();
    assert_eq!(services(&outcome), ["foo.avi.com: 10.2.2.2*1@10(oshift)"]);
    let member = outcome.desired.services.values().next().unwrap().to_body()["groups"][0]["members"][0].clone();
    assert_eq!((&member["vs_uuid"], &member["cluster_uuid"]), (&json!("virtualservice-2"), &json!("cluster-2")));
}
