//! Links between the controllers of GSLB sites: mutually authenticated, authenticated by pinned keys.
//!
//! What sites replicate and who leads is decided in `site-replication`; here is how its messages travel, who may send them,
//! what sites tell each other of their objects (avi-api 5.4), and requests that one site answers for another.
//!
//! ```text
//! this site                                     another site
//! Link::send, tell, forward  -- it dials -->    incoming, told, Handler
//! incoming, told, Handler    <-- it dials --    Link::send, tell, forward
//! ```
//!
//! Each site dials each other one, so a pair has two connections; what a site sends goes out on the one that it dialled.
//! Either end of either connection proves in TLS 1.3 that it has its key, says whose key that is, and is believed if the
//! [`Roster`] has the key under that name. Nobody can speak for another, and whose key is taken off the roster is cut off at
//! once. Dates in certificates do not count, nor does anybody's wall clock.
//!
//! A link on which nothing is heard for [`LinkConfig::keep_alive`] is dead, and dialled again after at most a second. Each
//! site has a task and a bounded queue of its own: a slow one delays no other. What is larger than a chunk goes in chunks,
//! between which goes what is small. Messages may get lost ([`Link::send`]), and requests be done although no answer comes
//! ([`ForwardError`]); nothing comes twice.
//!
//! Sites whose releases are next to each other speak: what is unknown is passed over. Start reading at `link.rs`; the wire is
//! `proto/site.proto`.
#![warn(missing_docs)]

mod accept;
mod backoff;
mod board;
mod clock;
mod dial;
mod hello;
mod identity;
mod link;
mod peer;
mod pin;
mod roster;
mod state;
mod stream;
mod tls;
mod wire;

pub use board::{CLOCK_OFF_US, PeerState};
pub use identity::{Identity, IdentityError};
pub use link::{FORWARD_WITHIN, ForwardError, Forwarder, Handler, Link, LinkConfig, REQUEST_BYTES_MAX, StartError};
pub use peer::{QUEUE_MAX, REQUESTS_MAX};
pub use roster::{ADDRESSES_MAX, PeerAddress, Roster};
pub use state::{MemberTold, MonitorTold, SiteState, VirtualServiceTold};
