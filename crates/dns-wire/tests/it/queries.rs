//! Queries that hickory-proto writes, and what noise makes of them.

use std::net::IpAddr;

use dns_wire::{Query, Rtype};
use hickory_proto::op::{Edns, Message, Query as Question};
use hickory_proto::rr::rdata::opt::{ClientSubnet, EdnsOption};
use hickory_proto::rr::{DNSClass, Name, RecordType};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::checks::dns_query::{check, check_same_fields};

/// A subnet whose address has no bit beyond its prefix, as its client must send it.
fn subnet() -> impl Strategy<Value = (IpAddr, u8)> {
    prop_oneof![
        (any::<u32>(), 0..=32u8).prop_map(|(bits, prefix)| {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            (IpAddr::from((bits & mask).to_be_bytes()), prefix)
        }),
        (any::<u128>(), 0..=128u8).prop_map(|(bits, prefix)| {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            (IpAddr::from((bits & mask).to_be_bytes()), prefix)
        }),
    ]
}

prop_compose! {
    fn edns()(size in any::<u16>(), dnssec_ok in any::<bool>(), subnet in proptest::option::of(subnet())) -> Edns {
        let mut edns = Edns::new();
        edns.set_max_payload(size).set_version(0).set_dnssec_ok(dnssec_ok);
        if let Some((address, prefix)) = subnet {
            edns.options_mut().insert(EdnsOption::Subnet(ClientSubnet::new(address, prefix, 0)));
        }
        edns
    }
}

prop_compose! {
    /// A query as a client may send it, with any octets in its labels.
    pub(crate) fn query()(
        id in any::<u16>(),
        flags in any::<[bool; 3]>(),
        labels in vec(vec(any::<u8>(), 1..40), 0..6),
        qtype in any::<u16>(),
        edns in proptest::option::of(edns()),
    ) -> Message {
        let mut question = Question::query(Name::from_labels(labels).unwrap(), RecordType::from(qtype));
        question.set_query_class(DNSClass::IN);
        let mut message = Message::query();
        message.metadata.id = id;
        [message.metadata.recursion_desired, message.metadata.authentic_data, message.metadata.checking_disabled] =
            flags;
        message.add_query(question);
        message.edns = edns;
        message
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn arbitrary_octets_never_panic(octets in vec(any::<u8>(), 0..600)) {
        check(&octets);
    }

    #[test]
    fn octets_after_a_query_header_never_panic(
        counts in any::<[u8; 3]>(),
        octets in vec(prop_oneof![0..4u8, Just(41), Just(0xc0), any::<u8>()], 0..200),
    ) {
        let [answers, authority, additional] = counts.map(|count| count % 4);
        let header = [0x12, 0x34, 1, 0, 0, 1, 0, answers, 0, authority, 0, additional];
        check(&[&header[..], &octets].concat());
    }

    #[test]
    fn queries_of_hickory_parse_to_the_same_fields(message in query()) {
        let octets = message.to_vec().unwrap();
        let ours = Query::parse(&octets).unwrap();
        check_same_fields(&ours, &message);
        let expected = message.edns.as_ref().and_then(|edns| match edns.option(8.into()) {
            Some(EdnsOption::Subnet(subnet)) => Some((subnet.addr(), subnet.source_prefix())),
            _ => None,
        });
        let subnet = ours.edns().and_then(|edns| edns.client_subnet);
        prop_assert_eq!(subnet.map(|s| s.source_prefix_length()), expected.map(|(_, prefix)| prefix));
        prop_assert_eq!(
            subnet.and_then(|s| s.address()),
            expected.and_then(|(address, prefix)| (prefix > 0).then_some(address))
        );
    }

    #[test]
    fn mutated_queries_never_panic(
        message in query(),
        changes in vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
        length in any::<proptest::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut octets = message.to_vec().unwrap();
        for (at, value) in changes {
            let at = at.index(octets.len());
            octets[at] = value;
        }
        if is_cut {
            octets.truncate(length.index(octets.len()));
        }
        check(&octets);
    }

    #[test]
    fn escaped_names_read_back(labels in vec(vec(any::<u8>(), 1..20), 1..5)) {
        let wire: Vec<u8> = labels.iter().chain([&vec![]]).flat_map(|label| {
            [&[u8::try_from(label.len()).unwrap()][..], label].concat()
        }).collect();
        let text = dns_wire::Name::from_wire(&wire).unwrap().to_string();
        prop_assert!(text.bytes().all(|b| b.is_ascii_graphic()));
        prop_assert_eq!(unescape(&text), labels, "{}", text);
    }
}

/// Reads presentation form (RFC 1035 §5.1).
fn unescape(text: &str) -> Vec<Vec<u8>> {
    let mut labels = vec![vec![]];
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        let octet = match octet {
            b'.' => {
                labels.push(vec![]);
                continue;
            }
            b'\\' => match rest.next().unwrap() {
                digit @ b'0'..=b'9' => {
                    let number = [digit, rest.next().unwrap(), rest.next().unwrap()].map(|d| u16::from(d - b'0'));
                    u8::try_from(number[0] * 100 + number[1] * 10 + number[2]).unwrap()
                }
                escaped => escaped,
            },
            plain => plain,
        };
        labels.last_mut().unwrap().push(octet);
    }
    labels
}

#[test]
fn mnemonics_are_those_of_hickory() {
    for number in 1..=257u16 {
        if let (Some(ours), RecordType::Unknown(_)) = (Rtype(number).mnemonic(), RecordType::from(number)) {
            assert!(["DNAME", "URI"].contains(&ours), "hickory does not know {ours}");
        } else if let Some(ours) = Rtype(number).mnemonic() {
            assert_eq!(ours, RecordType::from(number).to_string());
        }
    }
}
