//! Which rules are in force, over time.

use std::collections::{BTreeMap, BTreeSet};

use k8s_crds::GslbHostRule;

use super::{HostRule, HostRuleError, rule_lookups, validate_rule};
use crate::{Config, ControllerView, Index, Lookup, ObjectName, selection};

/// Remembers which rule has each name.
#[derive(Debug, Clone, Default)]
pub struct RuleBook {
    in_force: BTreeMap<ObjectName, HostRule>,
}

/// What became of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleStatus {
    /// Namespace of the object.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// `status.error`; `None` when it is accepted.
    pub error: Option<HostRuleError>,
}

/// `status.status` of a valid rule.
const ACCEPTED: &str = "Accepted";

impl RuleBook {
    /// The rules in force, by tenant and global name.
    #[must_use]
    pub fn in_force(&self) -> &BTreeMap<ObjectName, HostRule> {
        &self.in_force
    }

    /// Objects of the controller that the rules name, each with the tenant in which it is looked for.
    #[must_use]
    pub fn lookups(index: &Index, config: &Config) -> Vec<(String, Lookup)> {
        let rules = index.host_rules();
        let of = |rule| {
            let tenant = tenant(index, config, rule);
            rule_lookups(&rule.spec).into_iter().map(move |lookup| (tenant.clone(), lookup))
        };
        rules.flat_map(of).collect()
    }

    /// Examines all rules and settles which are in force. What they name has to be in `view` by now, but for `doubtful`,
    /// which the controller failed to tell about: a rule in force that names any of it stays as it is, without a status.
    pub fn review(
        &mut self,
        index: &Index,
        config: &Config,
        view: &ControllerView,
        doubtful: &BTreeSet<(String, Lookup)>,
    ) -> Vec<RuleStatus> {
        let mut in_force: BTreeMap<ObjectName, HostRule> = BTreeMap::new();
        let mut statuses = Vec::new();
        for object in self.ranked(index) {
            let tenant = tenant(index, config, object);
            let (namespace, name) = names(object);
            let key = ObjectName { tenant: tenant.clone(), name: object.spec.fqdn.clone() };
            let is_doubtful =
                || rule_lookups(&object.spec).into_iter().any(|l| doubtful.contains(&(tenant.clone(), l)));
            if let Some(rule) = self.in_force.get(&key)
                && rule.name == format!("{namespace}/{name}")
                && is_doubtful()
            {
                in_force.insert(key, rule.clone());
                continue;
            }
            let error = match validate_rule(object, &config.clusters, &tenant, view) {
                Err(error) => Some(error),
                Ok(rule) => {
                    let is_taken = in_force.contains_key(&key);
                    if !is_taken {
                        in_force.insert(key, rule);
                    }
                    is_taken.then_some(HostRuleError::Another)
                }
            };
            statuses.push(RuleStatus { namespace, name, error });
        }
        self.in_force = in_force;
        statuses
    }

    /// Order of preference: in force, accepted before, the oldest, the first by namespace and name.
    fn ranked<'a>(&self, index: &'a Index) -> Vec<&'a GslbHostRule> {
        let mut all: Vec<_> = index.host_rules().collect();
        all.sort_by_cached_key(|object| {
            let (namespace, name) = names(object);
            let full_name = format!("{namespace}/{name}");
            let has_it = |rule: &HostRule| rule.name == full_name && rule.fqdn == object.spec.fqdn;
            let is_current = self.in_force.values().any(has_it);
            let was_accepted = object.status.as_ref().is_some_and(|status| status.status == ACCEPTED);
            let created = object.metadata.creation_timestamp.as_ref().map(|time| time.0);
            (!is_current, !was_accepted, created.is_none(), created, namespace, name)
        });
        all
    }
}

/// The tenant that a rule is about: that of its namespace in the leader cluster (amko 5.9).
fn tenant(index: &Index, config: &Config, object: &GslbHostRule) -> String {
    let (namespace, _) = names(object);
    selection::namespace_tenant(index, index.leader(), &namespace).unwrap_or_else(|| config.tenant.clone())
}

fn names(object: &GslbHostRule) -> (String, String) {
    let namespace = object.metadata.namespace.clone().unwrap_or_else(|| "default".to_owned());
    (namespace, object.metadata.name.clone().unwrap_or_default())
}
