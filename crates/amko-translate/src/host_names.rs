//! What AKO's `HostRule`s of one cluster say about its hosts: global names and certificates (amko 2.7, 3.4, 4).
//!
//! Only rules that AKO accepted count. The original takes each `fqdn` at its word, so that a Wildcard or Contains rule
//! never fits a host; here such a rule names the hosts that AKO applies it to. Where several fit, the order is Exact,
//! the longest Wildcard, the longest Contains (ako 7.1); where that leaves two, the older one counts: AKO rejects the
//! other.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use k8s_crds::{HostRule, HostRuleVirtualHost, Kind, Object};

use crate::index::ClusterObjects;
use crate::selection::{Candidate, Reason, Traffic};

/// Accepted rules of a cluster, by the hosts they are about.
pub(crate) struct HostNames<'a> {
    objects: &'a ClusterObjects,
    exact: BTreeMap<&'a str, &'a HostRule>,
    /// Wildcard and Contains, the one that counts first.
    patterns: Vec<&'a HostRule>,
}

/// A name that AKO gives the status of a rule in force.
const ACCEPTED: &str = "Accepted";

impl<'a> HostNames<'a> {
    pub(crate) fn of(objects: &'a ClusterObjects) -> Self {
        let mut exact: BTreeMap<&str, &HostRule> = BTreeMap::new();
        let mut patterns = Vec::new();
        for rule in rules(objects).filter(|rule| is_accepted(rule)) {
            match fqdn_type(&rule.spec.virtualhost) {
                FqdnType::Exact => {
                    let first = exact.entry(&rule.spec.virtualhost.fqdn).or_insert(rule);
                    if age(rule) < age(first) {
                        *first = rule;
                    }
                }
                FqdnType::Wildcard | FqdnType::Contains => patterns.push(rule),
            }
        }
        patterns.sort_by_key(|rule| {
            let host = &rule.spec.virtualhost;
            (fqdn_type(host), Reverse(host.fqdn.len()), age(rule))
        });
        Self { objects, exact, patterns }
    }

    /// Rules about one host name each, which may carry aliases.
    pub(crate) fn exact(&self) -> impl Iterator<Item = &'a HostRule> {
        self.exact.values().copied()
    }

    /// Makes a member secure when its host has a certificate by a rule of its namespace (amko 3.4).
    pub(crate) fn secure(&self, candidate: &mut Candidate, local_host: &str) {
        let rule = || self.rule(local_host).filter(|rule| rule.metadata.namespace == namespace(candidate));
        if let Traffic::Paths { tls: false, .. } = candidate.traffic
            && rule().is_some_and(has_certificate)
            && let Traffic::Paths { tls, .. } = &mut candidate.traffic
        {
            *tls = true;
        }
    }

    /// Global name of a host.
    ///
    /// # Errors
    /// Why it has none.
    pub(crate) fn global_name(&self, local_host: &str) -> Result<&'a str, Reason> {
        let Some(rule) = self.rule(local_host) else {
            let refused = rules(self.objects).find(|rule| !is_accepted(rule) && fits(rule, local_host));
            return Err(match refused {
                Some(rule) => Reason::HostRuleNotAccepted { rule: full_name(rule), status: status(rule) },
                None => Reason::NoHostRule(local_host.to_owned()),
            });
        };
        match global_name(rule) {
            None => Err(Reason::NoGlobalName(full_name(rule))),
            Some(name) if name.starts_with('*') => Err(Reason::WildcardHost(name.to_owned())),
            Some(name) => Ok(name),
        }
    }

    /// The rule about a host.
    fn rule(&self, host: &str) -> Option<&'a HostRule> {
        self.exact.get(host).or_else(|| self.patterns.iter().find(|rule| fits(rule, host))).copied()
    }
}

/// Kind of the host name of a rule, in the order in which they count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum FqdnType {
    Exact,
    Wildcard,
    Contains,
}

fn fqdn_type(host: &HostRuleVirtualHost) -> FqdnType {
    match host.fqdn_type.as_deref() {
        Some("Wildcard") => FqdnType::Wildcard,
        Some("Contains") => FqdnType::Contains,
        _ => FqdnType::Exact,
    }
}

fn fits(rule: &HostRule, host: &str) -> bool {
    let pattern = rule.spec.virtualhost.fqdn.as_str();
    match fqdn_type(&rule.spec.virtualhost) {
        FqdnType::Exact => pattern == host,
        FqdnType::Wildcard => pattern.strip_prefix('*').is_some_and(|suffix| host.ends_with(suffix)),
        FqdnType::Contains => host.contains(pattern),
    }
}

fn rules(objects: &ClusterObjects) -> impl Iterator<Item = &HostRule> {
    objects.of_kind(Kind::HostRule).filter_map(|object| match object {
        Object::HostRule(rule) => Some(rule),
        _ => None,
    })
}

/// Whether AKO has it in force (amko 2.7).
fn is_accepted(rule: &HostRule) -> bool {
    !rule.spec.virtualhost.fqdn.is_empty() && rule.status.as_ref().is_some_and(|status| status.status == ACCEPTED)
}

/// Global name that a rule gives; none when empty (amko 12 line 38).
pub(crate) fn global_name(rule: &HostRule) -> Option<&str> {
    rule.spec.virtualhost.gslb.as_ref().map(|gslb| gslb.fqdn.as_str()).filter(|name| !name.is_empty())
}

/// `namespace/name`.
pub(crate) fn full_name(rule: &HostRule) -> String {
    let namespace = rule.metadata.namespace.as_deref().unwrap_or("default");
    format!("{namespace}/{}", rule.metadata.name.as_deref().unwrap_or_default())
}

/// Orders by age; of those that do not tell, by name.
pub(crate) fn age(rule: &HostRule) -> impl Ord {
    let created = rule.metadata.creation_timestamp.as_ref().map(|time| time.0);
    (created.is_none(), created, full_name(rule))
}

fn has_certificate(rule: &HostRule) -> bool {
    let certificate = rule.spec.virtualhost.tls.as_ref().and_then(|tls| tls.ssl_key_certificate.as_ref());
    certificate.is_some_and(|certificate| !certificate.name.is_empty())
}

/// What AKO says of it, in words.
fn status(rule: &HostRule) -> String {
    let status = rule.status.as_ref().filter(|status| !status.status.is_empty());
    match status {
        None => "AKO has not looked at it yet".to_owned(),
        Some(status) if status.error.is_empty() => status.status.clone(),
        Some(status) => format!("{}: {}", status.status, status.error),
    }
}

fn namespace(candidate: &Candidate) -> Option<String> {
    Some(candidate.object.namespace.clone())
}
