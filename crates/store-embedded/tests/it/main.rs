//! The store on SQLite through its public door.
#![expect(clippy::unwrap_used, reason = "a failing call is a failing test")]

mod contract;
mod durability;
mod open;
mod restart;
