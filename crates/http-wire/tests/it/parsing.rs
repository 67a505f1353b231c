//! The parsers alone, on what is likely and on what is not.

use http_wire::framing::{Framing, Violation};
use proptest::prelude::*;

use crate::checks::{http_chunked, http_request_framing, http_response};

#[track_caller]
fn framed(octets: &str, heads: u64, violation: Option<(u64, Violation)>) {
    let mut framing = Framing::new(100);
    framing.feed(octets.as_bytes());
    assert_eq!(framing.heads(), heads, "{octets:?}");
    let found = (1..=heads + 1).find_map(|head| Some((head, framing.violation_of(head)?)));
    assert_eq!(found, violation, "{octets:?}");
}

#[test]
fn heads_are_counted_past_bodies_of_every_kind() {
    framed("GET / HTTP/1.1\r\nHost: h\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n", 2, None);
    framed("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nGET / \r\n\nGET / HTTP/1.1\nHost: h\n\n", 2, None);
    framed(
        "POST / HTTP/1.1\r\nTransfer-Encoding: CHUNKED\r\n\r\n5;x=y\r\n0\r\n\r\n\r\n0\r\nT: v\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        2,
        None,
    );
}

#[test]
fn what_hyper_would_not_tell_is_noticed() {
    let first = |violation| Some((1, violation));
    framed("P / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-encoding:chunked\r\n\r\n", 1, first(Violation::Ambiguous));
    framed("P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\ncontent-length: 0\r\n\r\n", 1, first(Violation::Ambiguous));
    framed("P / HTTP/1.1\r\nContent-Length: 1.1\r\nContent-Length: 0\r\n\r\n", 1, first(Violation::Ambiguous));
    framed("P / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 1, first(Violation::TransferCoding));
    framed(
        "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        1,
        first(Violation::TransferCoding),
    );
    framed(&format!("P /{} HTTP/1.1\r\n\r\n", "a".repeat(100)), 1, first(Violation::UriTooLong));
    framed(&format!("P / HTTP/1.1\r\nA: {}\r\n\r\n", "a".repeat(100)), 1, first(Violation::HeaderTooLong));
    framed(
        "G / HTTP/1.1\r\n\r\nP / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        2,
        Some((2, Violation::Ambiguous)),
    );
}

/// Pieces that make messages, and messages that are almost right.
fn pieces(of: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(of).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

const REQUESTS: &[&str] = &[
    "GET / HTTP/1.1\r\n",
    "POST /x HTTP/1.1\r\n",
    "Host: h\r\n",
    "Content-Length: 3\r\n",
    "Content-Length: 4\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip\r\n",
    "\r\n",
    "\n",
    "abc",
    "3\r\nabc\r\n",
    "0\r\n\r\n",
    " ",
    ":",
];

const RESPONSES: &[&str] = &[
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.0 204 No\r\n",
    "HTTP/1.1 101 S\r\n",
    "HTTP/1.1 999 X\r\n",
    "content-length: 3\r\n",
    "content-length: 5, 5\r\n",
    "transfer-encoding: chunked\r\n",
    "connection: close, x\r\n",
    "x: y\r\n",
    "\r\n",
    "abc",
    "3\r\nabc\r\n",
    "0\r\n\r\n",
    "fffffffffffffffff\r\n",
    "1;e=1\r\nz\r\n",
];

const CHUNKS: &[&str] =
    &["3\r\nabc\r\n", "0\r\n", "\r\n", "0\r\n\r\n", "1", "a", "\r", "\n", ";x=y", " ", "ffffffffffffffff", "T: v\r\n"];

proptest! {
    #[test]
    fn any_octets_of_a_client_are_followed(octets in pieces(REQUESTS)) {
        http_request_framing::check(&octets);
    }

    #[test]
    fn any_octets_of_a_chunked_body_are_read_by_the_grammar(octets in pieces(CHUNKS)) {
        http_chunked::check(&octets);
    }

    #[test]
    fn any_octets_of_a_server_are_survived(octets in pieces(RESPONSES)) {
        http_response::check(&octets);
    }
}
