//! The operator of one cluster: watch, translate, write, status.
//!
//! [`start`] watches one cluster, reads what the controller has of ours, and from then on keeps the controller equal to
//! what the cluster says. What that is, `ako-translate` decides; which writes lead there, `plan.rs` does; this crate
//! carries them out. It is level-triggered: woken by a change, a timer or a finished write, it looks at everything again
//! and takes no hint about what changed.
//!
//! ```text
//!  source ──> cluster.rs (index, ConfigMap, Secret) ─┐
//!                                                    ├─> operator.rs ──> writer.rs ──> controller
//!  controller ──> reading.rs ──> held.rs ────────────┘        └──> statuses.rs ──> Ingress, Service
//! ```
//!
//! Source: ako 1.4 to 1.9, 2.3, 4.8, 6.1, 9.1 to 9.7, 10.1, 10.2. Choices where it leaves room, or asks for better:
//! - A setting that cannot be honoured stops writing, not the process: the next edit of the ConfigMap holds at once, and
//!   so does a changed Secret.
//! - Writes go out in the order of their references, several at a time, each object by itself: what fails holds up only
//!   what needs it.
//! - A failed write is tried again, ever more rarely, and at once when what is wanted changes.
//! - Everything is read anew every `fullSyncFrequency` and after the controller was away; objects that are missing or
//!   have another checksum are repaired.
//! - A parent that lost its last host stays for a moment, so that who replaces an Ingress keeps the address, and then
//!   goes with its VIP. The original keeps it until it restarts, and its VIP for good.
//! - While parts of the cluster cannot be read, nothing is deleted that this process has not made or seen needed.
#![warn(missing_docs)]

mod cluster;
mod config;
mod event;
mod held;
mod instructions;
mod operator;
mod plan;
mod reading;
mod serve;
mod spec;
mod statuses;
mod writer;

pub use config::{AkoConfig, KINDS, SetLogLevel};
pub use event::{AkoEvent, EVENTS_WAITING_MAX};
pub use operator::{Ako, Progress, start};
pub use spec::AkoArgs;
