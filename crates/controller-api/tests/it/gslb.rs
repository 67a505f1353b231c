//! avi-api 11.6, lines 109 and 111 to 114, and what AMKO asks at its start (3.4).

use serde_json::{Value, json};

use crate::harness::{Client, Controller};

/// A controller with a DNS virtual service and GSLB switched on.
pub(crate) async fn with_gslb(client: &mut Client) -> Value {
    let service = json!({"name": "dns", "application_profile_ref": "/api/applicationprofile?name=System-DNS",
        "services": [{"port": 5300}], "vip": [{"vip_id": "0", "ip_address": {"addr": "127.0.0.1", "type": "V4"}}]});
    let service = client.post("/api/virtualservice", service).await.expect(201).json();
    let cluster = client.get("/api/cluster").await.json()["uuid"].clone();
    let body = json!({"name": "Default", "leader_cluster_uuid": cluster,
        "dns_configs": [{"domain_name": "avi.iberia.local"}],
        "sites": [{"name": "site1", "cluster_uuid": cluster, "ip_addresses": [{"addr": "127.0.0.1", "type": "V4"}],
            "username": "admin", "password": "secret of the site", "member_type": "GSLB_ACTIVE_MEMBER",
            "dns_vses": [{"dns_vs_uuid": service["uuid"]}]}],
        "third_party_sites": [{"name": "tp1"}]});
    client.post("/api/gslb", body).await.expect(201).json()
}

pub(crate) fn service(name: &str) -> Value {
    json!({"name": name, "domain_names": [name], "created_by": "amko-gslb",
        "controller_health_status_enabled": true, "health_monitor_scope": "GSLB_SERVICE_HEALTH_MONITOR_ALL_MEMBERS",
        "health_monitor_refs": [format!("/api/healthmonitor?name=amko--http--{name}--/")],
        "pool_algorithm": "GSLB_SERVICE_ALGORITHM_PRIORITY", "is_federated": true, "min_members": 0,
        "resolve_cname": false, "use_edns_client_subnet": true, "wildcard_match": false,
        "tenant_ref": "https://HOST/api/tenant/?name=admin", "description": "<opaque>",
        "groups": [{"name": "amko-gs-group-10", "priority": 10, "algorithm": "GSLB_ALGORITHM_ROUND_ROBIN",
            "min_health_monitors_up": 2, "members": [{"enabled": true, "ip": {"addr": "10.52.1.2", "type": "V4"},
                "ratio": 6, "vs_uuid": ""}]}]})
}

pub(crate) fn monitor(service: &str) -> Value {
    json!({"name": format!("amko--http--{service}--/"), "type": "HEALTH_MONITOR_HTTP", "is_federated": true,
        "send_interval": 10, "receive_timeout": 4, "successful_checks": 3, "failed_checks": 3,
        "allow_duplicate_monitors": true, "monitor_port": 80, "description": "created by: amko-gslb",
        "markers": [{"key": "created-by", "values": ["amko-gslb"]}],
        "http_monitor": {"http_request": "HEAD / HTTP/1.0", "http_response_code": ["HTTP_2XX", "HTTP_3XX"]}})
}

/// Lines 109 (the requests AMKO makes), 111, 112.
#[tokio::test]
async fn amko_finds_what_it_asks_for_and_gets_back_what_it_sent() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let gslb = with_gslb(&mut client).await;
    client.header("x-avi-tenant", "*").header("x-avi-version", "22.1.4");
    client.get("/api/cloud").await.expect(200);
    let cluster = client.get("//api/cluster").await.expect(200).json();
    let listed = client.get("/api/gslb").await.expect(200).json();
    assert_eq!(listed["results"][0]["leader_cluster_uuid"], cluster["uuid"]);
    assert_eq!(listed["results"][0]["sites"][0]["password"], "<sensitive>");
    assert!(listed["results"][0]["third_party_sites"][0]["cluster_uuid"].is_string(), "{listed}");
    assert_eq!(gslb["view_id"], 0);
    for kind in ["healthmonitor", "applicationpersistenceprofile", "pkiprofile"] {
        client.get(&format!("/api/{kind}?include_name&page_size=100&is_federated=true")).await.expect(200);
    }
    let services = "/api/gslbservice?include_name&page_size=100&created_by=amko-gslb";
    assert_eq!(client.get(services).await.expect(200).json()["count"], 0);

    let name = "hello.avi.iberia.local";
    let made = client.post("//api/healthmonitor", monitor(name)).await.expect(201).json();
    for field in ["name", "uuid", "type", "monitor_port", "description"] {
        assert!(made.get(field).is_some(), "{field}");
    }
    let made = client.post("//api/gslbservice/", service(name)).await.expect(201).json();
    assert!(made["health_monitor_refs"][0].as_str().unwrap().ends_with(&format!("#amko--http--{name}--/")), "{made}");
    assert_eq!((&made["site_persistence_enabled"], &made["description"]), (&json!(false), &json!("<opaque>")));
    for absent in ["ttl", "num_dns_ip", "down_response", "hm_off"] {
        assert!(made.get(absent).is_none(), "{absent}: {made}");
    }
    let listed = client.get(services).await.json();
    assert_eq!((&listed["count"], &listed["results"][0]), (&json!(1), &made));

    let long = "x".repeat(100_000);
    let path = format!("/api/gslbservice/{}", made["uuid"].as_str().unwrap());
    let mut changed = service(name);
    changed["description"] = json!(long);
    changed["groups"][0]["members"] = json!([]);
    assert_eq!(client.put(&path, changed).await.expect(200).json()["description"], long);
}

/// Lines 113, 114.
#[tokio::test]
async fn gslb_rules_are_kept() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let gslb = with_gslb(&mut client).await;
    let name = "hello.avi.iberia.local";
    client.post("/api/healthmonitor", monitor(name)).await.expect(201);
    client.post("/api/gslbservice", service(name)).await.expect(201);

    let mut twin = service(name);
    twin["name"] = json!("twin");
    client.post("/api/gslbservice", twin).await.refused(400, "domain name conflicting with existing domain name");
    let mut outside = service(name);
    outside["name"] = json!("outside");
    outside["domain_names"] = json!(["hello.example.com"]);
    client.post("/api/gslbservice", outside).await.refused(400, "does not match any of the GSLB sub-domains");
    let mut unfederated = service("b.avi.iberia.local");
    unfederated["health_monitor_refs"] = json!(["/api/healthmonitor?name=System-TCP"]);
    client.post("/api/gslbservice", unfederated).await.expect(400);

    let path = format!("/api/gslb/{}", gslb["uuid"].as_str().unwrap());
    client.delete(&path).await.expect(403);
    client.patch(&path, json!({"replace": {"maintenance_mode": true}})).await.expect(200);
    let refused = client.post("/api/healthmonitor", monitor("c.avi.iberia.local")).await;
    refused.refused(400, "GSLB system is in maintenance mode.");
    client.patch(&path, json!({"replace": {"maintenance_mode": false}})).await.expect(200);
    client.post("/api/healthmonitor", monitor("c.avi.iberia.local")).await.expect(201);
}

#[tokio::test]
async fn a_site_is_at_an_address_of_its_own_and_the_others_find_this_one() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let gslb = with_gslb(&mut client).await;
    let path = format!("/api/gslb/{}", gslb["uuid"].as_str().unwrap());
    let mut put = async |own: Value, other: Value| {
        let mut body = gslb.clone();
        body["sites"][0]["ip_addresses"] = own;
        body["sites"].as_array_mut().unwrap().push(json!({"name": "site2", "cluster_uuid": "cluster-2",
            "username": "admin", "password": "secret", "ip_addresses": other, "member_type": "GSLB_PASSIVE_MEMBER"}));
        client.put(&path, body).await
    };
    let at = |addr: &str| json!([{"addr": addr, "type": if addr.contains(':') { "V6" } else { "V4" }}]);
    let missing = put(json!([]), at("10.0.0.2")).await;
    missing.refused(400, "sites[0].ip_addresses");
    let nowhere = put(at("0.0.0.0"), at("10.0.0.2")).await;
    nowhere.refused(400, "sites[0].ip_addresses[0].addr");
    let twice = put(at("10.0.0.1"), at("10.0.0.1")).await;
    twice.refused(400, "sites[1].ip_addresses[0].addr");
    put(at("10.0.0.1"), at("2001:db8::2")).await.expect(200);
}
