//! The loop: look at everything, do what follows, wait for something to happen.

mod look;
mod results;
mod routes;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ako_translate::{LeftOut, NamespacedName, Outcome, Site, Translator, UnitName};
use avi_client::{AviClient, AviError, Link, Pace};
use k8s_watch::Source;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cluster::{self, Cluster};
use crate::event::{Teller, WriteCounts};
use crate::held::Held;
use crate::instructions::{Given, Instructions};
use crate::reading::{ReadError, Reading};
use crate::statuses::Statuses;
use crate::writer::Written;
use crate::{AkoConfig, SetLogLevel};
use routes::RouteWork;
use work::Work;

/// Changes that arrive within this time are looked at together.
const DEBOUNCE: Duration = Duration::from_millis(5);
/// Longest wait for tasks to end.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(10);

/// A running operator. Dropping it stops it at once.
#[derive(Debug)]
pub struct Ako {
    stop: CancellationToken,
    tasks: JoinSet<()>,
    progress: watch::Receiver<Progress>,
    counts: Arc<WriteCounts>,
}

/// How far the operator is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Whether the controller holds what it should, and the cluster shows it, as far as both let us.
    pub is_synced: bool,
    /// Whether all of the cluster can be read at present.
    pub is_readable: bool,
    /// Why nothing is written at all; empty when it is.
    pub idle: Vec<String>,
    /// Number of hosts that are served.
    pub hosts: usize,
    /// Number of Services of type LoadBalancer that are translated.
    pub services: usize,
    /// What is not served as it says, and why.
    pub left_out: Vec<String>,
    /// Objects that could not be written, with the reason.
    pub failing: Vec<(String, String)>,
}

/// Starts the operator. It runs until [`Ako::shutdown`]. A cluster or controller that does not answer, or settings that
/// cannot be followed, are waited for. To be called within a tokio runtime.
#[must_use]
pub fn start(config: AkoConfig) -> Ako {
    start_counting(config, Arc::default())
}

/// As [`start`]; writes are added to `counts`.
pub(crate) fn start_counting(config: AkoConfig, counts: Arc<WriteCounts>) -> Ako {
    let teller = Teller::new(config.source.cluster(), config.events, Arc::clone(&counts));
    let cluster = Arc::new(Cluster::new(config.namespace.clone()));
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let source = Arc::clone(&config.source);
    tasks.spawn(cluster::follow(source, Arc::clone(&cluster), teller.clone(), stop.clone()));
    let (progress_sender, progress) = watch::channel(Progress::default());
    let now = Instant::now();
    let operator = Operator {
        cluster,
        source: Arc::clone(&config.source),
        given: Given { namespace: config.namespace, controller: config.controller, tls: config.tls },
        set_log_level: config.log_level,
        log_level: None,
        statuses: Statuses::new(config.source, teller.clone()),
        teller,
        instructions: None,
        idle: Vec::new(),
        link: Link::new(now),
        client: None,
        site: None,
        held: Held::default(),
        routes: RouteWork::default(),
        labelled_group: None,
        translator: None,
        outcome: None,
        translated: None,
        empty_parents: BTreeMap::new(),
        reasons: BTreeMap::new(),
        left_out: BTreeSet::new(),
        l4_services: BTreeSet::new(),
        unshown: BTreeSet::new(),
        is_synced_told: false,
        unfinished_told: 0,
        writes_before: 0,
        work: Work::default(),
        tasks: JoinSet::new(),
        pace: Pace::new(now),
        progress: progress_sender,
    };
    tasks.spawn(operator.run(stop.clone()));
    Ako { stop, tasks, progress, counts }
}

impl Ako {
    /// Follows how far it is.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Writes to the controller so far: those that were done, and those that failed.
    #[must_use]
    pub fn writes(&self) -> (u64, u64) {
        self.counts.read()
    }

    /// Waits until the controller holds what it should for the first time. Ends too when the operator ends.
    pub async fn synced(&self) {
        let mut progress = self.progress.clone();
        // An error means that the operator ended; there is nothing left to wait for.
        drop(progress.wait_for(|progress| progress.is_synced).await);
    }

    /// Stops: no new write is begun, the tasks get at most ten seconds to end.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        // What is left after the wait is aborted when the set is dropped.
        drop(tokio::time::timeout(SHUTDOWN_WAIT, all).await);
    }
}

struct Operator {
    cluster: Arc<Cluster>,
    source: Arc<dyn Source>,
    given: Given,
    set_log_level: Option<SetLogLevel>,
    /// The one that was set last.
    log_level: Option<String>,
    teller: Teller,
    statuses: Statuses,
    /// In force; `None` while there are none that can be followed.
    instructions: Option<Arc<Instructions>>,
    /// Why there are none, as told.
    idle: Vec<String>,
    link: Link,
    client: Option<AviClient>,
    /// What settings and controller make together, since the last reading.
    site: Option<Arc<Site>>,
    held: Held,
    routes: RouteWork,
    /// The group of service engines that carries our label.
    labelled_group: Option<Value>,
    translator: Option<Translator>,
    outcome: Option<Outcome>,
    /// What `outcome` was made from.
    translated: Option<Translated>,
    /// Parents without hosts, and since when.
    empty_parents: BTreeMap<(String, u32), Instant>,
    /// What changed in each unit since the controller had it last.
    reasons: BTreeMap<UnitName, Vec<String>>,
    /// What was told not to be served.
    left_out: BTreeSet<LeftOut>,
    /// Services of type LoadBalancer that were told of.
    l4_services: BTreeSet<NamespacedName>,
    /// Hosts that were told to be served without a status.
    unshown: BTreeSet<(NamespacedName, String)>,
    is_synced_told: bool,
    /// Number of units that were told to lack something.
    unfinished_told: usize,
    /// Writes before this synchronisation.
    writes_before: u64,
    work: Work,
    tasks: JoinSet<Done>,
    pace: Pace,
    progress: watch::Sender<Progress>,
}

/// What a translation was made from: the same gives the same.
#[derive(PartialEq)]
struct Translated {
    revision: u64,
    deletes: bool,
    kept: BTreeSet<(String, u32)>,
    site: Arc<Site>,
}

/// A task that ended.
enum Done {
    Read {
        instructions: Arc<Instructions>,
        result: Result<Reading, ReadError>,
    },
    Written(Written),
    /// The VRF as it is now.
    Routes(Result<Value, AviError>),
    LabelRemoved(Result<(), AviError>),
}

impl Operator {
    async fn run(mut self, stop: CancellationToken) {
        let cluster = Arc::clone(&self.cluster);
        loop {
            let began = Instant::now();
            let wake = self.look(began);
            self.pace.looked(began, Instant::now());
            self.report();
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.until_due(&cluster, wake) => {}
            }
        }
        // Writes under way are given their time, and no other is begun. Reading has nothing to lose.
        while self.work.is_in_flight() {
            match self.tasks.join_next().await {
                Some(Ok(Done::Written(written))) => drop(self.have_written(written, Instant::now())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break,
            }
        }
    }

    /// Waits until it is time to look at everything again. Meanwhile the writes go on.
    async fn until_due(&mut self, cluster: &Cluster, wake: Option<Instant>) {
        let mut due = wake.map(|at| self.paced(at));
        loop {
            let reason = tokio::select! {
                () = cluster.changed() => Some(Instant::now() + DEBOUNCE),
                Some(done) = self.tasks.join_next() => self.take_over(done).then(Instant::now),
                is_last = self.statuses.step() => is_last.then(Instant::now),
                () = sleep_until(due) => return,
            };
            if let Some(at) = reason {
                let at = self.paced(at);
                due = Some(due.map_or(at, |due| due.min(at)));
            }
        }
    }

    /// When to look for a reason that stands from `at` on.
    fn paced(&self, at: Instant) -> Instant {
        if self.work.is_in_flight() { self.pace.after(at) } else { at }
    }

    /// Takes over one finished task and goes on with what is ready; says whether to look at everything again.
    fn take_over(&mut self, done: Result<Done, JoinError>) -> bool {
        let now = Instant::now();
        match done {
            Ok(Done::Read { instructions, result }) => self.have_read(&instructions, result, now),
            Ok(Done::Written(written)) => {
                let must_look = self.have_written(written, now);
                if self.link.is_up() {
                    self.begin_writes();
                }
                return must_look || self.work.is_idle();
            }
            Ok(Done::Routes(result)) => self.have_written_routes(result, now),
            Ok(Done::LabelRemoved(result)) => self.have_removed_label(result, now),
            Err(error) => {
                tracing::error!(reason = %error, "a task of the operator failed, reading everything anew");
                self.link.restart(now);
                self.work.forget_in_flight();
            }
        }
        true
    }

    fn report(&self) {
        let is_synced = self.link.is_up() && self.is_synced_told && self.work.is_idle() && self.statuses.is_idle();
        let outcome = self.outcome.as_ref();
        let now = Progress {
            is_synced: is_synced && self.idle.is_empty(),
            is_readable: self.is_readable(),
            idle: self.idle.clone(),
            hosts: outcome.map_or(0, hosts),
            services: outcome.map_or(0, |outcome| outcome.services.len()),
            left_out: self.left_out.iter().map(ToString::to_string).collect(),
            failing: self.work.failing(),
        };
        self.progress.send_if_modified(|progress| {
            let is_same = *progress == now;
            *progress = now;
            !is_same
        });
    }

    fn is_readable(&self) -> bool {
        let said = self.cluster.said();
        said.has_answered && !said.has_problems
    }
}

/// Number of hosts that are served.
fn hosts(outcome: &Outcome) -> usize {
    outcome.desired.units.keys().filter(|unit| matches!(unit, UnitName::Host { .. })).count()
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
