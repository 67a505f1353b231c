//! What the crate promises through its public door, on the real tables and system objects.
#![expect(clippy::unwrap_used, reason = "helpers of tests, which clippy.toml exempts only inside test functions")]

mod crud;
mod federated;
mod gslb;
mod ipam;
mod lists;
mod patches;
mod properties;
mod races;
mod world;
