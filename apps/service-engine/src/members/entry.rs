//! One service and its members: what counts for each, and what follows.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use health::{MemberInputs, MonitorInput, Reason, State, Verdict, by_quorum, combine};
use health_probe::Target;
use model::gslb::{GslbMember, GslbPool, GslbService, HealthProxy, MonitorScope, SiteQuorum};
use model::monitor::HealthMonitor;
use se_protocol::sights::SharedResult;
use se_protocol::{GslbServiceState, MemberSights, Snapshot, ToldStates};

use crate::monitors::{AppliedMonitor, Monitors};
use crate::targets::{Proxies, Targets};

#[derive(Debug)]
pub(super) struct ServiceEntry {
    pub(super) config: Arc<GslbService>,
    /// What the last report said, while it is true.
    pub(super) reported: Option<Arc<GslbServiceState>>,
    pub(super) state: State,
    pub(super) since_us: i64,
    pub(super) members: Vec<MemberEntry>,
    pub(super) pools: Vec<PoolEntry>,
    /// What others see of the members.
    pub(super) sights: Option<Arc<MemberSights>>,
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
    /// Sites that probe it for all others, where there are any.
    pub(super) proxies: Option<Arc<Proxies>>,
    /// What other sites perceive, where the service asks them.
    pub(super) voices: Vec<State>,
    /// What is perceived here.
    pub(super) perceived: State,
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
    /// What was perceived of a member so far, its state, and since when that is.
    pub(super) fn member(&self, ip: IpAddr, now_us: i64) -> (State, State, i64) {
        let known = self.entry.and_then(|entry| entry.members.iter().find(|known| known.ip == ip));
        let was_up = || if self.up.is_some_and(|up| up.contains(&ip)) { State::Up } else { State::Unknown };
        let before = || (was_up(), was_up(), now_us);
        known.map_or_else(before, |known| (known.perceived, known.state, known.since_us))
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
            sights: None,
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
        let sights = states.states.sights(&self.config.uuid);
        if self.sights.as_ref() != sights {
            self.sights = sights.cloned();
            changed.extend(self.hear_sites());
            changed.sort_unstable();
            changed.dedup();
        }
        changed
    }

    /// Takes over what other sites perceive; the places of members where that changed.
    fn hear_sites(&mut self) -> Vec<usize> {
        let Self { config, members, pools, sights, .. } = self;
        let voices = sights.iter().filter(|_| config.site_quorum.is_some()).flat_map(|sights| &sights.voices);
        let mut heard: HashMap<(&str, IpAddr), Vec<State>> = HashMap::new();
        for voice in voices {
            heard.entry((&voice.pool, voice.ip)).or_default().push(voice.state);
        }
        let mut changed = Vec::new();
        for pool in pools {
            for place in pool.members.clone() {
                let Some(member) = members.get_mut(place) else { continue };
                let voices = heard.get(&(pool.name.as_str(), member.ip)).map_or(&[][..], Vec::as_slice);
                if member.voices != voices {
                    member.voices = voices.to_vec();
                    changed.push(place);
                }
            }
        }
        changed
    }

    /// The targets, and what other engines found there.
    pub(super) fn shared_results(&self) -> impl Iterator<Item = (&Target, &SharedResult)> {
        let results = self.sights.iter().flat_map(|sights| &sights.results);
        results.flat_map(|result| {
            let pools = self.pools.iter().filter(|pool| pool.name == result.pool);
            let members = pools.flat_map(|pool| &self.members[pool.members.clone()]);
            let monitors = members.filter(|member| member.ip == result.ip).flat_map(|member| &member.monitors);
            let asked = monitors.filter(|monitor| monitor.uuid() == result.monitor);
            asked.filter_map(AppliedMonitor::target).map(move |target| (target, result))
        })
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
        (perceived, state, since_us): (State, State, i64),
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
            proxies: proxies_of(member, &ground.snapshot.cluster_uuid),
            voices: Vec::new(),
            perceived,
            state,
            reason: Reason::NoVerdict,
            since_us,
        }
    }
}

impl MemberEntry {
    /// What is perceived here, and what follows for the member where other sites are asked too.
    pub(super) fn decide(&self, targets: &Targets, quorum: Option<SiteQuorum>) -> (State, Verdict) {
        let own = self.verdict(targets, self.control_plane);
        let perceived = own.state;
        match quorum {
            Some(quorum) => (perceived, by_quorum(own, self.voices.iter().copied(), quorum)),
            None => (perceived, own),
        }
    }

    /// Why it is in its state, and who probes it where that is another site.
    pub(super) fn why(&self, targets: &Targets) -> String {
        let watched =
            self.monitors.iter().filter_map(AppliedMonitor::target).find_map(|target| targets.get(target.key()));
        let (Some(proxies), Some(watched)) = (&self.proxies, watched) else { return self.reason.to_string() };
        let named = |site: Option<&str>| proxies.sites.iter().find(|proxy| site == Some(proxy.site.as_str()));
        if let Some(HealthProxy { name, .. }) = named(watched.contested.as_deref()) {
            return format!(
                "{}; {name} probes it for all sites and has not found it up: probed here as well",
                self.reason
            );
        }
        match named(watched.probed_by.as_deref()) {
            Some(HealthProxy { name, .. }) => format!("{}; {name} probes it for all sites", self.reason),
            None if watched.stands_in => {
                let names: Vec<&str> = proxies.sites.iter().map(|proxy| proxy.name.as_str()).collect();
                let names = names.join(", ");
                format!(
                    "{}; {names} probes it for all sites and is not heard: probed here meanwhile, where failures count \
                     only after a pass",
                    self.reason
                )
            }
            None => self.reason.to_string(),
        }
    }

    /// Combines what the monitors say with what the control plane does.
    pub(super) fn verdict(&self, targets: &Targets, control_plane: Option<State>) -> Verdict {
        let monitors: Vec<MonitorInput<'_>> = self.monitors.iter().map(|monitor| monitor.input(targets)).collect();
        combine(&MemberInputs {
            enabled: self.enabled,
            min_health_monitors_up: self.min_health_monitors_up,
            before: self.perceived,
            monitors: &monitors,
            control_plane,
            control_plane_awaited: self.control_plane_awaited,
        })
    }
}

/// Sites that probe a member in place of the site `own`, or behind which that does; `None` where each site probes it, or
/// `own` does before all.
fn proxies_of(member: &GslbMember, own: &str) -> Option<Arc<Proxies>> {
    let before_own = member.proxies.iter().take_while(|proxy| proxy.site != own);
    let sites: Vec<HealthProxy> = before_own.cloned().collect();
    let is_own = sites.len() < member.proxies.len();
    (!sites.is_empty()).then(|| Arc::new(Proxies { sites, is_own }))
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
