//! The service engine: view, DNS, probes, reports, wired.
//!
//! [`start`] takes a stream of snapshots and runs the newest one: `run.rs` owns the state and is the only writer,
//! `view.rs` compiles a snapshot for answering, `members.rs` keeps the verdicts, `listeners.rs` the sockets. The engine
//! answers from what it has; who sends the snapshots, and whether they are still there, is no concern of it.

mod clock;
mod explain;
mod listeners;
mod members;
mod run;
mod serve;
mod spec;
mod view;

use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::Context;
use arc_swap::ArcSwap;
use se_protocol::explain::{DnsExplanation, DnsQuestion};
use se_protocol::{MemberStates, Report, Snapshot, UpMembers};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use members::Members;

pub use dns_server::{Stats, Transport};
pub use explain::ExplainError;
pub use spec::EngineArgs;

/// How an engine runs.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// UDP workers per listener address.
    pub workers: NonZeroUsize,
    /// Seed of the probe timetable; engines should differ in it.
    pub seed: u64,
    /// File descriptors this process may open (`RLIMIT_NOFILE`); half of them go to probes.
    pub descriptors: u64,
}

/// What an engine counted since its start; sockets that were closed take their counts with them.
#[derive(Debug, Clone, Copy)]
pub struct Counts {
    /// DNS messages by transport, some as old as a second.
    pub dns: [(Transport, Stats); 2],
    /// Probes that passed.
    pub probes_passed: u64,
    /// Probes that failed.
    pub probes_failed: u64,
}

/// A running engine.
#[derive(Debug)]
pub struct Engine {
    explainer: explain::Explainer,
    reports: watch::Receiver<Option<Arc<Report>>>,
    counts: watch::Receiver<Counts>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Answers hypothetical questions from a running engine's views. Cheap to clone, outlives the engine.
#[derive(Debug, Clone)]
pub struct ExplainHandle(explain::Explainer);

impl ExplainHandle {
    /// What the engine would answer now, and why.
    ///
    /// # Errors
    /// When the question makes no sense, or no DNS virtual service runs.
    pub fn explain_dns(&self, question: &DnsQuestion) -> Result<DnsExplanation, ExplainError> {
        self.0.explain(question)
    }
}

/// Starts an engine on the current tokio runtime. It runs whatever the last snapshot said, until [`Engine::shutdown`].
///
/// # Errors
/// When TLS for HTTPS probes cannot be set up.
pub fn start(config: &EngineConfig, snapshots: watch::Receiver<Option<Arc<Snapshot>>>) -> anyhow::Result<Engine> {
    start_with(config, snapshots, watch::Sender::default().subscribe(), UpMembers::new())
}

/// As [`start`], with what the controller tells about the virtual services behind members; until it tells, and where
/// the sender is gone, they stay as they are, and at first they are unknown. Members of the first snapshot that are in
/// `up_before` are up until their monitors have a verdict.
///
/// # Errors
/// As [`start`].
pub fn start_with(
    config: &EngineConfig,
    snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    member_states: watch::Receiver<Arc<MemberStates>>,
    up_before: UpMembers,
) -> anyhow::Result<Engine> {
    let stop = CancellationToken::new();
    let (report_sender, reports) = watch::channel(None);
    let views = Arc::new(ArcSwap::from_pointee(Vec::new()));
    let (count_sender, counts) = watch::channel(Counts::default());
    let members = Members::new(up_before);
    let run = run::Run::new(config, members, Arc::clone(&views), report_sender, count_sender, stop.clone())
        .context("starting the engine")?;
    let task = tokio::spawn(run.until_stopped(snapshots, member_states));
    let explainer = explain::Explainer::new(views, reports.clone());
    Ok(Engine { explainer, reports, counts, stop, task })
}

impl Default for Counts {
    fn default() -> Self {
        let dns = [Transport::Udp, Transport::Tcp].map(|transport| (transport, Stats::default()));
        Self { dns, probes_passed: 0, probes_failed: 0 }
    }
}

impl Engine {
    /// The engine's own view of its state; `None` until the first snapshot runs.
    #[must_use]
    pub fn reports(&self) -> watch::Receiver<Option<Arc<Report>>> {
        self.reports.clone()
    }

    /// What was counted.
    #[must_use]
    pub fn counts(&self) -> watch::Receiver<Counts> {
        self.counts.clone()
    }

    /// A handle that explains answers.
    #[must_use]
    pub fn explain_handle(&self) -> ExplainHandle {
        ExplainHandle(self.explainer.clone())
    }

    /// Closes the listeners and ends the probes.
    pub async fn shutdown(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(reason = %error, "engine ended badly");
        }
    }
}
