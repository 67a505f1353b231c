//! How often an operator looks at everything while its writes go on.

use std::time::Duration;

use tokio::time::Instant;

/// Shortest pause between two looks, so that what comes together is looked at together.
const PAUSE_MIN: Duration = Duration::from_millis(5);
/// The pause is so many times as long as the look before it: looks take a fifth of a processor at most.
const PAUSE_TIMES: u32 = 4;

/// Keeps looks apart. A look costs as much as there are objects, so that one after each write would take ever longer.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    not_before: Instant,
}

impl Pace {
    /// The first look is due at once.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { not_before: now }
    }

    /// A look has ended.
    pub fn looked(&mut self, began: Instant, ended: Instant) {
        self.not_before = ended + PAUSE_MIN.max((ended - began) * PAUSE_TIMES);
    }

    /// When to look for a reason that stands from `at` on, while writes are under way.
    #[must_use]
    pub fn after(&self, at: Instant) -> Instant {
        at.max(self.not_before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_took_long_is_followed_by_a_longer_pause() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pace = Pace::new(start);
        assert_eq!(pace.after(at(0)), at(0));
        pace.looked(at(0), at(0));
        assert_eq!((pace.after(at(1)), pace.after(at(9))), (at(5), at(9)));
        pace.looked(at(10), at(30));
        assert_eq!(pace.after(at(31)), at(110));
    }
}
