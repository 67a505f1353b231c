//! Clients that are slow, old, hasty, or gone before the end.

use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::testbed::{Backend, Bed, Peer, eventually, one_service, one_service_with};

/// Answers the head of each request with this, whatever its body, and takes no more of it.
fn early(answer: &'static str) -> Backend {
    Backend::start(move |mut peer| {
        if peer.read_head().is_some() {
            peer.send(answer);
        }
        // Until the other side closes.
        let mut rest = [0; 4096];
        while std::io::Read::read(&mut peer.reader, &mut rest).is_ok_and(|read| read > 0) {}
    })
}

#[test]
fn a_client_of_http_1_0_that_asks_for_it_keeps_its_connection() {
    let backend = Backend::named("b");
    let (vip, config) = one_service(&[backend.address]);
    let _bed = Bed::start(1, &config);
    let mut client = Peer::connect(vip);
    for _ in 0..3 {
        let response = client.ask("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
        let connection = response.header("connection").unwrap_or_default().to_ascii_lowercase();
        assert_eq!((response.text(), connection.as_str()), ("b", "keep-alive"));
    }
    assert_eq!(client.ask("GET / HTTP/1.0\r\n\r\n").text(), "b");
    assert!(client.is_closed());
}

#[test]
fn an_answer_before_the_body_reaches_the_client_and_ends_its_connection() {
    let backend = early("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno");
    let (vip, config) = one_service(&[backend.address]);
    let _bed = Bed::start(1, &config);
    for framing in ["Content-Length: 100000000", "Transfer-Encoding: chunked"] {
        let mut client = Peer::connect(vip);
        let response = client.ask(format!("POST / HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n"));
        assert_eq!((response.status(), response.text()), (403, "no"));
        // What looks like a request is body.
        use std::io::Write as _;
        let _ = client.reader.get_mut().write_all(b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
        assert!(client.is_closed(), "{framing}");
    }
}

#[test]
fn a_server_that_answers_and_closes_while_it_is_sent_to_is_heard() {
    let backend = Backend::start(|mut peer| {
        let _ = peer.read_head();
        peer.send("HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno");
        let _ = peer.reader.get_ref().shutdown(Shutdown::Write);
        let mut rest = [0; 4096];
        while std::io::Read::read(&mut peer.reader, &mut rest).is_ok_and(|read| read > 0) {}
    });
    let (vip, config) = one_service(&[backend.address]);
    let _bed = Bed::start(1, &config);
    let mut client = Peer::connect(vip);
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 50000000\r\n\r\n");
    let mut upload = client.reader.get_ref().try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        use std::io::Write as _;
        let part = [b'x'; 65536];
        for _ in 0..763 {
            if upload.write_all(&part).is_err() {
                return;
            }
        }
    });
    let response = client.read().unwrap();
    assert_eq!((response.status(), response.text()), (413, "no"));
    let _ = client.reader.get_ref().shutdown(Shutdown::Both);
    sending.join().unwrap();
}

#[test]
fn who_waits_for_leave_and_gets_the_answer_instead_sends_no_body() {
    let backend = early("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n");
    let (vip, config) = one_service_with(&[backend.address], |service| service.host.profile.body_size_max = 10);
    let _bed = Bed::start(1, &config);
    let mut client = Peer::connect(vip);
    let response = client.ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(response.status(), 413);
    assert!(client.is_closed());
    let mut old = Peer::connect(vip);
    old.send("POST / HTTP/1.0\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc");
    assert_eq!(old.read().unwrap().status(), 401, "HTTP/1.0 knows no interim response");
}

#[test]
fn octets_behind_an_upgrade_that_is_refused_are_a_request_or_the_end() {
    let backend = Backend::named("no");
    let (vip, config) = one_service(&[backend.address]);
    let _bed = Bed::start(1, &config);
    let upgrade = "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let mut client = Peer::connect(vip);
    assert_eq!(client.ask(format!("{upgrade}GET /next HTTP/1.1\r\nHost: h\r\n\r\n")).text(), "no");
    assert_eq!(client.read().unwrap().header("got"), Some("GET /next HTTP/1.1"));
    let mut client = Peer::connect(vip);
    assert_eq!(client.ask(format!("{upgrade}\u{1}\u{2}frame\r\n\r\n")).text(), "no");
    assert_eq!(client.read().unwrap().status(), 400);
    assert!(client.is_closed());
}

#[test]
fn an_upgrade_with_a_body_or_of_http_1_0_is_no_upgrade() {
    let backend = Backend::named("b");
    let (vip, config) = one_service(&[backend.address]);
    let _bed = Bed::start(1, &config);
    for request in [
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\nx",
        "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ] {
        let response = Peer::connect(vip).ask(request);
        assert_eq!((response.status(), response.header("got-upgrade")), (200, None), "{request:?}");
    }
}

fn impatient(server: SocketAddr) -> (SocketAddr, Bed) {
    let (vip, config) = one_service_with(&[server], |service| {
        let profile = &mut service.host.profile;
        profile.keepalive_requests_max = 0;
        profile.header_timeout = Duration::from_millis(500);
        profile.body_timeout = Duration::from_millis(500);
    });
    (vip, Bed::start(1, &config))
}

#[test]
fn a_hundred_slow_clients_do_not_keep_a_neighbour_waiting() {
    let backend = Backend::named("b");
    let (vip, bed) = impatient(backend.address);
    let mut slow: Vec<Peer> = (0..100).map(|_| Peer::connect(vip)).collect();
    for (n, client) in slow.iter_mut().enumerate() {
        client.send(if n % 2 == 0 {
            "GET / HTTP/1.1\r\nHost: h\r\nX-a: b"
        } else {
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc"
        });
    }
    let mut neighbour = Peer::connect(vip);
    for mut client in slow {
        assert_eq!(neighbour.get("/").text(), "b");
        assert_eq!(client.read().unwrap().status(), 408);
        assert!(client.is_closed());
    }
    assert_eq!(neighbour.get("/").text(), "b");
    eventually("only the neighbour is left", || bed.proxy().stats().connections_open == 1);
}

#[test]
fn a_head_that_begins_behind_an_answer_has_its_time_too() {
    let backend = Backend::named("b");
    let (vip, _bed) = impatient(backend.address);
    let mut client = Peer::connect(vip);
    assert_eq!(client.ask("GET / HTTP/1.1\r\nHost: h\r\n\r\nGET /second HTT").text(), "b");
    assert_eq!(client.read().unwrap().status(), 408);
    assert!(client.is_closed());
}

#[test]
fn a_client_that_says_it_is_done_gets_a_whole_answer_or_none() {
    let backend = Backend::named("whole");
    let (vip, config) = one_service(&[backend.address]);
    let bed = Bed::start(1, &config);
    for _ in 0..20 {
        let mut client = Peer::connect(vip);
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        client.reader.get_ref().shutdown(Shutdown::Write).unwrap();
        // Whoever has closed one side may have left: the answer is not waited for any longer.
        assert!(client.read().is_none_or(|response| response.text() == "whole"));
        assert!(client.is_closed());
    }
    eventually("all are closed", || bed.proxy().stats().connections_open == 0);
}

#[test]
fn a_body_that_ends_before_its_length_is_not_a_whole_request() {
    let whole = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&whole);
    let backend = Backend::start(move |mut peer| {
        let Some(head) = peer.read_head() else { return };
        let length: usize = head.header("content-length").map_or(5, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        if std::io::Read::read_exact(&mut peer.reader, &mut body).is_ok() && body.starts_with(b"abc") {
            seen.store(head.header("content-length").is_some() || body.ends_with(b"0\r\n\r\n"), Ordering::SeqCst);
        }
    });
    let (vip, config) = one_service(&[backend.address]);
    let bed = Bed::start(1, &config);
    for body in ["Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"] {
        let mut client = Peer::connect(vip);
        client.send(format!("POST / HTTP/1.1\r\nHost: h\r\n{body}"));
        client.reader.get_ref().shutdown(Shutdown::Write).unwrap();
        assert!(client.read().is_none_or(|response| response.status() == 400));
    }
    eventually("all are closed", || bed.proxy().stats().connections_open == 0);
    assert!(!whole.load(Ordering::SeqCst), "the server never saw the end of the body");
}
