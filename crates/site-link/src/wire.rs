//! `proto/site.proto` as types, and between them and ours.

mod message;
mod parcel;
mod state;

#[allow(
    missing_docs,
    clippy::all,
    clippy::allow_attributes_without_reason,
    unreachable_pub,
    reason = "generated; proto/site.proto documents it"
)]
mod generated;

pub(crate) use generated::*;
pub(crate) use parcel::{Encoder, Inbound, Outbound, Parcels};

/// What cannot be read of what another site sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Garbage {
    #[error("a frame or record that is none")]
    NotProto,
    #[error("a {0} without all its parts")]
    Incomplete(&'static str),
    #[error("a {0} that is out of place")]
    OutOfPlace(&'static str),
    #[error("more than {max} {what}")]
    TooMuch { what: &'static str, max: u64 },
    /// A later release knows more; not an error of the other end.
    #[error("a part that this release does not know")]
    Unknown,
}
