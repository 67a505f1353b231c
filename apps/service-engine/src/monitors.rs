//! Health monitors of a snapshot, and what one of them says of one address.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use health::{MonitorInput, State};
use health_probe::Target;
use model::monitor::HealthMonitor;
use se_protocol::MonitorState;

use crate::targets::{Targets, Watched};

/// The monitors of a snapshot, and which of them are new.
pub(crate) struct Monitors<'a> {
    known: HashMap<&'a str, &'a Arc<HealthMonitor>>,
    /// Monitors that are other than before, came or went.
    changed: HashSet<&'a str>,
}

/// A monitor that applies to a member or server.
#[derive(Debug)]
pub(crate) struct AppliedMonitor {
    monitor: Arc<HealthMonitor>,
    address: SocketAddr,
    /// `None` when it cannot be probed: its type is not supported, or there is no port.
    target: Option<Target>,
}

impl<'a> Monitors<'a> {
    pub(crate) fn new(before: &'a [Arc<HealthMonitor>], now: &'a [Arc<HealthMonitor>]) -> Self {
        let known: HashMap<&str, &Arc<HealthMonitor>> =
            now.iter().map(|monitor| (monitor.uuid.as_str(), monitor)).collect();
        let mut changed: HashSet<&str> = known.keys().copied().collect();
        for monitor in before {
            match known.get(monitor.uuid.as_str()) {
                Some(same) if Arc::ptr_eq(same, monitor) || *same == monitor => changed.remove(monitor.uuid.as_str()),
                _ => changed.insert(&monitor.uuid),
            };
        }
        Self { known, changed }
    }

    /// Those of `uuids` that exist.
    pub(crate) fn of<'s>(&'s self, uuids: &'s [String]) -> impl Iterator<Item = &'a Arc<HealthMonitor>> + use<'s, 'a> {
        uuids.iter().filter_map(|uuid| self.known.get(uuid.as_str()).copied())
    }

    /// Whether `uuids` mean what they meant before.
    pub(crate) fn are_same(&self, uuids: &[String]) -> bool {
        !uuids.iter().any(|uuid| self.changed.contains(uuid.as_str()))
    }
}

impl AppliedMonitor {
    /// `monitor`, as it probes `address` under the name `host`.
    pub(crate) fn new(monitor: &Arc<HealthMonitor>, address: SocketAddr, host: impl Into<Arc<str>>) -> Self {
        let target = Target::new(Arc::clone(monitor), address, host);
        let target = Some(target).filter(|target| address.port() != 0 && target.is_probed());
        Self { monitor: Arc::clone(monitor), address, target }
    }

    pub(crate) fn uuid(&self) -> &str {
        &self.monitor.uuid
    }

    pub(crate) fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    /// What it says, for a verdict.
    pub(crate) fn input<'t>(&'t self, targets: &'t Targets) -> MonitorInput<'t> {
        let watched = self.watched(targets);
        MonitorInput {
            name: &self.monitor.name,
            health: watched.map(|watched| watched.health),
            failure: watched.and_then(|watched| watched.failure.as_ref()),
        }
    }

    /// What it says, for the controller.
    pub(crate) fn state(&self, targets: &Targets) -> MonitorState {
        let watched = self.watched(targets);
        MonitorState {
            uuid: self.monitor.uuid.clone(),
            name: self.monitor.name.clone(),
            target: self.address,
            state: watched.map_or(State::Unknown, |watched| watched.health.state()),
            streak: watched.map_or(0, |watched| watched.health.streak()),
            last_failure: watched.and_then(|watched| watched.failure.as_ref()).map(ToString::to_string),
            latency_us: watched.and_then(|watched| watched.latency_us),
            probed_by: watched.and_then(|watched| watched.probed_by.as_deref().map(str::to_owned)),
        }
    }

    fn watched<'t>(&self, targets: &'t Targets) -> Option<&'t Watched> {
        targets.get(self.target.as_ref()?.key())
    }
}
