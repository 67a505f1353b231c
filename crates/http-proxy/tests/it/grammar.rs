//! Requests at the edges of the grammar (RFC 9112 §2.2, §5, §6, §7): one reading of them, or none.

use crate::smuggling::{check, exchange};

/// A request whose body might end in two places, and one that would be hidden behind it.
fn ambiguous(framing: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n")
}

/// Refused with 400, or 501 where a coding is not known, and its connection closed.
#[track_caller]
fn refused(request: &str) {
    let (answers, seen) = exchange(request);
    assert!(answers == [400] || answers == [501], "{request:?}: {answers:?}");
    assert_eq!(seen, Vec::<String>::new(), "{request:?}");
}

#[test]
fn codings_that_a_server_might_not_see_are_refused() {
    for coding in [
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: ,chunked",
        "Transfer-Encoding: chunked,",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: \u{b}chunked",
        "Transfer-Encoding: chunked\u{0}",
        "Transfer-Encoding: x\r\n chunked",
        "Transfer-Encoding:\r\n chunked",
        "Transfer-Encoding\r\n: chunked",
        "Transfer-Encoding\t: chunked",
        " Transfer-Encoding: chunked",
        "X: y\rTransfer-Encoding: chunked",
        "Transfer-Encoding:",
        "Transfer-Encoding: cow",
        "Content-Length: 5\r\nTransfer-Encoding: identity",
        "Content-Length: 5\nTransfer-Encoding: chunked",
        "Content-Length: 5\r\nTransfer-Encoding:\tchunked",
        "Content-Length: 5\r\nTRANSFER-ENCODING: Chunked",
    ] {
        refused(&ambiguous(coding));
    }
}

#[test]
fn a_coding_in_any_letters_and_spaces_is_one() {
    for coding in ["transfer-encoding: CHUNKED", "Transfer-Encoding:chunked", "Transfer-Encoding: \t chunked \t"] {
        check(
            &format!(
                "POST /a HTTP/1.1\r\nHost: h\r\n{coding}\r\n\r\n1\r\nx\r\n0\r\n\r\nGET /b HTTP/1.1\r\nConnection: close\r\nHost: h\r\n\r\n"
            ),
            &[200, 200],
            &["POST /a HTTP/1.1", "GET /b HTTP/1.1"],
        );
    }
}

#[test]
fn lengths_that_a_server_might_read_otherwise_are_refused() {
    for lengths in [
        "Content-Length: 5 ,",
        "Content-Length: 5,6",
        "Content-Length: 5\r\nContent-Length:",
        "Content-Length: 18446744073709551616",
        "Content-Length: 1e1",
        "Content-Length: 5;x",
        "Content-Length: \u{663}",
        "Content-Length : 5",
        "Content-Length:\r\n 5",
        "Content-Length: 5\r\n\tX",
    ] {
        refused(&ambiguous(lengths));
    }
    // Long, but the same: a reader that stops early would see another.
    refused(&ambiguous(&format!("Content-Length: {}5", "0".repeat(100))));
}

#[test]
fn chunks_whose_size_is_unclear_reach_no_server() {
    for chunks in [
        "-1\r\nx\r\n0\r\n\r\n",
        "+1\r\nx\r\n0\r\n\r\n",
        "0x1\r\nx\r\n0\r\n\r\n",
        " 1\r\nx\r\n0\r\n\r\n",
        "\r\nx\r\n0\r\n\r\n",
        ";a=b\r\nx\r\n0\r\n\r\n",
        "1,\r\nx\r\n0\r\n\r\n",
        "10000000000000001\r\nx\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\nx\r\n0\r\n\r\n",
        "1;a=\"\nb\"\r\nx\r\n0\r\n\r\n",
        "1\rx\r\n0\r\n\r\n",
        "1\r\nxy\r\n0\r\n\r\n",
        "1\r\nx\n0\r\n\r\n",
        "1\nx\r\n0\r\n\r\n",
        "1\r\nx\r\n0\r\n\rx",
    ] {
        let request = format!(
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
        );
        refused(&request);
    }
}

#[test]
fn extensions_and_trailers_end_with_the_proxy() {
    check(
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: Host\r\n\r\n\
         1;name=\"a;b\";x\r\na\r\n01\r\nb\r\n000\r\nHost: other\r\nContent-Length: 7\r\n\r\n\
         GET /b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        &[200, 200],
        &["POST /a HTTP/1.1", "GET /b HTTP/1.1"],
    );
    let chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    refused(&format!("{chunked}1;{}\r\na\r\n0\r\n\r\n", "x".repeat(100_000)));
    refused(&format!("{chunked}1\r\na\r\n0\r\nX: {}\r\n\r\n", "x".repeat(100_000)));
}

#[test]
fn heads_that_other_readers_would_cut_otherwise_are_refused() {
    for head in [
        "GET / HTTP/1.1\r\nHost: h\r\nA: b\rC: d\r\n\r\n",
        "GET / HTTP/1.1\rHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nA b: c\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n: c\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nA: \u{7f}\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nA: \u{1}\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: h\r\n\r\n",
        "GET /\u{0} HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /\t HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n",
        "G@T / HTTP/1.1\r\nHost: h\r\n\r\n",
        " GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: h\r\n\r\n",
        "GET / http/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.01\r\nHost: h\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: h\r\n\r\n",
        "GET /\r\n\r\n",
        "GET / \r\nHost: h\r\n\r\n",
    ] {
        refused(head);
    }
}

#[test]
fn lines_may_end_with_a_line_feed_alone() {
    check(
        "\r\n\nGET /a HTTP/1.1\nHost: h\n\nGET /b HTTP/1.1\r\nHost: h\nConnection: close\n\r\n",
        &[200, 200],
        &["GET /a HTTP/1.1", "GET /b HTTP/1.1"],
    );
}

#[test]
fn requests_in_a_row_are_answered_in_order() {
    let paths: Vec<String> = (0..60).map(|n| format!("/{n}")).collect();
    let requests: String = paths.iter().map(|path| format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")).collect();
    let seen: Vec<String> = paths.iter().map(|path| format!("GET {path} HTTP/1.1")).collect();
    let seen: Vec<&str> = seen.iter().map(String::as_str).collect();
    let last = "GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /never HTTP/1.1\r\nHost: h\r\n\r\n";
    check(&format!("{requests}{last}"), &[200; 61], &[&seen[..], &["GET /last HTTP/1.1"]].concat());
}
