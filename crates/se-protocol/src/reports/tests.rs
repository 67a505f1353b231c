use model::{Revision, Version};

use super::*;
use crate::{DnsServiceState, GslbServiceState, MemberState, PoolState};

fn member(ip: &str, state: State, since_us: i64) -> MemberState {
    let monitor = MonitorState {
        uuid: "hm".into(),
        name: "hm".into(),
        target: format!("{ip}:80").parse().unwrap(),
        state,
        streak: 0,
        last_failure: (state == State::Down).then(|| "CONNECTION_REFUSED".into()),
        latency_us: (state == State::Up).then_some(900),
        probed_by: None,
    };
    MemberState {
        ip: ip.parse().unwrap(),
        state,
        perceived: state,
        reason: format!("is {}", state.as_avi()),
        since_us,
        datapath: state,
        controller: None,
        monitors: vec![monitor],
    }
}

fn report(revision: u64, members: Vec<MemberState>) -> Arc<Report> {
    let state = best(members.iter().map(|member| member.state)).unwrap();
    let since_us = members[0].since_us;
    let pools = vec![PoolState { name: "pool".into(), state, members }];
    Arc::new(Report {
        version: Version { incarnation: "a".into(), term: 0, revision: Revision(revision) },
        dns_services: vec![DnsServiceState { uuid: "vs".into(), state, reason: String::new(), listeners: vec![] }],
        http_services: vec![],
        http_pools: vec![],
        gslb_services: vec![Arc::new(GslbServiceState {
            uuid: "gs".into(),
            state,
            reason: String::new(),
            since_us,
            pools,
        })],
    })
}

#[track_caller]
fn check(seen: &[(State, i64)], expected: (State, i64)) {
    let reports: Reports =
        seen.iter().map(|(state, since)| report(1, vec![member("192.0.2.1", *state, *since)])).collect();
    let service = reports.gslb_service("gs").unwrap();
    let member = &service.pools[0].members[0];
    assert_eq!((service.state, service.since_us), expected, "{service:?}");
    assert_eq!((service.pools[0].state, member.state, member.datapath), (expected.0, expected.0, expected.0));
    assert_eq!(member.monitors[0].state, expected.0);
    assert_eq!(reports.dns_service("vs").unwrap().state, expected.0);
}

#[test]
fn one_engine_that_has_it_up_is_enough_and_unknown_is_not_down() {
    use State::{Disabled, Down, Unknown, Up};
    check(&[(Down, 1), (Up, 2)], (Up, 2));
    check(&[(Unknown, 1), (Up, 2)], (Up, 2));
    check(&[(Up, 5), (Up, 2)], (Up, 2));
    check(&[(Down, 5), (Down, 7)], (Down, 7));
    check(&[(Unknown, 5), (Down, 7)], (Down, 7));
    check(&[(Unknown, 5), (Unknown, 7)], (Unknown, 7));
    check(&[(Disabled, 5), (Disabled, 7)], (Disabled, 7));
    check(&[(Up, 5)], (Up, 5));
}

#[test]
fn engines_are_counted_and_their_disagreement_told() {
    let seen = [State::Down, State::Up, State::Up];
    let reports: Reports = seen.iter().map(|state| report(1, vec![member("192.0.2.1", *state, 1)])).collect();
    let summary = reports.dns_service("vs").unwrap();
    assert_eq!((summary.engines, summary.engines_up), (3, 2));
    assert_eq!(summary.reason, "so on 2 of 3 service engines, OPER_DOWN on another");
    let member = reports.gslb_service("gs").unwrap().pools.remove(0).members.remove(0);
    assert_eq!(member.reason, "is OPER_UP; so on 2 of 3 service engines, OPER_DOWN on another: is OPER_DOWN");
    assert_eq!((member.monitors[0].latency_us, &member.monitors[0].last_failure), (Some(900), &None));
    assert_eq!((reports.dns_service("other"), reports.gslb_service("other")), (None, None));
    assert_eq!(Reports::default().gslb_service("gs"), None);
    assert_eq!(reports.gslb_services().collect::<Vec<_>>(), [reports.gslb_service("gs").unwrap()]);
}

#[test]
fn members_are_those_of_the_newest_configuration() {
    let older = report(3, vec![member("192.0.2.9", State::Up, 1), member("192.0.2.1", State::Down, 1)]);
    let newer = report(4, vec![member("192.0.2.1", State::Unknown, 1), member("192.0.2.2", State::Up, 1)]);
    let reports: Reports = [older, newer].into_iter().collect();
    let pool = reports.gslb_service("gs").unwrap().pools.remove(0);
    let members: Vec<(String, State)> = pool.members.iter().map(|m| (m.ip.to_string(), m.state)).collect();
    assert_eq!(members, [("192.0.2.1".to_owned(), State::Down), ("192.0.2.2".to_owned(), State::Up)]);
}
