//! The crate through its public door: real sockets on loopback, answers decoded by hickory-proto.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod lifecycle;
mod server;
mod tcp;
mod udp;
