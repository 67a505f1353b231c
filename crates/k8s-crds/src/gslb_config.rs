//! `GSLBConfig`, `amko.vmware.com/v1alpha1` (amko 2.1).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

/// Which controller to write to and which clusters take part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GslbConfig {
    /// Metadata; the annotation `amko.vmware.com/amko-uuid` is the operator's identity.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: GslbConfigSpec,
    /// What was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<GslbConfigStatus>,
}

/// What is wanted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GslbConfigSpec {
    /// The leader controller.
    #[serde(default)]
    pub gslb_leader: GslbLeader,
    /// Clusters that take part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub member_clusters: Vec<MemberCluster>,
    /// Seconds between resyncs; 600 when absent or not positive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_interval: Option<i64>,
    /// `DEBUG`, `INFO`, `WARN` or `ERROR`; `INFO` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_level: Option<String>,
    /// Custom global FQDN mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_custom_global_fqdn: Option<bool>,
}

/// The leader controller.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GslbLeader {
    /// Secret in `avi-system` with `username` and `password`.
    #[serde(default)]
    pub credentials: String,
    /// Value of `X-Avi-Version`.
    #[serde(default)]
    pub controller_version: String,
    /// Address, optionally with a port.
    #[serde(default, rename = "controllerIP")]
    pub controller_ip: String,
    /// Default tenant; `admin` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
}

/// A cluster that takes part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberCluster {
    /// Context in the member kubeconfig.
    #[serde(default)]
    pub cluster_context: String,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GslbConfigStatus {
    /// One of the texts of amko 2.1.
    #[serde(default)]
    pub state: String,
    /// The controller in use, where it is not the one of the spec: the site that leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<String>,
}
