//! The one place of this crate that reads clocks.

use std::time::{Instant, SystemTime};

/// Monotonic.
#[expect(clippy::disallowed_methods, reason = "the edge that reads the clock for what was heard when")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Microseconds since 1970. Others compare it with theirs and warn; nothing depends on it.
#[expect(clippy::disallowed_methods, reason = "the edge that reads the clock that is told to other sites")]
pub(crate) fn wall_us() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
