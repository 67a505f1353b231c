//! Heads that are too large, clients that are too slow (avi-api 2.13, 10.10).

use std::time::Duration;

use crate::testbed::{Backend, Bed, Peer, eventually, one_service, one_service_with};

#[track_caller]
fn check(request: &str, expected: u16) {
    let backend = Backend::named("b");
    let (vip, config) = one_service_with(&[backend.address], |service| {
        service.host.profile.header_size_max = 1024;
        service.host.profile.header_count_max = 20;
        service.host.profile.body_size_max = 1000;
    });
    let _bed = Bed::start(1, &config);
    let mut neighbour = Peer::connect(vip);
    assert_eq!(neighbour.get("/").status(), 200);
    let mut client = Peer::connect(vip);
    assert_eq!(client.ask(request).status(), expected);
    if expected != 200 {
        assert!(client.is_closed());
    }
    assert_eq!(neighbour.get("/").status(), 200);
}

#[test]
fn a_target_over_the_limit_is_414() {
    check(&format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "a".repeat(900)), 200);
    check(&format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "a".repeat(1100)), 414);
}

#[test]
fn headers_over_the_limits_are_431() {
    let many = |count: usize| (0..count).map(|n| format!("X-{n}: 1\r\n")).collect::<String>();
    check(&format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", many(15)), 200);
    check(&format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", many(25)), 431);
    check(&format!("GET / HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", "a".repeat(1100)), 431);
    let large = format!("X: {}\r\n", "a".repeat(900)).repeat(60);
    check(&format!("GET / HTTP/1.1\r\nHost: h\r\n{large}\r\n"), 431);
}

#[test]
fn a_body_over_the_limit_is_413_told_or_not() {
    check("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n", 413);
    let chunk = format!("3e9\r\n{}\r\n0\r\n\r\n", "a".repeat(1001));
    check(&format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"), 413);
}

/// A service whose waits are short.
fn impatient(backend: &Backend) -> (std::net::SocketAddr, Bed) {
    let (vip, config) = one_service_with(&[backend.address], |service| {
        let profile = &mut service.host.profile;
        profile.header_timeout = Duration::from_millis(300);
        profile.body_timeout = Duration::from_millis(300);
        profile.keepalive_timeout = Duration::from_millis(300);
        profile.post_accept_timeout = Duration::from_millis(300);
    });
    (vip, Bed::start(1, &config))
}

#[test]
fn a_head_that_comes_too_slowly_is_408() {
    let backend = Backend::named("b");
    let (vip, bed) = impatient(&backend);
    let mut client = Peer::connect(vip);
    client.send("GET / HTTP/1.1\r\nHost: h\r\nX-Slow: ");
    assert_eq!(client.read().unwrap().status(), 408);
    assert!(client.is_closed());
    eventually("the wait is counted", || bed.proxy().stats().clients_timed_out == 1);
}

#[test]
fn a_drop_at_a_time_gains_nothing() {
    let backend = Backend::named("b");
    let (vip, _bed) = impatient(&backend);
    let mut client = Peer::connect(vip);
    let mut trickle = client.reader.get_ref().try_clone().unwrap();
    let dripping = std::thread::spawn(move || {
        use std::io::Write as _;
        for _ in 0..200 {
            if trickle.write_all(b"G").is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50)); // bounded: 200 drops, and the proxy closes long before
        }
    });
    assert_eq!(client.read().unwrap().status(), 408);
    dripping.join().unwrap();
}

#[test]
fn a_body_that_does_not_come_is_408() {
    let backend = Backend::named("b");
    let (vip, _bed) = impatient(&backend);
    let mut client = Peer::connect(vip);
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
    assert_eq!(client.read().unwrap().status(), 408);
    assert!(client.is_closed());
}

#[test]
fn quiet_clients_are_closed_without_a_word() {
    let backend = Backend::named("b");
    let (vip, bed) = impatient(&backend);
    let mut silent = Peer::connect(vip);
    let mut idle = Peer::connect(vip);
    assert_eq!(idle.get("/").status(), 200);
    assert!(silent.is_closed());
    assert!(idle.is_closed());
    eventually("all connections are closed", || bed.proxy().stats().connections_open == 0);
}

#[test]
fn a_response_that_takes_long_is_waited_for() {
    let backend = Backend::start(|mut peer| {
        while peer.read().is_some() {
            std::thread::sleep(Duration::from_millis(900)); // bounded: longer than every limit on the client, once
            peer.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlate");
        }
    });
    let (vip, _bed) = impatient(&backend);
    assert_eq!(Peer::connect(vip).get("/").text(), "late");
}

#[test]
fn a_connection_ends_after_so_many_requests() {
    let backend = Backend::named("b");
    let (vip, config) = one_service_with(&[backend.address], |service| service.host.profile.keepalive_requests_max = 3);
    let _bed = Bed::start(1, &config);
    let mut client = Peer::connect(vip);
    assert_eq!(client.get("/").header("connection"), None);
    assert_eq!(client.get("/").header("connection"), None);
    assert_eq!(client.get("/").header("connection"), Some("close"));
    assert!(client.is_closed());
}

#[test]
fn the_defaults_let_ordinary_requests_through() {
    let backend = Backend::named("b");
    let (vip, config) = one_service(&[backend.address]);
    let _bed = Bed::start(1, &config);
    let cookie = "c".repeat(8000);
    assert_eq!(Peer::connect(vip).ask(format!("GET / HTTP/1.1\r\nHost: h\r\nCookie: {cookie}\r\n\r\n")).status(), 200);
}
