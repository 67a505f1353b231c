//! Which members of a GSLB service answer, and why.
//!
//! Start at [`decide`]: a compiled [`Service`], the health of its members and a [`Draw`] go in, a [`Decision`] comes
//! out. The decision carries its reasons: [`verdicts`] tells for each member why it was or was not chosen, from the
//! same value the answer is made of. No DNS packets, no clock, no sockets. Covers avi-api 5.6 steps 3 to 5 and 8 for
//! `GSLB_SERVICE_ALGORITHM_PRIORITY` and weighted round robin; the other algorithms are answered by weighted round
//! robin and say so.
#![warn(missing_docs)]

mod cursor;
mod decide;
mod sequence;
mod service;
mod slots;
mod verdict;

pub use cursor::{Advance, Cursor, Draw, Peek};
pub use decide::{ADDRESSES_MAX, Decision, Outcome, all_records, decide};
pub use sequence::smooth_sequence;
pub use service::{Family, Member, Pool, Ring, Service};
pub use slots::{MemberHealth, Slots};
pub use verdict::{Verdict, Why, verdicts};
