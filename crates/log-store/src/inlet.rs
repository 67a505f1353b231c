//! The side of the threads that serve: a ring that never makes them wait, and counters.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;

use crossbeam_queue::ArrayQueue;
use se_protocol::logs::Log;

/// Entries that wait for the writer, over all threads: at 100,000 a second those of 160 ms, as long as the writer
/// sleeps. When it is full, new ones are dropped and counted.
pub(crate) const RING_MAX: usize = 16_384;
/// The writer is woken when so many wait.
const WAKE_AT: usize = RING_MAX / 4;
/// Counters side by side, so that threads seldom write to the same cache line.
const SHARDS: usize = 8;

/// What becomes a log; made by a thread that serves, turned into text by the writer.
pub trait Entry: Send + 'static {
    /// The log; its number is given by the writer.
    fn log(self) -> Log;
}

/// Where entries go in. Cheap to clone.
#[derive(Debug)]
pub struct Inlet<E>(pub(crate) Arc<Shared<E>>);

/// What an inlet and its writer share.
#[derive(Debug)]
pub(crate) struct Shared<E> {
    pub(crate) ring: ArrayQueue<E>,
    /// Wall clock in microseconds, as of the writer's last turn.
    pub(crate) now_us: AtomicI64,
    pub(crate) stop: AtomicBool,
    pub(crate) writer: OnceLock<Thread>,
    pub(crate) written: AtomicU64,
    pub(crate) dropped_disk: AtomicU64,
    dropped_ring: AtomicU64,
    throttled: [Shard; SHARDS],
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(AtomicU64);

/// What became of the logs since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Written to a file.
    pub written: u64,
    /// Dropped because the rate of their kind was used up.
    pub dropped_throttle: u64,
    /// Dropped because the writer did not keep up.
    pub dropped_ring: u64,
    /// Dropped because no file could be written.
    pub dropped_disk: u64,
}

impl<E> Clone for Inlet<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E> Inlet<E> {
    pub(crate) fn new(now_us: i64) -> Self {
        Self(Arc::new(Shared {
            ring: ArrayQueue::new(RING_MAX),
            now_us: AtomicI64::new(now_us),
            stop: AtomicBool::new(false),
            writer: OnceLock::new(),
            written: AtomicU64::new(0),
            dropped_disk: AtomicU64::new(0),
            dropped_ring: AtomicU64::new(0),
            throttled: Default::default(),
        }))
    }

    /// The time in microseconds since the epoch, up to 100 ms old: reading it costs nothing.
    #[must_use]
    pub fn recent_us(&self) -> i64 {
        self.0.now_us.load(Ordering::Relaxed)
    }

    /// Puts an entry in; it is dropped when the ring is full.
    pub fn push(&self, entry: E) {
        if self.0.ring.push(entry).is_err() {
            self.0.dropped_ring.fetch_add(1, Ordering::Relaxed);
        } else if self.0.ring.len() >= WAKE_AT
            && let Some(writer) = self.0.writer.get()
        {
            writer.unpark();
        }
    }

    /// Counts a log that a throttle stopped; `spread` should differ between threads.
    pub fn throttled(&self, spread: usize) {
        self.0.throttled[spread % SHARDS].0.fetch_add(1, Ordering::Relaxed);
    }

    /// What became of the logs.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            written: read(&self.0.written),
            dropped_throttle: self.0.throttled.iter().map(|shard| read(&shard.0)).sum(),
            dropped_ring: read(&self.0.dropped_ring),
            dropped_disk: read(&self.0.dropped_disk),
        }
    }
}
