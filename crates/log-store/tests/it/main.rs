//! Logs through the ring to the files and back.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod store;
