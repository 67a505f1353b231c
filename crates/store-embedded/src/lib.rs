//! The store on SQLite, for one controller.
//!
//! One file in WAL mode with `synchronous=FULL`: a commit that was acknowledged is on the disk. One thread writes and
//! takes all transactions that wait into one SQLite transaction, each with its own revision ([`SqliteStore`]); a few
//! connections read beside it. The last changes are kept in a log, so that watches go on across a restart.
//! Start reading in `store.rs`.
#![warn(missing_docs)]

mod failure;
mod lock;
mod open;
mod reader;
mod store;
mod writer;

pub use open::{OpenError, Options};
pub use store::SqliteStore;
