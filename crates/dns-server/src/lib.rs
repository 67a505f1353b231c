//! UDP and TCP loops around one answering function.
//!
//! [`Listeners::bind`] opens the sockets of one address and starts to answer on them: UDP on threads of its own, one
//! socket each ([`udp`]), TCP on the caller's tokio runtime ([`tcp`]). What to answer is the [`Answer`] that the caller
//! brings; no octet of a message is understood here. Covers RFC 1035 §4.2, RFC 7766.
//!
//! Bind one address at a time: an answer leaves from the address that its socket is bound to, and from a wildcard
//! address (`0.0.0.0`, `::`) that may be another than the one the client asked.
#![warn(missing_docs)]

mod listeners;
mod stats;
mod tcp;
mod udp;

use std::net::SocketAddr;

pub use listeners::{BindError, Listeners, Running};
pub use stats::Stats;
pub use tcp::{TCP_CONNECTIONS_MAX, TCP_IDLE_TIMEOUT};
pub use udp::UDP_MESSAGE_SIZE_MAX;

/// Answers queries; the same one for every transport.
pub trait Answer: Send + Sync + 'static {
    /// Writes the answer to `query` at the start of `out` and returns its length; `None` sends nothing.
    ///
    /// Called once per query on the thread that received it, so it must not block. `out` holds what another answer left
    /// there; it has [`UDP_MESSAGE_SIZE_MAX`] octets for UDP, 65,535 for TCP. Limiting a UDP answer to what its client
    /// takes is the answerer's part. A panic costs the client its answer and is counted; the listener goes on.
    fn answer(&self, query: &[u8], client: SocketAddr, transport: Transport, out: &mut [u8]) -> Option<usize>;
}

/// How a query came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A datagram (RFC 1035 §4.2.1).
    Udp,
    /// A message in a stream (RFC 1035 §4.2.2).
    Tcp,
}

impl Transport {
    /// The name, in capitals, as people write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }
}

impl std::fmt::Display for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
