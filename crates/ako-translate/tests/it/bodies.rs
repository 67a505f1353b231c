//! Bodies against those of ako 9.7, in their EVH form (5.4). What is literal there is literal here; the SHA-1 of a name
//! was made by `printf %s NAME | sha1sum`.

use ako_translate::{ObjectType, Outcome};
use serde_json::{Value, json};

use crate::world::{CERTIFICATE, KEY, World, bodies, ingress_with, secret, service, slice, tls, web};

/// `prod1--shop.example.com`: child, redirect policy, certificate.
const HOST: &str = "prod1--3946a33ee4114e716f8147f21fd30a89f809c22f";
/// `prod1--default-shop.example.com`.
const SET: &str = "prod1--576df6f06ebd0f1954beccfa4d5ff129f5ef6778";
/// `prod1--default-shop.example.com_cart-shop`.
const GROUP: &str = "prod1--3f0dac3686e8ffe1c3e35f0a11fc3c4ef0582108";
/// `prod1--default-shop.example.com_cart-shop-web`.
const POOL: &str = "prod1--bfaef11fd564253f3371b66662f2ef9ad16a2747";
/// `prod1--default-kuard`.
const L4: &str = "prod1--f8807412f1297b924ec885860e324379a94d6ea0";
/// `prod1--default-kuard-TCP-80`.
const L4_POOL: &str = "prod1--d1785b0c3b77ac68be60d182d4452530e9787922";

fn prod1() -> World {
    let mut world = World::new();
    world.set("clusterName", "prod1");
    world.set("shardVSSize", "SMALL");
    world.cloud.domains = Some(vec!["example.com".into()]);
    for object in web("web", &["10.1.1.5@node-1"]) {
        world.put(object);
    }
    let rules: [(&str, &[&str]); 1] = [("shop.example.com", &["/cart=web"])];
    world.put(ingress_with("shop", &rules, tls(&["shop.example.com"], "cert")));
    world.put(secret("cert", CERTIFICATE, KEY));
    world
}

/// The only body of a type, without the checksum and `service_metadata`, which have tests of their own.
#[track_caller]
fn check(outcome: &Outcome, kind: ObjectType, expected: Value) {
    let mut all = bodies(outcome, kind);
    assert_eq!(all.len(), 1, "{kind:?}");
    let body = all.remove(0);
    let checksum = kind.checksum_field().map(|field| body[field].as_str().unwrap().parse::<u32>());
    assert!(checksum.is_none_or(|checksum| checksum.is_ok()), "ako 2.6: decimal text of 32 bits");
    let mut body = body.as_object().unwrap().clone();
    body.retain(|key, _| !key.ends_with("cloud_config_cksum") && key != "service_metadata");
    assert_eq!(Value::Object(body), expected);
}

#[test]
fn a_parent_is_that_of_the_specification() {
    check(
        &prod1().outcome(),
        ObjectType::VirtualService,
        json!({
            "name": "prod1--Shared-L7-EVH-0",
            "type": "VS_TYPE_VH_PARENT",
            "vh_type": "VS_TYPE_VH_ENHANCED",
            "created_by": "ako-prod1",
            "cloud_ref": "/api/cloud?name=Default-Cloud",
            "tenant_ref": "/api/tenant/?name=admin",
            "se_group_ref": "/api/serviceenginegroup?name=Default-Group",
            "application_profile_ref": "/api/applicationprofile/?name=System-HTTP",
            "network_profile_ref": "/api/networkprofile/?name=System-TCP-Proxy",
            "vrf_context_ref": "/api/vrfcontext?name=global",
            "vsvip_ref": "/api/vsvip/?name=prod1--Shared-L7-EVH-0",
            "services": [
                {"port": 80, "enable_ssl": false, "enable_http2": false},
                {"port": 443, "enable_ssl": true, "enable_http2": false}],
            "ssl_key_and_certificate_refs": [format!("/api/sslkeyandcertificate/?name={HOST}")],
            "markers": [{"key": "clustername", "values": ["prod1"]}],
        }),
    );
}

#[test]
fn a_child_is_that_of_the_specification() {
    check(
        &prod1().outcome(),
        ObjectType::ChildVirtualService,
        json!({
            "name": HOST, "type": "VS_TYPE_VH_CHILD", "vh_type": "VS_TYPE_VH_ENHANCED",
            "vh_parent_vs_ref": "/api/virtualservice/?name=prod1--Shared-L7-EVH-0",
            "vh_domain_name": ["shop.example.com"],
            "vh_matches": [{"host": "shop.example.com", "rules": [{"name": "VHMATCHRULENAME", "matches": {
                "path": {"match_criteria": "BEGINS_WITH", "match_case": "SENSITIVE", "match_str": ["/"]}}}]}],
            "min_pools_up": 1,
            "created_by": "ako-prod1",
            "cloud_ref": "/api/cloud?name=Default-Cloud",
            "se_group_ref": "/api/serviceenginegroup?name=Default-Group",
            "application_profile_ref": "/api/applicationprofile/?name=System-HTTP",
            "network_profile_ref": "/api/networkprofile/?name=System-TCP-Proxy",
            "vrf_context_ref": "/api/vrfcontext?name=global",
            "http_policies": [
                {"index": 11, "http_policy_set_ref": format!("/api/httppolicyset/?name={HOST}")},
                {"index": 12, "http_policy_set_ref": format!("/api/httppolicyset/?name={SET}")}],
            "east_west_placement": false, "ign_pool_net_reach": false,
            "markers": [{"key": "clustername", "values": ["prod1"]}, {"key": "Namespace", "values": ["default"]},
                {"key": "Host", "values": ["shop.example.com"]}],
        }),
    );
}

#[test]
fn a_vsvip_is_that_of_the_specification() {
    check(
        &prod1().outcome(),
        ObjectType::VsVip,
        json!({
            "name": "prod1--Shared-L7-EVH-0",
            "tenant_ref": "/api/tenant/?name=admin",
            "cloud_ref": "/api/cloud?name=Default-Cloud",
            "vrf_context_ref": "/api/vrfcontext?name=global",
            "east_west_placement": false,
            "dns_info": [{"fqdn": "prod1--Shared-L7-EVH-0.admin.example.com"}, {"fqdn": "shop.example.com"}],
            "vip": [{"vip_id": "0", "auto_allocate_ip": true,
                "ipam_network_subnet": {"network_ref": "/api/network/?name=vip-net",
                    "subnet": {"ip_addr": {"addr": "10.10.25.0", "type": "V4"}, "mask": 24}}}],
            "markers": [{"key": "clustername", "values": ["prod1"]}],
        }),
    );
}

#[test]
fn a_pool_is_that_of_the_specification() {
    let outcome = prod1().outcome();
    check(
        &outcome,
        ObjectType::Pool,
        json!({
            "name": POOL,
            "created_by": "ako-prod1",
            "tenant_ref": "/api/tenant/?name=admin", "cloud_ref": "/api/cloud?name=Default-Cloud",
            "vrf_ref": "/api/vrfcontext?name=global",
            "sni_enabled": false, "graceful_disable_timeout": 1,
            "placement_networks": [],
            "health_monitor_refs": ["/api/healthmonitor/?name=System-TCP"],
            "servers": [{"ip": {"addr": "10.1.1.5", "type": "V4"}, "port": 8080, "external_uuid": "10.1.1.5:8080",
                "server_node": "node-1", "enabled": true}],
            "markers": [{"key": "clustername", "values": ["prod1"]}, {"key": "Namespace", "values": ["default"]},
                {"key": "Host", "values": ["shop.example.com"]}, {"key": "ServiceName", "values": ["web"]},
                {"key": "Path", "values": ["/cart"]}, {"key": "IngressName", "values": ["shop"]}],
        }),
    );
    let metadata = bodies(&outcome, ObjectType::Pool)[0]["service_metadata"].as_str().unwrap().to_owned();
    let literal = "{\"namespace_ingress_name\":null,\"ingress_name\":\"shop\",\"namespace\":\"default\",\
                   \"hostnames\":[\"shop.example.com\"],";
    assert!(metadata.starts_with(literal), "{metadata}");
}

#[test]
fn a_pool_group_is_that_of_the_specification() {
    check(
        &prod1().outcome(),
        ObjectType::PoolGroup,
        json!({
            "name": GROUP, "created_by": "ako-prod1", "tenant_ref": "/api/tenant/?name=admin",
            "cloud_ref": "/api/cloud?name=Default-Cloud", "implicit_priority_labels": false,
            "members": [{"pool_ref": format!("/api/pool?name={POOL}"), "ratio": 100}],
            "markers": [{"key": "clustername", "values": ["prod1"]}, {"key": "Namespace", "values": ["default"]},
                {"key": "Host", "values": ["shop.example.com"]}, {"key": "Path", "values": ["/cart"]},
                {"key": "IngressName", "values": ["shop"]}],
        }),
    );
}

#[test]
fn policy_sets_are_those_of_the_specification() {
    let sets = bodies(&prod1().outcome(), ObjectType::HttpPolicySet);
    let rules = |name: &str| sets.iter().find(|set| set["name"] == name).unwrap()["http_request_policy"].clone();
    assert_eq!(
        rules(SET),
        json!({"rules": [{
            "name": format!("{SET}-0"), "index": 0, "enable": true,
            "match": {"path": {"match_criteria": "BEGINS_WITH", "match_case": "SENSITIVE", "match_str": ["/cart"]}},
            "switching_action": {"action": "HTTP_SWITCHING_SELECT_POOLGROUP",
                "pool_group_ref": format!("/api/poolgroup/?name={GROUP}")}}]})
    );
    assert_eq!(
        rules(HOST),
        json!({"rules": [{
            "name": format!("{HOST}-0"), "index": 0, "enable": true,
            "match": {"host_hdr": {"match_criteria": "HDR_EQUALS", "value": ["shop.example.com"]},
                "vs_port": {"match_criteria": "IS_IN", "ports": [80]}},
            "redirect_action": {"port": 443, "protocol": "HTTPS", "status_code": "HTTP_REDIRECT_STATUS_CODE_302"}}]})
    );
    for set in &sets {
        assert_eq!(set["http_security_policy"], json!({}), "always there");
        assert_eq!((&set["created_by"], &set["tenant_ref"]), (&json!("ako-prod1"), &json!("/api/tenant/?name=admin")));
    }
}

#[test]
fn a_certificate_is_that_of_the_specification() {
    check(
        &prod1().outcome(),
        ObjectType::SslKeyAndCertificate,
        json!({
            "name": HOST, "created_by": "ako-prod1", "tenant_ref": "/api/tenant/?name=admin",
            "type": "SSL_CERTIFICATE_TYPE_VIRTUALSERVICE",
            "certificate": {"certificate": CERTIFICATE}, "key": KEY,
            "markers": [{"key": "clustername", "values": ["prod1"]}, {"key": "Host", "values": ["shop.example.com"]}],
        }),
    );
}

#[test]
fn a_key_is_not_shown() {
    let outcome = prod1().outcome();
    let text = format!("{:?}", outcome.desired);
    assert!(text.contains("BEGIN CERTIFICATE") && !text.contains("PRIVATE KEY"), "{text}");
}

#[test]
fn the_child_says_which_ingresses_share_the_host() {
    let metadata = bodies(&prod1().outcome(), ObjectType::ChildVirtualService)[0]["service_metadata"].clone();
    let metadata: Value = serde_json::from_str(metadata.as_str().unwrap()).unwrap();
    assert_eq!(metadata["namespace_ingress_name"], json!(["default/shop"]), "ako 2.5");
    assert_eq!(metadata["hostnames"], json!(["shop.example.com"]));
    assert_eq!(metadata["host_namespace_ingress_name"], json!({"shop.example.com": ["default/shop"]}));
    assert_eq!(metadata["fqdn_reuse_policy"], "InterNamespaceAllowed");
}

#[test]
fn a_load_balancer_service_is_that_of_the_specification() {
    let mut world = World::new();
    world.set("clusterName", "prod1");
    world.put(service("kuard", json!({"type": "LoadBalancer", "ports": [{"port": 80, "targetPort": 8080}]})));
    world.put(slice("kuard", 8080, &["10.34.1.8"]));
    let outcome = world.outcome();
    check(
        &outcome,
        ObjectType::VirtualService,
        json!({
            "name": L4, "created_by": "ako-prod1", "cloud_ref": "/api/cloud?name=Default-Cloud",
            "tenant_ref": "/api/tenant/?name=admin", "se_group_ref": "/api/serviceenginegroup?name=Default-Group",
            "application_profile_ref": "/api/applicationprofile/?name=System-L4-Application",
            "network_profile_ref": "/api/networkprofile/?name=System-TCP-Proxy",
            "vrf_context_ref": "/api/vrfcontext?name=global", "vsvip_ref": format!("/api/vsvip/?name={L4}"),
            "services": [{"port": 80, "port_range_end": 80, "enable_ssl": false, "enable_http2": false}],
            "l4_policies": [{"index": 0, "l4_policy_set_ref": format!("/api/l4policyset/?name={L4}")}],
            "remove_listening_port_on_vs_down": true, "traffic_enabled": true,
            "markers": [{"key": "clustername", "values": ["prod1"]}, {"key": "Namespace", "values": ["default"]},
                {"key": "ServiceName", "values": ["kuard"]}],
        }),
    );
    let pool = format!("/api/pool?name={L4_POOL}");
    check(
        &outcome,
        ObjectType::L4PolicySet,
        json!({"name": L4, "created_by": "ako-prod1", "tenant_ref": "/api/tenant/?name=admin",
            "l4_connection_policy": {"rules": [{"name": pool, "index": 0,
                "match": {"port": {"match_criteria": "IS_IN", "ports": [80]},
                    "protocol": {"match_criteria": "IS_IN", "protocol": "PROTOCOL_TCP"}},
                "action": {"select_pool": {"action_type": "L4_RULE_ACTION_SELECT_POOL", "pool_ref": pool}}}]},
            "markers": [{"key": "clustername", "values": ["prod1"]}, {"key": "Namespace", "values": ["default"]},
                {"key": "ServiceName", "values": ["kuard"]}, {"key": "Protocol", "values": ["TCP"]}]}),
    );
}

/// Variations of ako 9.7, as (setting, value, type, field, expected).
#[test]
fn settings_change_the_bodies_they_should() {
    let network = |value: &str| format!("[{value}]");
    let subnet6 = json!({"ip_addr": {"addr": "2001:db8::", "type": "V6"}, "mask": 64});
    let by_uuid = json!({"network_ref": "/api/network/dvportgroup-1"});
    for (settings, kind, pointer, expected) in [
        (vec![("nsxtT1LR", "t1".to_owned())], ObjectType::VsVip, "/tier1_lr", json!("t1")),
        (vec![("nsxtT1LR", "t1".to_owned())], ObjectType::VsVip, "/vrf_context_ref", Value::Null),
        (vec![("nsxtT1LR", "t1".to_owned())], ObjectType::Pool, "/tier1_lr", json!("t1")),
        (vec![("nsxtT1LR", "t1".to_owned())], ObjectType::VirtualService, "/vrf_context_ref", Value::Null),
        (vec![("enableRHI", "true".to_owned())], ObjectType::VirtualService, "/enable_rhi", json!(true)),
        (vec![], ObjectType::VirtualService, "/enable_rhi", Value::Null),
        (
            vec![("enableRHI", "true".to_owned()), ("bgpPeerLabels", r#"["peer1"]"#.to_owned())],
            ObjectType::VsVip,
            "/bgp_peer_labels",
            json!(["peer1"]),
        ),
        (
            vec![("vipNetworkList", network(r#"{"networkUUID":"dvportgroup-1"}"#))],
            ObjectType::VsVip,
            "/vip/0/ipam_network_subnet",
            by_uuid,
        ),
        (
            vec![("vipNetworkList", network(r#"{"networkName":"n","v6cidr":"2001:db8::/64"}"#))],
            ObjectType::VsVip,
            "/vip/0/ipam_network_subnet/subnet6",
            subnet6,
        ),
        (
            vec![("vipNetworkList", network(r#"{"networkName":"n","v6cidr":"2001:db8::/64"}"#))],
            ObjectType::VsVip,
            "/vip/0/auto_allocate_ip_type",
            json!("V6_ONLY"),
        ),
        (
            vec![("autoFQDN", "flat".to_owned())],
            ObjectType::VsVip,
            "/dns_info/0/fqdn",
            json!("prod1--Shared-L7-EVH-0-admin.example.com"),
        ),
        (vec![("autoFQDN", "disabled".to_owned())], ObjectType::VsVip, "/dns_info/0/fqdn", json!("shop.example.com")),
        (vec![("tenantName", "a b".to_owned())], ObjectType::Pool, "/tenant_ref", json!("/api/tenant/?name=a%20b")),
        (
            vec![("primaryInstance", "false".to_owned())],
            ObjectType::VirtualService,
            "/name",
            json!("prod1--avi-system-Shared-L7-EVH-0"),
        ),
        (vec![("primaryInstance", "false".to_owned())], ObjectType::Pool, "/created_by", json!("ako-prod1-avi-system")),
    ] {
        let mut world = prod1();
        for (key, value) in &settings {
            world.set(key, value);
        }
        let body = bodies(&world.outcome(), kind).remove(0);
        assert_eq!(body.pointer(pointer).unwrap_or(&Value::Null), &expected, "{settings:?} {pointer}");
    }
}

#[test]
fn pools_say_where_their_members_are_on_clouds_that_need_it() {
    let mut world = prod1();
    world.set("nodeNetworkList", r#"[{"networkName":"nodes","cidrs":["10.1.1.0/24"]}]"#);
    assert_eq!(bodies(&world.outcome(), ObjectType::Pool)[0]["placement_networks"], json!([]));
    world.cloud.kind = ako_translate::CloudKind::Vcenter;
    let expected = json!([{"network_ref": "/api/network/?name=nodes",
        "subnet": {"ip_addr": {"addr": "10.1.1.0", "type": "V4"}, "mask": 24}}]);
    assert_eq!(bodies(&world.outcome(), ObjectType::Pool)[0]["placement_networks"], expected, "ako 6.5");
}

#[test]
fn checksums_can_be_read_from_a_list() {
    let outcome = prod1().outcome();
    let site = &outcome.desired.site;
    for object in outcome.desired.objects() {
        let mut listed = object.to_body(site);
        assert_eq!(ObjectType::of_listed(object.key.kind.path(), &listed), Some(object.key.kind));
        assert!(site.owns(object.key.kind, &listed), "{:?}", object.key);
        listed["uuid"] = json!("x");
        listed["_last_modified"] = json!("17");
        assert_eq!(object.key.kind.checksum_of_listed(&listed), Some(object.checksum(site)), "{:?}", object.key);
    }
}

/// ako 2.3.
#[test]
fn objects_of_others_are_not_ours() {
    let site = prod1().site();
    let marked = |cluster: &str| json!([{"key": "clustername", "values": [cluster]}]);
    for (kind, body, expected) in [
        (ObjectType::Pool, json!({"name": "prod1--x", "created_by": "ako-prod1"}), true),
        (ObjectType::Pool, json!({"name": "prod1--x", "created_by": "ako-prod2"}), false),
        (ObjectType::Pool, json!({"name": "prod1--x"}), false),
        (ObjectType::VsVip, json!({"name": "prod1--x"}), true),
        (ObjectType::VsVip, json!({"name": "my-prod1--x"}), false),
        (ObjectType::VsVip, json!({"name": "prod1--x", "markers": marked("prod1")}), true),
        (ObjectType::VsVip, json!({"name": "prod1--b--x", "markers": marked("prod1--b")}), false),
    ] {
        assert_eq!(site.owns(kind, &body), expected, "{body}");
    }
}

/// A release that computes other checksums writes every object of every cluster once. When that is meant, change these.
#[test]
fn checksums_stay_the_same_from_release_to_release() {
    let outcome = prod1().outcome();
    let site = &outcome.desired.site;
    let sums: Vec<String> = outcome
        .desired
        .objects()
        .map(|object| format!("{} {}", object.key.kind.path(), object.checksum(site)))
        .collect();
    assert_eq!(
        sums,
        [
            "vsvip 1657419353",
            "virtualservice 4224235868",
            "sslkeyandcertificate 4150281735",
            "pool 194985440",
            "poolgroup 4077729204",
            "httppolicyset 3692593865",
            "httppolicyset 400897692",
            "virtualservice 3150824385"
        ]
    );
}
