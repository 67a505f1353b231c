//! Services of type LoadBalancer (ako 3; catalogue 14.7).

use ako_translate::ObjectType;
use serde_json::{Value, json};

use crate::world::{World, bodies, ingress, left_out, node, pools, servers, service, service_with, slice};

fn world() -> World {
    let mut world = World::new();
    world.cloud.domains = Some(vec![".com".into()]);
    world
}

fn load_balancer(change: impl FnOnce(&mut Value)) -> Value {
    let mut spec = json!({"type": "LoadBalancer", "ports": [{"port": 8080, "protocol": "TCP"}]});
    change(&mut spec);
    spec
}

fn names(world: &mut World) -> String {
    bodies(&world.outcome(), ObjectType::VsVip)[0]["dns_info"].to_string()
}

/// 14.7, 132.
#[test]
fn the_class_decides_whose_a_service_is() {
    let class = |class: &str| load_balancer(|spec| spec["loadBalancerClass"] = class.into());
    for (default, spec, expected) in [
        ("true", load_balancer(|_| {}), None),
        ("false", load_balancer(|_| {}), Some("it names no loadBalancerClass, and defaultLBController is false")),
        ("true", class("ako.vmware.com/avi-lb"), None),
        ("false", class("ako.vmware.com/avi-lb"), None),
        ("true", class("other/lb"), Some("its loadBalancerClass is other/lb")),
    ] {
        let mut world = world();
        world.set("defaultLBController", default);
        world.put(service("red-ns/testsvc", spec));
        let outcome = world.outcome();
        let expected: Vec<_> = expected.iter().map(|what| format!("Service red-ns/testsvc: {what}")).collect();
        assert_eq!(left_out(&outcome), expected);
        assert_eq!(outcome.services.len(), usize::from(expected.is_empty()));
    }
}

/// 14.7, 130, 131, 147 to 149, as (ports, enterprise, profile of the whole, profiles of the ports).
#[test]
fn the_ports_decide_the_network_profile() {
    for (ports, is_enterprise, whole, of_ports) in [
        (vec!["TCP"], true, "System-TCP-Proxy", vec![None]),
        (vec!["TCP"], false, "System-TCP-Fast-Path", vec![None]),
        (vec!["UDP"], true, "System-UDP-Fast-Path", vec![None]),
        (vec!["SCTP"], true, "System-SCTP-Proxy", vec![None]),
        (vec!["TCP", "UDP"], true, "System-TCP-Proxy", vec![None, Some("System-UDP-Fast-Path")]),
        (vec!["SCTP", "TCP"], true, "System-TCP-Proxy", vec![Some("System-SCTP-Proxy"), None]),
        (vec!["UDP", "SCTP"], true, "System-UDP-Fast-Path", vec![None, Some("System-SCTP-Proxy")]),
    ] {
        let mut world = world();
        world.cloud.is_enterprise = is_enterprise;
        let spec: Vec<Value> = (0..).zip(&ports).map(|(at, of)| json!({"port": 80 + at, "protocol": of})).collect();
        world.put(service("svc", load_balancer(|body| body["ports"] = json!(spec))));
        let outcome = world.outcome();
        let body = bodies(&outcome, ObjectType::VirtualService).remove(0);
        assert_eq!(body["network_profile_ref"], format!("/api/networkprofile/?name={whole}"), "ako 3.4, {ports:?}");
        let overrides: Vec<Option<&str>> = body["services"]
            .as_array()
            .unwrap()
            .iter()
            .map(|service| service["override_network_profile_ref"].as_str())
            .map(|reference| reference.and_then(|text| text.split_once("?name=")).map(|(_, name)| name))
            .collect();
        assert_eq!(overrides, of_ports, "{ports:?}");
        let mut monitors: Vec<String> = bodies(&outcome, ObjectType::Pool)
            .iter()
            .map(|pool| pool["health_monitor_refs"][0].as_str().unwrap().rsplit_once('-').unwrap().1.to_owned())
            .collect();
        monitors.sort();
        let mut expected = ports.clone();
        expected.sort_unstable();
        assert_eq!(monitors, expected, "ako 3.3");
        let set = &bodies(&outcome, ObjectType::L4PolicySet)[0];
        assert_eq!(set["l4_connection_policy"]["rules"].as_array().unwrap().len(), ports.len());
        assert_eq!(set["markers"][3]["values"], json!([expected.join(",")]), "ako 2.4");
    }
}

/// 14.7, 138 to 140, 145.
#[test]
fn a_service_has_one_name() {
    let mut world = world();
    world.put(service("ns/svc", load_balancer(|_| {})));
    assert_eq!(names(&mut world), r#"[{"fqdn":"svc.ns.com"}]"#);
    world.set("autoFQDN", "flat");
    assert_eq!(names(&mut world), r#"[{"fqdn":"svc-ns.com"}]"#);
    let external = json!({"external-dns.alpha.kubernetes.io/hostname": "my.example.com"});
    world.put(service_with("ns/svc", external, load_balancer(|_| {})));
    assert_eq!(names(&mut world), r#"[{"fqdn":"my.example.com"}]"#);
    world.set("autoFQDN", "disable");
    assert_eq!(names(&mut world), "null", "the annotation is ignored too, ako 3.5");
}

/// 14.7, 138.
#[test]
fn an_address_may_be_asked_for() {
    let mut world = world();
    let annotated = || json!({"ako.vmware.com/load-balancer-ip": "10.10.25.50"});
    world.put(service_with("svc", annotated(), load_balancer(|_| {})));
    let vip = |world: &mut World| bodies(&world.outcome(), ObjectType::VsVip)[0]["vip"][0].clone();
    assert_eq!(vip(&mut world)["ip_address"], json!({"addr": "10.10.25.50", "type": "V4"}));
    assert_eq!(vip(&mut world)["auto_allocate_ip"], true, "ako 3.6");
    let spec = load_balancer(|spec| spec["loadBalancerIP"] = "2001:db8::5".into());
    world.put(service_with("svc", annotated(), spec));
    assert_eq!(vip(&mut world)["ip6_address"], json!({"addr": "2001:db8::5", "type": "V6"}), "the spec wins");
    world.put(service("svc", load_balancer(|spec| spec["loadBalancerIP"] = "x".into())));
    assert_eq!(left_out(&world.outcome()), ["Service default/svc: `x` is not an IP address"]);
}

/// 14.7, 133 and 158.
#[test]
fn annotations_change_profile_and_traffic() {
    let mut world = world();
    let annotations =
        json!({"ako.vmware.com/application-profile": "my-profile", "ako.vmware.com/disable-traffic": "true"});
    world.put(service_with("svc", annotations, load_balancer(|_| {})));
    let body = bodies(&world.outcome(), ObjectType::VirtualService).remove(0);
    assert_eq!(body["application_profile_ref"], "/api/applicationprofile/?name=my-profile");
    assert_eq!(body["traffic_enabled"], false);
}

/// 14.7, 137.
#[test]
fn scaled_to_zero_the_pool_stays() {
    let mut world = world();
    world.put(service("svc", load_balancer(|_| {})));
    world.put(slice("svc", 8080, &["10.1.1.1"]));
    assert_eq!(servers(&world.outcome()), ["10.1.1.1:8080"]);
    world.put(slice("svc", 8080, &[]));
    assert!(servers(&world.outcome()).is_empty());
}

/// 14.7, 161.
#[test]
fn node_ports_may_be_skipped() {
    let mut world = world();
    world.set("serviceType", "NodePort");
    world.put(node("n1", "10.0.0.1", &[]));
    let spec = load_balancer(|spec| spec["ports"][0]["nodePort"] = 30080.into());
    world.put(service("svc", spec.clone()));
    world.put(slice("svc", 8080, &["10.1.1.1"]));
    assert_eq!(servers(&world.outcome()), ["10.0.0.1:30080"]);
    world.put(service_with("svc", json!({"skipnodeport.ako.vmware.com/enabled": "true"}), spec));
    assert_eq!(servers(&world.outcome()), ["10.1.1.1:8080"]);
}

#[test]
fn what_is_not_done_yet_is_refused_by_name() {
    for key in ["ako.vmware.com/enable-shared-vip", "ako.vmware.com/l4rule", "aviinfrasetting.ako.vmware.com/name"] {
        let mut world = world();
        world.put(service_with("svc", json!({key: "x"}), load_balancer(|_| {})));
        let reason = format!("Service default/svc: annotation {key} is not supported by this release");
        assert_eq!(left_out(&world.outcome()), [reason]);
    }
}

#[test]
fn with_layer7_only_services_are_left_alone() {
    let mut world = world();
    world.set("layer7Only", "true");
    world.put(service("svc", load_balancer(|_| {})));
    world.put(ingress("ing", &[("foo.com", &["/=svc:8080"])]));
    let outcome = world.outcome();
    assert!(outcome.services.is_empty() && outcome.left_out.is_empty());
    assert_eq!(pools(&outcome).len(), 1);
}

#[test]
fn another_type_takes_everything_away() {
    let mut world = world();
    world.put(service("svc", load_balancer(|_| {})));
    assert_eq!(world.outcome().desired.objects().count(), 4);
    world.put(service("svc", load_balancer(|spec| spec["type"] = "ClusterIP".into())));
    let outcome = world.outcome();
    assert_eq!((outcome.desired.objects().count(), outcome.left_out.len()), (0, 0));
}
