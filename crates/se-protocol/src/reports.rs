//! What several engines of one controller say, put together.
//!
//! Each engine that runs DNS probes for itself and answers as it sees fit, so one that has something up is enough for
//! it to be served: up where one engine has it up, else down where one has it down, else unknown (avi-api 5.5, 7.1).
//! Unknown is no verdict, so it never outweighs one. An engine that is away has no report here.

use std::{cmp::Reverse, sync::Arc};

use crate::{DnsServiceState, GslbServiceState, MemberState, MonitorState, PoolState, Report, State};

/// Last reports of the engines that are connected, the newest configuration first.
#[derive(Debug, Clone, Default)]
pub struct Reports(Vec<Arc<Report>>);

/// A DNS virtual service on all engines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsServiceSummary {
    /// Best state that an engine has.
    pub state: State,
    /// Why, in words, empty when up everywhere.
    pub reason: String,
    /// Engines that have it.
    pub engines: usize,
    /// Engines that have it up.
    pub engines_up: usize,
}

impl FromIterator<Arc<Report>> for Reports {
    fn from_iter<I: IntoIterator<Item = Arc<Report>>>(reports: I) -> Self {
        let mut reports: Vec<Arc<Report>> = reports.into_iter().collect();
        // Pools and members are shown as the newest configuration has them.
        reports.sort_by_key(|report| Reverse((report.version.term, report.version.revision)));
        Self(reports)
    }
}

impl Reports {
    /// A DNS virtual service; `None` when no engine has it.
    #[must_use]
    pub fn dns_service(&self, uuid: &str) -> Option<DnsServiceSummary> {
        let found = self.0.iter().filter_map(|report| report.dns_services.iter().find(|service| service.uuid == uuid));
        let found: Vec<&DnsServiceState> = found.collect();
        let state = best(found.iter().map(|service| service.state))?;
        let engines_up = found.iter().filter(|service| service.state == State::Up).count();
        let reason = reason(state, found.iter().map(|service| (service.state, service.reason.as_str())));
        Some(DnsServiceSummary { state, reason, engines: found.len(), engines_up })
    }

    /// A GSLB service; `None` when no engine has it.
    #[must_use]
    pub fn gslb_service(&self, uuid: &str) -> Option<GslbServiceState> {
        let found = self.0.iter().filter_map(|report| {
            report.gslb_services.iter().find(|service| service.uuid == uuid).map(|service| &**service)
        });
        let found: Vec<&GslbServiceState> = found.collect();
        let (newest, state) = (found.first()?, best(found.iter().map(|service| service.state))?);
        let pools = newest.pools.iter().enumerate().map(|(index, pool)| {
            let others = found[1..].iter().filter_map(|other| other.pool(index, &pool.name));
            merge_pool(pool, &others.collect::<Vec<_>>())
        });
        Some(GslbServiceState {
            uuid: newest.uuid.clone(),
            state,
            reason: reason(state, found.iter().map(|service| (service.state, service.reason.as_str()))),
            since_us: since_us(state, found.iter().map(|service| (service.state, service.since_us))),
            pools: pools.collect(),
        })
    }
}

impl State {
    /// The state of what `self` and `other` are two sights of.
    #[must_use]
    pub(crate) fn or_better(self, other: Self) -> Self {
        let order = [Self::Up, Self::Down, Self::Unknown];
        order.into_iter().find(|state| [self, other].contains(state)).unwrap_or(self)
    }
}

impl GslbServiceState {
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
    let monitors = newest.monitors.iter().map(|monitor| {
        let others = sights[1..].iter().filter_map(|other| other.monitors.iter().find(|m| m.uuid == monitor.uuid));
        // Latency and last failure belong to the verdict: one engine's, whole.
        let chosen = others.fold(
            monitor,
            |one: &MonitorState, other| {
                if one.state.or_better(other.state) == one.state { one } else { other }
            },
        );
        chosen.clone()
    });
    MemberState {
        ip: newest.ip,
        state,
        reason: reason(state, sights.iter().map(|member| (member.state, member.reason.as_str()))),
        since_us: since_us(state, sights.iter().map(|member| (member.state, member.since_us))),
        datapath: sights.iter().fold(newest.datapath, |state, member| state.or_better(member.datapath)),
        controller: sights.iter().filter_map(|member| member.controller).reduce(State::or_better),
        monitors: monitors.collect(),
    }
}

fn best(states: impl Iterator<Item = State>) -> Option<State> {
    states.reduce(State::or_better)
}

/// The reason of one engine where all agree on the state; else also how many have it and what another one says.
fn reason<'a>(state: State, sights: impl Iterator<Item = (State, &'a str)>) -> String {
    let (agree, differ): (Vec<_>, Vec<_>) = sights.partition(|(seen, _)| *seen == state);
    let first = agree.first().map_or("", |(_, reason)| *reason);
    let Some((other, why)) = differ.first() else { return first.to_owned() };
    let mut out = if first.is_empty() { String::new() } else { format!("{first}; ") };
    out.push_str(&format!("so on {} of {} service engines, ", agree.len(), agree.len() + differ.len()));
    out.push_str(&format!("{} on another", other.as_avi()));
    if !why.is_empty() {
        out.push_str(&format!(": {why}"));
    }
    out
}

/// Since when the whole is in `state`: up since the first engine had it up, any other since the last one joined in.
fn since_us(state: State, sights: impl Iterator<Item = (State, i64)>) -> i64 {
    let since = sights.filter(|(seen, _)| *seen == state).map(|(_, since)| since);
    let since = if state == State::Up { since.min() } else { since.max() };
    since.unwrap_or_default()
}

#[cfg(test)]
mod tests;
