//! What is counted, per worker, summed when asked for.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counts since the proxy started.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)*
        }

        /// Counts of one worker. It alone writes.
        #[derive(Debug, Default)]
        pub(crate) struct WorkerStats {
            $(pub(crate) $name: Count,)*
        }

        impl Stats {
            pub(crate) fn add(&mut self, worker: &WorkerStats) {
                $(self.$name = self.$name.wrapping_add(worker.$name.0.load(Ordering::Relaxed));)*
            }
        }
    };
}

counters! {
    /// Connections accepted.
    connections,
    /// Connections that are open, tunnels included.
    connections_open,
    /// Connections closed at once because too many were open.
    connections_refused,
    /// TLS handshakes that ended well.
    handshakes,
    /// TLS handshakes that did not, and what was no TLS at all.
    handshakes_failed,
    /// Requests with a whole head.
    requests,
    /// Requests that we refused, and heads that made no request: 4xx of our own.
    requests_refused,
    /// Heads of HTTP/1 that were larger than they may be: 431, and no request to log.
    heads_too_large,
    /// What came in place of an HTTP/1 head and was none: 400, and no request to log.
    heads_malformed,
    /// HTTP/2 connections that ended because the client broke the rules.
    http2_broken,
    /// Waits for a client that ended without what was awaited.
    clients_timed_out,
    /// Connections opened to servers.
    server_connections,
    /// Connections to servers that failed to open.
    server_connections_failed,
    /// Requests sent again, because the first server or connection did not take them.
    retries,
    /// Requests for which no server could be used.
    without_server,
    /// Connections that became tunnels.
    tunnels,
    /// Octets of bodies from clients.
    octets_in,
    /// Octets of bodies to clients.
    octets_out,
}

/// A counter with one writer.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
    }

    pub(crate) fn one_less(&self) {
        self.add(u64::MAX);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
