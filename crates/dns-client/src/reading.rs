//! What a response says of a name's addresses: pure.

use std::net::IpAddr;

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};

/// What it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The name has these, for so many seconds.
    Addresses { addresses: Vec<IpAddr>, ttl: u32 },
    /// It stands for another, of which nothing is said.
    Alias { target: Name, ttl: u32 },
    /// It is there, and has none.
    NoAddress,
    /// It is not there.
    NoSuchName,
    /// Nothing; why, in words.
    Failure(String),
}

/// Follows the names that stand for others through the response.
pub(crate) fn read(response: &Message, question: &Query) -> Meaning {
    match response.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => {}
        other => return Meaning::Failure(format!("it says {other}")),
    }
    let (mut name, mut ttl) = (question.name().clone(), u32::MAX);
    // Each record can bring the name on once.
    for _ in 0..=response.answers.len() {
        let mut of_name = response.answers.iter().filter(|record| record.name == name);
        let (mut addresses, mut own) = (Vec::new(), ttl);
        for record in of_name.clone() {
            let address = match (&record.data, question.query_type()) {
                (RData::A(address), RecordType::A) => IpAddr::V4(address.0),
                (RData::AAAA(address), RecordType::AAAA) => IpAddr::V6(address.0),
                _ => continue,
            };
            addresses.push(address);
            own = own.min(record.ttl);
        }
        if !addresses.is_empty() {
            return Meaning::Addresses { addresses, ttl: own };
        }
        let alias = of_name.find_map(|record| match &record.data {
            RData::CNAME(target) => Some((target.0.clone(), record.ttl)),
            _ => None,
        });
        let Some((target, own)) = alias else { break };
        (name, ttl) = (target, ttl.min(own));
    }
    match response.metadata.response_code {
        // Of the last name in the chain (RFC 6604 §3).
        ResponseCode::NXDomain => Meaning::NoSuchName,
        _ if name == *question.name() => Meaning::NoAddress,
        _ => Meaning::Alias { target: name, ttl },
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::Record;
    use hickory_proto::rr::rdata::{A, CNAME};

    use super::*;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    fn a(owner: &str, ttl: u32, last: u8) -> Record {
        Record::from_rdata(name(owner), ttl, RData::A(A::new(192, 0, 2, last)))
    }

    fn alias(owner: &str, ttl: u32, target: &str) -> Record {
        Record::from_rdata(name(owner), ttl, RData::CNAME(CNAME(name(target))))
    }

    fn meaning(code: ResponseCode, answers: Vec<Record>) -> Meaning {
        let mut message = Message::query();
        message.metadata.response_code = code;
        message.answers = answers;
        read(&message, &Query::query(name("a.example."), RecordType::A))
    }

    #[test]
    fn addresses_are_read_through_names_that_stand_for_others_with_the_shortest_time() {
        let chain = vec![alias("a.example.", 5, "b.example."), a("b.example.", 60, 2), a("b.example.", 30, 1)];
        let addresses = vec![[192, 0, 2, 2].into(), [192, 0, 2, 1].into()];
        assert_eq!(meaning(ResponseCode::NoError, chain.clone()), Meaning::Addresses { addresses, ttl: 5 });
        let reversed = chain.into_iter().rev().collect();
        assert!(matches!(meaning(ResponseCode::NoError, reversed), Meaning::Addresses { ttl: 5, .. }));
    }

    #[test]
    fn what_is_not_there_is_told_apart() {
        let target = || name("b.example.");
        assert_eq!(
            meaning(ResponseCode::NoError, vec![alias("a.example.", 9, "b.example.")]),
            Meaning::Alias { target: target(), ttl: 9 }
        );
        assert_eq!(meaning(ResponseCode::NoError, vec![]), Meaning::NoAddress);
        assert_eq!(meaning(ResponseCode::NoError, vec![a("other.example.", 9, 1)]), Meaning::NoAddress);
        assert_eq!(meaning(ResponseCode::NXDomain, vec![alias("a.example.", 9, "b.example.")]), Meaning::NoSuchName);
        assert!(matches!(meaning(ResponseCode::ServFail, vec![]), Meaning::Failure(_)));
        // A circle ends.
        let circle = vec![alias("a.example.", 9, "b.example."), alias("b.example.", 9, "a.example.")];
        assert!(matches!(meaning(ResponseCode::NoError, circle), Meaning::Alias { .. } | Meaning::NoAddress));
    }
}
