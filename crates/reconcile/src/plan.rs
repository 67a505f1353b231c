//! What to write, in which order.
//!
//! ```text
//! detach GS from monitors to remake ─ delete those ─ create and change monitors ─ create and change services
//!                                                      ─ delete services ─ delete monitors that nothing refers to
//! ```
//!
//! The order holds within a unit; units do not wait for each other. A service that cannot be there has no monitors.

mod leftovers;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::body::Body;
use crate::diff::{Comparison, FieldDiff, Names};
use crate::draft::{Draft, fingerprint};
use crate::object::{Key, ObjectType, Observed, ObservedObject, Owner, Ownership, Unit, Wanted};
use crate::tweaks;

/// Everything that a plan depends on.
pub struct Situation<'a, D: Draft = Value> {
    /// What should be there.
    pub wanted: &'a [Wanted<D>],
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
        body: Body,
    },
    /// PUT.
    Update {
        /// UUID.
        uuid: Box<str>,
        /// Body.
        body: Body,
        /// What differs.
        why: Vec<FieldDiff>,
    },
    /// PUT of a monitor that has our name and another marker, or none (amko 6.8).
    Adopt {
        /// UUID.
        uuid: Box<str>,
        /// Body.
        body: Body,
        /// Whose it was.
        from: Option<String>,
    },
    /// PUT of a service without a monitor that is about to be made anew.
    Detach {
        /// UUID.
        uuid: Box<str>,
        /// Body.
        body: Body,
    },
    /// DELETE.
    Delete {
        /// UUID.
        uuid: Box<str>,
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
pub fn plan<D: Draft>(situation: &Situation<'_, D>) -> Plan {
    let names = Names::new(situation.observed);
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

struct Planner<'a, D: Draft> {
    situation: &'a Situation<'a, D>,
    names: &'a Names<'a>,
    steps: Vec<(Phase, Step)>,
    conflicts: Vec<Conflict>,
    /// Names of monitors that are deleted and made anew, by unit.
    remade: BTreeMap<Unit, Vec<String>>,
}

/// A wanted and an observed body, and what differs.
struct Compared<'w> {
    wanted: Cow<'w, Value>,
    there: Value,
    diffs: Vec<FieldDiff>,
}

impl<'a, D: Draft> Planner<'a, D> {
    fn monitor(&mut self, wanted: &Wanted<D>) {
        let Some(observed) = self.observed(&wanted.key) else {
            return self.create(Phase::Monitors, wanted, &wanted.draft.body());
        };
        let owner = match self.situation.owner.ownership(wanted.key.kind, observed) {
            Ownership::Ours => None,
            Ownership::Unmarked => Some(None),
            Ownership::Another(owner) => Some(Some(owner)),
        };
        let fingerprint = self.fingerprint(wanted, observed);
        if owner.is_none() && observed.agreement.is_with(fingerprint) {
            return;
        }
        let compared = self.compare(wanted, observed, fingerprint);
        let differs = |path: &str| compared.diffs.iter().any(|diff| diff.path == path);
        let cannot_change = IMMUTABLE.into_iter().any(differs);
        let must_remake = cannot_change || is_of_a_port(&compared.wanted) && differs("monitor_port");
        match owner {
            Some(owner) if cannot_change => self.conflict(wanted, owner),
            Some(from) => {
                let body = tweaked(wanted, observed, &compared);
                let uuid = observed.uuid.clone();
                self.step(Phase::Monitors, wanted, Action::Adopt { uuid, body: Body::new(&body), from });
            }
            None if must_remake => self.remake(wanted, observed, &compared),
            None => self.update(Phase::Monitors, wanted, observed, compared),
        }
    }

    fn service(&mut self, wanted: &Wanted<D>) {
        let Some(observed) = self.observed(&wanted.key) else {
            return self.create(Phase::Services, wanted, &wanted.draft.body());
        };
        match self.situation.owner.ownership(wanted.key.kind, observed) {
            Ownership::Unmarked => return self.conflict(wanted, None),
            Ownership::Another(owner) => return self.conflict(wanted, Some(owner)),
            Ownership::Ours => {}
        }
        let must_detach = self.refers_to_remade(wanted, observed);
        let fingerprint = self.fingerprint(wanted, observed);
        if !must_detach && observed.agreement.is_with(fingerprint) {
            return;
        }
        let mut compared = self.compare(wanted, observed, fingerprint);
        if must_detach {
            let body = self.detached(wanted, observed, &compared);
            let refs = "health_monitor_refs";
            let uuid = observed.uuid.clone();
            compared.diffs.retain(|diff| diff.path != refs);
            let wanted_refs = compared.wanted.get(refs).cloned();
            let diff = FieldDiff { path: refs.to_owned(), observed: body.get(refs).cloned(), wanted: wanted_refs };
            compared.diffs.push(diff);
            self.step(Phase::Detach, wanted, Action::Detach { uuid, body: Body::new(&body) });
        }
        self.update(Phase::Services, wanted, observed, compared);
    }

    /// What is wanted, and what it is compared with beyond the observed body: the names behind its references.
    fn fingerprint(&self, wanted: &Wanted<D>, observed: &ObservedObject) -> u64 {
        let names: Vec<&str> = observed.monitors.iter().map(|reference| self.names.of(reference)).collect();
        fingerprint(&(wanted.draft.fingerprint(), names))
    }

    fn compare<'w>(&self, wanted: &'w Wanted<D>, observed: &ObservedObject, fingerprint: u64) -> Compared<'w> {
        let (body, there) = (wanted.draft.body(), observed.body());
        let diffs = Comparison::new(wanted.key.kind, self.names).diff(&body, &there, &observed.sent);
        if diffs.is_empty() {
            observed.agreement.note(fingerprint);
        }
        Compared { wanted: body, there, diffs }
    }

    /// Whether the service refers to monitors that are about to be made anew.
    fn refers_to_remade(&self, wanted: &Wanted<D>, observed: &ObservedObject) -> bool {
        let Some(remade) = self.remade.get(&wanted.unit) else { return false };
        observed.monitors.iter().any(|reference| remade.iter().any(|name| name == self.names.of(reference)))
    }

    /// The service's body without the monitors that are about to be made anew.
    fn detached(&self, wanted: &Wanted<D>, observed: &ObservedObject, compared: &Compared<'_>) -> Value {
        let remade = self.remade.get(&wanted.unit).map_or(&[][..], Vec::as_slice);
        let is_remade = |reference: &Value| {
            reference.as_str().is_some_and(|text| remade.iter().any(|name| name == self.names.of(text)))
        };
        let mut body = tweaked(wanted, observed, compared);
        if let Some(refs) = body["health_monitor_refs"].as_array_mut() {
            refs.retain(|reference| !is_remade(reference));
        }
        body
    }

    fn remake(&mut self, wanted: &Wanted<D>, observed: &ObservedObject, compared: &Compared<'_>) {
        let mut body = compared.wanted.clone().into_owned();
        tweaks::keep_tuning(&mut body, &compared.there);
        self.remade.entry(wanted.unit.clone()).or_default().push(wanted.key.name.clone());
        self.step(Phase::DeleteToRemake, wanted, Action::Delete { uuid: observed.uuid.clone() });
        self.create(Phase::Monitors, wanted, &body);
    }

    fn create(&mut self, phase: Phase, wanted: &Wanted<D>, body: &Value) {
        self.step(phase, wanted, Action::Create { body: Body::new(body) });
    }

    fn update(&mut self, phase: Phase, wanted: &Wanted<D>, observed: &ObservedObject, compared: Compared<'_>) {
        if !compared.diffs.is_empty() {
            let body = Body::new(&tweaked(wanted, observed, &compared));
            let uuid = observed.uuid.clone();
            self.step(phase, wanted, Action::Update { uuid, body, why: compared.diffs });
        }
    }

    /// Objects of ours that nobody wants.
    fn deletions(&mut self) {
        let wanted: BTreeSet<&Key> = self.situation.wanted.iter().map(|wanted| &wanted.key).collect();
        let referenced = self.referenced(None);
        for (key, object) in &self.situation.observed.objects {
            let is_ours = self.situation.owner.ownership(key.kind, object) == Ownership::Ours;
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

    fn step(&mut self, phase: Phase, wanted: &Wanted<D>, action: Action) {
        self.steps.push((phase, Step { unit: wanted.unit.clone(), key: wanted.key.clone(), action }));
    }

    fn conflict(&mut self, wanted: &Wanted<D>, owner: Option<String>) {
        self.conflicts.push(Conflict { unit: wanted.unit.clone(), key: wanted.key.clone(), owner });
    }
}

impl Step {
    /// Whether it makes a service.
    #[must_use]
    pub fn creates_service(&self) -> bool {
        self.key.kind == ObjectType::GslbService && matches!(self.action, Action::Create { .. })
    }
}

/// The wanted body with what a person tuned.
fn tweaked<D: Draft>(wanted: &Wanted<D>, observed: &ObservedObject, compared: &Compared<'_>) -> Value {
    tweaks::with_tweaks(wanted.key.kind, &compared.wanted, &compared.there, &observed.sent)
}

/// Whether a monitor probes a port alone: one of another port is another monitor, made anew under its name (amko 6.7).
fn is_of_a_port(monitor: &Value) -> bool {
    matches!(monitor["type"].as_str(), Some("HEALTH_MONITOR_TCP" | "HEALTH_MONITOR_UDP"))
}
