//! The client against a controller that behaves, and one that does not.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod calls;
mod fake;
mod session;
mod tls;
