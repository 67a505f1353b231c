//! Members that another site probes for all: what counts while it is heard, and when it is not.

use gslb::MemberHealth;
use model::gslb::HealthProxy;
use se_protocol::MemberStates;
use se_protocol::sights::{MemberSights, ProbingEngine, SharedResult};

use super::tests::{LATER, Watching, adopted, fail, member, pass, snapshot, tcp};
use super::*;

const SERVICE: &str = "gslbservice-app.example.com";
const IP: &str = "10.0.0.1";

/// One member that these sites probe for all others, watched at `cluster-1`.
fn proxied(sites: &[&str]) -> (Watching, Arc<Slots>) {
    let mut private = member(IP);
    let proxy = |site: &&str| HealthProxy { site: (*site).to_owned(), name: format!("the {site}") };
    private.proxies = sites.iter().map(proxy).collect();
    let mut members = Watching::default();
    let slots = adopted(&mut members, snapshot(1, vec![private], tcp()));
    (members, slots)
}

/// Sites that are heard, and what the first of them found.
fn told(sites: &[&str], found: Option<State>) -> ToldStates {
    let result = |state: State| SharedResult {
        engine: sites[0].to_owned(),
        pool: "pool-10".into(),
        ip: IP.parse().unwrap(),
        monitor: "healthmonitor-1".into(),
        state,
        last_failure: (state == State::Down).then(|| "CONNECTION_REFUSED: it said so".into()),
    };
    let mut states = MemberStates::default();
    let results = found.map(result).into_iter().collect();
    states.set_sights(SERVICE, Arc::new(MemberSights { results, ..MemberSights::default() }));
    states.set_proxies(sites.iter().map(|&site| site.to_owned()).collect());
    ToldStates { states: Arc::new(states), is_complete: true, engine: Some("se-1".into()) }
}

fn reported(members: &mut Watching) -> MemberState {
    members.report()[0].pools[0].members[0].clone()
}

fn is_probed(members: &Watching) -> bool {
    members.probed().next().is_some()
}

#[test]
fn a_member_that_another_site_probes_is_not_probed_here_and_is_what_that_site_finds() {
    let (mut members, slots) = proxied(&["cluster-2"]);
    members.hear(told(&["cluster-2"], None), LATER);
    assert!(!is_probed(&members) && !slots.is_up(0), "nothing is known yet");
    let changes = members.hear(told(&["cluster-2"], Some(State::Up)), LATER);
    assert!(slots.is_up(0) && !is_probed(&members));
    assert!(changes[0].reason.ends_with("; the cluster-2 probes it for all sites"), "{changes:?}");
    let state = reported(&mut members);
    assert_eq!((state.datapath, state.monitors[0].probed_by.as_deref()), (State::Up, Some("cluster-2")));

    members.hear(told(&["cluster-2"], Some(State::Down)), LATER);
    assert!(!slots.is_up(0));
    let state = reported(&mut members);
    assert_eq!((state.state, state.datapath), (State::Down, State::Down));
    assert!(state.reason.contains("CONNECTION_REFUSED; the cluster-2 probes it"), "{state:?}");
}

#[test]
fn a_site_that_is_not_heard_any_more_takes_nothing_down_nor_do_failures_from_here_until_a_pass() {
    let (mut members, slots) = proxied(&["cluster-2"]);
    members.hear(told(&["cluster-2"], Some(State::Up)), LATER);
    assert_eq!(members.hear(told(&[], None), LATER), [], "up before, and nothing says otherwise");
    assert!(slots.is_up(0) && is_probed(&members), "this site stands in");
    for _ in 0..10 {
        assert_eq!(fail(&mut members, IP), []);
    }
    assert!(slots.is_up(0));
    let state = reported(&mut members);
    assert_eq!((state.state, state.datapath), (State::Up, State::Up));
    assert_eq!((state.monitors[0].state, state.monitors[0].probed_by.as_deref()), (State::Unknown, None));
    assert!(state.reason.contains("the cluster-2 probes it for all sites and is not heard"), "{state:?}");
    assert!(state.monitors[0].last_failure.as_deref().unwrap().contains("CONNECTION_REFUSED"), "{state:?}");

    // What passed here can fail here.
    pass(&mut members, IP);
    for _ in 0..3 {
        assert!(slots.is_up(0));
        fail(&mut members, IP);
    }
    assert!(!slots.is_up(0));
    assert_eq!(reported(&mut members).state, State::Down);

    let changes = members.hear(told(&["cluster-2"], Some(State::Up)), LATER);
    assert!(slots.is_up(0) && !is_probed(&members), "{changes:?}");
}

#[test]
fn a_site_that_was_cut_off_takes_nothing_down_that_passes_here_until_it_finds_it_up_or_it_fails_here() {
    let (mut members, slots) = proxied(&["cluster-2"]);
    members.hear(told(&["cluster-2"], Some(State::Up)), LATER);
    members.hear(told(&[], None), LATER);
    pass(&mut members, IP);
    // It is heard again, and tells what it found while it was alone.
    members.hear(told(&["cluster-2"], Some(State::Down)), LATER);
    assert!(slots.is_up(0) && is_probed(&members));
    let state = reported(&mut members);
    assert!(
        state.reason.ends_with("the cluster-2 probes it for all sites and has not found it up: probed here as well")
    );
    assert_eq!((state.state, state.monitors[0].probed_by.as_deref()), (State::Up, None));
    members.hear(told(&["cluster-2"], Some(State::Up)), LATER);
    assert!(slots.is_up(0) && !is_probed(&members), "both agree");
    members.hear(told(&["cluster-2"], Some(State::Down)), LATER);
    assert!(!slots.is_up(0), "and now it counts");

    let (mut members, slots) = proxied(&["cluster-2"]);
    members.hear(told(&[], None), LATER);
    pass(&mut members, IP);
    members.hear(told(&["cluster-2"], Some(State::Down)), LATER);
    for count in 0..3 {
        assert_eq!((slots.is_up(0), is_probed(&members)), (true, true), "{count} {:?}", reported(&mut members));
        fail(&mut members, IP);
    }
    members.tick();
    assert!(!slots.is_up(0) && !is_probed(&members), "what it said is true");
    members.hear(told(&["cluster-2"], Some(State::Up)), LATER);
    assert!(slots.is_up(0) && !is_probed(&members));
}

#[test]
fn what_was_down_becomes_unknown_when_the_site_is_not_heard_and_up_by_a_pass_from_here() {
    let (mut members, slots) = proxied(&["cluster-2"]);
    members.hear(told(&["cluster-2"], Some(State::Down)), LATER);
    let changes = members.hear(told(&[], None), LATER);
    assert_eq!((changes[0].from, changes[0].to), (State::Down, State::Unknown));
    fail(&mut members, IP);
    assert_eq!(reported(&mut members).state, State::Unknown);
    pass(&mut members, IP);
    assert!(slots.is_up(0));
}

#[test]
fn the_first_site_that_is_heard_probes_and_one_of_them_counts_its_own_failures() {
    let (mut members, _) = proxied(&["cluster-2", "cluster-3"]);
    members.hear(told(&["cluster-3"], Some(State::Up)), LATER);
    assert_eq!(reported(&mut members).monitors[0].probed_by.as_deref(), Some("cluster-3"));

    // `cluster-1` is where this engine is.
    let (mut members, slots) = proxied(&["cluster-1", "cluster-2"]);
    members.hear(told(&["cluster-2"], Some(State::Up)), LATER);
    assert!(is_probed(&members) && !slots.is_up(0), "it is the first");

    let (mut members, slots) = proxied(&["cluster-2", "cluster-1"]);
    members.hear(told(&["cluster-2"], Some(State::Up)), LATER);
    assert!(!is_probed(&members));
    members.hear(told(&[], None), LATER);
    for _ in 0..3 {
        assert!(slots.is_up(0));
        fail(&mut members, IP);
    }
    assert!(!slots.is_up(0), "it reaches such members, so its failures count");
}

#[test]
fn engines_that_stand_in_split_the_probes_as_they_do_for_other_members() {
    let (mut members, _) = proxied(&["cluster-2"]);
    let engine = |uuid: &str| ProbingEngine { uuid: uuid.to_owned(), group: "g".into() };
    let mut states = MemberStates::default();
    states.set_probing(vec![engine("se-1"), engine("se-2")]);
    let told = |states: &MemberStates, uuid: &str| ToldStates {
        states: Arc::new(states.clone()),
        is_complete: true,
        engine: Some(uuid.into()),
    };
    let mut probed_at = |uuid: &str, states: &MemberStates| {
        members.hear(told(states, uuid), LATER);
        is_probed(&members)
    };
    assert_ne!(probed_at("se-1", &states), probed_at("se-2", &states));
    states.set_proxies(vec!["cluster-2".into()]);
    assert!(!probed_at("se-1", &states) && !probed_at("se-2", &states));
}
