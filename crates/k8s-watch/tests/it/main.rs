//! A directory of real files, changed as people and programs change them; events as a consumer sees them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod cluster;
mod files;
mod limits;
mod problems;
mod write_back;
