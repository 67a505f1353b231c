//! Probes that the engines of this site split among themselves (`GslbSite.hm_shard_enabled`): who takes part, and what each
//! found, for the others.
//!
//! Each engine draws for itself which targets are its own (`health::prober_of`), among those that are told here. One that is
//! gone is told no longer, and the others take its targets over.

use std::{collections::BTreeMap, sync::Arc};

use controller_api::LiveProjection;
use se_link::Engines;
use se_protocol::{
    GslbServiceState, MemberSights, MemberStates,
    sights::{ProbingEngine, SharedResult},
};
use serde_json::Value;

/// What engines found, by service; what did not change is the same object as before.
#[derive(Default)]
pub(crate) struct SharedProbes(BTreeMap<String, Found>);

struct Found {
    /// What the engines reported, in the order of their uuids: the sources.
    reported: Vec<(String, Arc<GslbServiceState>)>,
    sights: Arc<MemberSights>,
}

impl SharedProbes {
    /// Adds to `states` what engines that split the probes tell each other; nothing where `is_split` is false.
    pub(crate) fn add_to(&mut self, states: &mut MemberStates, engines: &Engines, is_split: bool) {
        let probing = if is_split { probing(engines) } else { Vec::new() };
        if probing.len() < 2 {
            self.0.clear();
            return;
        }
        let mut reported: BTreeMap<&str, Vec<(String, Arc<GslbServiceState>)>> = BTreeMap::new();
        for engine in &probing {
            let report = engines.0.get(&engine.uuid).and_then(|known| known.report.as_ref());
            for service in report.iter().flat_map(|report| &report.gslb_services) {
                reported.entry(&service.uuid).or_default().push((engine.uuid.clone(), Arc::clone(service)));
            }
        }
        self.0.retain(|service, _| reported.contains_key(service.as_str()));
        for (service, reported) in reported {
            let sights = self.follow(service, reported);
            if !sights.results.is_empty() {
                let sights = match states.sights(service) {
                    None => sights,
                    // What other sites see and found stays.
                    Some(elsewhere) => {
                        let results = elsewhere.results.iter().chain(&sights.results).cloned().collect();
                        Arc::new(MemberSights { voices: elsewhere.voices.clone(), results })
                    }
                };
                states.set_sights(service, sights);
            }
        }
        states.set_probing(probing);
    }

    fn follow(&mut self, service: &str, reported: Vec<(String, Arc<GslbServiceState>)>) -> Arc<MemberSights> {
        let is_same = |found: &Found| {
            let same = |(a, b): (&(String, Arc<_>), &(String, Arc<_>))| a.0 == b.0 && Arc::ptr_eq(&a.1, &b.1);
            found.reported.len() == reported.len() && found.reported.iter().zip(&reported).all(same)
        };
        if let Some(found) = self.0.get(service).filter(|found| is_same(found)) {
            return Arc::clone(&found.sights);
        }
        let results: Vec<SharedResult> =
            reported.iter().flat_map(|(engine, state)| MemberSights::results_of(engine, state)).collect();
        let known = self.0.get(service).map(|found| &found.sights).filter(|sights| sights.results == results);
        // Round trip times change all the time, verdicts seldom.
        let sights = known.cloned().unwrap_or_else(|| Arc::new(MemberSights { results, ..MemberSights::default() }));
        self.0.insert(service.to_owned(), Found { reported, sights: Arc::clone(&sights) });
        sights
    }
}

/// Whether this site splits its probes.
pub(crate) fn are_split(live: &LiveProjection, own: &str) -> bool {
    live.read(|state| {
        let gslb = state.projection.single("gslb")?;
        let sites = gslb.body.get("sites").and_then(Value::as_array)?;
        let site = sites.iter().find(|site| site.get("cluster_uuid").and_then(Value::as_str) == Some(own))?;
        site.get("hm_shard_enabled").and_then(Value::as_bool)
    })
    .unwrap_or_default()
}

/// Engines that answer DNS and are connected, in the order of their uuids.
fn probing(engines: &Engines) -> Vec<ProbingEngine> {
    let takes_part = |report: &se_protocol::Report| !report.dns_services.is_empty();
    let engines = engines.list().filter(|it| it.connected && it.report.as_deref().is_some_and(takes_part));
    engines.map(|engine| ProbingEngine { uuid: engine.uuid.clone(), group: engine.group.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use model::{Revision, Version};
    use se_link::EngineStatus;
    use se_protocol::{DnsServiceState, MemberState, MonitorState, PoolState, Report, State};

    use super::*;

    fn service(state: State, streak: u32, probed_by: Option<&str>) -> Arc<GslbServiceState> {
        let ip = "192.0.2.1".parse().unwrap();
        let monitor = MonitorState {
            uuid: "healthmonitor-1".into(),
            name: "m".into(),
            target: "192.0.2.1:80".parse().unwrap(),
            state,
            streak,
            last_failure: None,
            latency_us: None,
            probed_by: probed_by.map(str::to_owned),
        };
        let member = MemberState {
            ip,
            state,
            perceived: state,
            reason: String::new(),
            since_us: 1,
            datapath: state,
            controller: None,
            monitors: vec![monitor],
        };
        let pools = vec![PoolState { name: "p".into(), state, members: vec![member] }];
        Arc::new(GslbServiceState { uuid: "gslbservice-1".into(), state, reason: String::new(), since_us: 1, pools })
    }

    fn engine(uuid: &str, connected: bool, answers_dns: bool, service: &Arc<GslbServiceState>) -> EngineStatus {
        let dns = DnsServiceState {
            uuid: "virtualservice-1".into(),
            state: State::Up,
            reason: String::new(),
            listeners: Vec::new(),
        };
        let report = Report {
            version: Version { incarnation: "a".into(), term: 0, revision: Revision(1) },
            dns_services: if answers_dns { vec![dns] } else { Vec::new() },
            gslb_services: vec![Arc::clone(service)],
            http_services: Vec::new(),
            http_pools: Vec::new(),
        };
        EngineStatus {
            uuid: uuid.to_owned(),
            name: uuid.to_owned(),
            group: "g".into(),
            software: String::new(),
            address: None,
            connected,
            running: None,
            refusal: None,
            report: Some(Arc::new(report)),
        }
    }

    fn engines(engines: impl IntoIterator<Item = EngineStatus>) -> Engines {
        Engines(engines.into_iter().map(|engine| (engine.uuid.clone(), engine)).collect())
    }

    fn told(shared: &mut SharedProbes, engines: &Engines, is_split: bool) -> MemberStates {
        let mut states = MemberStates::default();
        shared.add_to(&mut states, engines, is_split);
        states
    }

    #[test]
    fn engines_that_answer_dns_and_are_connected_tell_each_other_what_they_probed_themselves() {
        let mut shared = SharedProbes::default();
        let (own, others) = (service(State::Up, 0, None), service(State::Up, 0, Some("se-1")));
        let all = [
            engine("se-1", true, true, &own),
            engine("se-2", true, true, &others),
            engine("se-3", false, true, &own),
            engine("se-4", true, false, &own),
        ];
        let states = told(&mut shared, &engines(all.clone()), true);
        let results = &states.sights("gslbservice-1").unwrap().results;
        assert_eq!(results.iter().map(|result| result.engine.as_str()).collect::<Vec<_>>(), ["se-1"]);
        let group = "g".to_owned();
        let named = |uuid: &str| ProbingEngine { uuid: uuid.to_owned(), group: group.clone() };
        let mut expected = MemberStates::default();
        expected.set_sights("gslbservice-1", Arc::clone(states.sights("gslbservice-1").unwrap()));
        expected.set_probing(vec![named("se-1"), named("se-2")]);
        assert_eq!(states, expected);
        assert_eq!(told(&mut shared, &engines(all.clone()), false), MemberStates::default(), "not split");
        assert_eq!(told(&mut shared, &engines(all.into_iter().take(1)), true), MemberStates::default(), "one alone");
    }

    #[test]
    fn only_another_verdict_is_news() {
        let mut shared = SharedProbes::default();
        let mut at = |first: &Arc<GslbServiceState>| {
            let second = service(State::Up, 0, Some("se-1"));
            let both = engines([engine("se-1", true, true, first), engine("se-2", true, true, &second)]);
            Arc::clone(told(&mut shared, &both, true).sights("gslbservice-1").unwrap())
        };
        let before = at(&service(State::Up, 0, None));
        assert!(Arc::ptr_eq(&before, &at(&service(State::Up, 2, None))), "a streak");
        assert_eq!(at(&service(State::Down, 0, None)).results[0].state, State::Down);
    }
}
