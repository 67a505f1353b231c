//! What the Gslb object asks of a site.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::{Revision, SiteId};

const MILLION: u64 = 1_000_000;

/// How a site comes to lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leadership {
    /// A person promotes it; avi-api 5.8.
    ByHand,
    /// A majority of the active sites elects it.
    Elected,
}

/// What followers show. Avi: `ReplicationPolicy.replication_mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replication {
    /// Everything: at once, or in batches ([`Settings::batch`]).
    Continuous,
    /// What the leader was told to release, [`crate::Site::release`]: what its own service engines run.
    Adaptive,
    /// Everything up to the checkpoint.
    Manual {
        /// [`crate::Stored::revision`] of the FederationCheckpoint; 0 = none yet.
        checkpoint: Revision,
    },
}

/// Times of an election.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long a leader may write after it sent what a majority answered.
    pub lease: Duration,
    /// Time between heartbeats; well below the lease.
    pub heartbeat: Duration,
    /// Askers wait for up to this longer, each by its own dice.
    pub spread: Duration,
    /// By how much a clock's rate may be off, in millionths; below 500,000.
    pub drift_ppm: u32,
}

impl Default for Timing {
    /// A new leader within three seconds, clocks off by up to 1 %.
    fn default() -> Self {
        Self {
            lease: Duration::from_millis(1_000),
            heartbeat: Duration::from_millis(200),
            spread: Duration::from_millis(300),
            drift_ppm: 10_000,
        }
    }
}

impl Timing {
    /// How long a site that answered a heartbeat grants nobody else its vote.
    ///
    /// A slow leader's lease takes `lease / (1 - drift)` of true time, a fast follower's promise `promise / (1 + drift)`;
    /// the promise begins after the lease. So `promise = lease * (1 + drift) / (1 - drift)`, rounded up.
    #[must_use]
    pub fn promise(&self) -> Duration {
        let drift = u64::from(self.drift_ppm).min(MILLION / 2);
        let lease = u64::try_from(self.lease.as_micros()).unwrap_or(u64::MAX);
        let promise = u128::from(lease) * u128::from(MILLION + drift) / u128::from(MILLION - drift);
        Duration::from_micros(u64::try_from(promise).unwrap_or(u64::MAX).saturating_add(1))
    }
}

/// What one site needs of the Gslb object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `GSLB_ACTIVE_MEMBER`s; passive sites have no part in this.
    pub active: BTreeSet<SiteId>,
    /// How a site comes to lead.
    pub leadership: Leadership,
    /// Avi: `Gslb.replication_policy`.
    pub replication: Replication,
    /// Followers get changes of so long together; zero: at once. Avi: `Gslb.async_interval`, continuous mode alone.
    pub batch: Duration,
    /// Sites in `suspend_mode`.
    pub suspended: BTreeSet<SiteId>,
    /// Avi: `Gslb.maintenance_mode`.
    pub maintenance: bool,
    /// Times; heartbeats count by hand too.
    pub timing: Timing,
    /// Writes that may wait for a majority at the leader.
    pub pending_max: u64,
}

impl Settings {
    /// `active` sites, all else as by default: by hand, continuous.
    #[must_use]
    pub fn new(active: impl IntoIterator<Item = SiteId>) -> Self {
        Self {
            active: active.into_iter().collect(),
            leadership: Leadership::ByHand,
            replication: Replication::Continuous,
            batch: Duration::ZERO,
            suspended: BTreeSet::new(),
            maintenance: false,
            timing: Timing::default(),
            pending_max: 10_000,
        }
    }

    /// Whether the leader keeps changes back for a while.
    pub(crate) fn holds_back(&self) -> bool {
        match self.replication {
            Replication::Continuous => !self.batch.is_zero(),
            Replication::Adaptive => true,
            Replication::Manual { .. } => false, // a checkpoint says it all
        }
    }

    /// How many active sites are a majority.
    #[must_use]
    pub fn majority(&self) -> usize {
        self.active.len() / 2 + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_outlasts_a_lease_when_the_two_clocks_are_off_as_far_as_they_may() {
        for (lease_ms, drift_ppm) in [(1_000, 10_000), (1_000, 0), (250, 500_000), (10_000, 1)] {
            let timing = Timing { lease: Duration::from_millis(lease_ms), drift_ppm, ..Timing::default() };
            let drift = f64::from(drift_ppm) / 1e6;
            let lease_lasts = timing.lease.as_secs_f64() / (1.0 - drift);
            assert!(timing.promise().as_secs_f64() / (1.0 + drift) > lease_lasts, "{lease_ms} ms, {drift_ppm} ppm");
        }
    }
}
