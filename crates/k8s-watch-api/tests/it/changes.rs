//! What changes in a cluster is told.

use k8s_crds::Kind;
use k8s_watch_api::{LEADER_KINDS, MEMBER_KINDS};
use serde_json::{Value, json};

use crate::clusters::{ORDINARY, ask, clusters, create, namespace};
use crate::reader::Reader;

pub(crate) fn ingress(name: &str, host: &str) -> Value {
    let path =
        json!({"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}});
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "labels": {"app": "gslb"}},
        "spec": {"rules": [{"host": host, "http": {"paths": [path]}}]},
    })
}

#[tokio::test]
async fn an_ingress_is_listed_then_edited_given_a_status_and_deleted() {
    let Some(clusters) = clusters().await else { return };
    let client = clusters.defined().await;
    create(&client, "/api/v1/namespaces", namespace("changes")).await;
    let all = "/apis/networking.k8s.io/v1/namespaces/changes/ingresses";
    create(&client, all, ingress("old", "old.example.com")).await;

    let mut reader = Reader::start(ORDINARY, clusters.access(ORDINARY), LEADER_KINDS);
    reader.until_reset().await;
    assert!(reader.has(Kind::Namespace, "", "changes") && reader.has(Kind::Service, "default", "kubernetes"));
    assert!(reader.has(Kind::Ingress, "changes", "old"));
    assert_eq!(reader.get(Kind::Ingress, "changes", "old").unwrap()["metadata"].get("managedFields"), None);

    let field = |reader: &Reader, pointer: &str| {
        reader.get(Kind::Ingress, "changes", "hello")?.pointer(pointer)?.as_str().map(str::to_owned)
    };
    create(&client, all, ingress("hello", "hello.avi.iberia.local")).await;
    reader.until(|reader| field(reader, "/spec/rules/0/host").as_deref() == Some("hello.avi.iberia.local")).await;

    let one = format!("{all}/hello");
    let status = json!({"status": {"loadBalancer": {"ingress": [{"ip": "10.10.25.46", "hostname": "h"}]}}});
    ask(&client, "PATCH", &format!("{one}/status"), &status).await.unwrap();
    let ip = "/status/loadBalancer/ingress/0/ip";
    reader.until(|reader| field(reader, ip).as_deref() == Some("10.10.25.46")).await;

    ask(&client, "PATCH", &one, &json!({"metadata": {"labels": {"app": null}}})).await.unwrap();
    reader.until(|reader| field(reader, "/metadata/labels/app").is_none()).await;

    ask(&client, "DELETE", &one, &json!({})).await.unwrap();
    reader.until(|reader| !reader.has(Kind::Ingress, "changes", "hello")).await;
    assert!(reader.has(Kind::Ingress, "changes", "old"));
    assert_eq!((reader.resets, &reader.problems[..]), (1, &[][..]));
}

#[tokio::test]
async fn dropping_the_receiver_ends_the_watch() {
    let Some(clusters) = clusters().await else { return };
    let metrics = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = metrics();
    let mut reader = Reader::start(ORDINARY, clusters.access(ORDINARY), MEMBER_KINDS);
    reader.until_reset().await;
    assert!(metrics() > before);
    drop(reader);
    crate::clusters::until("all tasks have ended", async || (metrics() <= before).then_some(())).await;
}
