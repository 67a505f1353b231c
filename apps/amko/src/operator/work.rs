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
}

struct Failed {
    steps: Vec<Step>,
    until: Instant,
    retry: Retry,
    back_off: BackOff,
    times: u32,
    reason: String,
}

impl Work {
    /// Takes the place of what was pending.
    pub(super) fn set(&mut self, plan: Plan, now: Instant) {
        let mut order: Vec<Unit> = Vec::new();
        let mut units: BTreeMap<Unit, Vec<Step>> = BTreeMap::new();
        for step in plan.steps {
            let steps = units.entry(step.unit.clone()).or_insert_with(|| {
                order.push(step.unit.clone());
                Vec::new()
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
        // What several services refer to goes first; who is served already does not wait for those who are new.
        order.sort_by_key(|unit| {
            let changes = units.get(unit).is_some_and(|steps| changes_service(steps));
            (!is_shared(&unit.service), !changes)
        });
        for unit in order {
            let Some(steps) = units.remove(&unit) else { continue };
            let waits = self.failed.get(&unit).is_some_and(|failed| failed.until > now && failed.steps == steps);
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
        let (unit, steps) = self.pending.pop_front()?;
        self.in_flight.insert(unit.clone(), steps.clone());
        let why = self.reasons.remove(&unit).unwrap_or_default();
        let leftovers = self.leftovers.remove(&unit).unwrap_or_default();
        Some(Job { unit, steps, leftovers, why })
    }

    /// Notes why a service has to be written.
    pub(super) fn explain(&mut self, unit: Unit, reason: String) {
        let reasons = self.reasons.entry(unit).or_default();
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }

    /// A unit was written; says whether something else is wanted from it by now.
    pub(super) fn succeeded(&mut self, unit: &Unit) -> bool {
        self.in_flight.remove(unit);
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
        self.failed.insert(unit.clone(), Failed { steps, until, retry, back_off, times, reason });
        let settles = matches!(failure.class, ErrorClass::NotFound | ErrorClass::Conflict);
        times == if settles { SETTLING_TRIES } else { 1 }
    }

    /// A unit did not get through; what explains it is kept for the next try.
    pub(super) fn interrupted(&mut self, unit: &Unit, mut why: Vec<String>) {
        self.in_flight.remove(unit);
        why.extend(self.reasons.remove(unit).unwrap_or_default());
        if !why.is_empty() {
            self.reasons.insert(unit.clone(), why);
        }
    }

    pub(super) fn forget_in_flight(&mut self) {
        self.in_flight.clear();
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

    /// Units that failed, with the reason.
    pub(super) fn failing(&self) -> Vec<(String, String)> {
        let failed = self.failed.iter();
        failed.map(|(unit, failed)| (format!("{}/{}", unit.tenant, unit.service), failed.reason.clone())).collect()
    }
}

/// Whether a service that is there gets other contents.
fn changes_service(steps: &[Step]) -> bool {
    steps.iter().any(|step| {
        step.key.kind == ObjectType::GslbService && matches!(step.action, Action::Update { .. } | Action::Detach { .. })
    })
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
