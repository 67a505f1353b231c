use std::time::Duration;

use gslb::MemberHealth;
use health::{Failure, FailureCode};
use health_probe::TargetKey;
use model::gslb::GslbMember;
use model::monitor::{Check, HealthMonitor};
use model::{Revision, Version, testing};
use se_protocol::{MemberStates, PortOffset};

use super::*;
use crate::targets::Probed;

const NOW: i64 = 1_000_000;
pub(super) const LATER: i64 = 2_000_000;

pub(super) fn member(ip: &str) -> GslbMember {
    testing::member(ip, 1)
}

fn monitor(check: Check) -> HealthMonitor {
    HealthMonitor {
        uuid: "healthmonitor-1".into(),
        name: "amko--1".into(),
        send_interval: Duration::from_secs(10),
        receive_timeout: Duration::from_secs(4),
        successful_checks: 3,
        failed_checks: 3,
        port: Some(80),
        quickstart: true,
        check,
    }
}

pub(super) fn snapshot(revision: u64, members: Vec<GslbMember>, monitor: HealthMonitor) -> Snapshot {
    let mut pool = testing::pool(10, members);
    pool.min_health_monitors_up = Some(2);
    let mut service = testing::service("app.example.com", vec![pool]);
    service.health_monitors = vec![monitor.uuid.clone()];
    Snapshot {
        version: Version { incarnation: "test".into(), term: 0, revision: Revision(revision) },
        cluster_uuid: "cluster-1".into(),
        port_offset: PortOffset::UNPRIVILEGED,
        clients: se_protocol::Clients::default(),
        dns_services: vec![],
        gslb_domains: vec![],
        gslb_services: vec![Arc::new(service)],
        monitors: vec![Arc::new(monitor)],
        http: model::http::HttpObjects::default(),
        registrations: Vec::new(),
    }
}

pub(super) fn tcp() -> HealthMonitor {
    monitor(Check::Tcp { request: None, response: None })
}

/// Members with the targets that they are probed by.
#[derive(Default)]
pub(super) struct Watching {
    members: Members,
    targets: Targets,
    probed: Probed,
}

impl Watching {
    pub(super) fn adopt(&mut self, compiled: &Compiled, now_us: i64) {
        self.members.adopt(compiled, &mut self.targets, now_us);
        self.probed.follow(&mut self.targets);
    }

    pub(super) fn observe(&mut self, key: &TargetKey, outcome: Result<Duration, Failure>, now_us: i64) -> Vec<Change> {
        let observed = self.targets.observe(key, outcome);
        self.members.observe(&observed.watchers, &self.targets, now_us)
    }

    pub(super) fn report(&mut self) -> Vec<Arc<GslbServiceState>> {
        self.members.report(&self.targets)
    }

    pub(super) fn probed(&self) -> impl Iterator<Item = &TargetKey> {
        self.probed.keys()
    }

    /// Tells the prober what came of probes.
    pub(super) fn tick(&mut self) {
        self.probed.follow(&mut self.targets);
    }

    pub(super) fn hear(&mut self, states: ToldStates, now_us: i64) -> Vec<Change> {
        let changes = self.members.hear(states, &mut self.targets, now_us);
        self.probed.follow(&mut self.targets);
        changes
    }
}

/// Members that run `snapshot`, and its slots.
pub(super) fn adopted(members: &mut Watching, snapshot: Snapshot) -> Arc<Slots> {
    let compiled = Compiled::new(Arc::new(snapshot), None);
    members.adopt(&compiled, NOW);
    compiled.slots
}

fn targets(members: &Watching) -> Vec<Target> {
    members.probed.targets().cloned().collect()
}

fn key_of(members: &Watching, ip: &str) -> TargetKey {
    let ip: IpAddr = ip.parse().unwrap();
    members.probed.keys().find(|key| key.address.ip() == ip).unwrap().clone()
}

pub(super) fn pass(members: &mut Watching, ip: &str) -> Vec<Change> {
    let key = key_of(members, ip);
    members.observe(&key, Ok(Duration::from_micros(700)), LATER)
}

pub(super) fn fail(members: &mut Watching, ip: &str) -> Vec<Change> {
    let key = key_of(members, ip);
    members.observe(&key, Err(Failure::new(FailureCode::ConnectionRefused, "refused")), LATER)
}

#[test]
fn a_member_is_not_answered_before_its_first_pass_and_at_once_after_it() {
    let mut members = Watching::default();
    let slots = adopted(&mut members, snapshot(1, vec![member("192.0.2.1"), member("192.0.2.2")], tcp()));
    assert!(!slots.is_up(0) && !slots.is_up(1));
    let changes = pass(&mut members, "192.0.2.2");
    assert!(!slots.is_up(0) && slots.is_up(1));
    assert_eq!(changes.len(), 2, "the member, and with it the service: {changes:?}");
    assert_eq!((changes[0].member, changes[0].to), (Some("192.0.2.2".parse().unwrap()), State::Up));
    assert_eq!((changes[1].member, changes[1].to), (None, State::Up));
}

#[test]
fn a_member_that_was_up_before_the_engine_started_is_answered_until_a_verdict_says_otherwise() {
    let [first, second]: [IpAddr; 2] = ["192.0.2.1", "192.0.2.2"].map(|ip| ip.parse().unwrap());
    let snapshot = |revision| snapshot(revision, vec![member("192.0.2.1"), member("192.0.2.2")], tcp());
    let uuid = snapshot(1).gslb_services[0].uuid.clone();
    let mut members =
        Watching { members: Members::new(UpMembers::from([(uuid, [first].into())])), ..Watching::default() };
    let slots = adopted(&mut members, snapshot(1));
    assert!(slots.is_up(0) && !slots.is_up(1));
    assert_eq!(members.report()[0].state, State::Up);
    // Also in the next snapshot, and through its first failures.
    let slots = adopted(&mut members, snapshot(2));
    assert!(slots.is_up(0) && !slots.is_up(1));
    assert!(fail(&mut members, "192.0.2.1").is_empty() && fail(&mut members, "192.0.2.1").is_empty());
    let changes = fail(&mut members, "192.0.2.1");
    assert!(!slots.is_up(0));
    assert_eq!((changes[0].member, changes[0].from, changes[0].to), (Some(first), State::Up, State::Down));
    assert_eq!(members.report()[0].pools[0].members[1].ip, second);
}

#[test]
fn three_failures_take_a_member_down_and_three_passes_bring_it_back() {
    let mut members = Watching::default();
    let slots = adopted(&mut members, snapshot(1, vec![member("192.0.2.1")], tcp()));
    pass(&mut members, "192.0.2.1");
    assert!(fail(&mut members, "192.0.2.1").is_empty() && fail(&mut members, "192.0.2.1").is_empty());
    let changes = fail(&mut members, "192.0.2.1");
    assert!(!slots.is_up(0));
    assert!(changes[0].reason.contains("CONNECTION_REFUSED"), "{}", changes[0].reason);
    pass(&mut members, "192.0.2.1");
    pass(&mut members, "192.0.2.1");
    assert!(!slots.is_up(0));
    pass(&mut members, "192.0.2.1");
    assert!(slots.is_up(0));
}

#[test]
fn verdicts_survive_a_new_snapshot_and_reach_its_slots() {
    let mut members = Watching::default();
    adopted(&mut members, snapshot(1, vec![member("192.0.2.1")], tcp()));
    pass(&mut members, "192.0.2.1");
    let slots = adopted(&mut members, snapshot(2, vec![member("192.0.2.9"), member("192.0.2.1")], tcp()));
    assert!(!slots.is_up(0) && slots.is_up(1));
    let report = members.report();
    assert_eq!(report[0].pools[0].members[1].since_us, LATER);
    assert_eq!(report[0].state, State::Up);
}

#[test]
fn a_target_that_is_gone_is_ignored() {
    let mut members = Watching::default();
    adopted(&mut members, snapshot(1, vec![member("192.0.2.1")], tcp()));
    let gone = key_of(&members, "192.0.2.1");
    adopted(&mut members, snapshot(2, vec![member("192.0.2.2")], tcp()));
    assert!(members.observe(&gone, Ok(Duration::ZERO), LATER).is_empty());
    assert_eq!(targets(&members).len(), 1);
}

#[test]
fn targets_and_report_carry_the_port_after_the_offset() {
    let mut members = Watching::default();
    adopted(&mut members, snapshot(1, vec![member("192.0.2.1")], tcp()));
    assert_eq!(targets(&members)[0].key().address, "192.0.2.1:8080".parse().unwrap());
    assert_eq!(members.report()[0].pools[0].members[0].monitors[0].target, "192.0.2.1:8080".parse().unwrap());
}

#[test]
fn a_monitor_that_is_not_probed_leaves_the_member_unknown_and_says_so() {
    let mut members = Watching::default();
    let unsupported = monitor(Check::Unsupported("HEALTH_MONITOR_PING".into()));
    let slots = adopted(&mut members, snapshot(1, vec![member("192.0.2.1")], unsupported));
    assert!(targets(&members).is_empty() && !slots.is_up(0));
    let report = members.report();
    assert_eq!(report[0].pools[0].members[0].state, State::Unknown);
    assert!(!report[0].pools[0].members[0].reason.is_empty());
}

#[test]
fn without_monitors_an_enabled_member_is_up_and_a_disabled_one_is_not() {
    let mut off = member("192.0.2.2");
    off.enabled = false;
    let mut snapshot = snapshot(1, vec![member("192.0.2.1"), off], tcp());
    Arc::make_mut(&mut snapshot.gslb_services[0]).health_monitors.clear();
    let mut members = Watching::default();
    let slots = adopted(&mut members, snapshot);
    assert!(slots.is_up(0) && !slots.is_up(1));
    assert_eq!(members.report()[0].pools[0].members[1].state, State::Disabled);
}

#[test]
fn an_unknown_virtual_service_does_not_take_down_what_the_monitor_holds_up() {
    let mut avi = member("192.0.2.1");
    avi.vs_uuid = Some("virtualservice-elsewhere".into());
    let mut members = Watching::default();
    let slots = adopted(&mut members, snapshot(1, vec![avi], tcp()));
    pass(&mut members, "192.0.2.1");
    assert!(slots.is_up(0));
    assert_eq!(members.report()[0].pools[0].members[0].controller, Some(State::Unknown));
}

#[test]
fn a_virtual_service_that_is_told_down_takes_its_member_down_until_nobody_tells() {
    let mut avi = member("192.0.2.1");
    avi.vs_uuid = Some("virtualservice-1".into());
    avi.cluster_uuid = Some("cluster-2".into());
    let mut config = snapshot(1, vec![avi], tcp());
    Arc::make_mut(&mut config.gslb_services[0]).controller_health = true;
    let mut members = Watching::default();
    let slots = adopted(&mut members, config.clone());
    pass(&mut members, "192.0.2.1");
    assert!(slots.is_up(0));

    let told = told(Some(State::Down));
    assert!(!members.hear(told.clone(), LATER).is_empty());
    assert!(!slots.is_up(0));
    // Heard twice is no news, and a new snapshot forgets nothing.
    assert!(members.hear(told, LATER).is_empty());
    let slots = adopted(&mut members, config);
    assert!(!slots.is_up(0));
    // A controller that is away tells nothing.
    members.hear(ToldStates::default(), LATER);
    assert!(slots.is_up(0));
}

#[test]
fn a_member_that_only_the_control_plane_knows_outlives_the_controller_and_the_engine() {
    let mut avi = member("192.0.2.1");
    avi.vs_uuid = Some("virtualservice-1".into());
    avi.cluster_uuid = Some("cluster-2".into());
    let mut config = snapshot(1, vec![avi], tcp());
    let service = Arc::make_mut(&mut config.gslb_services[0]);
    service.controller_health = true;
    service.health_monitors.clear();
    let mut members = Watching::default();
    let slots = adopted(&mut members, config.clone());
    assert!(!slots.is_up(0), "never seen up");
    members.hear(told(Some(State::Up)), LATER);
    assert!(slots.is_up(0));
    // The controller is away; a snapshot from disk changes nothing, and neither does the engine's own end.
    assert!(members.hear(ToldStates::default(), LATER).is_empty());
    assert!(adopted(&mut members, config.clone()).is_up(0));
    let uuid = config.gslb_services[0].uuid.clone();
    let mut members = Watching {
        members: Members::new([(uuid, ["192.0.2.1".parse().unwrap()].into())].into()),
        ..Watching::default()
    };
    let slots = adopted(&mut members, config);
    assert!(slots.is_up(0));
    // It is there again, has to hear first, and then does not know it.
    assert!(members.hear(ToldStates { is_complete: false, ..told(None) }, LATER).is_empty());
    assert!(!members.hear(told(None), LATER).is_empty());
    assert!(!slots.is_up(0));
    // One that was told down is no better off when the controller goes.
    members.hear(told(Some(State::Down)), LATER);
    members.hear(ToldStates::default(), LATER);
    assert!(!slots.is_up(0));
}

/// What a controller that knows all tells of `virtualservice-1`.
fn told(state: Option<State>) -> ToldStates {
    let mut states = MemberStates::default();
    if let Some(state) = state {
        let (cluster_uuid, vs_uuid) = ("cluster-2".to_owned(), "virtualservice-1".to_owned());
        states.set(se_protocol::member_states::VirtualServiceKey { cluster_uuid, vs_uuid }, state);
    }
    ToldStates { states: Arc::new(states), is_complete: true, engine: None }
}

#[test]
fn a_member_that_is_up_stays_up_while_its_new_monitor_has_no_verdict() {
    let mut members = Watching::default();
    adopted(&mut members, snapshot(1, vec![member("192.0.2.1"), member("192.0.2.2")], tcp()));
    pass(&mut members, "192.0.2.1");
    let replaced = HealthMonitor { uuid: "healthmonitor-2".into(), ..tcp() };
    let slots = adopted(&mut members, snapshot(2, vec![member("192.0.2.1"), member("192.0.2.2")], replaced));
    assert!(slots.is_up(0) && !slots.is_up(1));
    assert!(fail(&mut members, "192.0.2.1").is_empty() && fail(&mut members, "192.0.2.1").is_empty());
    fail(&mut members, "192.0.2.1");
    assert!(!slots.is_up(0));
}
