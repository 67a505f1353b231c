//! How long to wait before the next try.

use std::time::Duration;

/// After the first failure.
const FIRST: Duration = Duration::from_millis(100);
/// However often it failed: a server that is back is noticed within this.
const LONGEST: Duration = Duration::from_secs(5);

/// Doubles from try to try.
#[derive(Debug, Default)]
pub(crate) struct BackOff {
    failures: u32,
}

impl BackOff {
    /// It went well; the next failure is a first one.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// How often in a row it failed.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// It failed. Half of the pause is by `draw`, so that the kinds of many clusters do not come back as one.
    pub(crate) fn next(&mut self, draw: u64) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let half = whole / 2;
        let micros = u64::try_from(half.as_micros()).unwrap_or(u64::MAX).max(1);
        half + Duration::from_micros(draw % micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit_and_start_anew() {
        let mut back_off = BackOff::default();
        let mut pauses = || -> Vec<u128> { (0..9).map(|_| back_off.next(0).as_millis()).collect() };
        assert_eq!(pauses(), [50, 100, 200, 400, 800, 1600, 2500, 2500, 2500]);
        assert_eq!(pauses()[0], 2500);
        back_off.reset();
        assert!((50..100).contains(&back_off.next(u64::MAX).as_millis()));
    }

    #[test]
    fn no_draw_makes_a_pause_longer_than_the_limit() {
        let mut back_off = BackOff { failures: u32::MAX };
        for draw in [0, 1, 2_499_999, 2_500_000, u64::MAX] {
            let pause = back_off.next(draw);
            assert!(pause >= LONGEST / 2 && pause <= LONGEST, "{pause:?}");
        }
    }
}
