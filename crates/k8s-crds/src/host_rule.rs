//! `HostRule`, `ako.vmware.com/v1beta1`, as the multi-cluster operator reads it (amko 2.7).
//!
//! The definition is AKO's, and so is what most fields say; those are known by name only, so that a misspelt one can be
//! told from one that is meant for AKO.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// What AKO does for one host of its cluster, and the global name of that host.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HostRule {
    /// Metadata.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(default)]
    pub spec: HostRuleSpec,
    /// What AKO found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<HostRuleStatus>,
}

/// What is wanted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HostRuleSpec {
    /// The host.
    #[serde(default)]
    pub virtualhost: HostRuleVirtualHost,
}

/// The host (ako 7.1).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostRuleVirtualHost {
    /// Host name within the cluster, or a pattern of it.
    #[serde(default)]
    pub fqdn: String,
    /// `Exact`, `Wildcard` or `Contains`; `Exact` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fqdn_type: Option<String>,
    /// Further names of the host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Its global name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gslb: Option<HostRuleGslb>,
    /// Its certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<HostRuleTls>,
    #[serde(default, skip_serializing)]
    enable_virtual_host: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    application_profile: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    analytics_profile: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    analytics_policy: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    waf_policy: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    error_page_profile: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    http_policy: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    datascripts: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    icap_profile: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    network_security_policy: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    l7_rule: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    tcp_settings: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    use_regex: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    application_root_path: Option<IgnoredAny>,
}

/// Global name of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostRuleGslb {
    /// The name; none when empty.
    #[serde(default)]
    pub fqdn: String,
    /// Whether the aliases are global too.
    #[serde(default)]
    pub include_aliases: bool,
}

/// Certificate of a host.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostRuleTls {
    /// The certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssl_key_certificate: Option<HostRuleCertificate>,
    #[serde(default, skip_serializing)]
    ssl_profile: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    termination: Option<IgnoredAny>,
}

/// A certificate on the controller or in a Secret.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostRuleCertificate {
    /// Its name.
    #[serde(default)]
    pub name: String,
    #[serde(default, skip_serializing)]
    r#type: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    alternate_certificate: Option<IgnoredAny>,
}

/// What AKO found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRuleStatus {
    /// `Accepted` or `Rejected`; empty while AKO has not looked at it.
    #[serde(default)]
    pub status: String,
    /// Why it is rejected.
    #[serde(default)]
    pub error: String,
}
