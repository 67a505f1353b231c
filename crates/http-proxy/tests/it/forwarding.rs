//! What goes through unchanged, and what is changed on purpose.

use std::sync::Arc;

use model::http::{
    ForwardedFor, ForwardedForUpdate, HeaderEdit, HeaderValue, LocalResponse, PolicySet, Redirect, RequestAction,
    RequestRule, SecurityAction, SecurityRule, StringCriterion,
};
use model::testing::{child, http_pool, path, to_pool};

use crate::testbed::{Backend, Bed, Peer, one_service, one_service_with};

#[test]
fn requests_go_to_the_server_on_kept_connections() {
    let backend = Backend::named("hello");
    let (vip, config) = one_service(&[backend.address]);
    let bed = Bed::start(1, &config);
    let mut client = Peer::connect(vip);
    for _ in 0..5 {
        let response = client.get("/path?query=1");
        assert_eq!((response.status(), response.text()), (200, "hello"));
        assert_eq!(response.header("got"), Some("GET /path?query=1 HTTP/1.1"));
        assert_eq!(response.header("got-host"), Some("app.example.com"));
        assert_eq!(response.all("got-x-forwarded-for"), ["127.0.0.1"]);
    }
    assert_eq!(Peer::connect(vip).get("/").text(), "hello");
    assert_eq!(backend.connections(), 1, "another client's request uses the kept connection");
    assert_eq!(bed.proxy().stats().requests, 6);
}

#[test]
fn bodies_arrive_whole_however_their_length_is_told() {
    let backend = Backend::named("b");
    let (vip, config) = one_service(&[backend.address]);
    let _bed = Bed::start(1, &config);
    let mut client = Peer::connect(vip);
    let large: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let head = |framing: &str| format!("POST / HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n").into_bytes();
    let by_length = [head(&format!("Content-Length: {}", large.len())), large.clone()].concat();
    let response = client.ask(by_length);
    assert_eq!(response.header("got-content-length"), Some("300000"));
    assert!(response.body == large);
    let mut chunks = head("Transfer-Encoding: chunked");
    for part in large.chunks(70_000) {
        chunks.extend(format!("{:X};ext=1\r\n", part.len()).into_bytes());
        chunks.extend(part);
        chunks.extend(b"\r\n");
    }
    chunks.extend(b"0\r\nTrailer: x\r\n\r\n");
    let response = client.ask(chunks);
    assert_eq!(response.header("got-transfer-encoding"), Some("chunked"));
    assert!(response.body == large);
    let empty = client.ask(head("Content-Length: 0"));
    assert_eq!(empty.header("got-content-length"), Some("0"));
}

#[test]
fn responses_end_as_the_server_says() {
    for (octets, expected) in [
        (&b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: v\r\n\r\n"[..], "abcde"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", "until the end"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", "ok"),
    ] {
        let backend = Backend::answering(octets);
        let (vip, config) = one_service(&[backend.address]);
        let _bed = Bed::start(1, &config);
        assert_eq!(Peer::connect(vip).get("/").text(), expected);
    }
}

#[test]
fn a_head_has_the_length_of_what_it_does_not_bring() {
    let backend = Backend::named("hello");
    let (vip, config) = one_service(&[backend.address]);
    let _bed = Bed::start(1, &config);
    let mut client = Peer::connect(vip);
    client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(client.read_head().unwrap().header("content-length"), Some("5"));
    assert_eq!(client.get("/").text(), "hello", "the connection is in step");
}

#[test]
fn headers_of_one_connection_stay_on_it() {
    let backend = Backend::named("b");
    let (vip, config) = one_service(&[backend.address]);
    let _bed = Bed::start(1, &config);
    let response = Peer::connect(vip).ask(
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, X-Private\r\nX-Private: 1\r\nKeep-Alive: timeout=5\r\n\
         TE: trailers\r\nProxy-Connection: close\r\nX-Public: 2\r\n\r\n",
    );
    let got: Vec<_> =
        response.headers.iter().map(|(name, _)| name.as_str()).filter(|name| name.starts_with("got-")).collect();
    assert_eq!(got, ["got-host", "got-x-public", "got-x-forwarded-for"]);
}

#[test]
fn the_client_s_address_is_told_as_the_profile_says() {
    let backend = Backend::named("b");
    for (update, expected) in [
        (ForwardedForUpdate::Replace, vec!["127.0.0.1"]),
        (ForwardedForUpdate::Append, vec!["192.0.2.1, 127.0.0.1"]),
        (ForwardedForUpdate::Add, vec!["192.0.2.1", "127.0.0.1"]),
    ] {
        let (vip, config) = one_service_with(&[backend.address], |service| {
            service.host.profile.forwarded_for = Some(ForwardedFor { update, ..ForwardedFor::default() });
            service.host.profile.forwarded_proto = true;
        });
        let _bed = Bed::start(1, &config);
        let response = Peer::connect(vip)
            .ask("GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: gopher\r\n\r\n");
        assert_eq!(response.all("got-x-forwarded-for"), expected);
        assert_eq!(response.all("got-x-forwarded-proto"), ["http"]);
    }
}

#[test]
fn children_have_their_own_pools_and_nobody_s_host_is_not_found() {
    let (a, b) = (Backend::named("a"), Backend::named("b"));
    let (vip, mut config) = one_service_with(&[a.address], |service| {
        service.host.target = None;
        service.children = vec![child("a", "a.example.com", to_pool("p")), child("b", "*.b.example.com", to_pool("b"))];
    });
    config.pools.push(Arc::new(http_pool("b", &[(b.address, 1)])));
    let _bed = Bed::start(1, &config);
    let mut client = Peer::connect(vip);
    let mut ask = |host: &str| client.ask(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    assert_eq!(ask("A.example.com:8080").text(), "a");
    assert_eq!(ask("x.b.example.com.").text(), "b");
    assert_eq!(ask("c.example.com").status(), 404);
    assert_eq!(ask("a.example.com").text(), "a");
    assert_eq!(
        client.ask("GET http://a.example.com/x HTTP/1.1\r\nHost: other\r\n\r\n").header("got-host"),
        Some("a.example.com")
    );
}

#[test]
fn rules_redirect_answer_close_and_edit() {
    let backend = Backend::named("b");
    let on = |value: &str| path(StringCriterion::BeginsWith, value);
    let rule = |name: &str, edits: Vec<HeaderEdit>, action| RequestRule {
        name: name.into(),
        matches: on(name),
        header_edits: edits,
        action,
    };
    let text = |text: &str| HeaderValue::Text(text.into());
    let local = LocalResponse { status: 403, file: Some(("text/plain".into(), b"no".to_vec())) };
    let edits = vec![
        HeaderEdit::Replace("Host".into(), text("inner.example.com")),
        HeaderEdit::Add("X-Client".into(), HeaderValue::ClientIp),
        HeaderEdit::Remove("X-Secret".into()),
        HeaderEdit::Add("X-Evil".into(), text("a\r\nX-Smuggled: 1")),
        HeaderEdit::Replace("Content-Length".into(), text("7")),
    ];
    let set = PolicySet {
        uuid: "httppolicyset-1".into(),
        name: "set".into(),
        security: vec![SecurityRule {
            name: "close".into(),
            matches: on("/close"),
            action: SecurityAction::CloseConnection,
        }],
        request: vec![
            rule("/tls", vec![], Some(RequestAction::Redirect(Redirect::to_https(443)))),
            rule("/local", vec![], Some(RequestAction::Respond(local))),
            rule("/edit", edits, None),
        ],
    };
    let (vip, config) = one_service_with(&[backend.address], |service| service.host.policies = vec![Arc::new(set)]);
    let _bed = Bed::start(1, &config);
    let mut client = Peer::connect(vip);
    let redirect = client.get("/tls?x=1");
    assert_eq!((redirect.status(), redirect.header("location")), (302, Some("https://app.example.com/tls?x=1")));
    let local = client.get("/local");
    assert_eq!((local.status(), local.text(), local.header("content-type")), (403, "no", Some("text/plain")));
    let edited = client.ask("GET /edit HTTP/1.1\r\nHost: h\r\nX-Secret: 1\r\n\r\n");
    let got: Vec<_> = edited
        .headers
        .iter()
        .filter(|(name, _)| name.starts_with("got-") && name != "got-x-forwarded-for")
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(got, ["got-host=inner.example.com", "got-x-client=127.0.0.1"]);
    client.send("GET /close HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(client.is_closed());
}

#[test]
fn plain_http_is_redirected_where_the_profile_says() {
    let (vip, config) = one_service_with(&[], |service| service.host.profile.http_to_https = true);
    let _bed = Bed::start(1, &config);
    let response = Peer::connect(vip).get("/a?b");
    assert_eq!((response.status(), response.header("location")), (302, Some("https://app.example.com/a?b")));
}

#[test]
fn a_client_of_http_1_0_gets_its_answer_and_the_end() {
    let backend = Backend::answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
    let (vip, config) = one_service(&[backend.address]);
    let _bed = Bed::start(1, &config);
    let mut client = Peer::connect(vip);
    client.send("GET / HTTP/1.0\r\n\r\n");
    let head = client.read_head().unwrap();
    assert_eq!((head.status(), head.header("transfer-encoding")), (200, None));
    assert_eq!(client.read_octets(2), b"ok");
    assert!(client.is_closed());
}

#[test]
fn a_client_that_waits_for_leave_to_send_gets_it() {
    let backend = Backend::named("b");
    let (vip, config) = one_service(&[backend.address]);
    let _bed = Bed::start(1, &config);
    let mut client = Peer::connect(vip);
    let interim = client.ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(interim.status(), 100);
    let response = client.ask("abc");
    assert_eq!((response.status(), response.text(), response.header("got-expect")), (200, "abc", None));
}
