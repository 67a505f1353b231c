//! avi-api 4.5 to 4.7 and 5.6, case by case.

use dns_answer::Limit;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{RData, RecordType};
use model::dns::ErrorResponse;
use model::gslb::DownResponse;

use model::testing::{domain, member, pool, service};

use crate::world::{addresses, ask, ask_bytes, dns, hello, query, view};

const HELLO: &str = "hello.avi.iberia.local.";

/// Answer code, number of addresses, number of SOA records in answer and authority.
#[track_caller]
fn check(message: &Message, rcode: ResponseCode, answers: usize, authority: usize) {
    assert_eq!(message.metadata.response_code, rcode, "{message}");
    assert_eq!((message.answers.len(), message.authorities.len()), (answers, authority), "{message}");
}

#[test]
fn a_service_answers_one_address_authoritatively() {
    let view = view(&dns(), &[hello()], &[]);
    let reply = ask(&view, &query(HELLO, RecordType::A, 0)).unwrap();
    check(&reply, ResponseCode::NoError, 1, 0);
    assert!(reply.metadata.authoritative && reply.metadata.recursion_desired && !reply.metadata.recursion_available);
    assert_eq!(reply.answers[0].ttl, 30);
    assert!(reply.edns.is_none());
}

#[test]
fn the_client_s_case_comes_back() {
    let view = view(&dns(), &[hello()], &[]);
    let reply = ask(&view, &query("HeLLo.aVi.iberia.LOCAL.", RecordType::A, 1232)).unwrap();
    assert_eq!(reply.answers[0].name.to_string(), "HeLLo.aVi.iberia.LOCAL.");
    assert_eq!(reply.edns.unwrap().max_payload(), 1232);
}

#[test]
fn aaaa_of_an_ipv4_service_is_empty_without_authority() {
    let view = view(&dns(), &[hello()], &[]);
    check(&ask(&view, &query(HELLO, RecordType::AAAA, 0)).unwrap(), ResponseCode::NoError, 0, 0);
}

#[test]
fn aaaa_is_dropped_only_when_the_profile_says_so_twice() {
    let mut dns = dns();
    dns.profile.on_error = ErrorResponse::Drop;
    let asked = query(HELLO, RecordType::AAAA, 0);
    assert!(ask(&view(&dns, &[hello()], &[]), &asked).is_some());
    dns.profile.aaaa_empty_response = false;
    assert!(ask(&view(&dns, &[hello()], &[]), &asked).is_none());
}

#[test]
fn other_types_of_a_service_are_empty_with_soa() {
    let view = view(&dns(), &[hello()], &[]);
    for qtype in [RecordType::TXT, RecordType::MX, RecordType::HTTPS, RecordType::NS] {
        check(&ask(&view, &query(HELLO, qtype, 0)).unwrap(), ResponseCode::NoError, 0, 1);
    }
}

#[test]
fn an_unknown_name_does_not_exist_and_the_soa_is_the_story_s() {
    let view = view(&dns(), &[hello()], &[]);
    let reply = ask(&view, &query("nothing.avi.iberia.local.", RecordType::A, 0)).unwrap();
    check(&reply, ResponseCode::NXDomain, 0, 1);
    assert!(reply.metadata.authoritative);
    let record = &reply.authorities[0];
    assert_eq!((record.name.to_string().as_str(), record.ttl), ("avi.iberia.local.", 30));
    let RData::SOA(soa) = &record.data else { panic!("{record}") };
    assert_eq!(soa.mname.to_string(), "g-dns.iberia.local.");
    assert_eq!(soa.rname.iter().next().unwrap(), b"dnsadmin@iberia");
    assert_eq!((soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum), (1, 10_800, 3_600, 86_400, 30));
}

#[test]
fn the_apex_has_a_soa_and_is_else_empty() {
    let view = view(&dns(), &[hello()], &[]);
    check(&ask(&view, &query("avi.iberia.local.", RecordType::SOA, 0)).unwrap(), ResponseCode::NoError, 1, 0);
    for qtype in [RecordType::A, RecordType::NS, RecordType::TXT] {
        check(&ask(&view, &query("avi.iberia.local.", qtype, 0)).unwrap(), ResponseCode::NoError, 0, 1);
    }
}

#[test]
fn names_above_a_service_exist_and_are_empty() {
    let view = view(&dns(), &[service("kuard.default.avi.iberia.local", vec![])], &[]);
    check(&ask(&view, &query("default.avi.iberia.local.", RecordType::A, 0)).unwrap(), ResponseCode::NoError, 0, 1);
    check(&ask(&view, &query("other.avi.iberia.local.", RecordType::A, 0)).unwrap(), ResponseCode::NXDomain, 0, 1);
}

#[test]
fn outside_every_zone_there_is_no_soa_and_no_authority() {
    let view = view(&dns(), &[hello()], &[]);
    let reply = ask(&view, &query("www.example.com.", RecordType::A, 0)).unwrap();
    check(&reply, ResponseCode::NXDomain, 0, 0);
    assert!(!reply.metadata.authoritative);
    check(&ask(&view, &query("iberia.local.", RecordType::SOA, 0)).unwrap(), ResponseCode::NXDomain, 0, 0);
}

#[test]
fn a_profile_that_drops_sends_no_packet_for_what_it_cannot_answer() {
    let mut dns = dns();
    dns.profile.on_error = ErrorResponse::Drop;
    let view = view(&dns, &[hello()], &[false, false, false]);
    for name in ["nothing.avi.iberia.local.", "www.example.com.", HELLO] {
        assert!(ask(&view, &query(name, RecordType::A, 0)).is_none(), "{name}");
    }
    assert!(ask(&view, &query(HELLO, RecordType::TXT, 0)).is_none());
    assert!(ask_bytes(&view, &[0; 12], Limit::Udp).is_none());
    assert!(ask(&view, &query("avi.iberia.local.", RecordType::SOA, 0)).is_some());
}

#[test]
fn a_service_that_is_down_follows_its_down_response() {
    let down = [false, false, false];
    let asked = query(HELLO, RecordType::A, 0);
    let with = |down_response| view(&dns(), &[model::gslb::GslbService { down_response, ..hello() }], &down);
    check(&ask(&with(DownResponse::None), &asked).unwrap(), ResponseCode::NXDomain, 0, 1);
    check(&ask(&with(DownResponse::Empty), &asked).unwrap(), ResponseCode::NoError, 0, 0);
    check(&ask(&with(DownResponse::AllRecords), &asked).unwrap(), ResponseCode::NoError, 3, 0);
    let fallback = with(DownResponse::FallbackIp { v4: Some([192, 0, 2, 9].into()), v6: None });
    assert_eq!(addresses(&ask(&fallback, &asked).unwrap()), [std::net::IpAddr::from([192, 0, 2, 9])]);
    check(&ask(&fallback, &query(HELLO, RecordType::AAAA, 0)).unwrap(), ResponseCode::NoError, 0, 0);
    let reply = ask(&with(DownResponse::Cname(domain("sorry.example.com"))), &asked).unwrap();
    assert_eq!(reply.answers[0].data.to_string(), "sorry.example.com.");
}

#[test]
fn a_disabled_service_and_one_outside_the_served_domains_do_not_exist() {
    let mut off = hello();
    off.enabled = false;
    let foreign = service("hello.example.com", vec![pool(10, vec![member("192.0.2.1", 1)])]);
    let view = view(&dns(), &[off, foreign], &[]);
    check(&ask(&view, &query(HELLO, RecordType::A, 0)).unwrap(), ResponseCode::NXDomain, 0, 1);
    check(&ask(&view, &query("hello.example.com.", RecordType::A, 0)).unwrap(), ResponseCode::NXDomain, 0, 0);
}

#[test]
fn a_virtual_service_that_no_site_lists_serves_no_global_names() {
    let mut dns = dns();
    dns.gslb_domains = None;
    let view = view(&dns, &[hello()], &[]);
    check(&ask(&view, &query(HELLO, RecordType::A, 0)).unwrap(), ResponseCode::NXDomain, 0, 1);
}

#[test]
fn a_wildcard_service_answers_any_depth_below_and_other_names_stay_their_own() {
    let mut wild = hello();
    wild.wildcard_match = true;
    let own = service("own.hello.avi.iberia.local", vec![pool(10, vec![member("192.0.2.7", 1)])]);
    let view = view(&dns(), &[wild, own], &[]);
    for name in ["a.hello.avi.iberia.local.", "b.a.hello.avi.iberia.local."] {
        check(&ask(&view, &query(name, RecordType::A, 0)).unwrap(), ResponseCode::NoError, 1, 0);
    }
    let reply = ask(&view, &query("own.hello.avi.iberia.local.", RecordType::A, 0)).unwrap();
    assert_eq!(addresses(&reply), [std::net::IpAddr::from([192, 0, 2, 7])]);
}

#[test]
fn ttl_and_number_of_addresses_are_the_service_s_else_the_profile_s() {
    let mut own = hello();
    own.ttl = model::Ttl::try_from(2).ok();
    own.num_dns_ip = Some(0);
    let reply = ask(&view(&dns(), &[own], &[]), &query(HELLO, RecordType::A, 0)).unwrap();
    assert_eq!((reply.answers.len(), reply.answers[0].ttl), (3, 2));
    let mut dns = dns();
    dns.profile.num_dns_ip = 2;
    let reply = ask(&view(&dns, &[hello()], &[]), &query(HELLO, RecordType::A, 0)).unwrap();
    assert_eq!((reply.answers.len(), reply.answers[0].ttl), (2, 30));
}

#[test]
fn an_answer_that_does_not_fit_is_truncated_over_udp_and_whole_over_tcp() {
    // 20 AAAA records of 28 octets are more than 512.
    let members = (1..=20).map(|host| member(&format!("2001:db8::{host}"), 1)).collect();
    let mut wide = service("wide.avi.iberia.local", vec![pool(10, members)]);
    wide.num_dns_ip = Some(0);
    let view = view(&dns(), &[wide], &[]);
    let asked = query("wide.avi.iberia.local.", RecordType::AAAA, 0);
    let cut = ask(&view, &asked).unwrap();
    assert!(cut.metadata.truncation && cut.answers.is_empty(), "{cut}");
    let whole = ask_bytes(&view, &asked.to_vec().unwrap(), Limit::Tcp).unwrap();
    assert_eq!(Message::from_vec(&whole).unwrap().answers.len(), 20);
    let fits = ask(&view, &query("wide.avi.iberia.local.", RecordType::AAAA, 4096)).unwrap();
    assert_eq!((fits.metadata.truncation, fits.answers.len()), (false, 20));
}

#[test]
fn invalid_queries_get_the_code_that_says_why() {
    let view = view(&dns(), &[hello()], &[]);
    let rcode = |bytes: &[u8]| ask_bytes(&view, bytes, Limit::Udp).map(|reply| reply[3] & 0x0f);
    let mut bytes = query(HELLO, RecordType::A, 0).to_vec().unwrap();
    bytes[2] |= 5 << 3; // opcode UPDATE
    assert_eq!(rcode(&bytes), Some(4));
    let mut bytes = query(HELLO, RecordType::A, 0).to_vec().unwrap();
    bytes[5] = 2; // two questions
    assert_eq!(rcode(&bytes), Some(1));
    let mut bytes = query(HELLO, RecordType::A, 0).to_vec().unwrap();
    let class = bytes.len() - 1;
    bytes[class] = 3; // class CH
    assert_eq!(rcode(&bytes), Some(5));
    bytes[2] |= 0x80; // a response: answering could loop
    assert_eq!(rcode(&bytes), None);
    assert_eq!(rcode(&[1, 2, 3]), None);
}

#[test]
fn a_higher_edns_version_is_refused_with_ours() {
    let view = view(&dns(), &[hello()], &[]);
    let mut asked = query(HELLO, RecordType::A, 1232);
    asked.edns.as_mut().unwrap().set_version(1);
    let reply = ask(&view, &asked).unwrap();
    assert_eq!(u16::from(reply.metadata.response_code), 16); // BADVERS, which shares its number with BADSIG
    assert_eq!(reply.edns.unwrap().version(), 0);
}

#[test]
fn zone_transfers_are_refused_by_either_transport_and_at_any_name() {
    let world = view(&dns(), &[hello()], &[]);
    for (name, qtype) in [
        ("avi.iberia.local.", RecordType::AXFR),
        ("avi.iberia.local.", RecordType::IXFR),
        (HELLO, RecordType::AXFR),
        ("elsewhere.example.", RecordType::AXFR),
    ] {
        let mut asked = query(name, qtype, 0);
        if qtype == RecordType::IXFR {
            // The version that the client has (RFC 1995 §3).
            let soa = ask(&world, &query("avi.iberia.local.", RecordType::SOA, 0)).unwrap();
            asked.add_authority(soa.answers[0].clone());
        }
        for limit in [Limit::Udp, Limit::Tcp] {
            let reply = ask_bytes(&world, &asked.to_vec().unwrap(), limit).unwrap();
            let reply = Message::from_vec(&reply).unwrap();
            check(&reply, ResponseCode::Refused, 0, 0);
            assert!(!reply.metadata.authoritative, "{reply}");
        }
    }
    let mut silent = dns();
    silent.profile.on_error = ErrorResponse::Drop;
    let asked = query("avi.iberia.local.", RecordType::AXFR, 0);
    assert!(ask(&view(&silent, &[hello()], &[]), &asked).is_none());
}
