//! The proxy as a whole: workers, and the configuration that they run.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwap;
use http_policy::Table;
use model::http::HttpConfig;
use model::{Revision, Version};
use rustc_hash::FxHashMap;
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;

use crate::access::AccessLog;
use crate::clock;
use crate::listen::{self, BindError};
use crate::stats::{Stats, WorkerStats};
use crate::tls::{CertificateError, TlsContext};
use crate::view::View;
use crate::worker::{Command, Shared, Worker};

/// Commands that wait for a worker; who has more to say waits.
const COMMANDS_MAX: usize = 256;

/// How a proxy is run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Threads, each with its own sockets and connections.
    pub workers: NonZeroUsize,
    /// Connections of clients at a time, per worker; those above are closed at once.
    pub connections_per_worker_max: u64,
    /// How long connections may go on after their listener was removed: requests under way, downloads and tunnels (as web
    /// sockets) all end then at the latest. A tunnel of a virtual service or child that goes while its listener stays ends
    /// as long after that.
    pub drain_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { workers: NonZeroUsize::MIN, connections_per_worker_max: 50_000, drain_timeout: Duration::from_secs(60) }
    }
}

/// Something of a configuration that does not work. All else does.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A rule, a reference, an address that two want.
    #[error("{}: {}", .0.name, .0.text)]
    Config(http_policy::Problem),
    /// A certificate that is not served.
    #[error("virtual service {name}")]
    Certificate {
        /// Uuid of the virtual service.
        object: String,
        /// Its name.
        name: String,
        /// What is wrong.
        #[source]
        source: CertificateError,
    },
    /// An address that is not listened on. [`Proxy::listen`] tries it again, and so does every configuration.
    #[error(transparent)]
    Bind(#[from] BindError),
}

/// A running proxy. Dropping it stops it without waiting.
pub struct Proxy {
    shared: Arc<Shared>,
    workers: Vec<Running>,
    /// Addresses that are listened on.
    open: BTreeSet<SocketAddr>,
}

struct Running {
    commands: mpsc::Sender<Command>,
    stats: Arc<WorkerStats>,
    thread: thread::JoinHandle<()>,
}

impl Proxy {
    /// Starts the workers, with nothing to serve.
    ///
    /// # Errors
    /// When a thread or its runtime does not start.
    pub fn start(options: Options, log: Arc<dyn AccessLog>) -> io::Result<Self> {
        let version = Version { incarnation: String::new(), term: 0, revision: Revision(0) };
        let shared = Arc::new(Shared {
            view: ArcSwap::from_pointee(View { table: Table::empty(version), tls: FxHashMap::default() }),
            generation: AtomicU64::new(0),
            log,
            tls: TlsContext::new(),
            started: clock::now(),
            connections_per_worker_max: options.connections_per_worker_max,
            drain_timeout: options.drain_timeout,
        });
        let workers =
            (0..options.workers.get()).map(|index| start_worker(index, &shared)).collect::<io::Result<_>>()?;
        Ok(Self { shared, workers, open: BTreeSet::new() })
    }

    /// Serves `config` from now on: [`compile`](Self::compile) and [`serve`](Self::serve) in one.
    ///
    /// New requests see it when this returns. What cannot be used is returned; the rest serves.
    pub async fn apply(&mut self, config: &HttpConfig) -> Vec<Problem> {
        let (view, mut problems) = self.compile(config);
        problems.extend(self.serve(view).await.into_iter().map(Problem::Bind));
        problems
    }

    /// Compiles `config`, and shares with what is served now what did not change. It serves nobody yet: the health of
    /// servers that are new can be set in its pools before the first request sees it.
    #[must_use]
    pub fn compile(&self, config: &HttpConfig) -> (View, Vec<Problem>) {
        View::compile(config, &self.shared.view.load())
    }

    /// Serves `view`, the newest that was compiled, from now on. A connection that it does not concern goes on untouched;
    /// those of a listener that is gone end after their request, or when [`Options::drain_timeout`] has passed.
    ///
    /// Returns the addresses that cannot be listened on; [`listen`](Self::listen) tries them again.
    pub async fn serve(&mut self, view: View) -> Vec<BindError> {
        let gone: Vec<SocketAddr> =
            self.open.iter().filter(|address| !view.table.listeners.contains_key(address)).copied().collect();
        self.shared.view.store(Arc::new(view));
        self.shared.generation.fetch_add(1, Ordering::Release);
        for address in gone {
            self.close(address).await;
        }
        self.listen().await
    }

    /// Listens wherever the view that is served wants it and nothing is open yet; returns where that is not possible.
    pub async fn listen(&mut self) -> Vec<BindError> {
        let view = self.view();
        let mut missing: Vec<SocketAddr> =
            view.table.listeners.keys().filter(|address| !self.open.contains(address)).copied().collect();
        missing.sort_unstable();
        let mut failed = Vec::new();
        for address in missing {
            match listen::open(address, self.workers.len()) {
                Ok(sockets) => {
                    for (worker, socket) in self.workers.iter().zip(sockets) {
                        // A worker that is gone takes nothing; its thread's end was reported.
                        let _ = worker.commands.send(Command::Listen(address, socket)).await;
                    }
                    self.open.insert(address);
                }
                Err(error) => failed.push(error),
            }
        }
        failed
    }

    /// What is served now. Health of servers is set in its pools.
    #[must_use]
    pub fn view(&self) -> Arc<View> {
        self.shared.view.load_full()
    }

    /// Addresses that are listened on.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.open.iter().copied()
    }

    /// Counts over all workers.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        self.workers.iter().for_each(|worker| stats.add(&worker.stats));
        stats
    }

    /// Accepts no more, gives connections `grace` to end, returns when all is closed.
    pub async fn shutdown(self, grace: Duration) {
        for worker in &self.workers {
            let _ = worker.commands.send(Command::Stop(grace)).await;
        }
        let threads: Vec<_> = self.workers.into_iter().map(|worker| worker.thread).collect();
        let joined = tokio::task::spawn_blocking(|| threads.into_iter().for_each(|thread| drop(thread.join())));
        let _ = joined.await;
    }

    async fn close(&mut self, address: SocketAddr) {
        self.open.remove(&address);
        for worker in &self.workers {
            let (closed, is_closed) = oneshot::channel();
            let _ = worker.commands.send(Command::Close(address, closed)).await;
            let _ = is_closed.await;
        }
    }
}

fn start_worker(index: usize, shared: &Arc<Shared>) -> io::Result<Running> {
    let stats = Arc::new(WorkerStats::default());
    let (commands, received) = mpsc::channel(COMMANDS_MAX);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (shared, worker_stats) = (Arc::clone(shared), Arc::clone(&stats));
    let thread = thread::Builder::new().name(format!("http-{index}")).spawn(move || {
        LocalSet::new().block_on(&runtime, Worker::new(shared, worker_stats).run(received));
    })?;
    Ok(Running { commands, stats, thread })
}
