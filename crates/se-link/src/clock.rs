//! The one place of this crate that reads the clock.

use std::time::{Duration, SystemTime};

#[expect(clippy::disallowed_methods, reason = "the edge that reads the clock for certificates and tokens")]
pub(crate) fn wall_now() -> SystemTime {
    SystemTime::now()
}

/// Whole seconds since the Unix epoch.
pub(crate) fn unix_s(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The time `seconds` after the Unix epoch.
pub(crate) fn at_unix_s(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(SystemTime::UNIX_EPOCH)
}
