//! Probe results to member state: thresholds, combined checks, time to live.
//!
//! Start at [`Health`], the state machine of one monitor on one target (avi-api 6.1); then [`combine`], which makes one
//! verdict on a GSLB member from its monitors and the control plane (avi-api 5.5), and [`by_quorum`], which asks other sites
//! too. [`prober_of`] is which of several engines probes a target, [`Failure`] says why a probe failed.
//! No clock, no socket, no schedule: probing is `health-probe`, and choosing among members is `gslb`.
#![warn(missing_docs)]

mod combine;
mod failure;
mod quorum;
mod sharing;
mod state;

pub use combine::{Cause, MemberInputs, MonitorInput, Reason, Verdict, combine};
pub use failure::{Failure, FailureCode};
pub use quorum::by_quorum;
pub use se_protocol::State;
pub use sharing::prober_of;
pub use state::{Health, Probe, Thresholds};
