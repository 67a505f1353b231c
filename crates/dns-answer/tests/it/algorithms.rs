//! Consistent hash and preference order, with and without client subnet, on the wire and in words (RFC 7871).

use std::collections::BTreeSet;
use std::net::IpAddr;

use dns_answer::{Limit, View, answer, answer_telling, explain};
use gslb::Advance;
use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;
use hickory_proto::rr::rdata::opt::{ClientSubnet, EdnsCode, EdnsOption};
use model::gslb::{GslbService, MemberAlgorithm};
use model::testing::{member, pool, service};
use se_protocol::explain::DnsQuestion;

use crate::world::{Books, CLIENT, addresses, dns, query, view};

const NAME: &str = "app.avi.iberia.local";

fn app(algorithm: MemberAlgorithm) -> GslbService {
    let members = (1..=10).map(|last| member(&format!("192.0.2.{last}"), 1)).collect();
    let mut service = service(NAME, vec![pool(10, members)]);
    service.pools[0].algorithm = algorithm;
    service
}

/// Ten members, chosen by a hash of the client's /24.
fn hashed() -> GslbService {
    let mut service = app(MemberAlgorithm::ConsistentHash);
    service.pools[0].hash_prefix_v4 = Some(24);
    service
}

/// Ten members of which the last is preferred most.
fn preferred() -> GslbService {
    let mut service = app(MemberAlgorithm::PreferenceOrder);
    for (member, order) in service.pools[0].members.iter_mut().zip((1..=10).rev()) {
        member.preference_order = order;
    }
    service
}

fn question(name: &str, subnet: Option<(&str, u8)>) -> Vec<u8> {
    let mut message = query(&format!("{name}."), RecordType::A, 1232);
    if let Some((ip, prefix)) = subnet {
        let subnet = ClientSubnet::new(ip.parse().unwrap(), prefix, 0);
        message.edns.as_mut().unwrap().options_mut().insert(EdnsOption::Subnet(subnet));
    }
    message.to_vec().unwrap()
}

/// Asks from `client`: the addresses, and the scope that was echoed.
fn ask(view: &View, client: IpAddr, name: &str, subnet: Option<(&str, u8)>) -> (Vec<IpAddr>, Option<u8>) {
    let mut out = [0; 1232];
    let length = answer(view, &question(name, subnet), client, Limit::Udp, &mut out, &mut Advance).unwrap();
    let reply = Message::from_vec(&out[..length]).unwrap();
    let option = reply.edns.as_ref().and_then(|edns| edns.option(EdnsCode::Subnet).cloned());
    let scope = option.map(|option| match option {
        EdnsOption::Subnet(told) => {
            let (ip, prefix) = subnet.unwrap();
            assert_eq!((told.addr(), told.source_prefix()), (ip.parse().unwrap(), prefix));
            told.scope_prefix()
        }
        other => panic!("{other:?}"),
    });
    (addresses(&reply), scope)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn clients_of_one_network_get_one_member_and_networks_spread() {
    let view = view(&dns(), &[hashed()], &[]);
    let of = |client: [u8; 4]| ask(&view, client.into(), NAME, None).0;
    let one = of([198, 51, 100, 1]);
    assert_eq!(one.len(), 1);
    assert!((0..=255).all(|last| of([198, 51, 100, last]) == one));
    let seen: BTreeSet<IpAddr> = (0..=255).flat_map(|third| of([198, 51, third, 1])).collect();
    assert_eq!(seen.len(), 10);
}

#[test]
fn behind_a_resolver_the_client_subnet_decides_and_the_scope_says_for_whom() {
    let view = view(&dns(), &[hashed()], &[]);
    for third in 0..=255 {
        let client = format!("198.51.{third}.0");
        let (own, none) = ask(&view, ip(&client), NAME, None);
        assert_eq!(none, None, "no option unless the query has one");
        assert_eq!(ask(&view, CLIENT, NAME, Some((&client, 24))), (own, Some(24)));
    }
    assert_eq!(ask(&view, CLIENT, NAME, Some(("198.51.100.7", 32))).1, Some(24), "the mask");
    assert_eq!(ask(&view, CLIENT, NAME, Some(("198.51.0.0", 16))).1, Some(16), "what was told");
    let unknown = ask(&view, CLIENT, NAME, Some(("0.0.0.0", 0)));
    assert_eq!(unknown, (ask(&view, CLIENT, NAME, None).0, Some(0)), "who is not told is the one that asks");
}

#[test]
fn an_answer_that_looked_at_no_subnet_holds_for_everyone() {
    let mut blind = hashed();
    blind.use_client_subnet = false;
    let own = ask(&view(&dns(), &[blind.clone()], &[]), CLIENT, NAME, None).0;
    for third in 0..=255 {
        let subnet = format!("198.51.{third}.0");
        assert_eq!(
            ask(&view(&dns(), &[blind.clone()], &[]), CLIENT, NAME, Some((&subnet, 24))),
            (own.clone(), Some(0))
        );
    }
    let subnet = Some(("198.51.100.0", 24));
    for service in [preferred(), app(MemberAlgorithm::RoundRobin)] {
        assert_eq!(ask(&view(&dns(), &[service], &[]), CLIENT, NAME, subnet).1, Some(0));
    }
    let view = view(&dns(), &[hashed()], &[]);
    assert_eq!(ask(&view, CLIENT, "absent.avi.iberia.local", subnet), (vec![], Some(0)));
}

#[test]
fn without_edns_in_the_profile_the_subnet_is_neither_used_nor_echoed() {
    let mut dns = dns();
    dns.profile.edns = false;
    let view = view(&dns, &[hashed()], &[]);
    let own = ask(&view, CLIENT, NAME, None).0;
    for third in 0..=255 {
        let subnet = format!("198.51.{third}.0");
        assert_eq!(ask(&view, CLIENT, NAME, Some((&subnet, 24))), (own.clone(), None));
    }
}

#[test]
fn several_addresses_come_by_the_same_algorithm() {
    let mut service = preferred();
    service.num_dns_ip = Some(3);
    let health = [true, true, true, true, true, true, true, true, false, true];
    let (all, _) = ask(&view(&dns(), &[service], &health), CLIENT, NAME, None);
    assert_eq!(all, [ip("192.0.2.10"), ip("192.0.2.8"), ip("192.0.2.7")]);

    let mut service = hashed();
    service.num_dns_ip = Some(0);
    let up = view(&dns(), &[service.clone()], &[true; 10]);
    let (all, _) = ask(&up, CLIENT, NAME, None);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 10);
    service.num_dns_ip = Some(4);
    let mut health = [true; 10];
    for (index, member) in service.pools[0].members.iter().enumerate() {
        health[index] = member.ip != all[0];
    }
    let (next, _) = ask(&view(&dns(), &[service], &health), CLIENT, NAME, None);
    assert_eq!(next, all[1..5], "who is lost leaves the order of the others");
}

#[test]
fn the_steps_of_a_hash_are_told() {
    let view = view(&dns(), &[hashed()], &[]);
    let explained = |client: Option<&str>| {
        let question = DnsQuestion { name: NAME.into(), qtype: "A".into(), client: client.map(ip) };
        explain(&view, &question, &Books).unwrap()
    };
    let told = explained(Some("198.51.100.7"));
    let (chosen, _) = ask(&view, ip("198.51.100.7"), NAME, None);
    assert_eq!(
        told.steps[0].outcome,
        "198.51.100.7, of which 198.51.100.0/24 is hashed; the client subnet of a query (EDNS), where it has one, \
         stands for its address"
    );
    assert_eq!(
        told.steps[4].outcome,
        format!("consistent hash of 198.51.100.0/24 over 10 members: {} ranks highest of those that are up", chosen[0])
    );
    for member in told.members {
        let why = if member.chosen { "ranks highest for this client" } else { "up, but ranks lower for this client" };
        assert_eq!(member.reason, format!("{why} (health of {})", member.ip));
        assert_eq!(member.chosen, member.ip == chosen[0]);
    }
    assert!(explained(None).steps[0].outcome.starts_with("any; shown is the answer to 0.0.0.0"));
}

#[test]
fn the_steps_of_a_preference_and_of_a_fallback_are_told() {
    let told_at = |step: usize, service: GslbService, health: &[bool]| {
        let question = DnsQuestion { name: NAME.into(), qtype: "A".into(), client: Some(CLIENT) };
        let explained = explain(&view(&dns(), &[service], health), &question, &Books).unwrap();
        (explained.steps[step].outcome.clone(), explained.members)
    };
    let told = |service, health: &[bool]| told_at(4, service, health);
    let health = [true, true, true, true, true, true, true, true, true, false];
    let (step, members) = told(preferred(), &health);
    assert_eq!(step, "preference order: 192.0.2.9 has the lowest of those that are up, 2");
    assert_eq!(members[9].reason, "preferred, with order 1, but not up (health of 192.0.2.10)");
    assert_eq!(members[8].reason, "first by preference, with order 2 (health of 192.0.2.9)");
    assert_eq!(members[7].reason, "up, but with preference order 3 it comes later (health of 192.0.2.8)");

    let mut geo = app(MemberAlgorithm::Geo);
    let (step, _) = told_at(5, geo.clone(), &[]);
    assert_eq!(
        step,
        "GSLB_ALGORITHM_GEO does not find the client, so its fallback: weighted round robin: turn 1 of 10 is 192.0.2.1's"
    );
    geo.pools[0].fallback_algorithm = Some(MemberAlgorithm::ConsistentHash);
    let (step, _) = told_at(5, geo, &[]);
    assert!(step.contains("so its fallback: consistent hash of 192.0.2.200/32"), "{step}");
}

#[test]
fn the_log_says_what_was_hashed_and_for_whom_the_answer_holds() {
    let log = |service: GslbService, subnet| {
        let view = view(&dns(), &[service], &[]);
        let (mut out, mut told) = ([0; 1232], None);
        let asked = question(NAME, subnet);
        answer_telling(&view, &asked, CLIENT, Limit::Udp, &mut out, &mut Advance, |it, packet| {
            told = Some(it.account(packet));
        });
        let arrival = dns_answer::Arrival {
            at_us: 7,
            client: (CLIENT, 5353).into(),
            service: ([192, 0, 2, 53], 53).into(),
            over_tcp: false,
            query_bytes: asked.len(),
            engine: "engine-1",
        };
        let log = told.unwrap().log(&view, false, &arrival);
        (log.reason, log.edns.unwrap().subnet_scope_length)
    };
    let subnet = Some(("198.51.100.7", 32));
    assert_eq!(log(hashed(), subnet), ("hash of 198.51.100.0/24, of the client subnet".into(), 24));
    assert_eq!(log(hashed(), None), ("hash of 192.0.2.0/24, of the address that asked".into(), 0));
    assert_eq!(log(preferred(), subnet), ("preference order 1".into(), 0));
}
