//! States of the virtual services behind GSLB members: the control plane's verdict (avi-api 5.5).
//!
//! They travel engine → controller (→ other sites) → the engines that answer DNS, beside the snapshot: a flip makes no
//! revision. What is not in the table is unknown, and unknown is no verdict: a controller that is away takes no member
//! down, neither while it is away nor while its engines tell it anew what they see.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    Report, State, pack,
    wire::{self, ConvertError},
};

/// A virtual service anywhere in the federation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VirtualServiceKey {
    /// Controller cluster that owns it.
    pub cluster_uuid: String,
    /// Its uuid there.
    pub vs_uuid: String,
}

/// What is known about virtual services.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberStates {
    states: BTreeMap<VirtualServiceKey, State>,
}

/// What an engine was told of virtual services, and by when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToldStates {
    /// Those that were told.
    pub states: Arc<MemberStates>,
    /// Whether what is not among them is unknown to the controller too. It is not while the controller is away, nor
    /// shortly after it came back: its engines have to tell it first.
    pub is_complete: bool,
}

impl ToldStates {
    /// State of a virtual service; unknown when nobody told.
    #[must_use]
    pub fn get(&self, cluster_uuid: &str, vs_uuid: &str) -> State {
        self.states.get(cluster_uuid, vs_uuid)
    }
}

impl MemberStates {
    /// State of a virtual service; unknown when nobody told.
    #[must_use]
    pub fn get(&self, cluster_uuid: &str, vs_uuid: &str) -> State {
        let key = VirtualServiceKey { cluster_uuid: cluster_uuid.to_owned(), vs_uuid: vs_uuid.to_owned() };
        self.states.get(&key).copied().unwrap_or(State::Unknown)
    }

    /// What the engines of one controller say about its virtual services, EVH children among them: up where one engine has it up, else down
    /// where one has it down, else what is left. `cluster_uuid` is that of the controller.
    #[must_use]
    pub fn from_reports<'a>(cluster_uuid: &str, reports: impl IntoIterator<Item = &'a Report>) -> Self {
        let mut found = Self::default();
        for report in reports {
            let dns = report.dns_services.iter().map(|service| (&service.uuid, service.state));
            let http = report.http_services.iter().map(|service| (&service.uuid, service.state));
            for (vs_uuid, state) in dns.chain(http) {
                let key = VirtualServiceKey { cluster_uuid: cluster_uuid.to_owned(), vs_uuid: vs_uuid.clone() };
                let known = found.states.entry(key).or_insert(state);
                *known = known.or_better(state);
            }
        }
        found
    }

    /// Adds or replaces a state, for instance one that another site told.
    pub fn set(&mut self, key: VirtualServiceKey, state: State) {
        self.states.insert(key, state);
    }

    /// How many are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// The messages that turn `base` into `self`, in chunks; there is always one.
    #[must_use]
    pub fn parts_since(&self, base: &MemberStates) -> Vec<wire::MemberStatesPart> {
        let puts =
            self.states.iter().filter(|(key, state)| base.states.get(*key) != Some(*state)).map(|(key, state)| {
                wire::VirtualServiceState { key: Some(key.into()), state: wire::State::from(*state).into() }
            });
        let deletes = base.states.keys().filter(|key| !self.states.contains_key(*key)).map(Into::into);
        let mut parts: Vec<wire::MemberStatesPart> = Vec::new();
        for puts in pack(puts.collect()) {
            parts.push(wire::MemberStatesPart { puts, ..Default::default() });
        }
        for deletes in pack(deletes.collect()) {
            parts.push(wire::MemberStatesPart { deletes, ..Default::default() });
        }
        parts.push(wire::MemberStatesPart { last: true, ..Default::default() });
        parts
    }
}

/// Puts the parts together; half of them never show.
#[derive(Debug, Default)]
pub struct MemberStatesAssembler {
    states: MemberStates,
}

impl MemberStatesAssembler {
    /// Takes a part; `Some` when it was the last.
    ///
    /// # Errors
    /// When the message is malformed.
    pub fn take(&mut self, part: wire::MemberStatesPart) -> Result<Option<MemberStates>, ConvertError> {
        for wire::VirtualServiceState { key, state } in part.puts {
            let key = key.ok_or(ConvertError::Missing("key"))?;
            self.states.set(key.into(), wire::State::known(state)?);
        }
        for key in part.deletes {
            self.states.states.remove(&key.into());
        }
        Ok(part.last.then(|| self.states.clone()))
    }
}

#[cfg(test)]
mod tests {
    use model::{Revision, Version};

    use super::*;
    use crate::{DnsServiceState, HttpServiceState};

    fn report(states: &[(&str, State)]) -> Report {
        let service = |(uuid, state): &(&str, State)| DnsServiceState {
            uuid: (*uuid).to_owned(),
            state: *state,
            reason: String::new(),
            listeners: Vec::new(),
        };
        Report {
            version: Version { incarnation: "a".into(), term: 0, revision: Revision(1) },
            dns_services: states.iter().map(service).collect(),
            gslb_services: Vec::new(),
            http_services: Vec::new(),
            http_pools: Vec::new(),
        }
    }

    #[test]
    fn one_engine_that_serves_is_enough() {
        let reports = [
            report(&[("vs1", State::Down), ("vs2", State::Unknown), ("vs3", State::Down)]),
            report(&[("vs1", State::Up), ("vs2", State::Down)]),
        ];
        let states = MemberStates::from_reports("c", &reports);
        assert_eq!(states.get("c", "vs1"), State::Up);
        assert_eq!(states.get("c", "vs2"), State::Down);
        assert_eq!(states.get("c", "vs3"), State::Down);
        assert_eq!(states.get("c", "vs4"), State::Unknown);
        assert_eq!(states.get("d", "vs1"), State::Unknown);
    }

    #[test]
    fn virtual_services_of_http_and_their_children_are_told_like_those_of_dns() {
        let service = |uuid: &str, state| {
            let (reason, listeners) = (String::new(), Vec::new());
            Arc::new(HttpServiceState { uuid: uuid.to_owned(), state, reason, since_us: 1, listeners })
        };
        let mut reports = [report(&[("dns", State::Up)]), report(&[])];
        reports[0].http_services = vec![service("child", State::Down), service("parent", State::Up)];
        reports[1].http_services = vec![service("child", State::Unknown), service("parent", State::Disabled)];
        let states = MemberStates::from_reports("c", &reports);
        let told = ["dns", "parent", "child"].map(|uuid| states.get("c", uuid));
        assert_eq!(told, [State::Up, State::Up, State::Down]);
    }

    #[test]
    fn deltas_lead_to_the_same_table() {
        let first = MemberStates::from_reports("c", &[report(&[("a", State::Up), ("b", State::Up)])]);
        let second = MemberStates::from_reports("c", &[report(&[("b", State::Down), ("d", State::Up)])]);
        let mut assembler = MemberStatesAssembler::default();
        let mut base = MemberStates::default();
        for to in [first, second, MemberStates::default()] {
            let mut taken = None;
            for part in to.parts_since(&base) {
                assert_eq!(taken, None);
                taken = assembler.take(part).unwrap();
            }
            assert_eq!(taken.as_ref(), Some(&to));
            base = to;
        }
    }
}
