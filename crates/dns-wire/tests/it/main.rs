//! The crate through its public door, with hickory-proto as oracle.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod checks;
mod corpus;
mod queries;
mod responses;
