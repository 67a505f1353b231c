//! L7 virtual services: the proxy that runs them, the health of their pools, and their states.
//!
//! [`Http`] follows the snapshots: what is known of servers is in the pools before the first request can see them.
//! `pools.rs` judges servers by their monitors, `services.rs` says which virtual services are up.

mod pools;
mod services;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use http_proxy::{AccessLog, BindError, Options, Problem, Proxy, Stats, View};
use model::http::HttpConfig;
use se_protocol::{HttpPoolState, HttpServiceState, Snapshot, UpMembers};
use tracing::{error, info, warn};

use crate::targets::{Observed, Targets};
use pools::Pools;
use services::{Ground, Services};

/// How long connections may go on when the engine ends.
const GRACE: Duration = Duration::from_secs(5);
/// Connections of clients per worker, where file descriptors suffice.
const CONNECTIONS_PER_WORKER_MAX: u64 = 50_000;
/// And where they do not.
const CONNECTIONS_PER_WORKER_LEAST: u64 = 128;

/// L7 virtual services of one engine.
pub(crate) struct Http {
    proxy: Proxy,
    pools: Pools,
    services: Services,
    /// Why addresses are not listened on.
    failed: BTreeMap<SocketAddr, String>,
    /// What of the configuration was told not to work.
    told: BTreeSet<Told>,
}

/// Something of a configuration that does not work.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    object: String,
    name: String,
    reason: String,
}

impl Http {
    /// Runs nothing yet. `descriptors` are the files that this process may open; servers that are in `up_before` are up
    /// until their monitors have a verdict.
    ///
    /// # Errors
    /// When a worker does not start.
    pub(crate) fn start(
        workers: NonZeroUsize,
        descriptors: u64,
        log: Arc<dyn AccessLog>,
        up_before: UpMembers,
    ) -> io::Result<Self> {
        // Half of the descriptors go to probes; a connection has one on each side.
        let per_worker = descriptors / 4 / u64::try_from(workers.get()).unwrap_or(u64::MAX);
        let connections_per_worker_max = per_worker.clamp(CONNECTIONS_PER_WORKER_LEAST, CONNECTIONS_PER_WORKER_MAX);
        let proxy = Proxy::start(Options { workers, connections_per_worker_max, ..Options::default() }, log)?;
        Ok(Self {
            proxy,
            pools: Pools::new(up_before),
            services: Services::default(),
            failed: BTreeMap::new(),
            told: BTreeSet::new(),
        })
    }

    /// Runs what `snapshot` says: verdicts first, then the swap, then the states that follow.
    pub(crate) async fn adopt(&mut self, snapshot: &Snapshot, targets: &mut Targets, now_us: i64) {
        let objects = &snapshot.http;
        let (view, problems) = self.proxy.compile(&HttpConfig {
            version: snapshot.version.clone(),
            services: objects.services.clone(),
            pools: objects.pools.clone(),
            pool_groups: objects.pool_groups.clone(),
        });
        self.tell(problems);
        let flips = self.pools.adopt(snapshot, &view.table, targets, now_us);
        let was_open: BTreeSet<SocketAddr> = self.proxy.addresses().collect();
        let failed = self.proxy.serve(view).await;
        self.hear_of_listeners(&was_open, failed);
        let view = self.proxy.view();
        let ground = Ground { table: &view.table, failed: &self.failed, pools: &self.pools };
        self.services.adopt(objects, &flips.pools, ground, now_us);
    }

    /// Tries again what could not be listened on; returns whether a report is due since.
    pub(crate) async fn retry(&mut self, now_us: i64) -> bool {
        if self.failed.is_empty() {
            return false;
        }
        let was_open: BTreeSet<SocketAddr> = self.proxy.addresses().collect();
        let failed = self.proxy.listen().await;
        if !self.hear_of_listeners(&was_open, failed) {
            return false;
        }
        let view = self.proxy.view();
        let ground = Ground { table: &view.table, failed: &self.failed, pools: &self.pools };
        self.services.hear_of_listeners(ground, now_us)
    }

    /// Takes what one probe said; returns whether a server, and with it perhaps a pool, changed its state.
    pub(crate) fn observe(&mut self, observed: &Observed, targets: &Targets, now_us: i64) -> bool {
        let flips = self.pools.observe(observed, targets, now_us);
        self.services.hear_of_pools(&flips.pools, &self.pools, now_us);
        flips.servers
    }

    /// Whether anything changed that no report tells yet.
    pub(crate) fn has_news(&self) -> bool {
        self.pools.has_news()
    }

    /// State of each pool, for the controller.
    pub(crate) fn report_pools(&mut self, targets: &Targets) -> Vec<Arc<HttpPoolState>> {
        self.pools.report(targets)
    }

    /// State of each virtual service and child, for the controller.
    pub(crate) fn report_services(&mut self) -> Vec<Arc<HttpServiceState>> {
        self.services.report()
    }

    /// What the workers counted.
    pub(crate) fn stats(&self) -> Stats {
        self.proxy.stats()
    }

    /// A virtual service that should listen and cannot, and why.
    pub(crate) fn obstacle(&self) -> Option<String> {
        self.services.obstacle()
    }

    /// Accepts no more, and gives requests that are under way a few seconds.
    pub(crate) async fn shutdown(self) {
        self.proxy.shutdown(GRACE).await;
    }

    /// Says each problem once, as long as it lasts.
    fn tell(&mut self, problems: Vec<Problem>) {
        let problems: BTreeSet<Told> = problems.into_iter().map(Told::from).collect();
        for Told { object, name, reason } in problems.difference(&self.told) {
            warn!(object, name, reason, "part of the HTTP configuration left out");
        }
        self.told = problems;
    }

    /// Says once what listens from now on and what cannot; returns whether anything is other than before.
    fn hear_of_listeners(&mut self, was_open: &BTreeSet<SocketAddr>, failed: Vec<BindError>) -> bool {
        let view = self.proxy.view();
        let mut changed = false;
        for address in self.proxy.addresses().filter(|address| !was_open.contains(address)) {
            changed = true;
            info!(vs = name_at(&view, &address), %address, "virtual service listens");
        }
        let failed: BTreeMap<SocketAddr, String> =
            failed.into_iter().map(|error| (error.address(), chain(&error))).collect();
        for (address, reason) in &failed {
            if self.failed.get(address) != Some(reason) {
                error!(vs = name_at(&view, address), %address, reason, "virtual service cannot listen");
            }
        }
        changed |= failed != self.failed;
        self.failed = failed;
        changed
    }
}

impl From<Problem> for Told {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Config(problem) => Self { object: problem.object, name: problem.name, reason: problem.text },
            Problem::Certificate { object, name, source } => Self { object, name, reason: chain(&source) },
            Problem::Bind(error) => {
                Self { object: error.address().to_string(), name: String::new(), reason: chain(&error) }
            }
        }
    }
}

/// Name of the virtual service that answers at `address`.
fn name_at<'v>(view: &'v View, address: &SocketAddr) -> &'v str {
    view.table.listeners.get(address).map_or("", |listener| &listener.service.source.host.name)
}

/// An error with what it came from.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}
