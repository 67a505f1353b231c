//! The controller as a process sees it: over TLS, on disk, across restarts and kills.
#![expect(clippy::unwrap_used, reason = "tests may unwrap, and this binary is nothing but tests")]

mod durability;
mod early_answers;
mod engine_groups;
mod harness;
mod lifecycle;
mod secrets;
mod snapshots;
