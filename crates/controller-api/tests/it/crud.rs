//! avi-api 11.2, with the nearest of the present types where it names pools.

use axum::body::Body;
use http::Method;
use serde_json::{Value, json};

use crate::harness::Controller;

fn monitor(name: &str) -> Value {
    json!({"name": name, "type": "HEALTH_MONITOR_TCP"})
}

fn path(object: &Value) -> String {
    let url = object["url"].as_str().unwrap();
    url.strip_prefix("https://controller.test").unwrap().split('#').next().unwrap().to_owned()
}

/// Lines 26 to 29.
#[tokio::test]
async fn a_created_object_comes_back_whole() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let reply = client.post("/api/healthmonitor", monitor("m1")).await.expect(201);
    let object = reply.json();
    assert_eq!(reply.headers["location"], object["url"].as_str().unwrap());
    assert!(object["url"].as_str().unwrap().starts_with("https://controller.test/api/healthmonitor/healthmonitor-"));
    assert!(object["url"].as_str().unwrap().ends_with("#m1"));
    assert!(object["uuid"].as_str().unwrap().starts_with("healthmonitor-"));
    assert!(object["_last_modified"].as_str().unwrap().bytes().all(|b| b.is_ascii_digit()));
    assert_eq!(object["tenant_ref"], "https://controller.test/api/tenant/admin#admin");
    assert_eq!((&object["send_interval"], &object["receive_timeout"]), (&json!(10), &json!(4)));
    assert_eq!((&object["is_federated"], &object["failed_checks"]), (&json!(false), &json!(2)));
    for absent in ["description", "markers", "http_monitor", "monitor_port"] {
        assert!(object.get(absent).is_none(), "{absent}: {object}");
    }
    assert!(!reply.text.contains("null"));
}

/// Lines 30, 31.
#[tokio::test]
async fn names_are_shown_on_reads_only_when_asked_for() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let path = path(&client.post("/api/healthmonitor", monitor("m1")).await.expect(201).json());
    assert!(!client.get(&path).await.expect(200).text.contains('#'));
    for query in ["include_name", "include_name=", "include_name=true", "include_name=True", "include_name=1"] {
        let object = client.get(&format!("{path}/?{query}")).await.expect(200).json();
        assert_eq!(object["tenant_ref"], "https://controller.test/api/tenant/admin#admin", "{query}");
        assert!(object["url"].as_str().unwrap().ends_with("#m1"), "{query}");
    }
}

/// Lines 32, 33, 34, 36.
#[tokio::test]
async fn names_are_found_and_taken_once() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    client.post("/api/healthmonitor", monitor("m1")).await.expect(201);
    let found = client.get("/api/healthmonitor?name=m1").await.expect(200).json();
    assert_eq!((&found["count"], found["results"].as_array().unwrap().len()), (&json!(1), 1));
    assert!(found.get("next").is_none());
    let none = client.get("/api/healthmonitor?name=none").await.expect(200).json();
    assert_eq!(none, json!({"count": 0, "results": []}));
    let taken = client.post("/api/healthmonitor", monitor("m1")).await;
    taken.refused(409, "Health monitor with this Name and Tenant ref already exists.");
    let forced =
        client.clone().header("slug", "healthmonitor-force-42").post("/api/healthmonitor", monitor("m2")).await;
    assert_eq!(forced.expect(201).json()["uuid"], "healthmonitor-force-42");
    let given = json!({"name": "m3", "type": "HEALTH_MONITOR_TCP", "uuid": "healthmonitor-mine"});
    assert_ne!(client.post("/api/healthmonitor", given).await.expect(201).json()["uuid"], "healthmonitor-mine");
}

/// Line 35.
#[tokio::test]
async fn tenants_keep_their_names_apart() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    client.post("/api/tenant", json!({"name": "t2"})).await.expect(201);
    let kind = "/api/applicationpersistenceprofile";
    let body = json!({"name": "p1", "persistence_type": "PERSISTENCE_TYPE_CLIENT_IP_ADDRESS"});
    client.post(kind, body.clone()).await.expect(201);
    let mut other = client.clone();
    other.header("x-avi-tenant", "t2");
    other.post(kind, body).await.expect(201);
    let query = format!("{kind}?name=p1&include_name");
    let own = other.get(&query).await.json();
    assert!(own["results"][0]["tenant_ref"].as_str().unwrap().ends_with("#t2"), "{own}");
    assert_eq!(client.get(&query).await.json()["count"], 1);
    assert_eq!(client.clone().header("x-avi-tenant", "*").get(&query).await.json()["count"], 2);
    assert_eq!(client.get(&format!("{query}&tenant=*")).await.json()["count"], 2);
}

/// Lines 37, 38, 39, 40.
#[tokio::test]
async fn references_are_taken_in_every_form_and_resolved() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    for (index, tenant) in [
        "/api/tenant/?name=admin",
        "/api/tenant?name=admin",
        "https://x/api/tenant/admin#admin",
        "https://x/api/tenant/?name=admin",
        "admin",
        "",
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = monitor(&format!("m{index}"));
        body["tenant_ref"] = json!(tenant);
        let object = client.post("/api/healthmonitor", body).await.expect(201).json();
        assert_eq!(object["tenant_ref"], "https://controller.test/api/tenant/admin#admin", "{tenant:?}");
    }
    let mut service = json!({"name": "vs", "application_profile_ref": "/api/applicationprofile/?name=System-DNS",
        "services": [{"port": 53}], "vip": [{"vip_id": "0", "ip_address": {"addr": "192.0.2.1", "type": "V4"}}]});
    let object = client.post("/api/virtualservice", service.clone()).await.expect(201).json();
    assert!(object["application_profile_ref"].as_str().unwrap().ends_with("#System-DNS"));
    service["name"] = json!("vs2");
    service["vip"][0]["ip_address"]["addr"] = json!("192.0.2.2");
    service["application_profile_ref"] = json!("/api/applicationprofile?name=zz");
    client.post("/api/virtualservice", service).await.refused(404, "ApplicationProfile object not found!");
}

/// Lines 41, 42, 43.
#[tokio::test]
async fn unknown_fields_are_dropped_texts_coerced_and_nulls_absent() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let body = json!({"name": "m", "type": "HEALTH_MONITOR_TCP", "application_profile_name": "x",
        "is_federated": "false", "send_interval": "20", "description": null});
    let object = client.post("/api/healthmonitor", body).await.expect(201).json();
    assert!(object.get("application_profile_name").is_none() && object.get("description").is_none());
    assert_eq!((&object["is_federated"], &object["send_interval"]), (&json!(false), &json!(20)));
}

/// Lines 44 to 48.
#[tokio::test]
async fn a_put_replaces_all_unless_the_object_changed_meanwhile() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let mut body = monitor("m");
    body["description"] = json!("first");
    body["send_interval"] = json!(20);
    let made = client.post("/api/healthmonitor", body).await.expect(201).json();
    let path = path(&made);

    let replaced = client.put(&path, monitor("m")).await.expect(200).json();
    assert!(replaced.get("description").is_none());
    assert_eq!(replaced["send_interval"], 10);
    assert!(replaced["_last_modified"].as_str() > made["_last_modified"].as_str());
    assert!(replaced["tenant_ref"].as_str().unwrap().ends_with("#admin"));

    let mut current = client.get(&format!("{path}?include_name")).await.json();
    let again = client.put(&path, current.clone()).await.expect(200).json();
    current["_last_modified"] = made["_last_modified"].clone();
    client.put(&path, current.clone()).await.refused(412, "Need to reload object data");
    current["_last_modified"] = again["_last_modified"].clone();
    let unchanged = client.put(&path, current).await.expect(200).json();
    for field in ["name", "type", "send_interval", "tenant_ref", "uuid", "url"] {
        assert_eq!(unchanged[field], again[field], "{field}");
    }
    let unknown = client.put("/api/healthmonitor/healthmonitor-none", monitor("m")).await;
    unknown.refused(404, "HealthMonitor object not found!");
}

/// Lines 49 to 52.
#[tokio::test]
async fn patches_add_replace_delete_and_follow_pointers() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let path = path(&client.post("/api/healthmonitor", monitor("m")).await.expect(201).json());
    let marker = |key: &str, value: &str| json!({"key": key, "values": [value]});
    let mut patch = async |body: Value| client.patch(&path, body).await.expect(200).json();

    let add = json!({"add": {"markers": [marker("a", "1")]}});
    patch(add.clone()).await;
    assert_eq!(patch(add).await["markers"], json!([marker("a", "1")]), "not doubled");
    assert_eq!(
        patch(json!({"replace": {"markers": [marker("b", "2"), marker("c", "3")]}})).await["markers"][0]["key"],
        "b"
    );
    assert_eq!(patch(json!({"delete": {"markers": [marker("b", "2")]}})).await["markers"], json!([marker("c", "3")]));

    let added = patch(json!({"json_patch": [{"op": "add", "path": "/markers", "value": [marker("d", "4")]}]})).await;
    assert_eq!(added["markers"], json!([marker("c", "3"), marker("d", "4")]));
    let removed = patch(json!({"json_patch": [{"op": "remove", "path": "/markers/0"}]})).await;
    assert_eq!(removed["markers"], json!([marker("d", "4")]));
    let replaced = patch(json!([{"op": "replace", "path": "/markers/0", "value": marker("e", "5")}])).await;
    assert_eq!(replaced["markers"], json!([marker("e", "5")]));

    assert_eq!(patch(json!({"replace": {"description": "x"}})).await["description"], "x");
    assert!(patch(json!({"delete": {"description": "x"}})).await.get("description").is_none());
}

/// Lines 53, 54, 55, 56.
#[tokio::test]
async fn deletes_are_final_and_refused_where_others_depend() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let path_of_monitor = path(&client.post("/api/healthmonitor", monitor("m")).await.expect(201).json());
    let gone = client.delete(&path_of_monitor).await.expect(204);
    assert_eq!(gone.text, "");
    client.delete(&path_of_monitor).await.refused(404, "HealthMonitor object not found!");

    let profile = json!({"name": "dns", "type": "APPLICATION_PROFILE_TYPE_DNS", "dns_service_profile": {}});
    let profile = client.post("/api/applicationprofile", profile).await.expect(201).json();
    let service = json!({"name": "vs1", "application_profile_ref": profile["url"], "services": [{"port": 53}],
        "vip": [{"vip_id": "0", "ip_address": {"addr": "192.0.2.1", "type": "V4"}}]});
    let service = client.post("/api/virtualservice", service).await.expect(201).json();
    let refused = client.delete(&path(&profile)).await;
    refused.refused(403, "Cannot delete, object is referred by: ['VirtualService vs1']");
    client.delete(&path(&service)).await.expect(204);
    client.delete(&path(&profile)).await.expect(204);

    let system = client.get("/api/healthmonitor?name=System-TCP").await.json();
    client.delete(&path(&system["results"][0])).await.refused(403, "Cannot delete system default object");
    let singleton = client.delete("/api/cluster").await.expect(405);
    assert_eq!(singleton.json(), json!({"detail": "Method 'DELETE' not allowed."}));
    // A body of a delete is ignored.
    let path = path(&client.post("/api/healthmonitor", monitor("m")).await.expect(201).json());
    client.send(Method::DELETE, &path, "application/json", Body::from("\"\"")).await.expect(204);
}

/// Line 57.
#[tokio::test]
async fn an_empty_put_touches_a_singleton() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let before = client.get("/api/systemconfiguration").await.expect(200).json();
    let after = client.send(Method::PUT, "/api/systemconfiguration/", "", Body::empty()).await.expect(200).json();
    assert!(after["_last_modified"].as_str() > before["_last_modified"].as_str());
    assert_eq!(after["default_license_tier"], before["default_license_tier"]);
    assert_eq!(before["uuid"], "default");
    client.send(Method::PUT, "/api/tenant/admin", "", Body::empty()).await.expect(400);
}

/// Line 58.
#[tokio::test]
async fn a_new_name_shows_on_every_reference() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let profile = json!({"name": "dns", "type": "APPLICATION_PROFILE_TYPE_DNS", "dns_service_profile": {}});
    let profile = client.post("/api/applicationprofile", profile).await.expect(201).json();
    let service = json!({"name": "vs1", "application_profile_ref": profile["url"], "services": [{"port": 53}],
        "vip": [{"vip_id": "0", "ip_address": {"addr": "192.0.2.1", "type": "V4"}}]});
    client.post("/api/virtualservice", service).await.expect(201);
    client.patch(&path(&profile), json!({"replace": {"name": "renamed"}})).await.expect(200);
    let shown = client.get("/api/virtualservice?name=vs1&include_name").await.json();
    assert!(shown["results"][0]["application_profile_ref"].as_str().unwrap().ends_with("#renamed"));
}

/// Line 59.
#[tokio::test]
async fn a_tenant_brings_its_settings_and_goes_when_it_is_empty() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let tenant = client.post("/api/tenant", json!({"name": "t1", "local": "true"})).await.expect(201).json();
    let settings = json!({"tenant_vrf": false, "se_in_provider_context": true, "tenant_access_to_provider_se": true});
    assert_eq!(tenant["config_settings"], settings);
    let mut inside = client.clone();
    inside.header("x-avi-tenant", "t1");
    let object = inside.post("/api/healthmonitor", monitor("m")).await.expect(201).json();
    client.delete(&path(&tenant)).await.refused(403, "referred by");
    inside.delete(&path(&object)).await.expect(204);
    client.delete(&path(&tenant)).await.expect(204);
    inside.get("/api/healthmonitor").await.refused(403, "Tenant 't1' does not exist!");
}

#[tokio::test]
async fn singletons_are_bare_objects() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    for kind in ["cluster", "systemconfiguration", "controllerproperties"] {
        let object = client.get(&format!("/api/{kind}/")).await.expect(200).json();
        assert!(object["uuid"].is_string() && object.get("results").is_none(), "{object}");
        client.post(&format!("/api/{kind}"), json!({"name": "another"})).await.expect(405);
    }
    assert_eq!(client.get("/api/gslb").await.expect(200).json(), json!({"count": 0, "results": []}));
}
