//! What is told of an answer, and the log that becomes of it.

use std::net::SocketAddr;

use dns_answer::{Arrival, Limit, View, answer_telling};
use gslb::Advance;
use model::dns::{DnsVirtualService, ErrorResponse};
use model::gslb::{DownResponse, GslbService};
use se_protocol::logs::DnsLog;

use crate::world::{CLIENT, dns, hello, publish, registration, view, with_records};

/// The log of a query for `qname`, whose members are up as `health` says, and whether it is significant.
fn log_of(dns: &DnsVirtualService, service: GslbService, health: &[bool], qname: &str, qtype: u16) -> DnsLog {
    log_of_octets(dns, service, health, &octets(qname, qtype)).unwrap()
}

fn octets(qname: &str, qtype: u16) -> Vec<u8> {
    let mut query = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in qname.split('.') {
        query.push(u8::try_from(label.len()).unwrap());
        query.extend_from_slice(label.as_bytes());
    }
    query.push(0);
    query.extend_from_slice(&[0, u8::try_from(qtype).unwrap(), 0, 1]);
    query
}

fn log_of_octets(dns: &DnsVirtualService, service: GslbService, health: &[bool], query: &[u8]) -> Option<DnsLog> {
    log_from(&view(dns, &[service], health), query)
}

fn log_from(view: &View, query: &[u8]) -> Option<DnsLog> {
    let (mut out, mut told) = ([0; 1232], None);
    answer_telling(view, query, CLIENT, Limit::Udp, &mut out, &mut Advance, |it, packet| {
        told = Some((it.account(packet), it.is_significant()));
    });
    let arrival = Arrival {
        at_us: 7,
        client: SocketAddr::from(([192, 0, 2, 1], 5353)),
        service: SocketAddr::from(([192, 0, 2, 53], 53)),
        over_tcp: false,
        query_bytes: query.len(),
        engine: "engine-1",
    };
    told.map(|(account, significant)| account.log(view, significant, &arrival))
}

#[test]
fn an_answer_with_an_address_tells_member_pool_and_turn() {
    let log = log_of(&dns(), hello(), &[], "Hello.avi.iberia.local", 1);
    assert_eq!((log.significant, log.rcode, log.qname.as_str()), (false, Some(0), "hello.avi.iberia.local"));
    let [record] = log.records.as_slice() else { panic!("{:?}", log.records) };
    assert_eq!((record.data.as_str(), record.ttl_s, record.rtype), ("10.10.25.46", 30, 1));
    assert_eq!((log.reason.as_str(), log.entry.as_str()), ("turn 1 of 6", "GSLB"));
    assert_eq!(
        (log.gslb_service_name.as_str(), log.virtual_service.as_str()),
        ("hello.avi.iberia.local", "virtualservice-1")
    );
    assert_eq!((log.client_ip.as_str(), log.client_port, log.service_port), ("192.0.2.1", 5353, 53));
    assert_eq!((log.query_id, log.answer_records, log.authoritative), (0x1234, 1, true));
    assert!(log.answer_bytes > log.query_bytes);
    let skipped = log_of(&dns(), hello(), &[false, true, true], "hello.avi.iberia.local", 1);
    assert_eq!(skipped.reason, "turn 2 of 6, after 1 of members that are not up");
}

#[track_caller]
fn check(log: &DnsLog, significant: bool, rcode: Option<u32>, reason: &str) {
    assert_eq!((log.significant, log.rcode, log.reason.as_str()), (significant, rcode, reason));
}

#[test]
fn errors_are_significant_and_empty_answers_of_names_that_exist_are_not() {
    let name = "hello.avi.iberia.local";
    let ask = |qname: &str, qtype| log_of(&dns(), hello(), &[], qname, qtype);
    check(&ask(name, 28), false, Some(0), "no member that is up has an address of this type");
    check(&ask(name, 16), false, Some(0), "the name has no record of this type");
    check(&ask("avi.iberia.local", 6), false, Some(0), "the zone's SOA record");
    check(&ask("nothing.avi.iberia.local", 1), true, Some(3), "the name does not exist");
    check(&ask("example.com", 1), true, Some(3), "outside every zone of this service");
    let down = |response| log_of(&dns(), GslbService { down_response: response, ..hello() }, &[false; 3], name, 1);
    check(&down(DownResponse::None), true, Some(3), "the service is down and has no down response");
    let all = down(DownResponse::AllRecords);
    check(&all, true, Some(0), "the service is down: all its addresses");
    assert_eq!(all.records.len(), 3);
    let v4 = Some("192.0.2.9".parse().unwrap());
    let fallback = down(DownResponse::FallbackIp { v4, v6: None });
    check(&fallback, true, Some(0), "the service is down: its fallback address");
    assert_eq!(fallback.records[0].data, "192.0.2.9");
    let mut silent = dns();
    silent.profile.on_error = ErrorResponse::Drop;
    let dropped = log_of(&silent, hello(), &[], "nothing.avi.iberia.local", 1);
    check(&dropped, true, None, "no packet: the name does not exist");
    assert_eq!(dropped.answer_bytes, 0);
}

#[test]
fn the_kind_of_record_that_answered_is_told() {
    let records = vec![
        registration(1, "app.avi.iberia.local", "192.0.2.1 192.0.2.2"),
        registration(2, "www.avi.iberia.local", "app.avi.iberia.local"),
    ];
    let view = with_records(view(&dns(), &[hello()], &[]), records);
    let ask = |qname, qtype| log_from(&view, &octets(qname, qtype)).unwrap();
    let told = |log: &DnsLog| {
        let data: Vec<String> = log.records.iter().map(|record| format!("{} {}", record.rtype, record.data)).collect();
        (log.entry.clone(), log.reason.clone(), data.join(", "))
    };
    let expected = |entry: &str, reason: &str, data: &str| (entry.to_owned(), reason.to_owned(), data.to_owned());
    let app = ask("app.avi.iberia.local", 1);
    let by = "registered by vsvip-1: turn 1 of 2";
    assert_eq!(told(&app), expected("VIRTUALSERVICE", by, "1 192.0.2.1, 1 192.0.2.2"));
    assert_eq!((app.significant, app.records[0].ttl_s, app.answer_records), (false, 60, 2));
    let www = told(&ask("www.avi.iberia.local", 1));
    let data = "5 app.avi.iberia.local, 1 192.0.2.2, 1 192.0.2.1";
    assert_eq!(www, expected("VIRTUALSERVICE", "another name, registered by vsvip-2", data));
    let aaaa = told(&ask("app.avi.iberia.local", 28));
    assert_eq!(aaaa, expected("VIRTUALSERVICE", "the name has no address of this type", ""));
    assert_eq!(ask("hello.avi.iberia.local", 1).entry, "GSLB");
    publish(&view, 1, false);
    let gone = ask("app.avi.iberia.local", 1);
    assert_eq!(told(&gone), expected("LOCAL", "none of the virtual services of the name is up", ""));
    assert_eq!((gone.significant, gone.rcode), (true, Some(3)));
}

#[test]
fn what_cannot_be_read_is_told_as_far_as_it_was_read() {
    let cut = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, b'a'];
    let log = log_of_octets(&dns(), hello(), &[], &cut).unwrap();
    assert_eq!((log.significant, log.rcode, log.qname.as_str(), log.query_id), (true, Some(1), "", 0x1234));
    let response = [0x12, 0x34, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(log_of_octets(&dns(), hello(), &[], &response), None);
    let chaos = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x03";
    let log = log_of_octets(&dns(), hello(), &[], chaos).unwrap();
    assert_eq!((log.significant, log.rcode, log.reason.as_str()), (true, Some(5), "a class other than IN"));
}
