//! One test binary: the parsers through their public door.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod checks;
mod corpus;
mod parsing;
