//! Who was replaced as leader writes no more.

use std::sync::Arc;

use axum::body::Body;
use http::Method;
use serde_json::json;
use store::MemoryStore;

use crate::harness::{Client, Controller};

fn body(name: &str) -> serde_json::Value {
    json!({"name": name, "type": "HEALTH_MONITOR_PING", "is_federated": true})
}

async fn in_term(controller: &Controller, header: &str) -> Client {
    let mut client = controller.admin().await;
    client.header("x-meridian-fence", header);
    client
}

#[tokio::test]
async fn a_write_of_an_earlier_term_is_refused_after_a_restart_too() {
    let store = Arc::new(MemoryStore::new());
    let controller = Controller::start_on(store.clone()).await;
    let (mut first, mut second) =
        (in_term(&controller, "amko-1;term=7").await, in_term(&controller, "amko-1;term=8").await);
    let uuid = first.post("/api/healthmonitor", body("a")).await.expect(201).json()["uuid"].clone();
    // A read is enough: whoever leads next reads first.
    second.get("/api/healthmonitor").await.expect(200);
    let told = "amko-1 has a leader of term 8: one of term 7 writes no more";
    first.post("/api/healthmonitor", body("b")).await.refused(412, told);
    let path = format!("/api/healthmonitor/{}", uuid.as_str().unwrap());
    first.send(Method::DELETE, &path, "", Body::empty()).await.refused(412, told);
    first.get(&path).await.expect(200);
    second.post("/api/healthmonitor", body("b")).await.expect(201);

    // Others are not concerned: another owner, and who carries no term.
    in_term(&controller, "amko-2;term=1").await.post("/api/healthmonitor", body("c")).await.expect(201);
    controller.admin().await.post("/api/healthmonitor", body("d")).await.expect(201);

    drop(controller);
    let controller = Controller::start_on(store).await;
    in_term(&controller, "amko-1;term=7").await.post("/api/healthmonitor", body("e")).await.refused(412, told);
    in_term(&controller, "amko-1;term=8").await.post("/api/healthmonitor", body("e")).await.expect(201);
}

#[tokio::test]
async fn a_later_term_waits_for_the_writes_of_an_earlier_one_that_are_under_way() {
    let controller = Controller::start().await;
    let (mut first, mut second) =
        (in_term(&controller, "amko-1;term=1").await, in_term(&controller, "amko-1;term=2").await);
    first.get("/api/healthmonitor").await.expect(200);
    // A body that arrives slowly.
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    let text = body("slow").to_string();
    let stream = futures::stream::once(async move {
        drop(receiver.await);
        Ok::<_, std::convert::Infallible>(text)
    });
    let slow = tokio::spawn(async move {
        first.send(Method::POST, "/api/healthmonitor", "application/json", Body::from_stream(stream)).await
    });
    // On this one thread each runs until it waits: the first for its body, the second for the first.
    tokio::task::yield_now().await;
    let next = tokio::spawn(async move { second.get("/api/healthmonitor?name=slow").await });
    tokio::task::yield_now().await;
    assert!(!next.is_finished(), "what is under way comes first");
    sender.send(()).unwrap();
    slow.await.unwrap().expect(201);
    let found = next.await.unwrap().expect(200).json();
    assert_eq!(found["count"], 1, "the next leader sees it");
}

#[tokio::test]
async fn a_header_that_says_nothing_is_refused() {
    let controller = Controller::start().await;
    in_term(&controller, "7").await.get("/api/healthmonitor").await.refused(400, "OWNER;term=NUMBER");
}
