//! Waiting for a state, never for a time.

use std::time::Duration;

/// Longest wait for a state; reached only when a test fails.
const WAIT_MAX: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(50);

/// Asks again and again until `condition` holds; `false` when it never does.
pub(crate) fn comes_true(mut condition: impl FnMut() -> bool) -> bool {
    let mut waited = Duration::ZERO;
    while waited < WAIT_MAX {
        if condition() {
            return true;
        }
        std::thread::sleep(STEP); // bounded: polls a condition
        waited += STEP;
    }
    false
}
