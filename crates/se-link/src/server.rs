//! The controller's end: listens, lets engines join, and keeps each of them at the newest snapshot.
//!
//! `authority.rs` signs and remembers who may come, `accept.rs` does TLS, `service.rs` answers the two calls,
//! `session.rs` is the life of one connected engine, `engines.rs` what is known of all of them, `groups.rs` prepares
//! snapshots for the engines of each service engine group. A slow engine delays nobody: it skips to the newest snapshot when it is ready for the next.

mod accept;
mod authority;
mod engines;
mod groups;
mod service;
mod session;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use se_protocol::{
    GroupSnapshots, MemberStates,
    explain::{DnsExplanation, DnsQuestion, ExplainRefusal},
    logs::{EngineLogs, LogPage, LogQuery, LogRefusal},
};
use tokio::{
    sync::{Semaphore, mpsc, oneshot, watch},
    task::{AbortHandle, JoinSet},
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{clock::wall_now, generated::link_server::LinkServer};
use engines::{Ask, Registry};
use groups::GroupFeeds;

pub use authority::{Authority, AuthorityError};
pub use engines::{EngineStatus, Engines};

/// Connections that passed TLS and wait to be served; when full, the next one waits.
const ACCEPTED_MAX: usize = 64;
/// How often a silent peer is asked whether it is there, and how long it may take to answer.
pub(crate) const KEEPALIVE: Duration = Duration::from_secs(10);
/// Longest wait for an explanation.
const EXPLAIN_WITHIN: Duration = Duration::from_secs(5);
/// Searches for logs at a time: each may hold 100,000 logs of every engine in memory.
const LOG_SEARCHES_MAX: usize = 4;
/// How much longer than the search an answer with logs may take: for the way, and to become an answer.
const LOGS_BEYOND: Duration = Duration::from_secs(3);
/// Longest wait for connections when the server ends.
const DRAIN_WITHIN: Duration = Duration::from_secs(5);

/// How the controller's end runs.
#[derive(Debug)]
pub struct ServerConfig {
    /// Socket to listen on.
    pub listener: TcpListener,
    /// How long a new engine certificate is valid; engines renew theirs in the last third.
    pub certificate_lifetime: Duration,
}

impl ServerConfig {
    /// Listens on `listener`; certificates are valid for 90 days.
    #[must_use]
    pub fn new(listener: TcpListener) -> Self {
        Self { listener, certificate_lifetime: Duration::from_secs(90 * 86_400) }
    }
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The socket cannot be used.
    #[error("preparing the socket for engines")]
    Socket(#[source] io::Error),
    /// No certificate.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// TLS refused its configuration.
    #[error("preparing TLS for engines")]
    Tls(#[source] rustls::Error),
}

/// The controller's end, running. Dropping it stops it at once.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    authority: Arc<Authority>,
    registry: Arc<Registry>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    parts: [AbortHandle; 3],
}

impl Server {
    /// Starts on the current tokio runtime. Every connected engine gets the newest of `snapshots`, that of its group, and
    /// of `member_states`.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn start(
        config: ServerConfig,
        authority: Arc<Authority>,
        snapshots: watch::Receiver<Option<Arc<GroupSnapshots>>>,
        member_states: watch::Receiver<Arc<MemberStates>>,
    ) -> Result<Self, ServerError> {
        config.listener.set_nonblocking(true).map_err(ServerError::Socket)?;
        let address = config.listener.local_addr().map_err(ServerError::Socket)?;
        let listener = tokio::net::TcpListener::from_std(config.listener).map_err(ServerError::Socket)?;
        let tls = accept::tls(&authority, wall_now())?;

        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let feeds = Arc::new(GroupFeeds::default());
        let encoding = tasks.spawn(run_until(stop.clone(), groups::encode(snapshots, Arc::clone(&feeds))));

        let (accepted, incoming) = mpsc::channel(ACCEPTED_MAX);
        let accepting = tasks.spawn(run_until(stop.clone(), accept::run(listener, tls, accepted)));

        let registry = Arc::new(Registry::new());
        let sessions = TaskTracker::new();
        let service = service::LinkService {
            authority: Arc::clone(&authority),
            registry: Arc::clone(&registry),
            feeds,
            member_states,
            certificate_lifetime: config.certificate_lifetime,
            stop: stop.clone(),
            sessions: sessions.clone(),
        };
        let router = tonic::transport::Server::builder()
            .http2_keepalive_interval(Some(KEEPALIVE))
            .http2_keepalive_timeout(Some(KEEPALIVE))
            .max_concurrent_streams(16)
            .add_service(LinkServer::new(service));
        let stopped = stop.clone();
        let serving = tasks.spawn(async move {
            let served = router.serve_with_incoming_shutdown(ReceiverStream::new(incoming), stopped.cancelled()).await;
            if let Err(error) = served {
                tracing::error!(reason = %crate::certificate::chain(&error), "the link to engines stopped");
            }
            sessions.close();
            sessions.wait().await;
        });
        tracing::debug!(%address, "waiting for engines");
        Ok(Self { address, authority, registry, stop, tasks, parts: [encoding, accepting, serving] })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Its tasks, to ask whether they run: engines are served while all do.
    pub fn parts(&self) -> impl Iterator<Item = AbortHandle> {
        self.parts.clone().into_iter()
    }

    /// Tokens and revocations.
    #[must_use]
    pub fn authority(&self) -> &Arc<Authority> {
        &self.authority
    }

    /// What is known of the engines, latest wins.
    #[must_use]
    pub fn engines(&self) -> watch::Receiver<Arc<Engines>> {
        self.registry.subscribe()
    }

    /// A handle that asks engines; it outlives the server, and then says that no engine is there.
    #[must_use]
    pub fn explainer(&self) -> Explainer {
        Explainer(Arc::clone(&self.registry))
    }

    /// A handle that asks engines for logs; it outlives the server, and then finds no engine.
    #[must_use]
    pub fn log_reader(&self) -> LogReader {
        LogReader { registry: Arc::clone(&self.registry), turns: Arc::new(Semaphore::new(LOG_SEARCHES_MAX)) }
    }

    /// Ends the streams and stops.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        let drained = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN_WITHIN, drained).await.is_err() {
            tracing::warn!("connections of engines did not end in time and were cut");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

/// Asks connected engines what they would answer. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Explainer(Arc<Registry>);

impl Explainer {
    /// Asks the engine with this uuid, or any that runs a snapshot.
    ///
    /// # Errors
    /// When the question makes no sense, or no engine answers within 5 s.
    pub async fn explain_dns(
        &self,
        engine_uuid: Option<&str>,
        question: DnsQuestion,
    ) -> Result<DnsExplanation, ExplainRefusal> {
        let unavailable = |reason: &str| ExplainRefusal::Unavailable(reason.to_owned());
        let asks = self.0.asks_of(engine_uuid).ok_or_else(|| unavailable("none is connected to this controller"))?;
        let (reply, answer) = oneshot::channel();
        asks.try_send(Ask::Explain { question, reply }).map_err(|_| unavailable("it is busy with other questions"))?;
        match tokio::time::timeout(EXPLAIN_WITHIN, answer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(unavailable("it went away")),
            Err(_) => Err(unavailable("it did not answer within 5 s")),
        }
    }
}

/// Asks engines what they logged. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LogReader {
    registry: Arc<Registry>,
    turns: Arc<Semaphore>,
}

impl LogReader {
    /// Asks every engine that connected since the controller started, all at once. Of one that is away, or does not
    /// answer in time, the outcome says so.
    pub async fn logs(&self, query: LogQuery) -> Vec<EngineLogs> {
        let engines = self.registry.asks_of_all();
        let Ok(_turn) = self.turns.try_acquire() else {
            let busy = || Err(LogRefusal("the controller is busy with other searches: try again".to_owned()));
            return engines.into_iter().map(|(engine, _)| EngineLogs { engine, outcome: busy() }).collect();
        };
        let mut asked = JoinSet::new();
        for (place, (_, asks)) in engines.iter().enumerate() {
            let (asks, query) = (asks.clone(), query.clone());
            asked.spawn(async move { (place, logs_of(asks, query).await) });
        }
        let ended_badly = || Err(LogRefusal("asking it ended badly".to_owned()));
        let mut answers: Vec<EngineLogs> =
            engines.into_iter().map(|(engine, _)| EngineLogs { engine, outcome: ended_badly() }).collect();
        while let Some(ended) = asked.join_next().await {
            if let Ok((place, outcome)) = ended
                && let Some(answer) = answers.get_mut(place)
            {
                answer.outcome = outcome;
            }
        }
        answers
    }
}

async fn logs_of(asks: Option<mpsc::Sender<Ask>>, query: LogQuery) -> Result<LogPage, LogRefusal> {
    let refusal = |reason: &str| LogRefusal(reason.to_owned());
    let asks = asks.ok_or_else(|| refusal("it is not connected to this controller"))?;
    let within = Duration::from_millis(query.within_ms.into()) + LOGS_BEYOND;
    let (reply, answer) = oneshot::channel();
    asks.try_send(Ask::Logs { query, reply }).map_err(|_| refusal("it is busy with other questions"))?;
    match tokio::time::timeout(within, answer).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(refusal("it went away")),
        Err(_) => Err(refusal("it did not answer in time")),
    }
}

async fn run_until(stop: CancellationToken, work: impl Future<Output = ()>) {
    stop.run_until_cancelled(work).await.unwrap_or_default();
}
