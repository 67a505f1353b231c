//! One virtual service or child: the pools that it sends requests to, and its verdict.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use model::http::{PoolGroup, RequestAction, Target, VirtualHost};
use se_protocol::{HttpServiceState, State};

use super::{Listening, Pools};
use crate::http::pools::enough;

/// A virtual service or child.
pub(super) struct Host {
    pub(super) name: String,
    /// `None` of a virtual service that has listeners of its own.
    pub(super) parent: Option<Parent>,
    /// Uuids of what gets its requests: pools, and groups without any.
    pub(super) pools: BTreeSet<String>,
    pub(super) state: State,
    pub(super) reason: String,
    pub(super) since_us: i64,
    /// It has never had a verdict.
    pub(super) is_new: bool,
    /// What the last report said, while it is true.
    pub(super) reported: Option<Arc<HttpServiceState>>,
    enabled: bool,
    /// Pools that have to be up.
    pools_up_min: u32,
}

/// The virtual service that listens for a child.
pub(super) struct Parent {
    pub(super) uuid: String,
    name: String,
    enabled: bool,
}

/// Finds the pools behind targets.
pub(super) struct Targets<'a> {
    groups: HashMap<&'a str, &'a PoolGroup>,
}

impl<'a> Targets<'a> {
    pub(super) fn new(groups: &'a [Arc<PoolGroup>]) -> Self {
        Self { groups: groups.iter().map(|group| (group.uuid.as_str(), &**group)).collect() }
    }

    /// Uuids of the pools that get requests of `host`; the groups it names are added to `named`.
    pub(super) fn of(&self, host: &VirtualHost, named: &mut BTreeSet<String>) -> BTreeSet<String> {
        let rules = host.policies.iter().flat_map(|set| &set.request);
        let selected = rules.filter_map(|rule| match &rule.action {
            Some(RequestAction::Select(target)) => Some(target),
            Some(RequestAction::Redirect(_) | RequestAction::Respond(_)) | None => None,
        });
        let mut pools = BTreeSet::new();
        for target in host.target.iter().chain(selected) {
            match target {
                Target::Pool(uuid) => drop(pools.insert(uuid.clone())),
                Target::PoolGroup(uuid) => {
                    named.insert(uuid.clone());
                    let used: Vec<&String> =
                        self.groups.get(uuid.as_str()).into_iter().flat_map(|it| used(it)).collect();
                    pools.extend(if used.is_empty() { vec![uuid] } else { used }.into_iter().cloned());
                }
            }
        }
        pools
    }
}

/// Pools of a group that get requests.
fn used(group: &PoolGroup) -> impl Iterator<Item = &String> {
    group.members.iter().filter(|member| member.ratio > 0).map(|member| &member.pool)
}

impl Host {
    /// A host as configured, with what was known `before`.
    pub(super) fn new(
        host: &VirtualHost,
        parent: Option<&VirtualHost>,
        pools: BTreeSet<String>,
        before: Option<Self>,
        now_us: i64,
    ) -> Self {
        let parent = parent.map(|it| Parent { uuid: it.uuid.clone(), name: it.name.clone(), enabled: it.enabled });
        let (name, enabled) = (host.name.clone(), host.enabled);
        let new = Self {
            name,
            parent,
            pools,
            state: State::Unknown,
            reason: String::new(),
            since_us: now_us,
            is_new: true,
            reported: None,
            enabled,
            pools_up_min: host.pools_up_min,
        };
        match before {
            Some(Self { state, reason, since_us, is_new, reported, .. }) => {
                Self { state, reason, since_us, is_new, reported, ..new }
            }
            None => new,
        }
    }

    /// State, and why; the reason is empty when it is up.
    pub(super) fn verdict(&self, listening: &Listening, pools: &Pools) -> (State, String) {
        if !self.enabled {
            return (State::Disabled, "switched off".to_owned());
        }
        if let Some(parent) = self.parent.as_ref().filter(|parent| !parent.enabled) {
            return (State::Disabled, format!("its parent {} is switched off", parent.name));
        }
        match (&listening.obstacle, &self.parent) {
            (Some(obstacle), None) => return (State::Down, obstacle.clone()),
            (Some(obstacle), Some(parent)) => return (State::Down, format!("its parent {}: {obstacle}", parent.name)),
            (None, _) => {}
        }
        if self.pools.is_empty() {
            return (State::Up, String::new());
        }
        let states: Vec<State> =
            self.pools.iter().map(|uuid| pools.state_of(uuid).map_or(State::Down, |(state, _)| state)).collect();
        let state = enough(states.iter().copied(), self.pools_up_min);
        if state == State::Up {
            return (State::Up, String::new());
        }
        let up = states.iter().filter(|state| **state == State::Up).count();
        if up > 0 {
            return (state, format!("{up} of its {} pools up, {} needed", states.len(), self.pools_up_min));
        }
        let mut uuids = self.pools.iter();
        let reason = match (uuids.next(), uuids.next()) {
            (Some(uuid), None) => match pools.state_of(uuid) {
                Some((_, reason)) => reason,
                None => format!("{uuid} does not exist, or has no pool"),
            },
            _ => format!("none of its {} pools is up", states.len()),
        };
        (state, reason)
    }

    pub(super) fn report(&mut self, uuid: &str, listening: Option<&Listening>) -> Arc<HttpServiceState> {
        let state = self.reported.take().unwrap_or_else(|| {
            Arc::new(HttpServiceState {
                uuid: uuid.to_owned(),
                state: self.state,
                reason: self.reason.clone(),
                since_us: self.since_us,
                listeners: listening.map(|listening| listening.listeners.clone()).unwrap_or_default(),
            })
        });
        self.reported = Some(Arc::clone(&state));
        state
    }
}
