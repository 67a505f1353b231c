//! Which targets are probed for which members, what the probes said, and what follows for each member.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use gslb::Slots;
use health::{Failure, Health, MemberInputs, MonitorInput, Probe, Reason, State, Thresholds, Verdict, combine};
use health_probe::{Target, TargetKey};
use model::gslb::{GslbMember, GslbPool, GslbService, MonitorScope};
use model::monitor::HealthMonitor;
use se_protocol::{GslbServiceState, MemberState, MonitorState, PoolState, Snapshot, ToldStates, UpMembers};

use crate::view::Compiled;

/// Health bookkeeping of one engine. One writer; the slots are what readers see.
#[derive(Debug, Default)]
pub(crate) struct Members {
    services: Vec<ServiceEntry>,
    watched: HashMap<TargetKey, Watched>,
    /// Places of the members that each target counts for.
    watchers: HashMap<TargetKey, Vec<(usize, usize)>>,
    slots: Arc<Slots>,
    /// What the controller last told about virtual services.
    member_states: ToldStates,
    /// Members that were up before the engine started; until the first snapshot.
    up_before: UpMembers,
}

/// One target and what its probes said so far.
#[derive(Debug)]
struct Watched {
    target: Target,
    health: Health,
    failure: Option<Failure>,
    latency_us: Option<u64>,
}

#[derive(Debug)]
struct ServiceEntry {
    uuid: String,
    name: String,
    enabled: bool,
    state: State,
    since_us: i64,
    members: Vec<MemberEntry>,
    pools: Vec<PoolEntry>,
}

#[derive(Debug)]
struct PoolEntry {
    name: String,
    enabled: bool,
    usable: bool,
    members: std::ops::Range<usize>,
}

#[derive(Debug)]
struct MemberEntry {
    ip: IpAddr,
    slot: u32,
    enabled: bool,
    min_health_monitors_up: Option<u32>,
    control_plane: Option<State>,
    /// Whether an unknown control plane may become known yet.
    control_plane_awaited: bool,
    /// Controller cluster and virtual service, when the control plane's verdict counts.
    controlled: Option<(String, String)>,
    monitors: Vec<MemberMonitor>,
    state: State,
    reason: Reason,
    since_us: i64,
}

/// A monitor that applies to a member; `target` is `None` when its type is not probed.
#[derive(Debug)]
struct MemberMonitor {
    monitor: Arc<HealthMonitor>,
    address: SocketAddr,
    target: Option<Target>,
}

/// What was known of a service before a snapshot.
#[derive(Clone, Copy)]
struct Previous<'a> {
    entry: Option<&'a ServiceEntry>,
    /// Members that were up before the engine started.
    up: Option<&'a BTreeSet<IpAddr>>,
}

impl Previous<'_> {
    /// State of a member so far, and since when.
    fn member(&self, ip: IpAddr, now_us: i64) -> (State, i64) {
        let known = self.entry.and_then(|entry| entry.members.iter().find(|known| known.ip == ip));
        let was_up = || if self.up.is_some_and(|up| up.contains(&ip)) { State::Up } else { State::Unknown };
        known.map_or_else(|| (was_up(), now_us), |known| (known.state, known.since_us))
    }
}

/// A member or service that changed state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) gslb_service: String,
    /// `None` when the service as a whole changed.
    pub(crate) member: Option<IpAddr>,
    pub(crate) from: State,
    pub(crate) to: State,
    pub(crate) reason: String,
}

impl Members {
    /// Nothing yet. What was up before the engine started is up again until its monitors have a verdict.
    pub(crate) fn new(up_before: UpMembers) -> Self {
        Self { up_before, ..Self::default() }
    }

    /// Takes over a new snapshot. Verdicts of targets that stay are kept, and so are states of members that stay.
    /// Writes the slots of `compiled` before anyone reads them.
    pub(crate) fn adopt(&mut self, compiled: &Compiled, now_us: i64) -> Vec<Change> {
        let snapshot = &compiled.snapshot;
        let monitors: HashMap<&str, Arc<HealthMonitor>> =
            snapshot.monitors.iter().map(|monitor| (monitor.uuid.as_str(), Arc::new(monitor.clone()))).collect();
        let mut old = std::mem::take(self);
        self.member_states = old.member_states;
        self.slots = Arc::clone(&compiled.slots);
        let known: HashMap<&str, &ServiceEntry> =
            old.services.iter().map(|known| (known.uuid.as_str(), known)).collect();
        for (service, compiled_service) in snapshot.gslb_services.iter().zip(&compiled.services) {
            let previous =
                Previous { entry: known.get(service.uuid.as_str()).copied(), up: old.up_before.get(&service.uuid) };
            let mut entry =
                ServiceEntry::new(service, snapshot, &monitors, compiled_service.first_slot, previous, now_us);
            entry.hear(&self.member_states);
            self.register(entry, service, &mut old.watched);
        }
        let places: Vec<(usize, usize)> = self.places().collect();
        let mut changes: Vec<Change> =
            places.into_iter().filter_map(|(service, member)| self.judge(service, member, now_us)).collect();
        changes.extend((0..self.services.len()).filter_map(|service| self.judge_service(service, now_us)));
        changes
    }

    /// Takes one probe result; a target that is gone is ignored.
    pub(crate) fn observe(
        &mut self,
        key: &TargetKey,
        outcome: Result<std::time::Duration, Failure>,
        now_us: i64,
    ) -> Vec<Change> {
        let Some(watched) = self.watched.get_mut(key) else { return Vec::new() };
        let thresholds = Thresholds::from(&**watched.target.monitor());
        let before = watched.health.state();
        match outcome {
            Ok(latency) => {
                watched.health = watched.health.observe(Probe::Pass, &thresholds);
                watched.failure = None;
                watched.latency_us = u64::try_from(latency.as_micros()).ok();
            }
            Err(failure) => {
                watched.health = watched.health.observe(Probe::Fail, &thresholds);
                watched.failure = Some(failure);
            }
        }
        if watched.health.state() == before {
            return Vec::new();
        }
        let places = self.watchers.get(key).cloned().unwrap_or_default();
        let mut changes = Vec::new();
        for &(service, member) in &places {
            changes.extend(self.judge(service, member, now_us));
        }
        for (service, _) in places {
            changes.extend(self.judge_service(service, now_us));
        }
        changes
    }

    /// Takes what the controller tells about virtual services.
    pub(crate) fn hear(&mut self, states: ToldStates, now_us: i64) -> Vec<Change> {
        self.member_states = states;
        let mut changed = Vec::new();
        for (service, entry) in self.services.iter_mut().enumerate() {
            changed.extend(entry.hear(&self.member_states).into_iter().map(|member| (service, member)));
        }
        let mut changes: Vec<Change> =
            changed.iter().filter_map(|&(service, member)| self.judge(service, member, now_us)).collect();
        for (service, _) in changed {
            changes.extend(self.judge_service(service, now_us));
        }
        changes
    }

    /// What has to be probed.
    pub(crate) fn targets(&self) -> Vec<Target> {
        self.watched.values().map(|watched| watched.target.clone()).collect()
    }

    /// State of every service, for the controller.
    pub(crate) fn report(&self) -> Vec<GslbServiceState> {
        self.services.iter().map(|service| self.report_service(service)).collect()
    }

    fn register(&mut self, entry: ServiceEntry, service: &GslbService, known: &mut HashMap<TargetKey, Watched>) {
        let service_place = self.services.len();
        for (place, member) in entry.members.iter().enumerate() {
            for monitor in &member.monitors {
                let Some(target) = &monitor.target else { continue };
                self.watchers.entry(target.key().clone()).or_default().push((service_place, place));
                self.watched.entry(target.key().clone()).or_insert_with(|| match known.remove(target.key()) {
                    Some(kept) => Watched { target: target.clone(), ..kept },
                    None => Watched { target: target.clone(), health: Health::NEW, failure: None, latency_us: None },
                });
            }
        }
        debug_assert_eq!(entry.uuid, service.uuid, "an entry belongs to its service");
        self.services.push(entry);
    }

    fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        self.services
            .iter()
            .enumerate()
            .flat_map(|(service, entry)| (0..entry.members.len()).map(move |member| (service, member)))
    }

    /// Combines what counts for one member, writes its slot, and tells a change.
    fn judge(&mut self, service: usize, member: usize, now_us: i64) -> Option<Change> {
        let watched = &self.watched;
        let entry = self.services.get_mut(service)?;
        let service_name = entry.name.clone();
        let member = entry.members.get_mut(member)?;
        let verdict = member.verdict(watched, member.control_plane);
        self.slots.set(member.slot, verdict.state == State::Up);
        member.reason = verdict.reason;
        if member.state == verdict.state {
            return None;
        }
        let from = std::mem::replace(&mut member.state, verdict.state);
        member.since_us = now_us;
        Some(Change {
            gslb_service: service_name,
            member: Some(member.ip),
            from,
            to: member.state,
            reason: member.reason.to_string(),
        })
    }

    fn judge_service(&mut self, service: usize, now_us: i64) -> Option<Change> {
        let entry = self.services.get_mut(service)?;
        let state = entry.verdict();
        if entry.state == state {
            return None;
        }
        let from = std::mem::replace(&mut entry.state, state);
        entry.since_us = now_us;
        let reason = entry.reason();
        Some(Change { gslb_service: entry.name.clone(), member: None, from, to: state, reason })
    }

    fn report_service(&self, service: &ServiceEntry) -> GslbServiceState {
        let pools = service
            .pools
            .iter()
            .map(|pool| PoolState {
                name: pool.name.clone(),
                state: service.pool_verdict(pool),
                members: service.members[pool.members.clone()].iter().map(|m| self.report_member(m)).collect(),
            })
            .collect();
        GslbServiceState {
            uuid: service.uuid.clone(),
            state: service.state,
            reason: service.reason(),
            since_us: service.since_us,
            pools,
        }
    }

    fn report_member(&self, member: &MemberEntry) -> MemberState {
        let monitors: Vec<MonitorState> = member
            .monitors
            .iter()
            .map(|monitor| {
                let watched = monitor.target.as_ref().and_then(|target| self.watched.get(target.key()));
                MonitorState {
                    uuid: monitor.monitor.uuid.clone(),
                    name: monitor.monitor.name.clone(),
                    target: monitor.address,
                    state: watched.map_or(State::Unknown, |watched| watched.health.state()),
                    streak: watched.map_or(0, |watched| watched.health.streak()),
                    last_failure: watched.and_then(|watched| watched.failure.as_ref()).map(ToString::to_string),
                    latency_us: watched.and_then(|watched| watched.latency_us),
                }
            })
            .collect();
        MemberState {
            ip: member.ip,
            state: member.state,
            reason: member.reason.to_string(),
            since_us: member.since_us,
            datapath: member.verdict(&self.watched, None).state,
            controller: member.control_plane,
            monitors,
        }
    }
}

impl ServiceEntry {
    fn new(
        service: &GslbService,
        snapshot: &Snapshot,
        monitors: &HashMap<&str, Arc<HealthMonitor>>,
        first_slot: u32,
        previous: Previous<'_>,
        now_us: i64,
    ) -> Self {
        let mut members: Vec<MemberEntry> = Vec::new();
        let mut pools = Vec::new();
        let mut slot = first_slot;
        for pool in &service.pools {
            let start = members.len();
            for member in &pool.members {
                let known = previous.member(member.ip, now_us);
                members.push(MemberEntry::new(service, pool, member, snapshot, monitors, slot, known));
                slot = slot.saturating_add(1);
            }
            pools.push(PoolEntry {
                name: pool.name.clone(),
                enabled: pool.enabled,
                usable: pool.enabled && pool.priority.get() > 0,
                members: start..members.len(),
            });
        }
        Self {
            uuid: service.uuid.clone(),
            name: service.name.clone(),
            enabled: service.enabled,
            state: previous.entry.map_or(State::Unknown, |entry| entry.state),
            since_us: previous.entry.map_or(now_us, |entry| entry.since_us),
            members,
            pools,
        }
    }

    /// Takes over the states of the virtual services behind its members; the places of those that changed.
    fn hear(&mut self, states: &ToldStates) -> Vec<usize> {
        let mut changed = Vec::new();
        for (place, member) in self.members.iter_mut().enumerate() {
            let Some((cluster, virtual_service)) = &member.controlled else { continue };
            let told = Some(states.get(cluster, virtual_service));
            let before = std::mem::replace(&mut member.control_plane, told);
            let was_awaited = std::mem::replace(&mut member.control_plane_awaited, !states.is_complete);
            if before != told || was_awaited == states.is_complete {
                changed.push(place);
            }
        }
        changed
    }

    fn pool_verdict(&self, pool: &PoolEntry) -> State {
        if !pool.enabled {
            return State::Disabled;
        }
        best(self.members[pool.members.clone()].iter().map(|member| member.state))
    }

    fn verdict(&self) -> State {
        if !self.enabled {
            return State::Disabled;
        }
        best(self.pools.iter().filter(|pool| pool.usable).map(|pool| self.pool_verdict(pool)))
    }

    fn reason(&self) -> String {
        let up = self.members.iter().filter(|member| member.state == State::Up).count();
        match self.state {
            State::Disabled => "switched off".to_owned(),
            _ => format!("{up} of {} members up", self.members.len()),
        }
    }
}

/// Up if any is, else unknown if any is, else down.
fn best(states: impl Iterator<Item = State>) -> State {
    states.fold(State::Down, |best, state| match (best, state) {
        (State::Up, _) | (_, State::Up) => State::Up,
        (State::Unknown, _) | (_, State::Unknown) => State::Unknown,
        _ => State::Down,
    })
}

impl MemberEntry {
    fn new(
        service: &GslbService,
        pool: &GslbPool,
        member: &GslbMember,
        snapshot: &Snapshot,
        monitors: &HashMap<&str, Arc<HealthMonitor>>,
        slot: u32,
        (state, since_us): (State, i64),
    ) -> Self {
        let enabled = service.enabled && pool.enabled && member.enabled;
        let is_avi = member.vs_uuid.is_some();
        let controlled = match (&member.cluster_uuid, &member.vs_uuid) {
            (cluster, Some(virtual_service)) if service.controller_health => {
                // A member that names no controller is of the one that made the snapshot.
                let cluster = cluster.as_ref().unwrap_or(&snapshot.cluster_uuid);
                Some((cluster.clone(), virtual_service.clone()))
            }
            _ => None,
        };
        let probed = enabled && (service.monitor_scope == MonitorScope::AllMembers || !is_avi);
        let monitors = if probed { service.health_monitors.as_slice() } else { &[] }
            .iter()
            .filter_map(|uuid| monitors.get(uuid.as_str()))
            .map(|monitor| MemberMonitor::new(monitor, service, member, snapshot))
            .collect();
        Self {
            ip: member.ip,
            slot,
            enabled,
            min_health_monitors_up: pool.min_health_monitors_up,
            // Known to exist; what the controller tells of it is heard next.
            control_plane: controlled.is_some().then_some(State::Unknown),
            control_plane_awaited: true,
            controlled,
            monitors,
            state,
            reason: Reason::NoVerdict,
            since_us,
        }
    }
}

impl MemberEntry {
    /// Combines what the monitors say with what the control plane does.
    fn verdict(&self, watched: &HashMap<TargetKey, Watched>, control_plane: Option<State>) -> Verdict {
        let monitors: Vec<MonitorInput<'_>> = self
            .monitors
            .iter()
            .map(|monitor| {
                let watched = monitor.target.as_ref().and_then(|target| watched.get(target.key()));
                MonitorInput {
                    name: &monitor.monitor.name,
                    health: watched.map(|watched| watched.health),
                    failure: watched.and_then(|watched| watched.failure.as_ref()),
                }
            })
            .collect();
        combine(&MemberInputs {
            enabled: self.enabled,
            min_health_monitors_up: self.min_health_monitors_up,
            before: self.state,
            monitors: &monitors,
            control_plane,
            control_plane_awaited: self.control_plane_awaited,
        })
    }
}

impl MemberMonitor {
    fn new(monitor: &Arc<HealthMonitor>, service: &GslbService, member: &GslbMember, snapshot: &Snapshot) -> Self {
        let port = snapshot.port_offset.apply(monitor.port.unwrap_or(0));
        let address = SocketAddr::new(member.ip, port);
        let host = member
            .hostname
            .clone()
            .unwrap_or_else(|| service.domain_names.first().map_or_else(|| member.ip.to_string(), ToString::to_string));
        // Avi asks for a port on every GSLB monitor (avi-api 6.1); without one there is nothing to connect to.
        let target =
            Some(Target::new(Arc::clone(monitor), address, host)).filter(|target| port != 0 && target.is_probed());
        Self { monitor: Arc::clone(monitor), address, target }
    }
}

#[cfg(test)]
mod tests;
