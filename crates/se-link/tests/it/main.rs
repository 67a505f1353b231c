//! Both ends over real sockets.
#![expect(clippy::unwrap_used, reason = "in tests, also in their helpers, a failed step is a failed test")]

mod admission;
mod faults;
mod groups;
mod harness;
mod link;
mod proxy;
mod scale;
