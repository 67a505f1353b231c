//! Asks name servers for the addresses of names, as a stub resolver does: one question at a time, no cache, no clock.
//!
//! [`look_up`] asks servers in their order until one knows; `exchange` sends over UDP, and over TCP what does not fit;
//! `reading` says what a response means, names that stand for others (RFC 1034 §3.6.2) among it. When to ask again is for
//! who asks: [`Found::ttl`] says how long the answer holds. [`servers_of`] reads `resolv.conf`.
#![warn(missing_docs)]

mod exchange;
mod reading;
mod resolv_conf;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::Query;
use hickory_proto::rr::{Name, RecordType};
use model::DomainName;

use crate::reading::Meaning;

pub use resolv_conf::{SERVERS_MAX, servers_of};

/// How long a server has for an answer.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Names that may stand for one another, one after the other.
pub const ALIASES_MAX: usize = 8;

/// Family of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4, type A.
    V4,
    /// IPv6, type AAAA.
    V6,
}

/// The addresses of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// In rising order, at least one.
    pub addresses: Vec<IpAddr>,
    /// How long this holds: the shortest of all records it was read from.
    pub ttl: Duration,
}

/// Why there are none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// Nobody was asked.
    #[error("there is no name server to ask")]
    NoServers,
    /// It cannot be asked for.
    #[error("`{0}` cannot be asked for")]
    Name(String),
    /// A server says so (RFC 2308 §2.1).
    #[error("name server {server} says that there is no such name")]
    NoSuchName {
        /// Which.
        server: SocketAddr,
    },
    /// The name is there, without addresses of this family (RFC 2308 §2.2).
    #[error("name server {server} says that the name has no {} address", match .family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    })]
    NoAddress {
        /// Which.
        server: SocketAddr,
        /// What was asked for.
        family: Family,
    },
    /// Names stand for one another without an end.
    #[error("more than {ALIASES_MAX} names stand for one another")]
    Aliases,
    /// None of the servers gave an answer; this is what the last one did.
    #[error("name server {server} does not answer: {words}")]
    NoAnswer {
        /// Which.
        server: SocketAddr,
        /// How it failed.
        words: String,
    },
}

impl LookupError {
    /// Whether a server said it, so that what was known before does not hold any longer.
    #[must_use]
    pub fn is_definite(&self) -> bool {
        matches!(self, Self::NoSuchName { .. } | Self::NoAddress { .. })
    }
}

/// The addresses of `name`, asked of `servers` in their order: the first that answers is believed.
///
/// # Errors
/// [`LookupError`].
pub async fn look_up(servers: &[SocketAddr], name: &DomainName, family: Family) -> Result<Found, LookupError> {
    let invalid = |_| LookupError::Name(name.as_str().to_owned());
    let mut name = Name::from_ascii(name.as_str()).map_err(invalid)?;
    name.set_fqdn(true);
    let rtype = match family {
        Family::V4 => RecordType::A,
        Family::V6 => RecordType::AAAA,
    };
    let mut ttl = u32::MAX;
    for _ in 0..ALIASES_MAX {
        let (server, meaning) = ask_each(servers, &Query::query(name, rtype)).await?;
        match meaning {
            Meaning::Addresses { mut addresses, ttl: own } => {
                addresses.sort_unstable();
                addresses.dedup();
                return Ok(Found { addresses, ttl: Duration::from_secs(ttl.min(own).into()) });
            }
            Meaning::Alias { target, ttl: own } => (name, ttl) = (target, ttl.min(own)),
            Meaning::NoAddress => return Err(LookupError::NoAddress { server, family }),
            Meaning::NoSuchName => return Err(LookupError::NoSuchName { server }),
            Meaning::Failure(words) => return Err(LookupError::NoAnswer { server, words }),
        }
    }
    Err(LookupError::Aliases)
}

/// What the first server says that says anything.
async fn ask_each(servers: &[SocketAddr], question: &Query) -> Result<(SocketAddr, Meaning), LookupError> {
    let mut last = LookupError::NoServers;
    for server in servers.iter().copied() {
        let words = match exchange::ask(server, question).await.map(|response| reading::read(&response, question)) {
            Ok(Meaning::Failure(words)) => words,
            Ok(meaning) => return Ok((server, meaning)),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                format!("nothing came within {} s", ANSWER_WITHIN.as_secs())
            }
            Err(error) => error.to_string(),
        };
        last = LookupError::NoAnswer { server, words };
    }
    Err(last)
}
