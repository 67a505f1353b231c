//! The operator against a small controller and clusters in memory: what it asks, writes and tells.
#![allow(clippy::unwrap_used, reason = "a test's helpers may fail the test")]

mod boot;
mod changes;
mod cluster;
mod controller;
mod directories;
mod edits;
mod failures;
mod host_rules;
mod leader;
mod many;
mod plan;
mod real_controller;
mod setting;
