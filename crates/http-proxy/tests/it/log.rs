//! What the access log is told.

use std::sync::{Arc, Mutex};

use http_proxy::{AccessLog, AccessRecord, Ending};
use model::http::{
    LocalResponse, PolicySet, Redirect, RequestAction, RequestRule, SecurityAction, SecurityRule, StringCriterion,
};
use model::testing::{child, path};

use crate::testbed::{Backend, Bed, Peer, eventually, free_address, one_service_with};

/// Keeps a line per record.
#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl AccessLog for Lines {
    fn record(&self, record: &AccessRecord<'_>) {
        let host = record.host.map_or("-", |host| host.source.name.as_str());
        let server = record.server.as_ref().map(|server| (server.pool.name.as_str(), server.attempts, server.reused));
        assert!(record.first_octet.is_none_or(|first| first <= record.total));
        self.0.lock().unwrap().push(format!(
            "{} {} {} {} {host} {server:?} in {} out {} {:?} at {}",
            record.method,
            record.uri,
            record.status,
            record.request_headers.contains_key("user-agent"),
            record.request_octets,
            record.response_octets,
            record.ending,
            record.version,
        ));
    }
}

#[test]
fn each_request_is_told_once_with_where_it_went_and_how_it_ended() {
    let backend = Backend::named("hello");
    let (vip, mut config) = one_service_with(&[backend.address], |service| {
        let target = service.host.target.take();
        service.children = vec![child("app", "app.example.com", target)];
    });
    let log = Arc::new(Lines::default());
    let mut bed = Bed::start_with(1, &config, log.clone());
    let mut client = Peer::connect(vip);
    assert_eq!(client.get("/a?b=1").status(), 200);
    assert_eq!(
        client
            .ask("POST /p HTTP/1.1\r\nHost: app.example.com\r\nUser-Agent: x\r\nContent-Length: 3\r\n\r\nabc")
            .status(),
        200
    );
    assert_eq!(client.ask("GET / HTTP/1.1\r\nHost: other\r\n\r\n").status(), 404);
    let pool = Arc::make_mut(&mut config.pools[0]);
    pool.servers[0].port = free_address().port();
    config.version.revision = model::Revision(2);
    bed.apply(&config);
    assert_eq!(client.get("/down").status(), 503);
    assert_eq!(client.ask("GET /bad HTTP/1.1\r\n\r\n").status(), 400);
    let expected = [
        "GET /a?b=1 200 false app Some((\"p\", 1, false)) in 0 out 5 Complete at 0.1",
        "POST /p 200 true app Some((\"p\", 1, true)) in 3 out 3 Complete at 0.1",
        "GET / 404 false vs None in 0 out 66 NotFound at 0.1",
        "GET /down 503 false app Some((\"p\", 1, false)) in 0 out 86 Unreachable at 0.2",
        "GET /bad 400 false - None in 0 out 70 Refused at 0.2",
    ];
    eventually("all are told", || log.0.lock().unwrap().len() == expected.len());
    assert_eq!(*log.0.lock().unwrap(), expected);
}

#[test]
fn a_client_that_leaves_early_is_told() {
    let backend = Backend::start(|mut peer| {
        peer.read();
        let _ = peer.read_head();
    });
    let (vip, config) = one_service_with(&[backend.address], |_| {});
    let log = Arc::new(Lines::default());
    let bed = Bed::start_with(1, &config, log.clone());
    let mut client = Peer::connect(vip);
    client.send("GET /left HTTP/1.1\r\nHost: h\r\n\r\n");
    let view = bed.proxy().view();
    let active = || view.table.pool("pool-p").unwrap().servers[0].state.active();
    eventually("the request is at the server", || active() == 1 && backend.connections() == 1);
    drop(client);
    eventually("it is told", || !log.0.lock().unwrap().is_empty());
    assert!(log.0.lock().unwrap()[0].contains(&format!("{:?}", Ending::ClientClosed)));
    assert_eq!(active(), 0);
}

#[test]
fn a_broken_body_is_told_as_such_and_what_is_no_request_is_counted() {
    let backend = Backend::start(|mut peer| {
        peer.read_head();
        let _ = peer.read_head();
    });
    let (vip, config) = one_service_with(&[backend.address], |service| service.host.profile.header_size_max = 1024);
    let log = Arc::new(Lines::default());
    let bed = Bed::start_with(1, &config, log.clone());
    let chunked = "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(Peer::connect(vip).ask(format!("{chunked}3\r\nabc\r\nxyz\r\n")).status(), 400);
    eventually("it is told", || !log.0.lock().unwrap().is_empty());
    assert!(log.0.lock().unwrap()[0].contains(&format!("{:?}", Ending::BadBody)), "{:?}", log.0.lock().unwrap());
    let conflict = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n";
    assert_eq!(Peer::connect(vip).ask(conflict).status(), 400);
    let large = format!("X: {}\r\n", "a".repeat(900)).repeat(600);
    assert_eq!(Peer::connect(vip).ask(format!("GET / HTTP/1.1\r\nHost: h\r\n{large}\r\n")).status(), 431);
    let counts = || bed.proxy().stats();
    eventually("they are counted", || (counts().heads_malformed, counts().heads_too_large) == (1, 1));
    assert_eq!(log.0.lock().unwrap().len(), 1);
}

/// Keeps what decided each request.
#[derive(Default)]
struct Rules(Mutex<Vec<[Option<String>; 3]>>);

impl AccessLog for Rules {
    fn record(&self, record: &AccessRecord<'_>) {
        let told = [record.security_rule, record.request_rule, record.location];
        self.0.lock().unwrap().push(told.map(|text| text.map(str::to_owned)));
    }
}

#[test]
fn the_rule_that_decided_is_told_and_where_it_sent_the_client() {
    let backend = Backend::named("hello");
    let on = |begin: &str| path(StringCriterion::BeginsWith, begin);
    let rule = |begin: &str, action| RequestRule {
        name: format!("rule of {begin}"),
        matches: on(begin),
        header_edits: vec![],
        action,
    };
    let respond = SecurityAction::Respond(LocalResponse { status: 403, file: None });
    let (vip, config) = one_service_with(&[backend.address], |service| {
        service.host.policies = vec![Arc::new(PolicySet {
            uuid: "httppolicyset-1".into(),
            name: "set".into(),
            security: vec![SecurityRule { name: "forbid".into(), matches: on("/secret"), action: respond }],
            request: vec![
                rule("/edits", None),
                rule("/secure", Some(RequestAction::Redirect(Redirect::to_https(443)))),
            ],
        })];
    });
    let log = Arc::new(Rules::default());
    let _bed = Bed::start_with(1, &config, log.clone());
    let mut client = Peer::connect(vip);
    let statuses = ["/secret", "/secure?a=1", "/edits", "/"].map(|path| client.get(path).status());
    assert_eq!(statuses, [403, 302, 200, 200]);
    eventually("all are told", || log.0.lock().unwrap().len() == 4);
    let told = |texts: [Option<&str>; 3]| texts.map(|text| text.map(str::to_owned));
    let expected = [
        told([Some("forbid"), None, None]),
        told([None, Some("rule of /secure"), Some("https://app.example.com/secure?a=1")]),
        told([None; 3]),
        told([None; 3]),
    ];
    assert_eq!(*log.0.lock().unwrap(), expected);
}
