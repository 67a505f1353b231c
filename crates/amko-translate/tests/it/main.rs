//! The crate through its public door: a small world of clusters, translated.
#![allow(clippy::unwrap_used, reason = "a test's helpers may fail the test")]

mod bodies;
mod explanations;
mod held;
mod host_rule;
mod ingress;
mod multi_cluster_ingress;
mod policy;
mod scale;
mod service;
mod tenancy;
mod world;
