//! What is probed, and what comes back.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use health::{Failure, Probe};
use model::monitor::{Check, HealthMonitor};
use tokio::time::Instant;

/// Identity of a target. Members that share monitor, address and host are probed once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TargetKey {
    /// Uuid of the monitor.
    pub monitor: Arc<str>,
    /// Address and port that are really probed, after the port offset.
    pub address: SocketAddr,
    /// Host header, and TLS server name unless the monitor has its own.
    pub host: Arc<str>,
}

/// One address and the monitor that probes it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Target {
    key: TargetKey,
    monitor: Arc<HealthMonitor>,
}

impl Target {
    /// A target; `address` is after the port offset, `host` may be empty when no name is known.
    #[must_use]
    pub fn new(monitor: Arc<HealthMonitor>, address: SocketAddr, host: impl Into<Arc<str>>) -> Self {
        Self { key: TargetKey { monitor: Arc::from(monitor.uuid.as_str()), address, host: host.into() }, monitor }
    }

    /// Its identity.
    #[must_use]
    pub fn key(&self) -> &TargetKey {
        &self.key
    }

    /// What is sent and expected, and how often.
    #[must_use]
    pub fn monitor(&self) -> &Arc<HealthMonitor> {
        &self.monitor
    }

    /// Whether this release can probe it; false for [`Check::Unsupported`], which then never has a result.
    #[must_use]
    pub fn is_probed(&self) -> bool {
        !matches!(self.monitor.check, Check::Unsupported(_))
    }
}

/// Outcome of one probe.
#[derive(Debug, Clone)]
pub struct ProbeResult {
    /// What was probed. May be a target that has just been removed: results already under way are not called back.
    pub key: TargetKey,
    /// Time from the connection attempt to the verdict, or why there was none.
    pub outcome: Result<Duration, Failure>,
    /// How long after its planned time the probe began.
    pub late: Duration,
    /// When the verdict was reached.
    pub at: Instant,
}

impl ProbeResult {
    /// The outcome as the state machine of `health` takes it.
    #[must_use]
    pub fn probe(&self) -> Probe {
        if self.outcome.is_ok() { Probe::Pass } else { Probe::Fail }
    }
}
