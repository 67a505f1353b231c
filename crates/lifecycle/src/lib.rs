//! What every long-running program does alike: it reads a file, listens for the request to end, and tells how it is.
//!
//! [`read_spec`] reads the configuration file, [`StopSignals`] waits for SIGTERM and SIGINT, [`Admin`] answers
//! `/metrics`, `/livez` and `/readyz` on an address of its own. What there is to tell, each program says itself.
#![warn(missing_docs)]

mod admin;
mod metrics;
mod spec;
mod stop;

pub use admin::{Admin, AdminError, Ready};
pub use metrics::{Family, Kind, Metrics, Sample};
pub use spec::{SpecError, read_spec};
pub use stop::{SHUTDOWN_MAX, StopSignals, within_shutdown};
