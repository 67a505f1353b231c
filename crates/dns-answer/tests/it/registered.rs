//! Records that virtual services own: avi-api 4.3 to 4.6, case by case.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use dns_answer::{Limit, Records, View, answer};
use gslb::Advance;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{RData, RecordType};
use model::dns::{ErrorResponse, RecordOrder, Registration};
use model::testing::{pool, service};

use crate::world::{addresses, ask, dns, hello, publish, query, registration, view, with_records};

const APP: &str = "app.avi.iberia.local";

/// A view of the story's GSLB service and of `registrations`, all of them published.
fn registered(registrations: Vec<Registration>) -> View {
    with_records(view(&dns(), &[hello()], &[]), registrations)
}

#[track_caller]
fn reply(view: &View, name: &str, qtype: RecordType) -> Message {
    ask(view, &query(&format!("{name}."), qtype, 0)).unwrap()
}

#[track_caller]
fn check(view: &View, name: &str, qtype: RecordType, rcode: ResponseCode, expected: &[&str], authority: usize) {
    let reply = reply(view, name, qtype);
    let found: Vec<String> = addresses(&reply).iter().map(IpAddr::to_string).collect();
    let told = (reply.metadata.response_code, reply.authorities.len());
    assert_eq!((told, found.iter().map(String::as_str).collect()), ((rcode, authority), expected.to_vec()), "{reply}");
}

#[test]
fn a_name_has_the_addresses_of_its_family_and_its_own_ttl() {
    let view = registered(vec![
        registration(1, APP, "192.0.2.1 2001:db8::1"),
        registration(2, "v4.avi.iberia.local", "192.0.2.2"),
    ]);
    check(&view, APP, RecordType::A, ResponseCode::NoError, &["192.0.2.1"], 0);
    check(&view, "App.AVI.iberia.local", RecordType::AAAA, ResponseCode::NoError, &["2001:db8::1"], 0);
    check(&view, APP, RecordType::ANY, ResponseCode::NoError, &["192.0.2.1"], 0);
    check(&view, "v4.avi.iberia.local", RecordType::AAAA, ResponseCode::NoError, &[], 0);
    check(&view, APP, RecordType::TXT, ResponseCode::NoError, &[], 1);
    let reply = reply(&view, APP, RecordType::A);
    assert!(reply.metadata.authoritative);
    assert_eq!(reply.answers[0].ttl, 60);
}

#[test]
fn a_name_is_gone_with_its_last_owner_and_comes_back() {
    let view = registered(vec![registration(1, APP, "192.0.2.1"), registration(2, APP, "192.0.2.2")]);
    let both: BTreeSet<String> = addresses(&reply(&view, APP, RecordType::A)).iter().map(IpAddr::to_string).collect();
    assert_eq!(both, ["192.0.2.1", "192.0.2.2"].map(str::to_owned).into());
    publish(&view, 1, false);
    check(&view, APP, RecordType::A, ResponseCode::NoError, &["192.0.2.2"], 0);
    publish(&view, 2, false);
    check(&view, APP, RecordType::A, ResponseCode::NXDomain, &[], 1);
    check(&view, APP, RecordType::AAAA, ResponseCode::NXDomain, &[], 1);
    publish(&view, 1, true);
    check(&view, APP, RecordType::A, ResponseCode::NoError, &["192.0.2.1"], 0);
}

#[test]
fn a_profile_that_drops_drops_what_is_withdrawn() {
    let mut dns = dns();
    dns.profile.on_error = ErrorResponse::Drop;
    let view = with_records(view(&dns, &[], &[]), vec![registration(1, APP, "192.0.2.1")]);
    let asked = query(&format!("{APP}."), RecordType::A, 0);
    assert!(ask(&view, &asked).is_some());
    publish(&view, 1, false);
    assert!(ask(&view, &asked).is_none());
}

#[test]
fn a_gslb_service_of_the_same_name_answers_instead() {
    let name = "hello.avi.iberia.local";
    let up = registered(vec![registration(1, name, "192.0.2.1")]);
    check(&up, name, RecordType::A, ResponseCode::NoError, &["10.10.25.46"], 0);
    let down = with_records(view(&dns(), &[hello()], &[false; 3]), vec![registration(1, name, "192.0.2.1")]);
    check(&down, name, RecordType::A, ResponseCode::NXDomain, &[], 1);
    let mut off = hello();
    off.enabled = false;
    let off = with_records(view(&dns(), &[off], &[]), vec![registration(1, name, "192.0.2.1")]);
    check(&off, name, RecordType::A, ResponseCode::NoError, &["192.0.2.1"], 0);
}

#[test]
fn a_record_comes_before_a_wildcard_and_after_it_when_withdrawn() {
    let mut wild = service("wild.avi.iberia.local", vec![pool(10, vec![model::testing::member("10.10.25.46", 1)])]);
    wild.wildcard_match = true;
    let name = "a.wild.avi.iberia.local";
    let view = with_records(view(&dns(), &[wild], &[]), vec![registration(1, name, "192.0.2.1")]);
    check(&view, name, RecordType::A, ResponseCode::NoError, &["192.0.2.1"], 0);
    publish(&view, 1, false);
    check(&view, name, RecordType::A, ResponseCode::NoError, &["10.10.25.46"], 0);
}

#[test]
fn names_above_a_published_one_exist_without_records() {
    let records = vec![
        registration(1, "web.default.avi.iberia.local", "192.0.2.1"),
        registration(2, "api.default.avi.iberia.local", "192.0.2.2"),
        registration(3, "other.avi.iberia.local", "192.0.2.3"),
    ];
    let view = registered(records);
    check(&view, "default.avi.iberia.local", RecordType::A, ResponseCode::NoError, &[], 1);
    publish(&view, 1, false);
    check(&view, "default.avi.iberia.local", RecordType::A, ResponseCode::NoError, &[], 1);
    publish(&view, 2, false);
    check(&view, "default.avi.iberia.local", RecordType::A, ResponseCode::NXDomain, &[], 1);
    check(&view, "avi.iberia.local", RecordType::A, ResponseCode::NoError, &[], 1);
}

#[test]
fn a_name_outside_every_zone_is_for_others_to_answer() {
    let view = registered(vec![registration(1, "www.example.com", "192.0.2.1")]);
    check(&view, "www.example.com", RecordType::A, ResponseCode::NXDomain, &[], 0);
}

#[test]
fn a_record_at_the_apex_leaves_the_soa_in_its_place() {
    let view = registered(vec![registration(1, "avi.iberia.local", "192.0.2.1")]);
    check(&view, "avi.iberia.local", RecordType::A, ResponseCode::NoError, &["192.0.2.1"], 0);
    let soa = reply(&view, "avi.iberia.local", RecordType::SOA);
    assert!(matches!(soa.answers[0].data, RData::SOA(_)), "{soa}");
}

#[test]
fn another_name_comes_with_its_addresses_when_they_are_known_here() {
    let records = vec![
        registration(1, APP, "192.0.2.1"),
        registration(2, "www.avi.iberia.local", APP),
        registration(3, "far.avi.iberia.local", "www.example.com"),
        registration(4, "global.avi.iberia.local", "hello.avi.iberia.local"),
    ];
    let view = registered(records);
    let shown = |name: &str, qtype| -> Vec<String> {
        let reply = reply(&view, name, qtype);
        assert_eq!(reply.metadata.response_code, ResponseCode::NoError);
        reply.answers.iter().map(|record| format!("{} {} {}", record.name, record.record_type(), record.data)).collect()
    };
    let www = "www.avi.iberia.local. CNAME app.avi.iberia.local.";
    assert_eq!(shown("www.avi.iberia.local", RecordType::A), [www, "app.avi.iberia.local. A 192.0.2.1"]);
    assert_eq!(shown("www.avi.iberia.local", RecordType::CNAME), [www]);
    assert_eq!(shown("www.avi.iberia.local", RecordType::TXT), [www]);
    let far = "far.avi.iberia.local. CNAME www.example.com.";
    assert_eq!(shown("far.avi.iberia.local", RecordType::A), [far]);
    let global = "global.avi.iberia.local. CNAME hello.avi.iberia.local.";
    assert_eq!(shown("global.avi.iberia.local", RecordType::A), [global, "hello.avi.iberia.local. A 10.10.25.46"]);
}

#[test]
fn nothing_stands_beside_a_cname() {
    let view = registered(vec![registration(1, APP, "www.example.com"), registration(2, APP, "192.0.2.2")]);
    check(&view, APP, RecordType::A, ResponseCode::NoError, &["192.0.2.2"], 0);
    publish(&view, 2, false);
    let reply = reply(&view, APP, RecordType::A);
    assert!(matches!(reply.answers[0].data, RData::CNAME(_)), "{reply}");
}

#[test]
fn round_robin_takes_turns_through_the_addresses_that_are_published() {
    let mut records = vec![registration(1, APP, "192.0.2.1 192.0.2.2"), registration(2, APP, "192.0.2.3 192.0.2.2")];
    records[0].addresses_max = Some(2);
    let view = registered(records);
    let order = || addresses(&reply(&view, APP, RecordType::A)).iter().map(IpAddr::to_string).collect::<Vec<_>>();
    assert_eq!(order(), ["192.0.2.1", "192.0.2.2"]);
    assert_eq!(order(), ["192.0.2.2", "192.0.2.3"]);
    assert_eq!(order(), ["192.0.2.3", "192.0.2.1"]);
    publish(&view, 1, false);
    // What is left says how many: all. It is the fourth turn, of two now.
    assert_eq!(order(), ["192.0.2.3", "192.0.2.2"]);
}

#[test]
fn the_profile_says_how_many_where_the_record_does_not() {
    let mut record = registration(1, APP, "192.0.2.1 192.0.2.2");
    record.addresses_max = None;
    assert_eq!(reply(&registered(vec![record]), APP, RecordType::A).answers.len(), 1);
    let many: Vec<String> = (1..=30).map(|host| format!("192.0.2.{host}")).collect();
    let view = registered(vec![registration(1, APP, &many.join(" "))]);
    assert_eq!(reply(&view, APP, RecordType::A).answers.len(), 20);
}

#[test]
fn a_client_keeps_its_address_and_one_that_goes_moves_only_its_own_clients() {
    const CLIENTS: u8 = 250;
    let records: Vec<Registration> = (1..=4)
        .map(|number| {
            let mut record = registration(number, APP, &format!("192.0.2.{number}"));
            (record.order, record.addresses_max) = (RecordOrder::ConsistentHash, Some(1));
            record
        })
        .collect();
    let view = registered(records);
    let asked = query(&format!("{APP}."), RecordType::A, 0).to_vec().unwrap();
    let first = |host: u8| {
        let mut out = [0; 512];
        let client = IpAddr::from([203, 0, 113, host]);
        let length = answer(&view, &asked, client, Limit::Udp, &mut out, &mut Advance).unwrap();
        addresses(&Message::from_vec(&out[..length]).unwrap())[0]
    };
    let before: Vec<IpAddr> = (0..CLIENTS).map(first).collect();
    assert_eq!(before, (0..CLIENTS).map(first).collect::<Vec<_>>());
    let gone: IpAddr = "192.0.2.2".parse().unwrap();
    // A quarter of the clients each, give or take.
    for address in before.iter().collect::<BTreeSet<_>>() {
        let share = before.iter().filter(|one| *one == address).count();
        assert!((30..100).contains(&share), "{address} has {share} of {CLIENTS}");
    }
    publish(&view, 2, false);
    for (host, was) in (0..CLIENTS).zip(before) {
        let is = first(host);
        assert!(is != gone && (was == gone || is == was), "client {host} had {was}, has {is}");
    }
}

#[test]
fn the_shortest_time_to_live_holds_for_all_records_of_a_name() {
    let (one, mut two) = (registration(1, APP, "192.0.2.1"), registration(2, APP, "192.0.2.2"));
    two.ttl = model::Ttl::try_from(5).unwrap();
    let view = registered(vec![one, two]);
    let ttls =
        |view: &View| reply(view, APP, RecordType::A).answers.iter().map(|record| record.ttl).collect::<Vec<_>>();
    assert_eq!(ttls(&view), [5, 5]);
    publish(&view, 2, false);
    assert_eq!(ttls(&view), [60]);
}

#[test]
fn what_did_not_change_is_not_compiled_again_and_turns_go_on() {
    let given =
        |ips: &str| vec![Arc::new(registration(1, APP, ips)), Arc::new(registration(2, "x.example.com", "192.0.2.9"))];
    let first = Records::compile(&given("192.0.2.1 192.0.2.2"), None);
    assert!(Arc::ptr_eq(&first, &Records::compile(&given("192.0.2.1 192.0.2.2"), Some(&first))));
    let view_of = |records: &Arc<Records>| {
        records.registrations().for_each(|(slot, _)| assert!(records.publish(slot, true)));
        View { records: Arc::clone(records), ..view(&dns(), &[], &[]) }
    };
    let first_of = |view: &View| addresses(&reply(view, APP, RecordType::A))[0].to_string();
    let before = view_of(&first);
    assert_eq!(first_of(&before), "192.0.2.1");
    let second = Records::compile(&given("192.0.2.1 192.0.2.2 192.0.2.3"), Some(&first));
    assert!(!second.is_published(0), "a new table publishes nothing by itself");
    assert_eq!(first_of(&view_of(&second)), "192.0.2.2");
}
