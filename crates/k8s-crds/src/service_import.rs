//! `ServiceImport` and `ClusterSet`, `ako.vmware.com/v1alpha1` (amko 2.7, ako 7.7).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

/// Where a Service of another cluster is reached from outside of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ServiceImport {
    /// Metadata.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What was found.
    pub spec: ServiceImportSpec,
}

/// A Service, and where its ports are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceImportSpec {
    /// Context of its cluster.
    #[serde(default)]
    pub cluster: String,
    /// Its namespace.
    #[serde(default)]
    pub namespace: String,
    /// Its name.
    #[serde(default)]
    pub service: String,
    /// Its ports.
    #[serde(default)]
    pub svc_ports: Vec<ImportedPort>,
}

/// One port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedPort {
    /// Port of the Service.
    #[serde(default)]
    pub port: i64,
    /// Where it is reached.
    #[serde(default)]
    pub endpoints: Vec<ImportedEndpoint>,
}

/// A node, and its port.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ImportedEndpoint {
    /// Address of the node.
    #[serde(default)]
    pub ip: String,
    /// Node port.
    #[serde(default)]
    pub port: i64,
}

/// The clusters whose Services are imported.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ClusterSet {
    /// Metadata.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: ClusterSetSpec,
}

/// Which clusters, and how they are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSetSpec {
    /// The clusters.
    #[serde(default)]
    pub clusters: Vec<SetMember>,
    /// Secret in `avi-system` whose key `clusters` is a kubeconfig.
    #[serde(default)]
    pub secret_name: String,
}

/// A cluster of the set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetMember {
    /// Context in the kubeconfig.
    #[serde(default)]
    pub context: String,
}
