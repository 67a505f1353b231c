//! Where the API reads the time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Two clocks: one for stamps that people and clients read, one for measuring how long ago something was.
pub trait Clock: Send + Sync + 'static {
    /// Wall clock, microseconds since the Unix epoch.
    fn wall_us(&self) -> i64;
    /// Time since an arbitrary start; never goes back.
    fn monotonic(&self) -> Duration;
}

/// The clocks of the machine.
#[derive(Debug, Clone)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Starts the monotonic clock at zero.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place of the API that reads the machine's clocks")]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place of the API that reads the machine's clocks")]
    fn wall_us(&self) -> i64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}
