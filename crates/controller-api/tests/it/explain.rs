//! `/api/explain/dns`.

use std::sync::Arc;

use model::{Revision, Version};
use se_protocol::Report;
use serde_json::json;

use crate::harness::Controller;

#[tokio::test]
async fn questions_are_checked_and_passed_to_the_engine() {
    let controller = Controller::start().await;
    let mut client = controller.admin().await;
    controller.stranger().get("/api/explain/dns?name=a.b").await.expect(401);
    client.get("/api/explain/dns?name=a.b").await.refused(503, "no service engine");
    client.get("/api/explain/dns").await.refused(400, "name: which name to explain is missing");
    client.get("/api/explain/dns?name=&client=10.1.2.3").await.refused(400, "name");
    client.get("/api/explain/dns?name=a.b&client=10.1.2").await.refused(400, "client: '10.1.2' is not an IP address");

    let version = Version { incarnation: "i".into(), term: 0, revision: Revision(7) };
    let report =
        Report { version, dns_services: vec![], gslb_services: vec![], http_services: vec![], http_pools: vec![] };
    *controller.engine.0.lock().unwrap() = vec![Arc::new(report)];
    let explained = client.get("/api/explain/dns?name=a.b&client=10.1.2.3&qtype=aaaa").await.expect(200).json();
    assert_eq!(explained["question"], json!({"name": "a.b", "qtype": "AAAA", "client": "10.1.2.3"}));
    assert_eq!(client.get("/api/explain/dns?name=a.b").await.json()["question"]["qtype"], "A");
    assert_eq!(client.get("/api/explain/dns?name=.&type=ns").await.expect(200).json()["question"]["qtype"], "NS");
    client.get("/api/explain/dns?name=a..b").await.refused(400, "no domain name");
}
