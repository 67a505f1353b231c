//! What clients get wrong, and what they are told.

use axum::body::{Body, Bytes};
use http::Method;
use serde_json::json;

use crate::harness::Controller;

#[tokio::test]
async fn bad_json_is_answered_with_the_place() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let body = "{\n  \"name\": \"x\",\n  \"type\" \"y\"\n}";
    let reply = client.send(Method::POST, "/api/healthmonitor", "application/json", body.into()).await;
    reply.refused(400, "not valid JSON at line 3, column 10");
    for body in ["[1]", "\"x\"", "1", "", "nul", "\u{0}", "{\"name\":"] {
        let reply = client.send(Method::POST, "/api/healthmonitor", "application/json", body.into()).await;
        assert_eq!(reply.status, 400, "{body:?}: {reply:?}");
        assert!(!reply.error().is_empty());
    }
    let deep = format!("{{\"name\":{}1{}}}", "[".repeat(5000), "]".repeat(5000));
    let reply = client.send(Method::POST, "/api/healthmonitor", "application/json", deep.into()).await;
    reply.refused(400, "recursion limit");
    client.send(Method::POST, "/login", "application/json", "{\"username\"".into()).await.refused(400, "line 1");
    client.send(Method::POST, "/login", "application/json", Body::from(vec![0xff, 0xfe])).await.expect(400);
}

#[tokio::test]
async fn an_oversized_body_is_refused_before_it_is_read_whole() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let chunk = Bytes::from(vec![b' '; 1024 * 1024]);
    // Endless: only a bound can end this.
    let endless = futures::stream::repeat_with(move || Ok::<_, std::convert::Infallible>(chunk.clone()));
    let reply = client.send(Method::POST, "/api/tenant", "application/json", Body::from_stream(endless)).await;
    reply.refused(413, "larger than the 4194304 bytes");
    client.get("/api/tenant").await.expect(200);
    let login = Body::from(vec![b'x'; 65 * 1024]);
    client.send(Method::POST, "/login", "application/json", login).await.refused(413, "65536");
}

#[tokio::test]
async fn values_out_of_range_are_named() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let mut try_out = async |field: &str, value: serde_json::Value, expected: &str| {
        let mut body = json!({"name": "m", "type": "HEALTH_MONITOR_TCP"});
        body[field] = value;
        let reply = client.post("/api/healthmonitor", body).await;
        assert_eq!(reply.status, 400, "{reply:?}");
        assert!(reply.error().contains(expected), "{reply:?}");
    };
    try_out("send_interval", json!(3601), "send_interval").await;
    try_out("send_interval", json!("soon"), "send_interval").await;
    try_out("type", json!("HEALTH_MONITOR_MAGIC"), "type").await;
    try_out("name", json!("a#b"), "name").await;
    try_out("name", json!("x".repeat(256)), "name").await;
    client.post("/api/healthmonitor", json!({"type": "HEALTH_MONITOR_TCP"})).await.refused(400, "name");
    client.post("/api/healthmonitor", json!({"name": "m"})).await.refused(400, "type: Required field missing");
}

#[tokio::test]
async fn a_bad_patch_is_refused() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    let made = client.post("/api/tenant", json!({"name": "t"})).await.expect(201).json();
    let path = format!("/api/tenant/{}", made["uuid"].as_str().unwrap());
    for body in [json!({}), json!({"change": {}}), json!("x"), json!([{"op": "add"}]), json!({"add": 1})] {
        let reply = client.patch(&path, body.clone()).await;
        assert_eq!(reply.status, 400, "{body}: {reply:?}");
    }
}
