//! What a reader of the log sees, byte by byte.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod format;
mod install;
mod sink;
