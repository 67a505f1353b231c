//! Sites that probe members for all others (`hm_proxies`, avi-api 5.5): what they find, told to the others and heard of
//! them.

use std::collections::{BTreeMap, BTreeSet};

use objects::{Object, Projection};
use se_protocol::{MemberSights, MonitorState, State, sights::SharedResult};
use serde_json::{Map, Value};
use site_link::{MonitorTold, SiteState};

/// Who probes for whom, by cluster uuids.
#[derive(Default)]
pub(super) struct Proxies {
    /// Sites whose members others may probe, with those.
    by_site: BTreeMap<String, BTreeSet<String>>,
    /// All Avi sites.
    sites: BTreeSet<String>,
}

impl Proxies {
    pub(super) fn read(gslb: &Object) -> Self {
        let mut proxies = Self::default();
        for list in ["sites", "third_party_sites"] {
            for site in elements(&gslb.body, list) {
                let Some(uuid) = text(site, "cluster_uuid") else { continue };
                if list == "sites" {
                    proxies.sites.insert(uuid.to_owned());
                }
                let listed = site.get("hm_proxies").and_then(Value::as_array).into_iter().flatten();
                let named: BTreeSet<String> =
                    listed.filter_map(|proxy| text(proxy, "site_uuid")).map(str::to_owned).collect();
                if !named.is_empty() {
                    proxies.by_site.insert(uuid.to_owned(), named);
                }
            }
        }
        proxies
    }

    /// Whether this site probes for others.
    pub(super) fn is_one(&self, site: &str) -> bool {
        self.by_site.values().any(|named| named.contains(site))
    }

    /// Whether `site` may probe members of a GSLB service for the others.
    pub(super) fn probes(&self, site: &str, service: &str, projection: &Projection) -> bool {
        let Some(service) = projection.get("gslbservice", service) else { return false };
        let pools = elements(&service.body, "groups");
        let members = pools.filter_map(|pool| pool.get("members")?.as_array()).flatten();
        let mut owners = members.filter_map(|member| text(member, "cluster_uuid"));
        owners.any(|owner| self.by_site.get(owner).is_some_and(|named| named.contains(site)))
    }

    /// What the monitors of a member say that are probed at this site, for the others.
    pub(super) fn told(&self, monitors: &[MonitorState]) -> Vec<MonitorTold> {
        let elsewhere = |monitor: &&MonitorState| {
            let by = monitor.probed_by.as_deref();
            by.is_some_and(|prober| self.sites.contains(prober))
        };
        let own = monitors.iter().filter(|monitor| monitor.state != State::Unknown && !elsewhere(monitor));
        let told = own.map(|monitor| MonitorTold {
            uuid: monitor.uuid.clone(),
            state: monitor.state,
            last_failure: monitor.last_failure.clone(),
        });
        told.collect()
    }
}

/// Adds what `site` found by probes to what others see of the members of services; `false` where it tells none: it has no
/// engine that does, or is of an earlier release.
pub(super) fn hear<'t>(site: &str, told: &'t SiteState, sights: &mut BTreeMap<&'t str, MemberSights>) -> bool {
    let mut is_any = false;
    for (service, members) in &told.gslb_members {
        for member in members {
            let results = member.monitors.iter().map(|monitor| SharedResult {
                engine: site.to_owned(),
                pool: member.pool.clone(),
                ip: member.ip,
                monitor: monitor.uuid.clone(),
                state: monitor.state,
                last_failure: monitor.last_failure.clone(),
            });
            if !member.monitors.is_empty() {
                sights.entry(service).or_default().results.extend(results);
                is_any = true;
            }
        }
    }
    is_any
}

fn elements<'v>(body: &'v Map<String, Value>, list: &str) -> impl Iterator<Item = &'v Value> {
    body.get(list).and_then(Value::as_array).into_iter().flatten()
}

fn text<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value.get(field).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use site_link::MemberTold;

    use super::*;

    fn gslb() -> Object {
        let sites = json!([
            {"cluster_uuid": "cluster-a"}, {"cluster_uuid": "cluster-b"},
            {"cluster_uuid": "cluster-p", "hm_proxies": [{"site_uuid": "cluster-a"}]},
        ]);
        let third = json!([{"cluster_uuid": "tp_cluster-1", "hm_proxies": [{"site_uuid": "cluster-b"}]}]);
        let Value::Object(body) = json!({"sites": sites, "third_party_sites": third}) else {
            unreachable!("an object was given")
        };
        Object::new("gslb", "gslb-1".into(), "Default".into(), "admin".into(), body, 1)
    }

    fn monitor(uuid: &str, state: State, probed_by: Option<&str>) -> MonitorState {
        MonitorState {
            uuid: uuid.into(),
            name: uuid.into(),
            target: "192.0.2.1:80".parse().unwrap(),
            state,
            streak: 1,
            last_failure: None,
            latency_us: Some(1),
            probed_by: probed_by.map(str::to_owned),
        }
    }

    #[test]
    fn a_site_tells_what_its_own_engines_found_and_nothing_of_what_another_site_did() {
        let proxies = Proxies::read(&gslb());
        assert_eq!(["cluster-a", "cluster-b", "cluster-p"].map(|site| proxies.is_one(site)), [true, true, false]);
        let found = [
            monitor("own", State::Down, None),
            monitor("other-engine", State::Up, Some("se-2")),
            monitor("other-site", State::Up, Some("cluster-b")),
            monitor("no-verdict", State::Unknown, None),
        ];
        let told = proxies.told(&found);
        assert_eq!(told.iter().map(|it| it.uuid.as_str()).collect::<Vec<_>>(), ["own", "other-engine"]);
    }

    #[test]
    fn what_a_site_found_is_heard_as_results_of_that_site() {
        let ip = "192.0.2.1".parse().unwrap();
        let member = |monitors| MemberTold { pool: "p".into(), ip, state: State::Up, datapath: State::Up, monitors };
        let found =
            MonitorTold { uuid: "m".into(), state: State::Down, last_failure: Some("CONNECTION_REFUSED".into()) };
        let told = SiteState {
            gslb_members: [("s1".to_owned(), vec![member(vec![found])]), ("s2".to_owned(), vec![member(vec![])])]
                .into(),
            ..SiteState::default()
        };
        let (silent, mut sights) = (SiteState::default(), BTreeMap::new());
        assert!(hear("cluster-a", &told, &mut sights));
        assert!(!hear("cluster-b", &silent, &mut sights));
        assert_eq!(sights.keys().copied().collect::<Vec<_>>(), ["s1"]);
        let result = &sights["s1"].results[0];
        assert_eq!((result.engine.as_str(), result.state), ("cluster-a", State::Down));
    }
}
