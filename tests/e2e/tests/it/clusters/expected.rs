//! What the controller has to hold, object by object, as its API shows it.
//!
//! What the operator sends is that of `amko.md`: services 7.7, 5.5 and 5.3, monitors 6.2 to 6.5. Beside it stand the
//! defaults that the controller fills in (avi-api 2.8, 2.23). References are written as `TYPE#NAME`; left out are
//! `uuid`, `url`, `_last_modified` and `configpb_attributes`.

use serde_json::{Value, json};

/// Every service.
pub(super) fn services(created_by: &str) -> Vec<Value> {
    vec![
        service(
            created_by,
            &json!({
                "name": "hello.avi.iberia.local",
                "domain_names": ["hello.avi.iberia.local"], // 4.1
                "description": "INGRESS/s1az1/default/hello/hello.avi.iberia.local,\
                                INGRESS/s1az2/default/hello/hello.avi.iberia.local,\
                                INGRESS/s2/default/hello/hello.avi.iberia.local", // 5.3 rule 6
                "health_monitor_refs": ["healthmonitor#amko--9b503a4789b965fdfad2c3c8deaa0f1acb89f4dc"],
            }),
            &json!([member("10.10.25.46", 6), member("10.10.26.40", 4), member("10.10.23.40", 2)]),
        ),
        service(
            created_by,
            &json!({
                "name": "shop.avi.iberia.local",
                "domain_names": ["shop.avi.iberia.local"],
                "description": "INGRESS/s1az1/default/shop/shop.avi.iberia.local,\
                                INGRESS/s2/default/shop/shop.avi.iberia.local",
                // One for each path, in order of appearance (5.6, 6.1).
                "health_monitor_refs": [
                    "healthmonitor#amko--1d6990db6247026228672e4949c7d7b925e70e3c",
                    "healthmonitor#amko--8b41ab31abb705964dbfa40e890a019de9573d95",
                ],
            }),
            &json!([member("10.10.25.47", 6), member("10.10.23.47", 2)]),
        ),
        // An Ingress with several hosts is split: each host lives its own life (3.4).
        service(
            created_by,
            &json!({
                "name": "red.avi.iberia.local",
                "domain_names": ["red.avi.iberia.local"],
                "description": "INGRESS/s1az2/default/paint/red.avi.iberia.local,\
                                INGRESS/s2/default/paint/red.avi.iberia.local",
                "health_monitor_refs": ["healthmonitor#amko--786d4542223377400fc2e900a931ed767973a572"],
            }),
            &json!([member("10.10.26.48", 4), member("10.10.23.48", 2)]),
        ),
        service(
            created_by,
            &json!({
                "name": "blue.avi.iberia.local",
                "domain_names": ["blue.avi.iberia.local"],
                "description": "INGRESS/s1az2/default/paint/blue.avi.iberia.local",
                "health_monitor_refs": ["healthmonitor#amko--a8c8910ed230892db9cebee0df57623b25ef12c5"],
            }),
            &json!([member("10.10.26.49", 4)]),
        ),
        service(
            created_by,
            &json!({
                "name": "db.avi.iberia.local",
                "domain_names": ["db.avi.iberia.local"],
                "description": "LBSVC/s1az1/default/db,LBSVC/s1az2/default/db",
                "health_monitor_refs": ["healthmonitor#amko--0de46e172558cb2debb134c03494843b3525f5fb"],
            }),
            &json!([member("10.10.25.50", 6), member("10.10.26.50", 4)]),
        ),
        service(
            created_by,
            &json!({
                "name": "ntp.avi.iberia.local",
                "domain_names": ["ntp.avi.iberia.local"],
                "description": "LBSVC/s2/default/ntp",
                "health_monitor_refs": ["healthmonitor#amko--d601b28cb7d75be1d08bdece1d8a75b6353eb9ef"],
            }),
            &json!([member("10.10.23.51", 2)]),
        ),
    ]
}

/// Every monitor that the operator made.
pub(super) fn monitors(created_by: &str) -> Vec<Value> {
    let http = |host: &str, path: &str, name: &str| {
        let description = format!("created by: amko, gsname: {host}, path: {path}, protocol: http"); // 6.3
        let fields = json!({
            "name": name,
            "type": "HEALTH_MONITOR_HTTP",
            "monitor_port": 80, // 6.4
            "description": description,
            "http_monitor": request(path),
        });
        monitor(created_by, &fields)
    };
    let https = |path: &str, name: &str| {
        let fields = json!({
            "name": name,
            "type": "HEALTH_MONITOR_HTTPS",
            "monitor_port": 443,
            "description": format!("created by: amko, gsname: shop.avi.iberia.local, path: {path}, protocol: https"),
            "https_monitor": request(path),
        });
        monitor(created_by, &fields)
    };
    vec![
        http("hello.avi.iberia.local", "/", "amko--9b503a4789b965fdfad2c3c8deaa0f1acb89f4dc"),
        https("/", "amko--1d6990db6247026228672e4949c7d7b925e70e3c"),
        https("/cart", "amko--8b41ab31abb705964dbfa40e890a019de9573d95"),
        http("red.avi.iberia.local", "/", "amko--786d4542223377400fc2e900a931ed767973a572"),
        http("blue.avi.iberia.local", "/paint", "amko--a8c8910ed230892db9cebee0df57623b25ef12c5"),
        monitor(
            created_by,
            &json!({
                "name": "amko--0de46e172558cb2debb134c03494843b3525f5fb",
                "type": "HEALTH_MONITOR_TCP",
                "monitor_port": 5432, // the smallest (3.6)
                "description": "created by: amko, gsname: db.avi.iberia.local",
                "tcp_monitor": {"tcp_half_open": false}, // 6.5
            }),
        ),
        monitor(
            created_by,
            &json!({
                "name": "amko--d601b28cb7d75be1d08bdece1d8a75b6353eb9ef",
                "type": "HEALTH_MONITOR_UDP",
                "monitor_port": 123,
                "description": "created by: amko, gsname: ntp.avi.iberia.local",
                "udp_monitor": {"udp_request": "created_by: amko, request string not required"},
            }),
        ),
    ]
}

/// 7.7, with what the controller adds.
fn service(created_by: &str, fields: &Value, members: &Value) -> Value {
    let mut service = json!({
        "created_by": created_by,
        "enabled": true,
        "groups": [{
            "name": "amko-gs-group-10", // 5.5
            "priority": 10,
            "enabled": true,
            "algorithm": "GSLB_ALGORITHM_ROUND_ROBIN",
            "min_health_monitors_up": 2,
            "members": members,
            "manual_resume": false, // the controller's
        }],
        "health_monitor_scope": "GSLB_SERVICE_HEALTH_MONITOR_ALL_MEMBERS",
        "pool_algorithm": "GSLB_SERVICE_ALGORITHM_PRIORITY",
        "controller_health_status_enabled": true,
        "is_federated": true,
        "min_members": 0,
        "resolve_cname": false,
        "use_edns_client_subnet": true,
        "wildcard_match": false,
        "site_persistence_enabled": false,
        "tenant_ref": "tenant#admin",
        "topology_policy_enabled": false, // the controller's
    });
    fill(&mut service, fields);
    service
}

/// A member of a `syncVipOnly` cluster: no identifiers (3.7, 5.2).
fn member(address: &str, ratio: u32) -> Value {
    json!({
        "enabled": true,
        "ratio": ratio,
        "ip": {"addr": address, "type": "V4"},
        "preference_order": 1, // the controller's
        "resolve_fqdn_to_v6": false, // the controller's
    })
}

/// 6.4
fn monitor(created_by: &str, fields: &Value) -> Value {
    let mut monitor = json!({
        "is_federated": true,
        "allow_duplicate_monitors": true,
        "send_interval": 10,
        "receive_timeout": 4,
        "successful_checks": 3,
        "failed_checks": 3,
        "markers": [{"key": "created-by", "values": [created_by]}],
        "tenant_ref": "tenant#admin",
    });
    fill(&mut monitor, fields);
    monitor
}

/// 6.5
fn request(path: &str) -> Value {
    json!({
        "http_request": format!("HEAD {path} HTTP/1.0"),
        "http_response_code": ["HTTP_2XX", "HTTP_3XX"],
        "exact_http_request": false, // the controller's
    })
}

fn fill(object: &mut Value, fields: &Value) {
    object.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
}
