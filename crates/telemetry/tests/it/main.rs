//! What a reader of the log sees, byte by byte.

mod format;
mod install;
mod sink;
