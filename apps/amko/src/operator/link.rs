//! Whether the controller can be used.
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

use crate::back_off::BackOff;

/// Whether the controller can be used, and when to read it next.
#[derive(Debug)]
pub(super) struct Link {
    is_up: bool,
    is_reading: bool,
    /// When to read next.
    read_at: Instant,
    back_off: BackOff,
    /// Kind of the trouble that was told.
    told: Option<&'static str>,
}

impl Link {
    pub(super) fn new(now: Instant) -> Self {
        let back_off = BackOff::new(Duration::from_millis(100), Duration::from_secs(30));
        Self { is_up: false, is_reading: false, read_at: now, back_off, told: None }
    }

    pub(super) fn is_up(&self) -> bool {
        self.is_up
    }

    /// Whether to begin reading.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        !self.is_reading && self.read_at <= now
    }

    pub(super) fn begin_reading(&mut self) {
        self.is_reading = true;
    }

    /// Whether writes may begin: what is known is not about to be replaced.
    pub(super) fn may_write(&self, now: Instant) -> bool {
        self.is_up && !self.is_reading && self.read_at > now
    }

    /// The controller was read; says whether trouble had been told before.
    pub(super) fn up(&mut self, now: Instant, refresh_interval: Duration) -> bool {
        self.is_up = true;
        self.is_reading = false;
        self.read_at = now + refresh_interval;
        self.back_off.reset();
        self.told.take().is_some()
    }

    /// The controller cannot be used; says whether to tell it: once for each kind of trouble.
    pub(super) fn away(&mut self, now: Instant, kind: &'static str) -> bool {
        self.is_up = false;
        self.is_reading = false;
        self.read_at = now + self.back_off.next();
        self.told.replace(kind) != Some(kind)
    }

    /// Reads as soon as it can: what is known cannot be relied on any more.
    pub(super) fn restart(&mut self, now: Instant) {
        self.is_up = false;
        self.read_at = now;
    }

    /// A reading was of no use.
    pub(super) fn drop_reading(&mut self) {
        self.is_reading = false;
    }

    /// When to read next; none while reading.
    pub(super) fn wake(&self) -> Option<Instant> {
        (!self.is_reading).then_some(self.read_at)
    }
}
