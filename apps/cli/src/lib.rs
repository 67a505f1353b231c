//! Verbs over the REST API: `get` and `explain`.
//!
//! Each verb returns the text it prints, so that `main` is the only one who writes to the terminal. Only public
//! endpoints are used.

mod connection;
mod explain;
mod get;
mod output;

pub use connection::ConnectionArgs;
pub use explain::ExplainArgs;
pub use get::GetArgs;
