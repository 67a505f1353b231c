//! avi-api 11.5: objects as operators before March 2021 send them; 11.6: what operators read at their start.

use http::Method;
use serde_json::{Value, json};

use crate::harness::{Client, Controller};

fn macro_of(model: &str, data: Value) -> Value {
    json!({"model_name": model, "data": data})
}

async fn count(client: &mut Client, kind: &str) -> Value {
    client.get(&format!("/api/{kind}")).await.json()["count"].clone()
}

/// Lines 94 and 96.
#[tokio::test]
async fn a_macro_answers_with_an_array() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    client.header("x-avi-version", "20.1.2");
    let data = json!({"name": "c--ns-svc", "cloud_config_cksum": "17", "service_metadata": "{\"a\": 1}",
        "tenant_ref": "/api/tenant/?name=admin", "servers": [{"ip": {"addr": "192.0.2.1", "type": "V4"}}]});
    let made = client.post("/api/macro", macro_of("Pool", data.clone())).await.expect(201).json();
    let pool = &made.as_array().unwrap()[0];
    let url = pool["url"].as_str().unwrap();
    assert_eq!(url.split('/').nth(4), Some("pool"), "{url}");
    assert!(url.ends_with("#c--ns-svc") && pool["_last_modified"].is_string());
    assert_eq!((&pool["cloud_config_cksum"], &pool["service_metadata"]), (&json!("17"), &json!("{\"a\": 1}")));
    client.post("/api/macro", macro_of("Pool", data)).await.refused(409, "already exists");
    let authority = json!({"name": "pki", "crl_check": false});
    client.post("/api/macro", macro_of("PKIprofile", authority)).await.expect(201);
    client.post("/api/macro", macro_of("Nothing", json!({}))).await.refused(400, "'Nothing' is no model");
    client.post("/api/macro", json!({"data": {}})).await.refused(400, "model_name: Required field missing");
    client.get("/api/macro").await.expect(405);
}

/// Line 95.
#[tokio::test]
async fn a_macro_makes_all_of_its_objects_or_none() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let service = |monitor: &str| {
        let pool = json!({"name": "p", "health_monitor_refs": [monitor],
            "health_monitor_refs_data": [{"name": "hm", "type": "HEALTH_MONITOR_TCP"}]});
        macro_of(
            "VirtualService",
            json!({"name": "vs", "services": [{"port": 80}],
                "vsvip_ref": "/api/vsvip/?name=v", "pool_ref": "/api/pool?name=p", "pool_ref_data": pool,
                "vsvip_ref_data": {"name": "v", "vip": [{"vip_id": "0", "ip_address": {"addr": "192.0.2.1"}}]},
                "http_policies": [{"index": 11, "http_policy_set_ref_data": {"name": "policy"}}]}),
        )
    };
    client
        .post("/api/macro", service("/api/healthmonitor?name=none"))
        .await
        .refused(404, "HealthMonitor object not found!");
    for kind in ["virtualservice", "vsvip", "pool", "httppolicyset"] {
        assert_eq!(count(&mut client, kind).await, 0, "{kind}");
    }
    let revision = controller.store.revision().await.unwrap();
    let made = client.post("/api/macro", service("/api/healthmonitor?name=hm")).await.expect(201).json();
    assert_eq!(controller.store.revision().await.unwrap(), revision + 1, "one transaction");
    let urls: Vec<&str> = made.as_array().unwrap().iter().map(|made| made["url"].as_str().unwrap()).collect();
    let mut kinds: Vec<_> = urls.iter().map(|url| url.split('/').nth(4).unwrap()).collect();
    assert_eq!(kinds[0], "virtualservice");
    kinds.sort_unstable();
    assert_eq!(kinds, ["healthmonitor", "httppolicyset", "pool", "virtualservice", "vsvip"]);
    let vs = &made[0];
    for (field, name) in [("vsvip_ref", "#v"), ("pool_ref", "#p")] {
        assert!(vs[field].as_str().unwrap().ends_with(name), "{field}");
    }
    assert!(vs["http_policies"][0]["http_policy_set_ref"].as_str().unwrap().ends_with("#policy"));
    let pool = client.get("/api/pool?name=p&include_name").await.json();
    assert_eq!(pool["results"][0]["health_monitor_refs"].as_array().unwrap().len(), 1);

    // Replaced by uuid, with a pool by name.
    let mut data = service("/api/healthmonitor?name=hm")["data"].clone();
    data["uuid"] = vs["uuid"].clone();
    data["services"][0]["port"] = json!(81);
    data["pool_ref_data"]["lb_algorithm"] = json!("LB_ALGORITHM_ROUND_ROBIN");
    let put = client.put("/api/macro", macro_of("VirtualService", data)).await.expect(200).json();
    assert_eq!((&put[0]["uuid"], &put[0]["services"][0]["port"]), (&vs["uuid"], &json!(81)));
    assert_eq!(client.get("/api/pool").await.json()["results"][0]["lb_algorithm"], "LB_ALGORITHM_ROUND_ROBIN");

    // A monitor that somebody else uses stays.
    let other = json!({"name": "other", "health_monitor_refs": ["/api/healthmonitor?name=hm"]});
    client.post("/api/pool", other).await.expect(201);
    let body = macro_of("VirtualService", json!({"uuid": vs["uuid"]})).to_string();
    client.send(Method::DELETE, "/api/macro", "application/json", body.into()).await.expect(204);
    for (kind, left) in [("virtualservice", 0), ("vsvip", 0), ("httppolicyset", 0), ("pool", 1), ("vrfcontext", 2)] {
        assert_eq!(count(&mut client, kind).await, left, "{kind}");
    }
    assert_eq!(client.get("/api/healthmonitor?name=hm").await.json()["count"], 1);
}

/// 3.6: a VRF without a cloud is that of the object's cloud.
#[tokio::test]
async fn an_older_ako_finds_its_vrf_in_the_cloud_of_the_object() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    client.post("/api/cloud", json!({"name": "c2"})).await.expect(201);
    let vrf = json!({"name": "VRF_AZ1", "cloud_ref": "/api/cloud?name=c2"});
    client.post("/api/vrfcontext", vrf).await.expect(201);
    let vip = json!([{"vip_id": "0", "ip_address": {"addr": "192.0.2.1", "type": "V4"}}]);
    let mut data = json!({"name": "v", "vip": vip, "vrf_context_ref": "/api/vrfcontext?name=VRF_AZ1"});
    client.post("/api/macro", macro_of("VsVip", data.clone())).await.refused(400, "VrfContext object not found");
    data["cloud_ref"] = json!("/api/cloud?name=c2");
    let made = client.post("/api/macro", macro_of("VsVip", data)).await.expect(201).json();
    assert_eq!(made[0]["vip"][0]["ip_address"]["addr"], "192.0.2.1");
    let data = json!({"name": "vs", "services": [{"port": 80}], "vsvip_ref": "/api/vsvip/?name=v", "cloud_ref": "/api/cloud?name=c2"});
    let made = client.post("/api/macro", macro_of("VirtualService", data)).await.expect(201).json();
    assert!(made[0]["vrf_context_ref"].as_str().unwrap().ends_with("#VRF_AZ1"));
}

/// Lines 81, 100, 101, 103, 104, 106; 3.1.
#[tokio::test]
async fn what_ako_reads_at_its_start_is_there() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let address = |last: &str| json!({"addr": format!("10.0.0.{last}"), "type": "V4"});
    let network = json!({"name": "net", "configured_subnets": [{"prefix": {"ip_addr": address("0"), "mask": 24},
        "static_ip_ranges": [{"range": {"begin": address("40"), "end": address("59")}}]}]});
    let network = client.post("/api/network", network).await.expect(201).json();
    let ipam = json!({"name": "ipam", "type": "IPAMDNS_TYPE_INTERNAL",
        "internal_profile": {"usable_networks": [{"nw_ref": "/api/network/?name=net"}]}});
    client.post("/api/ipamdnsproviderprofile", ipam).await.expect(201);
    let dns = json!({"name": "dns", "type": "IPAMDNS_TYPE_INTERNAL_DNS",
        "internal_profile": {"dns_service_domain": [{"domain_name": "avi.iberia.local"}]}});
    client.post("/api/ipamdnsproviderprofile", dns).await.expect(201);
    let cloud = client.get("/api/cloud?name=Default-Cloud").await.json()["results"][0]["uuid"].clone();
    let cloud = cloud.as_str().unwrap();
    let domains = format!("/api/ipamdnsproviderprofiledomainlist?cloud_uuid={cloud}");
    assert_eq!(client.get(&domains).await.expect(200).json(), json!({"domains": []}));
    let providers = json!({"replace": {"ipam_provider_ref": "/api/ipamdnsproviderprofile?name=ipam",
        "dns_provider_ref": "/api/ipamdnsproviderprofile?name=dns"}});
    client.patch(&format!("/api/cloud/{cloud}"), providers).await.expect(200);

    let found = client.get("/api/cloud/?include_name&name=Default-Cloud").await.json();
    let found = &found["results"][0];
    assert!(found["ipam_provider_ref"].as_str().unwrap().ends_with("#ipam"));
    assert!(found["tenant_ref"].as_str().unwrap().ends_with("#admin") && found.get("vcenter_configuration").is_none());
    let ipam = found["ipam_provider_ref"].as_str().unwrap().strip_prefix("https://controller.test").unwrap();
    let ipam = client.get(&format!("{}/?include_name", ipam.split('#').next().unwrap())).await.expect(200).json();
    assert!(ipam["internal_profile"]["usable_networks"][0]["nw_ref"].as_str().unwrap().ends_with("#net"));
    assert_eq!(client.get(&domains).await.json(), json!({"domains": ["avi.iberia.local"]}));
    let networks = client.get("/api/network/?include_name&page_size=100&name.in=net,other").await.json();
    assert_eq!(networks["results"][0]["configured_subnets"][0]["prefix"]["mask"], 24);
    let group =
        "/api/serviceenginegroup/?include_name&page_size=100&cloud_ref.name=Default-Cloud&name.in=Default-Group";
    let mut group = client.get(group).await.json()["results"][0].clone();
    group["labels"] = json!([{"key": "clustername", "value": "c"}]);
    let put = format!("/api/serviceenginegroup/{}", group["uuid"].as_str().unwrap());
    assert_eq!(client.put(&put, group.clone()).await.expect(200).json()["labels"], group["labels"]);
    let status = client.get(&format!("/api/cloud/{cloud}/status/")).await.expect(200).json();
    assert_eq!(status["state"], "CLOUD_STATE_PLACEMENT_READY");
    client.get("/api/vimgrnwruntime/none").await.expect(404);
    assert_eq!(client.get("/api/systemconfiguration").await.json()["default_license_tier"], "ENTERPRISE");
    let profile =
        client.get("/api/applicationprofile?name=System-HTTP&fields=name,type,labels,created_by").await.json();
    assert_eq!(
        (&profile["count"], &profile["results"][0]["type"]),
        (&json!(1), &json!("APPLICATION_PROFILE_TYPE_HTTP"))
    );
    let profile = client.get("/api/networkprofile?name=System-TCP-Proxy&fields=name,profile,labels,created_by").await;
    assert_eq!(profile.json()["results"][0]["profile"]["type"], "PROTOCOL_TYPE_TCP_PROXY");
    for cache in [
        "/api/pkiprofile/?&include_name=true&created_by=ako-c",
        "/api/applicationpersistenceprofile/?name.contains=c--&include_name=true",
        "/api/pool/?&include_name=true&cloud_ref.name=Default-Cloud&created_by=ako-c",
        "/api/poolgroup/?include_name=true&cloud_ref.name=Default-Cloud&created_by=ako-c",
        "/api/vsvip/?name.contains=c--&include_name=true&cloud_ref.name=Default-Cloud",
        "/api/vsdatascriptset/?&include_name=true&created_by=ako-c",
        "/api/sslkeyandcertificate/?&include_name=true&created_by=ako-c",
        "/api/httppolicyset/?&include_name=true&created_by=ako-c",
        "/api/l4policyset/?&include_name=true&created_by=ako-c",
        "/api/stringgroup?&include_name=true&label_key=created_by&label_value=ako-c",
        "/api/virtualservice/?include_name=true&cloud_ref.name=Default-Cloud&created_by=ako-c",
    ] {
        assert_eq!(client.get(cache).await.expect(200).json(), json!({"count": 0, "results": []}), "{cache}");
    }

    let runtime = format!("/api/networkruntime/{}", network["uuid"].as_str().unwrap());
    let vs_vip =
        json!({"name": "v", "vip": [{"auto_allocate_ip": true}], "dns_info": [{"fqdn": "hello.avi.iberia.local"}]});
    let vs_vip = client.post("/api/vsvip", vs_vip).await.expect(201).json();
    let range = client.get(&runtime).await.expect(200).json()["subnet_runtime"][0]["ip_range_runtimes"][0].clone();
    assert_eq!((&range["total_ip_count"], &range["free_ip_count"]), (&json!(20), &json!(19)));
    assert_eq!(range["allocated_ips"][0]["obj_uuid"], vs_vip["uuid"]);
    client.delete(&format!("/api/vsvip/{}", vs_vip["uuid"].as_str().unwrap())).await.expect(204);
    let listed = client.get("/api/networkruntime").await.expect(200).json();
    assert_eq!(listed["results"][0]["subnet_runtime"][0]["ip_range_runtimes"][0]["free_ip_count"], 20);
}
