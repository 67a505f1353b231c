//! The multi-cluster operator: watch, translate, reconcile, status.
//!
//! [`start`] watches all clusters, reads what the controller has, and from then on keeps the controller equal to what
//! the clusters and the policy say. What that is, `amko-translate` decides; which writes lead there, `reconcile` does;
//! this crate carries them out. It is level-triggered: woken by a change, a timer or a finished write, it looks at
//! everything again and takes no hint about what changed.
//!
//! ```text
//!  sources ──> clusters.rs (index) ─┐
//!                                   ├─> operator.rs ──> writer.rs ──> controller
//!  controller ──> reading.rs ───────┘        └──> statuses.rs ──> GSLBConfig, GlobalDeploymentPolicy, GSLBHostRule
//! ```
//!
//! Source: amko 1.7 to 1.10, 7.2 to 7.9. Choices, mostly those of amko 12:
//! - A cluster that has not answered since the start keeps the members that the controller has for it (line 10).
//! - Without a `GSLBConfig`, or with an invalid one, nothing is written or deleted. A change of it acts at once (line 3);
//!   address and credentials come from [`AmkoConfig`], those in the `GSLBConfig` are only checked for presence.
//! - When the controller is a follower nothing is written until it leads (line 41).
//! - The controller is read anew every `refreshInterval` and after it was away; differences are repaired (line 6).
//! - A refused write is tried again, ever more rarely, and at once when what is wanted changes (line 7).
//! - One login (line 29), lists instead of one call per monitor (line 28).
#![warn(missing_docs)]

mod announce;
mod api;
mod clusters;
mod command;
mod config;
mod discovery;
mod election;
mod event;
mod federation;
mod herald;
mod leadership;
mod named;
mod operator;
mod plan;
mod reading;
mod rehearse;
mod role;
mod serve;
mod spec;
mod status;
mod statuses;
mod writer;

pub use api::{Api, ApiError};
pub use command::{AmkoCommand, AmkoVerb};
pub use config::AmkoConfig;
pub use discovery::ServiceDiscoveryArgs;
pub use event::{AmkoEvent, EVENTS_WAITING_MAX, Verb};
pub use operator::{Amko, Progress, StartError, start, start_following};
pub use plan::{Change, ClusterLine, FieldChange, PlanArgs, PlanDocument, StatusLine, Verdict};
pub use rehearse::{RehearseError, rehearse};
pub use spec::AmkoArgs;
pub use status::{ControllerLine, LeftOut, MemberLine, ServiceLine, StatusArgs, StatusDocument};
