//! The operator and our own controller, over TLS: what one sends the other must show in a form that settles.

use std::path::Path;
use std::sync::Arc;

use amko::{Amko, AmkoConfig, AmkoEvent, EVENTS_WAITING_MAX, start};
use avi_client::{AviClient, Config, Verification};
use controller::{Controller, ControllerConfig, Listen};
use k8s_crds::{DownResponse, GeoFallback, Object, PoolAlgorithmSettings};
use k8s_watch::Source;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::cluster::Cluster;
use crate::setting::{HOST, clusters, hello, policy, policy_object};

const PASSWORD: &str = "a long enough password";

pub(crate) async fn start_controller(data: &Path) -> Controller {
    let mut config = ControllerConfig::new(data);
    config.listen = Listen::At("127.0.0.1:0".parse().unwrap());
    config.admin_password = Some(PASSWORD.into());
    controller::start(config).await.unwrap()
}

pub(crate) fn client_config(controller: &Controller) -> Config {
    Config::new(controller.url(), "admin", PASSWORD, Verification::CaFile(controller.ca_path().to_owned()))
}

/// Makes the DNS virtual service and the GSLB configuration that an administrator makes first.
pub(crate) async fn set_up(client: &AviClient) {
    let cluster = client.get("/api/cluster", &[], "admin").await.unwrap();
    let profile = json!({
        "name": "g-dns", "type": "APPLICATION_PROFILE_TYPE_DNS",
        "dns_service_profile": {"domain_names": ["avi.iberia.local"]},
    });
    client.post("/api/applicationprofile", &profile, "admin").await.unwrap();
    let dns = json!({
        "name": "g-dns", "application_profile_ref": "/api/applicationprofile?name=g-dns", "services": [{"port": 5300}],
        "vip": [{"vip_id": "0", "ip_address": {"addr": "127.0.0.1", "type": "V4"}}],
    });
    let dns = client.post("/api/virtualservice", &dns, "admin").await.unwrap();
    let gslb = json!({
        "name": "Default",
        "leader_cluster_uuid": cluster["uuid"],
        "dns_configs": [{"domain_name": "avi.iberia.local"}],
        "sites": [{
            "name": "site1", "cluster_uuid": cluster["uuid"], "username": "admin", "password": PASSWORD,
            "ip_addresses": [{"addr": "127.0.0.1", "type": "V4"}], "member_type": "GSLB_ACTIVE_MEMBER",
            "dns_vses": [{"dns_vs_uuid": dns["uuid"], "domain_names": ["avi.iberia.local"]}],
        }],
        "third_party_sites": [{"name": "azure", "enabled": true}],
    });
    client.post("/api/gslb", &gslb, "admin").await.unwrap();
}

/// Starts an operator, waits until it is in sync, and returns what it told.
pub(crate) async fn sync(
    clusters: &[Arc<Cluster>],
    controller: &Controller,
) -> (Amko, mpsc::Receiver<AmkoEvent>, Vec<String>) {
    let (sender, mut events) = mpsc::channel(EVENTS_WAITING_MAX);
    let config = AmkoConfig {
        leader: "s1az1".into(),
        sources: clusters.iter().map(|cluster| Arc::clone(cluster) as Arc<dyn Source>).collect(),
        controller: client_config(controller),
        events: Some(sender),
        log_level: None,
    };
    let amko = start(config).await.unwrap();
    let mut told = Vec::new();
    loop {
        let event = tokio::time::timeout(std::time::Duration::from_secs(20), events.recv()).await;
        let event = event.unwrap_or_else(|_| panic!("not in sync: {told:#?}")).unwrap();
        told.push(event.to_string());
        if matches!(event, AmkoEvent::Synced { .. }) {
            return (amko, events, told);
        }
    }
}

pub(crate) fn writes(told: &[String]) -> Vec<&String> {
    told.iter().filter(|text| text.starts_with("gslbservice") || text.starts_with("healthmonitor")).collect()
}

pub(crate) async fn service(client: &AviClient) -> Value {
    let found = client.list("/api/gslbservice", &[("name", HOST), ("include_name", "")], "admin").await.unwrap();
    found.into_iter().next().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_once_needs_no_second_write() {
    let data = tempfile::tempdir().unwrap();
    let controller = start_controller(data.path()).await;
    let client = AviClient::new(client_config(&controller)).unwrap();
    set_up(&client).await;
    let clusters = clusters();

    let (amko, _events, told) = sync(&clusters, &controller).await;
    assert_eq!(writes(&told).len(), 2, "{told:#?}");
    amko.shutdown().await;
    let (amko, _events, told) = sync(&clusters, &controller).await;
    assert_eq!(writes(&told).len(), 0, "{told:#?}");
    amko.shutdown().await;

    let mut object = policy_object([6, 3, 1]);
    object.spec.ttl = Some(0);
    object.spec.health_monitor_template = Some("System-GSLB-HTTP".into());
    object.spec.traffic_split[0].priority = Some(20);
    object.spec.pool_algorithm_settings = Some(PoolAlgorithmSettings {
        lb_algorithm: "GSLB_ALGORITHM_CONSISTENT_HASH".into(),
        hash_mask: Some(24),
        geo_fallback: None,
    });
    object.spec.down_response = Some(DownResponse {
        kind: "GSLB_SERVICE_DOWN_RESPONSE_FALLBACK_IP".into(),
        fallback_ip: Some("127.10.9.9".into()),
    });
    clusters[0].apply(Object::GlobalDeploymentPolicy(object));
    let (amko, _events, told) = sync(&clusters, &controller).await;
    assert_eq!(writes(&told).len(), 2, "{told:#?}");
    amko.shutdown().await;
    let (amko, _events, told) = sync(&clusters, &controller).await;
    assert_eq!(writes(&told).len(), 0, "{told:#?}");
    let body = service(&client).await;
    assert_eq!((&body["ttl"], &body["groups"].as_array().unwrap().len()), (&json!(0), &2));
    amko.shutdown().await;
    controller.shutdown().await;
}

/// Each setting of a policy that the test above leaves out, one after the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_setting_of_a_policy_arrives_and_settles() {
    let data = tempfile::tempdir().unwrap();
    let controller = start_controller(data.path()).await;
    let client = AviClient::new(client_config(&controller)).unwrap();
    set_up(&client).await;
    let clusters = clusters();
    let (amko, _events, _) = sync(&clusters, &controller).await;
    let settings = |lb_algorithm: &str, geo_fallback| PoolAlgorithmSettings {
        lb_algorithm: format!("GSLB_ALGORITHM_{lb_algorithm}"),
        hash_mask: None,
        geo_fallback,
    };
    let fallback = GeoFallback { lb_algorithm: "GSLB_ALGORITHM_CONSISTENT_HASH".into(), hash_mask: Some(20) };
    let mut geo = policy_object([6, 4, 2]);
    geo.spec.pool_algorithm_settings = Some(settings("GEO", Some(fallback)));
    geo.spec.health_monitor_refs = vec!["System-GSLB-TCP".into()];
    geo.spec.ttl = Some(20);
    let mut topology = policy_object([6, 4, 2]);
    topology.spec.pool_algorithm_settings = Some(settings("TOPOLOGY", None));
    topology.spec.control_plane_hm_only = Some(true);
    topology.spec.down_response =
        Some(DownResponse { kind: "GSLB_SERVICE_DOWN_RESPONSE_ALL_RECORDS".into(), fallback_ip: None });
    let policies = [
        (geo, json!(["GSLB_ALGORITHM_GEO", "GSLB_ALGORITHM_CONSISTENT_HASH", 20, 2, 1, 20, null])),
        (
            topology,
            json!(["GSLB_ALGORITHM_TOPOLOGY", null, null, 1, 0, null, "GSLB_SERVICE_DOWN_RESPONSE_ALL_RECORDS"]),
        ),
    ];
    for (policy, expected) in policies {
        clusters[0].apply(Object::GlobalDeploymentPolicy(policy));
        let mut body = Value::Null;
        for _ in 0..2000 {
            body = service(&client).await;
            if body["groups"][0]["algorithm"] == expected[0] {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await; // bounded: polls a condition
        }
        let group = &body["groups"][0];
        let refs = body["health_monitor_refs"].as_array().map_or(0, Vec::len);
        let said = json!([
            group["algorithm"],
            group["fallback_algorithm"],
            group["consistent_hash_mask"],
            group["min_health_monitors_up"],
            refs,
            body["ttl"],
            body["down_response"]["type"],
        ]);
        assert_eq!(said, expected, "{body:#}");
    }
    amko.shutdown().await;
    let (amko, _events, told) = sync(&clusters, &controller).await;
    assert_eq!(writes(&told).len(), 0, "{told:#?}");
    amko.shutdown().await;
    controller.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_operator_follows_every_change() {
    let data = tempfile::tempdir().unwrap();
    let controller = start_controller(data.path()).await;
    let client = AviClient::new(client_config(&controller)).unwrap();
    set_up(&client).await;
    let clusters = clusters();
    let (amko, mut events, _) = sync(&clusters, &controller).await;
    clusters[0].apply(policy([20, 20, 1]));
    clusters[1].delete(&hello(""));
    let mut lines = Vec::new();
    let mut progress = amko.progress();
    while !lines.iter().any(|line: &String| line.contains("127.10.26.40 (s1az2) left")) {
        let event = tokio::time::timeout(std::time::Duration::from_secs(20), events.recv()).await;
        lines.push(event.unwrap_or_else(|_| panic!("{lines:#?}")).unwrap().to_string());
    }
    progress.wait_for(|progress| progress.is_synced).await.unwrap();
    let body = service(&client).await;
    let members = body["groups"][0]["members"].as_array().unwrap();
    let ratios: Vec<_> =
        members.iter().map(|m| (m["ip"]["addr"].as_str().unwrap(), m["ratio"].as_u64().unwrap())).collect();
    assert_eq!(ratios, [("127.10.25.40", 20), ("127.10.23.40", 1)]);
    for cluster in &clusters {
        cluster.delete(&hello(""));
    }
    while !lines.iter().any(|line| line.starts_with("healthmonitor") && line.contains("deleted")) {
        let event = tokio::time::timeout(std::time::Duration::from_secs(20), events.recv()).await;
        lines.push(event.unwrap_or_else(|_| panic!("{lines:#?}")).unwrap().to_string());
    }
    assert!(client.list("/api/gslbservice", &[], "admin").await.unwrap().is_empty());
    amko.shutdown().await;
    controller.shutdown().await;
}
