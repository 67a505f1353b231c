use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use health::{Failure, FailureCode};
use health_probe::TargetKey;
use http_policy::Verdict;
use model::http::{HttpConfig, HttpObjects, Pool};
use model::monitor::Check;
use model::testing::{http_pool, http_server};
use model::{Revision, Version};
use proptest::prelude::*;
use se_protocol::PortOffset;

use super::*;
use crate::targets::Probed;

const MINUTE_US: i64 = LATENCY_TOLD_EVERY_US;

fn monitor(port: Option<u16>) -> HealthMonitor {
    HealthMonitor {
        uuid: "healthmonitor-1".into(),
        name: "tcp".into(),
        send_interval: Duration::from_secs(10),
        receive_timeout: Duration::from_secs(4),
        successful_checks: 2,
        failed_checks: 2,
        port,
        quickstart: true,
        check: Check::Tcp { request: None, response: None },
    }
}

fn address(last: usize) -> SocketAddr {
    SocketAddr::new([192, 0, 2, u8::try_from(last).unwrap()].into(), 80)
}

/// A pool of the servers `first` to `last` with the monitor.
fn pool(name: &str, servers: std::ops::Range<usize>) -> Pool {
    let servers: Vec<_> = servers.map(|last| (address(last), 1)).collect();
    Pool { health_monitors: vec!["healthmonitor-1".into()], ..http_pool(name, &servers) }
}

/// Pools without sockets and prober.
struct Watching {
    pools: Pools,
    targets: Targets,
    table: Table,
    probed: Probed,
    now_us: i64,
}

impl Watching {
    fn new() -> Self {
        let version = Version { incarnation: "test".into(), term: 0, revision: Revision(0) };
        let (pools, targets, table) = (Pools::default(), Targets::default(), Table::empty(version));
        Self { pools, targets, table, probed: Probed::default(), now_us: 1 }
    }

    fn adopt(&mut self, pools: &[Arc<Pool>], monitor: &Arc<HealthMonitor>) -> Flips {
        let mut pools = pools.to_vec();
        pools.sort_by(|a, b| a.uuid.cmp(&b.uuid));
        let version = self.table.version.clone();
        let config =
            HttpConfig { version: version.clone(), services: vec![], pools: pools.clone(), pool_groups: vec![] };
        let snapshot = Snapshot {
            version,
            cluster_uuid: "cluster-1".into(),
            port_offset: PortOffset::UNPRIVILEGED,
            clients: se_protocol::Clients::default(),
            dns_services: vec![],
            gslb_domains: vec![],
            gslb_services: vec![],
            monitors: vec![Arc::clone(monitor)],
            http: HttpObjects { services: vec![], pools, pool_groups: vec![] },
            registrations: vec![],
        };
        self.now_us += 1;
        let (table, _) = Table::compile(&config, Some(&self.table));
        let flips = self.pools.adopt(&snapshot, &table, &mut self.targets, self.now_us);
        self.table = table;
        self.probed.follow(&mut self.targets);
        flips
    }

    fn probe(&mut self, address: SocketAddr, passes: bool) -> Flips {
        self.now_us += 1;
        let key = self.probed.keys().find(|key| key.address == address).cloned();
        let failed = Failure::new(FailureCode::ConnectionRefused, "refused");
        let outcome = if passes { Ok(Duration::from_micros(self.now_us.unsigned_abs())) } else { Err(failed) };
        let observed = key.map(|key: TargetKey| self.targets.observe(&key, outcome)).unwrap_or_default();
        self.pools.observe(&observed, &self.targets, self.now_us)
    }

    fn report(&mut self) -> Vec<Arc<HttpPoolState>> {
        self.pools.report(&self.targets)
    }

    fn verdicts(&self, pool: &str) -> Vec<Verdict> {
        self.table.pool(pool).unwrap().servers.iter().map(|server| server.state.verdict()).collect()
    }
}

#[test]
fn a_server_is_probed_at_its_own_port_or_the_monitors_whatever_the_offset() {
    let mut watching = Watching::new();
    for (port, probed) in [(None, 80), (Some(81), 81)] {
        watching.adopt(&[Arc::new(pool("p", 1..2))], &Arc::new(monitor(port)));
        let at: Vec<u16> = watching.probed.keys().map(|key| key.address.port()).collect();
        assert_eq!(at, [probed]);
    }
}

#[test]
fn a_new_pool_knows_at_once_what_another_knows_of_its_server() {
    let (mut watching, tcp) = (Watching::new(), Arc::new(monitor(None)));
    let first = Arc::new(pool("a", 1..2));
    watching.adopt(&[Arc::clone(&first)], &tcp);
    let flips = watching.probe(address(1), true);
    assert_eq!((flips.pools, flips.servers), (vec!["pool-a".to_owned()], true));
    watching.adopt(&[first, Arc::new(pool("b", 1..3))], &tcp);
    assert_eq!(watching.verdicts("pool-b"), [Verdict::Up, Verdict::Unknown]);
    assert_eq!(watching.probed.keys().count(), 2, "one target for both");
    watching.probe(address(1), false);
    let flips = watching.probe(address(1), false);
    assert_eq!(flips.pools, ["pool-a", "pool-b"]);
    let reasons: Vec<String> = watching.report().iter().map(|state| state.reason.clone()).collect();
    assert_eq!(reasons[0], "0 of 1 servers up; 192.0.2.1:80: 0 of 1 required monitors pass: tcp CONNECTION_REFUSED");
    assert_eq!((watching.report()[0].state, watching.report()[1].state), (State::Down, State::Unknown));
}

#[test]
fn servers_that_stay_keep_their_state_while_all_else_changes() {
    let (mut watching, tcp) = (Watching::new(), Arc::new(monitor(None)));
    watching.adopt(&[Arc::new(pool("p", 1..3))], &tcp);
    watching.probe(address(1), true);
    let since_us = watching.now_us;
    // Another server beside it, then monitors that have no verdict yet.
    watching.adopt(&[Arc::new(Pool { passive_health: false, ..pool("p", 1..4) })], &tcp);
    assert_eq!(watching.verdicts("pool-p"), [Verdict::Up, Verdict::Unknown, Verdict::Unknown]);
    watching.adopt(&[Arc::new(pool("p", 1..4))], &Arc::new(monitor(Some(8080))));
    assert_eq!(watching.verdicts("pool-p"), [Verdict::Up, Verdict::Unknown, Verdict::Unknown]);
    let state = Arc::clone(&watching.report()[0]);
    assert_eq!((state.state, state.since_us, state.servers[0].since_us), (State::Up, since_us, since_us));
    assert_eq!(state.servers[0].reason, "up before, no verdict of tcp yet");
    // Switched off and on again, it has to pass first.
    let mut off = pool("p", 1..4);
    off.servers[0].enabled = false;
    watching.adopt(&[Arc::new(off)], &tcp);
    watching.adopt(&[Arc::new(pool("p", 1..4))], &tcp);
    assert_eq!(watching.verdicts("pool-p")[0], Verdict::Unknown);
}

#[test]
fn a_pool_needs_as_many_servers_as_it_asks_for() {
    let (mut watching, tcp) = (Watching::new(), Arc::new(monitor(None)));
    let needs = |servers_up_min| Arc::new(Pool { servers_up_min, ..pool("p", 1..4) });
    watching.adopt(&[needs(2)], &tcp);
    assert!(watching.probe(address(1), true).pools.is_empty(), "two may still come up");
    assert_eq!(watching.report()[0].state, State::Unknown);
    assert_eq!(watching.probe(address(2), true).pools, ["pool-p"]);
    for server in [2, 3, 2, 3] {
        watching.probe(address(server), false);
    }
    let state = Arc::clone(&watching.report()[0]);
    let reason = "1 of 3 servers up, 2 needed; 192.0.2.2:80: 0 of 1 required monitors pass: tcp CONNECTION_REFUSED";
    assert_eq!((state.state, state.reason.as_str()), (State::Down, reason));
    assert_eq!(watching.adopt(&[needs(1)], &tcp).pools, ["pool-p"]);
    assert_eq!(watching.report()[0].state, State::Up);
    let mut off = pool("p", 1..3);
    (off.servers_up_min, off.servers[1].enabled) = (2, false);
    watching.adopt(&[Arc::new(off)], &tcp);
    assert_eq!(watching.report()[0].reason, "1 of 2 servers up, 2 needed");
}

#[test]
fn a_report_is_shared_with_the_one_before_until_something_is_news() {
    let (mut watching, tcp) = (Watching::new(), Arc::new(monitor(None)));
    let pools = [Arc::new(pool("a", 1..2)), Arc::new(pool("b", 2..3))];
    watching.adopt(&pools, &tcp);
    watching.probe(address(1), true);
    watching.probe(address(2), true);
    let before = watching.report();
    let is_shared = |now: &[Arc<HttpPoolState>]| -> Vec<bool> {
        now.iter().zip(&before).map(|(now, before)| Arc::ptr_eq(now, before)).collect()
    };
    // Another round trip time, and an equal configuration, are no news; a failure is.
    watching.probe(address(1), true);
    watching.adopt(&pools.clone().map(|pool| Arc::new(Pool::clone(&pool))), &tcp);
    assert!(!watching.pools.has_news());
    assert_eq!(is_shared(&watching.report()), [true, true]);
    watching.probe(address(2), false);
    assert_eq!(is_shared(&watching.report()), [true, false]);
    watching.now_us += MINUTE_US;
    watching.probe(address(1), true);
    assert!(watching.pools.has_news());
    assert_eq!(is_shared(&watching.report()), [false, false]);
}

#[test]
fn what_is_switched_off_is_not_probed_and_says_so() {
    let (mut watching, tcp) = (Watching::new(), Arc::new(monitor(None)));
    let mut off = pool("off", 1..3);
    off.enabled = false;
    let mut half = pool("half", 3..5);
    half.servers[0].enabled = false;
    let empty = pool("empty", 0..0);
    watching.adopt(&[off, half, empty].map(Arc::new), &tcp);
    assert_eq!(watching.probed.keys().map(|key| key.address).collect::<Vec<_>>(), [address(4)]);
    watching.probe(address(4), true);
    let states: Vec<_> = watching.report().iter().map(|pool| (pool.state, pool.reason.clone())).collect();
    let expected = [(State::Down, "it has no servers"), (State::Up, ""), (State::Disabled, "switched off")];
    assert_eq!(states, expected.map(|(state, reason)| (state, reason.to_owned())));
    assert_eq!(watching.report()[1].servers[0].state, State::Disabled);
}

#[derive(Debug, Clone)]
enum Step {
    /// A pool gets other servers, or goes.
    Pool(u8, Option<std::ops::Range<usize>>),
    /// The monitor probes another port.
    Monitor(bool),
    Probe(usize, bool),
}

fn step() -> impl Strategy<Value = Step> {
    let servers = (0..6_usize, 0..4_usize).prop_map(|(first, count)| first..first + count);
    prop_oneof![
        3 => (0..4_u8, prop::option::weighted(0.8, servers)).prop_map(|(name, servers)| Step::Pool(name, servers)),
        1 => any::<bool>().prop_map(Step::Monitor),
        6 => (0..10_usize, any::<bool>()).prop_map(|(server, passes)| Step::Probe(server, passes)),
    ]
}

proptest! {
    #[test]
    fn requests_reports_and_probes_agree_whatever_happened(steps in prop::collection::vec(step(), 1..80)) {
        let (mut watching, mut tcp) = (Watching::new(), Arc::new(monitor(None)));
        let mut pools: BTreeMap<u8, Arc<Pool>> = BTreeMap::new();
        let mut known: BTreeMap<String, State> = BTreeMap::new();
        for step in steps {
            let before = watching.report();
            let flips = match step {
                Step::Probe(server, passes) => {
                    watching.probe(SocketAddr::new(address(server).ip(), tcp.port.unwrap_or(80)), passes)
                }
                change => {
                    match change {
                        Step::Pool(name, Some(servers)) => {
                            let mut made = pool(&name.to_string(), 0..0);
                            made.servers = servers.map(|last| http_server(address(last), 1)).collect();
                            pools.insert(name, Arc::new(made));
                        }
                        Step::Pool(name, None) => drop(pools.remove(&name)),
                        Step::Monitor(other) => tcp = Arc::new(monitor(other.then_some(8080))),
                        Step::Probe(..) => {}
                    }
                    let list: Vec<_> = pools.values().cloned().collect();
                    watching.adopt(&list, &tcp)
                }
            };
            let report = watching.report();
            // Whatever is other than before was told as a flip, and nothing else was.
            let now: BTreeMap<String, State> = report.iter().map(|it| (it.uuid.clone(), it.state)).collect();
            let others: BTreeSet<&String> =
                known.keys().chain(now.keys()).filter(|uuid| known.get(*uuid) != now.get(*uuid)).collect();
            prop_assert_eq!(flips.pools.iter().collect::<BTreeSet<_>>(), others);
            if flips.servers {
                prop_assert_ne!(&before, &report);
            }
            known = now;
            // What requests see is what is reported.
            prop_assert!(report.iter().map(|it| it.uuid.clone()).eq(pools.values().map(|it| it.uuid.clone())));
            for state in &report {
                let verdicts = watching.verdicts(&state.uuid);
                let reported = state.servers.iter().map(|server| match server.state {
                    State::Up => Verdict::Up,
                    State::Unknown => Verdict::Unknown,
                    State::Down | State::Disabled => Verdict::Down,
                });
                prop_assert_eq!(&verdicts, &reported.collect::<Vec<_>>());
                prop_assert_eq!(state.state == State::Up, verdicts.contains(&Verdict::Up));
            }
            // What is probed is what the pools have.
            let wanted: BTreeSet<SocketAddr> = pools
                .values()
                .flat_map(|pool| &pool.servers)
                .map(|server| SocketAddr::new(server.ip, tcp.port.unwrap_or(server.port)))
                .collect();
            prop_assert_eq!(watching.probed.keys().map(|key| key.address).collect::<BTreeSet<_>>(), wanted);
            prop_assert!(watching.probed.targets().all(|target| *target.monitor() == tcp));
        }
    }
}
