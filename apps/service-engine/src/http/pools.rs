//! Which servers are probed for which pools, what the probes said, and what follows for each server.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use model::http::{HttpObjects, Pool};
use se_protocol::{HttpPoolState, ServerState, State};

/// Pools of one engine.
#[derive(Default)]
pub(crate) struct Pools {
    pools: BTreeMap<String, Arc<HttpPoolState>>,
}

impl Pools {
    /// Takes over new pools; those whose state is another, that came, or that went.
    pub(super) fn adopt(&mut self, objects: &HttpObjects, now_us: i64) -> Vec<String> {
        let before = std::mem::take(&mut self.pools);
        for pool in &objects.pools {
            let made = made(pool, before.get(&pool.uuid), now_us);
            self.pools.insert(pool.uuid.clone(), made);
        }
        let is_other =
            |uuid: &&String| before.get(*uuid).map(|it| it.state) != self.pools.get(*uuid).map(|it| it.state);
        before.keys().chain(self.pools.keys()).filter(is_other).cloned().collect()
    }

    /// State of a pool, and why; `None` of one that does not exist.
    pub(super) fn state_of(&self, uuid: &str) -> Option<(State, String)> {
        self.pools.get(uuid).map(|pool| (pool.state, format!("pool {}: {}", pool.uuid, pool.reason)))
    }

    pub(super) fn report(&mut self) -> Vec<Arc<HttpPoolState>> {
        self.pools.values().cloned().collect()
    }
}

fn made(pool: &Pool, before: Option<&Arc<HttpPoolState>>, now_us: i64) -> Arc<HttpPoolState> {
    let servers: Vec<ServerState> = pool
        .servers
        .iter()
        .map(|server| ServerState {
            address: SocketAddr::new(server.ip, server.port),
            state: if pool.enabled && server.enabled { State::Up } else { State::Disabled },
            reason: String::new(),
            since_us: now_us,
            monitors: vec![],
        })
        .collect();
    let up = servers.iter().any(|server| server.state == State::Up);
    let state = if !pool.enabled {
        State::Disabled
    } else if up {
        State::Up
    } else {
        State::Down
    };
    let since_us = before.filter(|before| before.state == state).map_or(now_us, |before| before.since_us);
    let reason = if up { String::new() } else { format!("none of its {} servers is up", servers.len()) };
    Arc::new(HttpPoolState { uuid: pool.uuid.clone(), state, reason, since_us, servers })
}
