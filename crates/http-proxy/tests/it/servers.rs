//! Servers that are down, dead, slow, or talk nonsense.

use std::sync::Arc;
use std::time::Duration;

use http_policy::Verdict;
use model::http::{FailAction, HttpConfig, LocalResponse, Redirect};

use crate::testbed::{Backend, Bed, Peer, eventually, free_address, one_service};

const POST: &str = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";

/// A server that answers one request per connection, keeps it open, and closes it when the next comes.
fn dying() -> Backend {
    Backend::start(|mut peer| {
        if peer.read().is_some() {
            peer.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        }
        let _ = peer.read_head();
    })
}

fn change_pool(config: &mut HttpConfig, change: impl FnOnce(&mut model::http::Pool)) {
    change(Arc::make_mut(&mut config.pools[0]));
}

#[test]
fn a_request_that_may_be_repeated_survives_a_dead_kept_connection() {
    let backend = dying();
    let (vip, config) = one_service(&[backend.address]);
    let bed = Bed::start(1, &config);
    let mut client = Peer::connect(vip);
    for _ in 0..5 {
        assert_eq!(client.get("/").text(), "ok");
    }
    assert_eq!((backend.connections(), bed.proxy().stats().retries), (5, 4));
}

#[test]
fn a_request_that_may_not_be_repeated_is_not() {
    let backend = dying();
    let (vip, config) = one_service(&[backend.address]);
    let _bed = Bed::start(1, &config);
    let mut client = Peer::connect(vip);
    assert_eq!(client.get("/").status(), 200);
    assert_eq!(client.ask(POST).status(), 502);
    assert_eq!(backend.connections(), 1);
}

#[test]
fn a_connection_that_the_server_closed_is_not_used() {
    let backend = Backend::answering(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let (vip, config) = one_service(&[backend.address]);
    let _bed = Bed::start(1, &config);
    let mut client = Peer::connect(vip);
    for count in 1..=20 {
        assert_eq!(client.ask(POST).text(), "ok");
        eventually("the server has closed", || backend.closed() == count);
    }
    assert_eq!(backend.connections(), 20);
}

#[test]
fn a_server_that_cannot_be_reached_is_replaced_and_then_passed_over() {
    let backend = Backend::named("up");
    let (vip, config) = one_service(&[free_address(), backend.address]);
    let bed = Bed::start(1, &config);
    let mut client = Peer::connect(vip);
    for _ in 0..20 {
        assert_eq!(client.ask(POST).text(), "abc");
    }
    assert_eq!(bed.proxy().stats().server_connections_failed, 3);
}

#[test]
fn nobody_up_is_503_at_once_and_over_when_one_is() {
    let backend = Backend::named("up");
    let (vip, mut config) = one_service(&[backend.address]);
    change_pool(&mut config, |pool| pool.health_monitors = vec!["healthmonitor-1".into()]);
    let bed = Bed::start(1, &config);
    let mut client = Peer::connect(vip);
    assert_eq!(client.get("/").status(), 503);
    let view = bed.proxy().view();
    let state = &view.table.pool("pool-p").unwrap().servers[0].state;
    state.set_verdict(Verdict::Up);
    assert_eq!(client.get("/").text(), "up");
    state.set_verdict(Verdict::Down);
    assert_eq!(client.get("/").status(), 503);
    assert_eq!(backend.connections(), 1);
}

#[test]
fn nobody_reachable_is_503_and_the_pool_says_what_else() {
    let (vip, mut config) = one_service(&[free_address()]);
    let mut bed = Bed::start(1, &config);
    assert_eq!(Peer::connect(vip).get("/").status(), 503);
    let local = LocalResponse { status: 200, file: Some(("text/plain".into(), b"sorry".to_vec())) };
    change_pool(&mut config, |pool| pool.fail_action = FailAction::Respond(local));
    bed.apply(&config);
    assert_eq!(Peer::connect(vip).get("/").text(), "sorry");
    change_pool(&mut config, |pool| pool.fail_action = FailAction::Redirect(Redirect::to_https(443)));
    bed.apply(&config);
    assert_eq!(Peer::connect(vip).get("/x").header("location"), Some("https://app.example.com/x"));
    change_pool(&mut config, |pool| pool.fail_action = FailAction::CloseConnection);
    bed.apply(&config);
    let mut client = Peer::connect(vip);
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(client.is_closed());
}

#[test]
fn a_server_that_does_not_answer_in_time_is_504() {
    let backend = Backend::start(|mut peer| {
        let _ = peer.read();
        let _ = peer.read_head();
    });
    let (vip, mut config) = one_service(&[backend.address]);
    change_pool(&mut config, |pool| pool.response_timeout = Duration::from_millis(300));
    let _bed = Bed::start(1, &config);
    assert_eq!(Peer::connect(vip).get("/").status(), 504);
}

#[test]
fn what_is_no_response_is_502() {
    for octets in [
        &b"SSH-2.0-OpenSSH\r\n"[..],
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbroken header\r\n\r\n",
        b"",
    ] {
        let backend = Backend::answering(octets);
        let (vip, config) = one_service(&[backend.address]);
        let _bed = Bed::start(1, &config);
        assert_eq!(Peer::connect(vip).get("/").status(), 502, "{}", String::from_utf8_lossy(octets));
    }
}

#[test]
fn a_body_that_breaks_off_is_not_passed_as_whole() {
    for octets in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
    ] {
        let backend = Backend::answering(octets);
        let (vip, config) = one_service(&[backend.address]);
        let _bed = Bed::start(1, &config);
        let mut client = Peer::connect(vip);
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        let mut all = Vec::new();
        let _ = std::io::Read::read_to_end(&mut client.reader, &mut all);
        let text = String::from_utf8_lossy(&all);
        let is_short = text.contains("content-length: 10") && !text.contains("abc       ");
        assert!(text.is_empty() || is_short || text.contains("chunked") && !text.ends_with("0\r\n\r\n"), "{text}");
    }
}

#[test]
fn octets_after_a_response_are_nobody_s_answer() {
    let backend = Backend::start(|mut peer| {
        while peer.read().is_some() {
            peer.send(
                "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nmineHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nstolen",
            );
        }
    });
    let (vip, config) = one_service(&[backend.address]);
    let _bed = Bed::start(1, &config);
    for _ in 0..3 {
        assert_eq!(Peer::connect(vip).get("/").text(), "mine");
    }
    assert_eq!(backend.connections(), 3);
}
