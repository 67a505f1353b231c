//! What to write, in which order.
//!
//! ```text
//! detach GS from monitors to remake ─ delete those ─ create and change monitors ─ create and change services
//!                                                      ─ delete services ─ delete monitors that nothing refers to
//! ```
//!
//! The order holds within a unit; units do not wait for each other. A service that cannot be there has no monitors.

mod leftovers;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::body;
use crate::diff::{Comparison, FieldDiff};
use crate::object::{Key, ObjectType, Observed, ObservedObject, Owner, Ownership, Unit, Wanted};

/// Everything that a plan depends on.
pub struct Situation<'a> {
    /// What should be there.
    pub wanted: &'a [Wanted],
    /// What is there.
    pub observed: &'a Observed,
    /// Who we are.
    pub owner: &'a Owner,
    /// Objects that must not be deleted even though nobody wants them.
    pub keep: &'a dyn Fn(&Key) -> bool,
}

/// Writes, in order. [`std::fmt::Display`] shows it to a person.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Writes.
    pub steps: Vec<Step>,
    /// What cannot be done without touching another's object; nothing is made or changed for these units.
    pub conflicts: Vec<Conflict>,
    /// By unit whose service is to be made: what to delete should the controller refuse that service.
    pub leftovers: BTreeMap<Unit, Vec<Step>>,
}

/// One write.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Unit; when a step fails, later ones of its unit must not be done.
    pub unit: Unit,
    /// Object.
    pub key: Key,
    /// What to do with it.
    pub action: Action,
}

/// What to do with an object.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// POST.
    Create {
        /// Body.
        body: Value,
    },
    /// PUT.
    Update {
        /// UUID.
        uuid: String,
        /// Body.
        body: Value,
        /// What differs.
        why: Vec<FieldDiff>,
    },
    /// PUT of a monitor that has our name and another marker, or none (amko 6.8).
    Adopt {
        /// UUID.
        uuid: String,
        /// Body.
        body: Value,
        /// Whose it was.
        from: Option<String>,
    },
    /// PUT of a service without a monitor that is about to be made anew.
    Detach {
        /// UUID.
        uuid: String,
        /// Body.
        body: Value,
    },
    /// DELETE.
    Delete {
        /// UUID.
        uuid: String,
    },
}

/// An object that is in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Unit that is not written.
    pub unit: Unit,
    /// The object in the way.
    pub key: Key,
    /// Whose it is; `None` when it does not say.
    pub owner: Option<String>,
}

/// Place in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Detach,
    DeleteToRemake,
    Monitors,
    Services,
    DeleteServices,
    DeleteMonitors,
}

/// Fields that a PUT cannot change (avi-api 1.10, 2.8).
const IMMUTABLE: [&str; 2] = ["type", "is_federated"];

/// Plans the way from what is there to what is wanted. Empty when nothing has to be done.
#[must_use]
pub fn plan(situation: &Situation<'_>) -> Plan {
    let names = situation.observed.names();
    let mut planner =
        Planner { situation, names: &names, steps: Vec::new(), conflicts: Vec::new(), remade: BTreeMap::new() };
    for wanted in situation.wanted.iter().filter(|wanted| wanted.key.kind == ObjectType::HealthMonitor) {
        planner.monitor(wanted);
    }
    for wanted in situation.wanted.iter().filter(|wanted| wanted.key.kind == ObjectType::GslbService) {
        planner.service(wanted);
    }
    planner.deletions();
    planner.finish()
}

struct Planner<'a> {
    situation: &'a Situation<'a>,
    names: &'a BTreeMap<String, String>,
    steps: Vec<(Phase, Step)>,
    conflicts: Vec<Conflict>,
    /// Names of monitors that are deleted and made anew, by unit.
    remade: BTreeMap<Unit, Vec<String>>,
}

impl<'a> Planner<'a> {
    fn monitor(&mut self, wanted: &Wanted) {
        let Some(observed) = self.observed(&wanted.key) else {
            return self.step(Phase::Monitors, wanted, Action::Create { body: wanted.body.clone() });
        };
        let owner = match self.situation.owner.ownership(wanted.key.kind, &observed.body) {
            Ownership::Ours => None,
            Ownership::Unmarked => Some(None),
            Ownership::Another(owner) => Some(Some(owner)),
        };
        let diffs = self.diff(wanted, observed);
        let differs = |path: &str| diffs.iter().any(|diff| diff.path == path);
        let cannot_change = IMMUTABLE.into_iter().any(differs);
        let must_remake = cannot_change || is_of_a_port(wanted) && differs("monitor_port");
        match owner {
            Some(owner) if cannot_change => self.conflict(wanted, owner),
            Some(from) => {
                let body = body::with_tweaks(wanted.key.kind, &wanted.body, observed);
                let uuid = observed.uuid.clone();
                self.step(Phase::Monitors, wanted, Action::Adopt { uuid, body, from });
            }
            None if must_remake => self.remake(wanted, observed),
            None => self.update(Phase::Monitors, wanted, observed, diffs),
        }
    }

    fn service(&mut self, wanted: &Wanted) {
        let Some(observed) = self.observed(&wanted.key) else {
            return self.step(Phase::Services, wanted, Action::Create { body: wanted.body.clone() });
        };
        match self.situation.owner.ownership(wanted.key.kind, &observed.body) {
            Ownership::Unmarked => return self.conflict(wanted, None),
            Ownership::Another(owner) => return self.conflict(wanted, Some(owner)),
            Ownership::Ours => {}
        }
        let mut diffs = self.diff(wanted, observed);
        if let Some(body) = self.detached(wanted, observed) {
            let refs = "health_monitor_refs";
            let uuid = observed.uuid.clone();
            diffs.retain(|diff| diff.path != refs);
            let wanted_refs = wanted.body.get(refs).cloned();
            diffs.push(FieldDiff { path: refs.to_owned(), observed: body.get(refs).cloned(), wanted: wanted_refs });
            self.step(Phase::Detach, wanted, Action::Detach { uuid, body });
        }
        self.update(Phase::Services, wanted, observed, diffs);
    }

    /// The service's body without the monitors that are about to be made anew; `None` when it refers to none of them.
    fn detached(&self, wanted: &Wanted, observed: &ObservedObject) -> Option<Value> {
        let remade = self.remade.get(&wanted.unit)?;
        let comparison = Comparison::new(wanted.key.kind, self.names);
        let is_remade = |reference: &Value| {
            reference.as_str().is_some_and(|text| remade.iter().any(|name| name == comparison.name_of(text)))
        };
        let mut there = observed.body["health_monitor_refs"].as_array().into_iter().flatten();
        if !there.any(is_remade) {
            return None;
        }
        let mut body = body::with_tweaks(wanted.key.kind, &wanted.body, observed);
        if let Some(refs) = body["health_monitor_refs"].as_array_mut() {
            refs.retain(|reference| !is_remade(reference));
        }
        Some(body)
    }

    fn remake(&mut self, wanted: &Wanted, observed: &ObservedObject) {
        let mut body = wanted.body.clone();
        body::keep_tuning(&mut body, &observed.body);
        self.remade.entry(wanted.unit.clone()).or_default().push(wanted.key.name.clone());
        self.step(Phase::DeleteToRemake, wanted, Action::Delete { uuid: observed.uuid.clone() });
        self.step(Phase::Monitors, wanted, Action::Create { body });
    }

    fn update(&mut self, phase: Phase, wanted: &Wanted, observed: &ObservedObject, why: Vec<FieldDiff>) {
        if !why.is_empty() {
            let body = body::with_tweaks(wanted.key.kind, &wanted.body, observed);
            self.step(phase, wanted, Action::Update { uuid: observed.uuid.clone(), body, why });
        }
    }

    /// Objects of ours that nobody wants.
    fn deletions(&mut self) {
        let wanted: BTreeSet<&Key> = self.situation.wanted.iter().map(|wanted| &wanted.key).collect();
        let referenced = self.referenced(None);
        for (key, object) in &self.situation.observed.objects {
            let is_ours = self.situation.owner.ownership(key.kind, &object.body) == Ownership::Ours;
            if !is_ours || wanted.contains(key) || (self.situation.keep)(key) {
                continue;
            }
            let phase = match key.kind {
                ObjectType::GslbService => Phase::DeleteServices,
                ObjectType::HealthMonitor if referenced.contains(key) => continue,
                ObjectType::HealthMonitor => Phase::DeleteMonitors,
            };
            let action = Action::Delete { uuid: object.uuid.clone() };
            self.steps.push((phase, Step { unit: object.unit(key), key: key.clone(), action }));
        }
    }

    fn finish(mut self) -> Plan {
        let blocked: BTreeSet<&Unit> = self.conflicts.iter().map(|conflict| &conflict.unit).collect();
        self.steps.retain(|(_, step)| !blocked.contains(&step.unit));
        let created = self.steps.iter().filter(|(_, step)| step.creates_service()).map(|(_, step)| step.unit.clone());
        let leftovers = self.leftovers(&created.collect());
        let spoilt = self.conflicts.iter().map(|conflict| conflict.unit.clone());
        let unserved = spoilt.filter(|unit| !self.has_service(unit)).collect();
        let spare = self.leftovers(&unserved).into_values().flatten();
        self.steps.extend(spare.map(|step| (Phase::DeleteMonitors, step)));
        self.steps.sort_by_key(|(phase, _)| *phase);
        let steps = self.steps.into_iter().map(|(_, step)| step).collect();
        Plan { steps, conflicts: self.conflicts, leftovers }
    }

    fn observed(&self, key: &Key) -> Option<&'a ObservedObject> {
        self.situation.observed.objects.get(key)
    }

    fn step(&mut self, phase: Phase, wanted: &Wanted, action: Action) {
        self.steps.push((phase, Step { unit: wanted.unit.clone(), key: wanted.key.clone(), action }));
    }

    fn conflict(&mut self, wanted: &Wanted, owner: Option<String>) {
        self.conflicts.push(Conflict { unit: wanted.unit.clone(), key: wanted.key.clone(), owner });
    }

    fn diff(&self, wanted: &Wanted, observed: &ObservedObject) -> Vec<FieldDiff> {
        let comparison = Comparison::new(wanted.key.kind, self.names);
        comparison.diff(&wanted.body, &observed.body, &observed.sent)
    }
}

impl Step {
    /// Whether it makes a service.
    #[must_use]
    pub fn creates_service(&self) -> bool {
        self.key.kind == ObjectType::GslbService && matches!(self.action, Action::Create { .. })
    }
}

/// Whether a monitor probes a port alone: one of another port is another monitor, made anew under its name (amko 6.7).
fn is_of_a_port(wanted: &Wanted) -> bool {
    matches!(wanted.body["type"].as_str(), Some("HEALTH_MONITOR_TCP" | "HEALTH_MONITOR_UDP"))
}
