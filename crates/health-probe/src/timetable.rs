//! When a target is probed next. Pure: clock and dice are arguments.

use std::time::Duration;

use health::{Health, Probe, State, Thresholds};
use model::monitor::HealthMonitor;
use tokio::time::Instant;

/// First pause of quick start; it doubles with each failure. avi-api 6.1.
const QUICK_RETRY_FIRST: Duration = Duration::from_millis(100);
/// Longest pause of quick start. avi-api 6.1.
const QUICK_RETRY_LONGEST: Duration = Duration::from_secs(1);
/// A shorter interval than this is taken as this, so that a wrong monitor cannot keep a core busy.
const INTERVAL_SHORTEST: Duration = Duration::from_millis(10);
/// Part of the interval by which a start is earlier at most. It is never later: `failed_checks` intervals and a
/// `receive_timeout` are the longest time until a target that is gone is down.
const JITTER: f64 = 0.1;
/// Pause before a probe that could not be made for want of local resources is tried again.
const POSTPONED_FOR: Duration = Duration::from_millis(500);

/// Place of one target in the timetable.
///
/// ```text
///                  first verdict
///   Quick(health) ---------------> Steady        without quick start: Steady from the beginning
/// ```
///
/// While quick, the next probe follows the end of a failed one by 100, 200, 400, 800, 1,000 … ms. Steady, probes start
/// every `send_interval` or up to a tenth earlier; what entered together is spread over the whole interval first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Timing {
    /// Planned start of the next probe, or of the one under way.
    pub(crate) start: Instant,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// No verdict since the target was added.
    Quick(Health),
    Steady,
}

impl Timing {
    /// Place of a new target: at once with quick start, else somewhere within the first interval.
    pub(crate) fn new(monitor: &HealthMonitor, now: Instant, draw: u64) -> Self {
        if monitor.quickstart {
            Self { start: now, phase: Phase::Quick(Health::NEW) }
        } else {
            Self { start: spread(monitor, now, draw), phase: Phase::Steady }
        }
    }

    /// Whether the target still waits for its first verdict.
    pub(crate) fn is_quick(self) -> bool {
        matches!(self.phase, Phase::Quick(_))
    }

    /// Place after the probe that was planned for `start` ended `now`.
    pub(crate) fn after(self, probe: Probe, monitor: &HealthMonitor, now: Instant, draw: u64) -> Self {
        match self.phase {
            Phase::Quick(health) => {
                let health = health.observe(probe, &Thresholds::from(monitor));
                if health.state() == State::Unknown {
                    let start = now + quick_retry_after(health.streak()).min(interval(monitor));
                    Self { start, phase: Phase::Quick(health) }
                } else {
                    Self { start: spread(monitor, now, draw), phase: Phase::Steady }
                }
            }
            Phase::Steady => Self { start: self.next_regular(monitor, now, draw), phase: Phase::Steady },
        }
    }

    /// Place after the probe could not be made `now` for reasons that say nothing about the target.
    pub(crate) fn postponed(self, now: Instant, draw: u64) -> Self {
        Self { start: now + POSTPONED_FOR + POSTPONED_FOR.mul_f64(unit(draw)), ..self }
    }

    /// Place after the monitor was edited: within one new interval, and not later than planned.
    pub(crate) fn edited(self, monitor: &HealthMonitor, now: Instant, draw: u64) -> Self {
        match self.phase {
            Phase::Quick(_) => Self { start: now, ..self },
            Phase::Steady => Self { start: spread(monitor, now, draw).min(self.start.max(now)), ..self },
        }
    }

    fn next_regular(self, monitor: &HealthMonitor, now: Instant, draw: u64) -> Instant {
        let interval = interval(monitor);
        let next = self.start + interval.mul_f64(1.0 - JITTER * unit(draw));
        if now < next + interval {
            next.max(now)
        } else {
            // The whole prober stood still (a suspended machine): do not make up for it all at once.
            spread(monitor, now, draw)
        }
    }
}

/// A start within one interval after `from`, later than `from`.
fn spread(monitor: &HealthMonitor, from: Instant, draw: u64) -> Instant {
    from + interval(monitor).mul_f64(1.0 - unit(draw))
}

fn interval(monitor: &HealthMonitor) -> Duration {
    monitor.send_interval.max(INTERVAL_SHORTEST)
}

/// Pause after `fails` failures in a row, at least one.
fn quick_retry_after(fails: u32) -> Duration {
    let doubled = 2u32.saturating_pow(fails.saturating_sub(1));
    QUICK_RETRY_FIRST.saturating_mul(doubled).min(QUICK_RETRY_LONGEST)
}

/// `draw` as a number in [0, 1).
fn unit(draw: u64) -> f64 {
    // The upper 32 bits, which an f64 holds exactly.
    f64::from(u32::try_from(draw >> 32).unwrap_or(u32::MAX)) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use health::Probe::{Fail, Pass};
    use model::monitor::Check;
    use proptest::prelude::*;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);

    fn monitor(quickstart: bool) -> HealthMonitor {
        HealthMonitor {
            uuid: "healthmonitor-1".into(),
            name: "m".into(),
            send_interval: INTERVAL,
            receive_timeout: Duration::from_secs(4),
            successful_checks: 2,
            failed_checks: 6,
            port: None,
            quickstart,
            check: Check::Tcp { request: None, response: None },
        }
    }

    /// Any instant will do: only differences count.
    fn noon() -> Instant {
        Instant::now()
    }

    #[test]
    fn quick_start_begins_at_once_and_doubles_its_pauses_up_to_a_second() {
        let (monitor, mut now) = (monitor(true), noon());
        let mut timing = Timing::new(&monitor, now, 0);
        assert_eq!(timing.start, now);
        for pause_ms in [100, 200, 400, 800, 1000] {
            now += Duration::from_millis(7);
            timing = timing.after(Fail, &monitor, now, 0);
            assert_eq!(timing.start - now, Duration::from_millis(pause_ms));
            now = timing.start;
        }
        // The sixth failure is the verdict.
        timing = timing.after(Fail, &monitor, now, u64::MAX / 2);
        assert!(timing.start - now > Duration::from_secs(4), "{:?}", timing.start - now);
        assert_eq!(timing.phase, Phase::Steady);
    }

    #[test]
    fn quick_start_never_pauses_longer_than_the_interval() {
        let fast = HealthMonitor { send_interval: Duration::from_millis(50), ..monitor(true) };
        let now = noon();
        assert_eq!(Timing::new(&fast, now, 0).after(Fail, &fast, now, 0).start - now, fast.send_interval);
    }

    #[test]
    fn one_pass_ends_quick_start() {
        let (monitor, now) = (monitor(true), noon());
        assert_eq!(Timing::new(&monitor, now, 0).after(Pass, &monitor, now, 0).phase, Phase::Steady);
    }

    #[test]
    fn a_probe_that_lasts_into_the_next_ones_time_is_followed_at_once() {
        let (monitor, now) = (monitor(false), noon());
        let timing = Timing { start: now, phase: Phase::Steady };
        let ended = now + INTERVAL;
        assert_eq!(timing.after(Fail, &monitor, ended, 0).start, ended);
    }

    #[test]
    fn time_lost_to_a_standstill_is_not_made_up_for() {
        let (monitor, now) = (monitor(false), noon());
        let timing = Timing { start: now, phase: Phase::Steady };
        let woken = now + Duration::from_secs(3600);
        let next = timing.after(Pass, &monitor, woken, u64::MAX / 2).start;
        assert!(next > woken + INTERVAL / 3, "{:?}", next - woken);
    }

    #[test]
    fn an_edited_monitor_takes_effect_within_its_new_interval() {
        let (old, now) = (monitor(false), noon());
        let new = HealthMonitor { send_interval: Duration::from_secs(1), ..old.clone() };
        let timing = Timing { start: now + INTERVAL, phase: Phase::Steady };
        assert!(timing.edited(&new, now, 7).start <= now + Duration::from_secs(1));
        let near = Timing { start: now + Duration::from_millis(1), phase: Phase::Steady };
        assert_eq!(near.edited(&new, now, 7).start, near.start);
    }

    proptest! {
        #[test]
        fn starts_keep_to_the_interval_or_are_a_tenth_earlier(draws in prop::collection::vec(any::<u64>(), 50)) {
            let (monitor, now) = (monitor(false), noon());
            let mut timing = Timing::new(&monitor, now, draws[0]);
            prop_assert!(timing.start > now && timing.start <= now + INTERVAL);
            for draw in draws {
                let next = timing.after(Pass, &monitor, timing.start, draw);
                let gap = next.start - timing.start;
                prop_assert!(gap >= INTERVAL.mul_f64(0.899) && gap <= INTERVAL, "{gap:?}");
                timing = next;
            }
        }
    }

    #[test]
    fn what_was_added_together_is_spread_evenly() {
        let (monitor, now) = (monitor(false), noon());
        let mut per_second = [0; 10];
        for index in 0..1000u64 {
            let draw = index.wrapping_mul(u64::MAX / 1000);
            let start = Timing::new(&monitor, now, draw).start - now;
            per_second[usize::try_from(start.as_secs().min(9)).unwrap()] += 1;
        }
        assert!(per_second.iter().all(|&starts| (95..=105).contains(&starts)), "{per_second:?}");
    }
}
