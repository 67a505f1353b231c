//! Writes: those that wait, those under way, those that failed.
//!
//! An object is written by one task at a time. One that fails waits, ever longer, while what is to be written stays the
//! same; what needs it waits with it, the others go on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ako_translate::{ObjectKey, ObjectType, UnitName};
use avi_client::{BackOff, ErrorClass};
use tokio::time::Instant;

use crate::plan::{Action, Step};
use crate::writer::Failure;

/// Objects that are written at the same time; as many sessions as the original has (ako 9.1).
const IN_FLIGHT_MAX: usize = 8;
/// Tries after which a failure counts that another look at the controller should have settled.
const SETTLING_TRIES: u32 = 3;

#[derive(Default)]
pub(super) struct Work {
    /// All that is to be done and not under way.
    steps: BTreeMap<ObjectKey, Step>,
    /// Those of them that nothing stands in the way of: changes of what is served already first, deletions last.
    ready: BTreeSet<(u8, ObjectKey)>,
    /// Number of steps that each of the others waits for.
    waits_for: BTreeMap<ObjectKey, usize>,
    /// Which steps wait for one.
    waiting: BTreeMap<ObjectKey, Vec<ObjectKey>>,
    in_flight: BTreeMap<ObjectKey, Step>,
    /// Objects under way from which something else is wanted by now.
    stale: BTreeSet<ObjectKey>,
    failed: BTreeMap<ObjectKey, Failed>,
}

struct Failed {
    action: Action,
    until: Instant,
    back_off: BackOff,
    times: u32,
    /// How often it has to fail to be told.
    told_at: u32,
    reason: String,
}

impl Work {
    /// Takes the place of what was waiting.
    pub(super) fn set(&mut self, mut plan: BTreeMap<ObjectKey, Step>, now: Instant) {
        self.clear();
        for (key, step) in &self.in_flight {
            // What is under way has no effect yet, so the plan still has it; that alone is no change.
            if !plan.get(key).is_some_and(|planned| planned.action.is_same(&step.action)) {
                self.stale.insert(key.clone());
            }
        }
        self.failed.retain(|key, _| plan.contains_key(key) || self.in_flight.contains_key(key));
        for (key, step) in &plan {
            if self.in_flight.contains_key(key) {
                continue;
            }
            let waits_for =
                step.after.iter().filter(|other| plan.contains_key(other) || self.in_flight.contains_key(other));
            let mut count = 0;
            for other in waits_for {
                self.waiting.entry(other.clone()).or_default().push(key.clone());
                count += 1;
            }
            let has_failed =
                self.failed.get(key).is_some_and(|failed| failed.until > now && failed.action.is_same(&step.action));
            if has_failed {
                continue;
            }
            if count == 0 {
                self.ready.insert((urgency(step), key.clone()));
            } else {
                self.waits_for.insert(key.clone(), count);
            }
        }
        plan.retain(|key, _| !self.in_flight.contains_key(key));
        self.steps = plan;
    }

    /// Forgets what was waiting: it cannot be written at present.
    pub(super) fn clear(&mut self) {
        self.steps.clear();
        self.ready.clear();
        self.waits_for.clear();
        self.waiting.clear();
        self.stale.clear();
    }

    /// The next to write.
    pub(super) fn next(&mut self) -> Option<Step> {
        if self.in_flight.len() >= IN_FLIGHT_MAX {
            return None;
        }
        let (_, key) = self.ready.pop_first()?;
        let step = self.steps.remove(&key)?;
        self.in_flight.insert(key, step.clone());
        Some(step)
    }

    /// It was written; says whether something else is wanted from it by now.
    pub(super) fn succeeded(&mut self, key: &ObjectKey) -> bool {
        self.in_flight.remove(key);
        self.failed.remove(key);
        for other in self.waiting.remove(key).unwrap_or_default() {
            let Some(count) = self.waits_for.get_mut(&other) else { continue };
            *count -= 1;
            if *count == 0 {
                self.waits_for.remove(&other);
                if let Some(step) = self.steps.get(&other) {
                    self.ready.insert((urgency(step), other));
                }
            }
        }
        self.stale.remove(key)
    }

    /// It failed for a reason of its own; says whether to tell it: each reason once, and one that a second look at the
    /// controller should have settled only when it did not.
    pub(super) fn failed(&mut self, step: &Step, failure: &Failure, now: Instant) -> bool {
        self.in_flight.remove(&step.key);
        let reason = failure.reason.clone();
        let (mut back_off, times) = match self.failed.remove(&step.key) {
            Some(before) if before.reason == reason => (before.back_off, before.times + 1),
            _ => (back_off(failure), 1),
        };
        let until = now + back_off.next();
        let settles = failure.is_settled || matches!(failure.class, ErrorClass::NotFound | ErrorClass::Stale);
        let told_at = if settles { SETTLING_TRIES } else { 1 };
        let failed = Failed { action: step.action.clone(), until, back_off, times, told_at, reason };
        self.failed.insert(step.key.clone(), failed);
        times == told_at
    }

    /// It did not get through, for a reason that concerns all.
    pub(super) fn interrupted(&mut self, key: &ObjectKey) {
        self.in_flight.remove(key);
    }

    pub(super) fn forget_in_flight(&mut self) {
        self.in_flight.clear();
    }

    pub(super) fn is_in_flight(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// Whether there is nothing to do but to wait for what failed.
    pub(super) fn is_idle(&self) -> bool {
        self.ready.is_empty() && self.in_flight.is_empty()
    }

    /// Whether nothing is left to do at all.
    pub(super) fn is_done(&self) -> bool {
        self.steps.is_empty() && self.in_flight.is_empty()
    }

    /// Whether anything of a unit is still to be written.
    pub(super) fn concerns(&self, unit: &UnitName) -> bool {
        self.steps.values().chain(self.in_flight.values()).any(|step| step.unit.as_ref() == Some(unit))
    }

    /// When something that failed is due next.
    pub(super) fn wake(&self, now: Instant) -> Option<Instant> {
        self.failed.values().map(|failed| failed.until).filter(|until| *until > now).min()
    }

    /// Certificates that the controller would not take. They stay among these while they are tried again.
    pub(super) fn refused(&self) -> BTreeSet<ObjectKey> {
        let creates = self.failed.iter().filter(|(_, failed)| matches!(failed.action, Action::Create(_)));
        creates.map(|(key, _)| key.clone()).filter(|key| key.kind == ObjectType::SslKeyAndCertificate).collect()
    }

    /// Whether something failed that is likely to be settled by another look.
    pub(super) fn is_settling(&self) -> bool {
        self.failed.values().any(|failed| failed.times < failed.told_at)
    }

    /// Number of units that are not as they should be, when nothing is under way: something of them failed, or waits for
    /// what did. What was left by an earlier run counts as one.
    pub(super) fn unfinished(&self) -> usize {
        let units: BTreeSet<Option<&UnitName>> = self.steps.values().map(|step| step.unit.as_ref()).collect();
        units.len()
    }

    /// What failed, with the reason.
    pub(super) fn failing(&self) -> Vec<(String, String)> {
        let failed = self.failed.iter();
        failed.map(|(key, failed)| (format!("{} {}", key.kind.path(), key.name), failed.reason.clone())).collect()
    }
}

/// Who is served already does not wait for those who are new; what is not needed any more has the most time.
fn urgency(step: &Step) -> u8 {
    match step.action {
        Action::Update { .. } => 0,
        Action::Create(_) => 1,
        Action::Delete { .. } => 2,
    }
}

/// Waits by kind of failure (ako 9.6), but growing and without end.
fn back_off(failure: &Failure) -> BackOff {
    let is_slow = failure.status == Some(403)
        || ["No available free IPs", "Network object not found", "does not exist!"]
            .iter()
            .any(|text| failure.reason.contains(text));
    let (first_ms, longest_s) = match failure.class {
        _ if is_slow => (2_000, 90),
        ErrorClass::NotFound | ErrorClass::Stale | ErrorClass::Conflict if failure.is_settled => (20, 30),
        ErrorClass::NotFound | ErrorClass::Stale | ErrorClass::Unavailable => (200, 30),
        _ => (1_000, 90),
    };
    BackOff::new(Duration::from_millis(first_ms), Duration::from_secs(longest_s))
}
