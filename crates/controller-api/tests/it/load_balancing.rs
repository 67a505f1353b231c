//! avi-api 11.2 and 11.4 for pools, VsVips and virtual services.

use serde_json::{Value, json};

use crate::harness::{Client, Controller};

fn path(object: &Value) -> String {
    let url = object["url"].as_str().unwrap();
    url.strip_prefix("https://controller.test").unwrap().split('#').next().unwrap().to_owned()
}

fn server(addr: &str) -> Value {
    json!({"ip": {"addr": addr, "type": "V4"}})
}

async fn static_vip(client: &mut Client, name: &str, addr: &str) -> Value {
    let body = json!({"name": name, "vip": [{"vip_id": "0", "ip_address": {"addr": addr, "type": "V4"}}]});
    client.post("/api/vsvip", body).await.expect(201).json()
}

fn virtual_service(name: &str, vs_vip: &str) -> Value {
    json!({"name": name, "services": [{"port": 80}], "vsvip_ref": format!("/api/vsvip?name={vs_vip}")})
}

/// Lines 26 to 29.
#[tokio::test]
async fn a_pool_comes_back_with_its_defaults() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let reply = client.post("/api/pool", json!({"name": "p1"})).await.expect(201);
    let pool = reply.json();
    assert!(pool["url"].as_str().unwrap().ends_with("#p1") && pool["uuid"].as_str().unwrap().starts_with("pool-"));
    for (field, name) in [("tenant_ref", "#admin"), ("cloud_ref", "#Default-Cloud"), ("vrf_ref", "#global")] {
        assert!(pool[field].as_str().unwrap().ends_with(name), "{field}: {}", pool[field]);
    }
    for (field, value) in [
        ("lb_algorithm", json!("LB_ALGORITHM_LEAST_CONNECTIONS")),
        ("default_server_port", json!(80)),
        ("graceful_disable_timeout", json!(1)),
        ("connection_ramp_duration", json!(10)),
        ("inline_health_monitor", json!(true)),
        ("sni_enabled", json!(true)),
        ("enabled", json!(true)),
    ] {
        assert_eq!(pool[field], value, "{field}");
    }
    for absent in ["servers", "health_monitor_refs", "fail_action"] {
        assert!(pool.get(absent).is_none(), "{absent}");
    }
    assert!(!reply.text.contains("null"));
}

/// Lines 39, 40, 49, 50, 51 and the default of 2.6.
#[tokio::test]
async fn servers_are_matched_by_address_and_port() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let unknown = json!({"name": "p", "health_monitor_refs": ["/api/healthmonitor?name=zz"]});
    client.post("/api/pool", unknown).await.refused(404, "HealthMonitor object not found!");
    let federated = json!({"name": "p", "health_monitor_refs": ["/api/healthmonitor?name=System-GSLB-TCP"]});
    client.post("/api/pool", federated).await.refused(400, "federated");
    let pool =
        json!({"name": "p", "ssl_profile_ref": "", "health_monitor_refs": ["/api/healthmonitor/?name=System-TCP"]});
    let pool = client.post("/api/pool", pool).await.expect(201).json();
    assert!(pool.get("ssl_profile_ref").is_none());
    assert!(pool["health_monitor_refs"][0].as_str().unwrap().ends_with("#System-TCP"));
    let path = path(&pool);
    let addresses = |pool: &Value| -> Vec<String> {
        let servers = pool["servers"].as_array().cloned().unwrap_or_default();
        servers.iter().map(|server| server["ip"]["addr"].as_str().unwrap().to_owned()).collect()
    };
    let mut patch = async |body: Value| client.patch(&path, body).await.expect(200).json();
    let add = json!({"add": {"servers": [server("192.0.2.1")]}});
    let first = patch(add.clone()).await;
    assert_eq!((&first["servers"][0]["hostname"], &first["servers"][0]["ratio"]), (&json!("192.0.2.1"), &json!(1)));
    assert_eq!(addresses(&patch(add).await), ["192.0.2.1"], "not doubled");
    let replaced = patch(json!({"replace": {"servers": [server("192.0.2.2"), server("192.0.2.3")]}})).await;
    assert_eq!(addresses(&replaced), ["192.0.2.2", "192.0.2.3"]);
    let removed = patch(json!({"delete": {"servers": [server("192.0.2.2")]}})).await;
    assert_eq!(addresses(&removed), ["192.0.2.3"]);
    let add = json!({"json_patch": [{"op": "add", "path": "/servers", "value": [server("192.0.2.4")]}]});
    assert_eq!(addresses(&patch(add).await), ["192.0.2.3", "192.0.2.4"]);
    let replace = json!({"json_patch": [{"op": "replace", "path": "/servers/0", "value": server("192.0.2.5")}]});
    assert_eq!(addresses(&patch(replace).await), ["192.0.2.5", "192.0.2.4"]);
    assert_eq!(addresses(&patch(json!({"json_patch": [{"op": "remove", "path": "/servers/0"}]})).await), ["192.0.2.4"]);
}

/// Lines 54, 58, 71, 83, 88, 89, 90.
#[tokio::test]
async fn a_minimal_virtual_service_is_completed_and_holds_what_it_uses() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    static_vip(&mut client, "v1", "192.0.2.1").await;
    let pool = client.post("/api/pool", json!({"name": "custom-pool"})).await.expect(201).json();
    let mut body = virtual_service("vs1", "v1");
    body["pool_ref"] = json!("/api/pool?name=custom-pool");
    body["service_metadata"] = json!("{\"b\": 1,  \"a\": [\"\\u00e9\"]}");
    body["cloud_config_cksum"] = json!("0042");
    for runtime in ["version", "vip_runtime", "tls_ticket_key", "redis_db"] {
        body[runtime] = json!([{"x": 1}]);
    }
    let vs = client.post("/api/virtualservice", body.clone()).await.expect(201).json();
    for (field, name) in [
        ("application_profile_ref", "#System-HTTP"),
        ("network_profile_ref", "#System-TCP-Proxy"),
        ("analytics_profile_ref", "#System-Analytics-Profile"),
        ("vrf_context_ref", "#global"),
        ("vsvip_ref", "#v1"),
        ("se_group_ref", "#Default-Group"),
    ] {
        assert!(vs[field].as_str().unwrap().ends_with(name), "{field}: {}", vs[field]);
    }
    assert_eq!((&vs["cloud_type"], &vs["services"][0]["port_range_end"]), (&json!("CLOUD_NONE"), &json!(80)));
    assert_eq!((&vs["service_metadata"], &vs["cloud_config_cksum"]), (&body["service_metadata"], &json!("0042")));
    assert!(vs.get("vip_runtime").is_none() && vs.get("redis_db").is_none());

    client.delete(&path(&pool)).await.refused(403, "Cannot delete, object is referred by: ['VirtualService vs1']");
    let vs_vip = client.get("/api/vsvip?name=v1").await.json();
    assert_eq!(vs_vip["results"][0]["vs_refs"], json!([path(&vs)].map(|p| format!("https://controller.test{p}"))));
    let vs_vip = path(&vs_vip["results"][0]);
    client.delete(&vs_vip).await.refused(403, "['VirtualService vs1']");
    let uuid = pool["uuid"].as_str().unwrap();
    assert_eq!(client.get(&format!("/api/virtualservice?refers_to=pool:{uuid}")).await.json()["count"], 1);
    let by = vs["uuid"].as_str().unwrap();
    assert_eq!(client.get(&format!("/api/pool?referred_by=virtualservice:{by}")).await.json()["count"], 1);
    client.patch(&path(&pool), json!({"replace": {"name": "renamed"}})).await.expect(200);
    let shown = client.get(&format!("{}?include_name", path(&vs))).await.json();
    assert!(shown["pool_ref"].as_str().unwrap().ends_with("#renamed"));

    client.delete(&path(&vs)).await.expect(204);
    client.delete(&vs_vip).await.expect(204);
    client.delete(&path(&pool)).await.expect(204);
}

/// Lines 84 and appendix D 17; 2.4.
#[tokio::test]
async fn profiles_follow_from_what_the_service_speaks() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    static_vip(&mut client, "v1", "192.0.2.1").await;
    let mut tls = virtual_service("tls", "v1");
    tls["services"] = json!([{"port": 443, "enable_ssl": true}]);
    let tls = client.post("/api/virtualservice", tls).await.expect(201).json();
    assert!(tls["ssl_profile_ref"].as_str().unwrap().ends_with("#System-Standard"));
    let mut dns = virtual_service("dns", "v1");
    dns["services"] = json!([{"port": 53}]);
    dns["application_profile_ref"] = json!("/api/applicationprofile?name=System-DNS");
    let dns = client.post("/api/virtualservice", dns).await.expect(201).json();
    assert!(dns["network_profile_ref"].as_str().unwrap().ends_with("#System-UDP-Per-Pkt"));
    assert!(dns.get("ssl_profile_ref").is_none());
}

/// 2.4, 4.2.
#[tokio::test]
async fn what_cannot_work_is_refused() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    static_vip(&mut client, "v1", "192.0.2.1").await;
    let mut refused = async |change: fn(&mut Value), code: u16, text: &str| {
        let mut body = virtual_service("vs", "v1");
        change(&mut body);
        client.post("/api/virtualservice", body).await.refused(code, text);
    };
    refused(|b| b["vsvip_ref"] = Value::Null, 400, "vsvip_ref: Required field missing").await;
    refused(|b| b["services"] = json!([]), 400, "services: Required field missing").await;
    refused(|b| b["vsvip_ref"] = json!("/api/vsvip?name=no"), 404, "VsVip object not found!").await;
    refused(
        |b| b["vsvip_ref"] = json!("/api/vsvip?name=no"),
        404,
        "vsvip_ref: no vsvip is visible here as '/api/vsvip?name=no'",
    )
    .await;
    refused(|b| b["pool_ref"] = json!("/api/pool?name=no"), 404, "Pool object not found!").await;
    refused(|b| b["vrf_context_ref"] = json!("/api/vrfcontext?name=no"), 400, "VrfContext object not found").await;
    refused(|b| b["vrf_context_ref"] = json!("/api/vrfcontext?name=management"), 400, "is in another VRF").await;
    refused(|b| b["services"] = json!([{"port": 80}, {"port": 70, "port_range_end": 90}]), 400, "services[1].port")
        .await;

    client.post("/api/virtualservice", virtual_service("vs1", "v1")).await.expect(201);
    let clash = client.post("/api/virtualservice", virtual_service("vs2", "v1")).await;
    clash.refused(400, "TCP port 80 on VsVip v1 is used by VirtualService vs1");
    let mut udp = virtual_service("vs2", "v1");
    udp["services"][0]["override_network_profile_ref"] = json!("/api/networkprofile?name=System-UDP-Fast-Path");
    client.post("/api/virtualservice", udp).await.expect(201);
    client.post("/api/pool", json!({"name": "p"})).await.expect(201);
    client
        .post("/api/poolgroup", json!({"name": "g", "members": [{"pool_ref": "/api/pool?name=p"}]}))
        .await
        .expect(201);
    let mut both = virtual_service("vs3", "v1");
    both["services"] = json!([{"port": 81}]);
    both["pool_ref"] = json!("/api/pool?name=p");
    both["pool_group_ref"] = json!("/api/poolgroup?name=g");
    client.post("/api/virtualservice", both).await.refused(400, "pool_group_ref: not possible together with pool_ref");
}

/// Line 85, 1.10.
#[tokio::test]
async fn an_address_given_in_a_virtual_service_becomes_a_vsvip_that_goes_with_it() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let vip = json!([{"vip_id": "0", "ip_address": {"addr": "192.0.2.1", "type": "V4"}}]);
    let body = json!({"name": "vs", "services": [{"port": 80}], "vip": vip,
        "dns_info": [{"fqdn": "vs.example.com"}]});
    let vs = client.post("/api/virtualservice", body.clone()).await.expect(201).json();
    assert!(vs["vsvip_ref"].as_str().unwrap().contains("#vsvip-"), "{vs}");
    assert_eq!(vs["vip"][0]["ip_address"]["addr"], "192.0.2.1");
    let vs_vips = client.get("/api/vsvip").await.json();
    assert_eq!(
        (&vs_vips["count"], &vs_vips["results"][0]["dns_info"][0]["fqdn"]),
        (&json!(1), &json!("vs.example.com"))
    );

    let mut moved = body.clone();
    moved["vip"][0]["ip_address"]["addr"] = json!("192.0.2.2");
    let moved = client.put(&path(&vs), moved).await.expect(200).json();
    assert_eq!((&moved["vip"][0]["ip_address"]["addr"], &moved["vsvip_ref"]), (&json!("192.0.2.2"), &vs["vsvip_ref"]));
    let without = json!({"name": "vs", "services": [{"port": 81}]});
    let kept = client.put(&path(&vs), without).await.expect(200).json();
    assert_eq!((&kept["vip"], &kept["vsvip_ref"]), (&moved["vip"], &moved["vsvip_ref"]));
    let whole = client.get(&format!("{}?include_name", path(&vs))).await.json();
    client.put(&path(&vs), whole).await.expect(200);

    client.delete(&path(&vs)).await.expect(204);
    assert_eq!(client.get("/api/vsvip").await.json()["count"], 0);
    assert_eq!(controller.store.range("/address/", None, 0).await.unwrap().0, []);
    // A refused virtual service leaves no VsVip behind.
    let mut refused = body;
    refused["pool_ref"] = json!("/api/pool?name=no");
    client.post("/api/virtualservice", refused).await.refused(404, "Pool object not found!");
    assert_eq!(client.get("/api/vsvip").await.json()["count"], 0);
}

/// Lines 86, 87; 10.2.
#[tokio::test]
async fn children_belong_to_a_parent_of_their_kind() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    static_vip(&mut client, "v1", "192.0.2.1").await;
    let child = |name: &str, host: &str| {
        json!({"name": name, "type": "VS_TYPE_VH_CHILD", "vh_parent_vs_ref": "/api/virtualservice/?name=parent",
            "vh_domain_name": [host]})
    };
    client.post("/api/virtualservice", child("c1", "a.test")).await.refused(404, "VirtualService object not found!");
    let mut parent = virtual_service("parent", "v1");
    parent["type"] = json!("VS_TYPE_VH_PARENT");
    let parent = client.post("/api/virtualservice", parent).await.expect(201).json();
    let made = client.post("/api/virtualservice", child("c1", "a.test")).await.expect(201).json();
    assert!(made["vh_parent_vs_ref"].as_str().unwrap().ends_with("#parent"));
    assert!(made["vrf_context_ref"].as_str().unwrap().ends_with("#global") && made.get("vip").is_none());
    assert_eq!(client.get(&path(&parent)).await.json()["vh_child_vs_uuid"], json!([made["uuid"]]));

    client.post("/api/virtualservice", child("c2", "A.test")).await.refused(400, "belongs to VirtualService c1");
    let mut evh = child("c2", "b.test");
    evh["vh_type"] = json!("VS_TYPE_VH_ENHANCED");
    client.post("/api/virtualservice", evh).await.refused(400, "vh_type: differs from that of the parent parent");
    let mut listening = child("c2", "b.test");
    listening["services"] = json!([{"port": 81}]);
    client.post("/api/virtualservice", listening).await.refused(400, "services: a child listens");
    let mut grandchild = child("c2", "b.test");
    grandchild["vh_parent_vs_ref"] = json!("/api/virtualservice?name=c1");
    client.post("/api/virtualservice", grandchild).await.refused(400, "VirtualService c1 is no parent");
    client.delete(&path(&parent)).await.refused(403, "['VirtualService c1']");
    let change = json!({"replace": {"vh_type": "VS_TYPE_VH_ENHANCED"}});
    client.patch(&path(&parent), change).await.refused(400, "while there are children (c1)");
    client.delete(&path(&made)).await.expect(204);
    client.post("/api/virtualservice", child("c2", "a.test")).await.expect(201);
}

/// 2.4, 3.3: what AKO sends for a host of an enhanced virtual-hosting parent.
#[tokio::test]
async fn an_enhanced_child_has_hosts_paths_and_policies() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    static_vip(&mut client, "v1", "192.0.2.1").await;
    let mut parent = virtual_service("parent", "v1");
    parent["type"] = json!("VS_TYPE_VH_PARENT");
    parent["vh_type"] = json!("VS_TYPE_VH_ENHANCED");
    client.post("/api/virtualservice", parent).await.expect(201);
    client.post("/api/pool", json!({"name": "p", "created_by": "ako-c"})).await.expect(201);
    let group = json!({"name": "g", "members": [{"pool_ref": "/api/pool?name=p", "ratio": 100}]});
    let group = client.post("/api/poolgroup", group).await.expect(201).json();
    let policy = |action: Value| {
        json!({"name": "policy", "created_by": "ako-c", "http_request_policy": {"rules": [{"name": "r", "index": 0,
            "enable": true, "switching_action": action,
            "match": {"host_hdr": {"match_criteria": "HDR_EQUALS", "value": ["a.test"]},
                "path": {"match_criteria": "BEGINS_WITH", "match_case": "SENSITIVE", "match_str": ["/"]}}}]}})
    };
    let missing = client.post("/api/httppolicyset", policy(json!({"action": "HTTP_SWITCHING_SELECT_POOL"}))).await;
    missing.refused(400, "http_request_policy.rules[0].switching_action.pool_ref: Required field missing");
    let action = json!({"action": "HTTP_SWITCHING_SELECT_POOLGROUP", "pool_group_ref": "/api/poolgroup?name=g"});
    let made = client.post("/api/httppolicyset", policy(action)).await.expect(201).json();
    let rule = &made["http_request_policy"]["rules"][0];
    assert!(rule["switching_action"]["pool_group_ref"].as_str().unwrap().ends_with("#g"));
    assert_eq!(rule["match"]["path"]["match_decoded_string"], true);
    client.delete(&path(&group)).await.refused(403, "['HTTPPolicySet policy']");

    let child = json!({"name": "c", "type": "VS_TYPE_VH_CHILD", "vh_type": "VS_TYPE_VH_ENHANCED", "min_pools_up": 1,
        "vh_parent_vs_ref": "/api/virtualservice/?name=parent", "created_by": "ako-c",
        "http_policies": [{"http_policy_set_ref": "/api/httppolicyset?name=policy", "index": 11}],
        "vh_matches": [{"host": "a.test", "rules": [{"name": "r",
            "matches": {"path": {"match_criteria": "BEGINS_WITH", "match_str": ["/"]}}}]}]});
    let child = client.post("/api/virtualservice", child).await.expect(201).json();
    assert_eq!(child["vh_matches"][0]["rules"][0]["matches"]["path"]["match_case"], "INSENSITIVE");
    let older = json!({"replace": {"vh_matches": [{"host": "a.test", "path": [{"match_criteria": "EQUALS", "match_str": ["/"]}]}]}});
    let older = client.patch(&path(&child), older).await.expect(200).json();
    assert_eq!(older["vh_matches"][0]["path"][0]["match_criteria"], "EQUALS");
    let listed =
        client.get("/api/virtualservice/?include_name=true&cloud_ref.name=Default-Cloud&created_by=ako-c").await;
    assert_eq!(listed.json()["count"], 1);
}

/// 2.17, 3.7.
#[tokio::test]
async fn a_cloud_comes_with_its_vrfs_and_goes_with_them() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let cloud = client.post("/api/cloud", json!({"name": "c2"})).await.expect(201).json();
    let vrfs = client.get("/api/vrfcontext?include_name&cloud_ref.name=c2").await.json();
    let named: Vec<_> =
        vrfs["results"].as_array().unwrap().iter().map(|vrf| (&vrf["name"], &vrf["system_default"])).collect();
    assert_eq!(named, [(&json!("global"), &json!(true)), (&json!("management"), &json!(true))]);
    client.delete(&path(&vrfs["results"][0])).await.refused(403, "Cannot delete system default object");
    let pool =
        client.post("/api/pool", json!({"name": "p", "cloud_ref": "/api/cloud?name=c2"})).await.expect(201).json();
    assert_eq!(pool["vrf_ref"], vrfs["results"][0]["url"]);
    let groups = "/api/serviceenginegroup/?include_name&page_size=100&cloud_ref.name=c2&name.in=Default-Group";
    assert_eq!(client.get(groups).await.json()["count"], 1);
    client.delete(&path(&cloud)).await.refused(400, "Cannot delete, object is referred by: ['Pool p']");
    client.delete(&path(&pool)).await.expect(204);
    client.delete(&path(&cloud)).await.expect(204);
    assert_eq!(client.get("/api/vrfcontext").await.json()["count"], 2);
    assert_eq!(client.get("/api/serviceenginegroup").await.json()["count"], 1);
}

/// Lines 66, 102, 105; 1.6: what `admin` shares, a tenant may use.
#[tokio::test]
async fn tenants_see_networks_and_vrfs_of_admin() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    client.post("/api/tenant", json!({"name": "t1"})).await.expect(201);
    client.post("/api/network", json!({"name": "n"})).await.expect(201);
    let mut inside = client.clone();
    inside.header("x-avi-tenant", "t1");
    let network = inside.get("/api/network/?include_name&name=n&cloud_ref.name=Default-Cloud").await.json();
    assert_eq!(network["count"], 1);
    assert!(network["results"][0]["vrf_context_ref"].as_str().unwrap().ends_with("#global"));
    assert_eq!(inside.get("/api/network?vrf_context_ref.name=global").await.json()["count"], 1);
    assert_eq!(inside.get("/api/network?vrf_context_ref.name=management").await.json()["count"], 0);
    let pool = inside.post("/api/pool", json!({"name": "p"})).await.expect(201).json();
    assert!(pool["vrf_ref"].as_str().unwrap().ends_with("#global"));
    assert_eq!(inside.get("/api/serviceenginegroup?name=Default-Group").await.json()["count"], 1);

    let vrf = client.get("/api/vrfcontext/?include_name&name=global&cloud_ref.name=Default-Cloud").await.json();
    let mut body = vrf["results"][0].clone();
    let route = |id: &str, to: &str| {
        json!({"route_id": id, "prefix": {"ip_addr": {"addr": to, "type": "V4"}, "mask": 24},
            "next_hop": {"addr": "192.0.2.9", "type": "V4"}, "labels": [{"key": "clustername", "value": "c"}]})
    };
    body["static_routes"] = json!([route("c-2", "198.51.100.0"), route("c-1", "203.0.113.0")]);
    let put = client.put(&path(&body), body.clone()).await.expect(200).json();
    let ids: Vec<_> = put["static_routes"].as_array().unwrap().iter().map(|route| route["route_id"].clone()).collect();
    assert_eq!(ids, [json!("c-2"), json!("c-1")]);
    assert_eq!(put["static_routes"][0]["labels"][0]["value"], "c");
}
