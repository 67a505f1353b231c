//! The crate through its public door: plans, as text, and their effect on a small controller.
#![allow(clippy::unwrap_used, reason = "a test's helpers may fail the test")]

mod controller;
mod convergence;
mod ownership;
mod plans;
