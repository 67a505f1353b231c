//! Further names of a service: the aliases of AKO's `HostRule`s (amko 4.1 to 4.3).
//!
//! An alias belongs to one service. The service that has it keeps it; among those that ask at the same time the oldest
//! rule wins. A refused claim is told, and the alias goes to it when the holder lets go (amko 12 line 39). A service's
//! own name is never another's alias.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use k8s_crds::HostRule;

use crate::desired::ObjectName;
use crate::host_names::{HostNames, age, full_name, global_name};
use crate::{Config, Index, NameBook, Policy};

/// Which further names services have, and which they do not get.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aliases {
    /// By service: each alias with the rule that brings it; `None` for one that is kept while the rules of a cluster
    /// cannot be read.
    pub granted: BTreeMap<ObjectName, BTreeMap<String, Option<RuleRef>>>,
    /// Claims that lost.
    pub refused: Vec<RefusedAlias>,
}

/// A `HostRule` of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleRef {
    /// Context.
    pub cluster: String,
    /// `namespace/name`.
    pub name: String,
}

/// An alias that a rule claims, and that another service has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RefusedAlias {
    /// The alias.
    pub alias: String,
    /// The rule.
    pub rule: RuleRef,
    /// The service that it is claimed for.
    pub service: ObjectName,
    /// The service that has it.
    pub holder: ObjectName,
}

struct Claim<'a> {
    service: ObjectName,
    alias: &'a str,
    rule: &'a HostRule,
    cluster: &'a str,
}

impl fmt::Display for RuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostRule {} ({})", self.name, self.cluster)
    }
}

/// Settles who gets which alias among `services`.
pub(crate) fn settle(
    index: &Index,
    config: &Config,
    policy: &Policy,
    services: &BTreeSet<&ObjectName>,
    book: &NameBook,
) -> Aliases {
    let mut aliases = Aliases::default();
    let selected = || config.clusters.iter().filter(|cluster| policy.clusters.contains_key(*cluster));
    let mut by_name: BTreeMap<&str, Vec<&ObjectName>> = BTreeMap::new();
    for service in services {
        by_name.entry(&service.name).or_default().push(service);
    }
    let mut claims = Vec::new();
    for cluster in selected() {
        if let Some(objects) = index.cluster(cluster) {
            claim(cluster, &HostNames::of(objects), config.use_custom_global_fqdn, &by_name, &mut claims);
        }
    }
    claims.sort_by_cached_key(|claim| {
        let has_it = book.holder(claim.alias) == Some(&claim.service);
        (claim.alias.to_owned(), !has_it, age(claim.rule))
    });
    let mut holders: BTreeMap<&str, ObjectName> = BTreeMap::new();
    for claim in claims {
        if claim.alias == claim.service.name {
            continue;
        }
        let holder = match by_name.get(claim.alias).and_then(|services| services.first()) {
            Some(service) => (*service).clone(),
            None => holders.entry(claim.alias).or_insert_with(|| claim.service.clone()).clone(),
        };
        let rule = RuleRef { cluster: claim.cluster.to_owned(), name: full_name(claim.rule) };
        if holder == claim.service {
            aliases.granted.entry(claim.service).or_default().entry(claim.alias.to_owned()).or_insert(Some(rule));
        } else {
            let alias = claim.alias.to_owned();
            aliases.refused.push(RefusedAlias { alias, rule, service: claim.service, holder });
        }
    }
    if selected().any(|cluster| !index.is_settled(cluster)) {
        for (service, alias) in book.unexplained() {
            let is_free = !holders.contains_key(alias.as_str()) && !by_name.contains_key(alias.as_str());
            if is_free && services.contains(service) {
                aliases.granted.entry(service.clone()).or_default().entry(alias.clone()).or_insert(None);
            }
        }
    }
    aliases
}

/// What the rules of a cluster claim. Only rules about one host carry aliases (ako 7.1).
fn claim<'a>(
    cluster: &'a str,
    names: &HostNames<'a>,
    is_custom: bool,
    services: &BTreeMap<&str, Vec<&ObjectName>>,
    claims: &mut Vec<Claim<'a>>,
) {
    for rule in names.exact() {
        let host = &rule.spec.virtualhost;
        let name = match is_custom {
            false => Some(host.fqdn.as_str()),
            true if host.gslb.as_ref().is_some_and(|gslb| gslb.include_aliases) => global_name(rule),
            true => None,
        };
        for service in name.and_then(|name| services.get(name)).into_iter().flatten() {
            let of_rule = host.aliases.iter().filter(|alias| !alias.is_empty());
            claims.extend(of_rule.map(|alias| Claim { service: (*service).clone(), alias, rule, cluster }));
        }
    }
}
