//! Which servers are probed for which pools, and what follows for each server and pool (avi-api 6.1, 7.1).
//!
//! One writer; the states of servers in the table that is served are what requests see.

mod entry;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use health::State;
use health_probe::Target;
use http_policy::Table;
use model::monitor::HealthMonitor;
use se_protocol::{HttpPoolState, Snapshot, UpMembers};
use tracing::{debug, info};

use crate::monitors::{AppliedMonitor, Monitors};
use crate::run::word;
use crate::targets::{Observed, Targets, Watcher};
use entry::{PoolEntry, Previous, ServerEntry};

/// How often a round trip time is told that changed while nothing else did.
const LATENCY_TOLD_EVERY_US: i64 = 60_000_000;

/// Pools of one engine and the health of their servers.
#[derive(Default)]
pub(crate) struct Pools {
    /// By uuid.
    pools: BTreeMap<Arc<str>, PoolEntry>,
    /// What the pools were made with.
    monitors: Vec<Arc<HealthMonitor>>,
    /// Servers that were up before the engine started, by uuid of their pool; until the first snapshot.
    up_before: UpMembers,
    /// Something changed that the last report does not tell.
    has_news: bool,
}

/// What changed with one probe or snapshot.
#[derive(Debug, Default)]
pub(super) struct Flips {
    /// Uuids of pools whose state is another, that came, or that went.
    pub(super) pools: Vec<String>,
    /// Whether a server changed its state.
    pub(super) servers: bool,
}

impl Pools {
    /// Nothing yet. What was up before the engine started is up again until its monitors have a verdict.
    pub(super) fn new(up_before: UpMembers) -> Self {
        Self { up_before, ..Self::default() }
    }

    /// Takes over the pools of a new snapshot, and writes what is known of their servers into `table` before anyone reads
    /// it. A pool that did not change is left as it is; in one that did, servers that stay keep their state.
    pub(super) fn adopt(&mut self, snapshot: &Snapshot, table: &Table, targets: &mut Targets, now_us: i64) -> Flips {
        let before = std::mem::replace(&mut self.monitors, snapshot.monitors.clone());
        let monitors = Monitors::new(&before, &snapshot.monitors);
        let up_before = std::mem::take(&mut self.up_before);
        let wanted: HashSet<&str> = snapshot.http.pools.iter().map(|pool| pool.uuid.as_str()).collect();
        let gone: Vec<Arc<str>> = self.pools.keys().filter(|uuid| !wanted.contains(&***uuid)).cloned().collect();

        let mut flips = Flips::default();
        for uuid in gone {
            self.take_away(&uuid, targets);
            flips.pools.push(uuid.to_string());
        }
        for pool in &snapshot.http.pools {
            let known = self.pools.get_mut(pool.uuid.as_str());
            if let Some(entry) = known.filter(|entry| entry.is_same(pool) && monitors.are_same(&pool.health_monitors)) {
                entry.config = Arc::clone(pool);
                continue;
            }
            let Some(live) = table.pool(&pool.uuid) else { continue };
            let uuid: Arc<str> = pool.uuid.as_str().into();
            let entry = self.take_away(&uuid, targets);
            let previous = Previous::new(entry.as_ref(), up_before.get(&pool.uuid));
            let made = PoolEntry::new(pool, live, &monitors, &previous, now_us);
            self.register(&uuid, made, targets);
            for server in 0..pool.servers.len() {
                flips.servers |= self.judge(&uuid, server, targets, now_us);
            }
            if self.judge_pool(&uuid, now_us) || entry.is_none() {
                flips.pools.push(pool.uuid.clone());
            }
        }
        flips
    }

    /// Judges the servers among those that count on a target again.
    pub(super) fn observe(&mut self, observed: &Observed, targets: &Targets, now_us: i64) -> Flips {
        let mut flips = Flips::default();
        for watcher in &observed.watchers {
            let Watcher::Server { pool, server } = watcher else { continue };
            if !observed.is_news {
                self.note_latency(pool, now_us);
                continue;
            }
            if self.judge(pool, *server, targets, now_us) {
                flips.servers = true;
                if self.judge_pool(pool, now_us) {
                    flips.pools.push(pool.to_string());
                }
            }
        }
        flips
    }

    /// State of a pool, and why it is not up; `None` of one that does not exist.
    pub(super) fn state_of(&self, uuid: &str) -> Option<(State, String)> {
        let entry = self.pools.get(uuid)?;
        Some((entry.state, format!("pool {}: {}", entry.config.name, entry.reason())))
    }

    /// Whether a report is due.
    pub(super) fn has_news(&self) -> bool {
        self.has_news
    }

    /// State of each pool, for the controller.
    pub(super) fn report(&mut self, targets: &Targets) -> Vec<Arc<HttpPoolState>> {
        self.has_news = false;
        self.pools.values_mut().map(|entry| entry.report(targets)).collect()
    }

    /// Forgets a pool. Its targets are still watched, though not for it.
    fn take_away(&mut self, uuid: &str, targets: &mut Targets) -> Option<PoolEntry> {
        let entry = self.pools.remove(uuid)?;
        self.has_news = true;
        for key in entry.targets().map(Target::key) {
            targets.unwatch(key, |watcher| matches!(watcher, Watcher::Server { pool, .. } if &**pool == uuid));
        }
        Some(entry)
    }

    fn register(&mut self, uuid: &Arc<str>, entry: PoolEntry, targets: &mut Targets) {
        self.has_news = true;
        for (server, monitors) in entry.servers.iter().map(|server| &server.monitors).enumerate() {
            for target in monitors.iter().filter_map(AppliedMonitor::target) {
                targets.watch(target, Watcher::Server { pool: Arc::clone(uuid), server });
            }
        }
        self.pools.insert(Arc::clone(uuid), entry);
    }

    /// Combines what counts for one server, and sets it where requests look. Returns whether its state is another.
    fn judge(&mut self, pool: &str, server: usize, targets: &Targets, now_us: i64) -> bool {
        let Some(entry) = self.pools.get_mut(pool) else { return false };
        self.has_news = true;
        entry.reported = None;
        let monitors_up_min = entry.config.monitors_up_min;
        let Some(server) = entry.servers.get_mut(server) else { return false };
        let verdict = server.verdict(monitors_up_min, targets);
        server.reason = verdict.reason;
        server.set_live(verdict.state);
        if server.state == verdict.state {
            return false;
        }
        let from = std::mem::replace(&mut server.state, verdict.state);
        server.since_us = now_us;
        tell_server(&entry.config.name, server, from);
        true
    }

    fn judge_pool(&mut self, uuid: &str, now_us: i64) -> bool {
        let Some(entry) = self.pools.get_mut(uuid) else { return false };
        let state = entry.verdict();
        if entry.state == state {
            return false;
        }
        let from = std::mem::replace(&mut entry.state, state);
        entry.since_us = now_us;
        entry.reported = None;
        let (pool, from, to, reason) = (&entry.config.name, word(from), word(state), entry.reason());
        info!(pool, from, to, reason, "pool state changed");
        true
    }

    /// Tells a new round trip time now and then: every probe has one, and most are no news.
    fn note_latency(&mut self, pool: &str, now_us: i64) {
        let Some(entry) = self.pools.get_mut(pool) else { return };
        if now_us.saturating_sub(entry.latency_told_us) >= LATENCY_TOLD_EVERY_US {
            entry.latency_told_us = now_us;
            entry.reported = None;
            self.has_news = true;
        }
    }
}

/// What parts in these states make of the whole that needs `min` of them up; 0 counts as 1.
pub(super) fn enough(states: impl Iterator<Item = State>, min: u32) -> State {
    let (mut up, mut unknown) = (0_u32, 0_u32);
    for state in states {
        match state {
            State::Up => up = up.saturating_add(1),
            State::Unknown => unknown = unknown.saturating_add(1),
            State::Down | State::Disabled => {}
        }
    }
    match min.max(1) {
        min if up >= min => State::Up,
        min if up.saturating_add(unknown) >= min => State::Unknown,
        _ => State::Down,
    }
}

/// That a server is up at first is no news beyond that of its pool.
fn tell_server(pool: &str, server: &ServerEntry, from: State) {
    let (address, to, reason) = (server.address, server.state, &server.reason);
    if from == State::Down || to == State::Down {
        info!(pool, server = %address, from = word(from), to = word(to), %reason, "server state changed");
    } else {
        debug!(pool, server = %address, from = word(from), to = word(to), %reason, "server state changed");
    }
}

#[cfg(test)]
mod tests;
