//! States of L7 virtual services and of their children (avi-api 7.1).
//!
//! | | Up while |
//! |---|---|
//! | without pools, as an EVH parent or one that only redirects | it listens at all of its addresses and ports |
//! | with pools, its own or those of its rules and pool groups | it also has as many that are up as it asks for, at least one |
//! | a child | its parent listens, and it has as many pools that are up, or none at all |
//!
//! A parent does not depend on the pools of its children. A member of a pool group with ratio 0 gets no requests and
//! keeps nothing up.

mod host;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use http_policy::Table;
use model::http::{HttpObjects, PoolGroup, VirtualService};
use se_protocol::{HttpServiceState, State};
use tracing::{debug, info};

use super::pools::Pools;
use crate::run::word;
use host::{Host, Targets};

/// States of one engine's virtual services.
#[derive(Default)]
pub(crate) struct Services {
    /// By uuid.
    sources: BTreeMap<String, Source>,
    /// Virtual services and children, by uuid.
    hosts: BTreeMap<String, Host>,
    /// Uuids of hosts, by uuid of a pool that they send requests to.
    by_pool: HashMap<String, Vec<String>>,
    /// What the hosts were made with.
    groups: Vec<Arc<PoolGroup>>,
}

/// What hosts were made from.
struct Source {
    config: Arc<VirtualService>,
    /// Uuids of pool groups that it or a child names.
    groups: BTreeSet<String>,
    listening: Listening,
}

/// Where a virtual service listens.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listening {
    pub(super) listeners: Vec<SocketAddr>,
    /// Why it does not listen everywhere it should.
    pub(super) obstacle: Option<String>,
}

/// What states follow from.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) table: &'a Table,
    /// Why addresses are not listened on.
    pub(super) failed: &'a BTreeMap<SocketAddr, String>,
    pub(super) pools: &'a Pools,
}

impl Services {
    /// Takes over a new configuration that is served by now. States of hosts that stay are kept; `flipped` are pools
    /// whose state is another, that came, or that went.
    pub(super) fn adopt(&mut self, objects: &HttpObjects, flipped: &[String], ground: Ground<'_>, now_us: i64) {
        let targets = Targets::new(&objects.pool_groups);
        let changed_groups = changed(&self.groups, &objects.pool_groups);
        self.groups.clone_from(&objects.pool_groups);
        let wanted: HashMap<&str, &Arc<VirtualService>> =
            objects.services.iter().map(|service| (service.host.uuid.as_str(), service)).collect();
        let left: Vec<String> = self
            .sources
            .iter()
            .filter(|(uuid, source)| {
                let is_same = wanted.get(uuid.as_str()).is_some_and(|service| Arc::ptr_eq(service, &source.config));
                !is_same || source.groups.iter().any(|group| changed_groups.contains(group.as_str()))
            })
            .map(|(uuid, _)| uuid.clone())
            .collect();
        let (mut hosts, mut listenings) = (HashMap::new(), HashMap::new());
        for uuid in left {
            let Some((source, of_source)) = self.take_away(&uuid) else { continue };
            listenings.insert(uuid, source.listening);
            hosts.extend(of_source);
        }
        let mut to_judge = BTreeSet::new();
        for service in &objects.services {
            let uuid = &service.host.uuid;
            if self.sources.contains_key(uuid) {
                continue;
            }
            let mut groups = BTreeSet::new();
            let children = service.children.iter().map(|child| (&child.host, Some(&service.host)));
            for (host, parent) in std::iter::once((&service.host, None)).chain(children) {
                let pools = targets.of(host, &mut groups);
                let made = Host::new(host, parent, pools, hosts.remove(&host.uuid), now_us);
                for pool in &made.pools {
                    self.by_pool.entry(pool.clone()).or_default().push(host.uuid.clone());
                }
                to_judge.insert(host.uuid.clone());
                self.hosts.insert(host.uuid.clone(), made);
            }
            let listening = listenings.remove(uuid).unwrap_or_default();
            self.sources.insert(uuid.clone(), Source { config: Arc::clone(service), groups, listening });
        }
        to_judge.extend(flipped.iter().filter_map(|pool| self.by_pool.get(pool)).flatten().cloned());
        to_judge.extend(self.look_at_listeners(ground));
        self.judge(to_judge, ground.pools, now_us);
    }

    /// Looks again at what is listened on; returns whether that is news for any virtual service.
    pub(super) fn hear_of_listeners(&mut self, ground: Ground<'_>, now_us: i64) -> bool {
        let concerned = self.look_at_listeners(ground);
        let is_news = !concerned.is_empty();
        self.judge(concerned, ground.pools, now_us);
        is_news
    }

    /// Looks again at what depends on `flipped` pools.
    pub(super) fn hear_of_pools(&mut self, flipped: &[String], pools: &Pools, now_us: i64) {
        let to_judge = flipped.iter().filter_map(|pool| self.by_pool.get(pool)).flatten().cloned().collect();
        self.judge(to_judge, pools, now_us);
    }

    /// State of each host.
    pub(super) fn report(&mut self) -> Vec<Arc<HttpServiceState>> {
        let sources = &self.sources;
        self.hosts.iter_mut().map(|(uuid, host)| host.report(uuid, sources.get(uuid).map(|it| &it.listening))).collect()
    }

    /// A virtual service that should listen and cannot, and why.
    pub(super) fn obstacle(&self) -> Option<String> {
        self.sources.values().find_map(|source| {
            let obstacle = source.listening.obstacle.as_ref().filter(|_| source.config.host.enabled)?;
            Some(format!("virtual service {}: {obstacle}", source.config.host.name))
        })
    }

    /// Forgets a virtual service; what was known of it and its children.
    fn take_away(&mut self, uuid: &str) -> Option<(Source, Vec<(String, Host)>)> {
        let source = self.sources.remove(uuid)?;
        let children = source.config.children.iter().map(|child| &child.host.uuid);
        let uuids = std::iter::once(&source.config.host.uuid).chain(children);
        let hosts: Vec<(String, Host)> = uuids.filter_map(|uuid| self.hosts.remove_entry(uuid)).collect();
        for (uuid, host) in &hosts {
            for pool in &host.pools {
                if let Some(users) = self.by_pool.get_mut(pool) {
                    users.retain(|user| user != uuid);
                    if users.is_empty() {
                        self.by_pool.remove(pool);
                    }
                }
            }
        }
        Some((source, hosts))
    }

    /// Notes where virtual services listen; the hosts for which that is news.
    fn look_at_listeners(&mut self, ground: Ground<'_>) -> BTreeSet<String> {
        let mut concerned = BTreeSet::new();
        for (uuid, source) in &mut self.sources {
            let listening = Listening::of(&source.config, ground);
            if listening == source.listening {
                continue;
            }
            source.listening = listening;
            let children = source.config.children.iter().map(|child| &child.host.uuid);
            for uuid in std::iter::once(uuid).chain(children) {
                concerned.insert(uuid.clone());
                if let Some(host) = self.hosts.get_mut(uuid) {
                    host.reported = None;
                }
            }
        }
        concerned
    }

    /// Makes new verdicts, and tells those that are news.
    fn judge(&mut self, uuids: BTreeSet<String>, pools: &Pools, now_us: i64) {
        for uuid in uuids {
            let Some(host) = self.hosts.get_mut(&uuid) else { continue };
            let parent = host.parent.as_ref();
            let Some(source) = self.sources.get(parent.map_or(&uuid, |parent| &parent.uuid)) else { continue };
            let (state, reason) = host.verdict(&source.listening, pools);
            if (state, &reason) == (host.state, &host.reason) {
                continue;
            }
            host.reported = None;
            host.reason = reason;
            let from = std::mem::replace(&mut host.state, state);
            if from != state {
                host.since_us = now_us;
                let (vs, reason, from, to) = (&host.name, &host.reason, word(from), word(state));
                // That a new one is up is no news: its listeners and pools were told.
                if std::mem::replace(&mut host.is_new, false) && state != State::Down {
                    debug!(vs, from, to, reason, "virtual service state changed");
                } else {
                    info!(vs, from, to, reason, "virtual service state changed");
                }
            }
        }
    }
}

impl Listening {
    fn of(service: &VirtualService, ground: Ground<'_>) -> Self {
        let mut listening = Self::default();
        let addresses = service
            .addresses
            .iter()
            .flat_map(|&ip| service.ports.iter().map(move |port| SocketAddr::new(ip, port.listen_port)));
        let mut wants_any = false;
        for address in addresses {
            wants_any = true;
            let owner = ground.table.listeners.get(&address).map(|listener| &listener.service.source.host);
            let obstacle = match (owner, ground.failed.get(&address)) {
                (Some(owner), None) if owner.uuid == service.host.uuid => {
                    listening.listeners.push(address);
                    continue;
                }
                (Some(owner), Some(reason)) if owner.uuid == service.host.uuid => reason.clone(),
                (Some(owner), _) => format!(
                    "{address} belongs to virtual service {} already: give one of them another address or port",
                    owner.name
                ),
                (None, _) => format!("{address} is not listened on"),
            };
            listening.obstacle.get_or_insert(obstacle);
        }
        if !wants_any {
            listening.obstacle = Some("it has no address to listen on".to_owned());
        }
        listening
    }
}

/// Uuids of groups that are other than before, came or went.
fn changed(before: &[Arc<PoolGroup>], now: &[Arc<PoolGroup>]) -> BTreeSet<String> {
    let known: HashMap<&str, &Arc<PoolGroup>> = before.iter().map(|group| (group.uuid.as_str(), group)).collect();
    let mut gone = known.clone();
    let mut changed = BTreeSet::new();
    for group in now {
        gone.remove(group.uuid.as_str());
        if known.get(group.uuid.as_str()).is_none_or(|known| !Arc::ptr_eq(known, group) && *known != group) {
            changed.insert(group.uuid.clone());
        }
    }
    changed.extend(gone.into_keys().map(str::to_owned));
    changed
}

#[cfg(test)]
mod tests;
