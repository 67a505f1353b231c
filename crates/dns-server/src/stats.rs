//! What listeners count: each worker for itself, summed when someone reads.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::error;

use crate::{Answer, Transport};

/// Counts since the listeners started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages received.
    pub queries: u64,
    /// Messages sent.
    pub answers: u64,
    /// Messages that got no answer: the answerer sends none, or they were longer than the buffer; and TCP connections
    /// over [`crate::TCP_CONNECTIONS_MAX`].
    pub dropped: u64,
    /// Receiving or sending failed, or the answerer's length made no sense.
    pub errors: u64,
    /// The answerer panicked.
    pub panics: u64,
}

impl Stats {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            queries: self.queries + other.queries,
            answers: self.answers + other.answers,
            dropped: self.dropped + other.dropped,
            errors: self.errors + other.errors,
            panics: self.panics + other.panics,
        }
    }
}

/// One worker's counts, on cache lines of their own: two, as adjacent ones are fetched in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct WorkerStats {
    queries: AtomicU64,
    answers: AtomicU64,
    dropped: AtomicU64,
    errors: AtomicU64,
    panics: AtomicU64,
}

impl WorkerStats {
    /// Adds what one batch brought.
    pub(crate) fn add(&self, batch: Stats) {
        let Stats { queries, answers, dropped, errors, panics } = batch;
        self.queries.fetch_add(queries, Ordering::Relaxed);
        self.answers.fetch_add(answers, Ordering::Relaxed);
        for (counter, count) in [(&self.dropped, dropped), (&self.errors, errors), (&self.panics, panics)] {
            if count > 0 {
                counter.fetch_add(count, Ordering::Relaxed);
            }
        }
    }

    /// The sum over all workers.
    pub(crate) fn sum<'a>(workers: impl IntoIterator<Item = &'a Self>) -> Stats {
        workers.into_iter().fold(Stats::default(), |sum, worker| Stats {
            queries: sum.queries + worker.queries.load(Ordering::Relaxed),
            answers: sum.answers + worker.answers.load(Ordering::Relaxed),
            dropped: sum.dropped + worker.dropped.load(Ordering::Relaxed),
            errors: sum.errors + worker.errors.load(Ordering::Relaxed),
            panics: sum.panics + worker.panics.load(Ordering::Relaxed),
        })
    }

    /// Asks `answerer` and counts in `batch` what came of it; `Some` is the length of an answer to send.
    #[inline]
    pub(crate) fn ask<A: Answer>(
        &self,
        batch: &mut Stats,
        answerer: &A,
        query: &[u8],
        client: SocketAddr,
        transport: Transport,
        out: &mut [u8],
    ) -> Option<usize> {
        batch.queries += 1;
        let size_max = out.len();
        // The answerer takes `&self`: what a panic may leave half done behind it is behind its own locks.
        match catch_unwind(AssertUnwindSafe(|| answerer.answer(query, client, transport, out))) {
            Ok(Some(length)) if length <= size_max => return Some(length),
            Ok(Some(_)) => batch.errors += 1,
            Ok(None) => batch.dropped += 1,
            Err(_) => {
                batch.panics += 1;
                self.report_panic(batch.panics, client, transport);
            }
        }
        None
    }

    /// Logs the 1st, 2nd, 4th, 8th … panic of a worker: one client must not fill the log.
    #[cold]
    fn report_panic(&self, in_batch: u64, client: SocketAddr, transport: Transport) {
        let panics = self.panics.load(Ordering::Relaxed) + in_batch;
        if panics.is_power_of_two() {
            error!(%client, %transport, panics, "answering a query panicked, the client got no answer");
        }
    }
}
