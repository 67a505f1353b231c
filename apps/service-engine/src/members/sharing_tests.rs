//! What others see of members: sites that have a voice, engines that take their share of the probes.

use std::collections::BTreeSet;

use gslb::MemberHealth;
use model::gslb::SiteQuorum;
use se_protocol::MemberStates;
use se_protocol::sights::{MemberSights, ProbingEngine, SharedResult, SiteVoice};

use super::tests::{LATER, Watching, adopted, fail, member, pass, snapshot, tcp};
use super::*;

const SERVICE: &str = "gslbservice-app.example.com";
const IP: &str = "192.0.2.1";

fn told(voices: &[(&str, State)], results: Vec<SharedResult>, engines: &[&str]) -> ToldStates {
    let voice = |(site, state): &(&str, State)| SiteVoice {
        site: (*site).to_owned(),
        pool: "pool-10".into(),
        ip: IP.parse().unwrap(),
        state: *state,
    };
    let mut states = MemberStates::default();
    let sights = MemberSights { voices: voices.iter().map(voice).collect(), results };
    states.set_sights(SERVICE, Arc::new(sights));
    let engine = |uuid: &&str| ProbingEngine { uuid: (*uuid).to_owned(), group: "g".into() };
    states.set_probing(engines.iter().map(engine).collect());
    ToldStates { states: Arc::new(states), is_complete: true, engine: Some("se-1".into()) }
}

/// One member, watched here; two of three sites take it down.
fn voted() -> (Watching, Arc<Slots>) {
    let mut config = snapshot(1, vec![member(IP)], tcp());
    Arc::make_mut(&mut config.gslb_services[0]).site_quorum = Some(SiteQuorum { needed: 2, active: 3 });
    let mut members = Watching::default();
    let slots = adopted(&mut members, config);
    (members, slots)
}

fn reported(members: &mut Watching) -> MemberState {
    members.report()[0].pools[0].members[0].clone()
}

#[test]
fn a_member_that_only_this_site_cannot_reach_is_answered_while_a_quorum_of_sites_reaches_it() {
    let (mut members, slots) = voted();
    for _ in 0..3 {
        fail(&mut members, IP);
    }
    assert!(!slots.is_up(0), "nobody else is heard");
    let changes = members.hear(told(&[("b", State::Up), ("c", State::Up)], vec![], &[]), LATER);
    assert!(slots.is_up(0));
    assert_eq!((changes[0].from, changes[0].to), (State::Down, State::Up));
    let state = reported(&mut members);
    assert_eq!((state.state, state.perceived, state.datapath), (State::Up, State::Down, State::Down));
    assert!(state.reason.starts_with("1 of 3 sites perceive it down, 2 take it down; here OPER_DOWN: "), "{state:?}");

    members.hear(told(&[("b", State::Down), ("c", State::Up)], vec![], &[]), LATER);
    assert!(!slots.is_up(0), "two of three");
    members.hear(told(&[("b", State::Up)], vec![], &[]), LATER);
    assert!(slots.is_up(0), "who is not heard has no voice");
    members.hear(ToldStates::default(), LATER);
    assert!(!slots.is_up(0), "no quorum is heard: the own perception");
}

#[test]
fn a_member_that_is_up_here_leaves_when_a_quorum_of_sites_misses_it() {
    let (mut members, slots) = voted();
    pass(&mut members, IP);
    assert!(slots.is_up(0));
    members.hear(told(&[("b", State::Down), ("c", State::Down)], vec![], &[]), LATER);
    assert!(!slots.is_up(0));
    assert_eq!(reported(&mut members).perceived, State::Up);
}

#[test]
fn a_service_without_a_quorum_does_not_ask_other_sites() {
    let mut members = Watching::default();
    let slots = adopted(&mut members, snapshot(1, vec![member(IP)], tcp()));
    pass(&mut members, IP);
    members.hear(told(&[("b", State::Down), ("c", State::Down)], vec![], &[]), LATER);
    assert!(slots.is_up(0));
}

fn result(engine: &str, ip: &str, state: State) -> SharedResult {
    SharedResult {
        engine: engine.to_owned(),
        pool: "pool-10".into(),
        ip: ip.parse().unwrap(),
        monitor: "healthmonitor-1".into(),
        state,
        last_failure: (state == State::Down).then(|| "CONNECTION_REFUSED: it said so".into()),
    }
}

fn addresses(count: u8) -> Vec<String> {
    (1..=count).map(|last| format!("192.0.2.{last}")).collect()
}

fn probed(members: &Watching) -> BTreeSet<IpAddr> {
    members.probed().map(|key| key.address.ip()).collect()
}

/// Forty members that an engine watches who shares with `se-2`.
fn split() -> (Watching, Arc<Slots>) {
    let mut members = Watching::default();
    let forty = addresses(40).iter().map(|ip| member(ip)).collect();
    let slots = adopted(&mut members, snapshot(1, forty, tcp()));
    for ip in addresses(40) {
        pass(&mut members, &ip);
    }
    assert_eq!(probed(&members).len(), 40);
    members.hear(told(&[], vec![], &["se-1", "se-2"]), LATER);
    (members, slots)
}

#[test]
fn two_engines_probe_each_target_once_and_nothing_changes_by_that() {
    let (mut members, slots) = split();
    let own = probed(&members);
    assert!((12..=28).contains(&own.len()), "about half: {}", own.len());
    assert!((0..40).all(|slot| slots.is_up(slot)), "what was known stays");
    let states = members.report();
    for member in &states[0].pools[0].members {
        let by = member.monitors[0].probed_by.as_deref();
        assert_eq!(by, if own.contains(&member.ip) { None } else { Some("se-2") });
    }
    let mut other = Watching::default();
    adopted(&mut other, snapshot(1, addresses(40).iter().map(|ip| member(ip)).collect(), tcp()));
    let theirs = ToldStates { engine: Some("se-2".into()), ..told(&[], vec![], &["se-1", "se-2"]) };
    other.hear(theirs, LATER);
    assert!(probed(&other).is_disjoint(&own));
    assert_eq!(probed(&other).len() + own.len(), 40);
}

#[test]
fn what_another_engine_found_counts_where_that_one_probes_and_nowhere_else() {
    let (mut members, slots) = split();
    let own = probed(&members);
    let results = addresses(40).iter().map(|ip| result("se-2", ip, State::Down)).collect();
    let changes = members.hear(told(&[], results, &["se-1", "se-2"]), LATER);
    assert_eq!(changes.iter().filter(|change| change.member.is_some()).count(), 40 - own.len());
    for (slot, ip) in (0..).zip(addresses(40)) {
        assert_eq!(slots.is_up(slot), own.contains(&ip.parse().unwrap()), "{ip}");
    }
    assert!(changes[0].reason.contains("CONNECTION_REFUSED"), "{}", changes[0].reason);
}

#[test]
fn the_share_of_an_engine_that_is_gone_is_taken_over_and_so_is_all_without_a_controller() {
    let (mut members, slots) = split();
    let own = probed(&members);
    let three = told(&[], vec![], &["se-1", "se-2", "se-3"]);
    members.hear(three, LATER);
    assert!(probed(&members).is_subset(&own), "a third one takes from both");
    members.hear(told(&[], vec![], &["se-1"]), LATER);
    assert_eq!(probed(&members).len(), 40, "alone");
    members.hear(told(&[], vec![], &["se-1", "se-2"]), LATER);
    assert_eq!(probed(&members), own);
    members.hear(ToldStates { engine: None, ..told(&[], vec![], &["se-1", "se-2"]) }, LATER);
    assert_eq!(probed(&members).len(), 40, "without a controller");
    assert!((0..40).all(|slot| slots.is_up(slot)));
    // An engine of another group probes other ports perhaps: nothing is shared with it.
    let mut states = MemberStates::default();
    let engine = |uuid: &str, group: &str| ProbingEngine { uuid: uuid.into(), group: group.into() };
    states.set_probing(vec![engine("se-1", "g"), engine("se-2", "other")]);
    members.hear(ToldStates { states: Arc::new(states), is_complete: true, engine: Some("se-1".into()) }, LATER);
    assert_eq!(probed(&members).len(), 40);
}
