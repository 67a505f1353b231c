//! HTTP/2 from clients that want too much, or say one thing in two ways (RFC 9113 §8, §10.5).

use std::sync::{Arc, Mutex};

use crate::smuggling::noting;
use crate::testbed::{Backend, Bed, Peer, eventually, one_service_with};
use crate::tls::{certificate, tls_service};
use crate::tls_client::{
    ACK, Answer, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, Http2, PING, RST_STREAM, SETTINGS, block, frame,
};

const PROTOCOL_ERROR: u32 = 1;
const ENHANCE_YOUR_CALM: u32 = 11;

const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "https"), (":authority", "a.example.com"), (":path", "/")];

fn bed(backend: &Backend) -> (std::net::SocketAddr, Bed) {
    let (vip, config) = tls_service(backend, vec![certificate("a.example.com")]);
    (vip, Bed::start(1, &config))
}

/// A request that is malformed is refused alone or with its connection; the server sees none, a neighbour goes on.
#[track_caller]
fn malformed(vip: std::net::SocketAddr, seen: &Mutex<Vec<String>>, headers: &[(&str, &str)]) {
    let mut neighbour = Http2::connect(vip);
    assert_eq!(neighbour.ask(1, &GET), Answer::Status(200));
    seen.lock().unwrap().clear();
    let answer = Http2::connect(vip).ask(1, headers);
    let refused = [Answer::Status(400), Answer::Reset(PROTOCOL_ERROR), Answer::GoAway(PROTOCOL_ERROR)];
    assert!(refused.contains(&answer), "{headers:?}: {answer:?}");
    assert_eq!(*seen.lock().unwrap(), Vec::<String>::new(), "{headers:?}");
    assert_eq!(neighbour.ask(3, &GET), Answer::Status(200));
}

#[test]
fn a_request_that_http_1_would_read_otherwise_is_refused() {
    let (backend, seen) = noting();
    let (vip, _bed) = bed(&backend);
    let with = |more: &[(&'static str, &'static str)]| [&GET[..], more].concat();
    for headers in [
        with(&[("connection", "close")]),
        with(&[("transfer-encoding", "chunked")]),
        with(&[("keep-alive", "1")]),
        with(&[("proxy-connection", "close")]),
        with(&[("upgrade", "h2c")]),
        with(&[("te", "chunked")]),
        with(&[("X-Upper", "1")]),
        with(&[("x y", "1")]),
        with(&[("x:y", "1")]),
        with(&[("", "1")]),
        with(&[("x", "a\r\nsmuggled: 1")]),
        with(&[("x", "a\nb")]),
        with(&[("x", "a\0b")]),
        with(&[("x\r\ny", "a")]),
        with(&[("content-length", "5")]),
        with(&[("content-length", "0"), ("content-length", "1")]),
        with(&[("content-length", "+0")]),
        with(&[("host", "other.example.com")]),
        with(&[("host", "a.example.com"), ("host", "other.example.com")]),
        with(&[(":path", "/again")]),
        with(&[("x", "y"), (":authority", "late.example.com")]),
        with(&[(":status", "200")]),
        with(&[(":unknown", "1")]),
        vec![(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "/ HTTP/1.1\r\nx: y")],
        vec![(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "/a b")],
        vec![(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "")],
        vec![(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "no-slash")],
        vec![(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "*")],
        vec![(":method", "GET / HTTP/1.1"), (":scheme", "https"), (":authority", "a"), (":path", "/")],
        vec![(":method", "GET"), (":scheme", "https"), (":authority", "u@a"), (":path", "/")],
        vec![(":method", "GET"), (":scheme", "https"), (":authority", "a/b"), (":path", "/")],
        vec![(":method", "GET"), (":scheme", "https"), (":authority", "a b"), (":path", "/")],
        vec![(":method", "GET"), (":scheme", "https"), (":path", "/")],
        vec![(":scheme", "https"), (":authority", "a"), (":path", "/")],
    ] {
        malformed(vip, &seen, &headers);
    }
}

#[test]
fn a_host_beside_the_authority_has_to_be_the_same() {
    let (backend, seen) = noting();
    let (vip, _bed) = bed(&backend);
    let mut client = Http2::connect(vip);
    assert_eq!(client.ask(1, &[&GET[..], &[("host", "A.example.com")]].concat()), Answer::Status(200));
    let host_alone = [(":method", "GET"), (":scheme", "https"), (":path", "/alone"), ("host", "a.example.com")];
    assert_eq!(client.ask(3, &host_alone), Answer::Status(200));
    assert_eq!(*seen.lock().unwrap(), ["GET / HTTP/1.1", "GET /alone HTTP/1.1"]);
}

#[test]
fn connect_is_not_served() {
    let (backend, seen) = noting();
    let (vip, _bed) = bed(&backend);
    let answer = Http2::connect(vip).ask(1, &[(":method", "CONNECT"), (":authority", "a.example.com:443")]);
    assert_eq!(answer, Answer::Status(405));
    let extended = [&GET[1..], &[(":method", "CONNECT"), (":protocol", "websocket")]].concat();
    let answer = Http2::connect(vip).ask(1, &extended);
    assert!(matches!(answer, Answer::Status(405) | Answer::Reset(_) | Answer::GoAway(_)), "{answer:?}");
    assert!(seen.lock().unwrap().is_empty());
}

#[test]
fn a_body_of_another_length_than_told_does_not_arrive_as_whole() {
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&bodies);
    let backend = Backend::start(move |mut peer| {
        while let Some(head) = peer.read_head() {
            let mut body = vec![0; head.header("content-length").map_or(0, |length| length.parse().unwrap())];
            if std::io::Read::read_exact(&mut peer.reader, &mut body).is_err() {
                return;
            }
            note.lock().unwrap().push(body);
            peer.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        }
    });
    let (vip, _bed) = bed(&backend);
    for body in ["ab", "abcd", "abcGET /smuggled HTTP/1.1\r\nhost: h\r\n\r\n"] {
        let mut client = Http2::connect(vip);
        let post = [&[(":method", "POST"), ("content-length", "3")], &GET[1..]].concat();
        let post: Vec<_> =
            post.iter().copied().filter(|(name, _)| name.starts_with(':')).chain([("content-length", "3")]).collect();
        assert!(client.send(&frame(HEADERS, END_HEADERS, 1, &block(&post))));
        assert!(client.send(&frame(DATA, END_STREAM, 1, body.as_bytes())));
        let answer = client.answer(1);
        assert!(!matches!(answer, Answer::Status(200)), "{body:?}: {answer:?}");
    }
    assert!(bodies.lock().unwrap().is_empty(), "{:?}", bodies.lock().unwrap());
}

#[test]
fn header_lists_over_the_limit_are_431_and_their_connection_goes_on() {
    let backend = Backend::named("b");
    let (vip, mut config) = tls_service(&backend, vec![certificate("a.example.com")]);
    let profile = &mut Arc::make_mut(&mut config.services[0]).host.profile;
    profile.head_size_max = 8192;
    let _bed = Bed::start(1, &config);
    let long = "x".repeat(12_000);
    let mut client = Http2::connect(vip);
    assert_eq!(client.ask(1, &[&GET[..], &[("x-long", &long)]].concat()), Answer::Status(431));
    assert_eq!(client.ask(3, &GET), Answer::Status(200));
}

#[test]
fn headers_over_the_limits_of_the_profile_are_refused_as_in_http_1() {
    let backend = Backend::named("b");
    let (vip, mut config) = tls_service(&backend, vec![certificate("a.example.com")]);
    let profile = &mut Arc::make_mut(&mut config.services[0]).host.profile;
    profile.header_size_max = 1024;
    profile.header_count_max = 20;
    let _bed = Bed::start(1, &config);
    let (long, names) = ("x".repeat(1100), (0..30).map(|n| format!("x-{n}")).collect::<Vec<_>>());
    let many: Vec<(&str, &str)> = GET.into_iter().chain(names.iter().map(|name| (name.as_str(), "1"))).collect();
    let path = format!("/{long}");
    let target = [(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", path.as_str())];
    let mut client = Http2::connect(vip);
    assert_eq!(client.ask(1, &[&GET[..], &[("x-long", &long)]].concat()), Answer::Status(431));
    assert_eq!(client.ask(3, &many), Answer::Status(431));
    assert_eq!(client.ask(5, &target), Answer::Status(414));
    assert_eq!(client.ask(7, &GET), Answer::Status(200));
}

/// Sends `flood` until the other side has had enough, and looks after a neighbour.
#[track_caller]
fn is_stopped(mut flood: impl FnMut(u32) -> Vec<u8>, rounds: u32) {
    let backend = Backend::named("b");
    let (vip, bed) = bed(&backend);
    let mut neighbour = Http2::connect(vip);
    assert_eq!(neighbour.ask(1, &GET), Answer::Status(200));
    let mut client = Http2::connect(vip);
    let sent = (0..rounds).take_while(|&round| client.send(&flood(round))).count();
    let answer = client.answer(u32::MAX);
    assert!(
        matches!(answer, Answer::GoAway(ENHANCE_YOUR_CALM | PROTOCOL_ERROR | 2) | Answer::Closed),
        "{answer:?} after {sent} rounds"
    );
    assert_eq!(neighbour.ask(3, &GET), Answer::Status(200));
    drop((client, neighbour));
    eventually("nothing is left", || bed.proxy().stats().connections_open == 0);
    let view = bed.proxy().view();
    eventually("the server is free", || view.table.pool("pool-p").unwrap().servers[0].state.active() == 0);
}

#[test]
fn streams_that_are_reset_as_fast_as_they_open_end_the_connection() {
    is_stopped(
        |round| {
            let streams = (0..50).map(|n| round * 100 + n * 2 + 1);
            streams
                .flat_map(|stream| {
                    [
                        frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(&GET)),
                        frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()),
                    ]
                    .concat()
                })
                .collect()
        },
        200,
    );
}

#[test]
fn a_head_that_is_continued_for_ever_ends_the_connection() {
    is_stopped(
        |round| {
            let part = block(&[("x", "y")]);
            match round {
                0 => frame(HEADERS, END_STREAM, 1, &block(&GET)),
                _ => (0..100).flat_map(|_| frame(CONTINUATION, 0, 1, &part)).collect(),
            }
        },
        10_000,
    );
}

#[test]
fn a_head_that_is_continued_with_nothing_ends_the_connection() {
    is_stopped(
        |round| match round {
            0 => frame(HEADERS, END_STREAM, 1, &block(&GET)),
            _ => frame(CONTINUATION, 0, 1, &[]).repeat(100),
        },
        10_000,
    );
}

#[test]
fn frames_that_are_none_end_the_connection() {
    let backend = Backend::named("b");
    let (vip, bed) = bed(&backend);
    for octets in [
        frame(HEADERS, END_HEADERS | END_STREAM, 0, &block(&GET)),
        frame(HEADERS, END_HEADERS | END_STREAM, 2, &block(&GET)),
        frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0xff; 20]),
        frame(DATA, END_STREAM, 1, b"x"),
        frame(SETTINGS, ACK, 0, &[0; 6]),
        frame(SETTINGS, 0, 0, &[0; 5]),
        frame(PING, 0, 0, &[0; 3]),
        vec![0xff, 0xff, 0xff, DATA, 0, 0, 0, 0, 1],
        frame(CONTINUATION, END_HEADERS, 1, &block(&GET)),
    ] {
        let mut client = Http2::connect(vip);
        client.send(&octets);
        let answer = client.answer(u32::MAX);
        assert!(matches!(answer, Answer::GoAway(_) | Answer::Closed), "{octets:?}: {answer:?}");
    }
    eventually("they are counted", || bed.proxy().stats().http2_broken > 0);
    assert_eq!(Http2::connect(vip).ask(1, &GET), Answer::Status(200));
}

#[test]
fn http_2_without_tls_is_no_request() {
    let backend = Backend::named("b");
    let (vip, config) = one_service_with(&[backend.address], |service| service.ports[0].http2 = true);
    let _bed = Bed::start(1, &config);
    let mut client = Peer::connect(vip);
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(client.is_closed());
}
