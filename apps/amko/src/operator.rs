//! The loop: look at everything, do what follows, wait for something to happen.

mod aliases;
mod edits;
mod following;
mod look;
mod permit;
mod picture;
mod rehearsal;
mod results;
mod rules;
mod target;
mod vigil;
mod warnings;
mod wishes;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use amko_translate::{
    Config, ControllerView, Identity, LogLevel, Lookup, NameBook, ObjectRef, Outcome, PolicyBook, PublishedMonitor,
    PublishedService, Reason, RuleBook, Selection,
};
use avi_client::{AviClient, AviError, Fence, Link, Pace};
use k8s_crds::{GlobalDeploymentPolicy, GslbHostRule, ObjectKey};
use k8s_watch::Source;
use parking_lot::Mutex;
use reconcile::{Observed, Shapes, Unit};
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::AmkoConfig;
use crate::api::{QUESTIONS_WAITING_MAX, Question};
use crate::clusters::{self, Clusters};
use crate::event::{Teller, WriteCounts};
use crate::reading::{ReadError, Reading};
use crate::role::Permit;
use crate::statuses::Statuses;
use crate::writer::Written;
pub(crate) use look::owner;
pub(crate) use rehearsal::{Draft, Rehearsal, Said};
use target::Target;
use vigil::{Heard, Vigil};
use warnings::Warnings;
use work::Work;

/// Changes that arrive within this time are looked at together.
const DEBOUNCE: Duration = Duration::from_millis(5);
/// Longest wait for the first answer of a member cluster, before the others are served without it.
const FIRST_ANSWER_WAIT: Duration = Duration::from_secs(3);
/// Pause before the controller is asked again about an object that a policy names and that was not there.
const LOOK_UP_AGAIN: Duration = Duration::from_secs(10);
/// Longest wait for tasks to end (amko 1.7 step 13).
const SHUTDOWN_WAIT: Duration = Duration::from_secs(10);

/// A running operator. Dropping it stops it at once.
#[derive(Debug)]
pub struct Amko {
    stop: CancellationToken,
    tasks: JoinSet<()>,
    progress: watch::Receiver<Progress>,
    questions: mpsc::Sender<Question>,
    counts: Arc<WriteCounts>,
}

/// How far the operator is.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Whether the controller was ever read.
    pub has_contact: bool,
    /// Whether the controller holds what it should, as far as it lets us.
    pub is_synced: bool,
    /// Number of GSLB services that should be there.
    pub services: usize,
    /// What is selected, and why the rest is not.
    pub selection: Arc<Selection>,
    /// Clusters, and whether all of each can be read at present; of one that cannot, the members stay.
    pub clusters: BTreeMap<String, bool>,
    /// Services that could not be written, with the reason.
    pub failing: Vec<(String, String)>,
    /// How often everything was looked at since the start. A change of this alone wakes nobody.
    pub looks: u64,
}

/// An operator that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The controller's address, CA or credentials cannot be used.
    #[error("setting up the client of the controller")]
    Controller(#[source] avi_client::ConfigError),
    /// The leader cluster is not among the sources.
    #[error("leader cluster {0} is not among the clusters; name one of them")]
    NoLeader(String),
}

/// Starts the operator. It runs until [`Amko::shutdown`].
///
/// # Errors
/// When the configuration cannot work; a cluster or controller that does not answer is no error.
pub async fn start(config: AmkoConfig) -> Result<Amko, StartError> {
    start_with(config, Beside::default()).await
}

/// As [`start`]; whenever `controllers` changes, the controller is reached in that way, without a restart.
///
/// # Errors
/// As [`start`].
pub async fn start_following(
    config: AmkoConfig,
    controllers: watch::Receiver<avi_client::Config>,
) -> Result<Amko, StartError> {
    start_with(config, Beside { controllers: Some(controllers), ..Beside::default() }).await
}

/// What an operator may be given beside its configuration.
#[derive(Default)]
pub(crate) struct Beside {
    /// To which writes are added; another operator's before this one, perhaps.
    pub(crate) counts: Arc<WriteCounts>,
    /// Where the pictures of the clusters are kept, for who wants to look at them too.
    pub(crate) clusters: Option<Arc<Clusters>>,
    /// What takes the place of writing. One that rehearses writes nothing anywhere, and tells what it would.
    pub(crate) rehearsal: Option<Rehearsal>,
    /// What says whether a write may begin, where that is not always so; everything is watched all the same.
    pub(crate) permit: Option<Permit>,
    /// How to reach the controller, whenever that changes.
    pub(crate) controllers: Option<watch::Receiver<avi_client::Config>>,
    /// Address that was configured last; that of another operator before this one, perhaps.
    pub(crate) address: LastAddress,
}

/// Address of the controller as it was configured last.
pub(crate) type LastAddress = Arc<Mutex<Option<String>>>;

/// As [`start`].
pub(crate) async fn start_with(config: AmkoConfig, beside: Beside) -> Result<Amko, StartError> {
    let Beside { counts, clusters, rehearsal, controllers, permit, address } = beside;
    let clusters = clusters.unwrap_or_else(|| Arc::new(Clusters::new(&config.leader)));
    let leader = config.sources.iter().find(|source| source.cluster() == config.leader);
    let leader: Arc<dyn Source> = leader.cloned().ok_or_else(|| StartError::NoLeader(config.leader.clone()))?;
    let fence = permit.clone().map(Permit::fence);
    let controller = following::as_operator(config.controller, fence.as_ref());
    let client = AviClient::new(controller.clone()).map_err(StartError::Controller)?;
    let teller = Teller::new(config.events, Arc::clone(&counts));
    following::tell_another_address(&teller, &address, &controller.base_url);
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let sources = config.sources.iter().map(|source| source.cluster().to_owned()).collect();
    for source in config.sources {
        tasks.spawn(clusters::follow(source, Arc::clone(&clusters), teller.clone(), stop.clone()));
    }
    let (progress_sender, progress) = watch::channel(Progress::default());
    let (questions, asked) = mpsc::channel(QUESTIONS_WAITING_MAX);
    let operator = Operator {
        clusters,
        permit,
        fence,
        target: Target::new(controller),
        controllers,
        address,
        client,
        client_number: 0,
        leave: CancellationToken::new(),
        vigil: Vigil::default(),
        trouble: None,
        api_version: None,
        teller,
        statuses: Statuses::new(rehearsal.is_none().then_some(leader)),
        config: None,
        generated: None,
        identity: None,
        phase: Phase::Starting,
        is_idle_told: false,
        set_log_level: config.log_level,
        log_level: None,
        doubts: Vec::new(),
        split_doubts: Vec::new(),
        warnings: Warnings::default(),
        sources,
        silent: BTreeSet::new(),
        first_answers_until: Instant::now() + rehearsal.as_ref().map_or(FIRST_ANSWER_WAIT, |it| it.first_answer_wait),
        rehearsal,
        link: Link::new(Instant::now()),
        view: ControllerView::default(),
        absent: Absent::default(),
        book: PolicyBook::default(),
        rules: RuleBook::default(),
        names: NameBook::default(),
        observed: Observed::default(),
        shapes: Shapes::default(),
        published: None,
        outcome: None,
        unusable: BTreeMap::new(),
        work: Work::default(),
        tasks: JoinSet::new(),
        is_looking_up: false,
        looks: 0,
        pace: Pace::new(Instant::now()),
        progress: progress_sender,
        asked,
    };
    tasks.spawn(operator.run(stop.clone()));
    Ok(Amko { stop, tasks, progress, questions, counts })
}

impl Amko {
    /// Follows how far it is.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Where it is asked what it has.
    pub(crate) fn questions(&self) -> mpsc::Sender<Question> {
        self.questions.clone()
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
    clusters: Arc<Clusters>,
    /// What says whether a write may begin, where that is not always so.
    permit: Option<Permit>,
    /// The same for the clients: they are made with this one, so that it holds for each write to whatever controller.
    fence: Option<Fence>,
    /// What takes the place of writing, where nothing may be written.
    rehearsal: Option<Rehearsal>,
    target: Target,
    /// Other ways to reach the controller, as they come.
    controllers: Option<watch::Receiver<avi_client::Config>>,
    address: LastAddress,
    client: AviClient,
    /// Grows with each client, so that what an earlier one read is told apart.
    client_number: u64,
    /// Ends what is under way with the client, when that is left behind.
    leave: CancellationToken,
    vigil: Vigil,
    /// Why the controller could not be used when that was told last.
    trouble: Option<String>,
    /// What the `GSLBConfig` says.
    api_version: Option<String>,
    teller: Teller,
    statuses: Statuses,
    config: Option<Config>,
    /// UUID made by this process; kept, so that a `GSLBConfig` that loses its annotation does not orphan everything.
    generated: Option<Uuid>,
    identity: Option<Identity>,
    phase: Phase,
    is_idle_told: bool,
    set_log_level: Option<Arc<dyn Fn(LogLevel) + Send + Sync>>,
    /// The one that was set last.
    log_level: Option<LogLevel>,
    /// What was told of the `GSLBConfig` that cannot be followed.
    doubts: Vec<String>,
    /// The same of traffic splits, with the object.
    split_doubts: Vec<(ObjectKey, String)>,
    /// What policies and rules show beside their verdict.
    warnings: Warnings,
    /// Clusters that are watched.
    sources: BTreeSet<String>,
    /// Clusters that were told to be silent since the start.
    silent: BTreeSet<String>,
    first_answers_until: Instant,
    link: Link,
    view: ControllerView,
    absent: Absent,
    book: PolicyBook,
    rules: RuleBook,
    names: NameBook,
    observed: Observed,
    /// Keys of the bodies that were sent.
    shapes: Shapes,
    /// What the controller had for us when it was first read; members of silent clusters are held from it.
    published: Option<(Vec<PublishedService>, Vec<PublishedMonitor>)>,
    outcome: Option<Outcome>,
    /// Selected objects that make no member, as told.
    unusable: BTreeMap<ObjectRef, Reason>,
    work: Work,
    tasks: JoinSet<Done>,
    is_looking_up: bool,
    looks: u64,
    pace: Pace,
    progress: watch::Sender<Progress>,
    asked: mpsc::Receiver<Question>,
}

/// Objects that policies name and that are not on the controller.
#[derive(Default)]
struct Absent {
    lookups: BTreeSet<(String, Lookup)>,
    /// Those of them that the controller failed to tell about.
    doubtful: BTreeSet<(String, Lookup)>,
    /// The policies they were looked up for; another set of policies is looked up anew.
    policies: Vec<GlobalDeploymentPolicy>,
    rules: Vec<GslbHostRule>,
    again_at: Option<Instant>,
}

/// What the `GSLBConfig`'s status says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Starting,
    Syncing,
    Accepted,
}

/// A task that ended.
enum Done {
    Read {
        identity: Identity,
        client_number: u64,
        result: Result<Reading, ReadError>,
    },
    /// Given up with its client.
    NotRead,
    LookedUp {
        view: ControllerView,
        asked: Vec<(String, Lookup)>,
        error: Option<AviError>,
    },
    /// Given up with its client.
    NotLookedUp,
    Written(Written),
    /// Given up with its client; whether it had an effect is not known.
    GivenUp {
        unit: Unit,
        why: Vec<String>,
    },
    /// What the controller in use said about who leads; `None`: given up with its client.
    Beat(Option<Result<Value, AviError>>),
    /// What the other sites say about it.
    Heard(Heard),
}

impl Operator {
    async fn run(mut self, stop: CancellationToken) {
        let clusters = Arc::clone(&self.clusters);
        loop {
            let began = Instant::now();
            let wake = self.look(began);
            self.pace.looked(began, Instant::now());
            self.looks += 1;
            self.report();
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.until_due(&clusters, wake) => {}
            }
        }
        // Writes under way are given their time, and no other is begun. Reading has nothing to lose.
        while self.work.is_in_flight() {
            match self.tasks.join_next().await {
                Some(Ok(Done::Written(written))) => drop(self.have_written(written, Instant::now())),
                Some(Ok(Done::GivenUp { unit, why })) => self.work.interrupted(&unit, why),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break,
            }
        }
    }

    /// Waits until it is time to look at everything again. Meanwhile the writes go on.
    async fn until_due(&mut self, clusters: &Clusters, wake: Option<Instant>) {
        let mut due = wake.map(|at| self.paced(at));
        loop {
            let vigil = self.keep_vigil(Instant::now());
            let reason = tokio::select! {
                () = clusters.changed() => Some(Instant::now() + DEBOUNCE),
                () = permit::changed(&mut self.permit) => Some(Instant::now()),
                Some(done) = self.tasks.join_next() => self.take_over(done).then(Instant::now),
                () = self.statuses.step() => None,
                Some(question) = self.asked.recv() => {
                    self.answer(question);
                    None
                }
                config = next_config(&mut self.controllers) => self.reconfigure(config).then(Instant::now),
                () = sleep_until(due) => return,
                () = sleep_until(vigil) => None,
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

    /// Takes over one finished task and goes on with what is pending; says whether to look at everything again.
    fn take_over(&mut self, done: Result<Done, JoinError>) -> bool {
        let now = Instant::now();
        if !matches!(done, Ok(Done::Heard(_))) {
            self.vigil.have_heard(now);
        }
        match done {
            Ok(Done::Read { client_number, .. }) if client_number != self.client_number => self.link.drop_reading(),
            Ok(Done::Read { identity, result, .. }) => self.have_read(&identity, result, now),
            Ok(Done::NotRead) => self.link.drop_reading(),
            Ok(Done::LookedUp { view, asked, error }) => self.have_looked_up(view, asked, error, now),
            Ok(Done::NotLookedUp) => self.is_looking_up = false,
            Ok(Done::GivenUp { unit, why }) => self.work.interrupted(&unit, why),
            Ok(Done::Beat(answer)) => return self.have_beat(answer, now),
            Ok(Done::Heard(answers)) => return self.have_asked(&answers, now),
            Ok(Done::Written(written)) => {
                let must_look = self.have_written(written, now);
                if self.link.is_up() {
                    self.begin_writes();
                }
                return must_look || self.work.is_idle();
            }
            Err(error) => {
                tracing::error!(reason = %error, "a task of the operator failed, reading everything anew");
                self.link.restart(now);
                self.work.forget_in_flight();
                self.vigil = Vigil::default();
            }
        }
        true
    }

    /// Whether the controller holds what it should, as far as it lets us.
    fn is_synced(&self) -> bool {
        self.phase == Phase::Accepted && self.link.is_up() && self.work.is_idle()
    }

    fn report(&self) {
        let is_synced = self.is_synced();
        let failing = self.work.failing();
        let clusters = self.readable();
        self.progress.send_if_modified(|progress| {
            let services = self.outcome.as_ref().map_or(0, |outcome| outcome.desired.services.len());
            let is_same_selection = self.outcome.as_ref().is_none_or(|outcome| outcome.selection == progress.selection);
            let has_contact = progress.has_contact || self.link.is_up();
            let is_same = (progress.is_synced, progress.services) == (is_synced, services)
                && progress.has_contact == has_contact
                && is_same_selection
                && progress.failing == failing
                && progress.clusters == clusters;
            progress.clusters = clusters;
            progress.has_contact = has_contact;
            progress.is_synced = is_synced;
            progress.services = services;
            progress.failing = failing;
            progress.looks = self.looks;
            if let (false, Some(outcome)) = (is_same_selection, &self.outcome) {
                progress.selection = Arc::clone(&outcome.selection);
            }
            !is_same
        });
    }
}

/// The next way to reach the controller; never ready where there is none to come.
async fn next_config(configs: &mut Option<watch::Receiver<avi_client::Config>>) -> avi_client::Config {
    if let Some(receiver) = configs
        && receiver.changed().await.is_ok()
    {
        return receiver.borrow_and_update().clone();
    }
    *configs = None;
    std::future::pending().await
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
