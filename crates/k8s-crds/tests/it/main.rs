//! The custom kinds, read from manifests as people write them and written again without loss.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod definitions;

use std::fmt::Debug;

use k8s_crds::{GlobalDeploymentPolicy, GslbConfig, Kind, Object};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

const CONFIG: &str = include_str!("data/gslb_config.yaml");
const CONFIG_MINIMAL: &str = include_str!("data/gslb_config_minimal.yaml");
const POLICY: &str = include_str!("data/global_deployment_policy.yaml");
const POLICY_FULL: &str = include_str!("data/global_deployment_policy_full.yaml");
const POLICY_MINIMAL: &str = include_str!("data/global_deployment_policy_minimal.yaml");

/// Reads, writes, reads again; what was written is what was read, field by field.
#[track_caller]
fn round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(yaml: &str) -> T {
    let object: T = serde_saphyr::from_str(yaml).unwrap();
    let written = serde_json::to_value(&object).unwrap();
    let mut expected: Value = serde_saphyr::from_str(yaml).unwrap();
    let fields = expected.as_object_mut().unwrap();
    fields.remove("apiVersion");
    fields.remove("kind");
    assert_eq!(written, expected);
    assert_eq!(serde_json::from_value::<T>(written).unwrap(), object);
    object
}

#[test]
fn gslb_config_is_read_and_written_without_loss() {
    let config: GslbConfig = round_trip(CONFIG);
    assert_eq!(config.spec.gslb_leader.controller_ip, "10.10.20.42:9443");
    assert_eq!(config.spec.gslb_leader.controller_version, "31.1.1");
    let contexts: Vec<&str> = config.spec.member_clusters.iter().map(|member| &*member.cluster_context).collect();
    assert_eq!(contexts, ["cluster1-admin", "cluster2-admin"]);
    assert_eq!(config.spec.use_custom_global_fqdn, Some(false));
    assert_eq!(config.status.unwrap().state, "success: gslb config accepted");

    let config: GslbConfig = round_trip(CONFIG_MINIMAL);
    let spec = config.spec;
    assert_eq!((spec.refresh_interval, spec.log_level, spec.gslb_leader.tenant), (None, None, None));
    assert_eq!(config.status, None);
}

#[test]
fn global_deployment_policy_is_read_and_written_without_loss() {
    let policy: GlobalDeploymentPolicy = round_trip(POLICY);
    assert_eq!(policy.spec.match_rules.app_selector.unwrap().label["app"], "gslb");
    let weights: Vec<_> = policy.spec.traffic_split.iter().map(|split| split.weight).collect();
    assert_eq!(weights, [Some(6), Some(4), Some(2)]);
    assert_eq!(policy.spec.match_clusters[0].sync_vip_only, Some(true));
    assert_eq!(policy.status.unwrap().error_status, "success");

    let policy: GlobalDeploymentPolicy = round_trip(POLICY_FULL);
    let response = policy.spec.down_response.unwrap();
    assert_eq!(response.kind, "GSLB_SERVICE_DOWN_RESPONSE_FALLBACK_IP");
    assert_eq!(response.fallback_ip.as_deref(), Some("192.0.2.1"));
    let algorithm = policy.spec.pool_algorithm_settings.unwrap();
    assert_eq!(algorithm.geo_fallback.unwrap().hash_mask, Some(31));
}

#[test]
fn absent_and_zero_stay_different() {
    let full: GlobalDeploymentPolicy = round_trip(POLICY_FULL);
    assert_eq!((full.spec.ttl, full.spec.control_plane_hm_only), (Some(0), Some(false)));
    assert_eq!((full.spec.traffic_split[0].priority, full.spec.traffic_split[1].priority), (Some(0), None));
    assert_eq!(
        (full.spec.match_clusters[0].sync_vip_only, full.spec.match_clusters[1].sync_vip_only),
        (None, Some(false))
    );
    let minimal: GlobalDeploymentPolicy = round_trip(POLICY_MINIMAL);
    assert_eq!((minimal.spec.ttl, minimal.spec.control_plane_hm_only), (None, None));
}

#[test]
fn a_spec_is_required() {
    let error = serde_json::from_value::<GslbConfig>(json!({"metadata": {"name": "a"}})).unwrap_err();
    assert!(error.to_string().contains("missing field `spec`"), "{error}");
}

#[test]
fn a_status_replaces_the_one_before_or_is_refused() {
    let mut object = Object::GslbConfig(round_trip(CONFIG));
    let state = |object: &Object| match object {
        Object::GslbConfig(config) => config.status.as_ref().map(|status| status.state.clone()),
        _ => None,
    };
    object.set_status(json!({"state": "synced all objects"})).unwrap();
    assert_eq!(state(&object).as_deref(), Some("synced all objects"));
    object.set_status(json!({"state": 1})).unwrap_err();
    assert_eq!(state(&object).as_deref(), Some("synced all objects"));
    object.set_status(Value::Null).unwrap();
    assert_eq!(state(&object), None);
    assert_eq!((object.kind(), object.key().to_string().as_str()), (Kind::GslbConfig, "GSLBConfig avi-system/gc-1"));
}
