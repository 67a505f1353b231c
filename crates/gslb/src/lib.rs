//! Which members of a GSLB service answer, and why.
//!
//! Start at [`decide`]: a compiled [`Service`], the health of its members and a [`Draw`] go in, a [`Decision`] comes
//! out. The decision carries its reasons: [`verdicts`] tells for each member why it was or was not chosen, from the
//! same value the answer is made of. No DNS packets, no clock, no sockets. Covers avi-api 5.6 but for the TTL: pools by
//! priority or distance, `min_members`, weighted round robin, consistent hash, distance, preference order, sites that a
//! policy selects, public addresses, names, and what a service that is down answers.
#![warn(missing_docs)]

mod client;
mod cursor;
mod decide;
mod public;
mod sequence;
mod service;
mod slots;
mod verdict;

pub use client::{Client, Network, Whereabouts};
pub use cursor::{Advance, Cursor, Draw, Peek};
pub use decide::{ADDRESSES_MAX, Ask, By, Decision, Outcome, Selected, SiteSelection, all_records, decide, decide_for};
pub use public::{AddressRanges, PublicClients};
pub use sequence::smooth_sequence;
pub use service::{Family, Member, Pool, Ring, Rule, Service, Surroundings};
pub use slots::{MemberHealth, Slots};
pub use verdict::{Verdict, Why, distance_km, verdicts};
