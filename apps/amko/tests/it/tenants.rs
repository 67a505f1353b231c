//! Services in tenants of our own controller, and between them (amko 5.9, 13.10).

use std::sync::Arc;

use avi_client::AviClient;
use k8s_crds::{GslbHostRule, Object};
use k8s_openapi::api::core::v1::Namespace;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::real_controller::{client_config, set_up, start_controller, sync};
use crate::setting::{HOST, clusters, hello};

const TENANT: &str = "ako.vmware.com/tenant-name";

/// The namespace of the applications, in `tenant` or in none.
fn namespace(tenant: Option<&str>) -> Object {
    let mut namespace = Namespace::default();
    namespace.metadata.name = Some("default".to_owned());
    namespace.metadata.annotations = tenant.map(|tenant| [(TENANT.to_owned(), tenant.to_owned())].into());
    Object::Namespace(namespace)
}

/// The application, whose virtual service is in `tenant`.
fn hello_in(tenant: &str, address: &str) -> Object {
    let Object::Ingress(mut ingress) = hello(address) else { panic!() };
    ingress.metadata.annotations = Some([(TENANT.to_owned(), tenant.to_owned())].into());
    Object::Ingress(ingress)
}

const ADDRESSES: [&str; 3] = ["127.10.25.40", "127.10.26.40", "127.10.23.40"];

fn move_namespaces(clusters: &[Arc<Cluster>], tenant: Option<&str>) {
    clusters.iter().for_each(|cluster| cluster.apply(namespace(tenant)));
}

fn move_objects(clusters: &[Arc<Cluster>], tenant: &str) {
    clusters.iter().zip(ADDRESSES).for_each(|(cluster, address)| cluster.apply(hello_in(tenant, address)));
}

/// The service in a tenant; `None` when it is not there.
async fn service_in(client: &AviClient, tenant: &str) -> Option<Value> {
    let query = [("name", HOST), ("include_name", "")];
    let found = client.list("/api/gslbservice", &query, tenant).await.unwrap();
    let is_there = |body: &Value| body["tenant_ref"].as_str().unwrap().ends_with(&format!("#{tenant}"));
    found.into_iter().find(is_there)
}

/// Names of the generated monitors in a tenant.
async fn monitors_in(client: &AviClient, tenant: &str) -> Vec<String> {
    let found = client.list("/api/healthmonitor", &[("include_name", "")], tenant).await.unwrap();
    let ours = found.iter().filter(|body| {
        body["name"].as_str().unwrap().starts_with("amko--")
            && body["tenant_ref"].as_str().unwrap().ends_with(&format!("#{tenant}"))
    });
    ours.map(|body| body["name"].as_str().unwrap().to_owned()).collect()
}

/// Waits until the service is in one tenant and in no other, with three members and a monitor of that tenant.
async fn until_in(client: &AviClient, tenant: &str) {
    let all = ["admin", "tenant1", "tenant2"];
    let settled = async || {
        for other in all.into_iter().filter(|other| *other != tenant) {
            if service_in(client, other).await.is_some() || !monitors_in(client, other).await.is_empty() {
                return false;
            }
        }
        let Some(service) = service_in(client, tenant).await else { return false };
        let monitors = monitors_in(client, tenant).await;
        service["groups"][0]["members"].as_array().unwrap().len() == ADDRESSES.len()
            && monitors.len() == 1
            && service["health_monitor_refs"][0].as_str().unwrap().ends_with(&format!("#{}", monitors[0]))
    };
    let poll = async {
        while !settled().await {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await; // bounded: polls a condition
        }
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(20), poll).await;
    assert!(waited.is_ok(), "not in {tenant} alone: {:#?}", service_in(client, tenant).await);
}

async fn make_tenants(client: &AviClient) {
    for tenant in ["tenant1", "tenant2"] {
        client.post("/api/tenant", &json!({"name": tenant}), "admin").await.unwrap();
    }
}

// catalogue amko: 148
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_moves_with_its_namespaces_and_leaves_nothing_behind() {
    let data = tempfile::tempdir().unwrap();
    let controller = start_controller(data.path()).await;
    let client = AviClient::new(client_config(&controller)).unwrap();
    set_up(&client).await;
    make_tenants(&client).await;
    let clusters = clusters();
    move_namespaces(&clusters, Some("tenant1"));
    move_objects(&clusters, "tenant1");
    let (amko, mut events, _) = sync(&clusters, &controller).await;
    until_in(&client, "tenant1").await;
    let before = service_in(&client, "tenant1").await.unwrap();

    // The namespaces alone move nothing: virtual services are still where they were.
    move_namespaces(&clusters, Some("tenant2"));
    until_in(&client, "tenant1").await;
    move_objects(&clusters, "tenant2");
    until_in(&client, "tenant2").await;
    let after = service_in(&client, "tenant2").await.unwrap();
    for field in ["groups", "description", "domain_names"] {
        assert_eq!(before[field], after[field], "{field}");
    }
    amko.shutdown().await;
    while let Ok(event) = events.try_recv() {
        assert!(!event.to_string().contains("not written"), "the name is free before it is taken again: {event}");
    }

    // Another operator finds it where it is.
    let (amko, _events, told) = sync(&clusters, &controller).await;
    assert!(told.iter().all(|text| !text.starts_with("gslbservice")), "{told:#?}");
    amko.shutdown().await;
    controller.shutdown().await;
}

/// A controller has each name once, whatever the tenant: while one object is still in the old one the others wait, and
/// whichever tenant comes first by name, the new service is made when the old one is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_that_follow_one_after_the_other_end_in_one_service() {
    let data = tempfile::tempdir().unwrap();
    let controller = start_controller(data.path()).await;
    let client = AviClient::new(client_config(&controller)).unwrap();
    set_up(&client).await;
    make_tenants(&client).await;
    let clusters = clusters();
    move_namespaces(&clusters, Some("tenant2"));
    move_objects(&clusters, "tenant2");
    let (amko, mut events, _) = sync(&clusters, &controller).await;
    until_in(&client, "tenant2").await;
    move_namespaces(&clusters, Some("tenant1"));
    clusters[0].apply(hello_in("tenant1", ADDRESSES[0]));
    let refused = async { while !events.recv().await.unwrap().to_string().contains("domain name conflicting") {} };
    tokio::time::timeout(std::time::Duration::from_secs(20), refused).await.unwrap();
    let service = service_in(&client, "tenant2").await.unwrap();
    assert_eq!(service["groups"][0]["members"].as_array().unwrap().len(), 2, "the others are served on");
    clusters[1].apply(hello_in("tenant1", ADDRESSES[1]));
    clusters[2].apply(hello_in("tenant1", ADDRESSES[2]));
    until_in(&client, "tenant1").await;
    amko.shutdown().await;
    controller.shutdown().await;
}

// catalogue amko: 149
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_annotation_of_the_namespace_a_service_is_in_the_default_tenant() {
    let data = tempfile::tempdir().unwrap();
    let controller = start_controller(data.path()).await;
    let client = AviClient::new(client_config(&controller)).unwrap();
    set_up(&client).await;
    make_tenants(&client).await;
    let clusters = clusters();
    move_objects(&clusters, "tenant1");
    let (amko, _events, _) = sync(&clusters, &controller).await;
    until_in(&client, "admin").await;
    move_namespaces(&clusters, Some("tenant2"));
    move_objects(&clusters, "tenant2");
    until_in(&client, "tenant2").await;
    move_namespaces(&clusters, None);
    move_objects(&clusters, "admin");
    until_in(&client, "admin").await;
    amko.shutdown().await;
    controller.shutdown().await;
}

/// A GSLBHostRule of the leader's `default` that names a monitor.
fn rule(monitor: &str) -> Object {
    let rule = serde_json::from_value::<GslbHostRule>(json!({
        "metadata": {"name": "rule", "namespace": "default"},
        "spec": {"fqdn": HOST, "healthMonitorRefs": [monitor]},
    }));
    Object::GslbHostRule(rule.unwrap())
}

// catalogue amko: 83
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_rule_names_is_looked_up_in_the_tenant_of_its_namespace_in_the_leader() {
    let data = tempfile::tempdir().unwrap();
    let controller = start_controller(data.path()).await;
    let client = AviClient::new(client_config(&controller)).unwrap();
    set_up(&client).await;
    make_tenants(&client).await;
    for tenant in ["tenant1", "tenant2"] {
        let monitor = json!({
            "name": format!("of-{tenant}"), "type": "HEALTH_MONITOR_TCP", "is_federated": true, "monitor_port": 80,
        });
        client.post("/api/healthmonitor", &monitor, tenant).await.unwrap();
    }
    let clusters = clusters();
    move_namespaces(&clusters, Some("tenant2"));
    move_objects(&clusters, "tenant2");
    clusters[0].apply(rule("of-tenant2"));
    let (amko, _events, _) = sync(&clusters, &controller).await;
    let service = service_in(&client, "tenant2").await.unwrap();
    assert!(service["health_monitor_refs"][0].as_str().unwrap().ends_with("#of-tenant2"), "{service:#}");
    assert!(clusters[0].statuses().iter().any(|status| status == "Accepted"), "{:?}", clusters[0].statuses());

    clusters[0].apply(rule("of-tenant1"));
    let expected = "Rejected Health Monitor Ref of-tenant1 error for rule GSLBHostRule";
    let poll = async {
        while !clusters[0].statuses().iter().any(|status| status == expected) {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await; // bounded: polls a condition
        }
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(20), poll).await;
    assert!(waited.is_ok(), "{:?}", clusters[0].statuses());
    amko.shutdown().await;
    controller.shutdown().await;
}
