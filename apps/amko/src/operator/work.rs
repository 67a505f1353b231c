//! Units to write: those that wait, those under way, those that failed.
//!
//! A unit is written by one task at a time. One that fails waits, ever longer, while what is to be written stays the
//! same; others go on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use amko_translate::is_shared;
use avi_client::{BackOff, ErrorClass, Retry};
use reconcile::{Action, Conflict, ObjectType, Plan, Step, Unit};
use tokio::time::Instant;

use crate::AmkoEvent;
use crate::event::Teller;
use crate::writer::{Failure, Job};

/// Units that are written at the same time.
const IN_FLIGHT_MAX: usize = 8;

/// Steps of most units: a monitor and its service.
const STEPS_USUAL: usize = 2;

/// Tries after which a conflict counts as one that lasts.
const SETTLING_TRIES: u32 = 3;

#[derive(Default)]
pub(super) struct Work {
    pending: VecDeque<(Unit, Vec<Step>)>,
    /// What is being written.
    in_flight: BTreeMap<Unit, Vec<Step>>,
    failed: BTreeMap<Unit, Failed>,
    /// What changed in each service since it was last written.
    reasons: BTreeMap<Unit, Vec<String>>,
    /// Conflicts that were told.
    conflicts: Vec<Conflict>,
    /// What to delete where a service that is to be made is refused.
    leftovers: BTreeMap<Unit, Vec<Step>>,
    /// Units under way from which something else is wanted by now.
    stale: BTreeSet<Unit>,
    /// Names of services, and the units to be written that give them up: a name is free for another tenant after that.
    given_up: BTreeMap<String, BTreeSet<Unit>>,
}

struct Failed {
    steps: Vec<Step>,
    until: Instant,
    retry: Retry,
    back_off: BackOff,
    times: u32,
    reason: String,
    /// Whether the controller will not have it as it is.
    is_refusal: bool,
}

impl Work {
    /// Takes the place of what was pending.
    pub(super) fn set(&mut self, plan: Plan, now: Instant) {
        let mut order: Vec<Unit> = Vec::new();
        let mut units: BTreeMap<Unit, Vec<Step>> = BTreeMap::new();
        for step in plan.steps {
            let steps = units.entry(step.unit.clone()).or_insert_with(|| {
                order.push(step.unit.clone());
                Vec::with_capacity(STEPS_USUAL)
            });
            steps.push(step);
        }
        // What is under way has no effect yet, so the plan still has it; that alone is no change.
        let changed = self.in_flight.iter().filter(|(unit, steps)| units.get(*unit) != Some(*steps));
        self.stale = changed.map(|(unit, _)| unit.clone()).collect();
        self.failed.retain(|unit, _| units.contains_key(unit) || self.in_flight.contains_key(unit));
        self.reasons.retain(|unit, _| units.contains_key(unit) || self.in_flight.contains_key(unit));
        self.pending.clear();
        self.leftovers = plan.leftovers;
        self.given_up.values_mut().for_each(|by| by.retain(|unit| self.in_flight.contains_key(unit)));
        self.given_up.retain(|_, by| !by.is_empty());
        for (unit, _) in units.iter().filter(|(_, steps)| writes_service(steps, is_gone)) {
            self.given_up.entry(unit.service.clone()).or_default().insert(unit.clone());
        }
        let taken: BTreeSet<_> =
            units.iter().filter(|(_, s)| writes_service(s, is_made)).map(|(u, _)| &u.service).collect();
        // What several services refer to goes first; who is served already does not wait for those who are new, nor for
        // its name to move to another tenant.
        order.sort_by_key(|unit| {
            let steps = units.get(unit).map_or(&[][..], Vec::as_slice);
            let moves = taken.contains(&unit.service) && writes_service(steps, is_gone);
            (!is_shared(&unit.service), !(moves || writes_service(steps, is_changed)))
        });
        for unit in order {
            let Some(mut steps) = units.remove(&unit) else { continue };
            steps.shrink_to_fit();
            let waits = self.failed.get(&unit).is_some_and(|failed| failed.until > now && failed.steps == steps)
                && !self.is_name_held(&unit, &steps);
            if !waits && !self.in_flight.contains_key(&unit) {
                self.pending.push_back((unit, steps));
            }
        }
    }

    /// Tells each conflict once, as long as it lasts.
    pub(super) fn tell_conflicts(&mut self, plan: &Plan, teller: &Teller) {
        for conflict in plan.conflicts.iter().filter(|conflict| !self.conflicts.contains(conflict)) {
            teller.tell(AmkoEvent::InTheWay { what: conflict.to_string() });
        }
        self.conflicts.clone_from(&plan.conflicts);
    }

    /// Services that are not written because another owner has them or a monitor of theirs.
    pub(super) fn services_in_the_way(&self) -> usize {
        self.conflicts.iter().map(|conflict| &conflict.unit).collect::<BTreeSet<_>>().len()
    }

    /// Forgets what was pending: it cannot be written at present.
    pub(super) fn clear(&mut self) {
        self.pending.clear();
    }

    /// The next unit to write.
    pub(super) fn next(&mut self) -> Option<Job> {
        // What several services refer to is made before any of them.
        if self.in_flight.len() >= IN_FLIGHT_MAX || self.in_flight.keys().any(|unit| is_shared(&unit.service)) {
            return None;
        }
        let free = self.pending.iter().position(|(unit, steps)| !self.is_name_held(unit, steps))?;
        let (unit, steps) = self.pending.remove(free)?;
        self.in_flight.insert(unit.clone(), steps.clone());
        let why = self.reasons.remove(&unit).unwrap_or_default();
        let leftovers = self.leftovers.remove(&unit).unwrap_or_default();
        Some(Job { unit, steps, leftovers, why })
    }

    /// Whether the unit makes a service whose namesake in another tenant is about to be deleted: a controller has each
    /// name once.
    fn is_name_held(&self, unit: &Unit, steps: &[Step]) -> bool {
        let by_another = self.given_up.get(&unit.service).is_some_and(|by| by.iter().any(|other| other != unit));
        by_another && writes_service(steps, is_made)
    }

    /// A unit is no longer under way.
    fn end(&mut self, unit: &Unit) {
        self.in_flight.remove(unit);
        if let Some(by) = self.given_up.get_mut(&unit.service) {
            by.remove(unit);
        }
    }

    /// Notes why a service has to be written.
    pub(super) fn explain(&mut self, unit: Unit, reason: String) {
        let reasons = self.reasons.entry(unit).or_default();
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }

    /// What changed in each service since it was last written.
    pub(super) fn reasons(&self) -> &BTreeMap<Unit, Vec<String>> {
        &self.reasons
    }

    /// A unit was written; says whether something else is wanted from it by now.
    pub(super) fn succeeded(&mut self, unit: &Unit) -> bool {
        self.end(unit);
        self.failed.remove(unit);
        self.stale.remove(unit)
    }

    /// A unit failed for a reason of its own; says whether to tell it: each reason once, and one that a second look at
    /// the controller should have settled only when it did not.
    pub(super) fn failed(&mut self, unit: &Unit, steps: Vec<Step>, failure: &Failure, now: Instant) -> bool {
        let retry = failure.class.retry();
        let reason = failure.reason.clone();
        let (mut back_off, times) = match self.failed.remove(unit) {
            Some(before) if before.retry == retry && before.reason == reason => (before.back_off, before.times + 1),
            Some(before) if before.retry == retry => (before.back_off, 1),
            _ => (back_off(retry), 1),
        };
        let until = now + back_off.next();
        self.failed.insert(
            unit.clone(),
            Failed { steps, until, retry, back_off, times, reason, is_refusal: failure.is_refusal() },
        );
        let settles = matches!(failure.class, ErrorClass::NotFound | ErrorClass::Conflict);
        times == if settles { SETTLING_TRIES } else { 1 }
    }

    /// A unit did not get through; what explains it is kept for the next try.
    pub(super) fn interrupted(&mut self, unit: &Unit, mut why: Vec<String>) {
        self.end(unit);
        why.extend(self.reasons.remove(unit).unwrap_or_default());
        if !why.is_empty() {
            self.reasons.insert(unit.clone(), why);
        }
    }

    pub(super) fn forget_in_flight(&mut self) {
        self.in_flight.clear();
        self.given_up.clear();
    }

    pub(super) fn is_in_flight(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// Whether there is nothing to do but to wait for units that failed.
    pub(super) fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.in_flight.is_empty()
    }

    /// When a failed unit is due next.
    pub(super) fn wake(&self, now: Instant) -> Option<Instant> {
        self.failed.values().map(|failed| failed.until).filter(|until| *until > now).min()
    }

    /// Units that the controller will not have, by name, and what their owner is told.
    pub(super) fn unwelcome(&self) -> impl Iterator<Item = (&Unit, String)> {
        let refused = self.failed.iter().filter(|(_, failed)| failed.is_refusal);
        let refused = refused.map(|(unit, failed)| {
            let name = format!("{}/{}", unit.tenant, unit.service);
            (unit, format!("GSLB service {name} is not written, trying again: {}", failed.reason))
        });
        let in_the_way = self.conflicts.iter().map(|conflict| {
            (&conflict.unit, format!("not written: {conflict}; delete it there, or choose another host"))
        });
        refused.chain(in_the_way)
    }

    /// Units that failed, with the reason.
    pub(super) fn failing(&self) -> Vec<(String, String)> {
        let failed = self.failed.iter();
        failed.map(|(unit, failed)| (format!("{}/{}", unit.tenant, unit.service), failed.reason.clone())).collect()
    }
}

/// Whether a step does that to the service itself.
fn writes_service(steps: &[Step], is_it: fn(&Action) -> bool) -> bool {
    steps.iter().any(|step| step.key.kind == ObjectType::GslbService && is_it(&step.action))
}

/// A service that is there gets other contents.
fn is_changed(action: &Action) -> bool {
    matches!(action, Action::Update { .. } | Action::Detach { .. })
}

/// A service comes, and takes its name.
fn is_made(action: &Action) -> bool {
    matches!(action, Action::Create { .. })
}

/// A service goes, and its name with it.
fn is_gone(action: &Action) -> bool {
    matches!(action, Action::Delete { .. })
}

/// Waits by class of failure (amko 7.8), but bounded and without end, as amko 12 line 7 asks.
fn back_off(retry: Retry) -> BackOff {
    let (first_ms, longest_s) = match retry {
        Retry::Fast => (20, 30),
        Retry::Slow => (1_000, 120),
        Retry::Flag | Retry::None => (5_000, 600),
    };
    BackOff::new(Duration::from_millis(first_ms), Duration::from_secs(longest_s))
}

#[cfg(test)]
mod tests {
    use reconcile::{Body, Key};
    use serde_json::json;

    use super::*;

    fn step(tenant: &str, action: Action) -> Step {
        let unit = Unit { tenant: tenant.to_owned(), service: "foo.avi.com".to_owned() };
        let key = Key { kind: ObjectType::GslbService, tenant: tenant.to_owned(), name: unit.service.clone() };
        Step { unit, key, action }
    }

    #[test]
    fn a_name_is_given_up_in_one_tenant_before_it_is_taken_in_another() {
        let now = Instant::now();
        let made = step("a", Action::Create { body: Body::new(&json!({})) });
        let gone = step("b", Action::Delete { uuid: "gslbservice-1".into() });
        let mut work = Work::default();
        work.set(Plan { steps: vec![made.clone(), gone.clone()], ..Plan::default() }, now);
        assert_eq!(work.next().map(|job| job.unit), Some(gone.unit.clone()));
        assert!(work.next().is_none() && !work.is_idle(), "the name is not free yet");
        work.succeeded(&gone.unit);
        assert_eq!(work.next().map(|job| job.unit), Some(made.unit.clone()));
        work.succeeded(&made.unit);
        assert!(work.is_idle());
        // Two that only go do not wait for each other.
        let other = step("a", Action::Delete { uuid: "gslbservice-2".into() });
        work.set(Plan { steps: vec![gone, other], ..Plan::default() }, now);
        assert!(work.next().is_some() && work.next().is_some());
    }
}
