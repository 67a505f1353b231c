//! One server and what all workers count about it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

/// Failures of live traffic in a row after which a server is passed over.
pub const FAILURES_MAX: u32 = 3;

/// How long it is passed over then. One more failure after that is enough to pass it over again.
pub const EJECTION_MS: u64 = 5_000;

/// A server of a pool.
#[derive(Debug)]
pub struct Server {
    /// Address and port.
    pub address: SocketAddr,
    /// Host name, or the address as text.
    pub hostname: String,
    /// Whether it gets new requests.
    pub enabled: bool,
    /// Share, 1 to 20.
    pub ratio: u8,
    /// Counters, shared with the servers of the same pool and address in tables before and after.
    pub state: Arc<ServerState>,
}

/// What is known of a server at this moment; every field an atomic on its own, because none needs the others.
#[derive(Debug, Default)]
pub struct ServerState {
    verdict: AtomicU8,
    active: AtomicU32,
    requests: AtomicU64,
    failures: AtomicU32,
    ejected_until_ms: AtomicU64,
}

/// What the health monitors of a server say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing yet. Not up, where there are monitors.
    Unknown,
    /// It passes.
    Up,
    /// It fails.
    Down,
}

impl ServerState {
    /// Sets what the monitors say. The next request knows it.
    pub fn set_verdict(&self, verdict: Verdict) {
        let octet = match verdict {
            Verdict::Unknown => 0,
            Verdict::Up => 1,
            Verdict::Down => 2,
        };
        self.verdict.store(octet, Ordering::Relaxed);
    }

    /// What the monitors say.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.verdict.load(Ordering::Relaxed) {
            1 => Verdict::Up,
            2 => Verdict::Down,
            _ => Verdict::Unknown,
        }
    }

    /// Requests under way, tunnels included.
    #[must_use]
    pub fn active(&self) -> u32 {
        self.active.load(Ordering::Relaxed)
    }

    /// Requests given to it so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Whether live traffic failed so often that it is passed over at `now_ms`.
    #[must_use]
    pub fn is_ejected(&self, now_ms: u64) -> bool {
        now_ms < self.ejected_until_ms.load(Ordering::Relaxed)
    }

    /// It could not be reached, or gave no answer. Returns whether it is passed over from now on because of this.
    pub fn fail(&self, now_ms: u64) -> bool {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if failures < FAILURES_MAX {
            return false;
        }
        // The count stays one below the limit, so that the first request after the pause decides.
        self.failures.store(FAILURES_MAX - 1, Ordering::Relaxed);
        let until = self.ejected_until_ms.swap(now_ms + EJECTION_MS, Ordering::Relaxed);
        until <= now_ms
    }

    /// It answered.
    pub fn succeed(&self) {
        // Mostly there is nothing to forget, and reading does not take the line from other cores.
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
            self.ejected_until_ms.store(0, Ordering::Relaxed);
        }
    }

    /// Counts a request until the lease is dropped.
    #[must_use]
    pub fn lease(self: &Arc<Self>) -> Lease {
        self.active.fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        Lease(Arc::clone(self))
    }
}

/// A request under way at a server.
#[derive(Debug)]
pub struct Lease(Arc<ServerState>);

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_in_a_row_pass_a_server_over_for_a_while() {
        let state = ServerState::default();
        assert_eq!([state.fail(0), state.fail(0)], [false, false]);
        state.succeed();
        assert_eq!([state.fail(10), state.fail(10), state.fail(10)], [false, false, true]);
        assert!(state.is_ejected(10) && state.is_ejected(9 + EJECTION_MS) && !state.is_ejected(10 + EJECTION_MS));
        assert!(state.fail(20 + EJECTION_MS), "the first request after the pause decides");
        state.succeed();
        assert!(!state.is_ejected(21 + EJECTION_MS));
    }

    #[test]
    fn a_lease_counts_until_it_is_dropped() {
        let state = Arc::new(ServerState::default());
        let (first, second) = (state.lease(), state.lease());
        assert_eq!(state.active(), 2);
        drop(first);
        assert_eq!((state.active(), state.requests()), (1, 2));
        drop(second);
        assert_eq!(state.active(), 0);
    }
}
