//! OpenShift Routes to services (amko 3.5, 13.3).

use amko_translate::{Identifiers, Outcome, VsRef};
use k8s_crds::{Kind, Object};
use serde_json::{Value, json};

use crate::world::{UUID, World, edit, ingress, monitors, namespace, rejections, route, service, services};

const ONE: &str = "foo.avi.com: 10.2.2.2*1@10(oshift)";

fn foo() -> Object {
    route("r1", "foo.avi.com", "10.2.2.2")
}

#[track_caller]
fn check(change: impl FnOnce(&mut Value), expected: Result<&str, &str>) {
    let mut world = World::new();
    world.put("oshift", edit(&foo(), change));
    let outcome = world.outcome();
    match expected {
        Ok(service) => assert_eq!(services(&outcome), [service]),
        Err(reason) => {
            assert!(outcome.desired.services.is_empty() && outcome.desired.monitors.is_empty());
            assert_eq!(rejections(&outcome), [format!("Route default/r1: {reason}")]);
        }
    }
}

// catalogue amko: 42
#[test]
fn a_labelled_route_is_a_service_until_it_is_deleted() {
    let mut world = World::new();
    world.put("oshift", foo());
    let outcome = world.outcome();
    assert_eq!(services(&outcome), [ONE]);
    assert_eq!(monitors(&outcome), ["HTTP 80 HEAD / HTTP/1.0"]);
    world.remove("oshift", &foo());
    assert!(world.outcome().desired.services.is_empty());
}

/// The original keeps the service of the old host when both change at once (amko 12 line 17).
// catalogue amko: 47
#[test]
fn a_changed_host_or_address_is_followed() {
    let mut world = World::new();
    world.put("oshift", foo());
    assert_eq!(services(&world.outcome()), [ONE]);
    world.put("oshift", route("r1", "bar.avi.com", "10.2.2.2"));
    assert_eq!(services(&world.outcome()), [ONE.replace("foo", "bar")]);
    world.put("oshift", route("r1", "bar.avi.com", "10.2.2.9"));
    assert_eq!(services(&world.outcome()), ["bar.avi.com: 10.2.2.9*1@10(oshift)"]);
}

// catalogue amko: 44, 46
#[test]
fn a_route_follows_its_label_and_its_status() {
    let mut world = World::new();
    let unlabelled = edit(&foo(), |body| body["metadata"]["labels"] = json!({"app": "other"}));
    let bare = edit(&foo(), |body| body["status"] = json!({}));
    let reasons = ["it lacks the label app=gslb", "its status has no load balancer entry yet"];
    for (less, reason) in [unlabelled, bare].into_iter().zip(reasons) {
        world.put("oshift", foo());
        assert_eq!(services(&world.outcome()), [ONE]);
        world.put("oshift", less);
        let outcome = world.outcome();
        assert!(outcome.desired.services.is_empty() && outcome.desired.monitors.is_empty());
        assert_eq!(rejections(&outcome), [format!("Route default/r1: {reason}")]);
    }
    world.put("oshift", foo());
    assert_eq!(services(&world.outcome()), [ONE]);
}

// catalogue amko: 45
#[test]
fn a_route_without_a_status_waits() {
    check(|body| body["status"] = json!({}), Err("its status has no load balancer entry yet"));
    check(|body| body["status"]["ingress"][0]["conditions"] = json!([]), Err("its status has no valid address"));
    let second = json!([{"message": "admitted"}, {"message": "10.2.2.2"}]);
    check(|body| body["status"]["ingress"][0]["conditions"] = second, Ok(ONE));
}

// catalogue amko: 48, 49, 50
#[test]
fn a_sub_domain_is_within_the_domain_of_the_policy() {
    let mut world = World::new();
    let with_sub_domain = edit(&foo(), |body| body["spec"] = json!({"subdomain": "foo"}));
    world.put("oshift", with_sub_domain.clone());
    let reason = "Route default/r1: it has the subdomain foo only, and the policy has no defaultDomain";
    assert_eq!(rejections(&world.outcome()), [reason]);
    for domain in ["avi.com", ".avi.com"] {
        world.gdp.spec.default_domain = Some(domain.into());
        assert_eq!(services(&world.outcome()), [ONE]);
    }
    // A host takes its place, and another domain (amko 12 line 40).
    world.put("oshift", edit(&route("r1", "bar.avi.com", "10.2.2.2"), |body| body["spec"]["subdomain"] = json!("foo")));
    assert_eq!(services(&world.outcome()), [ONE.replace("foo", "bar")]);
    world.put("oshift", with_sub_domain.clone());
    world.gdp.spec.default_domain = Some("other.com".into());
    assert_eq!(
        rejections(&world.outcome()),
        ["Route default/r1: its status has no entry of AKO for host foo.other.com"]
    );
    world.remove("oshift", &with_sub_domain);
    assert!(world.outcome().selection.rejected.is_empty());
}

// catalogue amko: 51
#[test]
fn what_another_router_says_is_ignored() {
    check(
        |body| body["status"]["ingress"][0]["routerName"] = json!("default"),
        Err("its status has no entry of AKO for host foo.avi.com"),
    );
    let other = json!({"host": "foo.avi.com", "routerName": "default", "conditions": [{"message": "10.9.9.9"}]});
    check(|body| body["status"]["ingress"].as_array_mut().unwrap().insert(0, other), Ok(ONE));
}

fn told(host: &str, vs: &str, cluster: &str) -> Value {
    json!({
        "ako.vmware.com/host-fqdn-vs-uuid-map": json!({host: vs}).to_string(),
        "ako.vmware.com/controller-cluster-uuid": cluster,
        "ako.vmware.com/tenant-name": "t1",
    })
}

fn identifiers(outcome: &Outcome) -> Vec<Option<VsRef>> {
    outcome.desired.services.values().flat_map(|s| s.members().map(|(_, m)| m.vs.clone()).collect::<Vec<_>>()).collect()
}

// catalogue amko: 52
#[test]
fn identifiers_in_the_status_come_before_those_in_annotations() {
    let known =
        |vs: &str| Some(VsRef::Known(Identifiers { vs_uuid: vs.to_owned(), cluster_uuid: format!("cluster-of-{vs}") }));
    let mut world = World::new();
    world.gdp.spec.match_clusters.iter_mut().for_each(|entry| entry.sync_vip_only = None);
    let annotated = edit(&foo(), |body| body["metadata"]["annotations"] = told("foo.avi.com", "a", "cluster-of-a"));
    world.put("oshift", annotated.clone());
    world.put("oshift", namespace("default", json!({}), json!({"ako.vmware.com/tenant-name": "t1"})));
    assert_eq!(identifiers(&world.outcome()), [known("a")]);
    let both = edit(&annotated, |body| {
        let reason = told("foo.avi.com", "s", "cluster-of-s").to_string();
        body["status"]["ingress"][0]["conditions"][0]["reason"] = json!(reason);
    });
    world.put("oshift", both.clone());
    let outcome = world.outcome();
    assert_eq!(identifiers(&outcome), [known("s")]);
    assert_eq!(outcome.desired.services.keys().next().unwrap().tenant, "t1");
    // The tenant in the status counts before the annotation, too.
    world
        .put("oshift", edit(&both, |body| body["metadata"]["annotations"]["ako.vmware.com/tenant-name"] = json!("t2")));
    assert_eq!(services(&world.outcome()), [ONE]);
    let nonsense = edit(&annotated, |body| body["status"]["ingress"][0]["conditions"][0]["reason"] = json!("{}"));
    world.put("oshift", nonsense);
    assert_eq!(identifiers(&world.outcome()), [known("a")]);
}

fn passthrough(name: &str, host: &str, ip: &str) -> Object {
    edit(&route(name, host, ip), |body| {
        body["spec"]["path"] = json!("/not-seen");
        body["spec"]["tls"] = json!({"termination": "passthrough"});
    })
}

// catalogue amko: 53, 153
#[test]
fn passthrough_routes_share_one_monitor_of_port_443() {
    let mut world = World::new();
    world.put("oshift", passthrough("r1", "foo.avi.com", "10.2.2.2"));
    world.put("oshift", passthrough("r2", "bar.avi.com", "10.2.2.3"));
    world.gdp.spec.site_persistence_ref = Some("gslb-persistence".into());
    let outcome = world.outcome();
    let shared = format!("amko--passthrough-hm-tcp-{UUID}");
    assert_eq!(outcome.desired.monitors.len(), 1);
    let body = outcome.desired.monitors.values().next().unwrap().to_body();
    assert_eq!((&body["name"], &body["type"]), (&json!(shared), &json!("HEALTH_MONITOR_TCP")));
    assert_eq!((&body["monitor_port"], &body["description"]), (&json!(443), &json!("created by: amko")));
    assert_eq!(outcome.desired.services.len(), 2);
    for service in outcome.desired.services.values() {
        let body = service.to_body();
        assert_eq!(body["health_monitor_refs"], json!([format!("/api/healthmonitor?name={shared}")]));
        assert_eq!(body["site_persistence_enabled"], json!(false), "it is not secure in this sense");
    }
}

#[test]
fn paths_of_another_member_come_before_the_shared_monitor_and_that_before_a_port() {
    let mut world = World::new();
    world.put("oshift", passthrough("r1", "foo.avi.com", "10.2.2.2"));
    world.put("k8s", service("svc1", "foo.avi.com", "10.1.1.1", &[(53, "UDP")]));
    assert_eq!(monitors(&world.outcome()), ["TCP 443"]);
    world.put("k8s", ingress("ing1", &[("foo.avi.com", "10.1.1.9")]));
    assert_eq!(monitors(&world.outcome()), ["HTTP 80 HEAD / HTTP/1.0"]);
}

#[test]
fn other_tls_of_a_route_is_secure() {
    for termination in ["edge", "reencrypt"] {
        let mut world = World::new();
        world.put("oshift", edit(&foo(), |body| body["spec"]["tls"] = json!({"termination": termination, "key": "k"})));
        assert_eq!(monitors(&world.outcome()), ["HTTPS 443 HEAD / HTTP/1.0"]);
    }
}

// catalogue amko: 145, 150
#[test]
fn an_ingress_and_a_route_of_one_host_are_one_service_with_the_monitors_of_both() {
    let mut world = World::new();
    let with_path = |path: &str| {
        edit(&ingress("ing1", &[("foo.avi.com", "10.1.1.1")]), |body| {
            body["spec"]["rules"][0]["http"]["paths"] = json!([{"path": path, "pathType": "Prefix", "backend": {}}]);
        })
    };
    world.put("k8s", with_path("/"));
    world.put("oshift", foo());
    let outcome = world.outcome();
    let both = "foo.avi.com: 10.1.1.1*1@10(k8s) 10.2.2.2*1@10(oshift)";
    assert_eq!((services(&outcome), monitors(&outcome).len()), (vec![both.to_owned()], 1));
    world.put("k8s", with_path("/a"));
    world.put("oshift", edit(&foo(), |body| body["spec"]["path"] = json!("/b")));
    let outcome = world.outcome();
    assert_eq!(services(&outcome), [both]);
    assert_eq!(monitors(&outcome), ["HTTP 80 HEAD /a HTTP/1.0", "HTTP 80 HEAD /b HTTP/1.0"]);
    let names: Vec<_> = outcome.desired.monitors.keys().map(|key| key.name.clone()).collect();
    for path in ["/a", "/b"] {
        assert!(names.contains(&amko_translate::path_name(false, "foo.avi.com", path)));
    }
}

// catalogue amko: 151
#[test]
fn host_and_path_edited_on_both_move_the_service() {
    let mut world = World::new();
    world.put("k8s", ingress("ing1", &[("foo.avi.com", "10.1.1.1")]));
    world.put("oshift", foo());
    assert_eq!(world.outcome().desired.services.len(), 1);
    let edited = edit(&ingress("ing1", &[("bar.avi.com", "10.1.1.1")]), |body| {
        body["spec"]["rules"][0]["http"]["paths"] = json!([{"path": "/new", "pathType": "Prefix", "backend": {}}]);
    });
    world.put("k8s", edited);
    world.put("oshift", edit(&route("r1", "bar.avi.com", "10.2.2.2"), |body| body["spec"]["path"] = json!("/new")));
    let outcome = world.outcome();
    assert_eq!(services(&outcome), ["bar.avi.com: 10.1.1.1*1@10(k8s) 10.2.2.2*1@10(oshift)"]);
    assert_eq!(monitors(&outcome), ["HTTP 80 HEAD /new HTTP/1.0"]);
}

/// amko 3.2: such a cluster is OpenShift, which makes Routes of Ingresses by itself.
#[test]
fn where_routes_are_served_no_ingress_counts() {
    let mut world = World::new();
    world.put("oshift", foo());
    world.put("oshift", ingress("ing1", &[("bar.avi.com", "10.2.2.3")]));
    assert_eq!(world.outcome().desired.services.len(), 2, "manifests do not say what a cluster serves");
    world.index.set_served("oshift", Kind::Route, true);
    let outcome = world.outcome();
    assert_eq!(services(&outcome), [ONE]);
    let expected = "Ingress default/ing1: its cluster serves Routes, which are read in place of Ingresses";
    assert_eq!(rejections(&outcome), [expected]);
    world.index.set_served("oshift", Kind::Route, false);
    assert_eq!(world.outcome().desired.services.len(), 2);
}
