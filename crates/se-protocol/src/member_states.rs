//! States of virtual services that answers of DNS depend on: those behind GSLB members (the control plane's verdict,
//! avi-api 5.5), and those that own registered names (avi-api 4.4).
//!
//! They travel engine → controller (→ other sites) → the engines that answer DNS, beside the snapshot: a flip makes no
//! revision. What is not in the table is unknown, and unknown is no verdict: a controller that is away takes no member
//! down, neither while it is away nor while its engines tell it anew what they see.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    Report, Snapshot, State, pack,
    sights::{MemberSights, ProbingEngine},
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

/// What is known about virtual services, and what others see of members.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberStates {
    states: BTreeMap<VirtualServiceKey, State>,
    /// By uuid of the GSLB service; shared where nothing changed.
    sights: BTreeMap<String, Arc<MemberSights>>,
    /// Engines that split the probes of members; empty where each probes all.
    probing: Vec<ProbingEngine>,
    /// Cluster uuids of sites that are heard and probe members for this one.
    proxies: Vec<String>,
}

/// What an engine was told of virtual services, and by when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToldStates {
    /// Those that were told.
    pub states: Arc<MemberStates>,
    /// Whether what is not among them is unknown to the controller too. It is not while the controller is away, nor
    /// shortly after it came back: its engines have to tell it first.
    pub is_complete: bool,
    /// Uuid of this engine at the controller that tells; `None` while none does.
    pub engine: Option<Arc<str>>,
}

impl ToldStates {
    /// State of a virtual service; unknown when nobody told.
    #[must_use]
    pub fn get(&self, cluster_uuid: &str, vs_uuid: &str) -> State {
        self.states.get(cluster_uuid, vs_uuid)
    }

    /// Engines among which the probes of members are split, this one among them; empty where it probes all by itself:
    /// while no controller tells, and where nobody shares with it.
    #[must_use]
    pub fn sharers(&self) -> Vec<&str> {
        let engines = &self.states.probing;
        let own = engines.iter().find(|it| self.engine.as_deref() == Some(it.uuid.as_str()));
        let Some(own) = own else { return Vec::new() };
        let same = engines.iter().filter(|it| it.group == own.group).map(|it| it.uuid.as_str());
        Some(same.collect::<Vec<_>>()).filter(|same| same.len() > 1).unwrap_or_default()
    }
}

/// Virtual services of the controller that engines must hear of: owners of registered names, and those that members of
/// GSLB services stand for.
#[must_use]
pub fn of_interest(snapshot: &Snapshot) -> BTreeSet<String> {
    let owners = snapshot.registrations.iter().flat_map(|registration| &registration.virtual_services);
    let members = snapshot.gslb_services.iter().flat_map(|service| &service.pools).flat_map(|pool| &pool.members);
    let own = members.filter(|member| member.cluster_uuid.as_ref() == Some(&snapshot.cluster_uuid));
    owners.chain(own.filter_map(|member| member.vs_uuid.as_ref())).cloned().collect()
}

impl MemberStates {
    /// State of a virtual service; unknown when nobody told.
    #[must_use]
    pub fn get(&self, cluster_uuid: &str, vs_uuid: &str) -> State {
        let key = VirtualServiceKey { cluster_uuid: cluster_uuid.to_owned(), vs_uuid: vs_uuid.to_owned() };
        self.states.get(&key).copied().unwrap_or(State::Unknown)
    }

    /// What the engines of one controller say about its virtual services: up where one engine has it up, else down
    /// where one has it down, else what is left. `cluster_uuid` is that of the controller. There are many L7 virtual
    /// services; those that are not in `of_interest` are left out.
    #[must_use]
    pub fn from_reports<'a>(
        cluster_uuid: &str,
        of_interest: &BTreeSet<String>,
        reports: impl IntoIterator<Item = &'a Report>,
    ) -> Self {
        let mut states: BTreeMap<&str, State> = BTreeMap::new();
        let mut add = |uuid: &'a str, seen: State| {
            let state = states.entry(uuid).or_insert(seen);
            *state = state.or_better(seen);
        };
        for report in reports {
            report.dns_services.iter().for_each(|service| add(&service.uuid, service.state));
            let http = report.http_services.iter().filter(|service| of_interest.contains(&service.uuid));
            http.for_each(|service| add(&service.uuid, service.state));
        }
        let key = |vs_uuid: &str| VirtualServiceKey { cluster_uuid: cluster_uuid.to_owned(), vs_uuid: vs_uuid.into() };
        Self { states: states.into_iter().map(|(uuid, state)| (key(uuid), state)).collect(), ..Self::default() }
    }

    /// Adds or replaces a state, for instance one that another site told.
    pub fn set(&mut self, key: VirtualServiceKey, state: State) {
        self.states.insert(key, state);
    }

    /// Adds or replaces those that `others`, told by other sites, has; who probes for this site is what it says.
    pub fn extend(&mut self, others: &Self) {
        self.states.extend(others.states.iter().map(|(key, state)| (key.clone(), *state)));
        self.sights.extend(others.sights.iter().map(|(service, sights)| (service.clone(), Arc::clone(sights))));
        self.proxies.clone_from(&others.proxies);
    }

    /// What others see of the members of a GSLB service.
    #[must_use]
    pub fn sights(&self, service: &str) -> Option<&Arc<MemberSights>> {
        self.sights.get(service)
    }

    /// Adds or replaces what others see of the members of a GSLB service.
    pub fn set_sights(&mut self, service: &str, sights: Arc<MemberSights>) {
        self.sights.insert(service.to_owned(), sights);
    }

    /// Says which engines split the probes of members.
    pub fn set_probing(&mut self, engines: Vec<ProbingEngine>) {
        self.probing = engines;
    }

    /// Sites that are heard and probe members for this one.
    #[must_use]
    pub fn proxies(&self) -> &[String] {
        &self.proxies
    }

    /// Says which sites are heard and probe members for this one.
    pub fn set_proxies(&mut self, sites: Vec<String>) {
        self.proxies = sites;
    }

    /// Takes the voices of sites that `before` has where nothing is told of them now, and the sites that probe for this one:
    /// who has just come back has to be told them first.
    pub fn keep_voices(&mut self, before: &Self) {
        if self.proxies.is_empty() {
            self.proxies.clone_from(&before.proxies);
        }
        for (service, sights) in before.sights.iter().filter(|(_, sights)| !sights.voices.is_empty()) {
            let now = self.sights.entry(service.clone()).or_default();
            if now.voices.is_empty() {
                Arc::make_mut(now).voices.clone_from(&sights.voices);
            }
        }
    }

    /// How many virtual services are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.states.is_empty() && self.sights.is_empty() && self.proxies.is_empty()
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
        let changed = self.sights.iter().filter(|(service, sights)| base.sights.get(*service) != Some(*sights));
        let changed = changed.map(|(service, sights)| wire::sights::from_sights(service, sights));
        for sights in pack(changed.collect()) {
            parts.push(wire::MemberStatesPart { sights, ..Default::default() });
        }
        let sights_gone = base.sights.keys().filter(|service| !self.sights.contains_key(*service)).cloned();
        for sights_gone in pack(sights_gone.collect()) {
            parts.push(wire::MemberStatesPart { sights_gone, ..Default::default() });
        }
        let probing = self.probing.iter().map(Into::into).collect();
        let proxies = self.proxies.clone();
        parts.push(wire::MemberStatesPart { last: true, probing, proxies, ..Default::default() });
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
        for sights in part.sights {
            let (service, sights) = wire::sights::to_sights(sights)?;
            self.states.sights.insert(service, Arc::new(sights));
        }
        for service in part.sights_gone {
            self.states.sights.remove(&service);
        }
        if part.last {
            self.states.probing = part.probing.into_iter().map(Into::into).collect();
            self.states.proxies = part.proxies;
        }
        Ok(part.last.then(|| self.states.clone()))
    }
}

#[cfg(test)]
mod tests {
    use model::{
        Revision, Ttl, Version,
        dns::{RecordData, RecordOrder, Registration},
        gslb::GslbMember,
        http::HttpObjects,
        testing,
    };

    use super::*;
    use crate::sights::{SharedResult, SiteVoice};
    use crate::{DnsServiceState, HttpServiceState, PortOffset};

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
        let states = MemberStates::from_reports("c", &BTreeSet::new(), &reports);
        assert_eq!(states.get("c", "vs1"), State::Up);
        assert_eq!(states.get("c", "vs2"), State::Down);
        assert_eq!(states.get("c", "vs3"), State::Down);
        assert_eq!(states.get("c", "vs4"), State::Unknown);
        assert_eq!(states.get("d", "vs1"), State::Unknown);
    }

    fn http_report(states: &[(&str, State)]) -> Report {
        let service = |(uuid, state): &(&str, State)| HttpServiceState {
            uuid: (*uuid).to_owned(),
            state: *state,
            reason: String::new(),
            since_us: 0,
            listeners: Vec::new(),
        };
        Report { http_services: states.iter().map(service).map(Arc::new).collect(), ..report(&[]) }
    }

    #[test]
    fn owners_of_names_and_those_behind_members_are_told_and_no_others() {
        let member = |cluster: Option<&str>, vs_uuid: &str| GslbMember {
            cluster_uuid: cluster.map(str::to_owned),
            vs_uuid: Some(vs_uuid.to_owned()),
            ..testing::member("192.0.2.1", 1)
        };
        let members = vec![member(Some("c"), "member"), member(Some("d"), "elsewhere"), member(None, "nowhere")];
        let registration = Registration {
            name: testing::domain("app.example.com"),
            data: RecordData::Addresses(vec![]),
            ttl: Ttl::try_from(30).unwrap(),
            addresses_max: None,
            order: RecordOrder::RoundRobin,
            vs_vip: "vsvip-1".into(),
            virtual_services: ["owner".to_owned()].into(),
            only_while_up: true,
        };
        let snapshot = Snapshot {
            version: report(&[]).version,
            cluster_uuid: "c".into(),
            port_offset: PortOffset::NONE,
            clients: crate::Clients::default(),
            dns_services: vec![],
            gslb_domains: vec![],
            gslb_services: vec![Arc::new(testing::service("app.example.com", vec![testing::pool(1, members)]))],
            monitors: vec![],
            http: HttpObjects::default(),
            registrations: vec![Arc::new(registration)],
        };
        let of_interest = of_interest(&snapshot);
        let all = ["member", "elsewhere", "nowhere", "owner", "other"];
        let reports = [
            http_report(&all.map(|uuid| (uuid, State::Down))),
            http_report(&[("owner", State::Up), ("member", State::Unknown)]),
            report(&[("dns", State::Up)]),
        ];
        let states = MemberStates::from_reports("c", &of_interest, &reports);
        assert_eq!(states.len(), 3);
        let told = ["owner", "member", "dns"].map(|uuid| states.get("c", uuid));
        assert_eq!(told, [State::Up, State::Down, State::Up]);
    }

    #[test]
    fn deltas_lead_to_the_same_table() {
        let first = MemberStates::from_reports("c", &BTreeSet::new(), &[report(&[("a", State::Up), ("b", State::Up)])]);
        let second =
            MemberStates::from_reports("c", &BTreeSet::new(), &[report(&[("b", State::Down), ("d", State::Up)])]);
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

    fn sights(sites: &[(&str, State)], results: &[(&str, State)]) -> Arc<MemberSights> {
        let (pool, ip) = ("first", "192.0.2.1".parse().unwrap());
        let voice =
            |(site, state): &(&str, State)| SiteVoice { site: (*site).into(), pool: pool.into(), ip, state: *state };
        let result = |(engine, state): &(&str, State)| SharedResult {
            engine: (*engine).into(),
            pool: pool.into(),
            ip,
            monitor: "healthmonitor-1".into(),
            state: *state,
            last_failure: (*state == State::Down).then(|| "CONNECTION_REFUSED".into()),
        };
        let (voices, results) = (sites.iter().map(voice).collect(), results.iter().map(result).collect());
        Arc::new(MemberSights { voices, results })
    }

    fn probing(engines: &[(&str, &str)]) -> Vec<ProbingEngine> {
        engines.iter().map(|(uuid, group)| ProbingEngine { uuid: (*uuid).into(), group: (*group).into() }).collect()
    }

    #[test]
    fn what_others_see_of_members_travels_as_differences_too() {
        let (mut first, mut second) = (MemberStates::default(), MemberStates::default());
        first.set_sights("gslbservice-1", sights(&[("b", State::Up)], &[("se-1", State::Down)]));
        first.set_sights("gslbservice-2", sights(&[("b", State::Up), ("c", State::Down)], &[]));
        first.set_probing(probing(&[("se-1", "g"), ("se-2", "g")]));
        first.set_proxies(vec!["cluster-2".into()]);
        second.set_sights("gslbservice-2", sights(&[("c", State::Down)], &[]));
        let mut assembler = MemberStatesAssembler::default();
        let mut base = MemberStates::default();
        for to in [first.clone(), second.clone(), MemberStates::default()] {
            let parts = to.parts_since(&base);
            let taken: Vec<_> = parts.into_iter().filter_map(|part| assembler.take(part).unwrap()).collect();
            assert_eq!(taken, std::slice::from_ref(&to));
            base = to;
        }
        assert_eq!(first.parts_since(&first).len(), 1, "nothing but the end");

        // Who comes back keeps what it heard until it is told anew.
        second.keep_voices(&first);
        assert_eq!(second.proxies(), ["cluster-2"]);
        assert_eq!(second.sights("gslbservice-2"), Some(&sights(&[("c", State::Down)], &[])));
        assert_eq!(second.sights("gslbservice-1"), Some(&sights(&[("b", State::Up)], &[])));
    }

    #[test]
    fn an_engine_shares_with_those_of_its_group_while_a_controller_tells() {
        let mut states = MemberStates::default();
        states.set_probing(probing(&[("se-1", "g"), ("se-2", "other"), ("se-3", "g")]));
        let told = |engine: Option<&str>| ToldStates {
            states: Arc::new(states.clone()),
            is_complete: true,
            engine: engine.map(Arc::from),
        };
        assert_eq!(told(Some("se-1")).sharers(), ["se-1", "se-3"]);
        for engine in [None, Some("se-2"), Some("se-4")] {
            assert_eq!(told(engine).sharers(), [""; 0], "{engine:?}");
        }
    }
}
