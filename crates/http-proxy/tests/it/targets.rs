//! What a request is for: its target, its host (RFC 9112 §3.2, RFC 9110 §7.2).

use crate::smuggling::check;
use crate::testbed::{Backend, Bed, Peer, one_service};

#[test]
fn a_target_or_host_that_is_none_is_refused() {
    for head in [
        "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a?b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a#b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: \u{e4}\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nhOST: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a:x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a:80:90\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: [a]b\r\n\r\n",
        "GET h:80 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET h HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET http:///x HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET http://u:p@h/ HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET http://h/ HTTP/1.1\r\n\r\n",
        "GET http://h/ HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n",
        "GET http://h/ HTTP/1.1\r\nHost: /\r\n\r\n",
        "GET ?x HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a|\u{1}b HTTP/1.1\r\nHost: h\r\n\r\n",
    ] {
        check(head, &[400], &[]);
    }
    for head in ["CONNECT / HTTP/1.1\r\nHost: h\r\n\r\n", "CONNECT h HTTP/1.1\r\nHost: h\r\n\r\n"] {
        let (vip, config) = one_service(&[]);
        let _bed = Bed::start(1, &config);
        let mut client = Peer::connect(vip);
        assert!([400, 405].contains(&client.ask(head).status()), "{head:?}");
        assert!(client.is_closed(), "{head:?}");
    }
}

#[test]
fn hosts_of_every_kind_reach_the_server_as_they_came() {
    let backend = Backend::named("b");
    let (vip, config) = one_service(&[backend.address]);
    let _bed = Bed::start(1, &config);
    let mut client = Peer::connect(vip);
    for host in
        ["a.example.com", "A.Example.COM.", "a_b.example.com:8080", "192.0.2.1:80", "[2001:db8::1]:8443", "[::1]", "a:"]
    {
        let response = client.ask(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!((response.status(), response.header("got-host")), (200, Some(host)));
    }
}

#[test]
fn an_absolute_target_counts_more_than_the_host() {
    let backend = Backend::named("b");
    let (vip, config) = one_service(&[backend.address]);
    let _bed = Bed::start(1, &config);
    let mut client = Peer::connect(vip);
    for (target, line, host) in [
        ("http://real.example.com/x?y", "GET /x?y HTTP/1.1", "real.example.com"),
        ("HTTP://real.example.com:81", "GET / HTTP/1.1", "real.example.com:81"),
        ("http://real.example.com?z", "GET /?z HTTP/1.1", "real.example.com"),
        ("//other.example.com/x", "GET //other.example.com/x HTTP/1.1", "h"),
    ] {
        let response = client.ask(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"));
        assert_eq!((response.header("got"), response.all("got-host")), (Some(line), vec![host]), "{target}");
    }
}

#[test]
fn options_of_the_server_itself_are_asked_of_the_server() {
    let backend = Backend::named("b");
    let (vip, config) = one_service(&[backend.address]);
    let _bed = Bed::start(1, &config);
    let response = Peer::connect(vip).ask("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(response.header("got"), Some("OPTIONS * HTTP/1.1"));
}
