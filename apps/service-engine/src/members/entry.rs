//! One service and its members: what counts for each, and what follows.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use health::{MemberInputs, MonitorInput, Reason, State, Verdict, combine};
use health_probe::Target;
use model::gslb::{GslbMember, GslbPool, GslbService, MonitorScope};
use model::monitor::HealthMonitor;
use se_protocol::{GslbServiceState, Snapshot, ToldStates};

use crate::monitors::{AppliedMonitor, Monitors};
use crate::targets::Targets;

#[derive(Debug)]
pub(super) struct ServiceEntry {
    pub(super) config: Arc<GslbService>,
    /// What the last report said, while it is true.
    pub(super) reported: Option<Arc<GslbServiceState>>,
    pub(super) state: State,
    pub(super) since_us: i64,
    pub(super) members: Vec<MemberEntry>,
    pub(super) pools: Vec<PoolEntry>,
}

#[derive(Debug)]
pub(super) struct PoolEntry {
    pub(super) name: String,
    pub(super) enabled: bool,
    pub(super) usable: bool,
    pub(super) members: std::ops::Range<usize>,
}

#[derive(Debug)]
pub(super) struct MemberEntry {
    pub(super) ip: IpAddr,
    pub(super) slot: u32,
    pub(super) enabled: bool,
    pub(super) min_health_monitors_up: Option<u32>,
    pub(super) control_plane: Option<State>,
    /// Whether an unknown control plane may become known yet.
    pub(super) control_plane_awaited: bool,
    /// Controller cluster and virtual service, when the control plane's verdict counts.
    pub(super) controlled: Option<(String, String)>,
    pub(super) monitors: Vec<AppliedMonitor>,
    pub(super) state: State,
    pub(super) reason: Reason,
    pub(super) since_us: i64,
}

/// What was known of a service before a snapshot.
#[derive(Clone, Copy)]
pub(super) struct Previous<'a> {
    pub(super) entry: Option<&'a ServiceEntry>,
    /// Members that were up before the engine started.
    pub(super) up: Option<&'a BTreeSet<IpAddr>>,
}

/// What services are made with: monitors and the settings of the snapshot, and what of that is new.
pub(super) struct Ground<'a> {
    pub(super) snapshot: &'a Snapshot,
    monitors: Monitors<'a>,
    /// Nothing of what was before counts.
    pub(super) is_new: bool,
}

impl<'a> Ground<'a> {
    pub(super) fn new(before: Option<&'a Snapshot>, snapshot: &'a Snapshot) -> Self {
        let monitors = Monitors::new(before.map_or(&[][..], |before| &before.monitors), &snapshot.monitors);
        let is_new = before.is_none_or(|before| {
            before.cluster_uuid != snapshot.cluster_uuid || before.port_offset != snapshot.port_offset
        });
        Self { snapshot, monitors, is_new }
    }

    /// Whether a service that is the same as before also means the same.
    pub(super) fn is_same_for(&self, service: &GslbService) -> bool {
        !self.is_new && self.monitors.are_same(&service.health_monitors)
    }
}

impl Previous<'_> {
    /// State of a member so far, and since when.
    pub(super) fn member(&self, ip: IpAddr, now_us: i64) -> (State, i64) {
        let known = self.entry.and_then(|entry| entry.members.iter().find(|known| known.ip == ip));
        let was_up = || if self.up.is_some_and(|up| up.contains(&ip)) { State::Up } else { State::Unknown };
        known.map_or_else(|| (was_up(), now_us), |known| (known.state, known.since_us))
    }
}

impl ServiceEntry {
    pub(super) fn new(
        service: &Arc<GslbService>,
        ground: &Ground<'_>,
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
                members.push(MemberEntry::new(service, pool, member, ground, slot, known));
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
            config: Arc::clone(service),
            reported: None,
            state: previous.entry.map_or(State::Unknown, |entry| entry.state),
            since_us: previous.entry.map_or(now_us, |entry| entry.since_us),
            members,
            pools,
        }
    }

    /// What its members are probed by.
    pub(super) fn targets(&self) -> impl Iterator<Item = &Target> {
        self.members.iter().flat_map(|member| &member.monitors).filter_map(AppliedMonitor::target)
    }

    /// Takes over the states of the virtual services behind its members; the places of those that changed.
    pub(super) fn hear(&mut self, states: &ToldStates) -> Vec<usize> {
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

    pub(super) fn pool_verdict(&self, pool: &PoolEntry) -> State {
        if !pool.enabled {
            return State::Disabled;
        }
        best(self.members[pool.members.clone()].iter().map(|member| member.state))
    }

    pub(super) fn verdict(&self) -> State {
        if !self.config.enabled {
            return State::Disabled;
        }
        best(self.pools.iter().filter(|pool| pool.usable).map(|pool| self.pool_verdict(pool)))
    }

    pub(super) fn reason(&self) -> String {
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
    pub(super) fn new(
        service: &GslbService,
        pool: &GslbPool,
        member: &GslbMember,
        ground: &Ground<'_>,
        slot: u32,
        (state, since_us): (State, i64),
    ) -> Self {
        let enabled = service.enabled && pool.enabled && member.enabled;
        let is_avi = member.vs_uuid.is_some();
        let controlled = match (&member.cluster_uuid, &member.vs_uuid) {
            (cluster, Some(virtual_service)) if service.controller_health => {
                // A member that names no controller is of the one that made the snapshot.
                let cluster = cluster.as_ref().unwrap_or(&ground.snapshot.cluster_uuid);
                Some((cluster.clone(), virtual_service.clone()))
            }
            _ => None,
        };
        let probed = enabled && (service.monitor_scope == MonitorScope::AllMembers || !is_avi);
        let monitors = if probed { service.health_monitors.as_slice() } else { &[] };
        let monitors = ground.monitors.of(monitors).map(|it| applied(it, service, member, ground.snapshot)).collect();
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
    pub(super) fn verdict(&self, targets: &Targets, control_plane: Option<State>) -> Verdict {
        let monitors: Vec<MonitorInput<'_>> = self.monitors.iter().map(|monitor| monitor.input(targets)).collect();
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

fn applied(
    monitor: &Arc<HealthMonitor>,
    service: &GslbService,
    member: &GslbMember,
    snapshot: &Snapshot,
) -> AppliedMonitor {
    // Avi asks for a port on every GSLB monitor (avi-api 6.1); without one there is nothing to connect to.
    let port = monitor.port.map_or(0, |port| snapshot.port_offset.apply(port));
    let address = SocketAddr::new(member.ip, port);
    let first_name = || service.domain_names.first().map_or_else(|| member.ip.to_string(), ToString::to_string);
    AppliedMonitor::new(monitor, address, member.hostname.clone().unwrap_or_else(first_name))
}
