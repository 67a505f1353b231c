//! When to try again.

use std::time::Duration;

/// Pauses between attempts: doubled from `first` to `longest`, each with half of it left to chance, so that engines that
/// lost the same controller do not come back in step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// After the first failure.
    pub first: Duration,
    /// At most.
    pub longest: Duration,
}

impl Default for Backoff {
    /// 200 ms to 15 s.
    fn default() -> Self {
        Self { first: Duration::from_millis(200), longest: Duration::from_secs(15) }
    }
}

impl Backoff {
    /// The pause after `failures` failures in a row; `draw` is any number.
    #[must_use]
    pub fn pause(&self, failures: u32, draw: u64) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1).min(20)));
        let half = doubled.min(self.longest) / 2;
        // 1/1,024 of it is fine enough.
        half + half * u32::try_from(draw % 1_024).unwrap_or_default() / 1_024
    }
}

/// A number that differs from attempt to attempt and from seed to seed (splitmix64).
pub(super) fn draw(seed: u64, attempt: u32) -> u64 {
    let mut z = seed.wrapping_add(u64::from(attempt).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_differ() {
        let backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(2) };
        for (failures, least_ms, most_ms) in
            [(0, 50, 100), (1, 50, 100), (2, 100, 200), (5, 800, 1_600), (6, 1_000, 2_000), (u32::MAX, 1_000, 2_000)]
        {
            for seed in 0..50 {
                let pause = backoff.pause(failures, draw(seed, failures)).as_millis();
                assert!((least_ms..=most_ms).contains(&pause), "{failures}: {pause}");
            }
        }
        assert_ne!(backoff.pause(6, draw(1, 6)), backoff.pause(6, draw(2, 6)));
    }
}
