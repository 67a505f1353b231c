//! What the operator tells, in the log and to whoever listens.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use amko_translate::{Reason, RefusedAlias};
use k8s_watch::Problem;
use tokio::sync::mpsc;
use tracing::{error, info, warn};

/// A good capacity for the channel of events; more than a screenful.
pub const EVENTS_WAITING_MAX: usize = 256;

/// Reason of a [`AmkoEvent::ControllerMoved`] where the configuration names another; the words of amko 8.3.
pub(crate) const OTHER_ADDRESS: &str = "GSLB Leader IP changed";

/// What is announced of a flip of `isLeader`; the words of amko 8.3.
pub(crate) const LEADER_FLAG_CHANGED: &str = "AMKO leader flag changed.";

/// Something that happened. Its text is one or more lines for the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AmkoEvent {
    /// An object was written on the controller.
    Written {
        /// What was done.
        verb: Verb,
        /// Type, `gslbservice` or `healthmonitor`.
        kind: &'static str,
        /// Tenant.
        tenant: String,
        /// Name of the object.
        name: String,
        /// GSLB service that it belongs to.
        gslb_service: String,
        /// What changed and why; at least one line.
        why: Vec<String>,
    },
    /// A write failed; it will be tried again.
    NotWritten {
        /// Type.
        kind: &'static str,
        /// Name of the object.
        name: String,
        /// Why, with the controller's words.
        reason: String,
    },
    /// A service cannot be written because another owner has it.
    InTheWay {
        /// The object, and whose it is.
        what: String,
    },
    /// An object that the policy selects makes no member; told once while the reason lasts.
    NotServed {
        /// Context.
        cluster: String,
        /// `Ingress default/hello`.
        object: String,
        /// What is amiss with it.
        reason: Reason,
    },
    /// A rule claims an alias that another service has; told once while it lasts.
    AliasRefused {
        /// The claim.
        refused: RefusedAlias,
    },
    /// The status of a `GSLBConfig`, policy or rule changed.
    Status {
        /// `GlobalDeploymentPolicy avi-system/global-gdp`.
        object: String,
        /// Its status.
        text: String,
        /// Whether it is an error.
        is_error: bool,
    },
    /// The `GSLBConfig` in force was edited; it holds at once.
    ConfigEdited {
        /// `GSLBConfig avi-system/gc-1`.
        object: String,
        /// What changed, a line for each field.
        changes: Vec<String>,
    },
    /// Part of the `GSLBConfig` or policy in force cannot be followed.
    ConfigDoubtful {
        /// `GSLBConfig avi-system/gc-1`.
        object: String,
        /// What, and what to do.
        reason: String,
    },
    /// A cluster does not answer; its members stay as they are.
    ClusterSilent {
        /// Context.
        cluster: String,
    },
    /// A cluster that did not answer does now.
    ClusterBack {
        /// Context.
        cluster: String,
    },
    /// Something in a cluster cannot be read.
    Problem {
        /// Context.
        cluster: String,
        /// What, where, and what to do.
        problem: Problem,
    },
    /// All of a cluster can be read again.
    ProblemsSolved {
        /// Context.
        cluster: String,
    },
    /// The controller cannot be used; told once, not per try.
    ControllerAway {
        /// Why.
        reason: String,
    },
    /// Another controller is used from now on.
    ControllerMoved {
        /// Its address so far.
        from: String,
        /// Its address now.
        to: String,
        /// Why.
        reason: String,
    },
    /// Other credentials are used from now on.
    CredentialsChanged {
        /// Address.
        controller: String,
    },
    /// The controller can be used again.
    ControllerBack,
    /// Somebody set `isLeader` of the own `AMKOCluster` to another value.
    LeaderFlagChanged {
        /// Its value now.
        is_leader: bool,
    },
    /// There is no valid `GSLBConfig`: nothing is written or deleted.
    Idle {
        /// Context of the leader cluster.
        cluster: String,
    },
    /// The controller holds what it should.
    Synced {
        /// Number of GSLB services, those of other owners not counted.
        services: usize,
        /// Number of those that another owner has.
        in_the_way: usize,
    },
}

/// What was done with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Created.
    Created,
    /// Changed.
    Updated,
    /// Taken over from another owner.
    Adopted,
    /// Deleted.
    Deleted,
}

/// Tells events; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Teller {
    events: Option<mpsc::Sender<AmkoEvent>>,
    counts: Arc<WriteCounts>,
}

/// Writes so far. The channel of events may lose some; this does not.
#[derive(Debug, Default)]
pub(crate) struct WriteCounts {
    written: AtomicU64,
    refused: AtomicU64,
}

impl WriteCounts {
    /// A write ended.
    pub(crate) fn count(&self, is_done: bool) {
        let counter = if is_done { &self.written } else { &self.refused };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Writes that were done, and those that were not.
    pub(crate) fn read(&self) -> (u64, u64) {
        (self.written.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }
}

impl Teller {
    pub(crate) fn new(events: Option<mpsc::Sender<AmkoEvent>>, counts: Arc<WriteCounts>) -> Self {
        Self { events, counts }
    }

    pub(crate) fn counts(&self) -> &WriteCounts {
        &self.counts
    }

    pub(crate) fn tell(&self, event: AmkoEvent) {
        log(&event);
        if let Some(events) = &self.events {
            // A listener that does not keep up misses events; the log has them all.
            drop(events.try_send(event));
        }
    }
}

fn log(event: &AmkoEvent) {
    match event {
        AmkoEvent::Written { verb, kind, tenant, name, gslb_service, why } => {
            info!(%tenant, %gslb_service, kind, name, %verb, reason = why.join("; "), "wrote to the controller");
        }
        AmkoEvent::NotWritten { kind, name, reason } => {
            warn!(kind, name, reason, "write failed, will be tried again");
        }
        AmkoEvent::InTheWay { what } => {
            warn!(what, "service not written, another owner has it; delete it there or choose another host");
        }
        AmkoEvent::AliasRefused { refused } => {
            let RefusedAlias { alias, rule, service, holder } = refused;
            let (cluster, host_rule) = (&rule.cluster, &rule.name);
            warn!(cluster, host_rule, alias, gslb_service = %service, %holder, "alias ignored, another service has it");
        }
        AmkoEvent::Status { object, text, is_error: false } => info!(object, status = text, "status changed"),
        AmkoEvent::Status { object, text, is_error: true } => warn!(object, status = text, "object is not accepted"),
        AmkoEvent::ConfigEdited { object, changes } => {
            info!(object, reason = changes.join("; "), "gslb config edited, in force without a restart");
        }
        AmkoEvent::ConfigDoubtful { object, reason } => warn!(object, reason, "object cannot be followed in full"),
        AmkoEvent::ClusterSilent { cluster } => warn!(cluster, "cluster does not answer, its members stay"),
        AmkoEvent::ClusterBack { cluster } => info!(cluster, "cluster answers"),
        AmkoEvent::Problem { cluster, problem } => warn!(cluster, reason = %problem, "cannot be read"),
        AmkoEvent::ProblemsSolved { cluster } => info!(cluster, "everything can be read again"),
        AmkoEvent::ControllerAway { reason } => error!(reason, "controller cannot be used, trying on"),
        AmkoEvent::ControllerMoved { from, to, reason } => {
            info!(from, to, reason, "another controller is in use");
        }
        AmkoEvent::CredentialsChanged { controller } => {
            info!(controller, "credentials of the controller changed, in use without a restart");
        }
        AmkoEvent::ControllerBack => info!("controller can be used"),
        AmkoEvent::LeaderFlagChanged { is_leader } => info!(is_leader, "AMKO leader flag changed."),
        AmkoEvent::Idle { cluster } => warn!(cluster, "no valid GSLBConfig, nothing is written or deleted"),
        AmkoEvent::NotServed { cluster, object, reason } => {
            info!(cluster, object, %reason, "selected object makes no member");
        }
        AmkoEvent::Synced { services, in_the_way: 0 } => info!(services, "controller holds what it should"),
        AmkoEvent::Synced { services, in_the_way } => {
            warn!(services, in_the_way, "controller holds what it should, but for services that another owner has");
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Adopted => "adopted",
            Self::Deleted => "deleted",
        })
    }
}

impl fmt::Display for AmkoEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Written { verb, kind, name, why, .. } => {
                write!(f, "{kind} {name} {verb}")?;
                why.iter().try_for_each(|line| write!(f, "\n    {line}"))
            }
            Self::NotWritten { kind, name, reason } => write!(f, "{kind} {name} not written: {reason}; trying again"),
            Self::InTheWay { what } => {
                write!(f, "not written: {what}; delete it there, or choose another host")
            }
            Self::AliasRefused { refused: RefusedAlias { alias, rule, service, holder } } => {
                write!(f, "alias {alias} of {rule} ignored for {service}: {holder} has it")
            }
            Self::Status { object, text, .. } => write!(f, "{object}: {text}"),
            Self::ConfigEdited { object, changes } => {
                write!(f, "{object} edited, in force without a restart: {}", changes.join("; "))
            }
            Self::ConfigDoubtful { object, reason } => write!(f, "{object} cannot be followed in full: {reason}"),
            Self::ClusterSilent { cluster } => write!(f, "cluster {cluster} does not answer; its members stay"),
            Self::ClusterBack { cluster } => write!(f, "cluster {cluster} answers"),
            Self::Problem { cluster, problem } => write!(f, "cluster {cluster}: {problem}"),
            Self::ProblemsSolved { cluster } => write!(f, "cluster {cluster}: everything can be read again"),
            Self::ControllerAway { reason } => write!(f, "controller cannot be used: {reason}; trying on"),
            Self::ControllerMoved { from, to, reason } => write!(f, "controller {to} in use, not {from}: {reason}"),
            Self::CredentialsChanged { controller } => write!(f, "credentials of controller {controller} changed"),
            Self::ControllerBack => write!(f, "controller can be used"),
            Self::LeaderFlagChanged { is_leader } => write!(f, "{LEADER_FLAG_CHANGED} isLeader is {is_leader} now"),
            Self::Idle { cluster } => {
                write!(f, "no valid GSLBConfig in cluster {cluster}: nothing is written or deleted")
            }
            Self::NotServed { cluster, object, reason } => write!(f, "{object} of {cluster} makes no member: {reason}"),
            Self::Synced { services, in_the_way: 0 } => write!(f, "in sync: {services} GSLB services"),
            Self::Synced { services, in_the_way } => {
                write!(f, "in sync: {services} GSLB services; {in_the_way} not written, another owner has them")
            }
        }
    }
}
