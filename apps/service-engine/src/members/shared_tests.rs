//! Whatever changed and whatever the probes said: taking over what stayed is the same as making everything anew.

use std::collections::BTreeMap;

use gslb::MemberHealth;
use health::{Failure, FailureCode};
use health_probe::TargetKey;
use model::monitor::{Check, HealthMonitor};
use model::{Revision, Version, testing};
use proptest::prelude::*;
use se_protocol::PortOffset;

use super::tests::Watching;
use super::*;

#[derive(Debug, Clone)]
enum Step {
    /// A service becomes something else, or goes.
    Service(u8, Option<u8>),
    Monitor(u8),
    Probe(usize, bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..6_u8, prop::option::weighted(0.8, 0..8_u8)).prop_map(|(number, seed)| Step::Service(number, seed)),
        1 => (0..3_u8).prop_map(Step::Monitor),
        4 => (any::<usize>(), any::<bool>()).prop_map(|(place, passes)| Step::Probe(place, passes)),
    ]
}

fn service(number: u8, seed: u8) -> GslbService {
    let member = |last: u8| testing::member(&format!("192.0.2.{last}"), u64::from(seed) + 1);
    let mut service =
        testing::service("app.example.com", vec![testing::pool(10, (0..=seed % 3).map(member).collect())]);
    service.uuid = format!("gslbservice-{number}");
    service.enabled = seed != 7;
    service.health_monitors = if seed == 6 { vec![] } else { vec!["healthmonitor-1".into()] };
    service
}

fn monitor(seed: u8) -> HealthMonitor {
    HealthMonitor {
        uuid: "healthmonitor-1".into(),
        name: "m".into(),
        send_interval: std::time::Duration::from_secs(10),
        receive_timeout: std::time::Duration::from_secs(4),
        successful_checks: 2,
        failed_checks: 2,
        port: Some(80 + u16::from(seed % 2)),
        quickstart: seed > 1,
        check: Check::Tcp { request: None, response: None },
    }
}

/// Address and weight of a member, and whether its slot is up.
type Seen = (IpAddr, u8, bool);

/// An engine without sockets and prober.
#[derive(Default)]
struct Engine {
    compiled: Option<Compiled>,
    members: Watching,
}

impl Engine {
    fn adopt(&mut self, snapshot: Snapshot, now_us: i64) {
        let compiled = Compiled::new(Arc::new(snapshot), self.compiled.as_ref());
        self.members.adopt(&compiled, now_us);
        self.compiled = Some(compiled);
    }

    /// What readers see of each service.
    fn seen(&self) -> Vec<(String, Vec<Seen>)> {
        let compiled = self.compiled.as_ref().unwrap();
        let services = compiled.services.iter().map(|compiled_service| {
            let pools = compiled_service.service.pools.iter().flat_map(|pool| pool.members.iter());
            let members = pools.map(|m| (m.ip, m.weight.get(), compiled.slots.is_up(m.slot)));
            (compiled_service.service.uuid.clone(), members.collect())
        });
        services.collect()
    }

    fn probed(&self) -> BTreeMap<String, TargetKey> {
        self.members.probed().map(|key| (format!("{key:?}"), key.clone())).collect()
    }
}

proptest! {
    #[test]
    fn what_is_shared_changes_nothing(steps in prop::collection::vec(step(), 1..60)) {
        let mut services: BTreeMap<u8, Arc<GslbService>> = BTreeMap::new();
        let mut probe = Arc::new(monitor(0));
        let (mut shared, mut anew) = (Engine::default(), Engine::default());
        for (now_us, step) in (1_i64..).zip(steps) {
            match step {
                Step::Service(number, Some(seed)) => drop(services.insert(number, Arc::new(service(number, seed)))),
                Step::Service(number, None) => drop(services.remove(&number)),
                Step::Monitor(seed) => probe = Arc::new(monitor(seed)),
                Step::Probe(place, passes) => {
                    let targets: Vec<TargetKey> = shared.probed().into_values().collect();
                    let Some(key) = targets.get(place % targets.len().max(1)) else { continue };
                    let failed = || Failure::new(FailureCode::ConnectionRefused, "refused");
                    let outcome = || passes.then_some(std::time::Duration::from_micros(7)).ok_or_else(failed);
                    let told = shared.members.observe(key, outcome(), now_us);
                    prop_assert_eq!(told.len(), anew.members.observe(key, outcome(), now_us).len());
                }
            }
            let snapshot = Snapshot {
                version: Version { incarnation: "test".into(), term: 0, revision: Revision(now_us.unsigned_abs()) },
                cluster_uuid: "cluster-1".into(),
                port_offset: PortOffset::NONE,
                clients: se_protocol::Clients::default(),
                dns_services: vec![],
                gslb_domains: vec![],
                gslb_services: services.values().cloned().collect(),
                monitors: vec![Arc::clone(&probe)],
                http: model::http::HttpObjects::default(),
                registrations: Vec::new(),
            };
            let copy = Snapshot {
                gslb_services: services.values().map(|service| Arc::new(GslbService::clone(service))).collect(),
                ..snapshot.clone()
            };
            shared.adopt(snapshot, now_us);
            anew.adopt(copy, now_us);
            prop_assert_eq!(shared.seen(), anew.seen());
            prop_assert_eq!(shared.members.report(), anew.members.report());
            prop_assert_eq!(shared.probed(), anew.probed());
        }
    }
}
