//! GSLB services, their pools and members.

use std::collections::BTreeMap;

use super::{Reports, best, merge_monitors, reason, since_us};
use crate::{GslbServiceState, MemberState, MonitorState, PoolState, State};

impl Reports {
    /// A GSLB service; `None` when no engine has it.
    #[must_use]
    pub fn gslb_service(&self, uuid: &str) -> Option<GslbServiceState> {
        let found = self.0.iter().filter_map(|report| {
            report.gslb_services.iter().find(|service| service.uuid == uuid).map(|service| &**service)
        });
        GslbServiceState::merge(&found.collect::<Vec<_>>())
    }

    /// Each GSLB service that an engine has, in the order of their uuids.
    pub fn gslb_services(&self) -> impl Iterator<Item = GslbServiceState> {
        let mut found: BTreeMap<&str, Vec<&GslbServiceState>> = BTreeMap::new();
        for service in self.0.iter().flat_map(|report| &report.gslb_services) {
            found.entry(&service.uuid).or_default().push(service);
        }
        found.into_values().filter_map(|found| GslbServiceState::merge(&found))
    }
}

impl GslbServiceState {
    /// What several engines say of one service, the newest configuration first; `None` of nothing.
    fn merge(found: &[&Self]) -> Option<Self> {
        let (newest, state) = (found.first()?, best(found.iter().map(|service| service.state))?);
        let pools = newest.pools.iter().enumerate().map(|(index, pool)| {
            let others = found[1..].iter().filter_map(|other| other.pool(index, &pool.name));
            merge_pool(pool, &others.collect::<Vec<_>>())
        });
        Some(Self {
            uuid: newest.uuid.clone(),
            state,
            reason: reason(state, found.iter().map(|service| (service.state, service.reason.as_str()))),
            since_us: since_us(state, found.iter().map(|service| (service.state, service.since_us))),
            pools: pools.collect(),
        })
    }

    /// State of the pool at `index` called `name`: by place first, since names are unique by convention only.
    #[must_use]
    pub fn pool(&self, index: usize, name: &str) -> Option<&PoolState> {
        let in_place = self.pools.get(index).filter(|pool| pool.name == name);
        in_place.or_else(|| self.pools.iter().find(|pool| pool.name == name))
    }
}

fn merge_pool(newest: &PoolState, others: &[&PoolState]) -> PoolState {
    let mut left: Vec<Vec<&MemberState>> = others.iter().map(|pool| pool.members.iter().collect()).collect();
    let members = newest.members.iter().map(|member| {
        let mut sights = vec![member];
        for members in &mut left {
            // An address may be there twice; each state is used once.
            if let Some(at) = members.iter().position(|other| other.ip == member.ip) {
                sights.push(members.remove(at));
            }
        }
        merge_member(&sights)
    });
    let members = members.collect();
    let state = others.iter().fold(newest.state, |state, pool| state.or_better(pool.state));
    PoolState { name: newest.name.clone(), state, members }
}

/// `sights` is not empty; the first is of the newest configuration.
fn merge_member(sights: &[&MemberState]) -> MemberState {
    let newest = sights[0];
    let state = sights.iter().fold(newest.state, |state, member| state.or_better(member.state));
    let monitors: Vec<&[MonitorState]> = sights.iter().map(|member| &*member.monitors).collect();
    MemberState {
        ip: newest.ip,
        state,
        perceived: sights.iter().fold(newest.perceived, |state, member| state.or_better(member.perceived)),
        reason: reason(state, sights.iter().map(|member| (member.state, member.reason.as_str()))),
        since_us: since_us(state, sights.iter().map(|member| (member.state, member.since_us))),
        datapath: sights.iter().fold(newest.datapath, |state, member| state.or_better(member.datapath)),
        controller: sights.iter().filter_map(|member| member.controller).reduce(State::or_better),
        monitors: merge_monitors(&monitors),
    }
}
