//! The crate through its public door: a small cluster, translated.
#![allow(clippy::unwrap_used, reason = "a test's helpers may fail the test")]

mod backends;
mod bodies;
mod explanations;
mod incremental;
mod ingress;
mod namespaces;
mod properties;
mod services;
mod shards;
mod status;
mod tls;
mod world;
