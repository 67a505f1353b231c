//! Servers of pools (ako 4.7, 6.2, 6.3; catalogue 14.1, 14.7).

use ako_translate::{ClusterObject, Kind, ObjectType};
use serde_json::{Value, json};

use crate::world::{
    World, bodies, ingress, left_out, node, node_with, pools, servers, service, slice, slice_named, web,
};

/// An Ingress to `web:80`.
fn world() -> World {
    let mut world = World::new();
    world.put(ingress("ing", &[("foo.com", &["/=web"])]));
    world
}

#[track_caller]
fn check(objects: impl IntoIterator<Item = ClusterObject>, expected: &[&str]) {
    let mut world = world();
    for object in objects {
        world.put(object);
    }
    assert_eq!(servers(&world.outcome()), expected);
}

#[test]
fn pods_become_servers() {
    check(web("web", &["10.1.1.2", "10.1.1.10", "10.1.1.1"]), &["10.1.1.1:8080", "10.1.1.2:8080", "10.1.1.10:8080"]);
    check(web("web", &["10.1.1.1", "!10.1.1.2", "-10.1.1.3"]), &["10.1.1.1:8080", "!10.1.1.2:8080", "!10.1.1.3:8080"]);
    check(web("web", &["10.1.1.1", "10.1.1.1"]), &["10.1.1.1:8080"]);
    check(web("web", &["10.1.1.1", "fd00::1", "not an address"]), &["10.1.1.1:8080"]);
    check(web("web", &[]), &[]);
}

#[test]
fn an_endpoint_in_two_slices_counts_once_and_as_ready() {
    let ports = json!([{"port": 8080}]);
    let [service, _] = web("web", &[]);
    let slices = [("a", "!10.1.1.1"), ("b", "10.1.1.1"), ("c", "!10.1.1.1")];
    let slices = slices.map(|(name, pod)| slice_named(name, "web", ports.clone(), &[pod]));
    check(std::iter::once(service).chain(slices), &["10.1.1.1:8080"]);
}

/// Ports of a slice by name, by numeric `targetPort`, or because it is the only one of the only slice.
#[test]
fn the_port_of_a_slice_is_found() {
    let port = |value: Value| service("web", json!({"ports": [value, {"port": 81, "name": "b", "targetPort": 9}]}));
    let slice = |ports: Value| slice_named("web-1", "web", ports, &["10.1.1.1"]);
    let two = json!([{"name": "a", "port": 7000}, {"name": "b", "port": 7001}]);
    check([port(json!({"port": 80, "name": "a"})), slice(two.clone())], &["10.1.1.1:7000"]);
    check([port(json!({"port": 80, "name": "x", "targetPort": 7001})), slice(two.clone())], &["10.1.1.1:7001"]);
    check([port(json!({"port": 80, "name": "x", "targetPort": "a"})), slice(two.clone())], &[]);
    check([port(json!({"port": 80, "name": "x", "targetPort": 1})), slice(json!([{"port": 7}]))], &["10.1.1.1:7"]);
    let udp = json!([{"name": "a", "port": 7000, "protocol": "UDP"}, {"name": "c", "port": 7002}]);
    check([port(json!({"port": 80, "name": "a"})), slice(udp)], &[]);
    check([port(json!({"port": 80, "name": "a"})), slice(json!([{"name": "a"}]))], &[]);
}

/// 14.1, 9 and 12.
#[test]
fn each_port_has_its_own_servers() {
    let mut world = World::new();
    world.put(ingress("ing", &[("foo.com", &["/a=web:8080", "/b=web:8081", "/c=web:second"])]));
    let ports = json!([{"port": 8080, "name": "first"}, {"port": 8081, "name": "second"}]);
    world.put(service("web", json!({"ports": ports})));
    world.put(slice_named("one", "web", json!([{"name": "first", "port": 1}]), &["10.1.1.1", "10.1.1.2", "10.1.1.3"]));
    world.put(slice_named("two", "web", json!([{"name": "second", "port": 2}]), &["10.1.1.4", "10.1.1.5"]));
    let counts: Vec<usize> = pools(&world.outcome()).values().map(Vec::len).collect();
    assert_eq!(counts, [3, 2, 2]);
}

#[test]
fn a_backend_that_is_not_there_gives_an_empty_pool_and_a_reason() {
    let mut world = world();
    let reason = |what: &str| [format!("Ingress default/ing, foo.com/: {what}")];
    let outcome = world.outcome();
    assert_eq!(left_out(&outcome), reason("Service default/web does not exist, its pool is empty"));
    assert!(servers(&outcome).is_empty());
    world.put(service("web", json!({"type": "ExternalName", "externalName": "x.com"})));
    assert_eq!(left_out(&world.outcome()), reason("Service default/web is of type ExternalName, its pool is empty"));
    world.put(service("web", json!({"ports": [{"port": 8080}]})));
    assert_eq!(left_out(&world.outcome()), reason("Service default/web has no port 80, its pool is empty"));
    for object in web("web", &["10.1.1.1"]) {
        world.put(object);
    }
    let outcome = world.outcome();
    assert_eq!((left_out(&outcome).len(), servers(&outcome).len()), (0, 1));
    world.delete(Kind::Service, "web");
    assert!(servers(&world.outcome()).is_empty(), "14.1, 11");
}

#[test]
fn a_service_of_type_load_balancer_is_a_backend_like_any_other() {
    let spec = json!({"type": "LoadBalancer", "ports": [{"port": 80, "targetPort": 8080}]});
    let mut world = world();
    world.put(service("web", spec));
    world.put(slice("web", 8080, &["10.1.1.1"]));
    assert_eq!(pools(&world.outcome())["default/ing foo.com/"], ["10.1.1.1:8080"], "ako 13 line 11");
}

/// 14.1, 29 and 30.
#[test]
fn members_are_of_the_family_that_is_asked_for() {
    let pods = slice("web", 8080, &["10.1.1.1", "fd00::1"]);
    for (setting, families, expected) in [
        ("", json!(["IPv4"]), "10.1.1.1:8080"),
        ("", json!(["IPv6", "IPv4"]), "fd00::1:8080"),
        ("V4_V6", json!(["IPv6"]), "fd00::1:8080"),
        ("V4", json!(["IPv6", "IPv4"]), "10.1.1.1:8080"),
        ("V6", json!(["IPv4"]), "fd00::1:8080"),
    ] {
        let mut world = world();
        world.set("ipFamily", setting);
        world.put(service("web", json!({"ports": [{"port": 80}], "ipFamilies": families})));
        world.put(pods.clone());
        let outcome = world.outcome();
        assert_eq!(servers(&outcome), [expected], "{setting} {families}");
        let server = &bodies(&outcome, ObjectType::Pool)[0]["servers"][0];
        assert_eq!(server["ip"]["type"], if expected.starts_with('f') { "V6" } else { "V4" });
    }
}

fn node_port_world(spec: Value) -> World {
    let mut world = world();
    world.set("serviceType", "NodePort");
    world.put(node("n2", "10.0.0.2", &[]));
    world.put(node_with("n1", "10.0.0.1", &[], json!({"role": "edge"}), json!({})));
    world.put(service("web", spec));
    world.put(slice("web", 8080, &["10.1.1.1@n2"]));
    world
}

/// 14.7, 159 to 163; 14.9, 196.
#[test]
fn in_node_port_mode_nodes_become_servers() {
    let spec = json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]});
    let mut world = node_port_world(spec);
    let outcome = world.outcome();
    assert_eq!(servers(&outcome), ["10.0.0.1:30080", "10.0.0.2:30080"]);
    let pool = &bodies(&outcome, ObjectType::Pool)[0];
    assert_eq!(pool["default_server_port"], 30080);
    assert_eq!(pool["servers"][0].get("server_node"), None, "ako 6.3");
    world.put(node("n3", "10.0.0.3", &[]));
    assert_eq!(servers(&world.outcome()).len(), 3);
    world.set("nodeKey", "role");
    world.set("nodeValue", "edge");
    assert_eq!(servers(&world.outcome()), ["10.0.0.1:30080"]);
    world.set("nodeValue", "none");
    assert!(servers(&world.outcome()).is_empty());
}

#[test]
fn with_local_policy_only_nodes_that_host_a_pod_are_members() {
    let mut world = node_port_world(json!({"type": "NodePort", "externalTrafficPolicy": "Local",
        "ports": [{"port": 80, "nodePort": 30080}]}));
    assert_eq!(servers(&world.outcome()), ["10.0.0.2:30080"]);
}

#[test]
fn a_cluster_ip_service_has_no_members_in_node_port_mode() {
    let mut world = node_port_world(json!({"type": "ClusterIP", "ports": [{"port": 80}]}));
    let outcome = world.outcome();
    assert!(servers(&outcome).is_empty(), "ako 6.3");
    let reason = "Ingress default/ing, foo.com/: Service default/web opens no port on nodes, its pool is empty";
    assert_eq!(left_out(&outcome), [reason]);
}

/// ako 6.1.
#[test]
fn each_pod_subnet_of_a_node_has_a_route() {
    let mut world = World::new();
    world.put(node("n1", "10.10.24.160", &["10.34.0.0/24", "10.34.9.0/24"]));
    world.put(node("n2", "10.10.24.161", &["10.34.0.0/24"]));
    world.put(node_with(
        "n3",
        "10.10.24.162",
        &["10.34.1.0/24"],
        json!({}),
        json!({"ako.vmware.com/pod-cidrs": "10.35.0.0/24"}),
    ));
    world.put(node("n4", "", &["10.34.4.0/24"]));
    world.put(node("n5", "10.10.24.164", &["fd00::/64", "x"]));
    let outcome = world.outcome();
    let routes = outcome.desired.routes.clone().unwrap();
    let text: Vec<String> = routes.iter().map(|route| format!("{} via {}", route.prefix, route.next_hop)).collect();
    assert_eq!(
        text,
        ["10.34.0.0/24 via 10.10.24.160", "10.34.9.0/24 via 10.10.24.160", "10.35.0.0/24 via 10.10.24.162"]
    );
    assert!(routes[0].id.starts_with("cluster-") && routes[0].id.ends_with("-0") && routes[1].id.ends_with("-1"));
    assert_eq!(
        left_out(&outcome),
        [
            "Node n2: node n1 has the pod subnet 10.34.0.0/24 too",
            "Node n4: it has no internal address",
            "Node n5: it has no internal address",
            "Node n5: `x` is not a subnet",
        ]
    );
    world.delete(Kind::Node, "n1");
    let after = world.outcome().desired.routes.unwrap();
    assert_eq!(after[1], routes[2], "the routes of the others stay as they are");
    world.set("disableStaticRouteSync", "true");
    assert_eq!(world.outcome().desired.routes, None);
}

#[test]
fn routes_are_left_alone_where_they_are_not_needed() {
    for (key, value) in [("serviceType", "NodePort"), ("primaryInstance", "false"), ("cniPlugin", "ncp")] {
        let mut world = World::new();
        world.put(node("n1", "10.10.24.160", &["10.34.0.0/24"]));
        world.set(key, value);
        assert_eq!(world.outcome().desired.routes, None, "{key}");
    }
}
