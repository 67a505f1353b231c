//! Which targets are probed for which GSLB members, and what follows for each member.

mod entry;

use std::net::IpAddr;
use std::sync::Arc;

use gslb::Slots;
use health::State;
use health_probe::Target;
use model::gslb::GslbService;
use se_protocol::{GslbServiceState, MemberState, PoolState, Snapshot, ToldStates, UpMembers};

use crate::monitors::AppliedMonitor;
use crate::targets::{Others, Targets, Watcher};
use crate::view::Compiled;
use entry::{Ground, MemberEntry, Previous, ServiceEntry};

/// Health bookkeeping of one engine. One writer; the slots are what readers see.
#[derive(Debug, Default)]
pub(crate) struct Members {
    /// A service keeps its place as long as it is there; `None` is free.
    services: Vec<Option<ServiceEntry>>,
    free: Vec<usize>,
    /// Places in the order of the snapshot, that is of the uuids.
    order: Vec<usize>,
    /// What the services were made from.
    adopted: Option<Arc<Snapshot>>,
    slots: Arc<Slots>,
    /// What the controller last told about virtual services.
    member_states: ToldStates,
    /// Members that were up before the engine started; until the first snapshot.
    up_before: UpMembers,
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

    /// Takes over a new snapshot. Verdicts of targets that stay are kept, and so are states of members that stay; what
    /// did not change is left as it is. Writes the slots of `compiled` before anyone reads them.
    pub(crate) fn adopt(&mut self, compiled: &Compiled, targets: &mut Targets, now_us: i64) -> Vec<Change> {
        let snapshot = &compiled.snapshot;
        let before = self.adopted.replace(Arc::clone(snapshot));
        let ground = Ground::new(before.as_deref(), snapshot);
        let up_before = std::mem::take(&mut self.up_before);
        self.slots = Arc::clone(&compiled.slots);

        let mut old = std::mem::take(&mut self.order).into_iter().peekable();
        let (mut fresh, mut found) = (Vec::new(), Vec::new());
        for (service, compiled) in snapshot.gslb_services.iter().zip(&compiled.services) {
            while let Some(place) = old.next_if(|place| self.uuid_at(*place) < service.uuid.as_str()) {
                self.take_away(place, targets);
            }
            let known = old.next_if(|place| self.uuid_at(*place) == service.uuid);
            let place = match known {
                Some(place) if self.is_same_at(place, service, &ground) => {
                    self.keep(place, compiled.first_slot);
                    place
                }
                _ => {
                    let entry = known.and_then(|place| self.take_away(place, targets));
                    let previous = Previous { entry: entry.as_ref(), up: up_before.get(&service.uuid) };
                    let mut made = ServiceEntry::new(service, &ground, compiled.first_slot, previous, now_us);
                    made.hear(&self.member_states);
                    let place = self.register(made, targets);
                    found.extend(
                        self.entry(place).map(|made| targets.take_over(made.shared_results())).into_iter().flatten(),
                    );
                    fresh.push(place);
                    place
                }
            };
            self.order.push(place);
        }
        for place in old {
            self.take_away(place, targets);
        }
        let mut changes = Vec::new();
        // What other engines found for a new service may count for one that was there before.
        found.retain(|(place, _)| !fresh.contains(place));
        changes.extend(found.iter().filter_map(|&(place, member)| self.judge(place, member, targets, now_us)));
        changes.extend(found.into_iter().filter_map(|(place, _)| self.judge_service(place, now_us)));
        for &place in &fresh {
            let members = self.entry(place).map_or(0, |entry| entry.members.len());
            changes.extend((0..members).filter_map(|member| self.judge(place, member, targets, now_us)));
        }
        changes.extend(fresh.into_iter().filter_map(|place| self.judge_service(place, now_us)));
        changes
    }

    /// Judges the members among `watchers` of a target again, also when its verdict did not flip: its failures are part
    /// of the reason and of the report.
    pub(crate) fn observe(&mut self, watchers: &[Watcher], targets: &Targets, now_us: i64) -> Vec<Change> {
        let places: Vec<(usize, usize)> = watchers.iter().filter_map(Watcher::member).collect();
        let mut changes: Vec<Change> =
            places.iter().filter_map(|&(service, member)| self.judge(service, member, targets, now_us)).collect();
        changes.extend(places.into_iter().filter_map(|(service, _)| self.judge_service(service, now_us)));
        changes
    }

    /// Takes what the controller tells about virtual services, and what others see of members.
    pub(crate) fn hear(&mut self, states: ToldStates, targets: &mut Targets, now_us: i64) -> Vec<Change> {
        self.member_states = states;
        let shared = targets.share(Others::new(&self.member_states));
        let is_split_anew = shared.is_some();
        if is_split_anew {
            let engines = self.member_states.sharers().len();
            let proxies = self.member_states.states.proxies().join(" ");
            let reason = match (engines, proxies.is_empty()) {
                (0, true) => "nobody shares them with this engine",
                (0, false) => "other sites are heard that probe some for all",
                _ => "the engines of the site share them",
            };
            tracing::info!(engines, proxies, reason, "who probes which members changed");
        }
        let mut changed = shared.unwrap_or_default();
        for (service, entry) in self.services.iter_mut().enumerate() {
            let Some(entry) = entry else { continue };
            let before = entry.sights.clone();
            changed.extend(entry.hear(&self.member_states).into_iter().map(|member| (service, member)));
            if is_split_anew {
                // Who probes is part of the report.
                entry.reported = None;
            }
            if is_split_anew || before != entry.sights {
                changed.extend(targets.take_over(entry.shared_results()));
            }
        }
        changed.sort_unstable();
        changed.dedup();
        let mut changes: Vec<Change> =
            changed.iter().filter_map(|&(service, member)| self.judge(service, member, targets, now_us)).collect();
        for (service, _) in changed {
            changes.extend(self.judge_service(service, now_us));
        }
        changes
    }

    /// State of every service, for the controller.
    pub(crate) fn report(&mut self, targets: &Targets) -> Vec<Arc<GslbServiceState>> {
        let mut states = Vec::with_capacity(self.order.len());
        for place in 0..self.order.len() {
            let Some(entry) = self.order.get(place).and_then(|place| self.entry(*place)) else { continue };
            let state = entry.reported.clone().unwrap_or_else(|| Arc::new(report_service(entry, targets)));
            states.push(Arc::clone(&state));
            if let Some(entry) = self.order.get(place).copied().and_then(|place| self.entry_mut(place)) {
                entry.reported = Some(state);
            }
        }
        states
    }

    fn entry(&self, place: usize) -> Option<&ServiceEntry> {
        self.services.get(place)?.as_ref()
    }

    fn entry_mut(&mut self, place: usize) -> Option<&mut ServiceEntry> {
        self.services.get_mut(place)?.as_mut()
    }

    fn uuid_at(&self, place: usize) -> &str {
        self.entry(place).map_or("", |entry| &entry.config.uuid)
    }

    fn is_same_at(&self, place: usize, service: &Arc<GslbService>, ground: &Ground<'_>) -> bool {
        self.entry(place).is_some_and(|entry| Arc::ptr_eq(&entry.config, service)) && ground.is_same_for(service)
    }

    /// Leaves a service as it is; its slots may be others.
    fn keep(&mut self, place: usize, first_slot: u32) {
        let slots = Arc::clone(&self.slots);
        let Some(entry) = self.entry_mut(place) else { return };
        for (slot, member) in (first_slot..).zip(&mut entry.members) {
            member.slot = slot;
            slots.set(slot, member.state == State::Up);
        }
    }

    /// Takes a service from its place. Its targets are still watched, though not for it.
    fn take_away(&mut self, place: usize, targets: &mut Targets) -> Option<ServiceEntry> {
        let entry = self.services.get_mut(place)?.take()?;
        self.free.push(place);
        for key in entry.targets().map(Target::key) {
            targets.unwatch(key, |watcher| matches!(watcher, Watcher::Member { service, .. } if *service == place));
        }
        Some(entry)
    }

    /// Gives a service a place, and says which.
    fn register(&mut self, entry: ServiceEntry, targets: &mut Targets) -> usize {
        let service = self.free.pop().unwrap_or_else(|| {
            self.services.push(None);
            self.services.len() - 1
        });
        for (place, member) in entry.members.iter().enumerate() {
            for target in member.monitors.iter().filter_map(AppliedMonitor::target) {
                let proxies = member.proxies.clone();
                targets.watch(target, Watcher::Member { service, member: place, proxies });
            }
        }
        if let Some(free) = self.services.get_mut(service) {
            *free = Some(entry);
        }
        service
    }

    /// Combines what counts for one member, writes its slot, and tells a change.
    fn judge(&mut self, service: usize, member: usize, targets: &Targets, now_us: i64) -> Option<Change> {
        let entry = self.services.get_mut(service)?.as_mut()?;
        entry.reported = None;
        let quorum = entry.config.site_quorum;
        let member = entry.members.get_mut(member)?;
        let (perceived, verdict) = member.decide(targets, quorum);
        member.perceived = perceived;
        self.slots.set(member.slot, verdict.state == State::Up);
        member.reason = verdict.reason;
        if member.state == verdict.state {
            return None;
        }
        let from = std::mem::replace(&mut member.state, verdict.state);
        member.since_us = now_us;
        Some(Change {
            gslb_service: entry.config.name.clone(),
            member: Some(member.ip),
            from,
            to: member.state,
            reason: member.why(targets),
        })
    }

    fn judge_service(&mut self, service: usize, now_us: i64) -> Option<Change> {
        let entry = self.services.get_mut(service)?.as_mut()?;
        entry.reported = None;
        let state = entry.verdict();
        if entry.state == state {
            return None;
        }
        let from = std::mem::replace(&mut entry.state, state);
        entry.since_us = now_us;
        let reason = entry.reason();
        Some(Change { gslb_service: entry.config.name.clone(), member: None, from, to: state, reason })
    }
}

fn report_service(service: &ServiceEntry, targets: &Targets) -> GslbServiceState {
    let pools = service
        .pools
        .iter()
        .map(|pool| PoolState {
            name: pool.name.clone(),
            state: service.pool_verdict(pool),
            members: service.members[pool.members.clone()].iter().map(|m| report_member(m, targets)).collect(),
        })
        .collect();
    GslbServiceState {
        uuid: service.config.uuid.clone(),
        state: service.state,
        reason: service.reason(),
        since_us: service.since_us,
        pools,
    }
}

fn report_member(member: &MemberEntry, targets: &Targets) -> MemberState {
    MemberState {
        ip: member.ip,
        state: member.state,
        perceived: member.perceived,
        reason: member.why(targets),
        since_us: member.since_us,
        datapath: member.verdict(targets, None).state,
        controller: member.control_plane,
        monitors: member.monitors.iter().map(|monitor| monitor.state(targets)).collect(),
    }
}

#[cfg(test)]
mod proxy_tests;
#[cfg(test)]
mod shared_tests;
#[cfg(test)]
mod sharing_tests;
#[cfg(test)]
mod tests;
