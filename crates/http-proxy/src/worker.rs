//! One thread with its own runtime, listeners, connections.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use bytes::BytesMut;
use rustc_hash::FxHashMap;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::warn;

use crate::access::AccessLog;
use crate::clock;
use crate::connection;
use crate::deadline::{SWEEP_INTERVAL, Timer};
use crate::stats::WorkerStats;
use crate::tls::TlsContext;
use crate::upstream::Kept;
use crate::view::{Held, View};

/// Pause after a connection could not be accepted for lack of something, as file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What all workers share.
pub(crate) struct Shared {
    pub(crate) view: ArcSwap<View>,
    /// Counts views, so that a worker sees with one load whether it has the newest.
    pub(crate) generation: AtomicU64,
    pub(crate) log: Arc<dyn AccessLog>,
    pub(crate) tls: TlsContext,
    pub(crate) started: Instant,
    pub(crate) connections_per_worker_max: u64,
    pub(crate) drain_timeout: Duration,
}

/// One worker's own.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) stats: Arc<WorkerStats>,
    pub(crate) timer: Timer,
    pub(crate) kept: Kept,
    /// Memory that responses are read into; each takes what it fills.
    pub(crate) read_room: RefCell<BytesMut>,
    view: RefCell<(u64, Rc<Held>)>,
    /// Which view those that watch for changes know of.
    told_generation: Cell<u64>,
}

/// What connections of one listener have in common.
#[derive(Debug)]
pub(crate) struct ListenerState {
    /// As in the table.
    pub(crate) address: SocketAddr,
    /// Connections end after the request that is under way.
    pub(crate) is_draining: Cell<bool>,
    /// Connections end now.
    pub(crate) is_aborted: Cell<bool>,
}

/// What a worker is told.
pub(crate) enum Command {
    /// Accept connections from this socket.
    Listen(SocketAddr, std::net::TcpListener),
    /// Accept no more there, let connections drain. Answered when the socket is closed.
    Close(SocketAddr, oneshot::Sender<()>),
    /// The same everywhere, with so long to drain; then end.
    Stop(Duration),
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, stats: Arc<WorkerStats>) -> Rc<Self> {
        let generation = shared.generation.load(Ordering::Acquire);
        let view = RefCell::new((generation, Rc::new(Held::new(shared.view.load_full()))));
        let timer = Timer::new(shared.started);
        timer.sweep(clock::now());
        Rc::new(Self {
            shared,
            stats,
            timer,
            kept: Kept::default(),
            read_room: RefCell::default(),
            view,
            told_generation: Cell::new(generation),
        })
    }

    /// The newest view. Its count is this worker's own: taking it touches no memory of other cores.
    pub(crate) fn view(&self) -> Rc<Held> {
        let generation = self.generation();
        let mut known = self.view.borrow_mut();
        if known.0 != generation {
            *known = (generation, Rc::new(Held::new(self.shared.view.load_full())));
        }
        Rc::clone(&known.1)
    }

    /// Counts views: another one means another view.
    pub(crate) fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::Acquire)
    }

    /// Works until it is told to stop and all connections have ended.
    pub(crate) async fn run(self: Rc<Self>, mut commands: mpsc::Receiver<Command>) {
        let mut listeners: FxHashMap<SocketAddr, oneshot::Sender<Closing>> = FxHashMap::default();
        let mut tasks = JoinSet::new();
        let mut sweep = interval(SWEEP_INTERVAL);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let drain_timeout = loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Listen(address, socket)) => match TcpListener::from_std(socket) {
                        Ok(socket) => {
                            let (close, closing) = oneshot::channel();
                            tasks.spawn_local(accept(Rc::clone(&self), address, socket, closing));
                            listeners.insert(address, close);
                        }
                        Err(error) => warn!(%address, reason = %error, "a worker cannot listen"),
                    },
                    Some(Command::Close(address, closed)) => {
                        if let Some(close) = listeners.remove(&address) {
                            let _ = close.send(Closing { closed: Some(closed), timeout: self.shared.drain_timeout });
                        }
                    }
                    Some(Command::Stop(timeout)) => break timeout,
                    None => break Duration::ZERO,
                },
                _ = sweep.tick() => self.sweep(),
                Some(_) = tasks.join_next() => {}
            }
        };
        for (_, close) in listeners.drain() {
            let _ = close.send(Closing { closed: None, timeout: drain_timeout });
        }
        loop {
            tokio::select! {
                ended = tasks.join_next() => if ended.is_none() { break },
                _ = sweep.tick() => self.sweep(),
            }
        }
        self.kept.clear();
    }

    fn sweep(&self) {
        self.timer.sweep(clock::now());
        self.kept.sweep(self.timer.now_ms());
        let generation = self.generation();
        if self.told_generation.replace(generation) != generation {
            self.timer.wake_watchers();
        }
    }
}

/// How a listener has to end.
struct Closing {
    closed: Option<oneshot::Sender<()>>,
    timeout: Duration,
}

/// Accepts connections at one address until told to close, then lets those that are there end.
async fn accept(worker: Rc<Worker>, address: SocketAddr, socket: TcpListener, mut closing: oneshot::Receiver<Closing>) {
    let listener = Rc::new(ListenerState { address, is_draining: Cell::new(false), is_aborted: Cell::new(false) });
    let mut connections = JoinSet::new();
    let closing = loop {
        tokio::select! {
            biased;
            closing = &mut closing => break closing.unwrap_or(Closing { closed: None, timeout: Duration::ZERO }),
            Some(ended) = connections.join_next() => count_end(&worker, ended),
            accepted = socket.accept() => match accepted {
                Ok(_) if worker.stats.connections_open.get() >= worker.shared.connections_per_worker_max => {
                    worker.stats.connections_refused.add(1);
                }
                Ok((stream, peer)) => {
                    worker.stats.connections.add(1);
                    worker.stats.connections_open.add(1);
                    connections.spawn_local(connection::run(Rc::clone(&worker), Rc::clone(&listener), stream, peer));
                }
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    warn!(%address, reason = %error, "accepting a connection failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    };
    drop(socket);
    if let Some(closed) = closing.closed {
        let _ = closed.send(());
    }
    listener.is_draining.set(true);
    worker.timer.wake_all();
    let drained = timeout(closing.timeout, async {
        while let Some(ended) = connections.join_next().await {
            count_end(&worker, ended);
        }
    });
    if drained.await.is_err() {
        listener.is_aborted.set(true);
        worker.timer.wake_all();
        connections.abort_all();
        while let Some(ended) = connections.join_next().await {
            count_end(&worker, ended);
        }
    }
}

fn count_end(worker: &Worker, ended: Result<(), tokio::task::JoinError>) {
    worker.stats.connections_open.one_less();
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(reason = %error, "a connection's task panicked: this is a bug, please report it");
    }
}
