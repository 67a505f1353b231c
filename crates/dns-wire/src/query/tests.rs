use super::*;

/// Header with RD, the given counts, then `body`.
fn message(counts: [u16; 4], body: &[u8]) -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 0x01, 0x00];
    counts.iter().for_each(|count| message.extend(count.to_be_bytes()));
    message.extend(body);
    message
}

const QUESTION: &[u8] = b"\x05hElLo\x07example\0\0\x01\0\x01";
const OPT: &[u8] = b"\0\0\x29\x10\0\0\0\x80\0\0\0";
const A_RECORD: &[u8] = b"\xc0\x0c\0\x01\0\x01\0\0\0\x1e\0\x04\xc0\0\x02\x01";

#[track_caller]
fn check_refused(message: &[u8], problem: Problem, rcode: Option<Rcode>) {
    let error = Query::parse(message).expect_err("refused");
    assert_eq!((error.problem, error.rcode()), (problem, rcode));
    if let Some(header) = error.header {
        assert_eq!(header.id, 0x1234);
    }
}

#[track_caller]
fn check_formerr(counts: [u16; 4], parts: &[&[u8]], problem: Problem) {
    check_refused(&message(counts, &parts.concat()), problem, Some(Rcode::FORMERR));
}

#[test]
fn a_plain_query_is_read_in_the_clients_case() {
    let octets = message([1, 0, 0, 0], QUESTION);
    let query = Query::parse(&octets).unwrap();
    assert_eq!(query.header().id, 0x1234);
    assert!(query.header().rd());
    assert_eq!(query.qname().as_wire(), b"\x05hElLo\x07example\0");
    assert_eq!((query.qtype(), query.qclass()), (Rtype::A, Class::IN));
    assert_eq!(query.edns(), None);
    assert_eq!(query.udp_size_max(1232), 512);
}

#[test]
fn an_opt_record_is_read_wherever_it_stands_in_its_section() {
    let expected = Edns { udp_payload_size: 4096, version: 0, do_bit: true, client_subnet: None };
    for (counts, parts) in [
        ([1, 0, 0, 1], &[QUESTION, OPT][..]),
        ([1, 0, 0, 2], &[QUESTION, A_RECORD, OPT]),
        ([1, 0, 0, 2], &[QUESTION, OPT, A_RECORD]),
        ([1, 1, 1, 1], &[QUESTION, A_RECORD, A_RECORD, OPT]),
    ] {
        let octets = message(counts, &parts.concat());
        assert_eq!(Query::parse(&octets).unwrap().edns(), Some(&expected), "{counts:?}");
    }
}

#[test]
fn the_udp_limit_lies_between_512_and_the_servers() {
    for (asked, expected) in [(0u16, 512), (511, 512), (1000, 1000), (1232, 1232), (65535, 1232)] {
        let [u0, u1] = asked.to_be_bytes();
        let octets = message([1, 0, 0, 1], &[QUESTION, &[0, 0, 41, u0, u1, 0, 0, 0, 0, 0, 0]].concat());
        let query = Query::parse(&octets).unwrap();
        assert_eq!(query.udp_size_max(1232), expected);
        assert_eq!(query.without_edns().udp_size_max(1232), 512);
    }
}

#[test]
fn options_of_another_version_are_not_looked_at() {
    let octets = message([1, 0, 0, 1], &[QUESTION, b"\0\0\x29\x04\xd0\0\x01\0\0\0\x02\xff\xff"].concat());
    assert_eq!(Query::parse(&octets).unwrap().edns().map(|e| e.version), Some(1));
}

#[test]
fn unknown_options_are_passed_over() {
    // Cookie of 8 octets, then a client subnet, then a second one that is not read.
    let options = b"\0\x0a\0\x08ABCDEFGH\0\x08\0\x07\0\x01\x18\0\xc0\0\x02\0\x08\0\x07\0\x01\x18\0\xc0\0\x03";
    let octets = message(
        [1, 0, 0, 1],
        &[QUESTION, b"\0\0\x29\x10\0\0\0\0\0\0", &[u8::try_from(options.len()).unwrap()], options].concat(),
    );
    let subnet = Query::parse(&octets).unwrap().edns().unwrap().client_subnet.unwrap();
    assert_eq!(subnet.address(), Some("192.0.2.0".parse().unwrap()));
}

#[test]
fn what_is_no_query_gets_no_answer() {
    check_refused(b"", Problem::TooShort, None);
    check_refused(&[0; 11], Problem::TooShort, None);
    let mut response = message([1, 0, 0, 0], QUESTION);
    response[2] |= 0x80;
    check_refused(&response, Problem::IsResponse, None);
}

#[test]
fn other_opcodes_are_not_implemented_whatever_follows() {
    let mut notify = message([7, 0, 0, 0], b"");
    notify[2] |= 4 << 3;
    check_refused(&notify, Problem::Opcode(Opcode::NOTIFY), Some(Rcode::NOTIMP));
}

#[test]
fn the_question_must_be_one_and_whole() {
    check_formerr([0, 0, 0, 0], &[], Problem::QuestionCount(0));
    check_formerr([2, 0, 0, 0], &[QUESTION, QUESTION], Problem::QuestionCount(2));
    check_formerr([1, 0, 0, 0], &[], Problem::QuestionCutShort);
    for length in 0..QUESTION.len() {
        check_formerr([1, 0, 0, 0], &[&QUESTION[..length]], Problem::QuestionCutShort);
    }
    check_formerr([1, 0, 0, 0], &[b"\xc0\x0c\0\x01\0\x01"], Problem::QnameCompressed);
    check_formerr([1, 0, 0, 0], &[b"\x01a\xc0\x0c\0\x01\0\x01"], Problem::QnameCompressed);
    check_formerr([1, 0, 0, 0], &[&[0x40], &[b'a'; 64], b"\0\0\x01\0\x01"], Problem::QnameLabel);
    check_formerr([1, 0, 0, 0], &[&b"\x01a".repeat(128), b"\0\0\x01\0\x01"], Problem::QnameTooLong);
}

#[test]
fn records_must_be_whole_and_all_that_follows() {
    check_formerr([1, 0, 0, 0], &[QUESTION, b"x"], Problem::TrailingOctets);
    check_formerr([1, 0, 0, 1], &[QUESTION, OPT, b"x"], Problem::TrailingOctets);
    check_formerr([1, 0, 0, 1], &[QUESTION], Problem::Record);
    check_formerr([1, 65535, 65535, 65535], &[QUESTION, A_RECORD], Problem::Record);
    check_formerr([1, 1, 0, 0], &[QUESTION, b"\xc0"], Problem::Record);
    check_formerr([1, 1, 0, 0], &[QUESTION, b"\x80\0\0\x01\0\x01\0\0\0\0\0\0"], Problem::Record);
    for length in 0..OPT.len() {
        check_formerr([1, 0, 0, 1], &[QUESTION, &OPT[..length]], Problem::Record);
    }
    // RDLENGTH beyond the message.
    check_formerr([1, 0, 0, 1], &[QUESTION, b"\0\0\x29\x10\0\0\0\0\0\0\x01"], Problem::Record);
}

#[test]
fn opt_is_alone_owned_by_the_root_and_additional() {
    check_formerr([1, 0, 0, 2], &[QUESTION, OPT, OPT], Problem::SecondOpt);
    check_formerr([1, 1, 0, 0], &[QUESTION, OPT], Problem::OptPlace);
    check_formerr([1, 0, 0, 1], &[QUESTION, b"\x01a", OPT], Problem::OptPlace);
    check_formerr([1, 0, 0, 1], &[QUESTION, b"\0\0\x29\x10\0\0\0\0\0\0\x03\0\x0a\0"], Problem::OptOptions);
    check_formerr([1, 0, 0, 1], &[QUESTION, b"\0\0\x29\x10\0\0\0\0\0\0\x05\0\x0a\0\x02x"], Problem::OptOptions);
    check_formerr([1, 0, 0, 1], &[QUESTION, b"\0\0\x29\x10\0\0\0\0\0\0\x05\0\x08\0\x01x"], Problem::ClientSubnet);
}
