//! When to dial again.

use std::time::Duration;

/// After the first failure.
const FIRST: Duration = Duration::from_millis(50);
/// At most, so that a site that is back has part in an election that is to end within three seconds.
const LONGEST: Duration = Duration::from_secs(1);

/// The pause after `failures` failures in a row, doubled from [`FIRST`] to [`LONGEST`], half of it left to chance;
/// `draw` is any number.
pub(crate) fn pause(failures: u32, draw: u64) -> Duration {
    let doubled = FIRST.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1).min(20)));
    let half = doubled.min(LONGEST) / 2;
    // 1/1,024 of it is fine enough.
    half + half * u32::try_from(draw % 1_024).unwrap_or_default() / 1_024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_second_and_differ() {
        for (failures, least_ms, most_ms) in
            [(0, 25, 50), (1, 25, 50), (2, 50, 100), (9, 500, 1_000), (u32::MAX, 500, 1_000)]
        {
            for draw in [0, 511, 1_023, u64::MAX] {
                let pause = pause(failures, draw).as_millis();
                assert!((least_ms..=most_ms).contains(&pause), "{failures}: {pause}");
            }
        }
        assert_ne!(pause(9, 1), pause(9, 700));
    }
}
