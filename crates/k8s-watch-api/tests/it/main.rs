//! Clusters behind real API servers, and behind servers that misbehave.
//!
//! Tests with real ones are skipped, and say so, where neither the programs nor Go to build them are there.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod changes;
mod clusters;
mod definitions;
mod failures;
mod in_cluster;
mod misbehaviour;
mod reader;
mod scripted;
mod size;
mod write_back;
