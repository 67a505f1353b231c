//! `AMKOCluster`, `amko.vmware.com/v1alpha1` (amko 2.6).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

/// The part that one cluster has in a federation; one object per cluster, in `avi-system`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AmkoCluster {
    /// Metadata.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(default)]
    pub spec: AmkoClusterSpec,
    /// What was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<AmkoClusterStatus>,
}

/// What is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AmkoClusterSpec {
    /// Own context; one of `clusters`.
    #[serde(default)]
    pub cluster_context: String,
    /// Contexts of all clusters of the federation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<String>,
    /// Whether this cluster leads. With `leader_election` only: whether it is the first to try.
    #[serde(default)]
    pub is_leader: bool,
    /// Version of the operator, the same in all clusters.
    #[serde(default)]
    pub version: String,
    /// Beyond AMKO: who leads is settled by leases in the clusters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader_election: Option<bool>,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AmkoClusterStatus {
    /// One for each step of the last federation, in their order (amko 9.4).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<AmkoClusterCondition>,
    /// Beyond AMKO: who leads, as far as this cluster can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<AmkoClusterLeader>,
}

/// What became of one step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmkoClusterCondition {
    /// Which step.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// What became of it.
    #[serde(default)]
    pub status: String,
    /// Why; empty where all went well.
    #[serde(default)]
    pub reason: String,
}

/// Who leads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AmkoClusterLeader {
    /// Its context.
    #[serde(default)]
    pub cluster_context: String,
    /// Number of its term, larger than those before; absent where nobody elects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<i64>,
}
