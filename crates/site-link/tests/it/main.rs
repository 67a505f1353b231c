//! Sites over real sockets.
#![expect(clippy::unwrap_used, reason = "in tests, also in their helpers, a failed step is a failed test")]

mod admission;
mod election;
mod faults;
mod harness;
mod link;
mod proxy;
mod raw;

/// What travels, for peers that are no [`site_link::Link`].
#[allow(
    clippy::all,
    clippy::allow_attributes_without_reason,
    unreachable_pub,
    dead_code,
    reason = "generated, and a part of it is used"
)]
#[path = "../../src/wire/generated.rs"]
mod wire;
