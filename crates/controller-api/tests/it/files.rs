//! Files that clients send (avi-api 1.14), and the profiles that name them (2.24).

use http::Method;
use serde_json::json;

use crate::harness::{Client, Controller, Reply};

const CSV: &str = "192.0.2.0,192.0.2.255,48.86,2.35,FR/Paris,\n";

/// Sends a file as SDKs do.
async fn upload(client: &mut Client, path: &str, name: &str, content: &str) -> Reply {
    let form = format!(
        "--frontier\r\nContent-Disposition: form-data; name=\"uri\"\r\n\r\ncontroller://gslb\r\n--frontier\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n{content}\r\n--frontier--\r\n"
    );
    client.send(Method::POST, path, "multipart/form-data; boundary=frontier", form.into()).await
}

#[tokio::test]
async fn a_geo_database_is_kept_listed_given_back_and_replaced() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let object = upload(&mut client, "/api/fileservice/gslb", "places.csv", CSV).await.expect(201).json();
    assert_eq!(object["path"], "controller://gslb/places.csv");
    assert_eq!((&object["size"], &object["is_federated"]), (&json!(CSV.len()), &json!(true)));
    assert_eq!(client.get("/api/fileservice/gslb/places.csv").await.expect(200).text, CSV);
    let listed = client.get("/api/fileservice?uri=controller://gslb").await.expect(200).json();
    assert_eq!((&listed["count"], &listed["results"][0]["size"]), (&json!(1), &json!(CSV.len())));
    assert!(listed["results"][0]["url"].as_str().unwrap().ends_with("/api/fileservice/gslb/places.csv"));

    let other = CSV.replace("Paris", "Lyon");
    let again = upload(&mut client, "/api/fileobject/upload", "places.csv", &other).await.expect(201).json();
    assert_eq!(again["uuid"], object["uuid"]);
    assert_ne!(again["checksum"], object["checksum"]);
    assert_eq!(client.get("/api/fileservice/gslb/places.csv").await.expect(200).text, other);
    assert_eq!(client.get("/api/fileobject").await.expect(200).json()["count"], 1);
    client.get("/api/fileservice/gslb/nothing.csv").await.expect(404);
}

#[tokio::test]
async fn what_is_no_geo_database_is_refused_and_what_was_there_stays() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    upload(&mut client, "/api/fileservice/gslb", "places.csv", CSV).await.expect(201);
    let refused = upload(&mut client, "/api/fileservice/gslb", "places.csv", "192.0.2.0,192.0.2.x,1,1\n").await;
    refused.refused(400, "line 1: `192.0.2.x` is not an IP address. What was there before stays.");
    assert_eq!(client.get("/api/fileservice/gslb/places.csv").await.expect(200).text, CSV);
    for name in ["../places.csv", ".hidden", "a b"] {
        let reply = upload(&mut client, "/api/fileservice/gslb", name, "x").await;
        assert_eq!(reply.status.as_u16(), 400, "{name}: {reply:?}");
    }
    client.post("/api/fileservice/gslb", json!({})).await.refused(400, "it is no form with a part `file`");
    let script = upload(&mut client, "/api/fileservice/scripts", "anything.txt", "free text").await.expect(201).json();
    assert_eq!(script["is_federated"], false);
}

#[tokio::test]
async fn profiles_and_policies_are_objects_like_others() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let entry = json!({"file": {"filename": "places.csv"}});
    let profile = client.post("/api/gslbgeodbprofile", json!({"name": "places", "entries": [entry]})).await;
    let profile = profile.expect(201).json();
    assert_eq!((&profile["is_federated"], &profile["entries"][0]["priority"]), (&json!(true), &json!(10)));
    assert_eq!(profile["entries"][0]["file"]["format"], "GSLB_GEODB_FILE_FORMAT_AVI");
    let rule = json!({"index": 1, "name": "r", "match": {"geo_location": {"match_criteria": "IS_IN",
        "geolocation_name": "FR"}}, "action": {"gslb_site_selection": {"site_name": "here"}}});
    let policy = client.post("/api/dnspolicy", json!({"name": "near", "rule": [rule]})).await.expect(201).json();
    assert_eq!(policy["rule"][0]["action"]["gslb_site_selection"]["is_site_preferred"], true);
    assert_eq!(policy["rule"][0]["enable"], true);
}
