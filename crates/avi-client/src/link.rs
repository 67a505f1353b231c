//! Whether the controller can be used, for an operator that reads it and then keeps it as it should be.
//!
//! ```text
//!            read fails (back-off grows)
//!            +-------+                     read succeeds
//!            v       |
//!          Away ─────┴───────> Reading ───────────────────> Up
//!            ^                    ^  refresh is due          |
//!            |                    +--------------------------+
//!            +------------ a write finds it away ------------+
//! ```

use std::time::Duration;

use tokio::time::Instant;

use crate::BackOff;

/// Whether the controller can be used, and when to read it next.
#[derive(Debug)]
pub struct Link {
    is_up: bool,
    is_reading: bool,
    /// When to read next.
    read_at: Instant,
    back_off: BackOff,
    /// Kind of the trouble that was told.
    told: Option<&'static str>,
}

impl Link {
    /// It has to be read first.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        let back_off = BackOff::new(Duration::from_millis(100), Duration::from_secs(30));
        Self { is_up: false, is_reading: false, read_at: now, back_off, told: None }
    }

    /// Whether what was read can be relied on.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.is_up
    }

    /// Whether to begin reading.
    #[must_use]
    pub fn is_due(&self, now: Instant) -> bool {
        !self.is_reading && self.read_at <= now
    }

    /// A reading is under way.
    pub fn begin_reading(&mut self) {
        self.is_reading = true;
    }

    /// Whether writes may begin: what is known is not about to be replaced.
    #[must_use]
    pub fn may_write(&self, now: Instant) -> bool {
        self.is_up && !self.is_reading && self.read_at > now
    }

    /// The controller was read; says whether trouble had been told before.
    pub fn up(&mut self, now: Instant, refresh_interval: Duration) -> bool {
        self.is_up = true;
        self.is_reading = false;
        self.read_at = now + refresh_interval;
        self.back_off.reset();
        self.told.take().is_some()
    }

    /// The controller cannot be used; says whether to tell it: once for each kind of trouble.
    pub fn away(&mut self, now: Instant, kind: &'static str) -> bool {
        self.is_up = false;
        self.is_reading = false;
        self.read_at = now + self.back_off.next();
        self.told.replace(kind) != Some(kind)
    }

    /// As [`Link::away`], for one that can be found elsewhere: the next try is no later than `wait_max` from now.
    pub fn away_at_most(&mut self, now: Instant, kind: &'static str, wait_max: Duration) -> bool {
        let is_new = self.away(now, kind);
        self.read_at = self.read_at.min(now + wait_max);
        is_new
    }

    /// Reads as soon as it can: what is known cannot be relied on any more.
    pub fn restart(&mut self, now: Instant) {
        self.is_up = false;
        self.read_at = now;
    }

    /// A reading was of no use.
    pub fn drop_reading(&mut self) {
        self.is_reading = false;
    }

    /// When to read next; none while reading.
    #[must_use]
    pub fn wake(&self) -> Option<Instant> {
        (!self.is_reading).then_some(self.read_at)
    }
}
