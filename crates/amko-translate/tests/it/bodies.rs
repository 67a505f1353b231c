//! Whole bodies, as amko 7.7 shows them.

use std::collections::BTreeSet;

use amko_translate::{DownResponse, GslbService, HealthMonitor, MonitorRefs, PoolAlgorithm};
use serde_json::json;

use crate::world::{World, edit, ingress, name, service};

fn identified(host: &str, address: &str, vs: &str, cluster: &str) -> k8s_crds::Object {
    edit(&ingress("ing1", &[(host, address)]), |body| {
        body["metadata"]["annotations"] = json!({
            "ako.vmware.com/host-fqdn-vs-uuid-map": json!({host: vs}).to_string(),
            "ako.vmware.com/controller-cluster-uuid": cluster,
        });
    })
}

#[test]
fn a_service_in_two_clusters_has_the_body_of_the_specification() {
    let mut world = World::new();
    for cluster in &mut world.gdp.spec.match_clusters {
        cluster.sync_vip_only = None;
    }
    world.put("k8s", identified("foo.avi.com", "10.1.1.1", "virtualservice-1", "cluster-a"));
    world.put("oshift", identified("foo.avi.com", "10.2.2.2", "virtualservice-2", "cluster-b"));
    let expected = json!({
        "name": "foo.avi.com",
        "domain_names": ["foo.avi.com"],
        "description": "INGRESS/k8s/default/ing1/foo.avi.com,INGRESS/oshift/default/ing1/foo.avi.com",
        "created_by": "amko-3e328a5c-a717-11ed-a422-0a580a80025b",
        "enabled": true,
        "groups": [{
            "name": "amko-gs-group-10", "priority": 10, "enabled": true,
            "algorithm": "GSLB_ALGORITHM_ROUND_ROBIN",
            "min_health_monitors_up": 2,
            "members": [
                {"enabled": true, "ratio": 1, "ip": {"addr": "10.1.1.1", "type": "V4"},
                 "vs_uuid": "virtualservice-1", "cluster_uuid": "cluster-a"},
                {"enabled": true, "ratio": 1, "ip": {"addr": "10.2.2.2", "type": "V4"},
                 "vs_uuid": "virtualservice-2", "cluster_uuid": "cluster-b"},
            ],
        }],
        "health_monitor_refs": ["/api/healthmonitor?name=amko--ca83bd5048b64a70aba2f3f666da479ab62a588e"],
        "health_monitor_scope": "GSLB_SERVICE_HEALTH_MONITOR_ALL_MEMBERS",
        "pool_algorithm": "GSLB_SERVICE_ALGORITHM_PRIORITY",
        "controller_health_status_enabled": true,
        "is_federated": true,
        "min_members": 0,
        "resolve_cname": false,
        "use_edns_client_subnet": true,
        "wildcard_match": false,
        "site_persistence_enabled": false,
        "tenant_ref": "https:///api/tenant/?name=admin",
    });
    assert_eq!(world.outcome().desired.services[&name("foo.avi.com")].to_body(), expected);
}

// catalogue amko: 200
#[test]
fn check_sums_are_those_of_the_specification() {
    let mut world = World::new();
    for cluster in &mut world.gdp.spec.match_clusters {
        cluster.sync_vip_only = None;
    }
    world.put("k8s", identified("foo.avi.com", "10.1.1.1", "virtualservice-1", "cluster-a"));
    world.put("oshift", identified("foo.avi.com", "10.2.2.2", "virtualservice-2", "cluster-b"));
    world.put("k8s", service("svc1", "svc.avi.com", "10.1.1.5", &[(8080, "TCP")]));
    let desired = world.outcome().desired;
    let service = &desired.services[&name("foo.avi.com")];
    assert_eq!(service.checksum(), 2_336_063_459);
    let of_svc: Vec<_> = desired.monitors.values().filter(|monitor| monitor.service == "svc.avi.com").collect();
    assert_eq!(HealthMonitor::checksum_of(&of_svc), 2_622_284_923);
    let mut others: Vec<_> = (0..9).map(|_| service.clone()).collect();
    others[0].ttl = Some(10);
    others[1].domain_names.push("alias.avi.com".into());
    others[2].algorithm = PoolAlgorithm::Geo { fallback_mask: Some(8) };
    others[3].algorithm = PoolAlgorithm::Geo { fallback_mask: None };
    others[4].down_response = Some(DownResponse::FallbackIp([10, 9, 9, 9].into()));
    others[5].monitors = MonitorRefs::None;
    others[6].pools[0].members[0].ratio = 2;
    others[7].pools[0].members[0].public_ip = Some([160, 10, 1, 1].into());
    others[8].pools[0].members[0].vs = None;
    let sums: BTreeSet<_> = others.iter().chain([service]).map(GslbService::checksum).collect();
    assert_eq!(sums.len(), 10, "each of these changes is one that the original would write");
}

#[test]
fn a_monitor_has_the_body_of_the_specification() {
    let mut world = World::new();
    world.put("k8s", ingress("ing1", &[("foo.avi.com", "10.1.1.1")]));
    let expected = json!({
        "name": "amko--ca83bd5048b64a70aba2f3f666da479ab62a588e",
        "type": "HEALTH_MONITOR_HTTP",
        "monitor_port": 80,
        "http_monitor": {"http_request": "HEAD / HTTP/1.0", "http_response_code": ["HTTP_2XX", "HTTP_3XX"]},
        "description": "created by: amko, gsname: foo.avi.com, path: /, protocol: http",
        "is_federated": true,
        "allow_duplicate_monitors": true,
        "send_interval": 10, "receive_timeout": 4, "successful_checks": 3, "failed_checks": 3,
        "markers": [{"key": "created-by", "values": ["amko-3e328a5c-a717-11ed-a422-0a580a80025b"]}],
        "tenant_ref": "https:///api/tenant/?name=admin",
    });
    let outcome = world.outcome();
    assert_eq!(outcome.desired.monitors.values().next().unwrap().to_body(), expected);
}

#[test]
fn port_monitors_have_their_own_part() {
    let mut world = World::new();
    let mut part = |protocol: &str, key: &str| {
        world.put("k8s", service("svc1", "svc.avi.com", "10.1.1.1", &[(8080, protocol)]));
        let body = world.outcome().desired.monitors.values().next().unwrap().to_body();
        (body["type"].clone(), body["monitor_port"].clone(), body[key].clone())
    };
    let expected = (json!("HEALTH_MONITOR_TCP"), json!(8080), json!({"tcp_half_open": false}));
    assert_eq!(part("TCP", "tcp_monitor"), expected);
    let request = json!({"udp_request": "created_by: amko, request string not required"});
    assert_eq!(part("UDP", "udp_monitor"), (json!("HEALTH_MONITOR_UDP"), json!(8080), request));
}

#[test]
fn an_ipv6_address_says_so() {
    let mut world = World::new();
    world.put("k8s", ingress("ing1", &[("foo.avi.com", "2001:db8::1")]));
    let body = world.outcome().desired.services.values().next().unwrap().to_body();
    assert_eq!(body["groups"][0]["members"][0]["ip"], json!({"addr": "2001:db8::1", "type": "V6"}));
}
