//! `MultiClusterIngress`, `ako.vmware.com/v1alpha1` (amko 2.7, ako 7.7).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

/// One host whose back ends are Services of several clusters. AKO balances it and writes its status.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MultiClusterIngress {
    /// Metadata.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: MultiClusterIngressSpec,
    /// What AKO made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<MultiClusterIngressStatus>,
}

/// What is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MultiClusterIngressSpec {
    /// Host name.
    #[serde(default)]
    pub host_name: String,
    /// Secret with the certificate of the host; without TLS when absent or empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_name: Option<String>,
    /// Back ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub config: Vec<MultiClusterBackend>,
}

/// A back end: a Service of one cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MultiClusterBackend {
    /// Path under which it is served; `/` when absent or empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Context of its cluster.
    #[serde(default)]
    pub cluster: String,
    /// Share of the traffic, 1 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<i64>,
    /// The Service.
    #[serde(default)]
    pub service: BackendService,
}

/// A Service and its port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendService {
    /// Name.
    #[serde(default)]
    pub name: String,
    /// Port of the Service.
    #[serde(default)]
    pub port: i64,
    /// Namespace.
    #[serde(default)]
    pub namespace: String,
}

/// What AKO made of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MultiClusterIngressStatus {
    /// Where it is served.
    #[serde(default)]
    pub load_balancer: BalancedAt,
    /// Whether AKO accepts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Acceptance>,
}

/// Where a host is served.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalancedAt {
    /// An entry for each address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ingress: Vec<AddressEntry>,
}

/// One address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressEntry {
    /// Host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
}

/// Whether AKO accepts an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// Whether it does.
    #[serde(default)]
    pub accepted: bool,
    /// Why not.
    #[serde(default)]
    pub reason: String,
}
