//! The service engine: view, DNS, HTTP, probes, reports, wired.
//!
//! [`start`] takes a stream of snapshots and runs the newest one: `run.rs` owns the state and is the only writer,
//! `view.rs` compiles a snapshot for answering, `targets.rs` knows what is probed, `members.rs` the verdicts on GSLB members,
//! `registered.rs` which names of virtual services are published, `listeners.rs` has the sockets of DNS, `http.rs` the
//! proxy and its pools, `logs.rs` and `access_log.rs` say which answers and requests are logged. The engine answers from
//! what it has; who sends the snapshots, and whether they are still there, is no concern of it.

mod access_log;
mod clock;
mod explain;
mod http;
mod listeners;
mod log_gate;
mod logs;
mod members;
mod monitors;
mod registered;
mod run;
#[cfg(test)]
mod scenarios;
mod serve;
mod spec;
mod targets;
mod view;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use arc_swap::ArcSwap;
use log_store::{Inlet, Limits, Reader, Writer};
use se_protocol::explain::{DnsExplanation, DnsQuestion};
use se_protocol::logs::{LogKind, LogPage, LogQuery, LogRefusal};
use se_protocol::{Report, Snapshot, ToldStates, UpMembers};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use access_log::AccessLogger;
use log_gate::Groups;
use logs::Logs;

pub use dns_server::{Stats, Transport};
pub use explain::ExplainError;
pub use http_proxy::Stats as HttpStats;
pub use spec::EngineArgs;

/// How an engine runs.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// UDP workers per listener address of DNS, and HTTP workers in all.
    pub workers: NonZeroUsize,
    /// Seed of the probe timetable; engines should differ in it.
    pub seed: u64,
    /// File descriptors this process may open (`RLIMIT_NOFILE`); half of them go to probes.
    pub descriptors: u64,
    /// What people call this engine; its logs say so.
    pub name: String,
    /// Where logs are kept; `None` keeps none.
    pub logs: Option<PathBuf>,
}

/// What an engine counted since its start; sockets that were closed take their counts with them.
#[derive(Debug, Clone, Copy)]
pub struct Counts {
    /// DNS messages by transport, some as old as a second.
    pub dns: [(Transport, Stats); 2],
    /// HTTP, some as old as a second.
    pub http: HttpStats,
    /// Probes that passed.
    pub probes_passed: u64,
    /// Probes that failed.
    pub probes_failed: u64,
    /// Targets that this engine probes now.
    pub probe_targets: u64,
}

/// What became of the logs of one kind since the start of the engine.
pub use log_store::Counts as LogCounts;

/// A running engine.
#[derive(Debug)]
pub struct Engine {
    explainer: explain::Explainer,
    reports: watch::Receiver<Option<Arc<Report>>>,
    counts: watch::Receiver<Counts>,
    obstacle: watch::Receiver<Option<String>>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    dns_logs: Option<Writer<logs::Record>>,
    http_logs: Option<Writer<access_log::Record>>,
    log_reader: Option<Reader>,
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

/// Searches the logs of an engine. Cheap to clone, outlives the engine.
#[derive(Debug, Clone)]
pub struct LogHandle(Option<Reader>);

impl LogHandle {
    /// The logs that match. Blocks, at most for as long as the question says: not on an async thread.
    ///
    /// # Errors
    /// When the engine keeps no logs.
    pub fn search(&self, query: &LogQuery) -> Result<LogPage, LogRefusal> {
        match &self.0 {
            Some(reader) => Ok(reader.search(query)),
            None => Err(LogRefusal("it keeps no logs".to_owned())),
        }
    }
}

/// Counts the logs of an engine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LogCounter {
    dns: Option<Inlet<logs::Record>>,
    http: Option<Inlet<access_log::Record>>,
}

impl LogCounter {
    /// What became of the logs of DNS answers.
    #[must_use]
    pub fn dns(&self) -> LogCounts {
        self.dns.as_ref().map(Inlet::counts).unwrap_or_default()
    }

    /// What became of the logs of HTTP requests.
    #[must_use]
    pub fn http(&self) -> LogCounts {
        self.http.as_ref().map(Inlet::counts).unwrap_or_default()
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
/// the sender is gone, they stay as they are, and at first they are unknown. Members of the first snapshot, and servers
/// of its pools, that are in `up_before` are up until their monitors have a verdict.
///
/// # Errors
/// As [`start`].
pub fn start_with(
    config: &EngineConfig,
    snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    member_states: watch::Receiver<ToldStates>,
    up_before: UpMembers,
) -> anyhow::Result<Engine> {
    let stop = CancellationToken::new();
    let (report_sender, reports) = watch::channel(None);
    let views = Arc::new(ArcSwap::from_pointee(Vec::new()));
    let (count_sender, counts) = watch::channel(Counts::default());
    let dns_logs = config.logs.as_deref().map(|dir| Writer::start(dir, LogKind::Dns, Limits::default()));
    let dns_logs = dns_logs.transpose().context("starting the writer of DNS logs")?;
    let http_logs = config.logs.as_deref().map(|dir| Writer::start(dir, LogKind::Http, Limits::default()));
    let http_logs = http_logs.transpose().context("starting the writer of HTTP logs")?;
    let groups = Groups::default();
    let (obstacle_sender, obstacle) = watch::channel(None);
    let outlets = run::Outlets {
        views: Arc::clone(&views),
        reports: report_sender,
        counts: count_sender,
        obstacle: obstacle_sender,
        access_log: Arc::new(AccessLogger::new(http_logs.as_ref().map(Writer::inlet), &config.name, groups.clone())),
    };
    let logs = Logs::new(dns_logs.as_ref().map(Writer::inlet), &config.name, groups);
    let run = run::Run::new(config, up_before, logs, outlets, stop.clone()).context("starting the engine")?;
    let (told, known) = (member_states.clone(), snapshots.clone());
    let task = tokio::spawn(run.until_stopped(snapshots, member_states));
    let explainer = explain::Explainer { views, reports: reports.clone(), told, snapshots: known };
    let log_reader = config.logs.as_deref().map(Reader::new);
    Ok(Engine { explainer, reports, counts, obstacle, stop, task, dns_logs, http_logs, log_reader })
}

impl Default for Counts {
    fn default() -> Self {
        let dns = [Transport::Udp, Transport::Tcp].map(|transport| (transport, Stats::default()));
        Self { dns, http: HttpStats::default(), probes_passed: 0, probes_failed: 0, probe_targets: 0 }
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

    /// An L7 virtual service that should listen and cannot, and why. One whose pools are down is no obstacle.
    #[must_use]
    pub fn obstacle(&self) -> watch::Receiver<Option<String>> {
        self.obstacle.clone()
    }

    /// A handle that explains answers.
    #[must_use]
    pub fn explain_handle(&self) -> ExplainHandle {
        ExplainHandle(self.explainer.clone())
    }

    /// A handle that searches logs.
    #[must_use]
    pub fn log_handle(&self) -> LogHandle {
        LogHandle(self.log_reader.clone())
    }

    /// A handle that counts logs.
    #[must_use]
    pub fn log_counter(&self) -> LogCounter {
        LogCounter { dns: self.dns_logs.as_ref().map(Writer::inlet), http: self.http_logs.as_ref().map(Writer::inlet) }
    }

    /// Closes the listeners, gives HTTP requests that are under way 5 s, ends the probes, and writes the logs that wait.
    pub async fn shutdown(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(reason = %error, "engine ended badly");
        }
        // The writers' own threads wait for the disk.
        let (dns, http) = (self.dns_logs, self.http_logs);
        let ended = tokio::task::spawn_blocking(move || {
            dns.into_iter().for_each(Writer::shutdown);
            http.into_iter().for_each(Writer::shutdown);
        });
        if ended.await.is_err() {
            tracing::error!("a writer of logs ended badly");
        }
    }
}
