//! Who leads, settled by leases in a majority of clusters.
//!
//! Each cluster keeps one lease, a record that is only ever replaced by somebody who has seen it as it is (compare and
//! set). A [`Candidate`] leads while it holds the leases of a majority. It is pure: it is asked for calls
//! ([`Candidate::step`]), told what became of them ([`Candidate::answered`]), and given the time of its own steady clock;
//! clocks of different machines are never compared.
//!
//! ```text
//!            a majority is free            a majority is held, one term
//!  Waiting ----------------------> Trying --------------------------> Leading
//!     ^                              |                                   |
//!     |<------- patience over -------+                                   |
//!     +<------------- the majority's leases ran out ---------------------+
//! ```
//!
//! **One at a time.** A holder counts a lease from the moment it *sent* the write, and as [`Timing::margin`] shorter than
//! it is; everybody else counts it in full from the moment they *read* the record as it is now. Two majorities share a
//! cluster, and there the new holder waited for longer than the old one wrote, as long as steady clocks differ in speed by
//! less than the margin allows (12 % with the default).
//!
//! **Terms.** Each attempt has a number larger than that in any record it replaces, and leads only with a majority of that
//! one number. So a later leader's term is larger. Who is asked to write can therefore refuse what a stopped and resumed
//! process sends after its time, which no clock prevents.
//!
//! What it does not do: change the set of clusters by itself. Add or remove one at a time; the majorities of sets that
//! differ by one cluster overlap.
#![warn(missing_docs)]

mod candidate;
mod lease;

pub use candidate::{Candidate, Leader, Mandate};
pub use lease::{Answer, Ask, Call, Record, Seen, Timing};
