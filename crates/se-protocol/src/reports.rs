//! What several engines of one controller say, put together.
//!
//! Each engine that runs DNS or a proxy probes for itself and serves as it sees fit, so one that has something up is
//! enough for it to be served: up where one engine has it up, else down where one has it down, else unknown (avi-api
//! 5.5, 7.1). Unknown is no verdict, so it never outweighs one. An engine that is away has no report here.

mod dns;
mod gslb;
mod http;

use std::{cmp::Reverse, collections::HashMap, sync::Arc};

use crate::{MonitorState, Report, State};

pub use dns::DnsServiceSummary;
pub use http::HttpServiceSummary;

/// Last reports of the engines that are connected, the newest configuration first.
#[derive(Debug, Clone, Default)]
pub struct Reports(Vec<Arc<Report>>);

impl FromIterator<Arc<Report>> for Reports {
    fn from_iter<I: IntoIterator<Item = Arc<Report>>>(reports: I) -> Self {
        let mut reports: Vec<Arc<Report>> = reports.into_iter().collect();
        // Pools, members and servers are shown as the newest configuration has them.
        reports.sort_by_key(|report| Reverse((report.version.term, report.version.revision)));
        Self(reports)
    }
}

/// How many are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StateCounts {
    /// Up on at least one engine.
    pub up: u64,
    /// Down on at least one engine and up on none.
    pub down: u64,
    /// Without a verdict on any engine.
    pub unknown: u64,
    /// Switched off.
    pub disabled: u64,
}

impl Reports {
    /// States of all virtual services that an engine has: DNS, L7 and EVH children.
    #[must_use]
    pub fn virtual_services(&self) -> StateCounts {
        let mut states: HashMap<&str, State> = HashMap::new();
        let dns = self.0.iter().flat_map(|report| report.dns_services.iter().map(|s| (s.uuid.as_str(), s.state)));
        let http = self.0.iter().flat_map(|report| report.http_services.iter().map(|s| (s.uuid.as_str(), s.state)));
        for (uuid, state) in dns.chain(http) {
            states.entry(uuid).and_modify(|best| *best = best.or_better(state)).or_insert(state);
        }
        let mut counts = StateCounts::default();
        for state in states.into_values() {
            *match state {
                State::Up => &mut counts.up,
                State::Down => &mut counts.down,
                State::Unknown => &mut counts.unknown,
                State::Disabled => &mut counts.disabled,
            } += 1;
        }
        counts
    }
}

impl State {
    /// The state of what `self` and `other` are two sights of.
    #[must_use]
    pub fn or_better(self, other: Self) -> Self {
        let order = [Self::Up, Self::Down, Self::Unknown];
        order.into_iter().find(|state| [self, other].contains(state)).unwrap_or(self)
    }
}

/// Monitors of one target as several engines see them; those of the first sight are shown.
fn merge_monitors(sights: &[&[MonitorState]]) -> Vec<MonitorState> {
    let (newest, others) = sights.split_first().map_or((&[][..], &[][..]), |(newest, others)| (*newest, others));
    let merged = newest.iter().map(|monitor| {
        let others = others.iter().filter_map(|other| other.iter().find(|m| m.uuid == monitor.uuid));
        // Latency and last failure belong to the verdict: one engine's, whole.
        let chosen =
            others.fold(monitor, |one, other| if one.state.or_better(other.state) == one.state { one } else { other });
        chosen.clone()
    });
    merged.collect()
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
