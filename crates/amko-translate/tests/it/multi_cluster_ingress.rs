//! MultiClusterIngresses to services (amko 3.1, 13.5).

use amko_translate::{Traffic, VsRef};
use k8s_crds::{MultiClusterIngress, Object};
use serde_json::{Value, json};

use crate::world::{World, ingress, monitors, rejections, services};

/// A MultiClusterIngress `default/mci1` with label `app: gslb`, served at one address.
fn multi(host: &str, ip: &str) -> Value {
    json!({
        "metadata": {"name": "mci1", "namespace": "default", "labels": {"app": "gslb"}},
        "spec": {"hostName": host, "config": [
            {"path": "/apple", "cluster": "k8s", "weight": 50, "service": {"name": "a", "port": 80, "namespace": "x"}},
            {"path": "/pear", "cluster": "oshift", "weight": 50, "service": {"name": "b", "port": 80, "namespace": "x"}},
            {"path": "/apple", "cluster": "oshift", "weight": 50, "service": {"name": "a", "port": 80, "namespace": "x"}},
        ]},
        "status": {"loadBalancer": {"ingress": [{"hostname": host, "ip": ip}]}, "status": {"accepted": true}},
    })
}

fn object(body: &Value) -> Object {
    Object::MultiClusterIngress(serde_json::from_value::<MultiClusterIngress>(body.clone()).unwrap())
}

fn secured(host: &str) -> Value {
    let mut body = multi(host, "10.1.1.1");
    body["spec"]["secretName"] = "cert".into();
    body
}

/// What was accepted: `MCI/k8s/default/mci1/foo.avi.com 10.1.1.1`.
fn accepted(world: &mut World) -> Vec<String> {
    let selection = world.outcome().selection;
    selection.accepted.iter().map(|candidate| format!("{} {}", candidate.object, candidate.address)).collect()
}

/// Whether each accepted object is served by TLS.
fn tls(world: &mut World) -> Vec<bool> {
    let selection = world.outcome().selection;
    selection.accepted.iter().map(|candidate| matches!(candidate.traffic, Traffic::Paths { tls: true, .. })).collect()
}

// catalogue amko: 63
#[test]
fn a_labelled_multi_cluster_ingress_is_a_member_until_it_is_deleted() {
    let mut world = World::new();
    let body = multi("foo.avi.com", "10.1.1.1");
    world.put("k8s", object(&body));
    assert_eq!(accepted(&mut world), ["MCI/k8s/default/mci1/foo.avi.com 10.1.1.1"]);
    let outcome = world.outcome();
    assert_eq!(services(&outcome), ["foo.avi.com: 10.1.1.1*1@10(k8s)"]);
    assert_eq!(monitors(&outcome), ["HTTP 80 HEAD /apple HTTP/1.0", "HTTP 80 HEAD /pear HTTP/1.0"]);
    world.remove("k8s", &object(&body));
    assert!(accepted(&mut world).is_empty() && world.outcome().desired.services.is_empty());
}

// catalogue amko: 64
#[test]
fn a_renamed_host_of_a_multi_cluster_ingress_takes_the_place_of_the_old_one() {
    let mut world = World::new();
    world.put("k8s", object(&multi("foo.avi.com", "10.1.1.1")));
    world.outcome();
    let renamed = object(&multi("bar.avi.com", "10.1.1.1"));
    world.put("k8s", renamed.clone());
    assert_eq!(accepted(&mut world), ["MCI/k8s/default/mci1/bar.avi.com 10.1.1.1"]);
    assert_eq!(services(&world.outcome()), ["bar.avi.com: 10.1.1.1*1@10(k8s)"]);
    world.remove("k8s", &renamed);
    assert!(world.outcome().desired.services.is_empty());
}

// catalogue amko: 65
#[test]
fn a_multi_cluster_ingress_without_the_label_is_listed_as_rejected_until_it_has_it_again() {
    let mut world = World::new();
    let labelled = object(&multi("foo.avi.com", "10.1.1.1"));
    let mut body = multi("foo.avi.com", "10.1.1.1");
    body["metadata"]["labels"] = json!({"app": "other"});
    world.put("k8s", labelled.clone());
    assert_eq!(accepted(&mut world).len(), 1);
    world.put("k8s", object(&body));
    let outcome = world.outcome();
    assert!(outcome.desired.services.is_empty() && outcome.desired.monitors.is_empty());
    assert_eq!(rejections(&outcome), ["MultiClusterIngress default/mci1: it lacks the label app=gslb"]);
    world.put("k8s", labelled.clone());
    assert_eq!(accepted(&mut world).len(), 1);
    assert!(rejections(&world.outcome()).is_empty());
    world.remove("k8s", &labelled);
    assert!(world.outcome().desired.services.is_empty());
}

// catalogue amko: 66, 67, 68
#[test]
fn a_multi_cluster_ingress_is_a_member_while_its_status_has_host_and_address() {
    let mut world = World::new();
    let served = object(&multi("foo.avi.com", "10.1.1.1"));
    let mut body = multi("foo.avi.com", "10.1.1.1");
    body["status"] = json!({});
    let waiting = object(&body);
    world.put("k8s", waiting.clone());
    let reason = "MultiClusterIngress default/mci1: its status has no load balancer entry yet";
    assert_eq!(rejections(&world.outcome()), [reason]);
    world.remove("k8s", &waiting);
    assert!(world.outcome().desired.services.is_empty());

    // The status comes, and goes again before the object.
    world.put("k8s", waiting.clone());
    world.put("k8s", served.clone());
    assert_eq!(accepted(&mut world), ["MCI/k8s/default/mci1/foo.avi.com 10.1.1.1"]);
    world.put("k8s", waiting.clone());
    assert!(world.outcome().desired.services.is_empty());
    world.remove("k8s", &waiting);
    assert!(world.outcome().desired.services.is_empty());
    world.put("k8s", served.clone());
    world.remove("k8s", &served);
    assert!(world.outcome().desired.services.is_empty());
}

#[track_caller]
fn check_unusable(entry: Value, expected: &str) {
    let mut world = World::new();
    let mut body = multi("foo.avi.com", "10.1.1.1");
    body["status"]["loadBalancer"]["ingress"] = json!([entry]);
    world.put("k8s", object(&body));
    let outcome = world.outcome();
    assert!(outcome.desired.services.is_empty());
    assert_eq!(rejections(&outcome), [format!("MultiClusterIngress default/mci1: {expected}")]);
}

#[test]
fn a_status_entry_that_is_of_no_use_has_its_reason() {
    check_unusable(json!({"ip": "10.1.1.1"}), "its status has no host name");
    check_unusable(json!({"hostname": "foo.avi.com"}), "its status has no valid address");
    check_unusable(json!({"hostname": "foo.avi.com", "ip": "soon"}), "its status has no valid address");
    let wildcard = "host *.avi.com is a wildcard, which no GSLB service stands for; name each host";
    check_unusable(json!({"hostname": "*.avi.com", "ip": "10.1.1.1"}), wildcard);
}

// catalogue amko: 69
#[test]
fn a_new_address_of_a_multi_cluster_ingress_takes_the_place_of_the_old_one() {
    let mut world = World::new();
    world.put("k8s", object(&multi("foo.avi.com", "10.1.1.1")));
    world.outcome();
    world.put("k8s", object(&multi("foo.avi.com", "10.1.1.9")));
    assert_eq!(accepted(&mut world), ["MCI/k8s/default/mci1/foo.avi.com 10.1.1.9"]);
    assert_eq!(services(&world.outcome()), ["foo.avi.com: 10.1.1.9*1@10(k8s)"]);
}

// catalogue amko: 70
#[test]
fn a_secret_name_makes_a_multi_cluster_ingress_one_with_tls() {
    let mut world = World::new();
    let body = secured("foo.avi.com");
    world.put("k8s", object(&body));
    assert_eq!(tls(&mut world), [true]);
    assert_eq!(monitors(&world.outcome()), ["HTTPS 443 HEAD /apple HTTP/1.0", "HTTPS 443 HEAD /pear HTTP/1.0"]);
    world.remove("k8s", &object(&body));
    assert!(world.outcome().desired.services.is_empty());
}

// catalogue amko: 71
#[test]
fn tls_of_a_multi_cluster_ingress_survives_a_new_host() {
    let mut world = World::new();
    world.put("k8s", object(&secured("foo.avi.com")));
    assert_eq!(tls(&mut world), [true]);
    let mut renamed = secured("bar.avi.com");
    renamed["status"]["loadBalancer"]["ingress"][0]["hostname"] = "bar.avi.com".into();
    world.put("k8s", object(&renamed));
    assert_eq!(accepted(&mut world), ["MCI/k8s/default/mci1/bar.avi.com 10.1.1.1"]);
    assert_eq!(tls(&mut world), [true]);
    world.remove("k8s", &object(&renamed));
    assert!(world.outcome().desired.services.is_empty());
}

#[test]
fn identifiers_and_tenant_of_a_multi_cluster_ingress_are_those_of_its_annotations() {
    let mut world = World::new();
    world.gdp.spec.match_clusters[0].sync_vip_only = Some(false);
    let mut body = multi("foo.avi.com", "10.1.1.1");
    body["metadata"]["annotations"] = json!({
        "ako.vmware.com/host-fqdn-vs-uuid-map": "{\"foo.avi.com\":\"virtualservice-1\"}",
        "ako.vmware.com/controller-cluster-uuid": "cluster-a",
        "ako.vmware.com/tenant-name": "tenant2",
    });
    world.put("k8s", object(&body));
    let outcome = world.outcome();
    let service = outcome.desired.services.values().next().unwrap();
    assert_eq!(service.name.tenant, "admin", "its namespace names no tenant");
    let (_, member) = service.members().next().unwrap();
    let Some(VsRef::Known(identifiers)) = &member.vs else { panic!("{member:?}") };
    assert_eq!((&*identifiers.vs_uuid, &*identifiers.cluster_uuid), ("virtualservice-1", "cluster-a"));
}

#[test]
fn a_multi_cluster_ingress_joins_the_other_members_of_its_host() {
    let mut world = World::new();
    world.put("k8s", object(&multi("foo.avi.com", "10.1.1.1")));
    world.put("oshift", ingress("ing1", &[("foo.avi.com", "10.2.2.2")]));
    let outcome = world.outcome();
    assert_eq!(services(&outcome), ["foo.avi.com: 10.1.1.1*1@10(k8s) 10.2.2.2*1@10(oshift)"]);
    let service = outcome.desired.services.values().next().unwrap();
    let expected = "MCI/k8s/default/mci1/foo.avi.com,INGRESS/oshift/default/ing1/foo.avi.com";
    assert_eq!(service.to_body()["description"], expected);
}
