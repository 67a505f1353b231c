//! One test binary: what the crate promises, through its public door. Objects are written as clients send them, through
//! the rules of `objects`, and what comes out is compiled by `http_policy`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod evh;
mod left_out;
mod plain;
mod plan;
mod protection;
mod world;
