//! Both ends of the stream between controller and service engine: gRPC over mutual TLS.
//!
//! [`Server`] is the controller's end, [`Client`] the engine's; [`join`] makes an engine known by a one-time
//! [`JoinToken`]. What the messages mean is told in `se-protocol`; here is how they travel, who may send them, and what
//! lies on the engine's disk so that it goes on without the controller.
//!
//! ```text
//! controller                                             engine
//! Authority: CA, tokens, revocations   <-- Join ------   join(token, dir, name) -> identity on disk
//! Server: snapshots, member states     --- Connect -->   Client: snapshots, member states; checkpoint and journal
//!         engines, reports, explain    <-------------            reports, explanations, logs
//! ```
#![warn(missing_docs)]

mod address;
mod certificate;
mod client;
mod clock;
mod private_file;
mod server;
mod token;

#[allow(
    missing_docs,
    clippy::all,
    clippy::allow_attributes_without_reason,
    unreachable_pub,
    reason = "generated; proto/se.proto documents it"
)]
mod generated;

pub use address::{AddressError, controller_address};
pub use client::{
    Answers, Backoff, Client, ClientConfig, Explain, Identity, IdentityError, JoinError, LinkState, OpenError,
    SearchLogs, join,
};
pub use server::{
    Authority, AuthorityError, EngineStatus, Engines, Explainer, LogReader, Server, ServerConfig, ServerError,
};
pub use token::{JoinToken, TokenError};
