//! All links of one site.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use site_replication::{Message, SiteId};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::board::{Board, States};
use crate::identity::Identity;
use crate::peer::{Peer, RequestRefused};
use crate::pin::Pin;
use crate::roster::Roster;
use crate::state::SiteState;
use crate::stream::Ended;
use crate::tls::Tls;
use crate::{accept, dial};

/// Bytes of a request, and of its answer.
pub const REQUEST_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How long a request may take until its answer is there.
pub const FORWARD_WITHIN: Duration = Duration::from_secs(10);
/// How long goodbyes may take.
const SHUTDOWN_WITHIN: Duration = Duration::from_secs(2);

/// What a [`Link`] needs.
pub struct LinkConfig {
    /// Cluster uuid of this site.
    pub own: SiteId,
    /// Where other sites dial.
    pub listener: std::net::TcpListener,
    /// This site's key.
    pub identity: Identity,
    /// Version of the software, for people at other sites.
    pub software: String,
    /// A link on which nothing is heard for this long is dead; pings go four times as often.
    pub keep_alive: Duration,
    /// Answers requests of other sites.
    pub handler: Arc<dyn Handler>,
}

impl LinkConfig {
    /// Default of [`LinkConfig::keep_alive`]: links that were cut are noticed while an election within three seconds is
    /// still possible.
    pub const KEEP_ALIVE: Duration = Duration::from_secs(2);
}

/// Answers requests that other sites forward.
#[async_trait]
pub trait Handler: Send + Sync {
    /// The answer to a request of `from`, who is authenticated; an error in words otherwise. Given up after
    /// [`FORWARD_WITHIN`].
    async fn answer(&self, from: &SiteId, request: Vec<u8>) -> Result<Vec<u8>, String>;
}

/// Why a site does not link.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The socket is not usable.
    #[error("listening for other sites")]
    Listen(#[source] io::Error),
    /// The identity is not usable.
    #[error("setting up TLS with the identity of this site")]
    Tls(#[source] rustls::Error),
}

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForwardError {
    /// It was not sent. A retry is sane.
    #[error("site {site} is not connected: {reason}")]
    NotConnected {
        /// Which.
        site: SiteId,
        /// Why, in words.
        reason: String,
    },
    /// It was not sent. A retry is sane.
    #[error("too many requests wait for site {site}, try again")]
    Busy {
        /// Which.
        site: SiteId,
    },
    /// It was not sent.
    #[error("the request has {bytes} bytes; at most {REQUEST_BYTES_MAX} are sent to another site")]
    TooLarge {
        /// Of the request.
        bytes: usize,
    },
    /// It may or may not have been done.
    #[error("the link to site {site} broke before its answer came")]
    Lost {
        /// Which.
        site: SiteId,
    },
    /// It may or may not have been done.
    #[error("site {site} did not answer within {} s", FORWARD_WITHIN.as_secs())]
    Late {
        /// Which.
        site: SiteId,
    },
    /// The other site's handler says no.
    #[error("site {site} does not answer: {words}")]
    Refused {
        /// Which.
        site: SiteId,
        /// Why.
        words: String,
    },
}

/// All links of one site; they end when it is dropped.
pub struct Link {
    shared: Arc<Shared>,
    address: SocketAddr,
    _stop: DropGuard,
}

/// What all tasks of a link use.
pub(crate) struct Shared {
    pub(crate) own: SiteId,
    pub(crate) software: String,
    pub(crate) keep_alive: Duration,
    pub(crate) tls: Tls,
    pub(crate) roster: watch::Receiver<Arc<Roster>>,
    pub(crate) incoming: mpsc::Sender<(SiteId, Message)>,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) state: watch::Sender<Option<Arc<SiteState>>>,
    pub(crate) board: Board,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
    /// The connection that each site dialled last.
    pub(crate) dialled: Mutex<BTreeMap<SiteId, CancellationToken>>,
    peers: RwLock<BTreeMap<SiteId, Arc<Peer>>>,
}

impl Link {
    /// Listens, and dials all sites of `roster`, now and whenever it changes. Messages of other sites go to `incoming`;
    /// those that find it full for long are dropped. To be called inside a runtime.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(
        config: LinkConfig,
        roster: watch::Receiver<Arc<Roster>>,
        incoming: mpsc::Sender<(SiteId, Message)>,
    ) -> Result<Self, StartError> {
        let LinkConfig { own, listener, identity, software, keep_alive, handler } = config;
        listener.set_nonblocking(true).map_err(StartError::Listen)?;
        let listener = TcpListener::from_std(listener).map_err(StartError::Listen)?;
        let address = listener.local_addr().map_err(StartError::Listen)?;
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            own,
            software,
            keep_alive,
            tls: Tls::new(&identity).map_err(StartError::Tls)?,
            roster,
            incoming,
            handler,
            state: watch::Sender::new(None),
            board: Board::new(),
            stop: stop.clone(),
            tasks: TaskTracker::new(),
            dialled: Mutex::default(),
            peers: RwLock::default(),
        });
        shared.take_roster();
        shared.tasks.spawn(accept::run(Arc::clone(&shared), listener));
        shared.tasks.spawn(follow_roster(Arc::clone(&shared)));
        Ok(Self { shared, address, _stop: stop.drop_guard() })
    }

    /// Where this site listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Sends a message, or loses it: without a link, and the oldest batch or heartbeat when
    /// [`QUEUE_MAX`](crate::QUEUE_MAX) messages wait. Never waits.
    pub fn send(&self, to: &SiteId, message: Message) {
        let peer = self.shared.peers.read().get(to).cloned();
        if peer.is_some_and(|peer| peer.send(message)) {
            self.shared.board.dropped(to);
        }
    }

    /// Tells all other sites: soon, when they are linked again, and the newest only.
    pub fn tell(&self, state: SiteState) {
        self.shared.state.send_if_modified(|told| {
            let is_new = told.as_deref() != Some(&state);
            if is_new {
                *told = Some(Arc::new(state));
            }
            is_new
        });
    }

    /// All other sites as this one sees them.
    #[must_use]
    pub fn told(&self) -> watch::Receiver<States> {
        self.shared.board.subscribe()
    }

    /// Asks other sites, for whoever does not hold the link.
    #[must_use]
    pub fn forwarder(&self) -> Forwarder {
        Forwarder { shared: Arc::clone(&self.shared) }
    }

    /// As [`Forwarder::forward`].
    ///
    /// # Errors
    /// [`ForwardError`].
    pub async fn forward(&self, to: &SiteId, request: Vec<u8>) -> Result<Vec<u8>, ForwardError> {
        self.forwarder().forward(to, request).await
    }

    /// Says goodbye to all sites, and waits until all tasks have ended.
    pub async fn shutdown(self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        if timeout(SHUTDOWN_WITHIN, self.shared.tasks.wait()).await.is_err() {
            tracing::debug!("links to other sites did not end in time");
        }
    }
}

/// Asks other sites; of no use once its [`Link`] has ended.
#[derive(Clone)]
pub struct Forwarder {
    shared: Arc<Shared>,
}

impl Forwarder {
    /// The answer of another site's [`Handler`].
    ///
    /// # Errors
    /// [`ForwardError`].
    pub async fn forward(&self, to: &SiteId, request: Vec<u8>) -> Result<Vec<u8>, ForwardError> {
        if request.len() > REQUEST_BYTES_MAX {
            return Err(ForwardError::TooLarge { bytes: request.len() });
        }
        let site = || to.clone();
        let not_connected = || {
            let reason = self.shared.board.failure(to).unwrap_or_else(|| "it is not known here".to_owned());
            ForwardError::NotConnected { site: site(), reason }
        };
        let peer = self.shared.peers.read().get(to).cloned().ok_or_else(not_connected)?;
        let (id, answer) = peer.request(Bytes::from(request)).map_err(|refused| match refused {
            RequestRefused::NotConnected => not_connected(),
            RequestRefused::Busy => ForwardError::Busy { site: site() },
        })?;
        // Also when who asked goes away.
        let _forget = Forget { peer: &peer, id };
        match timeout(FORWARD_WITHIN, answer).await {
            Err(_) => Err(ForwardError::Late { site: site() }),
            Ok(Err(_)) => Err(ForwardError::Lost { site: site() }),
            Ok(Ok(answer)) => answer.map(Vec::from),
        }
    }
}

struct Forget<'a> {
    peer: &'a Peer,
    id: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.peer.forget(self.id);
    }
}

impl Shared {
    /// Starts and stops peers so that they are those of the roster.
    pub(crate) fn take_roster(self: &Arc<Self>) {
        let mut peers = self.peers.write();
        // Under the lock, so that who comes last has the newest.
        let roster = Arc::clone(&self.roster.borrow());
        let sites: Vec<SiteId> = roster.peers.keys().filter(|site| **site != self.own).cloned().collect();
        let name = |site| roster.peers.get(site).map(|peer| peer.name.clone()).unwrap_or_default();
        self.board.keep(sites.iter().map(|site| (site, name(site))));
        peers.retain(|site, peer| {
            let stays = sites.contains(site);
            if !stays {
                peer.stop.cancel();
                // It may be back on the roster before its connection looks.
                if let Some(connection) = self.dialled.lock().remove(site) {
                    connection.cancel();
                }
            }
            stays
        });
        for site in sites {
            peers.entry(site.clone()).or_insert_with(|| {
                let peer = Arc::new(Peer::new(site, self.stop.child_token()));
                self.tasks.spawn(dial::run(Arc::clone(self), Arc::clone(&peer)));
                peer
            });
        }
    }

    /// Ends when who has this key may no longer be `site`.
    pub(crate) async fn until_refused(&self, site: &SiteId, pin: &Pin) -> Ended {
        let mut roster = self.roster.clone();
        loop {
            let checked = roster.borrow_and_update().check(&self.own, site, pin);
            if let Err(stranger) = checked {
                return Ended::ours(stranger);
            }
            if roster.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    pub(crate) fn stopping(&self) -> Ended {
        Ended::ours(format!("site {} is stopping", self.own))
    }
}

async fn follow_roster(shared: Arc<Shared>) {
    let mut roster = shared.roster.clone();
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => return,
            changed = roster.changed() => if changed.is_err() { return },
        }
        shared.take_roster();
    }
}
