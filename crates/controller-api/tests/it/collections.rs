//! avi-api 11.3.

use serde_json::{Value, json};

use crate::harness::{Client, Controller};

const KIND: &str = "/api/applicationpersistenceprofile";

async fn make(client: &mut Client, name: &str, more: Value) {
    let mut body = json!({"name": name, "persistence_type": "PERSISTENCE_TYPE_CLIENT_IP_ADDRESS"});
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    client.post(KIND, body).await.expect(201);
}

fn names(page: &Value) -> Vec<&str> {
    page["results"].as_array().unwrap().iter().map(|object| object["name"].as_str().unwrap()).collect()
}

/// Lines 60, 61.
#[tokio::test]
async fn pages_follow_each_other_to_the_end() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    for index in 0..250 {
        make(&mut client, &format!("page-{index:03}"), json!({})).await;
    }
    let mut next = Some(format!("{KIND}?name.contains=page-&page_size=100&include_name&"));
    let mut lengths = Vec::new();
    let mut seen = Vec::new();
    while let Some(path) = next {
        let page = client.get(&path).await.expect(200).json();
        lengths.push((page["results"].as_array().unwrap().len(), page["count"].clone()));
        seen.extend(names(&page).iter().map(|name| (*name).to_owned()));
        // As AMKO does: the text after `/api/`, with a parameter of its own.
        next = page.get("next").map(|next| {
            let next = next.as_str().unwrap();
            assert!(next.starts_with(&format!("https://controller.test{KIND}?")) && next.contains("include_name"));
            format!("/api/{}&is_federated=false", next.split("/api/").nth(1).unwrap())
        });
    }
    assert_eq!(lengths, [(100, json!(250)), (100, json!(250)), (50, json!(250))]);
    assert!(seen.is_sorted() && seen.len() == 250);

    let all = client.get(&format!("{KIND}?name.contains=page-&page_size=1000")).await.json();
    assert_eq!((all["results"].as_array().unwrap().len(), &all["count"]), (250, &json!(250)));
    assert!(all.get("next").is_none());
    client.get(&format!("{KIND}?page=99")).await.expect(404);
    client.get(&format!("{KIND}?page=x")).await.refused(400, "page");
    assert_eq!(client.get(KIND).await.json()["results"].as_array().unwrap().len(), 25);
}

/// Lines 62, 63, 64, 67, 70, 73, 74.
#[tokio::test]
async fn filters_pick_what_they_say() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    make(&mut client, "cab", json!({"description": "one foo"})).await;
    make(&mut client, "CABLE", json!({"is_federated": true})).await;
    make(&mut client, "a b/c--d%", json!({})).await;
    let ours = ["cab", "CABLE", "a b/c--d%"];
    let mut check = async |query: &str, expected: &[&str]| {
        let page = client.get(&format!("{KIND}?page_size=1000&{query}")).await.expect(200).json();
        let found: Vec<_> = names(&page).into_iter().filter(|name| ours.contains(name)).collect();
        assert_eq!(found, expected, "{query}: {page}");
    };
    check("name.contains=ab", &["cab"]).await;
    check("name.icontains=AB", &["CABLE", "cab"]).await;
    check("name.in=cab,CABLE", &["CABLE", "cab"]).await;
    check("is_federated=true", &["CABLE"]).await;
    check("is_federated=true&is_federated=true", &["CABLE"]).await;
    check("sort=-name&name.in=cab,CABLE", &["cab", "CABLE"]).await;
    check("search=(name,cab)", &["CABLE", "cab"]).await;
    check("search=foo", &["cab"]).await;
    check("nosuchparameter=1&name=cab", &["cab"]).await;
    check("name=a%20b%2Fc--d%25", &["a b/c--d%"]).await;
    check("name=a+b/c--d%25", &["a b/c--d%"]).await;
    check("name=a%20b/c--d%", &["a b/c--d%"]).await;
}

/// Lines 63, 64 on types that have the fields.
#[tokio::test]
async fn origin_and_labels_pick_objects() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let marked = json!([{"key": "created_by", "values": ["ako-x"]}]);
    for (name, markers) in [("m1", marked), ("m2", json!([{"key": "created_by", "values": ["other"]}]))] {
        let body = json!({"name": name, "type": "HEALTH_MONITOR_TCP", "markers": markers});
        client.post("/api/healthmonitor", body).await.expect(201);
    }
    let found = client.get("/api/healthmonitor?label_key=created_by&label_value=ako-x").await.json();
    assert_eq!(names(&found), ["m1"]);
    for (name, created_by, vip) in [("v1", "ako-x", "192.0.2.1"), ("v2", "ako-y", "192.0.2.2")] {
        let body = json!({"name": name, "created_by": created_by, "application_profile_ref": "System-DNS",
            "services": [{"port": 53}], "vip": [{"vip_id": "0", "ip_address": {"addr": vip, "type": "V4"}}]});
        client.post("/api/virtualservice", body).await.expect(201);
    }
    assert_eq!(names(&client.get("/api/virtualservice?created_by=ako-x").await.json()), ["v1"]);
    // Line 65.
    let cloud = client.get("/api/cloud?name=Default-Cloud").await.json();
    let uuid = cloud["results"][0]["uuid"].as_str().unwrap().to_owned();
    assert_eq!(client.get("/api/virtualservice?cloud_ref.name=Default-Cloud").await.json()["count"], 2);
    assert_eq!(client.get(&format!("/api/virtualservice?cloud_ref.uuid={uuid}")).await.json()["count"], 2);
    assert_eq!(client.get("/api/virtualservice?cloud_ref.name=none").await.json()["count"], 0);
    // Line 71.
    let profile = client.get("/api/applicationprofile?name=System-DNS").await.json();
    let profile = profile["results"][0]["uuid"].as_str().unwrap().to_owned();
    let found = client.get(&format!("/api/virtualservice?refers_to=applicationprofile:{profile}")).await.json();
    assert_eq!(names(&found), ["v1", "v2"]);
    let service = client.get("/api/virtualservice?name=v1").await.json();
    let service = service["results"][0]["uuid"].as_str().unwrap().to_owned();
    let found = client.get(&format!("/api/applicationprofile?referred_by=virtualservice:{service}")).await.json();
    assert_eq!(names(&found), ["System-DNS"]);
}

/// Lines 68, 69.
#[tokio::test]
async fn fields_are_chosen() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let body = json!({"name": "m", "type": "HEALTH_MONITOR_TCP", "description": "x", "send_interval": 20});
    client.post("/api/healthmonitor", body).await.expect(201);
    let mut get = async |query: &str| {
        client.get(&format!("/api/healthmonitor?name=m&{query}")).await.json()["results"][0].clone()
    };
    let chosen = get("fields=name,description").await;
    let mut keys: Vec<_> = chosen.as_object().unwrap().keys().map(String::as_str).collect();
    keys.retain(|key| !["_last_modified", "tenant_ref"].contains(key));
    keys.sort_unstable();
    assert_eq!(keys, ["description", "name", "url", "uuid"]);
    let without = get("exclude=description").await;
    assert!(without.get("description").is_none() && without.get("send_interval").is_some());
    let short = get("skip_default=true").await;
    assert!(short.get("failed_checks").is_none() && short["send_interval"] == 20, "{short}");
}
