//! The one place that reads clocks.

use std::time::Instant;

/// Microseconds since the Unix epoch.
pub(crate) fn now_us() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

#[expect(clippy::disallowed_methods, reason = "the edge that waits for disks")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}
