//! Any query with any records: what is written decodes, holds what was put in, and never exceeds its limit.

use dns_wire::{Name, OwnedName, Owner, Query, Rcode, ResponseBuilder, Rtype, Section, Soa};
use hickory_proto::op::Message;
use hickory_proto::rr::{RData, Record as OracleRecord};

use super::dns_query::is_same_octets;

/// A response to write.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) query: Vec<u8>,
    pub(crate) size_max: usize,
    pub(crate) scope: Option<u8>,
    pub(crate) rcode: u16,
    /// Answer, authority, additional.
    pub(crate) sections: [Vec<Record>; 3],
}

#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// `None`: the question's name.
    pub(crate) owner: Option<RelativeName>,
    pub(crate) ttl: u32,
    pub(crate) data: Data,
}

#[derive(Debug, Clone)]
pub(crate) enum Data {
    A([u8; 4]),
    Aaaa([u8; 16]),
    Cname(RelativeName),
    Ns(RelativeName),
    Mx(u16, RelativeName),
    Txt(Vec<Vec<u8>>),
    Soa(RelativeName, RelativeName, [u32; 5]),
    Other(u16, Vec<u8>),
}

/// A name that shares with the question's name what is left of it without its first `skipped` labels.
#[derive(Debug, Clone)]
pub(crate) struct RelativeName {
    pub(crate) label: Vec<u8>,
    pub(crate) skipped: usize,
}

impl RelativeName {
    fn resolve(&self, qname: Name<'_>) -> OwnedName {
        let tail = qname.suffixes().nth(self.skipped).unwrap_or(Name::ROOT).as_wire();
        let mut wire = Vec::new();
        if let (Ok(length @ 1..=63), true) = (u8::try_from(self.label.len()), self.label.len() + tail.len() < 255) {
            wire.push(length);
            wire.extend_from_slice(&self.label);
        }
        wire.extend_from_slice(tail);
        Name::from_wire(&wire).expect("a label before a suffix is a name").to_owned_name()
    }
}

/// Makes a script of `octets` and runs it; nothing happens when they hold no query.
pub(crate) fn check(octets: &[u8]) {
    if let Some(script) = Script::from_octets(octets) {
        script.check();
    }
}

impl Script {
    /// Limit (2 octets), number of records (1), three octets for each, then the query.
    fn from_octets(octets: &[u8]) -> Option<Self> {
        let (&[s0, s1, count], rest) = octets.split_first_chunk::<3>()?;
        let (specs, query) = rest.split_at_checked(usize::from(count) * 3)?;
        let mut sections = [Vec::new(), Vec::new(), Vec::new()];
        for spec in specs.chunks_exact(3) {
            let name = RelativeName {
                label: vec![b'a' + spec[1] % 26; usize::from(spec[1] % 64)],
                skipped: usize::from(spec[2] % 8),
            };
            let data = match spec[0] % 8 {
                0 => Data::A([spec[1], spec[2], 0, 1]),
                1 => Data::Aaaa([spec[1]; 16]),
                2 => Data::Cname(name.clone()),
                3 => Data::Ns(name.clone()),
                4 => Data::Mx(u16::from(spec[1]), name.clone()),
                5 => Data::Txt(vec![vec![b'x'; usize::from(spec[1]) * 3], vec![spec[2]]]),
                6 => Data::Soa(name.clone(), name.clone(), [1, 2, 3, 4, u32::from(spec[1])]),
                _ => Data::Other(65400 + u16::from(spec[1] % 64), vec![spec[2]; 1 + usize::from(spec[2])]),
            };
            let owner = (spec[0] & 0x20 != 0).then_some(name);
            sections[usize::from(spec[0] >> 6).min(2)].push(Record { owner, ttl: u32::from(spec[2]), data });
        }
        Some(Self {
            query: query.to_vec(),
            size_max: usize::from(u16::from_be_bytes([s0, s1])),
            scope: (s0 & 1 != 0).then_some(s1),
            rcode: u16::from(s1 & 0x1f),
            sections,
        })
    }

    pub(crate) fn check(&self) {
        let Ok(query) = Query::parse(&self.query) else { return };
        let mut out = vec![0xaa; 65535];
        let Some(mut answer) = ResponseBuilder::new(&query, &mut out, self.size_max) else {
            assert!(self.size_max < 512);
            return;
        };
        answer.set_authoritative();
        answer.set_rcode(Rcode(self.rcode));
        if let Some(scope) = self.scope {
            answer.set_client_subnet_scope(scope);
        }
        let qname = query.qname();
        self.sections[0].iter().for_each(|record| record.write(qname, &mut answer));
        let mut authority = answer.authority();
        self.sections[1].iter().for_each(|record| record.write(qname, &mut authority));
        let mut additional = authority.additional();
        self.sections[2].iter().for_each(|record| record.write(qname, &mut additional));
        let is_truncated = additional.is_truncated();
        let length = additional.finish();
        assert!(length <= self.size_max);
        let oracle = Message::from_vec(&out[..length]).expect("what we write decodes");
        self.check_decoded(&query, &oracle, is_truncated);
    }

    fn check_decoded(&self, query: &Query<'_>, oracle: &Message, is_truncated: bool) {
        let qname = query.qname();
        assert_eq!(oracle.metadata.id, query.header().id);
        assert_eq!(oracle.metadata.recursion_desired, query.header().rd());
        assert!(oracle.metadata.authoritative && !oracle.metadata.recursion_available);
        assert_eq!(oracle.metadata.truncation, is_truncated);
        assert!(is_same_octets(qname, oracle.queries[0].name()), "the question keeps its case");
        assert_eq!(oracle.edns.is_some(), query.edns().is_some());
        if let (Some(ours), Some(edns)) = (query.edns(), &oracle.edns) {
            assert_eq!((edns.max_payload(), edns.version()), (1232, 0));
            assert_eq!(edns.flags().dnssec_ok, ours.do_bit);
            assert_eq!(u16::from(edns.rcode_high()), self.rcode >> 4);
            let echoed = ours.client_subnet.is_some() && self.scope.is_some();
            assert_eq!(edns.options().options.is_empty(), !echoed);
        }
        let written = [&oracle.answers, &oracle.authorities, &oracle.additionals];
        let mut cut = false;
        for (section, decoded) in self.sections.iter().zip(written) {
            assert!(decoded.len() <= section.len() && (!cut || decoded.is_empty()), "nothing follows a cut section");
            section.iter().zip(decoded).for_each(|(record, decoded)| record.check_decoded(qname, decoded));
            if decoded.len() < section.len() {
                cut = true;
                if let (Some(last), next) = (decoded.last(), &section[decoded.len()]) {
                    let same_owner = is_same_name(next.resolve_owner(qname).as_name(), &last.name);
                    assert!(!same_owner || next.rtype() != u16::from(last.record_type()), "an RRset is whole or gone");
                }
            }
        }
        assert_eq!(cut, is_truncated);
    }
}

impl Record {
    fn resolve_owner(&self, qname: Name<'_>) -> OwnedName {
        self.owner.as_ref().map_or_else(|| qname.to_owned_name(), |owner| owner.resolve(qname))
    }

    fn rtype(&self) -> u16 {
        let rtype = match &self.data {
            Data::A(_) => Rtype::A,
            Data::Aaaa(_) => Rtype::AAAA,
            Data::Cname(_) => Rtype::CNAME,
            Data::Ns(_) => Rtype::NS,
            Data::Mx(..) => Rtype::MX,
            Data::Txt(_) => Rtype::TXT,
            Data::Soa(..) => Rtype::SOA,
            Data::Other(rtype, _) => Rtype(*rtype),
        };
        rtype.0
    }

    fn write<S: Section>(&self, qname: Name<'_>, section: &mut ResponseBuilder<'_, S>) {
        let resolved = self.owner.as_ref().map(|owner| owner.resolve(qname));
        let owner = resolved.as_ref().map_or(Owner::Qname, Owner::from);
        let ttl = self.ttl;
        match &self.data {
            Data::A(octets) => section.a(owner, ttl, (*octets).into()),
            Data::Aaaa(octets) => section.aaaa(owner, ttl, (*octets).into()),
            Data::Cname(target) => section.cname(owner, ttl, &target.resolve(qname)),
            Data::Ns(server) => section.ns(owner, ttl, &server.resolve(qname)),
            Data::Mx(preference, exchange) => section.mx(owner, ttl, *preference, &exchange.resolve(qname)),
            Data::Txt(strings) => section.txt(owner, ttl, &strings.iter().map(Vec::as_slice).collect::<Vec<_>>()),
            Data::Soa(mname, rname, [serial, refresh, retry, expire, minimum]) => section.soa(
                owner,
                ttl,
                &Soa {
                    mname: mname.resolve(qname),
                    rname: rname.resolve(qname),
                    serial: *serial,
                    refresh: *refresh,
                    retry: *retry,
                    expire: *expire,
                    minimum: *minimum,
                },
            ),
            Data::Other(rtype, rdata) => section.record(owner, Rtype(*rtype), ttl, rdata),
        }
    }

    fn check_decoded(&self, qname: Name<'_>, decoded: &OracleRecord) {
        let is = |name: &RelativeName, oracle| is_same_name(name.resolve(qname).as_name(), oracle);
        assert!(is_same_name(self.resolve_owner(qname).as_name(), &decoded.name), "{self:?} {decoded}");
        assert_eq!((self.ttl, self.rtype()), (decoded.ttl, u16::from(decoded.record_type())));
        let same = match (&self.data, &decoded.data) {
            (Data::A(octets), RData::A(a)) => *octets == a.0.octets(),
            (Data::Aaaa(octets), RData::AAAA(aaaa)) => *octets == aaaa.0.octets(),
            (Data::Cname(target), RData::CNAME(cname)) => is(target, &cname.0),
            (Data::Ns(server), RData::NS(ns)) => is(server, &ns.0),
            (Data::Mx(preference, exchange), RData::MX(mx)) => {
                *preference == mx.preference && is(exchange, &mx.exchange)
            }
            (Data::Txt(strings), RData::TXT(txt)) => strings.concat() == txt.txt_data.concat(),
            (Data::Soa(mname, rname, numbers), RData::SOA(soa)) => {
                is(mname, &soa.mname)
                    && is(rname, &soa.rname)
                    && numbers[0] == soa.serial
                    && [soa.refresh, soa.retry, soa.expire]
                        .iter()
                        .zip(&numbers[1..])
                        .all(|(a, b)| a.cast_unsigned() == *b)
                    && numbers[4] == soa.minimum
            }
            (Data::Other(_, rdata), RData::Unknown { rdata: oracle, .. }) => *rdata == oracle.anything,
            _ => false,
        };
        assert!(same, "{self:?} {decoded}");
    }
}

/// Whether both are the same name, whatever their case.
fn is_same_name(name: Name<'_>, oracle: &hickory_proto::rr::Name) -> bool {
    name.labels().count() == oracle.iter().count()
        && name.labels().zip(oracle.iter()).all(|(ours, theirs)| ours.eq_ignore_ascii_case(theirs))
}
