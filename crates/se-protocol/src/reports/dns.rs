//! DNS virtual services.

use super::{Reports, best, reason};
use crate::{DnsServiceState, State};

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
}
