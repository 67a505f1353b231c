//! Verbs over the REST API: `get`, `explain`, `logs` and `promote`.
//!
//! A verb returns the text it prints, or is handed where to write, so that `main` alone knows the terminal. Only public
//! endpoints are used.

mod connection;
mod explain;
mod get;
mod logs;
mod output;
mod promote;

pub use connection::ConnectionArgs;
pub use explain::ExplainArgs;
pub use get::GetArgs;
pub use logs::LogsArgs;
pub use promote::PromoteArgs;
