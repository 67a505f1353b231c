use std::sync::Arc;

use model::{Revision, Version};

use super::*;

fn server(address: &str, state: State, since_us: i64) -> ServerState {
    let monitor = MonitorState {
        uuid: "hm".into(),
        name: "hm".into(),
        target: address.parse().unwrap(),
        state,
        streak: 0,
        last_failure: (state == State::Down).then(|| "CONNECTION_REFUSED".into()),
        latency_us: (state == State::Up).then_some(900),
        probed_by: None,
    };
    ServerState {
        address: address.parse().unwrap(),
        state,
        reason: format!("is {}", state.as_avi()),
        since_us,
        monitors: vec![monitor],
    }
}

/// A report with virtual service `vs` and pool `pool`, and others before and after them.
fn report(revision: u64, state: State, since_us: i64, servers: Vec<ServerState>) -> Arc<Report> {
    let service = |uuid: &str, state, since_us| {
        Arc::new(HttpServiceState {
            uuid: uuid.into(),
            state,
            reason: if state == State::Down { "no pool is up".into() } else { String::new() },
            since_us,
            listeners: vec![],
        })
    };
    let pool = |uuid: &str, state, since_us, servers| {
        Arc::new(HttpPoolState { uuid: uuid.into(), state, reason: String::new(), since_us, servers })
    };
    Arc::new(Report {
        version: Version { incarnation: "a".into(), term: 0, revision: Revision(revision) },
        dns_services: vec![],
        gslb_services: vec![],
        http_services: vec![service("a", State::Up, 9), service("vs", state, since_us), service("z", State::Up, 9)],
        http_pools: vec![pool("a", State::Up, 9, vec![]), pool("pool", state, since_us, servers)],
    })
}

#[track_caller]
fn check(seen: &[(State, i64)], expected: (State, i64)) {
    let sights =
        seen.iter().map(|(state, since)| report(1, *state, *since, vec![server("192.0.2.1:80", *state, *since)]));
    let reports: Reports = sights.collect();
    let (service, pool) = (reports.http_service("vs").unwrap(), reports.http_pool("pool").unwrap());
    assert_eq!((service.state, service.since_us), expected, "{service:?}");
    assert_eq!((pool.state, pool.since_us), expected, "{pool:?}");
    let server = &pool.servers[0];
    assert_eq!((server.state, server.since_us, server.monitors[0].state), (expected.0, expected.1, expected.0));
}

#[test]
fn one_engine_that_has_it_up_is_enough_and_unknown_is_not_down() {
    use State::{Disabled, Down, Unknown, Up};
    check(&[(Down, 1), (Up, 2)], (Up, 2));
    check(&[(Up, 5), (Up, 2)], (Up, 2));
    check(&[(Down, 5), (Down, 7)], (Down, 7));
    check(&[(Unknown, 5), (Down, 7)], (Down, 7));
    check(&[(Unknown, 5), (Unknown, 7)], (Unknown, 7));
    check(&[(Disabled, 5)], (Disabled, 5));
}

#[test]
fn engines_are_counted_and_their_disagreement_told() {
    let seen = [State::Down, State::Up, State::Up];
    let reports: Reports =
        seen.map(|state| report(1, state, 1, vec![server("192.0.2.1:80", state, 1)])).into_iter().collect();
    let service = reports.http_service("vs").unwrap();
    assert_eq!((service.engines, service.engines_up), (3, 2));
    assert_eq!(service.reason, "so on 2 of 3 service engines, OPER_DOWN on another: no pool is up");
    let server = reports.http_pool("pool").unwrap().servers.remove(0);
    assert_eq!(server.reason, "is OPER_UP; so on 2 of 3 service engines, OPER_DOWN on another: is OPER_DOWN");
    assert_eq!((server.monitors[0].latency_us, &server.monitors[0].last_failure), (Some(900), &None));
    assert_eq!((reports.http_service("b"), reports.http_pool("b")), (None, None));
    assert_eq!((Reports::default().http_service("vs"), Reports::default().http_pool("pool")), (None, None));
}

#[test]
fn servers_are_those_of_the_newest_configuration_and_matched_by_address_and_port() {
    let of = |address: &str, state| server(address, state, 1);
    let old = vec![of("192.0.2.9:80", State::Up), of("192.0.2.1:80", State::Down), of("192.0.2.2:81", State::Up)];
    let new =
        vec![of("192.0.2.1:80", State::Unknown), of("192.0.2.2:80", State::Down), of("[2001:db8::1]:80", State::Up)];
    let reports: Reports = [report(3, State::Up, 1, old), report(4, State::Down, 1, new)].into_iter().collect();
    let pool = reports.http_pool("pool").unwrap();
    let servers: Vec<(String, State)> = pool.servers.iter().map(|s| (s.address.to_string(), s.state)).collect();
    let expected = [("192.0.2.1:80", State::Down), ("192.0.2.2:80", State::Down), ("[2001:db8::1]:80", State::Up)];
    assert_eq!(servers, expected.map(|(address, state)| (address.to_owned(), state)));
}

#[test]
fn virtual_services_are_counted_once_in_their_best_state() {
    let reports: Reports =
        [report(1, State::Down, 1, vec![]), report(1, State::Unknown, 1, vec![])].into_iter().collect();
    let counts = reports.virtual_services();
    assert_eq!((counts.up, counts.down, counts.unknown, counts.disabled), (2, 1, 0, 0), "a and z are up, vs is down");
    assert_eq!(Reports::default().virtual_services(), crate::StateCounts::default());
}
