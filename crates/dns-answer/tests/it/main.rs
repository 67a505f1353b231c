//! Answers as a client sees them: bytes in, bytes out, read by another implementation.

#![expect(clippy::unwrap_used, reason = "helpers of tests may")]

mod accounts;
mod algorithms;
mod answers;
mod explained;
mod registered;
mod world;
