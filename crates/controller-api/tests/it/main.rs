//! The API through its front door: one file per capability, each check a line of avi-api 11.1 to 11.6.
#![expect(clippy::unwrap_used, reason = "tests may unwrap, and this binary is nothing but tests")]

mod allocation;
mod bad_input;
mod certificates;
mod collections;
mod commits;
mod crud;
mod explain;
mod fence;
mod files;
mod gslb;
mod harness;
mod http_runtime;
mod in_use;
mod inventory;
mod load_balancing;
mod logs;
mod macros;
mod requests;
mod runtime;
mod session;
