//! Whether something is to be logged: what the virtual service's policy wants, within its rates and those of its engine
//! group (avi-api 7.5).
//!
//! Asked before anything is kept: what is not logged costs a few reads of memory and nothing else.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwap;
use client_log::Throttle;
use model::{LogGroup, LogPolicy};

/// Microseconds of a second.
const SECOND_US: i64 = 1_000_000;
/// Non-significant logs are off.
const NEVER_US: i64 = i64::MIN;
/// They are on without end.
const FOR_EVER_US: i64 = i64::MAX;

/// Rates of the engine groups in use, by uuid: they hold for all virtual services of a group together, whatever those
/// serve. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Groups(Arc<Mutex<BTreeMap<String, Weak<Rates>>>>);

/// What one virtual service may log.
#[derive(Debug)]
pub(crate) struct Gate {
    own: Rates,
    group: ArcSwap<Rates>,
    /// Until when what is no error is logged.
    full_until_us: AtomicI64,
}

/// What a gate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Nobody wants it.
    Unwanted,
    /// It is wanted, but a rate is used up.
    Throttled,
    /// It is to be logged.
    Admitted,
}

/// Rates of both kinds of logs.
#[derive(Debug, Default)]
struct Rates {
    significant: Throttle,
    non_significant: Throttle,
}

impl Gate {
    /// Nothing but errors, until there is a policy.
    pub(crate) fn new() -> Self {
        Self { own: Rates::default(), group: ArcSwap::default(), full_until_us: AtomicI64::new(NEVER_US) }
    }

    /// Puts a policy into force; rates that stay go on counting.
    pub(crate) fn adopt(&self, policy: &LogPolicy, groups: &Groups) {
        let LogPolicy { significant_per_s, full, group } = policy;
        self.own.significant.set(*significant_per_s);
        self.own.non_significant.set(full.map_or(0, |full| full.per_s));
        let until = full.map_or(NEVER_US, |full| full.until_us.unwrap_or(FOR_EVER_US));
        self.full_until_us.store(until, Ordering::Relaxed);
        self.group.store(groups.rates(group));
    }

    /// Whether to log something that happens now.
    pub(crate) fn admit(&self, significant: bool, now_us: i64) -> Admission {
        if !significant {
            let until_us = self.full_until_us.load(Ordering::Relaxed);
            if until_us == NEVER_US || now_us > until_us {
                return Admission::Unwanted;
            }
        }
        let second = second_of(now_us);
        if self.own.of(significant).admit(second) && self.group.load().of(significant).admit(second) {
            Admission::Admitted
        } else {
            Admission::Throttled
        }
    }
}

impl Groups {
    fn rates(&self, group: &LogGroup) -> Arc<Rates> {
        // What is in it is whole at every moment.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, rates| rates.strong_count() > 0);
        let rates = known.get(&group.uuid).and_then(Weak::upgrade).unwrap_or_default();
        rates.significant.set(group.significant_per_s);
        rates.non_significant.set(group.non_significant_per_s);
        known.insert(group.uuid.clone(), Arc::downgrade(&rates));
        rates
    }
}

impl Rates {
    fn of(&self, significant: bool) -> &Throttle {
        if significant { &self.significant } else { &self.non_significant }
    }
}

/// A number that changes with each second.
fn second_of(us: i64) -> u32 {
    u32::try_from(us.div_euclid(SECOND_US).rem_euclid(i64::from(u32::MAX))).unwrap_or(0)
}

#[cfg(test)]
pub(crate) mod tests {
    use model::FullLogs;

    use super::*;

    const NOW_US: i64 = 1_704_067_200_000_000;

    /// A policy without a rate for errors.
    pub(crate) fn policy(full: Option<FullLogs>, group_per_s: u32) -> LogPolicy {
        let group = LogGroup { uuid: "g".into(), significant_per_s: 0, non_significant_per_s: group_per_s };
        LogPolicy { significant_per_s: 0, full, group }
    }

    /// How many of 1,000 that are fine are logged within one second, and how many only a rate keeps out.
    fn of_thousand(gate: &Gate, second: i64) -> (usize, usize) {
        let said: Vec<Admission> = (0..1_000).map(|_| gate.admit(false, NOW_US + second * SECOND_US)).collect();
        let count = |wanted| said.iter().filter(|said| **said == wanted).count();
        (count(Admission::Admitted), count(Admission::Throttled))
    }

    #[test]
    fn what_is_fine_is_logged_where_and_as_long_as_the_policy_says() {
        let (gate, groups) = (Gate::new(), Groups::default());
        let full = |per_s, until_us| Some(FullLogs { per_s, until_us });
        gate.adopt(&policy(None, 0), &groups);
        assert_eq!(of_thousand(&gate, 0), (0, 0));
        assert_eq!(gate.admit(true, NOW_US), Admission::Admitted);
        gate.adopt(&policy(full(0, Some(NOW_US - 1)), 0), &groups);
        assert_eq!(of_thousand(&gate, 0), (0, 0));
        gate.adopt(&policy(full(0, Some(NOW_US)), 0), &groups);
        assert_eq!(of_thousand(&gate, 0), (1_000, 0));
        gate.adopt(&policy(full(10, None), 0), &groups);
        assert_eq!(of_thousand(&gate, 1), (10, 990));
        assert_eq!(of_thousand(&gate, 1), (0, 1_000));
        assert_eq!(of_thousand(&gate, 2), (10, 990));
    }

    #[test]
    fn a_group_s_rate_holds_for_its_virtual_services_together() {
        let (one, other, groups) = (Gate::new(), Gate::new(), Groups::default());
        let full = Some(FullLogs { per_s: 80, until_us: None });
        one.adopt(&policy(full, 100), &groups);
        other.adopt(&policy(full, 100), &groups);
        assert_eq!((of_thousand(&one, 0).0, of_thousand(&other, 0).0), (80, 20));
    }
}
