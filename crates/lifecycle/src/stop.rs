//! The request to end.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Longest wait for work under way when a program ends; then it is cut.
pub const SHUTDOWN_MAX: Duration = Duration::from_secs(10);

/// SIGTERM and SIGINT, listened for from the moment this is made.
#[derive(Debug)]
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Begins to listen. Made before anything starts, so that an early Ctrl-C also ends in order.
    ///
    /// # Errors
    /// The kernel refused.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the first of them.
    pub async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Lets `end` take its time, [`SHUTDOWN_MAX`] at most.
pub async fn within_shutdown(end: impl Future<Output = ()>) {
    if tokio::time::timeout(SHUTDOWN_MAX, end).await.is_err() {
        tracing::warn!(reason = "it took longer than 10 s", "work under way was cut");
    }
}
