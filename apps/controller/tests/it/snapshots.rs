//! What engines get, and what they give.

use std::sync::Arc;
use std::time::Duration;

use controller::{EngineLink, ExplainError, start};
use se_protocol::explain::{DnsAnswerText, DnsExplanation, DnsQuestion};
use serde_json::json;
use tokio::sync::watch;

use crate::harness::{Client, config};

#[tokio::test]
async fn commits_that_matter_become_snapshots() {
    let root = tempfile::tempdir().unwrap();
    let controller = start(config(root.path())).await.unwrap();
    let client = Client::log_in(&controller).await;
    let mut snapshots = controller.snapshots();
    let first = snapshots.borrow_and_update().clone().unwrap();
    assert!(first.dns_services.is_empty());

    client.post("/api/role", json!({"name": "not in any snapshot"})).await;
    let service = json!({"name": "dns", "application_profile_ref": "/api/applicationprofile?name=System-DNS",
        "services": [{"port": 5300}], "vip": [{"vip_id": "0", "ip_address": {"addr": "127.0.0.1", "type": "V4"}}]});
    client.post("/api/virtualservice", service).await;
    let appeared = snapshots.wait_for(|s| s.as_ref().is_some_and(|s| !s.dns_services.is_empty()));
    let second = tokio::time::timeout(Duration::from_secs(10), appeared).await.unwrap().unwrap().clone().unwrap();
    assert_eq!(second.dns_services[0].ports, [5300]);
    assert!(second.version.revision > first.version.revision);
    assert_eq!(second.version.incarnation, first.version.incarnation);
    controller.shutdown().await;

    let again = start(config(root.path())).await.unwrap();
    let third = again.snapshots().borrow().clone().unwrap();
    assert_eq!((third.version.clone(), &third.dns_services), (second.version.clone(), &second.dns_services));
}

#[tokio::test]
async fn an_engine_gets_l7_services_with_the_keys_of_their_certificates() {
    let root = tempfile::tempdir().unwrap();
    let controller = start(config(root.path())).await.unwrap();
    let client = Client::log_in(&controller).await;
    let mut snapshots = controller.snapshots();
    let pool = json!({"name": "web", "servers": [{"ip": {"addr": "192.0.2.10"}}]});
    client.post("/api/pool", pool).await;
    let service = json!({"name": "web", "pool_ref": "/api/pool?name=web",
        "services": [{"port": 80}, {"port": 443, "enable_ssl": true}],
        "vip": [{"vip_id": "0", "ip_address": {"addr": "192.0.2.1", "type": "V4"}}]});
    client.post("/api/virtualservice", service).await;
    let appeared = snapshots.wait_for(|s| s.as_ref().is_some_and(|s| !s.http.services.is_empty()));
    let snapshot = tokio::time::timeout(Duration::from_secs(30), appeared).await.unwrap().unwrap().clone().unwrap();
    let service = &snapshot.http.services[0];
    assert_eq!(service.host.target, Some(model::http::Target::Pool(snapshot.http.pools[0].uuid.clone())));
    let [certificate] = service.certificates.as_slice() else { panic!("{:?}", service.certificates) };
    assert_eq!(certificate.name, "System-Default-Cert");
    assert!(certificate.key_pem.contains("PRIVATE KEY") && certificate.chain_pem.contains("BEGIN CERTIFICATE"));
    assert!(!format!("{snapshot:?}").contains("PRIVATE KEY"));
    let first = certificate.key_pem.clone();
    controller.shutdown().await;

    let again = start(config(root.path())).await.unwrap();
    let snapshot = again.snapshots().borrow().clone().unwrap();
    assert_eq!(snapshot.http.services[0].certificates[0].key_pem, first, "made once, and sealed in the store");
}

#[tokio::test]
async fn a_connected_engine_explains() {
    let root = tempfile::tempdir().unwrap();
    let controller = start(config(root.path())).await.unwrap();
    let client = Client::log_in(&controller).await;
    let path = "/api/explain/dns?name=hello.example.com";
    assert_eq!(client.send(reqwest::Method::GET, path, &json!(null)).await.unwrap().status(), 503);
    let version = controller.snapshots().borrow().as_ref().unwrap().version.clone();
    let explain = move |question: &DnsQuestion| {
        if question.qtype == "MX" {
            return Err(ExplainError::Question("no MX here".into()));
        }
        Ok(DnsExplanation {
            question: question.clone(),
            dns_service: "dns".into(),
            version: version.clone(),
            steps: vec![],
            members: vec![],
            answer: DnsAnswerText { rcode: "NXDOMAIN".into(), answer: vec![], authority: vec![] },
        })
    };
    let logs = Arc::new(|_: &_| Ok(Default::default()));
    controller.connect_engine(EngineLink { reports: watch::channel(None).1, explain: Arc::new(explain), logs });
    assert_eq!(client.get(path).await["answer"]["rcode"], "NXDOMAIN");
    let refused = client.send(reqwest::Method::GET, &format!("{path}&qtype=MX"), &json!(null)).await.unwrap();
    assert_eq!(refused.status(), 400);
}
