//! The two clocks, read here only.

use std::time::{Instant, SystemTime};

/// For elapsed time.
#[expect(clippy::disallowed_methods, reason = "an edge reads the clock, at one place")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// For log records.
#[expect(clippy::disallowed_methods, reason = "an edge reads the clock, at one place")]
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}
