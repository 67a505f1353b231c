//! States of virtual services in, names that are published out.

use std::collections::BTreeSet;

use model::dns::{RecordData, RecordOrder, Registration};
use model::{Revision, Ttl, Version, testing};
use se_protocol::member_states::VirtualServiceKey;
use se_protocol::{MemberStates, PortOffset};

use super::*;

fn registration(name: &str, vs_vip: &str, owners: &[&str]) -> Arc<Registration> {
    Arc::new(Registration {
        name: testing::domain(name),
        data: RecordData::Addresses(vec!["192.0.2.1".parse().unwrap()]),
        ttl: Ttl::try_from(30).unwrap(),
        addresses_max: None,
        order: RecordOrder::ConsistentHash,
        vs_vip: vs_vip.into(),
        virtual_services: owners.iter().map(|owner| (*owner).to_owned()).collect(),
        only_while_up: true,
    })
}

fn snapshot(registrations: Vec<Arc<Registration>>) -> Arc<Snapshot> {
    Arc::new(Snapshot {
        version: Version { incarnation: "test".into(), term: 0, revision: Revision(1) },
        cluster_uuid: "cluster-1".into(),
        port_offset: PortOffset::NONE,
        clients: se_protocol::Clients::default(),
        dns_services: vec![],
        gslb_domains: vec![],
        gslb_services: vec![],
        monitors: vec![],
        http: model::http::HttpObjects::default(),
        registrations,
    })
}

/// Two names of one VsVip, one of them of another one too.
fn adopted() -> Registered {
    let snapshot = snapshot(vec![
        registration("a.example.com", "vsvip-1", &["vs-1", "vs-2"]),
        registration("b.example.com", "vsvip-1", &["vs-1", "vs-2"]),
        registration("b.example.com", "vsvip-2", &["vs-3"]),
    ]);
    let mut registered = Registered::default();
    registered.adopt(&snapshot, &Records::compile(&snapshot.registrations, None));
    registered
}

fn told(states: &[(&str, State)], is_complete: bool) -> ToldStates {
    let mut known = MemberStates::default();
    for (uuid, state) in states {
        known.set(VirtualServiceKey { cluster_uuid: "cluster-1".into(), vs_uuid: (*uuid).into() }, *state);
    }
    ToldStates { states: Arc::new(known), is_complete, engine: None }
}

fn own(uuid: &str, state: State) -> Arc<HttpServiceState> {
    let (reason, listeners) = (String::new(), vec![]);
    Arc::new(HttpServiceState { uuid: uuid.into(), state, reason, since_us: 0, listeners })
}

/// Names and VsVips that are published.
fn published(registered: &Registered) -> BTreeSet<String> {
    let records = &registered.records;
    let published = records.registrations().filter(|(slot, _)| records.is_published(*slot));
    published.map(|(_, registration)| format!("{} {}", registration.name, registration.vs_vip)).collect()
}

#[track_caller]
fn check(registered: &Registered, expected: &[&str]) {
    assert_eq!(published(registered), expected.iter().map(|name| (*name).to_owned()).collect());
}

const ALL: [&str; 3] = ["a.example.com vsvip-1", "b.example.com vsvip-1", "b.example.com vsvip-2"];

#[test]
fn a_record_is_there_while_one_owner_is_up() {
    let mut registered = adopted();
    registered.hear(told(&[("vs-1", State::Up), ("vs-2", State::Down)], true));
    check(&registered, &ALL[..2]);
    registered.hear(told(&[("vs-1", State::Down), ("vs-2", State::Up), ("vs-3", State::Up)], true));
    check(&registered, &ALL);
    registered.hear(told(&[("vs-1", State::Down), ("vs-2", State::Disabled), ("vs-3", State::Up)], true));
    check(&registered, &ALL[2..]);
    registered.hear(told(&[("vs-1", State::Up)], true));
    check(&registered, &ALL[..2]);
}

#[test]
fn what_the_engine_runs_it_knows_better_than_the_controller() {
    let mut registered = adopted();
    registered.hear(told(&[("vs-1", State::Up), ("vs-3", State::Up)], true));
    registered.hear_own(&[own("vs-1", State::Down), own("vs-3", State::Unknown)]);
    check(&registered, &ALL[2..]);
    registered.hear_own(&[own("vs-1", State::Up), own("vs-3", State::Down)]);
    check(&registered, &ALL[..2]);
    // It does not run it any more.
    registered.hear_own(&[]);
    check(&registered, &ALL);
}

#[test]
fn a_controller_that_is_away_changes_nothing() {
    let mut registered = adopted();
    check(&registered, &ALL);
    registered.hear(told(&[("vs-1", State::Up)], true));
    check(&registered, &ALL[..2]);
    registered.hear(told(&[], false));
    check(&registered, &ALL[..2]);
    registered.hear(told(&[], true));
    check(&registered, &[]);
}

#[test]
fn what_follows_from_the_first_verdict_after_a_start_is_no_news() {
    let mut registered = adopted();
    let mut hear = |state| {
        registered.own = vec![own("vs-3", state)];
        let flips = registered.judge();
        flips.iter().map(|flip| (flip.names.clone(), flip.is_up, flip.was_up)).collect::<Vec<_>>()
    };
    let flip = |is_up, was_up| vec![("b.example.com".to_owned(), is_up, was_up)];
    assert_eq!(hear(State::Down), flip(false, false), "published by a guess");
    assert_eq!(hear(State::Up), flip(true, false));
    assert_eq!(hear(State::Up), []);
    assert_eq!(hear(State::Down), flip(false, true));
    assert_eq!(hear(State::Up), flip(true, true));
}

#[test]
fn a_name_that_goes_from_one_owner_to_the_other_is_no_news() {
    let mut registered = adopted();
    registered.hear(told(&[("vs-1", State::Up)], true));
    registered.told = told(&[("vs-2", State::Up)], true);
    assert_eq!(registered.judge(), []);
    check(&registered, &ALL[..2]);
}

#[test]
fn a_new_configuration_publishes_what_was_up() {
    let mut registered = adopted();
    registered.hear(told(&[("vs-3", State::Up)], true));
    let before = Arc::clone(&registered.records);
    let snapshot = snapshot(vec![
        registration("b.example.com", "vsvip-2", &["vs-3"]),
        registration("c.example.com", "vsvip-3", &["vs-3"]),
        registration("d.example.com", "vsvip-4", &["vs-4"]),
    ]);
    registered.adopt(&snapshot, &Records::compile(&snapshot.registrations, Some(&before)));
    check(&registered, &["b.example.com vsvip-2", "c.example.com vsvip-3"]);
}

#[test]
fn a_record_that_ignores_states_is_always_there() {
    let mut always = (*registration("a.example.com", "vsvip-1", &["vs-1"])).clone();
    always.only_while_up = false;
    let snapshot = snapshot(vec![Arc::new(always)]);
    let mut registered = Registered::default();
    registered.adopt(&snapshot, &Records::compile(&snapshot.registrations, None));
    registered.hear(told(&[("vs-1", State::Down)], true));
    check(&registered, &ALL[..1]);
}

#[test]
fn many_names_are_told_in_one_short_line() {
    let names: Vec<DomainName> = (0..6).map(|number| testing::domain(&format!("n{number}.example.com"))).collect();
    let names: Vec<&DomainName> = names.iter().collect();
    assert_eq!(shown(&names[..2]), "n0.example.com, n1.example.com");
    assert!(shown(&names).ends_with("n3.example.com and 2 more"), "{}", shown(&names));
}

#[test]
fn ten_thousand_names_follow_their_owners_without_being_compiled_again() {
    let owner = |number: usize| format!("vs-{number:05}");
    let registrations = (0..10_000)
        .map(|number| registration(&format!("n{number}.example.com"), "vsvip-1", &[&owner(number)]))
        .collect();
    let snapshot = snapshot(registrations);
    let records = Records::compile(&snapshot.registrations, None);
    let mut registered = Registered::default();
    registered.adopt(&snapshot, &records);
    let up: Vec<String> = (0..10_000).filter(|number| number % 7 != 0).map(owner).collect();
    let up: Vec<(&str, State)> = up.iter().map(|uuid| (uuid.as_str(), State::Up)).collect();
    registered.hear(told(&up, true));
    assert_eq!(published(&registered).len(), up.len());
    registered.hear_own(&[own("vs-00000", State::Up)]);
    assert_eq!(published(&registered).len(), up.len() + 1);
    assert!(Arc::ptr_eq(&registered.records, &records));
    assert!(Arc::ptr_eq(&Records::compile(&snapshot.registrations, Some(&records)), &records));
}
