//! One pool and its servers: what counts for each, and what follows.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use health::{MemberInputs, MonitorInput, Reason, State, Verdict, combine};
use health_probe::Target;
use http_policy::ServerState as Live;
use model::http::{Pool, Server};
use se_protocol::{HttpPoolState, ServerState};

use crate::monitors::{AppliedMonitor, Monitors};
use crate::targets::Targets;

pub(super) struct PoolEntry {
    pub(super) config: Arc<Pool>,
    /// What the last report said, while it is true.
    pub(super) reported: Option<Arc<HttpPoolState>>,
    /// When a round trip time was last told for its own sake.
    pub(super) latency_told_us: i64,
    pub(super) state: State,
    pub(super) since_us: i64,
    pub(super) servers: Vec<ServerEntry>,
}

pub(super) struct ServerEntry {
    pub(super) address: SocketAddr,
    pub(super) monitors: Vec<AppliedMonitor>,
    pub(super) state: State,
    pub(super) reason: Reason,
    pub(super) since_us: i64,
    enabled: bool,
    /// Where requests look.
    live: Arc<Live>,
}

/// What was known of a pool before a snapshot.
pub(super) struct Previous<'a> {
    entry: Option<&'a PoolEntry>,
    /// Its servers; a search through thousands of them for each would take seconds.
    servers: HashMap<SocketAddr, &'a ServerEntry>,
    /// Servers that were up before the engine started.
    up: Option<&'a BTreeSet<IpAddr>>,
}

impl<'a> Previous<'a> {
    pub(super) fn new(entry: Option<&'a PoolEntry>, up: Option<&'a BTreeSet<IpAddr>>) -> Self {
        let servers = entry.map(|entry| entry.servers.iter()).unwrap_or_default();
        Self { entry, servers: servers.map(|server| (server.address, server)).collect(), up }
    }

    /// State of a server so far, and since when.
    fn server(&self, address: SocketAddr, now_us: i64) -> (State, i64) {
        let was_up = || if self.up.is_some_and(|up| up.contains(&address.ip())) { State::Up } else { State::Unknown };
        let known = self.servers.get(&address);
        known.map_or_else(|| (was_up(), now_us), |known| (known.state, known.since_us))
    }
}

impl PoolEntry {
    /// A pool as configured; `live` is the same pool where requests look.
    pub(super) fn new(
        pool: &Arc<Pool>,
        live: &http_policy::Pool,
        monitors: &Monitors<'_>,
        previous: &Previous<'_>,
        now_us: i64,
    ) -> Self {
        let servers = pool
            .servers
            .iter()
            .zip(&live.servers)
            .map(|(server, live)| {
                let known = previous.server(live.address, now_us);
                ServerEntry::new(pool, server, live, monitors, known)
            })
            .collect();
        Self {
            config: Arc::clone(pool),
            reported: None,
            latency_told_us: now_us,
            state: previous.entry.map_or(State::Unknown, |entry| entry.state),
            since_us: previous.entry.map_or(now_us, |entry| entry.since_us),
            servers,
        }
    }

    pub(super) fn is_same(&self, pool: &Arc<Pool>) -> bool {
        Arc::ptr_eq(&self.config, pool) || self.config == *pool
    }

    /// What its servers are probed by.
    pub(super) fn targets(&self) -> impl Iterator<Item = &Target> {
        self.servers.iter().flat_map(|server| &server.monitors).filter_map(AppliedMonitor::target)
    }

    pub(super) fn verdict(&self) -> State {
        if !self.config.enabled {
            return State::Disabled;
        }
        super::enough(self.servers.iter().map(|server| server.state), self.config.servers_up_min)
    }

    /// Why it is in its state, for logs; with the first server that fails where none is up.
    pub(super) fn reason(&self) -> String {
        let count = |state| self.servers.iter().filter(|server| server.state == state).count();
        let (up, all) = (count(State::Up), self.servers.len());
        let failing = self.servers.iter().find(|server| server.state == State::Down);
        let needed = match self.config.servers_up_min {
            min @ 2.. if self.state != State::Up => format!(", {min} needed"),
            _ => String::new(),
        };
        match (self.state, failing) {
            (State::Disabled, _) => "switched off".to_owned(),
            _ if all == 0 => "it has no servers".to_owned(),
            (State::Down, None) if up == 0 => "all of its servers are switched off".to_owned(),
            (State::Down | State::Unknown, Some(server)) => {
                format!("{up} of {all} servers up{needed}; {}: {}", server.address, server.reason)
            }
            (State::Unknown, None) => match self.servers.iter().find(|server| server.state == State::Unknown) {
                Some(server) => format!("{up} of {all} servers up{needed}; {}: {}", server.address, server.reason),
                None => format!("{up} of {all} servers up{needed}"),
            },
            (State::Up | State::Down, _) => format!("{up} of {all} servers up{needed}"),
        }
    }

    /// Its state, for the controller; the same one as before where nothing changed.
    pub(super) fn report(&mut self, targets: &Targets) -> Arc<HttpPoolState> {
        if let Some(reported) = &self.reported {
            return Arc::clone(reported);
        }
        let reason = if self.state == State::Up { String::new() } else { self.reason() };
        let state = Arc::new(HttpPoolState {
            uuid: self.config.uuid.clone(),
            state: self.state,
            reason,
            since_us: self.since_us,
            servers: self.servers.iter().map(|server| server.report(targets)).collect(),
        });
        self.reported = Some(Arc::clone(&state));
        state
    }
}

impl ServerEntry {
    fn new(
        pool: &Pool,
        server: &Server,
        live: &http_policy::Server,
        monitors: &Monitors<'_>,
        (state, since_us): (State, i64),
    ) -> Self {
        let enabled = pool.enabled && server.enabled;
        // The offset of low ports is for what engines open, not for servers.
        let address = |port: Option<u16>| SocketAddr::new(server.ip, port.unwrap_or(server.port));
        let applied = monitors.of(if enabled { &pool.health_monitors } else { &[] });
        Self {
            address: live.address,
            monitors: applied
                .map(|monitor| AppliedMonitor::new(monitor, address(monitor.port), server.hostname.as_str()))
                .collect(),
            state,
            reason: Reason::NoVerdict,
            since_us,
            enabled,
            live: Arc::clone(&live.state),
        }
    }

    /// Combines what the monitors say.
    pub(super) fn verdict(&self, monitors_up_min: Option<u32>, targets: &Targets) -> Verdict {
        let monitors: Vec<MonitorInput<'_>> = self.monitors.iter().map(|monitor| monitor.input(targets)).collect();
        combine(&MemberInputs {
            enabled: self.enabled,
            min_health_monitors_up: monitors_up_min,
            monitors: &monitors,
            before: self.state,
            control_plane: None,
            control_plane_awaited: false,
        })
    }

    /// Lets requests know.
    pub(super) fn set_live(&self, state: State) {
        self.live.set_verdict(match state {
            State::Up => http_policy::Verdict::Up,
            State::Down | State::Disabled => http_policy::Verdict::Down,
            State::Unknown => http_policy::Verdict::Unknown,
        });
    }

    fn report(&self, targets: &Targets) -> ServerState {
        ServerState {
            address: self.address,
            state: self.state,
            reason: self.reason.to_string(),
            since_us: self.since_us,
            monitors: self.monitors.iter().map(|monitor| monitor.state(targets)).collect(),
        }
    }
}
