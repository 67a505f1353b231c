//! `GSLBHostRule`: what one global name has otherwise than the policy says (amko 2.3, 5.2, 5.4).
//!
//! Rules are values that are examined anew at each look, as policies are; so a rule follows what the controller holds,
//! and its deletion leaves nothing behind. Of several rules for one name the first stays until it is deleted or
//! invalid; the original lets the last one win.

mod book;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_crds::{GslbHostRule, GslbHostRuleSpec};

use crate::desired::{DownResponse, PoolAlgorithm};
use crate::policy::{self, DownResponseError, MonitorPolicy, Policy, PolicyError, PoolAlgorithmError, Split, Template};
use crate::{ControllerView, Lookup};
pub use book::{RuleBook, RuleStatus};

/// A valid rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRule {
    /// `namespace/name`.
    pub name: String,
    /// Global name that it is about.
    pub fqdn: String,
    /// Time to live, in seconds.
    pub ttl: Option<u32>,
    /// Site persistence; `None` leaves it to the policy.
    pub persistence: Option<RulePersistence>,
    /// Members outside of clusters.
    pub third_party: Vec<ThirdParty>,
    /// Whether no monitor is attached.
    pub control_plane_only: Option<bool>,
    /// Which monitors are attached; never [`MonitorPolicy::Generated`].
    pub monitors: Option<MonitorPolicy>,
    /// How a member of a pool is chosen.
    pub algorithm: Option<PoolAlgorithm>,
    /// Weight and priority of clusters and third-party sites.
    pub split: BTreeMap<String, Split>,
    /// Public address of a cluster's members.
    pub public_ips: BTreeMap<String, IpAddr>,
    /// What is answered when everything is down.
    pub down_response: Option<DownResponse>,
}

/// Site persistence of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RulePersistence {
    /// None, whatever the policy says.
    Off,
    /// By this profile.
    On {
        /// Name of the profile.
        profile: String,
        /// Name of the PKI profile; the policy's when absent.
        pki_profile: Option<String>,
    },
}

/// A member outside of clusters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThirdParty {
    /// Third-party site.
    pub site: String,
    /// Address.
    pub vip: IpAddr,
    /// Public address.
    pub public_ip: Option<IpAddr>,
}

/// Why a rule is rejected; the text is its `status.error`, verbatim amko 2.3.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each text says what its variant is")]
pub enum HostRuleError {
    #[error("GSFqdn missing for {0} GSLBHostRule")]
    Fqdn(String),
    #[error("SitePersistence Profile {profile} error for {rule} GSLBHostRule")]
    Persistence { profile: String, rule: String },
    #[error("PKI Profile {profile} error for {rule} GSLBHostRule")]
    Pki { profile: String, rule: String },
    #[error("Invalid Pool Algorithm: {0}")]
    Algorithm(PoolAlgorithmError),
    #[error("Invalid VIP for thirdPartyMember site {site},{rule} GSLBHostRule (expecting IP address)")]
    Vip { site: String, rule: String },
    #[error("ThirdPartyMember site {site} does not exist for {rule} GSLBHostRule")]
    Site { site: String, rule: String },
    #[error("cluster {0} in Public IP  not present in GSLBConfig")]
    PublicIpCluster(String),
    /// Also of a third-party member, whose public address the original sends as it is.
    #[error("Invalid IP for site {site},{rule} GSLBHostRule (expecting IP address)")]
    PublicIp { site: String, rule: String },
    #[error("health monitor reference and template cannot be specified together for {0} GSLBHostRule")]
    RefsAndTemplate(String),
    /// A template, as a policy's; and the schema's limits, which a manifest in a directory does not pass through.
    #[error(transparent)]
    AsPolicy(PolicyError),
    #[error("Health Monitor Ref {monitor} error for {rule} GSLBHostRule")]
    MonitorRef { monitor: String, rule: String },
    #[error(transparent)]
    DownResponse(DownResponseError),
    #[error("there's an existing GSLBHostRule for the same FQDN")]
    Another,
}

/// Weight and priority where a rule's entry, or a third-party site, says nothing (amko 2.3, 5.2).
const UNSET: Split = Split { ratio: 1, priority: 1 };

impl HostRule {
    /// Weight and priority of a third-party site's members.
    #[must_use]
    pub fn split_of_site(&self, site: &str) -> Split {
        self.split.get(site).copied().unwrap_or(UNSET)
    }
}

/// The policy as it is for one name.
#[must_use]
pub fn effective<'a>(policy: &'a Policy, rule: Option<&HostRule>) -> Cow<'a, Policy> {
    let Some(rule) = rule else { return Cow::Borrowed(policy) };
    let mut policy = policy.clone();
    policy.ttl = rule.ttl.or(policy.ttl);
    policy.control_plane_only = rule.control_plane_only.unwrap_or(policy.control_plane_only);
    if let Some(monitors) = &rule.monitors {
        policy.monitors = monitors.clone();
    }
    policy.algorithm = rule.algorithm.unwrap_or(policy.algorithm);
    policy.down_response = rule.down_response.or(policy.down_response);
    policy.split.extend(rule.split.iter().map(|(cluster, split)| (cluster.clone(), *split)));
    match &rule.persistence {
        None => {}
        Some(RulePersistence::Off) => policy.persistence = None,
        Some(RulePersistence::On { profile, pki_profile }) => {
            policy.persistence = Some(profile.clone());
            policy.pki_profile = pki_profile.clone().or(policy.pki_profile);
        }
    }
    Cow::Owned(policy)
}

/// Objects of the controller that a rule names.
#[must_use]
pub fn rule_lookups(spec: &GslbHostRuleSpec) -> Vec<Lookup> {
    let monitors = spec.health_monitor_template.iter().chain(&spec.health_monitor_refs);
    let monitors = monitors.map(|name| Lookup::HealthMonitor(name.clone()));
    let persistence = spec.site_persistence.as_ref();
    let profile = persistence.filter(|persistence| persistence.enabled).and_then(|p| p.profile_ref.clone());
    let pki = persistence.and_then(|persistence| persistence.pki_profile_ref.clone());
    let sites = spec.third_party_members.iter().map(|member| Lookup::ThirdPartySite(member.site.clone()));
    let profiles = profile.map(Lookup::PersistenceProfile).into_iter().chain(pki.map(Lookup::PkiProfile));
    monitors.chain(profiles).chain(sites).filter(|lookup| !lookup.name().is_empty()).collect()
}

/// Checks a rule in the order of amko 2.3. `contexts` are the clusters of the `GSLBConfig`, `tenant` is where named
/// objects are looked for.
///
/// # Errors
/// The first check that fails.
pub fn validate_rule(
    object: &GslbHostRule,
    contexts: &[String],
    tenant: &str,
    view: &ControllerView,
) -> Result<HostRule, HostRuleError> {
    let spec = &object.spec;
    let rule = object.metadata.name.clone().unwrap_or_default();
    if spec.fqdn.is_empty() {
        return Err(HostRuleError::Fqdn(rule));
    }
    let persistence = persistence(spec, &rule, tenant, view)?;
    let algorithm = spec.pool_algorithm_settings.as_ref();
    let algorithm = algorithm.map(|settings| policy::pool_algorithm(Some(settings))).transpose();
    let algorithm = algorithm.map_err(HostRuleError::Algorithm)?;
    let third_party = third_party(spec, &rule, view)?;
    let public_ips = public_ips(spec, &rule, contexts)?;
    let monitors = monitors(spec, &rule, tenant, view)?;
    let down_response = policy::down_response(spec.down_response.as_ref()).map_err(HostRuleError::DownResponse)?;
    Ok(HostRule {
        name: format!("{}/{rule}", object.metadata.namespace.as_deref().unwrap_or("default")),
        fqdn: spec.fqdn.clone(),
        ttl: spec.ttl.map(policy::ttl).transpose().map_err(HostRuleError::AsPolicy)?,
        persistence,
        third_party,
        control_plane_only: spec.control_plane_hm_only,
        monitors,
        algorithm,
        split: split(spec)?,
        public_ips,
        down_response,
    })
}

fn persistence(
    spec: &GslbHostRuleSpec,
    rule: &str,
    tenant: &str,
    view: &ControllerView,
) -> Result<Option<RulePersistence>, HostRuleError> {
    let Some(setting) = &spec.site_persistence else { return Ok(None) };
    let profile = setting.profile_ref.clone().unwrap_or_default();
    if setting.enabled && !view.has_persistence_profile(tenant, &profile) {
        return Err(HostRuleError::Persistence { profile, rule: rule.to_owned() });
    }
    if let Some(profile) = setting.pki_profile_ref.as_ref().filter(|name| !view.has_pki_profile(tenant, name)) {
        return Err(HostRuleError::Pki { profile: profile.clone(), rule: rule.to_owned() });
    }
    Ok(Some(match setting.enabled {
        true => RulePersistence::On { profile, pki_profile: setting.pki_profile_ref.clone() },
        false => RulePersistence::Off,
    }))
}

fn third_party(spec: &GslbHostRuleSpec, rule: &str, view: &ControllerView) -> Result<Vec<ThirdParty>, HostRuleError> {
    let mut members = Vec::new();
    for member in &spec.third_party_members {
        let (site, rule) = (member.site.clone(), rule.to_owned());
        let Ok(vip) = member.vip.parse() else { return Err(HostRuleError::Vip { site, rule }) };
        if !view.third_party_sites.contains(&site) {
            return Err(HostRuleError::Site { site, rule });
        }
        let public_ip = match member.public_ip.as_deref().filter(|text| !text.is_empty()).map(str::parse) {
            None => None,
            Some(Ok(address)) => Some(address),
            Some(Err(_)) => return Err(HostRuleError::PublicIp { site, rule }),
        };
        members.push(ThirdParty { site, vip, public_ip });
    }
    Ok(members)
}

fn public_ips(
    spec: &GslbHostRuleSpec,
    rule: &str,
    contexts: &[String],
) -> Result<BTreeMap<String, IpAddr>, HostRuleError> {
    let mut addresses = BTreeMap::new();
    for entry in &spec.public_ip {
        let site = entry.cluster.clone();
        if !contexts.contains(&site) {
            return Err(HostRuleError::PublicIpCluster(site));
        }
        let Ok(address) = entry.ip.parse() else {
            return Err(HostRuleError::PublicIp { site, rule: rule.to_owned() });
        };
        addresses.insert(site, address);
    }
    Ok(addresses)
}

fn monitors(
    spec: &GslbHostRuleSpec,
    rule: &str,
    tenant: &str,
    view: &ControllerView,
) -> Result<Option<MonitorPolicy>, HostRuleError> {
    let template = spec.health_monitor_template.as_deref();
    if template.is_some() && !spec.health_monitor_refs.is_empty() {
        return Err(HostRuleError::RefsAndTemplate(rule.to_owned()));
    }
    if let Some(name) = template {
        let template: Template = policy::template(name, tenant, view).map_err(HostRuleError::AsPolicy)?;
        return Ok(Some(MonitorPolicy::Template(template)));
    }
    for name in &spec.health_monitor_refs {
        if !view.monitor(tenant, name).is_some_and(|monitor| monitor.is_federated) {
            return Err(HostRuleError::MonitorRef { monitor: name.clone(), rule: rule.to_owned() });
        }
    }
    Ok((!spec.health_monitor_refs.is_empty()).then(|| MonitorPolicy::Refs(spec.health_monitor_refs.clone())))
}

/// Clusters and sites are not checked: the original does not, and sites come and go.
fn split(spec: &GslbHostRuleSpec) -> Result<BTreeMap<String, Split>, HostRuleError> {
    let mut split = BTreeMap::new();
    for entry in &spec.traffic_split {
        let weight = entry.weight.unwrap_or(i64::from(UNSET.ratio));
        let ratio = policy::in_range(weight, 1, 20).ok_or(HostRuleError::AsPolicy(PolicyError::Weight(weight)))?;
        let priority = entry.priority.unwrap_or(i64::from(UNSET.priority));
        let priority =
            policy::in_range(priority, 0, u32::MAX).ok_or(HostRuleError::AsPolicy(PolicyError::Priority(priority)))?;
        split.insert(entry.cluster.clone(), Split { ratio, priority });
    }
    Ok(split)
}
