//! The one thread that writes.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use se_protocol::logs::{Log, LogKind};

use crate::clock::{instant, now_us};
use crate::files::{FileError, Files};
use crate::inlet::{Entry, Inlet, Shared};
use crate::retention::Limits;

/// How long a log waits for others before it is written.
const FLUSH_EVERY: Duration = Duration::from_millis(100);
/// Most logs of a transaction.
const BATCH_MAX: usize = 4_096;
/// How long logs are dropped after a failure before a file is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How often old files are looked for.
const RETAIN_EVERY: Duration = Duration::from_secs(60);

/// A running writer. Dropping it stops it too, without waiting for the end.
#[derive(Debug)]
pub struct Writer<E> {
    inlet: Inlet<E>,
    thread: Option<JoinHandle<()>>,
}

impl<E: Entry> Writer<E> {
    /// Starts to write logs of one kind to `dir`, which is made when the first one is written. Each kind has files, limits
    /// and a ring of its own: what is logged of one never takes the room of another.
    ///
    /// # Errors
    /// When the thread does not start.
    pub fn start(dir: &Path, kind: LogKind, limits: Limits) -> io::Result<Self> {
        let inlet = Inlet::new(now_us());
        let task = Task {
            shared: Arc::clone(&inlet.0),
            kind,
            files: Files::new(dir, kind, limits),
            // Numbers go on increasing over restarts.
            next_id: u64::try_from(now_us()).unwrap_or(0),
            failure: None,
            retain_at: None,
        };
        let thread =
            thread::Builder::new().name(format!("{}-logs", word(kind).to_lowercase())).spawn(move || task.run())?;
        // Set once, here.
        let _ = inlet.0.writer.set(thread.thread().clone());
        Ok(Self { inlet, thread: Some(thread) })
    }

    /// Where entries go in.
    #[must_use]
    pub fn inlet(&self) -> Inlet<E> {
        self.inlet.clone()
    }

    /// Writes what waits, and ends. Blocks: not on an async thread.
    pub fn shutdown(mut self) {
        self.ask_to_stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writer of logs ended badly");
        }
    }
}

impl<E> Writer<E> {
    fn ask_to_stop(&self) {
        self.inlet.0.stop.store(true, Ordering::Release);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl<E> Drop for Writer<E> {
    fn drop(&mut self) {
        self.ask_to_stop();
    }
}

struct Task<E> {
    kind: LogKind,
    shared: Arc<Shared<E>>,
    files: Files,
    next_id: u64,
    failure: Option<Failure>,
    retain_at: Option<Instant>,
}

/// A time in which no file can be written.
struct Failure {
    reason: String,
    retry_at: Instant,
    dropped: u64,
}

impl<E: Entry> Task<E> {
    fn run(mut self) {
        loop {
            // Before the ring is looked at: what is pushed afterwards is not waited for.
            let is_last = self.shared.stop.load(Ordering::Acquire);
            self.shared.now_us.store(now_us(), Ordering::Relaxed);
            let batch = self.take();
            let is_full = batch.len() == BATCH_MAX;
            self.write(&batch);
            if is_full {
                continue;
            }
            if is_last {
                return;
            }
            if self.retain_at.is_none_or(|at| at <= instant()) {
                self.files.retain(now_us());
                self.retain_at = Some(instant() + RETAIN_EVERY);
            }
            thread::park_timeout(FLUSH_EVERY);
        }
    }

    fn take(&mut self) -> Vec<Log> {
        let mut batch = Vec::new();
        while batch.len() < BATCH_MAX
            && let Some(entry) = self.shared.ring.pop()
        {
            let mut log = entry.log();
            match &mut log {
                Log::Dns(log) => log.id = self.next_id,
                Log::Http(log) => log.id = self.next_id,
            }
            self.next_id += 1;
            batch.push(log);
        }
        batch
    }

    fn write(&mut self, batch: &[Log]) {
        let count = batch.len() as u64;
        if count == 0 {
            return;
        }
        if let Some(failure) = &mut self.failure
            && instant() < failure.retry_at
        {
            failure.dropped += count;
            self.shared.dropped_disk.fetch_add(count, Ordering::Relaxed);
            return;
        }
        match self.files.write(batch) {
            Ok(()) => {
                self.shared.written.fetch_add(count, Ordering::Relaxed);
                if let Some(Failure { dropped, .. }) = self.failure.take() {
                    tracing::info!(logs = word(self.kind), dropped, "logs are written again");
                }
            }
            Err(error) => {
                self.shared.dropped_disk.fetch_add(count, Ordering::Relaxed);
                self.fail(&error, count);
            }
        }
    }

    /// Said once, and again when the reason is another.
    fn fail(&mut self, error: &FileError, count: u64) {
        let reason = chain(error);
        let before = self.failure.take();
        if before.as_ref().is_none_or(|before| before.reason != reason) {
            tracing::error!(
                logs = word(self.kind),
                reason,
                "logs cannot be written and are dropped; traffic goes on: make room, or make the directory writable"
            );
        }
        let dropped = before.map_or(0, |before| before.dropped) + count;
        self.failure = Some(Failure { reason, retry_at: instant() + RETRY_AFTER, dropped });
    }
}

const fn word(kind: LogKind) -> &'static str {
    match kind {
        LogKind::Dns => "DNS",
        LogKind::Http => "HTTP",
    }
}

/// An error with its causes on one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
