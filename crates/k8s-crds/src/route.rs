//! `Route`, `route.openshift.io/v1`, as the multi-cluster operator reads it (amko 3.5).
//!
//! Certificates and keys of a route are not read: nothing is done with them here.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// A host that a router of OpenShift, or AKO in its place, serves.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// Metadata.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(default)]
    pub spec: RouteSpec,
    /// What routers made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<RouteStatus>,
}

/// What is wanted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteSpec {
    /// Host name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// First part of the host name, where `host` is empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subdomain: String,
    /// Path; all of the host when empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// How TLS is dealt with; there is none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<RouteTls>,
    #[serde(default, skip_serializing)]
    to: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    alternate_backends: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    port: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    wildcard_policy: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    http_headers: Option<IgnoredAny>,
}

/// How TLS is dealt with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteTls {
    /// `edge`, `passthrough` or `reencrypt`.
    #[serde(default)]
    pub termination: String,
    #[serde(default, skip_serializing)]
    insecure_edge_termination_policy: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    certificate: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    key: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    ca_certificate: Option<IgnoredAny>,
    #[serde(default, skip_serializing, rename = "destinationCACertificate")]
    destination_ca_certificate: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    external_certificate: Option<IgnoredAny>,
}

/// What routers made of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RouteStatus {
    /// An entry for each router.
    #[serde(default)]
    pub ingress: Vec<RouteIngress>,
}

/// What one router made of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteIngress {
    /// Host name that is served.
    #[serde(default)]
    pub host: String,
    /// Which router; AKO's begin with `ako-`.
    #[serde(default)]
    pub router_name: String,
    /// Conditions; AKO puts the address in a message and its annotations in a reason.
    #[serde(default)]
    pub conditions: Vec<RouteCondition>,
    #[serde(default, skip_serializing)]
    router_canonical_hostname: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    wildcard_policy: Option<IgnoredAny>,
}

/// Condition of a route at a router.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteCondition {
    /// Text; with AKO, the address.
    #[serde(default)]
    pub message: String,
    /// Word; with AKO, a JSON object of annotations.
    #[serde(default)]
    pub reason: String,
    #[serde(default, skip_serializing)]
    r#type: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    status: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    last_transition_time: Option<IgnoredAny>,
}
