//! A cluster that serves OpenShift's Routes beside two that do not, on real API servers.

use serde_json::{Value, json};

use crate::clusters::{S1AZ1, S1AZ2};
use crate::demo::HELLO;
use crate::world::World;

const ROUTES: &str = "/apis/route.openshift.io/v1/namespaces/default/routes";
const POLICY: &str = "/apis/amko.vmware.com/v1alpha2/namespaces/avi-system/globaldeploymentpolicies/global-gdp";
const ROUTED: &str = "10.10.23.41";
const MOVED: &str = "10.10.23.42";

fn route(name: &str, spec: &Value, status: &Value) -> Value {
    json!({
        "apiVersion": "route.openshift.io/v1", "kind": "Route",
        "metadata": {"name": name, "labels": {"app": "gslb"}},
        "spec": spec, "status": status,
    })
}

/// As AKO writes it: the address in a message, its annotations as a reason.
fn status(host: &str, address: &str) -> Value {
    let map = json!({host: "virtualservice-1"}).to_string();
    let reason = json!({
        "ako.vmware.com/host-fqdn-vs-uuid-map": map, "ako.vmware.com/controller-cluster-uuid": "cluster-1",
    });
    let condition = json!({"type": "Admitted", "status": "True", "message": address, "reason": reason.to_string()});
    json!({"ingress": [
        {"host": host, "routerName": "default", "conditions": [{"message": "10.99.99.99"}]},
        {"host": host, "routerName": "ako-s2", "conditions": [condition]},
    ]})
}

// catalogue amko: 42, 44, 46, 47, 48, 49, 53, 145
#[test]
fn routes_are_members_where_they_are_served_and_no_other_cluster_minds() {
    let Some(mut world) = World::start_without_operator() else { return };
    world.define("s2", "tests/e2e/data/routes.yaml", ROUTES);
    for address in [ROUTED, MOVED] {
        world.add_backend(&format!("{address}:80"));
        world.add_backend(&format!("{address}:443"));
    }
    let to = json!({"kind": "Service", "name": "hello", "weight": 100});
    world.make("s2", ROUTES, &route("hello", &json!({"host": HELLO, "to": to}), &status(HELLO, ROUTED)));
    world.start_amko();
    world.wait_until_synced();
    // The Ingress of that cluster is no member: OpenShift made the Route of it.
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 4), (ROUTED, 2)]);
    assert!(!world.has_said("amko", 0, &["cannot be read"]), "{}", world.logs());
    let description = world.held("gslbservice")[HELLO]["description"].as_str().unwrap().to_owned();
    assert!(description.ends_with(",ROUTE/s2/default/hello"), "{description}");

    let path = format!("{ROUTES}/hello");
    world.set_status("s2", &path, &status(HELLO, MOVED));
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 4), (MOVED, 2)]);
    world.set_status("s2", &path, &json!({"ingress": null}));
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 4)]);
    world.set_status("s2", &path, &status(HELLO, ROUTED));
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 4), (ROUTED, 2)]);
    world.merge("s2", &path, &json!({"metadata": {"labels": {"app": "none"}}}));
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 4)]);
    world.merge("s2", &path, &json!({"metadata": {"labels": {"app": "gslb"}}}));
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 4), (ROUTED, 2)]);

    a_sub_domain_is_within_the_domain_of_the_policy(&world);
    passthrough_is_probed_at_its_port(&world);
    world.remove("s2", &path);
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 4)]);
}

fn a_sub_domain_is_within_the_domain_of_the_policy(world: &World) {
    let host = "shop.avi.iberia.local";
    world.make("s2", ROUTES, &route("shop", &json!({"subdomain": "shop"}), &status(host, MOVED)));
    world.wait_until_said("amko", 0, &["makes no member", "subdomain shop", "no defaultDomain"]);
    world.merge("s1az1", POLICY, &json!({"spec": {"defaultDomain": "avi.iberia.local"}}));
    world.wait_for_split_of(host, &[(MOVED, 2)]);
    world.remove("s2", &format!("{ROUTES}/shop"));
    world.wait("its service to go", || !world.held("gslbservice").contains_key(host));
}

fn passthrough_is_probed_at_its_port(world: &World) {
    let hosts = ["one.avi.iberia.local", "two.avi.iberia.local"];
    for (host, address) in hosts.iter().zip([ROUTED, MOVED]) {
        let name = host.split('.').next().unwrap();
        let spec = json!({"host": host, "tls": {"termination": "passthrough"}});
        world.make("s2", ROUTES, &route(name, &spec, &status(host, address)));
    }
    for (host, address) in hosts.iter().zip([ROUTED, MOVED]) {
        world.wait_for_split_of(host, &[(address, 2)]);
    }
    let held = world.held("healthmonitor");
    let shared: Vec<_> = held.iter().filter(|(name, _)| name.starts_with("amko--passthrough-hm-tcp-")).collect();
    let [(_, monitor)] = shared[..] else { panic!("{shared:?}") };
    assert_eq!((&monitor["type"], &monitor["monitor_port"]), (&json!("HEALTH_MONITOR_TCP"), &json!(443)));
    for host in hosts {
        world.remove("s2", &format!("{ROUTES}/{}", host.split('.').next().unwrap()));
        world.wait("its service to go", || !world.held("gslbservice").contains_key(host));
    }
    assert_eq!(world.held("healthmonitor").len(), held.len(), "the shared monitor stays");
}
