//! The `GlobalDeploymentPolicy` in force (amko 2.2).
//!
//! Unlike the original, a look-up never blocks: what the controller holds is a value ([`ControllerView`]), and a policy
//! is examined anew whenever that value or the policy changes. So a template's content follows the controller.

mod book;
mod down_response;
mod pool_algorithm;
mod selector;

use std::collections::BTreeMap;

use k8s_crds::{GlobalDeploymentPolicy, GlobalDeploymentPolicySpec, LabelSelector, TrafficSplit};

use crate::desired::{DownResponse, PoolAlgorithm};
use crate::{ControllerView, Lookup};
pub use book::{InForce, PolicyBook, Review};
pub use down_response::DownResponseError;
pub use pool_algorithm::PoolAlgorithmError;
pub use selector::{Requirement, Selector, SelectorError};
pub(crate) use {down_response::validate as down_response, pool_algorithm::validate as pool_algorithm};

/// A valid policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Name, in `avi-system`.
    pub name: String,
    /// Labels that an object must carry.
    pub app_selector: Option<Selector>,
    /// Labels that a namespace must carry.
    pub namespace_selector: Option<Selector>,
    /// Selected clusters; the value says whether members are published by address only.
    pub clusters: BTreeMap<String, bool>,
    /// Weight and priority of the clusters that have an entry.
    pub split: BTreeMap<String, Split>,
    /// Time to live, in seconds; `None` leaves it to the controller.
    pub ttl: Option<u32>,
    /// Whether services get no monitor, whatever `monitors` says.
    pub control_plane_only: bool,
    /// Which monitors services get.
    pub monitors: MonitorPolicy,
    /// Persistence profile for services with TLS members.
    pub persistence: Option<String>,
    /// PKI profile that goes with persistence.
    pub pki_profile: Option<String>,
    /// How a member of a pool is chosen.
    pub algorithm: PoolAlgorithm,
    /// What is answered when everything is down.
    pub down_response: Option<DownResponse>,
    /// Suffix of routes that have a sub-domain only.
    pub default_domain: Option<String>,
}

/// Weight and priority of a cluster's members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// 1 to 20.
    pub ratio: u32,
    /// 0 to 100; the higher pool answers.
    pub priority: u32,
}

/// Which monitors services get (amko 5.4, 6.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MonitorPolicy {
    /// One per path or port, with our own request line.
    Generated,
    /// One per path, with the request line and codes of a template.
    Template(Template),
    /// The named ones, in this order; none is made.
    Refs(Vec<String>),
}

/// What is taken over from a template (amko 6.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Name of the monitor.
    pub name: String,
    /// Method of its request line.
    pub method: String,
    /// Protocol of its request line, `HTTP/1.0`.
    pub version: String,
    /// Accepted response codes.
    pub response_codes: Vec<String>,
}

/// Why a policy is invalid; the text is its `status.errorStatus`, verbatim amko 2.2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each text says what its variant is")]
pub enum PolicyError {
    #[error("label value is missing for key  for appSelector")]
    AppLabelKey,
    #[error("label key is missing for value  for appSelector")]
    AppLabelValue,
    #[error("label value is missing for key for namespaceSelector")]
    NamespaceLabelKey,
    #[error("label key is missing for value for namespaceSelector")]
    NamespaceLabelValue,
    /// Beyond AMKO, as the selectors that it is about.
    #[error("invalid {field}: {error}")]
    Selector { field: &'static str, error: SelectorError },
    #[error("cluster context {0} not present in GSLBConfig")]
    MatchCluster(String),
    #[error("cluster {0} in traffic policy not present in GSLBConfig")]
    SplitCluster(String),
    #[error("traffic weight {0} must be between 1 and 20")]
    Weight(i64),
    #[error("priority {0} must be between 1 and 100")]
    Priority(i64),
    #[error("health monitor reference and template cannot be specified together")]
    RefsAndTemplate,
    #[error("health monitor template {0} not found")]
    TemplateMissing(String),
    #[error("health monitor template {0} not federated")]
    TemplateNotFederated(String),
    #[error("health monitor template is not supported for non-path based health monitors")]
    TemplateKind,
    #[error("client request header in health monitor template {0} is invalid")]
    TemplateRequest(String),
    #[error("health monitor ref {0} is invalid")]
    MonitorRef(String),
    #[error("invalid pool algorithm: {0}")]
    Algorithm(PoolAlgorithmError),
    #[error("empty string as site persistence reference not supported")]
    PersistenceEmpty,
    #[error("site persistence ref {0} not present")]
    PersistenceMissing(String),
    #[error("empty string as pki profile reference not supported")]
    PkiEmpty,
    #[error("pki profile ref {0} not present")]
    PkiMissing(String),
    #[error("invalid down response configuration: {0}")]
    DownResponse(DownResponseError),
    /// The schema's limit, which a manifest in a directory does not pass through.
    #[error("ttl {0} must be between 0 and 86400")]
    Ttl(i64),
    #[error("a GDP object already exists, can't add another")]
    Another,
}

impl Default for Split {
    /// Of a cluster without an entry (amko 5.2).
    fn default() -> Self {
        Self { ratio: 1, priority: 10 }
    }
}

impl Policy {
    /// Weight and priority of a cluster's members.
    #[must_use]
    pub fn split_of(&self, cluster: &str) -> Split {
        self.split.get(cluster).copied().unwrap_or_default()
    }

    /// Whether it selects nothing for want of a usable selector.
    #[must_use]
    pub fn selects_nothing(&self) -> bool {
        self.app_selector.is_none() && self.namespace_selector.is_none()
    }
}

/// Objects of the controller that a policy names.
#[must_use]
pub fn lookups(spec: &GlobalDeploymentPolicySpec) -> Vec<Lookup> {
    let monitors = spec.health_monitor_template.iter().chain(&spec.health_monitor_refs);
    let monitors = monitors.map(|name| Lookup::HealthMonitor(name.clone()));
    let persistence = spec.site_persistence_ref.iter().map(|name| Lookup::PersistenceProfile(name.clone()));
    let pki = spec.pki_profile_ref.iter().map(|name| Lookup::PkiProfile(name.clone()));
    monitors.chain(persistence).chain(pki).filter(|lookup| !lookup.name().is_empty()).collect()
}

/// Checks a policy in the order of amko 2.2. `contexts` are the clusters of the `GSLBConfig`, `tenant` is where named
/// objects are looked for.
///
/// # Errors
/// The first check that fails.
pub fn validate(
    object: &GlobalDeploymentPolicy,
    contexts: &[String],
    tenant: &str,
    view: &ControllerView,
) -> Result<Policy, PolicyError> {
    let spec = &object.spec;
    let rules = &spec.match_rules;
    let (no_key, no_value) = (PolicyError::AppLabelKey, PolicyError::AppLabelValue);
    let app_selector = selector("appSelector", rules.app_selector.as_ref(), no_key, no_value)?;
    let (no_key, no_value) = (PolicyError::NamespaceLabelKey, PolicyError::NamespaceLabelValue);
    let namespace_selector = selector("namespaceSelector", rules.namespace_selector.as_ref(), no_key, no_value)?;
    let clusters = match_clusters(spec, contexts)?;
    let split = traffic_split(spec, contexts)?;
    let monitors = monitors(spec, tenant, view)?;
    let algorithm = pool_algorithm(spec.pool_algorithm_settings.as_ref()).map_err(PolicyError::Algorithm)?;
    match spec.site_persistence_ref.as_deref() {
        Some("") => return Err(PolicyError::PersistenceEmpty),
        Some(name) if !view.has_persistence_profile(tenant, name) => {
            return Err(PolicyError::PersistenceMissing(name.to_owned()));
        }
        _ => {}
    }
    match spec.pki_profile_ref.as_deref() {
        Some("") => return Err(PolicyError::PkiEmpty),
        Some(name) if !view.has_pki_profile(tenant, name) => return Err(PolicyError::PkiMissing(name.to_owned())),
        _ => {}
    }
    let down_response = self::down_response(spec.down_response.as_ref()).map_err(PolicyError::DownResponse)?;
    Ok(Policy {
        name: object.metadata.name.clone().unwrap_or_default(),
        app_selector,
        namespace_selector,
        clusters,
        split,
        ttl: spec.ttl.map(ttl).transpose()?,
        control_plane_only: spec.control_plane_hm_only == Some(true),
        monitors,
        persistence: spec.site_persistence_ref.clone(),
        pki_profile: spec.pki_profile_ref.clone(),
        algorithm,
        down_response,
        default_domain: spec.default_domain.clone(),
    })
}

/// Entries of `trafficSplit` that another entry for the same cluster takes the place of, a line for each cluster. The
/// original says nothing of it.
#[must_use]
pub fn repeated_splits(split: &[TrafficSplit]) -> Vec<String> {
    let mut entries: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in split {
        *entries.entry(&entry.cluster).or_default() += 1;
    }
    let repeated = entries.into_iter().filter(|(_, count)| *count > 1);
    repeated
        .map(|(cluster, count)| {
            format!("trafficSplit names cluster {cluster} {count} times, the last entry counts; remove the others")
        })
        .collect()
}

/// What a selector asks for, with the words of the original for what is empty in its `label`.
fn selector(
    field: &'static str,
    selector: Option<&LabelSelector>,
    no_key: PolicyError,
    no_value: PolicyError,
) -> Result<Option<Selector>, PolicyError> {
    let Some(selector) = selector else { return Ok(None) };
    for (key, value) in &selector.label {
        if key.is_empty() {
            return Err(no_key);
        }
        if value.is_empty() {
            return Err(no_value);
        }
    }
    Selector::parse(selector).map_err(|error| PolicyError::Selector { field, error })
}

fn match_clusters(
    spec: &GlobalDeploymentPolicySpec,
    contexts: &[String],
) -> Result<BTreeMap<String, bool>, PolicyError> {
    let mut clusters = BTreeMap::new();
    for entry in &spec.match_clusters {
        if !contexts.contains(&entry.cluster) {
            return Err(PolicyError::MatchCluster(entry.cluster.clone()));
        }
        clusters.insert(entry.cluster.clone(), entry.sync_vip_only.unwrap_or(false));
    }
    Ok(clusters)
}

fn traffic_split(
    spec: &GlobalDeploymentPolicySpec,
    contexts: &[String],
) -> Result<BTreeMap<String, Split>, PolicyError> {
    let unset = Split::default();
    let mut split = BTreeMap::new();
    for entry in &spec.traffic_split {
        if !contexts.contains(&entry.cluster) {
            return Err(PolicyError::SplitCluster(entry.cluster.clone()));
        }
        let ratio = match entry.weight {
            None => unset.ratio,
            Some(weight) => in_range(weight, 1, 20).ok_or(PolicyError::Weight(weight))?,
        };
        let priority = match entry.priority {
            None => unset.priority,
            Some(priority) => in_range(priority, 0, 100).ok_or(PolicyError::Priority(priority))?,
        };
        split.insert(entry.cluster.clone(), Split { ratio, priority });
    }
    Ok(split)
}

fn monitors(
    spec: &GlobalDeploymentPolicySpec,
    tenant: &str,
    view: &ControllerView,
) -> Result<MonitorPolicy, PolicyError> {
    let template_name = spec.health_monitor_template.as_deref();
    if template_name.is_some() && !spec.health_monitor_refs.is_empty() {
        return Err(PolicyError::RefsAndTemplate);
    }
    let template = template_name.map(|name| template(name, tenant, view)).transpose()?;
    for name in &spec.health_monitor_refs {
        if !view.monitor(tenant, name).is_some_and(|monitor| monitor.is_federated) {
            return Err(PolicyError::MonitorRef(name.clone()));
        }
    }
    Ok(match template {
        Some(template) => MonitorPolicy::Template(template),
        None if spec.health_monitor_refs.is_empty() => MonitorPolicy::Generated,
        None => MonitorPolicy::Refs(spec.health_monitor_refs.clone()),
    })
}

pub(crate) fn template(name: &str, tenant: &str, view: &ControllerView) -> Result<Template, PolicyError> {
    let monitor = view.monitor(tenant, name).ok_or_else(|| PolicyError::TemplateMissing(name.to_owned()))?;
    if !monitor.is_federated {
        return Err(PolicyError::TemplateNotFederated(name.to_owned()));
    }
    if !matches!(monitor.kind.as_str(), "HEALTH_MONITOR_HTTP" | "HEALTH_MONITOR_HTTPS") {
        return Err(PolicyError::TemplateKind);
    }
    let [method, _, version] = monitor.http_request.split(' ').collect::<Vec<_>>()[..] else {
        return Err(PolicyError::TemplateRequest(name.to_owned()));
    };
    Ok(Template {
        name: name.to_owned(),
        method: method.to_owned(),
        version: version.to_owned(),
        response_codes: monitor.http_response_code.clone(),
    })
}

pub(crate) fn ttl(seconds: i64) -> Result<u32, PolicyError> {
    in_range(seconds, 0, 86_400).ok_or(PolicyError::Ttl(seconds))
}

pub(crate) fn in_range(value: i64, min: u32, max: u32) -> Option<u32> {
    u32::try_from(value).ok().filter(|value| (min..=max).contains(value))
}

impl Lookup {
    /// Name of the object.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::HealthMonitor(name)
            | Self::PersistenceProfile(name)
            | Self::PkiProfile(name)
            | Self::ThirdPartySite(name) => name,
        }
    }
}

#[cfg(test)]
mod tests;
