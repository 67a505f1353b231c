//! The prober as its owner sees it.

use std::sync::Arc;

use rustls::ClientConfig;
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    probe,
    scheduler::{Changes, Scheduler},
    target::{ProbeResult, Target, TargetKey},
};

/// Most probes under way at once. 30,000 targets every 10 s that all hang for 4 s: 30,000 × 4 / 10 = 12,000.
pub const PROBES_IN_FLIGHT_MAX: usize = 16_384;
/// Results that wait for the consumer. When it is full, probes keep their slot until theirs is taken.
const RESULTS_WAITING_MAX: usize = 4_096;
/// Changes that wait for the timetable, which takes them at once.
const CHANGES_WAITING_MAX: usize = 16;
/// Slots that remain when file descriptors are short.
const PROBES_IN_FLIGHT_LEAST: usize = 64;

/// What a prober needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Seed of the dice that spread starts; engines should differ in it, so that they do not probe in step.
    pub seed: u64,
    /// Most probes under way at once, at least 1; each holds one file descriptor. See [`in_flight_max_for`].
    pub in_flight_max: usize,
}

/// A share of the process's file descriptors that leaves enough for the rest of an engine: half of `descriptors`
/// (`RLIMIT_NOFILE`), from 64 to [`PROBES_IN_FLIGHT_MAX`].
#[must_use]
pub fn in_flight_max_for(descriptors: u64) -> usize {
    usize::try_from(descriptors / 2).unwrap_or(usize::MAX).clamp(PROBES_IN_FLIGHT_LEAST, PROBES_IN_FLIGHT_MAX)
}

/// Why a prober did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The TLS library refused its own defaults.
    #[error("setting up TLS for HTTPS probes")]
    Tls(#[source] rustls::Error),
}

/// Probes targets on a timetable, in tasks of its own.
///
/// Ends when its token is cancelled, when it is dropped, or when nobody takes its results any more; probes under way
/// are then dropped without a result.
#[derive(Debug)]
pub struct Prober {
    changes: mpsc::Sender<Changes>,
    task: JoinHandle<()>,
}

impl Prober {
    /// Starts a prober without targets on the current tokio runtime. The receiver gets one result per probe.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn start(config: &Config, stop: CancellationToken) -> Result<(Self, mpsc::Receiver<ProbeResult>), StartError> {
        let tls: Arc<ClientConfig> = probe::tls_config().map_err(StartError::Tls)?;
        let (changes, changes_taken) = mpsc::channel(CHANGES_WAITING_MAX);
        let (results, results_taken) = mpsc::channel(RESULTS_WAITING_MAX);
        let task = tokio::spawn(Scheduler::new(config, tls, results).run(changes_taken, stop));
        Ok((Self { changes, task }, results_taken))
    }

    /// Probes `come` too from now on, and `gone` no more; all others keep their place in the timetable. Among those that
    /// come may be some that are probed already: one whose monitor was edited is probed with the new definition within one
    /// interval.
    pub async fn change(&self, come: Vec<Target>, gone: Vec<TargetKey>) {
        // Fails only after the end, when nothing is probed any more.
        let _ = self.changes.send(Changes { come, gone }).await;
    }

    /// Waits until everything has ended, after the token was cancelled.
    pub async fn stopped(self) {
        if let Err(error) = self.task.await {
            tracing::error!(reason = %error, "prober ended badly");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_descriptors_go_to_probes_within_bounds() {
        assert_eq!(in_flight_max_for(1024), 512);
        assert_eq!(in_flight_max_for(16), PROBES_IN_FLIGHT_LEAST);
        assert_eq!(in_flight_max_for(u64::MAX), PROBES_IN_FLIGHT_MAX);
    }
}
