//! The operator on a directory of manifests, and our own controller.
#![allow(clippy::unwrap_used, reason = "a test's helpers may fail the test")]

mod changes;
mod ingress;
mod many;
mod settings;
mod trouble;
mod world;
