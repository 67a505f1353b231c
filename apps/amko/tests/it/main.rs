//! The operator against a small controller and clusters in memory: what it asks, writes and tells.
#![allow(clippy::unwrap_used, reason = "a test's helpers may fail the test")]

mod boot;
mod changes;
mod cluster;
mod controller;
mod custom_names;
mod directories;
mod drift;
mod edits;
mod failures;
mod host_rules;
mod http;
mod leader;
mod many;
mod multi_cluster_ingress;
mod plan;
mod real_controller;
mod rules;
mod setting;
mod status;
mod tenants;
