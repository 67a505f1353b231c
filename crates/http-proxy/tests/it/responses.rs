//! Servers that answer more, less or longer than they should (RFC 9112 §6.3, §11.1): no client gets another's answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::testbed::{Backend, Bed, Message, Peer, one_service, one_service_with};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nmine";
const STOLEN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nstolen";

/// Gives the first request of each connection the next of `answers`, and goes on reading without a word.
fn scripted(answers: Vec<String>) -> Backend {
    let next = AtomicUsize::new(0);
    let answers = Arc::new(answers);
    Backend::start(move |mut peer| {
        if peer.read().is_some() {
            let index = next.fetch_add(1, Ordering::SeqCst);
            peer.send(answers.get(index).map_or(OK, String::as_str));
        }
        while peer.read().is_some() {
            peer.send(STOLEN);
        }
    })
}

/// The server's answer to `method`, and what the next client gets on whatever connection.
fn after(method: &str, answer: String) -> (Message, Message, usize) {
    let backend = scripted(vec![answer]);
    let (vip, config) = one_service(&[backend.address]);
    let _bed = Bed::start(1, &config);
    let mut client = Peer::connect(vip);
    client.send(format!("{method} / HTTP/1.1\r\nHost: h\r\n\r\n"));
    let first = if method == "HEAD" { client.read_head() } else { client.read() };
    let next = Peer::connect(vip).get("/next");
    (first.unwrap_or_default(), next, backend.connections())
}

#[test]
fn octets_behind_a_response_without_body_are_nobody_s() {
    for (method, head, status) in [
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", 204),
        ("GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 43\r\n\r\n", 304),
        ("GET", "HTTP/1.1 204 No Content\r\ncontent-length: 43\r\n\r\n", 204),
        ("GET", "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n", 204),
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 43\r\n\r\n", 200),
        ("HEAD", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", 200),
        ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200),
        ("GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 200),
    ] {
        let (first, next, connections) = after(method, format!("{head}{STOLEN}"));
        assert_eq!((first.status(), next.text(), connections), (status, "mine", 2), "{method} {head:?}");
    }
}

#[test]
fn a_response_without_body_keeps_the_connection() {
    for (method, head) in [
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 43\r\n\r\n"),
        ("HEAD", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
    ] {
        let (_, next, connections) = after(method, head.to_owned());
        assert_eq!((next.text(), connections), ("stolen", 1), "the same connection: {head:?}");
    }
}

#[test]
fn a_length_beside_a_coding_does_not_reach_the_client() {
    let (first, next, connections) = after(
        "GET",
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n4\r\nmine\r\n0\r\n\r\n".to_owned(),
    );
    assert_eq!((first.text(), first.header("content-length")), ("mine", None));
    assert_eq!((next.text(), connections), ("mine", 2), "and its connection is not used again");
}

#[test]
fn responses_whose_end_or_head_is_unclear_are_502() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nminex",
        "HTTP/1.1 200 OK\r\ncontent-length: 4, 5\r\n\r\nminex",
        "HTTP/1.1 200 OK\r\ncontent-length: +4\r\n\r\nmine",
        "HTTP/1.1 200 OK\r\ncontent-length: -4\r\n\r\nmine",
        "HTTP/1.1 200 OK\r\ncontent-length: 4 4\r\n\r\nmine",
        "HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\nmine",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\nmine",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\nmine",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: xchunked\r\n\r\nmine",
        "HTTP/1.1 200 OK\r\nA: b\rContent-Length: 0\r\n\r\nmine",
        "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\nmine",
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\nmine",
        "HTTP/1.1 200 OK\r\nA: b\u{0}\r\n\r\nmine",
        "HTTP/2.0 200 OK\r\n\r\nmine",
        "HTTP/1.1 99 Low\r\n\r\n",
        "HTTP/1.1 600 High\r\n\r\n",
        "HTTP/1.1 2000 Long\r\n\r\n",
        "HTTP/1.1 -20 No\r\n\r\n",
        "<html>no HTTP</html>\r\n\r\n",
        "\u{0}\u{0}\u{0}\u{0}",
    ] {
        let (first, next, _) = after("GET", answer.to_owned());
        assert_eq!((first.status(), next.text()), (502, "mine"), "{answer:?}");
    }
}

#[test]
fn chunks_of_a_server_whose_size_is_unclear_end_the_response() {
    for chunk in ["+4", "-4", "0x4", "g", "", " 4", "4 4", "11111111111111111", "4;x=\ny", "4;x=\ry"] {
        let answer =
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n{chunk}\r\nmine\r\n0\r\n\r\n");
        let backend = scripted(vec![answer]);
        let (vip, config) = one_service(&[backend.address]);
        let _bed = Bed::start(1, &config);
        let mut client = Peer::connect(vip);
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        let mut all = Vec::new();
        let _ = std::io::Read::read_to_end(&mut client.reader, &mut all);
        assert!(!all.ends_with(b"0\r\n\r\n"), "{chunk:?}: {}", String::from_utf8_lossy(&all));
        assert_eq!(Peer::connect(vip).get("/next").text(), "mine", "{chunk:?}");
    }
}

#[test]
fn heads_over_the_limit_are_502_however_they_come() {
    let long = "x".repeat(3000);
    let many = "A: b\r\n".repeat(400);
    let interim = "HTTP/1.1 100 Continue\r\nlink: x\r\n\r\n".repeat(200);
    for head in [
        format!("HTTP/1.1 200 OK\r\nA: {long}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\nA: {long}"),
        format!("HTTP/1.1 200 {long}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\n{many}\r\n"),
        format!("{interim}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nmine"),
        interim,
    ] {
        let backend = scripted(vec![head.clone()]);
        let (vip, config) = one_service_with(&[backend.address], |service| {
            service.host.profile.response_head_size_max = 2048;
        });
        let _bed = Bed::start(1, &config);
        let mut neighbour = Peer::connect(vip);
        assert_eq!(Peer::connect(vip).get("/").status(), 502, "{:?}", &head[..40]);
        assert_eq!(neighbour.get("/").text(), "mine");
    }
}

#[test]
fn a_server_that_never_ends_to_promise_is_given_up() {
    let backend = Backend::start(|mut peer| {
        use std::io::Write as _;
        peer.read();
        while peer.reader.get_mut().write_all(b"HTTP/1.1 102 Processing\r\n\r\n").is_ok() {}
    });
    let (vip, config) = one_service(&[backend.address]);
    let _bed = Bed::start(1, &config);
    assert_eq!(Peer::connect(vip).get("/").status(), 502);
}

#[test]
fn what_a_server_says_of_its_connection_stays_on_it() {
    let (first, ..) = after(
        "GET",
        "HTTP/1.1 200 OK\r\nconnection: X-Private, keep-alive\r\nx-private: 1\r\nkeep-alive: timeout=1\r\n\
         proxy-connection: x\r\nupgrade: h2c\r\nx-public: 2\r\ncontent-length: 4\r\n\r\nmine"
            .to_owned(),
    );
    let mut names: Vec<&str> = first.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "x-public"]);
}
