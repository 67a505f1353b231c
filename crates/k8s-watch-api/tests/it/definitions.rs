//! The definitions of the custom kinds, held against a real API server.

use serde_json::{Value, json};

use crate::clusters::{ask, clusters, create, get};

const POLICIES: &str = "/apis/amko.vmware.com/v1alpha2/namespaces/avi-system/globaldeploymentpolicies";
const CONFIGS: &str = "/apis/amko.vmware.com/v1alpha1/namespaces/avi-system/gslbconfigs";

fn policy(spec: Value) -> Value {
    let metadata = json!({"generateName": "defined-"});
    json!({"apiVersion": "amko.vmware.com/v1alpha2", "kind": "GlobalDeploymentPolicy", "metadata": metadata, "spec": spec})
}

fn config(spec: Value) -> Value {
    let metadata = json!({"generateName": "defined-"});
    json!({"apiVersion": "amko.vmware.com/v1alpha1", "kind": "GSLBConfig", "metadata": metadata, "spec": spec})
}

#[tokio::test]
async fn definitions_are_accepted_and_kinds_are_served_by_their_short_names() {
    let Some(clusters) = clusters().await else { return };
    let client = clusters.defined().await;
    for (version, expected) in [
        (
            "v1alpha1",
            &[("amkoclusters", ""), ("amkoclusters/status", ""), ("gslbconfigs", "gc"), ("gslbhostrules", "ghr")][..],
        ),
        ("v1alpha2", &[("globaldeploymentpolicies", "gdp")]),
    ] {
        let list: Value = get(&client, &format!("/apis/amko.vmware.com/{version}")).await.unwrap();
        let resources = list["resources"].as_array().unwrap().iter();
        let mut names: Vec<_> = resources
            .map(|it| (it["name"].as_str().unwrap(), it["shortNames"][0].as_str().unwrap_or_default()))
            .collect();
        names.sort_unstable();
        assert_eq!(names, expected, "one status sub-resource");
    }
}

#[tokio::test]
async fn what_is_absent_gets_the_default_of_the_original() {
    let Some(clusters) = clusters().await else { return };
    let client = clusters.defined().await;
    let split = json!({"trafficSplit": [{"cluster": "s1az1"}, {"cluster": "s2", "priority": 0, "weight": 20}]});
    let created = create(&client, POLICIES, policy(split)).await;
    let expected = json!([
        {"cluster": "s1az1", "priority": 10, "weight": 1},
        {"cluster": "s2", "priority": 0, "weight": 20},
    ]);
    assert_eq!(created["spec"]["trafficSplit"], expected);
    assert_eq!(created["spec"].get("ttl"), None);
    create(&client, CONFIGS, config(json!({"refreshInterval": -1, "gslbLeader": {"controllerIP": "a:9443"}}))).await;
}

#[tokio::test]
async fn full_selectors_are_stored_as_they_are() {
    let Some(clusters) = clusters().await else { return };
    let client = clusters.defined().await;
    let rules = json!({
        "appSelector": {
            "label": {"app": "gslb"},
            "matchLabels": {"example.com/tier": "front"},
            "matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["dev"]}],
        },
        "namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "Exists"}]},
    });
    let created = create(&client, POLICIES, policy(json!({"matchRules": rules}))).await;
    assert_eq!(created["spec"]["matchRules"], rules, "nothing is pruned");
}

#[tokio::test]
async fn what_is_out_of_limits_is_refused() {
    let Some(clusters) = clusters().await else { return };
    let client = clusters.defined().await;
    let refused = [
        (POLICIES, policy(json!({"trafficSplit": [{"cluster": "a", "weight": 21}]})), "weight"),
        (POLICIES, policy(json!({"trafficSplit": [{"cluster": "a", "weight": 0}]})), "weight"),
        (POLICIES, policy(json!({"trafficSplit": [{"cluster": "a", "priority": 101}]})), "priority"),
        (POLICIES, policy(json!({"ttl": 86_401})), "ttl"),
        (POLICIES, policy(json!({"matchRules": {"appSelector": {"label": {"app": 1}}}})), "label"),
        (POLICIES, policy(json!({"matchRules": {"appSelector": {"matchLabels": {"app": 1}}}})), "matchLabels"),
        (
            POLICIES,
            policy(json!({"matchRules": {"appSelector": {"matchExpressions": [{"key": "a", "operator": "Is"}]}}})),
            "operator",
        ),
        (
            POLICIES,
            policy(json!({"matchRules": {"namespaceSelector": {"matchExpressions": [{"operator": "Exists"}]}}})),
            "key",
        ),
        (POLICIES, policy(json!({"poolAlgorithmSettings": {"lbAlgorithm": "BEST"}})), "lbAlgorithm"),
        (POLICIES, policy(json!({"poolAlgorithmSettings": {"hashMask": 32}})), "hashMask"),
        (POLICIES, policy(json!({"downResponse": {"fallbackIP": "192.0.2.1"}})), "type"),
        (CONFIGS, config(json!({"logLevel": "TRACE"})), "logLevel"),
        (CONFIGS, config(Value::Null), "spec"),
    ];
    for (path, object, field) in refused {
        match ask(&client, "POST", path, &object).await {
            Err(kube::Error::Api(status)) => {
                assert!(status.code == 422 && status.message.contains(field), "{object}: {status}");
            }
            other => panic!("{object}: {other:?}"),
        }
    }
}
