//! Any octets: parsing never panics, and says the same as hickory-proto where both accept.

use dns_wire::{Name, Query, write_error};
use hickory_proto::op::Message;
use hickory_proto::rr::Name as OracleName;

/// Parses `octets` as a query and checks what must hold, whatever they are.
pub(crate) fn check(octets: &[u8]) {
    let query = match Query::parse(octets) {
        Ok(query) => query,
        Err(error) => {
            assert_eq!(error.rcode().is_some(), error.header.is_some());
            if let (Some(rcode), Some(header)) = (error.rcode(), error.header) {
                let mut out = [0; 512];
                let length = write_error(&mut out, header, rcode).expect("512 octets hold a header");
                let message = Message::from_vec(&out[..length]).expect("an error is a message");
                assert_eq!(message.metadata.id, header.id);
            }
            return;
        }
    };
    let qname = query.qname();
    assert_eq!(Name::from_wire(qname.as_wire()).map(|n| n.to_string()), Some(qname.to_string()));
    assert!(qname.lower(&mut [0; 255]).is_same(qname));
    assert!((512..=1232).contains(&query.udp_size_max(1232)));
    if let Ok(oracle) = Message::from_vec(octets) {
        check_same_fields(&query, &oracle);
    }
}

/// Checks that both read the same.
pub(crate) fn check_same_fields(query: &Query<'_>, oracle: &Message) {
    let [question] = oracle.queries.as_slice() else { panic!("{} questions", oracle.queries.len()) };
    assert_eq!(query.header().id, oracle.metadata.id);
    assert_eq!(query.header().rd(), oracle.metadata.recursion_desired);
    assert_eq!(query.header().ad(), oracle.metadata.authentic_data);
    assert_eq!(query.header().cd(), oracle.metadata.checking_disabled);
    assert!(is_same_octets(query.qname(), question.name()), "{} {}", query.qname(), question.name());
    assert_eq!(query.qtype().0, u16::from(question.query_type()));
    assert_eq!(query.qclass().0, u16::from(question.query_class()));
    assert_eq!(query.edns().is_some(), oracle.edns.is_some());
    if let (Some(ours), Some(theirs)) = (query.edns(), &oracle.edns) {
        assert_eq!(ours.udp_payload_size.max(512), theirs.max_payload());
        assert_eq!(ours.version, theirs.version());
        assert_eq!(ours.do_bit, theirs.flags().dnssec_ok);
    }
}

/// Whether both have the same labels in the same case.
pub(crate) fn is_same_octets(name: Name<'_>, oracle: &OracleName) -> bool {
    name.labels().eq(oracle.iter())
}
