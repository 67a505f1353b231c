//! An EVH parent with two children as AKO writes it (ako 2.2, 5.3, 5.4, 9.7).

use std::sync::Arc;
use std::time::Duration;

use http_policy::{Outcome, Request};
use model::http::{
    Algorithm, Certificate, Child, FailAction, HeaderMatch, HostMatch, Membership, PathMatch, PathRule, PolicySet,
    Pool, PoolGroup, PoolGroupMember, Redirect, RequestAction, RequestMatch, RequestRule, Server, ServicePort,
    StringCriterion, Target,
};
use se_protocol::Snapshot;
use serde_json::{Value, json};

use crate::world::{CERTIFICATE, KEY, World, compile};

const PARENT: &str = "prod1--Shared-L7-EVH-0";
/// Encoded name of `prod1--shop.example.com`: child, redirect policy set and certificate.
const SHOP: &str = "prod1--3946a33ee4114e716f8147f21fd30a89f809c22f";
/// Of `prod1--default-shop.example.com`.
const SHOP_SET: &str = "prod1--576df6f06ebd0f1954beccfa4d5ff129f5ef6778";
/// Of `prod1--default-shop.example.com_cart-shop`.
const SHOP_GROUP: &str = "prod1--3f0dac3686e8ffe1c3e35f0a11fc3c4ef0582108";
/// A host without TLS; names as they would be, not encoded.
const BLOG: &str = "prod1--blog";

/// The objects in the order in which AKO posts them.
fn ako() -> World {
    let mut world = World::new();
    world.create(
        "vsvip",
        json!({"name": PARENT, "tenant_ref": "/api/tenant/?name=admin", "cloud_ref": "/api/cloud?name=Default-Cloud",
            "vrf_context_ref": "/api/vrfcontext?name=global", "east_west_placement": false,
            "dns_info": [{"fqdn": "prod1--Shared-L7-EVH-0.admin.example.com"}, {"fqdn": "blog.example.com"},
                {"fqdn": "shop.example.com"}],
            "vip": [{"vip_id": "0", "auto_allocate_ip": true,
                "ipam_network_subnet": {"network_ref": "/api/network/?name=vip-net",
                    "subnet": {"ip_addr": {"addr": "10.10.25.0", "type": "V4"}, "mask": 24}}}],
            "vsvip_cloud_config_cksum": "771821", "markers": [{"key": "clustername", "values": ["prod1"]}]}),
    );
    world.create(
        "sslkeyandcertificate",
        json!({"name": SHOP, "created_by": "ako-prod1", "tenant_ref": "/api/tenant/?name=admin",
            "type": "SSL_CERTIFICATE_TYPE_VIRTUALSERVICE", "certificate": {"certificate": CERTIFICATE}, "key": KEY,
            "markers": [{"key": "clustername", "values": ["prod1"]}, {"key": "Host", "values": ["shop.example.com"]}]}),
    );
    world.create("virtualservice", parent());
    backends(&mut world, SHOP_GROUP, &["10.1.1.5"]);
    backends(&mut world, "prod1--blog-group", &["10.1.2.5", "10.1.2.6"]);
    world.create("httppolicyset", redirect_set());
    world.create("httppolicyset", switching_set(SHOP_SET, "/cart", SHOP_GROUP));
    world.create("httppolicyset", switching_set("prod1--blog-set", "/", "prod1--blog-group"));
    world.create("virtualservice", child(SHOP, "shop.example.com", &[SHOP, SHOP_SET]));
    world.create("virtualservice", child(BLOG, "blog.example.com", &["prod1--blog-set"]));
    world
}

fn parent() -> Value {
    json!({"name": PARENT, "type": "VS_TYPE_VH_PARENT", "vh_type": "VS_TYPE_VH_ENHANCED", "created_by": "ako-prod1",
        "cloud_config_cksum": "2347182911", "cloud_ref": "/api/cloud?name=Default-Cloud",
        "tenant_ref": "/api/tenant/?name=admin", "se_group_ref": "/api/serviceenginegroup?name=Default-Group",
        "application_profile_ref": "/api/applicationprofile/?name=System-HTTP",
        "network_profile_ref": "/api/networkprofile/?name=System-TCP-Proxy",
        "vrf_context_ref": "/api/vrfcontext?name=global", "vsvip_ref": format!("/api/vsvip/?name={PARENT}"),
        "services": [{"port": 80, "enable_ssl": false, "enable_http2": false},
            {"port": 443, "enable_ssl": true, "enable_http2": false}],
        "ssl_key_and_certificate_refs": [format!("/api/sslkeyandcertificate/?name={SHOP}")],
        "markers": [{"key": "clustername", "values": ["prod1"]}], "service_metadata": "{}"})
}

/// A pool group `name` with one pool, `name-pool`.
fn backends(world: &mut World, name: &str, servers: &[&str]) {
    let pool = format!("{name}-pool");
    let servers: Vec<Value> = servers
        .iter()
        .map(|ip| {
            json!({"ip": {"addr": ip, "type": "V4"}, "port": 8080, "external_uuid": format!("{ip}:8080"),
                "server_node": "node-1", "enabled": true})
        })
        .collect();
    world.create(
        "pool",
        json!({"name": pool, "cloud_config_cksum": "1", "created_by": "ako-prod1",
            "tenant_ref": "/api/tenant/?name=admin", "cloud_ref": "/api/cloud?name=Default-Cloud",
            "vrf_ref": "/api/vrfcontext?name=global", "sni_enabled": false, "graceful_disable_timeout": 1,
            "placement_networks": [], "health_monitor_refs": ["/api/healthmonitor/?name=System-TCP"],
            "servers": servers, "markers": [{"key": "clustername", "values": ["prod1"]}], "service_metadata": "{}"}),
    );
    world.create(
        "poolgroup",
        json!({"name": name, "cloud_config_cksum": "1", "created_by": "ako-prod1",
            "tenant_ref": "/api/tenant/?name=admin", "cloud_ref": "/api/cloud?name=Default-Cloud",
            "implicit_priority_labels": false,
            "members": [{"pool_ref": format!("/api/pool?name={pool}"), "ratio": 100}]}),
    );
}

fn redirect_set() -> Value {
    json!({"name": SHOP, "created_by": "ako-prod1", "tenant_ref": "/api/tenant/?name=admin", "cloud_config_cksum": "1",
        "http_request_policy": {"rules": [{"name": format!("{SHOP}-0"), "index": 0, "enable": true,
            "match": {"host_hdr": {"match_criteria": "HDR_EQUALS", "value": ["shop.example.com"]},
                "vs_port": {"match_criteria": "IS_IN", "ports": [80]}},
            "redirect_action": {"port": 443, "protocol": "HTTPS", "status_code": "HTTP_REDIRECT_STATUS_CODE_302"}}]},
        "http_security_policy": {}})
}

fn switching_set(name: &str, path: &str, group: &str) -> Value {
    json!({"name": name, "created_by": "ako-prod1", "tenant_ref": "/api/tenant/?name=admin", "cloud_config_cksum": "1",
        "http_request_policy": {"rules": [{"name": format!("{name}-0"), "index": 0, "enable": true,
            "match": {"path": {"match_criteria": "BEGINS_WITH", "match_case": "SENSITIVE", "match_str": [path]}},
            "switching_action": {"action": "HTTP_SWITCHING_SELECT_POOLGROUP",
                "pool_group_ref": format!("/api/poolgroup/?name={group}")}}]},
        "http_security_policy": {}})
}

fn child(name: &str, host: &str, sets: &[&str]) -> Value {
    let policies: Vec<Value> = (11..)
        .zip(sets)
        .map(|(index, set)| json!({"index": index, "http_policy_set_ref": format!("/api/httppolicyset/?name={set}")}))
        .collect();
    json!({"name": name, "type": "VS_TYPE_VH_CHILD", "vh_type": "VS_TYPE_VH_ENHANCED",
        "vh_parent_vs_ref": format!("/api/virtualservice/?name={PARENT}"), "vh_domain_name": [host],
        "vh_matches": [{"host": host, "rules": [{"name": "VHMATCHRULENAME", "matches": {
            "path": {"match_criteria": "BEGINS_WITH", "match_case": "SENSITIVE", "match_str": ["/"]}}}]}],
        "min_pools_up": 1, "created_by": "ako-prod1", "cloud_config_cksum": "99213311",
        "cloud_ref": "/api/cloud?name=Default-Cloud", "se_group_ref": "/api/serviceenginegroup?name=Default-Group",
        "application_profile_ref": "/api/applicationprofile/?name=System-HTTP",
        "network_profile_ref": "/api/networkprofile/?name=System-TCP-Proxy",
        "vrf_context_ref": "/api/vrfcontext?name=global", "http_policies": policies,
        "east_west_placement": false, "ign_pool_net_reach": false,
        "markers": [{"key": "clustername", "values": ["prod1"]}, {"key": "Namespace", "values": ["default"]},
            {"key": "Host", "values": [host]}], "service_metadata": "{}"})
}

#[track_caller]
fn without_problems(world: &mut World) -> Snapshot {
    let (snapshot, problems) = world.snapshot();
    assert_eq!(problems, [] as [String; 0]);
    snapshot
}

fn begins_with(path: &str) -> RequestMatch {
    let path = PathMatch {
        criterion: StringCriterion::BeginsWith,
        negated: false,
        case_sensitive: true,
        decoded: true,
        values: vec![path.into()],
    };
    RequestMatch { path: Some(path), ..RequestMatch::default() }
}

#[test]
fn a_parent_with_children_is_what_ako_says() {
    let mut world = ako();
    let snapshot = without_problems(&mut world);
    let [service] = snapshot.http.services.as_slice() else { panic!("{:?}", snapshot.http.services) };
    assert_eq!((service.host.name.as_str(), &service.host.target, service.host.policies.len()), (PARENT, &None, 0));
    assert_eq!(service.host.uuid, world.uuid("virtualservice", PARENT));
    assert_eq!(service.addresses, ["10.10.25.10".parse::<std::net::IpAddr>().unwrap()]);
    let port = |port, listen_port, tls| ServicePort { port, listen_port, tls, http2: false };
    assert_eq!(service.ports, [port(80, 8080, false), port(443, 8443, true)]);
    let certificate = Certificate {
        uuid: world.uuid("sslkeyandcertificate", SHOP),
        name: SHOP.into(),
        chain_pem: CERTIFICATE.into(),
        key_pem: KEY.into(),
    };
    assert_eq!(service.certificates, [Arc::new(certificate)]);

    let select = |set: &str, path: &str, group: &str| {
        let rule = RequestRule {
            name: format!("{set}-0"),
            matches: begins_with(path),
            header_edits: vec![],
            action: Some(RequestAction::Select(Target::PoolGroup(world.uuid("poolgroup", group)))),
        };
        let (uuid, name) = (world.uuid("httppolicyset", set), set.to_owned());
        Arc::new(PolicySet { uuid, name, security: vec![], request: vec![rule] })
    };
    let host = HeaderMatch {
        header: "Host".into(),
        criterion: StringCriterion::Equals,
        negated: false,
        case_sensitive: false,
        values: vec!["shop.example.com".into()],
    };
    let redirect = RequestRule {
        name: format!("{SHOP}-0"),
        matches: RequestMatch { port: Some((Membership::In, vec![80])), host: Some(host), ..RequestMatch::default() },
        header_edits: vec![],
        action: Some(RequestAction::Redirect(Redirect::to_https(443))),
    };
    let redirect = PolicySet {
        uuid: world.uuid("httppolicyset", SHOP),
        name: SHOP.into(),
        security: vec![],
        request: vec![redirect],
    };
    let expected = |name: &str, host: &str, policies: Vec<Arc<PolicySet>>| {
        let host = HostMatch {
            host: host.into(),
            rules: vec![PathRule { name: "VHMATCHRULENAME".into(), matches: begins_with("/") }],
        };
        let mut found = service.host.clone();
        (found.uuid, found.name, found.policies) = (world.uuid("virtualservice", name), name.into(), policies);
        Arc::new(Child { host: found, matches: vec![host] })
    };
    assert_eq!(
        service.children,
        [
            expected(SHOP, "shop.example.com", vec![Arc::new(redirect), select(SHOP_SET, "/cart", SHOP_GROUP)]),
            expected(BLOG, "blog.example.com", vec![select("prod1--blog-set", "/", "prod1--blog-group")]),
        ],
        "in the order in which they were made"
    );

    let group = |name: &str| {
        let member = PoolGroupMember { pool: world.uuid("pool", &format!("{name}-pool")), ratio: 100, priority: 0 };
        let (uuid, name) = (world.uuid("poolgroup", name), name.to_owned());
        Arc::new(PoolGroup { uuid, name, members: vec![member], servers_min: 0 })
    };
    assert_eq!(snapshot.http.pool_groups, [group(SHOP_GROUP), group("prod1--blog-group")]);
    let monitor = world.uuid("healthmonitor", "System-TCP");
    let pool = |group: &str, servers: &[[u8; 4]]| {
        let name = format!("{group}-pool");
        let server = |ip: &[u8; 4]| {
            let ip = std::net::IpAddr::from(*ip);
            Server { ip, port: 8080, hostname: ip.to_string(), enabled: true, ratio: 1 }
        };
        Arc::new(Pool {
            uuid: world.uuid("pool", &name),
            name,
            enabled: true,
            algorithm: Algorithm::LeastConnections,
            servers: servers.iter().map(server).collect(),
            health_monitors: vec![monitor.clone()],
            monitors_up_min: None,
            servers_up_min: 1,
            passive_health: true,
            connections_per_server_max: 0,
            response_timeout: Duration::ZERO,
            idle_timeout: Duration::from_secs(60),
            connection_lifetime: Duration::from_secs(600),
            requests_per_connection_max: 0,
            fail_action: FailAction::ServiceUnavailable,
        })
    };
    let shop = pool(SHOP_GROUP, &[[10, 1, 1, 5]]);
    let blog = pool("prod1--blog-group", &[[10, 1, 2, 5], [10, 1, 2, 6]]);
    assert_eq!(snapshot.http.pools, [shop, blog]);
    assert_eq!(snapshot.monitors.iter().map(|monitor| monitor.name.as_str()).collect::<Vec<_>>(), ["System-TCP"]);
}

#[test]
fn requests_go_where_the_ingress_says() {
    let table = compile(&without_problems(&mut ako()));
    let service = |port: u16| &table.listeners[&(std::net::Ipv4Addr::new(10, 10, 25, 10), port).into()].service;
    let outcome = |port: u16, host: &str, path: &str| {
        let request = Request {
            method: "GET",
            host,
            path,
            query: None,
            https: port == 443,
            port,
            client: "198.51.100.7".parse().unwrap(),
            headers: &(&[] as &[(&str, &str)]),
        };
        match service(8000 + port).decide(&request).outcome {
            Outcome::Forward(binding) => match binding.choose(0, &[]) {
                Err(reason) => reason.to_string(),
                Ok(choice) => choice.pool.source.name.clone(),
            },
            Outcome::Redirect(redirect) => http_policy::location(redirect, &request),
            other => format!("{other:?}"),
        }
    };
    assert_eq!(outcome(80, "shop.example.com", "/cart"), "https://shop.example.com/cart");
    assert_eq!(outcome(443, "shop.example.com", "/cart/1"), "every server of the pool is down", "not probed yet");
    assert_eq!(outcome(443, "shop.example.com", "/"), "NotFound", "no rule and no pool");
    assert_eq!(outcome(80, "other.example.com", "/"), "NotFound", "the parent answers");
}

#[test]
fn a_child_whose_rules_cannot_be_expressed_takes_no_request() {
    let mut world = ako();
    let mut host = json!({"host": "odd.example.com", "rules": [{"name": "q", "matches": {
        "query": {"match_criteria": "QUERY_MATCH_EXISTS"}}}]});
    let mut odd = child("odd", "odd.example.com", &[]);
    odd["vh_matches"] = json!([host]);
    world.create("virtualservice", odd);
    let (snapshot, problems) = world.snapshot();
    let at = "VirtualService odd, vh_matches[0].rules";
    let expected = [
        format!("{at}[0].matches.query: cannot be matched by this release; the rule takes no request"),
        format!("{at}: none of them can be used; no request to the host is the child's"),
    ];
    assert_eq!(problems, expected);
    assert_eq!(snapshot.http.services[0].children[2].matches, []);

    host["rules"][0]["matches"] = json!({"path": {"match_criteria": "EQUALS", "match_str": ["/a"]}});
    let uuid = world.uuid("virtualservice", "odd");
    world.patch("virtualservice", &uuid, &json!({"replace": {"vh_matches": [host]}}));
    assert_eq!(without_problems(&mut world).http.services[0].children[2].matches[0].rules.len(), 1);
}

#[test]
fn a_certificate_that_cannot_be_read_is_told_and_the_default_is_shown() {
    let mut world = ako();
    world.create(
        "sslkeyandcertificate",
        json!({"name": "System-Default-Cert", "certificate": {"certificate": CERTIFICATE}, "key": KEY}),
    );
    let uuid = world.uuid("sslkeyandcertificate", SHOP);
    world.lose("sslkeyandcertificate", &uuid);
    let (snapshot, problems) = world.snapshot();
    let problem = format!("SSLKeyAndCertificate {uuid}: no such object can be read; clients are not shown it");
    assert_eq!(problems, [problem]);
    assert_eq!(snapshot.http.services[0].certificates[0].name, "System-Default-Cert");
}

#[test]
fn a_parent_without_children_listens_and_has_the_default_certificate() {
    let mut world = World::new();
    world.create(
        "sslkeyandcertificate",
        json!({"name": "System-Default-Cert", "certificate": {"certificate": CERTIFICATE}, "key": KEY}),
    );
    world.create("vsvip", json!({"name": PARENT, "vip": [{"vip_id": "0", "auto_allocate_ip": true}]}));
    let mut body = parent();
    body.as_object_mut().unwrap().remove("ssl_key_and_certificate_refs");
    world.create("virtualservice", body);
    let snapshot = without_problems(&mut world);
    assert_eq!(snapshot.http.services[0].certificates[0].name, "System-Default-Cert");
    assert_eq!(compile(&snapshot).listeners.len(), 2);
}

#[test]
fn a_host_s_name_goes_with_its_child_and_the_parent_s_own_with_the_parent() {
    let mut world = ako();
    let registered = |world: &mut World| -> Vec<(String, Vec<String>)> {
        let snapshot = without_problems(world);
        let records = snapshot.registrations.iter();
        records.map(|record| (record.name.to_string(), record.virtual_services.iter().cloned().collect())).collect()
    };
    let uuid = |world: &World, name: &str| vec![world.uuid("virtualservice", name)];
    let (parent, shop, blog) = (uuid(&world, PARENT), uuid(&world, SHOP), uuid(&world, BLOG));
    let expected = [
        ("blog.example.com".to_owned(), blog.clone()),
        ("prod1--shared-l7-evh-0.admin.example.com".to_owned(), parent.clone()),
        ("shop.example.com".to_owned(), shop),
    ];
    assert_eq!(registered(&mut world), expected);
    world.patch("virtualservice", &blog[0], &json!({"replace": {"enabled": false}}));
    assert_eq!(registered(&mut world), expected[1..], "disabled: withdrawn");
    world.patch("virtualservice", &parent[0], &json!({"replace": {"enabled": false}}));
    assert_eq!(registered(&mut world), []);
}
