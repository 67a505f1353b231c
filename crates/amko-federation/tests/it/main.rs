//! Runs of the federation, case by case (amko 13.13).
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod runs;
