//! L7 virtual services, pools and their servers.

use std::collections::VecDeque;

use super::{Reports, best, merge_monitors, reason, since_us};
use crate::{HttpPoolState, HttpServiceState, MonitorState, Report, ServerState, State};

/// An L7 virtual service, or an EVH child, on all engines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpServiceSummary {
    /// Best state that an engine has.
    pub state: State,
    /// Why, in words, empty when up everywhere.
    pub reason: String,
    /// Since when, microseconds since the Unix epoch.
    pub since_us: i64,
    /// Engines that have it.
    pub engines: usize,
    /// Engines that have it up.
    pub engines_up: usize,
}

impl Report {
    /// State of an L7 virtual service or EVH child on this engine; `None` when it does not have it.
    #[must_use]
    pub fn http_service(&self, uuid: &str) -> Option<&HttpServiceState> {
        let at = self.http_services.binary_search_by(|service| service.uuid.as_str().cmp(uuid));
        at.ok().map(|at| &*self.http_services[at])
    }

    /// State of a pool of L7 virtual services on this engine; `None` when it does not have it.
    #[must_use]
    pub fn http_pool(&self, uuid: &str) -> Option<&HttpPoolState> {
        let at = self.http_pools.binary_search_by(|pool| pool.uuid.as_str().cmp(uuid));
        at.ok().map(|at| &*self.http_pools[at])
    }
}

impl Reports {
    /// An L7 virtual service or EVH child; `None` when no engine has it.
    #[must_use]
    pub fn http_service(&self, uuid: &str) -> Option<HttpServiceSummary> {
        let found: Vec<&HttpServiceState> = self.0.iter().filter_map(|report| report.http_service(uuid)).collect();
        let state = best(found.iter().map(|service| service.state))?;
        Some(HttpServiceSummary {
            state,
            reason: reason(state, found.iter().map(|service| (service.state, service.reason.as_str()))),
            since_us: since_us(state, found.iter().map(|service| (service.state, service.since_us))),
            engines: found.len(),
            engines_up: found.iter().filter(|service| service.state == State::Up).count(),
        })
    }

    /// A pool of L7 virtual services, with the servers of the newest configuration; `None` when no engine has it.
    #[must_use]
    pub fn http_pool(&self, uuid: &str) -> Option<HttpPoolState> {
        let found: Vec<&HttpPoolState> = self.0.iter().filter_map(|report| report.http_pool(uuid)).collect();
        let (newest, state) = (found.first()?, best(found.iter().map(|pool| pool.state))?);
        let mut left: Vec<VecDeque<&ServerState>> =
            found[1..].iter().map(|pool| pool.servers.iter().collect()).collect();
        let servers = newest.servers.iter().map(|server| {
            let mut sights = vec![server];
            for servers in &mut left {
                // An address may be there twice; each state is used once. Engines of one configuration agree on the
                // order, so the first that is left is mostly the one.
                let at = servers.iter().position(|other| other.address == server.address);
                sights.extend(at.and_then(|at| servers.remove(at)));
            }
            merge_server(&sights)
        });
        Some(HttpPoolState {
            uuid: newest.uuid.clone(),
            state,
            reason: reason(state, found.iter().map(|pool| (pool.state, pool.reason.as_str()))),
            since_us: since_us(state, found.iter().map(|pool| (pool.state, pool.since_us))),
            servers: servers.collect(),
        })
    }
}

/// `sights` is not empty; the first is of the newest configuration.
fn merge_server(sights: &[&ServerState]) -> ServerState {
    let newest = sights[0];
    let state = sights.iter().fold(newest.state, |state, server| state.or_better(server.state));
    let monitors: Vec<&[MonitorState]> = sights.iter().map(|server| &*server.monitors).collect();
    ServerState {
        address: newest.address,
        state,
        reason: reason(state, sights.iter().map(|server| (server.state, server.reason.as_str()))),
        since_us: since_us(state, sights.iter().map(|server| (server.state, server.since_us))),
        monitors: merge_monitors(&monitors),
    }
}

#[cfg(test)]
mod tests;
