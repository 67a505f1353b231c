//! Requests that try to be two (RFC 9112 §6.1, §6.3, §11.2). What the server got counts.

use std::sync::{Arc, Mutex};

use crate::testbed::{Backend, Bed, Peer, one_service};

/// A server that notes the first line of every request.
pub(crate) fn noting() -> (Backend, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&seen);
    let backend = Backend::start(move |mut peer| {
        while let Some(request) = peer.read() {
            note.lock().unwrap().push(request.start);
            peer.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        }
    });
    (backend, seen)
}

/// Sends `octets` on one connection and compares what [`exchange`] tells.
#[track_caller]
pub(crate) fn check(octets: &str, statuses: &[u16], seen_by_server: &[&str]) {
    let (answers, seen) = exchange(octets);
    assert_eq!(answers, statuses, "{octets:?}");
    assert_eq!(seen, seen_by_server, "{octets:?}");
}

/// Sends `octets` on one connection: statuses of what comes back until it is closed, and requests that the server saw. A
/// neighbour goes on meanwhile.
#[track_caller]
pub(crate) fn exchange(octets: &str) -> (Vec<u16>, Vec<String>) {
    let (backend, seen) = noting();
    let (vip, config) = one_service(&[backend.address]);
    let _bed = Bed::start(1, &config);
    let mut neighbour = Peer::connect(vip);
    assert_eq!(neighbour.get("/neighbour").status(), 200);
    let mut client = Peer::connect(vip);
    client.send(octets);
    let answers: Vec<u16> = std::iter::from_fn(|| client.read()).map(|answer| answer.status()).collect();
    assert_eq!(neighbour.get("/neighbour").status(), 200);
    let seen = seen.lock().unwrap().iter().filter(|line| !line.contains("neighbour")).cloned().collect();
    (answers, seen)
}

#[test]
fn a_length_beside_a_coding_is_refused_and_the_connection_closed() {
    check(
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
        &[400],
        &[],
    );
    check(
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nGET /smuggled HTTP/1.1\r\n\r\n0\r\n\r\n",
        &[400],
        &[],
    );
}

#[test]
fn requests_before_it_are_served_and_none_after_it() {
    check(
        "GET /first HTTP/1.1\r\nHost: h\r\n\r\nPOST /second HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc\
         POST /third HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\
         GET /fourth HTTP/1.1\r\nHost: h\r\n\r\n",
        &[200, 200, 400],
        &["GET /first HTTP/1.1", "POST /second HTTP/1.1"],
    );
}

#[test]
fn lengths_that_differ_or_are_none_are_refused() {
    for lengths in ["1\r\nContent-Length: 2", "1, 2", "+1", "-1", "0x1", "1 1", "99999999999999999999999", ""] {
        check(&format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {lengths}\r\n\r\nab"), &[400], &[]);
    }
}

#[test]
fn codings_that_are_not_chunked_are_refused() {
    for (coding, status) in [("gzip, chunked", 501), ("xchunked", 400), ("chunked, identity", 400), ("identity", 400)] {
        check(&format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n"), &[status], &[]);
    }
    check("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", &[400], &[]);
    check("POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400], &[]);
    check(
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        &[400],
        &[],
    );
}

#[test]
fn heads_that_break_the_grammar_are_refused() {
    for head in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n folded: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nA\u{0}: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nA: x\u{0}y\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: h\r\n\r\n",
        "\u{1}\u{2}\u{3}\r\n\r\n",
    ] {
        check(head, &[400], &[]);
    }
    check("CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", &[405], &[]);
}

#[test]
fn chunks_that_are_none_end_the_connection() {
    let (backend, seen) = noting();
    let (vip, config) = one_service(&[backend.address]);
    let _bed = Bed::start(1, &config);
    let mut client = Peer::connect(vip);
    client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(client.read().is_none_or(|answer| answer.status() == 400));
    assert!(client.is_closed());
    assert_eq!(*seen.lock().unwrap(), Vec::<String>::new());
}
