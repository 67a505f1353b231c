//! Monitors that no service needs, or would need were a certain one not there.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Planner, Step};
use crate::draft::Draft;
use crate::object::{Key, ObjectType, Ownership, Unit};

impl<D: Draft> Planner<'_, D> {
    /// Monitors that a service refers to which is wanted or stays. Those that are wanted of `but` do not count.
    pub(super) fn referenced(&self, but: Option<&BTreeSet<Unit>>) -> BTreeSet<Key> {
        let observed = &self.situation.observed.objects;
        let staying = observed.iter().filter(|(key, object)| {
            key.kind == ObjectType::GslbService
                && (self.situation.owner.ownership(key.kind, object) != Ownership::Ours || (self.situation.keep)(key))
        });
        let mut referenced = BTreeSet::new();
        let mut note = |tenant: &str, reference: &str| {
            let name = self.names.of(reference).to_owned();
            referenced.insert(Key { kind: ObjectType::HealthMonitor, tenant: tenant.to_owned(), name });
        };
        for (key, object) in staying {
            object.monitors.iter().for_each(|reference| note(&key.tenant, reference));
        }
        let wanted = self.situation.wanted.iter().filter(|wanted| wanted.key.kind == ObjectType::GslbService);
        for wanted in wanted.filter(|wanted| but.is_none_or(|but| !but.contains(&wanted.unit))) {
            wanted.draft.monitors().iter().for_each(|reference| note(&wanted.key.tenant, reference));
        }
        referenced
    }

    /// Whether a unit has a service of ours.
    pub(super) fn has_service(&self, unit: &Unit) -> bool {
        let key = Key { kind: ObjectType::GslbService, tenant: unit.tenant.clone(), name: unit.service.clone() };
        let object = self.observed(&key);
        object.is_some_and(|object| self.situation.owner.ownership(key.kind, object) == Ownership::Ours)
    }

    /// By unit, the deletions of its monitors of ours that are there, were none of these units' services to be there.
    pub(super) fn leftovers(&self, units: &BTreeSet<Unit>) -> BTreeMap<Unit, Vec<Step>> {
        let mut leftovers: BTreeMap<Unit, Vec<Step>> = BTreeMap::new();
        if units.is_empty() {
            return leftovers;
        }
        let referenced = self.referenced(Some(units));
        let wanted: BTreeMap<&Key, &Unit> =
            self.situation.wanted.iter().map(|wanted| (&wanted.key, &wanted.unit)).collect();
        for (key, object) in &self.situation.observed.objects {
            let is_spare = key.kind == ObjectType::HealthMonitor
                && self.situation.owner.ownership(key.kind, object) == Ownership::Ours
                && !(self.situation.keep)(key)
                && !referenced.contains(key);
            let unit = wanted.get(key).map_or_else(|| object.unit(key), |unit| (*unit).clone());
            if is_spare && units.contains(&unit) {
                let action = Action::Delete { uuid: object.uuid.clone() };
                let step = Step { unit: unit.clone(), key: key.clone(), action };
                leftovers.entry(unit).or_default().push(step);
            }
        }
        leftovers
    }
}
