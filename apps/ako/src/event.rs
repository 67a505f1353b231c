//! What the operator tells, in the log and to whoever listens.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use k8s_watch::Problem;
use tokio::sync::mpsc;
use tracing::{error, info, warn};

/// A good capacity for the channel of events; more than a screenful.
pub const EVENTS_WAITING_MAX: usize = 256;

/// Something that happened. Its text is one or more lines for the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AkoEvent {
    /// Something changed, and the controller has it.
    Changed {
        /// `host shop.example.com`, or what else it concerns.
        what: String,
        /// What changed and why; at least one line.
        why: Vec<String>,
    },
    /// A write failed; it will be tried again.
    NotWritten {
        /// Type.
        kind: &'static str,
        /// Name of the object.
        name: String,
        /// Whom it concerns: `host shop.example.com of Ingress default/shop with Secret default/shop-tls`.
        of: String,
        /// Why, with the controller's words.
        reason: String,
    },
    /// An object that is ours to serve, and is not or not in full; told once while the reason lasts.
    NotServed {
        /// What, and why: `Ingress default/shop, shop.example.com/cart: Service default/cart does not exist`.
        what: String,
    },
    /// A host is served, and the status of its Ingress does not show it.
    NotShown {
        /// `default/shop`.
        ingress: String,
        /// Host.
        host: String,
        /// Why.
        why: &'static str,
    },
    /// Status or annotations were written into an object.
    Status {
        /// `Ingress default/shop`.
        object: String,
        /// Its addresses and names, or that they are gone.
        text: String,
    },
    /// The settings were edited; they hold at once.
    SettingsEdited {
        /// What is worth telling of it.
        text: String,
    },
    /// Nothing is written or deleted: the settings cannot be followed.
    Idle {
        /// All that is amiss, and what to do.
        reasons: Vec<String>,
    },
    /// The settings can be followed again, and are.
    SettingsBack,
    /// The cluster does not answer; the controller keeps what it has.
    ClusterSilent,
    /// The cluster answers again.
    ClusterBack,
    /// Something in the cluster cannot be read.
    Problem {
        /// What, where, and what to do.
        problem: Problem,
    },
    /// Everything can be read again.
    ProblemsSolved,
    /// The controller cannot be used; told once, not per try.
    ControllerAway {
        /// Why.
        reason: String,
    },
    /// The controller can be used again.
    ControllerBack,
    /// The controller holds what it should.
    Synced {
        /// Number of hosts that are served.
        hosts: usize,
        /// Number of Services of type LoadBalancer.
        services: usize,
        /// Writes that led there.
        writes: u64,
    },
    /// All is tried, and some of it failed; that is told each by itself, and tried again.
    Unfinished {
        /// Number of hosts, parents and Services that lack something on the controller.
        units: usize,
        /// Number of hosts that are wanted, those among them.
        hosts: usize,
    },
    /// `deleteConfig` is set and nothing of ours is left.
    Deleted,
}

/// Tells events; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Teller {
    cluster: Arc<str>,
    events: Option<mpsc::Sender<AkoEvent>>,
    counts: Arc<WriteCounts>,
}

/// Writes so far. The channel of events may lose some; this does not.
#[derive(Debug, Default)]
pub(crate) struct WriteCounts {
    written: AtomicU64,
    refused: AtomicU64,
    statuses: AtomicU64,
}

impl WriteCounts {
    /// A write to the controller ended.
    pub(crate) fn count(&self, is_done: bool) {
        let counter = if is_done { &self.written } else { &self.refused };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Something was written back to the cluster.
    pub(crate) fn count_status(&self) {
        self.statuses.fetch_add(1, Ordering::Relaxed);
    }

    /// Writes to the controller that were done, and those that were not.
    pub(crate) fn read(&self) -> (u64, u64) {
        (self.written.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }

    /// Write-backs to the cluster.
    pub(crate) fn statuses(&self) -> u64 {
        self.statuses.load(Ordering::Relaxed)
    }
}

impl Teller {
    pub(crate) fn new(cluster: &str, events: Option<mpsc::Sender<AkoEvent>>, counts: Arc<WriteCounts>) -> Self {
        Self { cluster: cluster.into(), events, counts }
    }

    pub(crate) fn counts(&self) -> &WriteCounts {
        &self.counts
    }

    pub(crate) fn tell(&self, event: AkoEvent) {
        self.log(&event);
        if let Some(events) = &self.events {
            // A listener that does not keep up misses events; the log has them all.
            drop(events.try_send(event));
        }
    }

    fn log(&self, event: &AkoEvent) {
        let cluster = &*self.cluster;
        match event {
            AkoEvent::Changed { what, why } => {
                info!(cluster, what, reason = why.join("; "), "controller has the change")
            }
            AkoEvent::NotWritten { kind, name, of, reason } => {
                warn!(cluster, kind, name, of, reason, "write failed, will be tried again");
            }
            AkoEvent::NotServed { what } => warn!(cluster, what, "not served as it says"),
            AkoEvent::NotShown { ingress, host, why } => {
                info!(cluster, ingress, host, reason = why, "host is served, the Ingress gets no status for it");
            }
            AkoEvent::Status { object, text } => info!(cluster, object, status = text, "status written"),
            AkoEvent::SettingsEdited { text } => info!(cluster, text, "settings edited, in force without a restart"),
            AkoEvent::Idle { reasons } => {
                error!(
                    cluster,
                    reason = reasons.join("; "),
                    "settings cannot be followed, nothing is written or deleted"
                );
            }
            AkoEvent::SettingsBack => info!(cluster, "settings can be followed again, they are in force"),
            AkoEvent::ClusterSilent => warn!(cluster, "cluster does not answer, the controller keeps what it has"),
            AkoEvent::ClusterBack => info!(cluster, "cluster answers"),
            AkoEvent::Problem { problem } => warn!(cluster, reason = %problem, "cannot be read"),
            AkoEvent::ProblemsSolved => info!(cluster, "everything can be read again"),
            AkoEvent::ControllerAway { reason } => error!(cluster, reason, "controller cannot be used, trying on"),
            AkoEvent::ControllerBack => info!(cluster, "controller can be used"),
            AkoEvent::Synced { hosts, services, writes } => {
                info!(cluster, hosts, services, writes, "controller holds what it should");
            }
            AkoEvent::Unfinished { units, hosts } => {
                warn!(cluster, failed = units, hosts, "controller lacks what could not be written, trying on");
            }
            AkoEvent::Deleted => {
                info!(cluster, "deleteConfig is set: nothing of this cluster is left on the controller")
            }
        }
    }
}

impl fmt::Display for AkoEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { what, why } => {
                write!(f, "{what}")?;
                why.iter().try_for_each(|line| write!(f, "\n    {line}"))
            }
            Self::NotWritten { kind, name, of, reason } => {
                write!(f, "{of}: {kind} {name} not written: {reason}; trying again")
            }
            Self::NotServed { what } => f.write_str(what),
            Self::NotShown { ingress, host, why } => {
                write!(f, "Ingress {ingress}: {host} is served, without a status: {why}")
            }
            Self::Status { object, text } => write!(f, "{object}: {text}"),
            Self::SettingsEdited { text } => write!(f, "settings edited, in force without a restart: {text}"),
            Self::Idle { reasons } => write!(f, "nothing is written or deleted: {}", reasons.join("; ")),
            Self::SettingsBack => f.write_str("settings can be followed again, they are in force"),
            Self::ClusterSilent => f.write_str("the cluster does not answer; the controller keeps what it has"),
            Self::ClusterBack => f.write_str("the cluster answers"),
            Self::Problem { problem } => write!(f, "{problem}"),
            Self::ProblemsSolved => f.write_str("everything can be read again"),
            Self::ControllerAway { reason } => write!(f, "controller cannot be used: {reason}; trying on"),
            Self::ControllerBack => f.write_str("controller can be used"),
            Self::Synced { hosts, services, writes } => {
                write!(f, "in sync: {hosts} hosts, {services} Services, {writes} writes")
            }
            Self::Unfinished { units, hosts } => {
                write!(f, "{units} of what {hosts} hosts and the Services need could not be written; trying on")
            }
            Self::Deleted => f.write_str("deleteConfig is set: nothing of this cluster is left on the controller"),
        }
    }
}
