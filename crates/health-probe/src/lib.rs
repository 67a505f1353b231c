//! HTTP, HTTPS, TCP and UDP probes on a timetable: avi-api 6.1 and 6.2.
//!
//! Start at [`Prober`]: it is told which [`Target`]s come and go, and hands out a [`ProbeResult`]
//! for each probe. What results mean for a target is the business of the `health` crate; nothing here decides up or
//! down. Inside, `timetable` says when (pure), `scheduler` runs what is due, `probe` talks to one target.
//!
//! Not here: PING, DNS, external and the other monitor types (their targets are left alone), verification of TLS
//! certificates.
#![warn(missing_docs)]

mod probe;
mod prober;
mod scheduler;
mod target;
mod timetable;

pub use health::{Failure, FailureCode};
pub use prober::{Config, PROBES_IN_FLIGHT_MAX, Prober, StartError, in_flight_max_for};
pub use target::{ProbeResult, Target, TargetKey};
