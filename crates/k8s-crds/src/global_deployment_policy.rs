//! `GlobalDeploymentPolicy`, `amko.vmware.com/v1alpha2` (amko 2.2).

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

/// Which objects become members, and how traffic is split.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GlobalDeploymentPolicy {
    /// Metadata.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: GlobalDeploymentPolicySpec,
    /// What was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<GlobalDeploymentPolicyStatus>,
}

/// What is wanted. Absent and zero differ for the optional scalars.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GlobalDeploymentPolicySpec {
    /// Selectors.
    #[serde(default)]
    pub match_rules: MatchRules,
    /// Clusters that are selected; an empty list selects nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub match_clusters: Vec<MatchCluster>,
    /// Weight and priority per cluster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub traffic_split: Vec<TrafficSplit>,
    /// Time to live in seconds, 0 to 86,400; the controller's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
    /// No data-plane monitors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_plane_hm_only: Option<bool>,
    /// Federated monitors to attach instead of generated ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health_monitor_refs: Vec<String>,
    /// Federated monitor whose request line and response codes are copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_monitor_template: Option<String>,
    /// Federated persistence profile, for TLS members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_persistence_ref: Option<String>,
    /// Federated PKI profile, with persistence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pki_profile_ref: Option<String>,
    /// Suffix for routes with a sub-domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_domain: Option<String>,
    /// How a member is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool_algorithm_settings: Option<PoolAlgorithmSettings>,
    /// What to answer when all is down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down_response: Option<DownResponse>,
}

/// Selectors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MatchRules {
    /// Labels that the object must carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_selector: Option<LabelSelector>,
    /// Labels that the namespace must carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,
}

/// Labels that are asked for, all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelSelector {
    /// Key and value; honoured only with exactly one entry (amko 2.2).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub label: BTreeMap<String, String>,
    /// Keys and values; beyond AMKO (amko 12 line 13).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
    /// What else has to hold of labels; beyond AMKO.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<LabelRequirement>,
}

/// What has to hold of the label with one key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelRequirement {
    /// Key.
    #[serde(default)]
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    #[serde(default)]
    pub operator: String,
    /// Values, for `In` and `NotIn`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// A cluster that is selected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MatchCluster {
    /// Context.
    #[serde(default)]
    pub cluster: String,
    /// Publish members by address only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_vip_only: Option<bool>,
}

/// Weight and priority of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficSplit {
    /// Context.
    #[serde(default)]
    pub cluster: String,
    /// 1 to 20; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<i64>,
    /// 0 to 100, higher wins; 10 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
}

/// How a member is chosen (amko 2.4).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolAlgorithmSettings {
    /// `GSLB_ALGORITHM_…`.
    #[serde(default)]
    pub lb_algorithm: String,
    /// 1 to 31, for consistent hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash_mask: Option<i64>,
    /// For geo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geo_fallback: Option<GeoFallback>,
}

/// What geo falls back to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GeoFallback {
    /// `GSLB_ALGORITHM_ROUND_ROBIN` or `GSLB_ALGORITHM_CONSISTENT_HASH`.
    #[serde(default)]
    pub lb_algorithm: String,
    /// 1 to 31, for consistent hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash_mask: Option<i64>,
}

/// What to answer when all is down (amko 2.5).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DownResponse {
    /// `GSLB_SERVICE_DOWN_RESPONSE_…`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// For `…_FALLBACK_IP`.
    #[serde(default, rename = "fallbackIP", skip_serializing_if = "Option::is_none")]
    pub fallback_ip: Option<String>,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GlobalDeploymentPolicyStatus {
    /// `success` or an error of amko 2.2.
    #[serde(default)]
    pub error_status: String,
    /// Services that the controller will not have, and what else is amiss; beyond AMKO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<String>>,
}
