//! Geo databases through the crate's public door.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod files;
mod mmdb;
