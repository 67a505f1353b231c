//! What changes in a cluster is told.

use k8s_crds::{Kind, Object};
use k8s_watch_api::{AKO_KINDS, ApiServer, LEADER_KINDS, MEMBER_KINDS, Scope};
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
async fn a_multi_cluster_ingress_is_read_with_the_status_that_it_is_given() {
    let Some(clusters) = clusters().await else { return };
    let client = clusters.defined().await;
    create(&client, "/api/v1/namespaces", namespace("multi")).await;
    let mut reader = Reader::start(ORDINARY, clusters.access(ORDINARY), MEMBER_KINDS);
    reader.until_reset().await;

    let all = "/apis/ako.vmware.com/v1alpha1/namespaces/multi/multiclusteringresses";
    let backend = json!({"path": "/", "cluster": "s2", "weight": 50,
        "service": {"name": "shop", "port": 80, "namespace": "multi"}});
    let shop = json!({"apiVersion": "ako.vmware.com/v1alpha1", "kind": "MultiClusterIngress",
        "metadata": {"name": "shop"}, "spec": {"hostName": "shop.example.com", "config": [backend]}});
    create(&client, all, shop.clone()).await;
    reader.until(|reader| reader.has(Kind::MultiClusterIngress, "multi", "shop")).await;
    let status = json!({"status": {"loadBalancer": {"ingress": [{"hostname": "shop.example.com", "ip": "10.1.1.1"}]},
        "status": {"accepted": true, "reason": ""}}});
    ask(&client, "PATCH", &format!("{all}/shop/status"), &status).await.unwrap();
    let is_served = |reader: &Reader| match reader.object(Kind::MultiClusterIngress, "multi", "shop") {
        Some(Object::MultiClusterIngress(shop)) => shop.status.as_ref().is_some_and(|status| {
            status.load_balancer.ingress[0].ip.as_deref() == Some("10.1.1.1")
                && status.status.as_ref().is_some_and(|status| status.accepted)
        }),
        _ => false,
    };
    reader.until(is_served).await;

    // A weight of 101 is refused.
    let mut heavy = shop;
    heavy["metadata"]["name"] = "heavy".into();
    heavy["spec"]["config"][0]["weight"] = 101.into();
    assert!(ask(&client, "POST", all, &heavy).await.unwrap_err().to_string().contains("weight"));

    ask(&client, "DELETE", &format!("{all}/shop"), &json!({})).await.unwrap();
    reader.until(|reader| !reader.has(Kind::MultiClusterIngress, "multi", "shop")).await;
    assert_eq!(reader.problems, []);
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

/// All kinds of the operator of one cluster, the large and the private ones only as far as they are needed.
#[tokio::test]
async fn what_the_operator_of_a_cluster_needs_is_read_and_no_more() {
    let Some(clusters) = clusters().await else { return };
    let client = clusters.client(ORDINARY).await;
    for name in ["scoped", "elsewhere"] {
        create(&client, "/api/v1/namespaces", namespace(name)).await;
        let maps = format!("/api/v1/namespaces/{name}/configmaps");
        for map in ["avi-k8s-config", "other"] {
            create(&client, &maps, json!({"metadata": {"name": map}, "data": {"clusterName": name}})).await;
        }
    }
    let secrets = "/api/v1/namespaces/scoped/secrets";
    create(&client, secrets, json!({"metadata": {"name": "tls"}, "stringData": {"a": "b"}})).await;
    let release = json!({"metadata": {"name": "release"}, "type": "helm.sh/release.v1", "stringData": {"a": "b"}});
    create(&client, secrets, release).await;
    let slice =
        json!({"metadata": {"name": "web-1"}, "addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"]}]});
    create(&client, "/apis/discovery.k8s.io/v1/namespaces/scoped/endpointslices", slice).await;
    let class = json!({"metadata": {"name": "avi-lb"}, "spec": {"controller": "ako.vmware.com/avi-lb"}});
    create(&client, "/apis/networking.k8s.io/v1/ingressclasses", class).await;
    create(&client, "/api/v1/nodes", json!({"metadata": {"name": "node-1"}})).await;

    let one = Scope { namespace: Some("scoped".to_owned()), fields: Some("metadata.name=avi-k8s-config".to_owned()) };
    let secrets = Scope { namespace: None, fields: Some("type!=helm.sh/release.v1".to_owned()) };
    let source = ApiServer::new(ORDINARY, clusters.access(ORDINARY), AKO_KINDS)
        .with_scope(Kind::ConfigMap, one)
        .with_scope(Kind::Secret, secrets);
    let mut reader = Reader::of(source);
    reader.until_reset().await;
    assert!(reader.has(Kind::ConfigMap, "scoped", "avi-k8s-config") && reader.has(Kind::Secret, "scoped", "tls"));
    assert!(reader.has(Kind::Node, "", "node-1") && reader.has(Kind::IngressClass, "", "avi-lb"));
    assert!(reader.has(Kind::EndpointSlice, "scoped", "web-1"));
    for (kind, namespace, name) in [
        (Kind::ConfigMap, "scoped", "other"),
        (Kind::ConfigMap, "elsewhere", "avi-k8s-config"),
        (Kind::Secret, "scoped", "release"),
    ] {
        assert!(!reader.has(kind, namespace, name), "{kind} {namespace}/{name}");
    }
    let map = "/api/v1/namespaces/scoped/configmaps/avi-k8s-config";
    ask(&client, "PATCH", map, &json!({"data": {"clusterName": "edited"}})).await.unwrap();
    let is_edited = |reader: &Reader| match reader.object(Kind::ConfigMap, "scoped", "avi-k8s-config") {
        Some(Object::ConfigMap(map)) => map.data.iter().flatten().any(|(_, value)| value == "edited"),
        _ => false,
    };
    reader.until(is_edited).await;
}
