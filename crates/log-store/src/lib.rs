//! Logs from the threads that serve to files on disk, and back to whoever asks.
//!
//! A serving thread pushes an [`Entry`] into a bounded ring ([`Inlet`]) and never waits; one thread takes entries
//! out, makes logs of them and writes them in batches ([`writer`](Writer)) to a SQLite file per hour (`files.rs`), which
//! goes as a whole when it is old (`retention.rs`). [`Reader`] searches the files. What cannot be kept is counted, by
//! reason ([`Counts`]): no log is worth a late answer. How many logs are wanted is decided before, by `client-log`.
#![warn(missing_docs)]

mod clock;
mod files;
mod inlet;
mod read;
mod retention;
mod writer;

pub use files::FileError;
pub use inlet::{Counts, Entry, Inlet};
pub use read::Reader;
pub use retention::Limits;
pub use writer::Writer;
