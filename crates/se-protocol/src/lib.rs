//! Versioned messages between controller and service engine.
//!
//! Down goes one immutable [`Snapshot`], up come [`Report`]s; an [`explain`] question travels down and its answer up.
//! Everything here is plain data that serde can carry. How it travels is no concern of this crate.
#![warn(missing_docs)]

pub mod explain;
mod report;
mod snapshot;

pub use report::{DnsServiceState, GslbServiceState, MemberState, MonitorState, PoolState, Report, State};
pub use snapshot::{PortOffset, Snapshot};
