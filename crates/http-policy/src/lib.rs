//! Where an HTTP request goes, and why.
//!
//! [`Table::compile`] makes one immutable table of a configuration, and takes over from the table before what did not
//! change, with its counters. [`Service::decide`] assigns a [`Request`] to the virtual service or a child of it, applies
//! the rules, and says what is to be done ([`Decision`]), from avi-api 10.2 to 10.4. [`Binding::choose`] then picks a
//! server from a pool or pool group (10.5, 10.6) by counters that all workers share.
//!
//! No sockets, no bodies, no clock: time comes in as milliseconds.
#![warn(missing_docs)]

mod decide;
mod group;
mod hosts;
mod location;
mod matching;
mod pool;
mod ring;
mod server;
mod table;

pub use decide::{Decision, Outcome, Reason, RulePlace};
pub use group::Group;
pub use hosts::normalize_host;
pub use location::location;
pub use matching::{Headers, Request};
pub use pool::{Binding, Choice, NoServer, Pool};
pub use ring::ring;
pub use server::{EJECTION_MS, FAILURES_MAX, Lease, Server, ServerState, Verdict};
pub use table::{Listener, Problem, Service, Table, VirtualHost};
