//! Which members of a GSLB service answer, and why.
//!
//! Start at [`decide`]: a compiled [`Service`], the health of its members and a [`Draw`] go in, a [`Decision`] comes
//! out. The decision carries its reasons: [`verdicts`] tells for each member why it was or was not chosen, from the
//! same value the answer is made of. No DNS packets, no clock, no sockets. Covers avi-api 5.6 steps 3 to 5 and 8 for
//! `GSLB_SERVICE_ALGORITHM_PRIORITY`, weighted round robin, consistent hash and preference order. There are no locations
//! and no topology policies yet: those algorithms always answer by their fallback, and say so.
#![warn(missing_docs)]

mod client;
mod cursor;
mod decide;
mod sequence;
mod service;
mod slots;
mod verdict;

pub use client::{Client, Network};
pub use cursor::{Advance, Cursor, Draw, Peek};
pub use decide::{ADDRESSES_MAX, By, Decision, Outcome, all_records, decide};
pub use sequence::smooth_sequence;
pub use service::{Family, Member, Pool, Ring, Rule, Service};
pub use slots::{MemberHealth, Slots};
pub use verdict::{Verdict, Why, verdicts};
