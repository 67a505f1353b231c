//! A compiled pool, and the choice of a server in it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::http::Algorithm;
use rustc_hash::FxHashMap;

use crate::group::Group;
use crate::ring::ring;
use crate::server::{Server, ServerState, Verdict};

/// Turns that a round robin choice takes before it looks for any usable server.
const TURNS_MAX: usize = 64;

/// Where requests go, found by uuid.
#[derive(Debug, Clone)]
pub enum Binding {
    /// A pool.
    Pool(Arc<Pool>),
    /// A pool group.
    Group(Arc<Group>),
    /// The uuid is of nothing that exists.
    Missing,
}

/// A server and the pool it was chosen from.
#[derive(Debug, Clone, Copy)]
pub struct Choice<'t> {
    /// The pool.
    pub pool: &'t Arc<Pool>,
    /// The server.
    pub server: &'t Server,
}

/// Why no server was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoServer {
    /// The pool or pool group does not exist.
    Missing,
    /// It is disabled, or has nobody who gets requests.
    Empty,
    /// Its servers are down, as their monitors say.
    Down,
    /// Those that are up have as many requests as they may, or were all tried.
    Full,
}

impl std::fmt::Display for NoServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Missing => "the pool does not exist",
            Self::Empty => "the pool has no enabled server",
            Self::Down => "every server of the pool is down",
            Self::Full => "every server of the pool that is up is full or was tried",
        })
    }
}

impl Binding {
    /// Picks a server at `now_ms`, none of `tried`.
    ///
    /// # Errors
    /// When there is none that can take a request.
    pub fn choose(&self, now_ms: u64, tried: &[SocketAddr]) -> Result<Choice<'_>, NoServer> {
        match self {
            Self::Pool(pool) => pool.choose(now_ms, tried).map(|server| Choice { pool, server }),
            Self::Group(group) => group.choose(now_ms, tried),
            Self::Missing => Err(NoServer::Missing),
        }
    }

    /// The server that these are the counters of, if it is among those that it sends requests to and can take one.
    #[must_use]
    pub fn find(&self, state: &Arc<ServerState>) -> Option<Choice<'_>> {
        match self {
            Self::Pool(pool) => pool.find(state),
            Self::Group(group) => group.pools().find_map(|pool| pool.find(state)),
            Self::Missing => None,
        }
    }

    /// Whether it is the very same pool or group.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pool(one), Self::Pool(two)) => Arc::ptr_eq(one, two),
            (Self::Group(one), Self::Group(two)) => Arc::ptr_eq(one, two),
            (Self::Missing, Self::Missing) => true,
            _ => false,
        }
    }
}

/// A pool, ready to choose from.
#[derive(Debug)]
pub struct Pool {
    /// What it was compiled from.
    pub source: Arc<model::http::Pool>,
    /// Servers in the order of the object.
    pub servers: Box<[Server]>,
    /// From `source`, beside the rest of what each request looks at.
    enabled: bool,
    monitored: bool,
    algorithm: Algorithm,
    connections_per_server_max: u32,
    ring: Box<[u16]>,
    cursor: Arc<AtomicU64>,
}

impl Pool {
    /// Compiles a pool. From `previous` it takes the counters of servers at the same address and, where servers and ratios
    /// are the same, its place in the ring.
    #[must_use]
    pub fn compile(source: &Arc<model::http::Pool>, previous: Option<&Self>) -> Self {
        let known: FxHashMap<SocketAddr, &Arc<ServerState>> =
            previous.iter().flat_map(|pool| &pool.servers).map(|server| (server.address, &server.state)).collect();
        let servers: Box<[Server]> = source
            .servers
            .iter()
            .map(|server| {
                let address = SocketAddr::new(server.ip, server.port);
                Server {
                    address,
                    hostname: server.hostname.clone(),
                    enabled: server.enabled,
                    ratio: server.ratio,
                    state: known.get(&address).map_or_else(Arc::default, |&state| Arc::clone(state)),
                }
            })
            .collect();
        let weight = |server: &Server| if server.enabled { u16::from(server.ratio) } else { 0 };
        let weights: Vec<u16> = servers.iter().map(weight).collect();
        let cursor = previous
            .filter(|pool| {
                pool.servers.len() == servers.len()
                    && pool.servers.iter().zip(&servers).all(|(old, new)| old.address == new.address)
                    && pool.servers.iter().map(weight).eq(weights.iter().copied())
            })
            .map_or_else(Arc::default, |pool| Arc::clone(&pool.cursor));
        Self {
            source: Arc::clone(source),
            enabled: source.enabled,
            monitored: !source.health_monitors.is_empty(),
            algorithm: source.algorithm,
            connections_per_server_max: source.connections_per_server_max,
            servers,
            ring: ring(&weights),
            cursor,
        }
    }

    /// Servers that monitors let through.
    pub fn servers_up(&self) -> usize {
        self.servers.iter().filter(|server| self.is_up(server)).count()
    }

    /// Whether any server could take a request.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.servers.iter().any(|server| self.is_up(server))
    }

    /// Picks a server at `now_ms`, none of `tried`. Those that live traffic failed on are taken when nobody else is left.
    ///
    /// # Errors
    /// When there is none that can take a request.
    pub fn choose(&self, now_ms: u64, tried: &[SocketAddr]) -> Result<&Server, NoServer> {
        if self.ring.is_empty() || !self.enabled {
            return Err(NoServer::Empty);
        }
        let turn = self.turn();
        self.pick(turn, |server| self.can_take(server, tried) && !server.state.is_ejected(now_ms))
            .or_else(|| self.pick(turn, |server| self.can_take(server, tried)))
            .ok_or_else(|| if self.is_available() { NoServer::Full } else { NoServer::Down })
    }

    fn find<'t>(self: &'t Arc<Self>, state: &Arc<ServerState>) -> Option<Choice<'t>> {
        let server = self.servers.iter().find(|server| Arc::ptr_eq(&server.state, state))?;
        self.can_take(server, &[]).then_some(Choice { pool: self, server })
    }

    fn is_up(&self, server: &Server) -> bool {
        self.enabled && server.enabled && server.ratio > 0 && (!self.monitored || server.state.verdict() == Verdict::Up)
    }

    fn can_take(&self, server: &Server, tried: &[SocketAddr]) -> bool {
        let limit = self.connections_per_server_max;
        self.is_up(server)
            && (limit == 0 || server.state.active() < limit)
            && (tried.is_empty() || !tried.contains(&server.address))
    }

    fn pick(&self, turn: u64, usable: impl Fn(&Server) -> bool) -> Option<&Server> {
        match self.algorithm {
            Algorithm::RoundRobin => self.next_in_turn(turn, usable),
            Algorithm::LeastConnections => self.least_loaded(turn, usable),
        }
    }

    /// A place whose server cannot be used is skipped by taking another turn: taking its neighbour instead would give that
    /// one a double share. Where nobody can be used, no turn is taken.
    fn next_in_turn(&self, turn: u64, usable: impl Fn(&Server) -> bool) -> Option<&Server> {
        let first = self.server_in(turn)?;
        if usable(first) {
            return Some(first);
        }
        if !self.servers.iter().any(&usable) {
            return None;
        }
        for _ in 0..TURNS_MAX {
            let server = self.server_in(self.turn())?;
            if usable(server) {
                return Some(server);
            }
        }
        let usable: Vec<&Server> = self.servers.iter().filter(|server| usable(server)).collect();
        let turn = usize::try_from(self.turn()).unwrap_or(0);
        usable.get(turn.checked_rem(usable.len())?).copied()
    }

    /// Fewest requests per ratio; those that are equal take turns.
    fn least_loaded(&self, turn: u64, usable: impl Fn(&Server) -> bool) -> Option<&Server> {
        let start = usize::try_from(turn % self.servers.len() as u64).unwrap_or(0);
        let (before, after) = self.servers.split_at_checked(start)?;
        let mut best: Option<(&Server, u64)> = None;
        for server in after.iter().chain(before).filter(|server| usable(server)) {
            let load = u64::from(server.state.active()) + 1;
            let is_less =
                best.is_none_or(|(other, least)| load * u64::from(other.ratio) < least * u64::from(server.ratio));
            if is_less {
                best = Some((server, load));
            }
        }
        best.map(|(server, _)| server)
    }

    fn turn(&self) -> u64 {
        self.cursor.fetch_add(1, Ordering::Relaxed)
    }

    fn server_in(&self, turn: u64) -> Option<&Server> {
        let place = usize::try_from(turn % self.ring.len() as u64).ok()?;
        self.servers.get(usize::from(*self.ring.get(place)?))
    }
}
