//! Start, life and end of a controller.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::Context;
use axum_server::{Handle, tls_rustls::RustlsConfig};
use controller_api::{
    Api, ApiConfig, Committer, Engine as _, Files, LiveProjection, RequestMetrics, Scheme, SystemClock,
};
use hyper_util::rt::TokioTimer;
use objects::Types;
use se_link::{Authority, Engines, Server, ServerConfig};
use se_protocol::{GroupSnapshots, MemberStates, Reports, Snapshot, member_states};
use store::Store;
use store_embedded::{Options, SqliteStore};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    config::{ControllerConfig, Listen},
    data_dir::DataDir,
    engine_link::{EngineLink, EngineSocket},
    first_start,
    geo_databases::GeoDatabases,
    listen,
    names::NameTracker,
    readiness::Readiness,
    remembered, seal_key,
    shared_probes::{self, SharedProbes},
    sites,
    snapshots::SnapshotBuilder,
    tls,
    watched_store::WatchedStore,
};

/// Directory, in the data directory, of the authority that engines trust.
pub(crate) const ENGINES: &str = "engines";
/// Directory, in the data directory, of files that clients sent.
const FILES: &str = "files";
/// What names of members resolved to last, beside it.
const NAMES: &str = "names.json";
/// Longest wait for requests that run when the controller ends.
const DRAIN_WITHIN: Duration = Duration::from_secs(5);
/// Longest wait for the head of a request.
const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// A running controller. Dropping it stops it at once; [`Controller::shutdown`] lets requests end first.
pub struct Controller {
    address: SocketAddr,
    ca: PathBuf,
    password: Option<PathBuf>,
    snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    revisions: watch::Receiver<Option<u64>>,
    readiness: Readiness,
    requests: RequestMetrics,
    engine: Arc<EngineSocket>,
    link: Option<Server>,
    server: Handle<SocketAddr>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    /// Held until the end, so that no other controller starts on this directory.
    _data: DataDir,
}

/// Starts a controller on the current tokio runtime; when this returns, it answers.
///
/// # Errors
/// When the data directory is in use ([`crate::DataDirError`]), the port is taken ([`crate::ListenError`]), or
/// certificate or store cannot be opened; the chain says which.
pub async fn start(config: ControllerConfig) -> anyhow::Result<Controller> {
    let data = DataDir::open(&config.data_dir)?;
    let listener = listen::bind(config.listen)?;
    listener.set_nonblocking(true).context("preparing the listening socket")?;
    let address = listener.local_addr().context("reading the listening address")?;
    let tls = tls::prepare(&config.tls, &data, address, wall_now())?;
    let watched = Arc::new(WatchedStore::new(open_store(&data, config.restored).await?));
    let store: Arc<dyn Store> = watched.clone();

    let clock = Arc::new(SystemClock::start());
    let types = Types::new(avi_schema::TYPES.iter().copied());
    let seal = seal_key::prepare(&data, store.as_ref(), &types).await?;
    let live = LiveProjection::sealed(store.clone(), types, seal);
    live.load().await.context("reading the object store")?;
    let (stop, mut tasks, mut parts) = (CancellationToken::new(), JoinSet::new(), Vec::new());
    {
        let (live, stop) = (live.clone(), stop.clone());
        let task = tasks.spawn(async move { stop.run_until_cancelled(live.run()).await.unwrap_or_default() });
        parts.push(("following the store", task));
    }
    {
        let (watched, stop) = (watched.clone(), stop.clone());
        tasks.spawn(async move { stop.run_until_cancelled(watched.recover()).await.unwrap_or_default() });
    }
    let committer = Committer::new(store.clone(), live.clone());
    first_start::complete(&live, &committer, clock.as_ref(), &data, config.admin_password.as_deref()).await?;

    let files = Files::new(data.file(FILES));
    let geo = GeoDatabases::new(files.clone());
    let names_file = data.file(NAMES);
    let names = watch::Sender::new(Arc::new(NameTracker::remembered(&names_file)));
    let mut builder =
        SnapshotBuilder::new(live.clone(), store.incarnation(), config.port_offset, geo, names.subscribe());
    let (groups, snapshots) = (builder.subscribe(), builder.subscribe_default());
    builder.build().await;
    {
        let (live, clock, asked, stop) = (live.clone(), clock.clone(), builder.names_asked(), stop.clone());
        let tracker = NameTracker { live, clock, asked, names, file: names_file };
        tasks.spawn(async move { stop.run_until_cancelled(tracker.run()).await.unwrap_or_default() });
    }
    {
        let stop = stop.clone();
        let task = tasks.spawn(async move { stop.run_until_cancelled(builder.run()).await.unwrap_or_default() });
        parts.push(("building snapshots", task));
    }

    let engine = Arc::new(EngineSocket::default());
    let (sites, taking_part) =
        sites::start(&data, config.site_listen, &live, committer, engine.clone(), clock.clone(), files.clone())?;
    let elsewhere = watch::Sender::default();
    let states_elsewhere = elsewhere.subscribe();
    {
        let (stop, stopping, following) = (stop.clone(), stop.clone(), sites.clone().follow_states(elsewhere));
        let task = tasks.spawn(async move { stop.run_until_cancelled(taking_part).await.unwrap_or_default() });
        parts.push(("the part of a GSLB site", task));
        let stop = stopping;
        tasks.spawn(async move { stop.run_until_cancelled(following).await.unwrap_or_default() });
    }
    let link = match config.engine_listen {
        Some(address) => {
            let (server, told) = listen_for_engines(address, &data, &groups).await?;
            engine.connect_apart(server.engines(), server.explainer(), server.log_reader());
            let (engines, snapshots, stop) = (server.engines(), snapshots.clone(), stop.clone());
            let telling = tell_member_states(live.clone(), engines, snapshots, states_elsewhere, told);
            tasks.spawn(async move { stop.run_until_cancelled(telling).await.unwrap_or_default() });
            parts.extend(server.parts().map(|task| ("the link to engines", task)));
            Some(server)
        }
        None => None,
    };
    let revisions = live.revisions();
    let api_config = ApiConfig { files: Some(files), ..ApiConfig::new(Scheme::Https, &address.to_string()) };
    let api = Api::new(api_config, store, live, engine.clone(), sites, clock).context("preparing the API")?;
    let server = Handle::new();
    let mut https = axum_server::from_tcp_rustls(listener, RustlsConfig::from_config(tls.server))
        .context("preparing the server")?
        .handle(server.clone());
    https.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
    https.http_builder().http2().timer(TokioTimer::new());
    let requests = api.requests();
    let serving = tasks.spawn(async move {
        if let Err(error) = https.serve(api.router().into_make_service()).await {
            tracing::error!(reason = %error, "the API stopped listening");
        }
    });
    parts.push(("the API", serving));
    // Last: a start that failed is not one to compare with.
    remembered::low_ports(&data, config.port_offset)?;
    tracing::debug!(%address, "controller listens");
    Ok(Controller {
        address,
        ca: tls.ca,
        password: first_start::password_path(&data),
        snapshots,
        revisions,
        readiness: Readiness { store: watched, parts },
        requests,
        engine,
        link,
        server,
        stop,
        tasks,
        _data: data,
    })
}

impl Controller {
    /// Where the API listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The API's URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Where engines of other processes connect; `None` when none may.
    #[must_use]
    pub fn engine_addr(&self) -> Option<SocketAddr> {
        self.link.as_ref().map(Server::local_addr)
    }

    /// What is known of the engines of other processes.
    pub(crate) fn engines(&self) -> Option<watch::Receiver<Arc<Engines>>> {
        self.link.as_ref().map(Server::engines)
    }

    /// What the engines that are connected, or the one here, say now.
    pub(crate) fn reports(&self) -> impl Fn() -> Reports + Send + Sync + 'static {
        let engine = Arc::clone(&self.engine);
        move || engine.reports()
    }

    /// Revisions of the store, as the API sees them.
    pub(crate) fn revisions(&self) -> watch::Receiver<Option<u64>> {
        self.revisions.clone()
    }

    /// Whether it does its work.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// What requests came.
    pub(crate) fn requests(&self) -> &RequestMetrics {
        &self.requests
    }

    /// The certificate file that clients trust.
    #[must_use]
    pub fn ca_path(&self) -> &Path {
        &self.ca
    }

    /// The file with the random password of `admin`; `None` when the password was given at the first start.
    #[must_use]
    pub fn password_path(&self) -> Option<&Path> {
        self.password.as_deref()
    }

    /// Snapshots for an engine in this process, of the default group, latest wins; the first is there already.
    #[must_use]
    pub fn snapshots(&self) -> watch::Receiver<Option<Arc<Snapshot>>> {
        self.snapshots.clone()
    }

    /// Connects an engine, in place of any before: its reports feed the runtime API, its explanations `explain`.
    pub fn connect_engine(&self, link: EngineLink) {
        self.engine.connect(link);
    }

    /// Lets running requests end (5 s at most), then stops everything.
    pub async fn shutdown(mut self) {
        self.server.graceful_shutdown(Some(DRAIN_WITHIN));
        self.stop.cancel();
        if let Some(link) = self.link.take() {
            link.shutdown().await;
        }
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(reason = %error, "a task of the controller ended badly");
            }
        }
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.server.shutdown();
        self.stop.cancel();
    }
}

/// Opens the address for engines, and the channel on which they are told of virtual services.
async fn listen_for_engines(
    address: SocketAddr,
    data: &DataDir,
    groups: &watch::Receiver<Option<Arc<GroupSnapshots>>>,
) -> anyhow::Result<(Server, watch::Sender<Arc<MemberStates>>)> {
    let listener = listen::bind(Listen::At(address))?;
    let directory = data.file(ENGINES);
    // It makes keys at the first start: not on an async thread.
    let opened = tokio::task::spawn_blocking(move || Authority::open(&directory, wall_now())).await;
    let authority = opened.context("opening the authority of engines")??;
    let told = watch::Sender::default();
    let config = ServerConfig::new(listener);
    let server = Server::start(config, Arc::new(authority), groups.clone(), told.subscribe())?;
    remembered::engine_address(data, server.local_addr())?;
    Ok((server, told))
}

/// Tells all engines what those that are connected, and the other sites, say about virtual services and members.
async fn tell_member_states(
    live: Arc<LiveProjection>,
    mut engines: watch::Receiver<Arc<Engines>>,
    mut snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    mut elsewhere: watch::Receiver<Arc<MemberStates>>,
    told: watch::Sender<Arc<MemberStates>>,
) {
    let (mut cluster, mut of_interest) = (String::new(), BTreeSet::new());
    let mut shared = SharedProbes::default();
    snapshots.mark_changed();
    loop {
        tokio::select! {
            Ok(()) = engines.changed() => {}
            Ok(()) = elsewhere.changed() => {}
            Ok(()) = snapshots.changed() => {
                if let Some(newest) = &*snapshots.borrow_and_update() {
                    of_interest = member_states::of_interest(newest);
                    cluster.clone_from(&newest.cluster_uuid);
                }
            }
            else => return,
        }
        let now = Arc::clone(&engines.borrow_and_update());
        let mut states = now.member_states(&cluster, &of_interest);
        states.extend(&elsewhere.borrow_and_update());
        shared.add_to(&mut states, &now, shared_probes::are_split(&live, &cluster));
        told.send_if_modified(|before| {
            let is_news = **before != states;
            if is_news {
                *before = Arc::new(states);
            }
            is_news
        });
    }
}

async fn open_store(data: &DataDir, restored: bool) -> anyhow::Result<Arc<dyn Store>> {
    let path = data.file("controller.db");
    let shown = path.clone();
    let options = Options { new_history: restored, ..Options::default() };
    // It waits for the disk: not on an async thread.
    let opened = tokio::task::spawn_blocking(move || SqliteStore::open_with(path, options))
        .await
        .context("opening the object store")?;
    let store = opened.with_context(|| format!("opening the object store {}", shown.display()))?;
    Ok(Arc::new(store))
}

#[expect(clippy::disallowed_methods, reason = "the edge that reads the clock for certificates")]
pub(crate) fn wall_now() -> SystemTime {
    SystemTime::now()
}
