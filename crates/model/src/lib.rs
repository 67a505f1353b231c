//! Domain nouns with their invariants: what Meridian believes, after the wire was parsed.
//!
//! Start at [`gslb`] (services, pools, members), then [`monitor`] (health monitors), [`dns`] (DNS virtual services),
//! [`http`] (L7 virtual services) and [`version`] (what a snapshot is stamped with). No JSON of a public API, no I/O, no clock.
#![warn(missing_docs)]

pub mod dns;
pub mod gslb;
pub mod http;
mod location;
mod log_policy;
pub mod monitor;
pub mod name;
pub mod testing;
pub mod units;
pub mod version;

pub use location::{Location, LocationError};
pub use log_policy::{FullLogs, LogGroup, LogPolicy};
pub use name::{DomainName, DomainNameError};
pub use units::{PoolPriority, RangeError, Ttl, Weight};
pub use version::{Revision, Version};
