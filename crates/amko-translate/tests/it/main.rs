//! The crate through its public door: a small world of clusters, translated.
#![allow(clippy::unwrap_used, reason = "a test's helpers may fail the test")]

mod aliases;
mod bodies;
mod custom_names;
mod explanations;
mod held;
mod host_rule;
mod ingress;
mod multi_cluster_ingress;
mod policy;
mod route;
mod scale;
mod service;
mod tenancy;
mod world;
