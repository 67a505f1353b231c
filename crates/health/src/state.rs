//! The state machine of one monitor on one target.

use std::time::Duration;

use model::monitor::HealthMonitor;
use se_protocol::State;

/// Verdict of one monitor on one target; `Unknown` until the first verdict, and not the same as `Down`. avi-api 6.1.
///
/// ```text
///              pass                     fails == down_after
///   Unknown ----------> Up{fails} -------------------------> Down{passes}
///      |                ^ |  ^ a pass resets fails                | ^ a failure resets passes
///      |                | +--+                                    | +--+
///      |                +-----------------------------------------+    |
///      |                          passes == up_after                   |
///      +---------------------------------------------------------------+
///                          fails == down_after
/// ```
///
/// One pass is enough to leave `Unknown`: a new name answers at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Health {
    /// No verdict yet.
    Unknown {
        /// Consecutive failures so far.
        fails: u32,
    },
    /// Passing.
    Up {
        /// Consecutive failures since the last pass.
        fails: u32,
    },
    /// Failing.
    Down {
        /// Consecutive passes since the last failure.
        passes: u32,
    },
}

/// Outcome of one probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// The target answered as expected.
    Pass,
    /// It did not.
    Fail,
}

/// How many consecutive results it takes to change a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Failures that take a target down; 0 counts as 1.
    pub down_after: u32,
    /// Passes that bring a target up again; 0 counts as 1.
    pub up_after: u32,
}

impl From<&HealthMonitor> for Thresholds {
    fn from(monitor: &HealthMonitor) -> Self {
        Self { down_after: monitor.failed_checks, up_after: monitor.successful_checks }
    }
}

impl Health {
    /// A target nobody has probed yet.
    pub const NEW: Self = Self::Unknown { fails: 0 };

    /// Next state after one probe.
    #[must_use]
    pub fn observe(self, probe: Probe, thresholds: &Thresholds) -> Self {
        let Thresholds { down_after, up_after } = *thresholds;
        match (self, probe) {
            (Self::Unknown { .. } | Self::Up { .. }, Probe::Pass) => Self::Up { fails: 0 },
            (Self::Unknown { fails } | Self::Up { fails }, Probe::Fail) if fails.saturating_add(1) >= down_after => {
                Self::Down { passes: 0 }
            }
            (Self::Unknown { fails }, Probe::Fail) => Self::Unknown { fails: fails.saturating_add(1) },
            (Self::Up { fails }, Probe::Fail) => Self::Up { fails: fails.saturating_add(1) },
            (Self::Down { .. }, Probe::Fail) => Self::Down { passes: 0 },
            (Self::Down { passes }, Probe::Pass) if passes.saturating_add(1) >= up_after => Self::Up { fails: 0 },
            (Self::Down { passes }, Probe::Pass) => Self::Down { passes: passes.saturating_add(1) },
        }
    }

    /// Next state after a probe by who stands in for a site that probes for all and is not heard. Only that site may reach
    /// the target: until a probe from here has passed, failures from here prove nothing.
    #[must_use]
    pub fn observe_standing_in(self, probe: Probe, thresholds: &Thresholds) -> Self {
        match (self, probe) {
            (Self::Unknown { .. }, Probe::Fail) => Self::NEW,
            _ => self.observe(probe, thresholds),
        }
    }

    /// The verdict without the count.
    #[must_use]
    pub fn state(self) -> State {
        match self {
            Self::Unknown { .. } => State::Unknown,
            Self::Up { .. } => State::Up,
            Self::Down { .. } => State::Down,
        }
    }

    /// Consecutive results against the present verdict; before the first verdict, consecutive failures.
    #[must_use]
    pub fn streak(self) -> u32 {
        match self {
            Self::Unknown { fails } | Self::Up { fails } => fails,
            Self::Down { passes } => passes,
        }
    }

    /// Longest time this verdict holds for sure: `interval` × the checks still needed before it could flip.
    ///
    /// An answer whose TTL is no longer never outlives the truth it was based on. Never zero checks.
    #[must_use]
    pub fn max_ttl(self, interval: Duration, thresholds: &Thresholds) -> Duration {
        let checks = match self {
            Self::Unknown { .. } => 1,
            Self::Up { fails } => thresholds.down_after.saturating_sub(fails).max(1),
            Self::Down { passes } => thresholds.up_after.saturating_sub(passes).max(1),
        };
        interval.saturating_mul(checks)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Health::{Down, Unknown, Up};
    use super::Probe::{Fail, Pass};
    use super::*;

    /// Three failures take down, two passes bring up.
    const THRESHOLDS: Thresholds = Thresholds { down_after: 3, up_after: 2 };

    #[track_caller]
    fn check(from: Health, probe: Probe, expected: Health) {
        assert_eq!(from.observe(probe, &THRESHOLDS), expected, "{from:?} after {probe:?}");
    }

    #[test]
    fn one_pass_leaves_unknown() {
        check(Unknown { fails: 0 }, Pass, Up { fails: 0 });
        check(Unknown { fails: 2 }, Pass, Up { fails: 0 });
    }

    #[test]
    fn failures_below_the_threshold_stay_unknown() {
        check(Unknown { fails: 0 }, Fail, Unknown { fails: 1 });
        check(Unknown { fails: 1 }, Fail, Unknown { fails: 2 });
    }

    #[test]
    fn enough_failures_leave_unknown_for_down() {
        check(Unknown { fails: 2 }, Fail, Down { passes: 0 });
    }

    #[test]
    fn a_pass_while_up_forgets_failures() {
        check(Up { fails: 0 }, Pass, Up { fails: 0 });
        check(Up { fails: 2 }, Pass, Up { fails: 0 });
    }

    #[test]
    fn failures_below_the_threshold_stay_up() {
        check(Up { fails: 0 }, Fail, Up { fails: 1 });
        check(Up { fails: 1 }, Fail, Up { fails: 2 });
    }

    #[test]
    fn enough_failures_take_down() {
        check(Up { fails: 2 }, Fail, Down { passes: 0 });
    }

    #[test]
    fn failures_of_who_stands_in_count_only_after_a_pass() {
        let observe = |health: Health, probe| health.observe_standing_in(probe, &THRESHOLDS);
        let failed = (0..9).fold(Health::NEW, |health, _| observe(health, Fail));
        assert_eq!(failed, Health::NEW);
        let passed = observe(failed, Pass);
        assert_eq!(passed, Up { fails: 0 });
        assert_eq!((0..3).fold(passed, |health, _| observe(health, Fail)), Down { passes: 0 });
    }

    #[test]
    fn a_failure_while_down_forgets_passes() {
        check(Down { passes: 0 }, Fail, Down { passes: 0 });
        check(Down { passes: 1 }, Fail, Down { passes: 0 });
    }

    #[test]
    fn passes_below_the_threshold_stay_down() {
        check(Down { passes: 0 }, Pass, Down { passes: 1 });
    }

    #[test]
    fn enough_passes_bring_up() {
        check(Down { passes: 1 }, Pass, Up { fails: 0 });
    }

    #[test]
    fn a_lowered_threshold_takes_effect_at_the_next_result() {
        let lowered = Thresholds { down_after: 1, up_after: 1 };
        assert_eq!(Up { fails: 2 }.observe(Fail, &lowered), Down { passes: 0 });
        assert_eq!(Down { passes: 5 }.observe(Pass, &lowered), Up { fails: 0 });
    }

    #[test]
    fn max_ttl_counts_the_checks_still_needed() {
        let interval = Duration::from_secs(10);
        let seconds = |health: Health| health.max_ttl(interval, &THRESHOLDS).as_secs();
        assert_eq!(seconds(Health::NEW), 10);
        assert_eq!(seconds(Up { fails: 0 }), 30);
        assert_eq!(seconds(Up { fails: 2 }), 10);
        assert_eq!(seconds(Down { passes: 0 }), 20);
        assert_eq!(seconds(Down { passes: 1 }), 10);
    }

    fn probe() -> impl Strategy<Value = Probe> {
        prop_oneof![Just(Pass), Just(Fail)]
    }

    proptest! {
        /// The promise of `max_ttl`: whatever the probes say, one per interval, the verdict holds until it is over.
        #[test]
        fn a_verdict_never_flips_before_its_max_ttl(
            before in prop::collection::vec(probe(), 0..20),
            after in prop::collection::vec(probe(), 60),
            down_after in 1u32..=50,
            up_after in 1u32..=50,
        ) {
            let thresholds = Thresholds { down_after, up_after };
            let interval = Duration::from_secs(1);
            let start = before.into_iter().fold(Health::NEW, |health, probe| health.observe(probe, &thresholds));
            let holds = start.max_ttl(interval, &thresholds);
            let mut health = start;
            for (second, probe) in (1u64..).zip(after) {
                health = health.observe(probe, &thresholds);
                if Duration::from_secs(second) < holds {
                    prop_assert_eq!(health.state(), start.state());
                }
            }
        }

        /// Isolated failures, however many, never take a target down that needs two in a row.
        #[test]
        fn isolated_failures_never_take_down(gaps in prop::collection::vec(1usize..10, 1..50), down_after in 2u32..=50) {
            let thresholds = Thresholds { down_after, up_after: 2 };
            let mut health = Up { fails: 0 };
            for gap in gaps {
                health = health.observe(Fail, &thresholds);
                prop_assert_eq!(health.state(), State::Up);
                for _ in 0..gap {
                    health = health.observe(Pass, &thresholds);
                }
            }
        }
    }
}
