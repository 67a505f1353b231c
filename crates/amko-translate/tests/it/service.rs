//! LoadBalancer Services to services (amko 3.6, 13.4).

use serde_json::json;

use crate::world::{World, edit, ingress, monitors, rejections, service, services};

// catalogue amko: 54, 61, 87
#[test]
fn a_load_balancer_service_gets_a_monitor_on_its_smallest_port() {
    let mut world = World::new();
    let object = service("svc1", "svc.avi.com", "10.1.1.1", &[(8080, "TCP"), (9090, "UDP")]);
    world.put("k8s", object.clone());
    let outcome = world.outcome();
    assert_eq!(services(&outcome), ["svc.avi.com: 10.1.1.1*1@10(k8s)"]);
    assert_eq!(monitors(&outcome), ["TCP 8080"]);
    let monitor = outcome.desired.monitors.values().next().unwrap();
    assert_eq!(monitor.name.name, "amko--12d238ea214039311de685f12e697d91c96097d1");
    assert_eq!(monitor.description, "created by: amko, gsname: svc.avi.com");
    world.put("k8s", service("svc1", "svc.avi.com", "10.1.1.1", &[(53, "UDP")]));
    assert_eq!(monitors(&world.outcome()), ["UDP 53"]);
    world.remove("k8s", &object);
    assert_eq!(world.outcome().desired, amko_translate::Desired::default());
}

// catalogue amko: 88
#[test]
fn several_services_share_a_monitor_on_the_smallest_port_of_all() {
    let mut world = World::new();
    world.put("k8s", service("svc1", "svc.avi.com", "10.1.1.1", &[(8080, "TCP")]));
    world.put("oshift", service("svc1", "svc.avi.com", "10.2.2.2", &[(53, "UDP")]));
    assert_eq!(monitors(&world.outcome()), ["UDP 53"]);
}

#[test]
fn path_monitors_win_over_ports() {
    let mut world = World::new();
    world.put("k8s", service("svc1", "foo.avi.com", "10.1.1.1", &[(8080, "TCP")]));
    world.put("k8s", ingress("ing1", &[("foo.avi.com", "10.1.1.2")]));
    assert_eq!(monitors(&world.outcome()), ["HTTP 80 HEAD / HTTP/1.0"]);
    assert_eq!(services(&world.outcome()), ["foo.avi.com: 10.1.1.2*1@10(k8s) 10.1.1.1*1@10(k8s)"]);
}

// catalogue amko: 58, 59
#[test]
fn a_service_leaves_without_its_host_or_its_label_and_comes_back_with_them() {
    let mut world = World::new();
    let object = service("svc1", "svc.avi.com", "10.1.1.1", &[(8080, "TCP")]);
    let there = ["svc.avi.com: 10.1.1.1*1@10(k8s)"];
    let bare = edit(&object, |body| body["status"]["loadBalancer"]["ingress"] = json!([{"ip": "10.1.1.1"}]));
    let unlabelled = edit(&object, |body| body["metadata"]["labels"] = json!({}));
    for less in [bare, unlabelled] {
        world.put("k8s", object.clone());
        assert_eq!(services(&world.outcome()), there);
        world.put("k8s", less.clone());
        let gone = world.outcome();
        assert!(gone.desired.services.is_empty() && gone.desired.monitors.is_empty());
        world.remove("k8s", &less);
        assert_eq!(world.outcome().desired, gone.desired, "nothing was left to remove");
        world.put("k8s", less);
        assert_eq!(world.outcome().desired, gone.desired);
    }
    world.put("k8s", object);
    assert_eq!(services(&world.outcome()), there);
}

#[track_caller]
fn check_rejected(change: impl FnOnce(&mut serde_json::Value), expected: &str) {
    let mut world = World::new();
    world.put("k8s", edit(&service("svc1", "svc.avi.com", "10.1.1.1", &[(80, "TCP")]), change));
    let outcome = world.outcome();
    assert!(outcome.desired.services.is_empty());
    assert_eq!(rejections(&outcome), [format!("Service default/svc1: {expected}")]);
}

// catalogue amko: 55, 56, 60
#[test]
fn each_service_that_is_left_out_has_a_reason() {
    check_rejected(|body| body["spec"]["type"] = json!("ClusterIP"), "it is not of type LoadBalancer");
    check_rejected(|body| body["metadata"]["labels"] = json!({}), "it lacks the label app=gslb");
    check_rejected(|body| body["status"] = json!({}), "its status has no load balancer entry yet");
    check_rejected(|body| body["spec"]["ports"] = json!([]), "it has no port");
    check_rejected(
        |body| body["status"]["loadBalancer"]["ingress"] = json!([{"ip": "10.1.1.1"}]),
        "its status has no host name",
    );
    check_rejected(
        |body| body["status"]["loadBalancer"]["ingress"] = json!([{"hostname": "svc.avi.com"}]),
        "its status has no valid address",
    );
}

// catalogue amko: 57
#[test]
fn a_renamed_host_moves_the_member() {
    let mut world = World::new();
    world.put("k8s", service("svc1", "a.avi.com", "10.1.1.1", &[(80, "TCP")]));
    world.outcome();
    world.put("k8s", service("svc1", "b.avi.com", "10.1.1.5", &[(80, "TCP")]));
    assert_eq!(services(&world.outcome()), ["b.avi.com: 10.1.1.5*1@10(k8s)"]);
}
