//! Inventories and service engines (avi-api 2.20, 7.1, 7.2), lines 136 and 138 of 11.8.

use std::sync::Arc;

use se_protocol::State;
use serde_json::{Value, json};

use crate::harness::{Controller, engine};
use crate::http_runtime::{create, report};

#[tokio::test]
async fn an_inventory_of_virtual_services_has_configuration_state_and_pools() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let world = create(&mut client).await;
    *controller.engine.0.lock().unwrap() = vec![Arc::new(report(&world, [State::Up, State::Down]))];

    let listed = client.get("/api/virtualservice-inventory?include_name").await.expect(200).json();
    assert_eq!(listed["count"], 2);
    for element in listed["results"].as_array().unwrap() {
        for there in ["/config/name", "/config/uuid", "/runtime/oper_status/state", "/runtime/vip_summary/0/vip_id"] {
            assert!(element.pointer(there).is_some_and(Value::is_string), "{there}: {element}");
        }
        assert_eq!(element["metrics"], json!({}));
        assert_eq!(element["config"]["vip"][0]["ip_address"]["addr"], "192.0.2.10");
        assert_eq!(element["app_profile_type"], "APPLICATION_PROFILE_TYPE_HTTP");
    }
    let [child, parent] = [&listed["results"][0], &listed["results"][1]];
    let pool = format!("https://controller.test/api/pool/{}#p", world.pool);
    assert_eq!((&child["config"]["name"], &child["pools"]), (&json!("child"), &json!([pool])));
    assert!(child["poolgroups"][0].as_str().unwrap().ends_with("#g"));
    assert!(child["config"]["vh_parent_vs_ref"].as_str().unwrap().ends_with("#parent"));
    assert_eq!(child["health_score"]["health_score"], 50);
    assert_eq!(child["health_score"]["performance_score"]["reason"], "1 of 2 servers are up");
    assert_eq!((&parent["pools"], &parent["health_score"]["health_score"]), (&json!([]), &json!(100)));
    let runtime = client.get(&format!("/api/virtualservice/{}/runtime", world.vs)).await.json();
    assert_eq!(parent["runtime"], runtime);

    let path = format!("/api/virtualservice-inventory/{}", world.child);
    let one = client.get(&path).await.expect(200).json();
    assert_eq!(one["pools"], json!([pool.split('#').next().unwrap()]), "no names unless asked for");
    let part = client.get(&format!("{path}/?include=runtime")).await.json();
    assert!(part.get("health_score").is_none() && part.get("alert").is_none());
    assert_eq!(
        (&part["config"]["name"], &part["config"]["type"], &part["metrics"]),
        (&json!("child"), &json!(null), &json!({}))
    );

    let page = client.get("/api/virtualservice-inventory?page_size=1&sort=-name").await.json();
    assert_eq!((&page["count"], &page["results"][0]["config"]["name"]), (&json!(2), &json!("parent")));
    assert!(page["next"].as_str().unwrap().contains("/api/virtualservice-inventory?page_size=1"), "{page}");
    let named = client.get("/api/virtualservice-inventory?name=child&cloud_ref.name=Default-Cloud").await.json();
    assert_eq!(named["count"], 1);
    client.get("/api/virtualservice-inventory/none").await.refused(404, "VirtualService object not found!");
    client.post("/api/virtualservice-inventory", json!({})).await.expect(405);
    client.get("/api/user-inventory").await.expect(404);
}

#[tokio::test]
async fn an_inventory_of_pools_counts_servers_and_names_who_uses_them() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let world = create(&mut client).await;
    *controller.engine.0.lock().unwrap() = vec![Arc::new(report(&world, [State::Up, State::Down]))];
    let pool = client.get(&format!("/api/pool-inventory/{}?include_name", world.pool)).await.expect(200).json();
    assert_eq!((&pool["runtime"]["num_servers_up"], &pool["runtime"]["num_servers"]), (&json!(1), &json!(3)));
    assert_eq!((&pool["config"]["name"], &pool["config"]["default_server_port"]), (&json!("p"), &json!(8080)));
    assert!(pool["config"].get("servers").is_none());
    assert_eq!(
        pool["virtualservices"],
        json!([format!("https://controller.test/api/virtualservice/{}#child", world.child)])
    );
    let group = client.get("/api/poolgroup-inventory?name=g&include_name").await.expect(200).json();
    assert!(group["results"][0]["virtualservices"][0].as_str().unwrap().ends_with("#child"));
    assert!(group["results"][0]["pools"][0].as_str().unwrap().ends_with("#p"));
    let vs_vip = client.get("/api/vsvip-inventory?include_name").await.expect(200).json();
    assert!(vs_vip["results"][0]["virtualservices"][0].as_str().unwrap().ends_with("#parent"));
    for kind in ["network", "cloud", "gslb", "gslbservice", "serviceenginegroup"] {
        let listed = client.get(&format!("/api/{kind}-inventory")).await.expect(200).json();
        assert_eq!(listed["count"], client.get(&format!("/api/{kind}")).await.json()["count"], "{kind}");
    }
    let cloud = client.get("/api/cloud-inventory").await.json();
    assert_eq!(cloud["results"][0]["status"]["state"], "CLOUD_STATE_PLACEMENT_READY");
}

#[tokio::test]
async fn engines_are_listed_with_their_state() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    assert_eq!(client.get("/api/serviceengine").await.expect(200).json(), json!({"count": 0, "results": []}));
    let world = create(&mut client).await;
    *controller.engine.0.lock().unwrap() = vec![Arc::new(report(&world, [State::Up; 2]))];
    let mut gone = engine(2, None);
    gone.connected = false;
    let mut refusing = engine(3, None);
    refusing.refusal = Some("object x is broken".into());
    *controller.engine.3.lock().unwrap() = vec![gone, refusing];

    let listed = client.get("/api/serviceengine?include_name&join_subresources=runtime").await.expect(200).json();
    assert_eq!(listed["count"], 3);
    let [up, down, refusing] = [0, 1, 2].map(|index| &listed["results"][index]);
    assert_eq!(up["url"], "https://controller.test/api/serviceengine/se-1#engine-1");
    for (field, name) in [("cloud_ref", "#Default-Cloud"), ("se_group_ref", "#Default-Group"), ("tenant_ref", "#admin")]
    {
        assert!(up[field].as_str().unwrap().ends_with(name), "{up}");
    }
    assert_eq!(up["mgmt_vnic"]["vnic_networks"][0]["ip"]["ip_addr"]["addr"], "192.0.2.1");
    assert_eq!(up["enable_state"], "SE_STATE_ENABLED");
    assert_eq!(up["vs_refs"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&up["runtime"]["oper_status"]["state"], &up["runtime"]["se_connected"]),
        (&json!("OPER_UP"), &json!(true))
    );
    assert_eq!(
        (&down["runtime"]["oper_status"]["state"], &down["runtime"]["se_connected"]),
        (&json!("OPER_DOWN"), &json!(false))
    );
    let reason = refusing["runtime"]["oper_status"]["reason"][0].as_str().unwrap();
    assert!(reason.contains("object x is broken"), "{reason}");

    let named = client.get("/api/serviceengine?name=engine-2").await.json();
    assert_eq!((&named["count"], &named["results"][0]["uuid"]), (&json!(1), &json!("se-2")));
    let of_group = client.get("/api/serviceengine?se_group_ref.name=Default-Group&page_size=2").await.json();
    assert_eq!((&of_group["count"], of_group["next"].is_string()), (&json!(3), true));
    assert_eq!(client.get("/api/serviceengine?se_group_ref.name=other").await.json()["count"], 0);
    let one = client.get("/api/serviceengine/se-3").await.expect(200).json();
    assert_eq!(one["name"], "engine-3");
    let runtime = client.get("/api/serviceengine/se-1/runtime/").await.expect(200).json();
    assert_eq!((&runtime["at_curr_ver"], &runtime["version"]), (&json!(true), &json!(env!("CARGO_PKG_VERSION"))));
    client.get("/api/serviceengine/se-9").await.refused(404, "ServiceEngine object not found!");
    client.get("/api/serviceengine/se-9/runtime").await.refused(404, "ServiceEngine object not found!");
    client.delete("/api/serviceengine/se-1").await.expect(405);

    let inventory = client.get("/api/serviceengine-inventory?name=engine-1").await.expect(200).json();
    let element = &inventory["results"][0];
    assert_eq!((&element["config"]["name"], &element["runtime"]["se_connected"]), (&json!("engine-1"), &json!(true)));
    assert_eq!(
        (&element["config"]["mgmt_ip_address"]["addr"], &element["health_score"]["health_score"]),
        (&json!("192.0.2.1"), &json!(100))
    );
    assert_eq!(client.get("/api/serviceengine-inventory/se-2").await.json()["runtime"]["se_connected"], false);
}
