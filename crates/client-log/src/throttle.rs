//! How many logs a second are kept.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Lets at most so many pass in each second; shared by all threads that answer.
#[derive(Debug, Default)]
pub struct Throttle {
    per_s: AtomicU32,
    /// The second, in the upper half, and how many passed in it.
    passed: AtomicU64,
}

impl Throttle {
    /// Lets `per_s` pass; 0 lets all pass.
    #[must_use]
    pub fn new(per_s: u32) -> Self {
        Self { per_s: AtomicU32::new(per_s), passed: AtomicU64::new(0) }
    }

    /// Changes the rate; what passed in this second still counts.
    pub fn set(&self, per_s: u32) {
        self.per_s.store(per_s, Ordering::Relaxed);
    }

    /// Whether one more may pass in `second`, which only has to change from second to second. Costs two reads when the
    /// second is used up.
    #[must_use]
    pub fn admit(&self, second: u32) -> bool {
        let per_s = self.per_s.load(Ordering::Relaxed);
        if per_s == 0 {
            return true;
        }
        let second = u64::from(second) << 32;
        let next = |passed: u64| {
            let count = if passed & !u64::from(u32::MAX) == second { passed & u64::from(u32::MAX) } else { 0 };
            (count < u64::from(per_s)).then_some(second | (count + 1))
        };
        self.passed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(throttle: &Throttle, second: u32, asked: u32) -> usize {
        (0..asked).filter(|_| throttle.admit(second)).count()
    }

    #[test]
    fn each_second_lets_as_many_pass_as_the_rate_says() {
        let throttle = Throttle::new(10);
        assert_eq!([passed(&throttle, 1, 7), passed(&throttle, 1, 7), passed(&throttle, 1, 7)], [7, 3, 0]);
        assert_eq!(passed(&throttle, 2, 1000), 10);
        assert_eq!(passed(&throttle, u32::MAX, 1000), 10);
        assert_eq!(passed(&throttle, 0, 5), 5);
    }

    #[test]
    fn a_rate_of_0_lets_all_pass_and_a_new_rate_holds_at_once() {
        let throttle = Throttle::new(0);
        assert_eq!(passed(&throttle, 1, 100_000), 100_000);
        throttle.set(3);
        assert_eq!(passed(&throttle, 1, 100), 3);
        throttle.set(5);
        assert_eq!(passed(&throttle, 1, 100), 2);
    }
}
