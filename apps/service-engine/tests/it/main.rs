//! A whole engine: snapshots in, real sockets and probes, reports out.

#![expect(clippy::unwrap_used, reason = "helpers of tests may")]

mod engine;
mod http;
mod registered;
mod running;
