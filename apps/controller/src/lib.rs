//! The controller as a library: data directory, certificate, store, first objects, API and snapshots, wired.
//!
//! [`start`] brings it up and hands back a [`Controller`]: where it listens, the snapshots that an engine runs, and the
//! place to connect that engine. Rules, routes and storage live in their own crates; here they meet.

mod config;
mod controller;
mod data_dir;
mod engine_link;
mod first_start;
mod geo_databases;
mod listen;
mod names;
mod readiness;
mod remembered;
mod seal_key;
mod serve;
mod shared_probes;
mod sites;
mod snapshots;
mod spec;
mod tls;
mod watched_store;

pub use config::{ControllerConfig, Listen, PORT, TlsSource};
pub use controller::{Controller, start};
pub use controller_api::ExplainError;
pub use data_dir::DataDirError;
pub use engine_link::{EngineLink, Explain, SearchLogs};
pub use listen::ListenError;
pub use readiness::Readiness;
pub use serve::JoinTokenArgs;
pub use sites::SITE_PORT;
pub use spec::ControllerArgs;
