//! `GSLBHostRule`, `amko.vmware.com/v1alpha1` (amko 2.3).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

use crate::{DownResponse, PoolAlgorithmSettings, TrafficSplit};

/// What one global name has otherwise than the policy says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GslbHostRule {
    /// Metadata.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: GslbHostRuleSpec,
    /// What was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<GslbHostRuleStatus>,
}

/// What is wanted; what is absent is as the policy says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GslbHostRuleSpec {
    /// Global name that it is about.
    #[serde(default)]
    pub fqdn: String,
    /// Time to live in seconds, 0 to 86,400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
    /// Site persistence, on or off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_persistence: Option<SitePersistence>,
    /// Members outside of clusters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub third_party_members: Vec<ThirdPartyMember>,
    /// No data-plane monitors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_plane_hm_only: Option<bool>,
    /// Federated monitors to attach instead of generated ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health_monitor_refs: Vec<String>,
    /// Federated monitor whose request line and response codes are copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_monitor_template: Option<String>,
    /// How a member is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool_algorithm_settings: Option<PoolAlgorithmSettings>,
    /// Weight and priority per cluster or third-party site; 1 and 1 when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub traffic_split: Vec<TrafficSplit>,
    /// Public addresses of the members of clusters.
    #[serde(default, rename = "publicIP", skip_serializing_if = "Vec::is_empty")]
    pub public_ip: Vec<PublicIp>,
    /// What to answer when all is down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down_response: Option<DownResponse>,
}

/// Site persistence of one name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SitePersistence {
    /// Off when absent.
    #[serde(default)]
    pub enabled: bool,
    /// Federated persistence profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_ref: Option<String>,
    /// Federated PKI profile; the policy's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pki_profile_ref: Option<String>,
}

/// A member outside of clusters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThirdPartyMember {
    /// Address.
    #[serde(default)]
    pub vip: String,
    /// Third-party site of the controller's GSLB configuration.
    #[serde(default)]
    pub site: String,
    /// Public address.
    #[serde(default, rename = "publicIP", skip_serializing_if = "Option::is_none")]
    pub public_ip: Option<String>,
}

/// Public address of the members of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicIp {
    /// Context.
    #[serde(default)]
    pub cluster: String,
    /// Address, IPv4 or IPv6.
    #[serde(default)]
    pub ip: String,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GslbHostRuleStatus {
    /// `Accepted` or `Rejected`.
    #[serde(default)]
    pub status: String,
    /// Why it is rejected; empty when it is accepted.
    #[serde(default)]
    pub error: String,
    /// Services that the controller will not have, and what else is amiss; beyond AMKO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<String>>,
}
