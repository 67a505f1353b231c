//! `GSLBHostRule`s: their statuses, and the services that they keep (amko 2.3, 5.3).

use std::collections::BTreeMap;

use amko_translate::{Identity, ObjectName, PublishedMonitor, PublishedService, RuleStatus, Traffic};
use k8s_crds::Kind;
use reconcile::{Key, ObjectType, Ownership};
use serde_json::json;

use super::Operator;
use super::look::{leader_object, owner};

impl Operator {
    /// Tells each rule what became of it.
    pub(super) fn tell_rules(&mut self, reviews: Vec<RuleStatus>) {
        for review in reviews {
            let key = leader_object(Kind::GslbHostRule, &review.namespace, &review.name);
            let error = review.error.map(|error| error.to_string());
            let status = if error.is_some() { "Rejected" } else { "Accepted" };
            let text = error.as_ref().map_or_else(|| status.to_owned(), |error| format!("{status}: {error}"));
            let warnings = self.warnings.of(&key);
            let body = json!({"status": status, "error": error.as_deref().unwrap_or_default(), "warnings": warnings});
            self.write_status(&key, body, &text, error.is_some());
        }
    }

    /// Services of ours on the controller that a rule gives third-party members, and what their monitors probe.
    pub(super) fn standing(&self, identity: &Identity) -> BTreeMap<ObjectName, Traffic> {
        let owner = owner(identity);
        let rules = self.rules.in_force().iter().filter(|(_, rule)| !rule.third_party.is_empty());
        let services = rules.filter_map(|(name, _)| {
            let key = Key { kind: ObjectType::GslbService, tenant: name.tenant.clone(), name: name.name.clone() };
            let there = self.observed.objects.get(&key)?;
            let is_ours = owner.ownership(key.kind, there) == Ownership::Ours;
            is_ours.then(|| (name, PublishedService::from_body(&key.tenant, &there.body())))
        });
        let traffic = |name: &ObjectName, service: PublishedService| {
            let monitors = self.observed.objects.iter().filter(|(key, object)| {
                key.kind == ObjectType::HealthMonitor
                    && key.tenant == name.tenant
                    && object.service.as_deref() == Some(name.name.as_str())
            });
            let monitors =
                monitors.filter_map(|(key, object)| PublishedMonitor::from_body(&key.tenant, &object.body()));
            service.traffic(&monitors.collect::<Vec<_>>())
        };
        services.map(|(name, service)| (name.clone(), traffic(name, service))).collect()
    }
}
