//! The engine's end: yields what lies on disk at once, then keeps to the controller, for as long as it is there.
//!
//! `identity.rs` is who the engine is, `join.rs` how it became that, `dial.rs` opens connections, `alert.rs` hears what
//! the other end has against them, `session.rs` is the life of one, `disk.rs` holds checkpoint and journal,
//! `up_members.rs` which members were up, `backoff.rs` says when to try again.

pub(crate) mod alert;
mod backoff;
pub(crate) mod dial;
mod disk;
mod identity;
mod join;
mod session;
mod up_members;

use std::{
    collections::BTreeSet,
    fs::{File, TryLockError},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use se_protocol::{
    Report, Snapshot, Stamped, ToldStates, UpMembers,
    explain::{DnsExplanation, DnsQuestion, ExplainRefusal},
    logs::{LogPage, LogQuery, LogRefusal},
};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    certificate::chain,
    clock::wall_now,
    private_file::{self, FileError},
};
use disk::Disk;

pub use backoff::Backoff;
pub use identity::{Identity, IdentityError};
pub use join::{JoinError, join};

const LOCK: &str = "lock";
/// How often a snapshot that could not be kept on disk is tried again.
const DISK_RETRY: Duration = Duration::from_secs(5);
/// Reasons remembered so that each is told once while the controller is away.
const REASONS_MAX: usize = 16;

/// What the engine would answer, and why; must be quick.
pub type Explain = Arc<dyn Fn(&DnsQuestion) -> Result<DnsExplanation, ExplainRefusal> + Send + Sync>;

/// The logs that match a question; may take as long as the question says, on a thread that may wait.
pub type SearchLogs = Arc<dyn Fn(&LogQuery) -> Result<LogPage, LogRefusal> + Send + Sync>;

/// What the engine answers to its controller.
#[derive(Clone)]
pub struct Answers {
    /// What it would answer to a DNS query.
    pub explain: Explain,
    /// What it logged.
    pub logs: SearchLogs,
}

/// How the engine's end runs.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Directory of identity, checkpoint and journal; mode 0700.
    pub dir: PathBuf,
    /// Version of the engine's software, for the controller's inventory.
    pub software: String,
    /// Where the controllers are, as `host:port`; what the join token said when empty.
    pub controllers: Vec<String>,
    /// Pauses between attempts.
    pub backoff: Backoff,
    /// Seed of the jitter; engines should differ in it.
    pub seed: u64,
    /// A certificate with less left than this is renewed.
    pub renew_before: Duration,
    /// How long states of member virtual services count after the controller went away; then they are unknown. Also how
    /// long a controller that is there again may take to learn them.
    pub member_states_kept: Duration,
}

impl ClientConfig {
    /// The defaults: certificates renewed 30 days before their end, member states unknown after 30 s without a
    /// controller.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>, software: &str, seed: u64) -> Self {
        Self {
            dir: dir.into(),
            software: software.to_owned(),
            controllers: Vec::new(),
            backoff: Backoff::default(),
            seed,
            renew_before: Duration::from_secs(30 * 86_400),
            member_states_kept: Duration::from_secs(30),
        }
    }
}

/// Why the engine's end does not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No or no good identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Another engine uses the directory.
    #[error("the directory {} is in use by another engine", .0.display())]
    InUse(PathBuf),
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FileError),
}

/// How the engine stands to its controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkState {
    /// Not connected.
    Away {
        /// Why, in words; empty before the first attempt ended.
        reason: String,
    },
    /// Connected.
    Connected {
        /// To which controller (`host:port`).
        controller: String,
    },
}

/// The engine's end. Dropping it stops it at once; the receivers keep their last value.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    identity: Arc<Identity>,
    shared: Arc<Shared>,
    disk: Option<Disk>,
    up_members: UpMembers,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    _lock: File,
}

/// What the tasks of a client tell each other and the engine.
#[derive(Debug)]
struct Shared {
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    stamped: watch::Sender<Option<Arc<Stamped>>>,
    member_states: watch::Sender<ToldStates>,
    state: watch::Sender<LinkState>,
}

impl Client {
    /// Reads identity, checkpoint and journal. The snapshot that ran last is there at once, whether or not a controller
    /// is. It waits for the disk: not on an async thread.
    ///
    /// # Errors
    /// [`OpenError`]. A damaged checkpoint is none: it is told as a warning, and the controller sends everything.
    pub fn open(config: ClientConfig) -> Result<Self, OpenError> {
        private_file::make_dir(&config.dir)?;
        let path = config.dir.join(LOCK);
        let lock = File::create(&path).map_err(|source| FileError::new("making", &path, source))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(config.dir)),
            Err(TryLockError::Error(source)) => return Err(FileError::new("locking", &path, source).into()),
        }
        let identity = Arc::new(Identity::load(&config.dir)?);
        let (disk, stamped) = Disk::open(&config.dir);
        let up_members = up_members::load(&config.dir);
        if let Some(stamped) = &stamped {
            tracing::info!(revision = %stamped.version(), "goes on with the snapshot that ran last");
        }
        let shared = Shared {
            snapshots: watch::Sender::new(stamped.as_ref().map(|stamped| Arc::clone(stamped.snapshot()))),
            stamped: watch::Sender::new(stamped),
            member_states: watch::Sender::default(),
            state: watch::Sender::new(LinkState::Away { reason: String::new() }),
        };
        Ok(Self {
            config,
            identity,
            shared: Arc::new(shared),
            disk: Some(disk),
            up_members,
            stop: CancellationToken::new(),
            tasks: JoinSet::new(),
            _lock: lock,
        })
    }

    /// Snapshots to run, latest wins.
    #[must_use]
    pub fn snapshots(&self) -> watch::Receiver<Option<Arc<Snapshot>>> {
        self.shared.snapshots.subscribe()
    }

    /// States of member virtual services, latest wins; empty and not complete until a controller told, and again when it
    /// has been away for a while.
    #[must_use]
    pub fn member_states(&self) -> watch::Receiver<ToldStates> {
        self.shared.member_states.subscribe()
    }

    /// Members that were up when the engine ended.
    #[must_use]
    pub fn up_members(&self) -> &UpMembers {
        &self.up_members
    }

    /// How the engine stands to its controller.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<LinkState> {
        self.shared.state.subscribe()
    }

    /// Who this engine is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Connects, and connects again, on the current tokio runtime. Called once, after the engine that gives reports and
    /// answers has started.
    pub fn start(&mut self, reports: watch::Receiver<Option<Arc<Report>>>, answers: Answers) {
        let Some(disk) = self.disk.take() else { return };
        let (stop, shared) = (self.stop.clone(), Arc::clone(&self.shared));
        self.tasks.spawn(keep_on_disk(disk, shared.stamped.subscribe(), stop.clone()));
        let (dir, up_members) = (self.config.dir.clone(), self.up_members.clone());
        self.tasks.spawn(up_members::keep(dir, up_members, reports.clone(), stop.clone()));
        let kept = self.config.member_states_kept;
        let expiry = forget_states(Arc::clone(&shared), kept);
        let stopped = stop.clone();
        self.tasks.spawn(async move { stopped.run_until_cancelled(expiry).await.unwrap_or_default() });
        let attempts = stay_connected(self.config.clone(), Arc::clone(&self.identity), shared, reports, answers);
        self.tasks.spawn(async move { stop.run_until_cancelled(attempts).await.unwrap_or_default() });
    }

    /// Disconnects, and writes to disk what is not there yet.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(reason = %error, "a task of the link ended badly");
            }
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Tries one controller after the other, for ever.
async fn stay_connected(
    config: ClientConfig,
    mut identity: Arc<Identity>,
    shared: Arc<Shared>,
    reports: watch::Receiver<Option<Arc<Report>>>,
    answers: Answers,
) {
    let mut failures: u32 = 0;
    let mut told = BTreeSet::new();
    loop {
        // Read anew: it was renewed, or the engine joined again.
        let dir = config.dir.clone();
        if let Ok(Ok(read)) = tokio::task::spawn_blocking(move || Identity::load(&dir)).await {
            identity = Arc::new(read);
        }
        let controllers = if config.controllers.is_empty() { &identity.controllers } else { &config.controllers };
        let turn = usize::try_from(failures).unwrap_or_default() % controllers.len().max(1);
        let end = match controllers.get(turn) {
            None => session::End::failed("no controller is known; give its address".into()),
            Some(_) if identity.is_expired(wall_now()) => session::End::failed(format!(
                "the certificate in {} has expired; join again with a new token (--join FILE)",
                config.dir.display()
            )),
            Some(controller) => session::run(&config, &identity, controller, &shared, reports.clone(), &answers).await,
        };
        failures = if end.was_good { 0 } else { failures.saturating_add(1) };
        if end.was_good || told.len() > REASONS_MAX {
            told.clear();
        }
        // The same reason again is no news.
        if told.insert(end.reason.clone()) {
            tracing::warn!(reason = end.reason, "no connection to the controller; answers go on");
        }
        // What is known still counts; that alone is no news. But nobody shares probes with this engine any more.
        shared.member_states.send_if_modified(|told| {
            told.is_complete = false;
            let has_shared = !told.sharers().is_empty();
            told.engine = None;
            has_shared
        });
        shared.state.send_replace(LinkState::Away { reason: end.reason });
        tokio::time::sleep(config.backoff.pause(failures, backoff::draw(config.seed, failures))).await;
    }
}

/// States of a controller that stays away become unknown.
async fn forget_states(shared: Arc<Shared>, kept: Duration) {
    let mut state = shared.state.subscribe();
    let is_connected = |state: &LinkState| matches!(state, LinkState::Connected { .. });
    loop {
        if state.wait_for(|state| !is_connected(state)).await.is_err() {
            return;
        }
        let came_back = tokio::time::timeout(kept, state.wait_for(is_connected)).await.is_ok();
        if came_back {
            continue;
        }
        let is_known = !shared.member_states.borrow().states.is_empty();
        if is_known {
            tracing::info!(reason = "no controller for a while", "states of member virtual services are unknown now");
            shared.member_states.send_replace(ToldStates::default());
        }
        if state.wait_for(is_connected).await.is_err() {
            return;
        }
    }
}

/// Writes what is in force to disk, the newest when several came. A disk that fails is told once, and tried again until
/// it has what is in force.
async fn keep_on_disk(disk: Disk, mut stamped: watch::Receiver<Option<Arc<Stamped>>>, stop: CancellationToken) {
    let mut disk = Some(disk);
    let mut is_failing = false;
    loop {
        let changed = async {
            if is_failing {
                // What did not fit is as good as new.
                tokio::time::timeout(DISK_RETRY, stamped.changed()).await.unwrap_or(Ok(()))
            } else {
                stamped.changed().await
            }
        };
        let is_last = match stop.run_until_cancelled(changed).await {
            Some(Ok(())) => false,
            Some(Err(_)) | None => true,
        };
        let newest = stamped.borrow_and_update().clone();
        let (Some(newest), Some(mut writer)) = (newest, disk.take()) else {
            if is_last || disk.is_none() {
                return;
            }
            continue;
        };
        let written = tokio::task::spawn_blocking(move || {
            let result = writer.keep(&newest);
            (writer, result)
        });
        match written.await {
            Ok((writer, Ok(()))) => {
                disk = Some(writer);
                if std::mem::take(&mut is_failing) {
                    tracing::info!("snapshots are kept on disk again");
                }
            }
            Ok((writer, Err(error))) => {
                disk = Some(writer);
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::warn!(
                        reason = chain(&error),
                        "snapshot not kept on disk, tried again: after a restart without the controller an older one \
                         would run"
                    );
                }
            }
            Err(error) => tracing::error!(reason = %error, "writing to disk ended badly"),
        }
        if is_last {
            return;
        }
    }
}
