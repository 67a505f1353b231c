//! GSLBHostRules and our own controller: what a rule says arrives, settles, and goes with it (amko 2.3, 13.10).

use avi_client::AviClient;
use k8s_crds::{GslbHostRule, Object};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::real_controller::{client_config, service, set_up, start_controller, sync, writes};
use crate::setting::{HOST, clusters, hello};

fn rule(spec: &Value) -> Object {
    let mut rule = json!({"metadata": {"name": "hello", "namespace": "default"}, "spec": spec});
    rule["spec"]["fqdn"] = HOST.into();
    Object::GslbHostRule(serde_json::from_value::<GslbHostRule>(rule).unwrap())
}

/// Waits until the service is as it should be.
async fn until(client: &AviClient, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let mut body = Value::Null;
    for _ in 0..2000 {
        body = service(client).await;
        if holds(&body) {
            return body;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await; // bounded: polls a condition
    }
    panic!("{what}: {body:#}");
}

async fn until_status(leader: &Cluster, expected: &str) {
    for _ in 0..2000 {
        if leader.statuses().last().is_some_and(|last| last == expected) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await; // bounded: polls a condition
    }
    panic!("no status {expected}: {:?}", leader.statuses());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_changes_its_service_and_leaves_no_trace_when_it_goes() {
    let data = tempfile::tempdir().unwrap();
    let controller = start_controller(data.path()).await;
    let client = AviClient::new(client_config(&controller)).unwrap();
    set_up(&client).await;
    let clusters = clusters();
    let (amko, _events, _) = sync(&clusters, &controller).await;
    let leader = &clusters[0];

    leader.apply(rule(&json!({"thirdPartyMembers": [{"vip": "127.10.99.40", "site": "moon"}]})));
    until_status(leader, "Rejected ThirdPartyMember site moon does not exist for hello GSLBHostRule").await;

    let spec = json!({
        "ttl": 7,
        "thirdPartyMembers": [{"vip": "127.10.99.40", "site": "azure", "publicIP": "160.10.99.40"}],
        "healthMonitorRefs": ["System-GSLB-TCP"],
        "poolAlgorithmSettings": {"lbAlgorithm": "GSLB_ALGORITHM_CONSISTENT_HASH", "hashMask": 24},
        "trafficSplit": [{"cluster": "s2", "weight": 9, "priority": 20}],
        "publicIP": [{"cluster": "s1az1", "ip": "160.10.25.40"}],
        "downResponse": {"type": "GSLB_SERVICE_DOWN_RESPONSE_ALL_RECORDS"},
    });
    leader.apply(rule(&spec));
    until_status(leader, "Accepted").await;
    let body = until(&client, "the rule", |body| body["ttl"] == 7).await;
    let groups = body["groups"].as_array().unwrap();
    let priorities: Vec<_> = groups.iter().map(|group| group["priority"].as_i64().unwrap()).collect();
    assert_eq!(priorities, [20, 10, 1], "{body:#}");
    assert_eq!(groups[0]["members"][0]["ratio"], 9);
    assert_eq!(groups[1]["members"][0]["public_ip"]["ip"]["addr"], "160.10.25.40");
    assert_eq!(groups[2]["members"][0]["ip"]["addr"], "127.10.99.40");
    assert_eq!(body["down_response"]["type"], "GSLB_SERVICE_DOWN_RESPONSE_ALL_RECORDS");
    amko.shutdown().await;
    let (amko, _events, told) = sync(&clusters, &controller).await;
    assert_eq!(writes(&told).len(), 0, "{told:#?}");

    // The last object goes: the service stays with its third-party member, also after a restart.
    for cluster in &clusters {
        cluster.delete(&hello(""));
    }
    until(&client, "the third party alone", |body| body["groups"].as_array().is_some_and(|g| g.len() == 1)).await;
    amko.shutdown().await;
    let (amko, _events, told) = sync(&clusters, &controller).await;
    assert_eq!(writes(&told).len(), 0, "{told:#?}");

    leader.apply(hello("127.10.25.40"));
    leader.delete(&rule(&spec));
    let body = until(&client, "the policy's values", |body| body["ttl"] != 7).await;
    assert_eq!(body["groups"].as_array().unwrap().len(), 1);
    assert_eq!(body["groups"][0]["members"][0]["ratio"], 6);
    amko.shutdown().await;
    controller.shutdown().await;
}
