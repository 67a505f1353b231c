use std::net::Ipv4Addr;

use super::*;

fn owned(text: &str) -> OwnedName {
    OwnedName::from_text(text).unwrap()
}

/// A query for A of `hElLo.example` with the given additional records.
fn query(additional: &[u8]) -> Vec<u8> {
    let count = u8::from(!additional.is_empty());
    [&[0x12, 0x34, 0x01, 0x10, 0, 1, 0, 0, 0, 0, 0, count], &b"\x05hElLo\x07example\0\0\x01\0\x01"[..], additional]
        .concat()
}

fn respond(query: &[u8], size_max: usize, write: impl FnOnce(ResponseBuilder<'_, Answer>) -> usize) -> Vec<u8> {
    let query = Query::parse(query).unwrap();
    let mut out = vec![0xaa; 4096];
    let length = write(ResponseBuilder::new(&query, &mut out, size_max).unwrap());
    out.truncate(length);
    out
}

const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const OPT: &[u8] = b"\0\0\x29\x10\0\0\0\x80\0\0\0";

#[test]
fn an_address_answer_is_the_octets_of_the_rfc() {
    let message = respond(&query(OPT), 512, |mut answer| {
        answer.set_authoritative();
        answer.a(Owner::Qname, 30, ADDRESS);
        answer.finish()
    });
    let expected = [
        &b"\x12\x34\x85\0\0\x01\0\x01\0\0\0\x01"[..], // QR AA RD; CD is not copied
        b"\x05hElLo\x07example\0\0\x01\0\x01",
        b"\xc0\x0c\0\x01\0\x01\0\0\0\x1e\0\x04\xc0\0\x02\x01",
        b"\0\0\x29\x04\xd0\0\0\x80\0\0\0", // 1232 octets, DO copied
    ];
    assert_eq!(message, expected.concat());
}

#[test]
fn names_share_what_they_can_with_the_question() {
    let message = respond(&query(b""), 512, |mut answer| {
        let from = answer.at;
        answer.cname((&owned("hello.example")).into(), 1, &owned("www.hello.example"));
        assert_eq!(answer.out[from..from + 2], [0xc0, 12]);
        assert_eq!(answer.out[from + 12..answer.at], *b"\x03www\xc0\x0c");
        let from = answer.at;
        answer.cname((&owned("a.example")).into(), 1, &owned("other.test"));
        assert_eq!(answer.out[from..from + 4], *b"\x01a\xc0\x12");
        assert_eq!(answer.out[from + 14..answer.at], *b"\x05other\x04test\0");
        answer.finish()
    });
    assert_eq!(message[7], 2);
}

#[test]
fn an_rrset_that_does_not_fit_goes_whole() {
    // 512 - 31 octets leave room for 30 A records of 16 octets; nine of the second RRset are started, none stays.
    let message = respond(&query(b""), 512, |mut answer| {
        (0..21).for_each(|_| answer.a(Owner::Qname, 30, ADDRESS));
        (0..21).for_each(|_| answer.a((&owned("a.example")).into(), 30, ADDRESS));
        assert!(answer.is_truncated());
        assert_eq!(answer.record_count(), 21);
        let mut authority = answer.authority();
        authority.ns(Owner::Qname, 30, &owned("ns.example"));
        assert_eq!(authority.record_count(), 0, "what follows a truncated section is dropped");
        authority.finish()
    });
    assert_eq!(message.len(), 31 + 21 * 16);
    assert_eq!(message[2] & 0x02, 0x02);
    assert_eq!(message[7], 21);
}

#[test]
fn the_last_octet_is_used_and_no_more() {
    let text = [b'x'; 255];
    // Header and question take 31 octets, OPT 11; the record 12, a string of 256 with its length, one of size + 1.
    let fill = |size: usize| {
        respond(&query(OPT), 512, |mut answer| {
            answer.txt(Owner::Qname, 1, &[&text, &vec![b'y'; size]]);
            answer.finish()
        })
    };
    let full = fill(512 - 42 - 12 - 256 - 1);
    assert_eq!((full.len(), full[7], full[2] & 2), (512, 1, 0));
    let over = fill(512 - 42 - 12 - 256);
    assert_eq!((over.len(), over[7], over[2] & 2), (42, 0, 2));
}

#[test]
fn the_opt_record_carries_extended_codes_and_the_subnet() {
    let ecs = b"\0\0\x29\x10\0\0\0\0\0\0\x0b\0\x08\0\x07\0\x01\x18\0\xc0\0\x02";
    let message = respond(&query(ecs), 512, |mut answer| {
        answer.set_rcode(Rcode::BADVERS);
        answer.set_client_subnet_scope(20);
        answer.set_udp_payload_size(512);
        answer.finish()
    });
    assert_eq!(message[3] & 0x0f, 0);
    assert_eq!(message[31..], *b"\0\0\x29\x02\0\x01\0\0\0\0\x0b\0\x08\0\x07\0\x01\x18\x14\xc0\0\x02");
    let silent = respond(&query(ecs), 512, |answer| answer.finish());
    assert_eq!(silent[31..], *b"\0\0\x29\x04\xd0\0\0\0\0\0\0");
}

#[test]
fn without_edns_there_is_no_opt_and_no_extended_code() {
    let message = respond(&query(b""), 512, |mut answer| {
        answer.set_rcode(Rcode::BADVERS);
        answer.set_client_subnet_scope(20);
        answer.finish()
    });
    assert_eq!((message.len(), message[3] & 0x0f), (31, 2));
}

#[test]
fn a_buffer_under_512_octets_is_refused() {
    let octets = query(b"");
    let query = Query::parse(&octets).unwrap();
    assert!(ResponseBuilder::new(&query, &mut [0; 511], 4096).is_none());
    assert!(ResponseBuilder::new(&query, &mut [0; 4096], 511).is_none());
    assert!(ResponseBuilder::new(&query, &mut [0; 512], 4096).is_some());
}

#[test]
fn an_error_is_a_header_alone() {
    let mut out = [0xaa; 12];
    let header = Header { id: 0x1234, flags: 0x2130 };
    assert_eq!(write_error(&mut out, header, Rcode::NOTIMP), Some(12));
    assert_eq!(out, *b"\x12\x34\xa1\x04\0\0\0\0\0\0\0\0");
    assert_eq!(write_error(&mut out[..11], header, Rcode::NOTIMP), None);
}
