//! Candidates in a world of their own: clocks that differ, calls that are lost, delayed and overtaken, processes that stand
//! still.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod histories;
mod world;
