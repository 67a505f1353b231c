//! What was answered to a query and why: borrowed while it is fresh, owned when it is to be logged (avi-api 7.5).
//!
//! [`Told`] costs nothing to make, so that whoever keeps logs can decide first whether this one is wanted. [`Account`]
//! is what a log needs, without any text; [`Account::log`] makes the text, elsewhere and later.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use dns_wire::{Edns, Header, Name, OwnedName, Problem, Query, Rcode, Rtype};
use gslb::{By, Decision, Outcome, Service, Whereabouts};
use model::gslb::MemberAlgorithm;
use se_protocol::logs::{DnsLog, LogEdns, LogRecord};

use crate::records::{Picked, RecordSet};
use crate::resolve::{Content, Dropped, Empty, NameError, Resolution};
use crate::view::View;

/// One query and what became of it.
#[derive(Debug)]
pub struct Told<'a> {
    kind: Kind,
    header: Header,
    /// As the client wrote it; `None` for what could not be parsed.
    query: Option<&'a Query<'a>>,
    qname: Option<Name<'a>>,
    resolution: Option<&'a Resolution<'a>>,
    length: Option<usize>,
}

/// What an answer was, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Members,
    Name,
    Policy,
    AllRecords,
    Fallback,
    Cname,
    Addresses,
    Alias,
    Soa,
    Empty(Empty),
    NameError(NameError),
    Dropped(Dropped),
    Refused(Refused),
    Invalid(Problem),
}

/// Why a well-formed query was not looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    EdnsVersion,
    Class,
    Transfer,
}

/// What a log says of one query; no text yet.
#[derive(Debug)]
pub struct Account {
    kind: Kind,
    header: Header,
    question: Option<(OwnedName, Rtype)>,
    edns: Option<Edns>,
    reached: Option<(Arc<Service>, Decision, bool)>,
    /// Records of virtual services, and the addresses that were answered of them.
    record: Option<(Arc<RecordSet>, Option<Picked>)>,
    ttl: u32,
    /// Leading bits of the client's subnet that the answer depended on.
    subnet_scope: u8,
    instead: Option<Instead>,
    /// Head of the answer; `None` when no packet was sent.
    head: Option<[u8; 12]>,
    length: usize,
}

/// What was answered instead of addresses of members or of a record.
#[derive(Debug)]
enum Instead {
    /// The fallback address of a service that is down.
    Address(IpAddr),
    /// The fallback name of one, or the one that a virtual service registered; with what is known of that: addresses and
    /// their time to live.
    Name(OwnedName, Vec<IpAddr>, u32),
}

/// Where and when a query came.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Microseconds since the epoch.
    pub at_us: i64,
    /// Who asked.
    pub client: SocketAddr,
    /// Who was asked.
    pub service: SocketAddr,
    /// Whether it came over TCP.
    pub over_tcp: bool,
    /// Octets of the query.
    pub query_bytes: usize,
    /// What people call this engine.
    pub engine: &'a str,
}

impl<'a> Told<'a> {
    pub(crate) fn invalid(header: Header, problem: Problem, length: Option<usize>) -> Self {
        Self { kind: Kind::Invalid(problem), header, query: None, qname: None, resolution: None, length }
    }

    pub(crate) fn refused(query: &'a Query<'a>, why: Refused, length: Option<usize>) -> Self {
        let kind = Kind::Refused(why);
        Self { kind, header: query.header(), query: Some(query), qname: None, resolution: None, length }
    }

    pub(crate) fn resolved(
        query: &'a Query<'a>,
        qname: Name<'a>,
        resolution: &'a Resolution<'a>,
        length: Option<usize>,
    ) -> Self {
        let kind = match &resolution.content {
            Content::Members { .. } => Kind::Members,
            Content::Name { .. } => Kind::Name,
            Content::Policy { .. } => Kind::Policy,
            Content::AllRecords { .. } => Kind::AllRecords,
            Content::Fallback { .. } => Kind::Fallback,
            Content::Cname { .. } => Kind::Cname,
            Content::Addresses(_) => Kind::Addresses,
            Content::Alias { .. } => Kind::Alias,
            Content::Soa { .. } => Kind::Soa,
            Content::Empty { why, .. } => Kind::Empty(*why),
            Content::NameError { why, .. } => Kind::NameError(*why),
            Content::Refused => Kind::Refused(Refused::Transfer),
            Content::Drop { why } => Kind::Dropped(*why),
        };
        let (query, header) = (Some(query), query.header());
        Self { kind, header, query, qname: Some(qname), resolution: Some(resolution), length }
    }

    /// Whether it is an error by the defaults of an analytics profile (avi-api 2.14): a query that was malformed, not
    /// supported, outside every zone or for a name that does not exist, a service that is down, and every query that
    /// got no packet. An empty answer for a name that exists is none.
    #[must_use]
    pub fn is_significant(&self) -> bool {
        match self.kind {
            Kind::Members | Kind::Name | Kind::Policy | Kind::Addresses | Kind::Alias | Kind::Soa => false,
            Kind::Empty(why) => matches!(why, Empty::DownResponse | Empty::DownResponseOfOtherFamily),
            Kind::AllRecords | Kind::Fallback | Kind::Cname => true,
            Kind::NameError(_) | Kind::Dropped(_) | Kind::Refused(_) | Kind::Invalid(_) => true,
        }
    }

    /// Keeps what a log needs; `answer` is the packet that was written, if one was.
    #[must_use]
    pub fn account(&self, answer: &[u8]) -> Account {
        let instead = match self.resolution.map(|resolution| &resolution.content) {
            Some(Content::Fallback { ip, .. }) => Some(Instead::Address(*ip)),
            Some(Content::Cname { target, .. }) => Some(Instead::Name(target.clone(), Vec::new(), 0)),
            Some(Content::Name { target, .. }) => Some(Instead::Name(target.clone(), Vec::new(), 0)),
            Some(Content::Alias { target, then, .. }) => {
                let then = then.as_deref();
                let known = then.map(|then| then.addresses().collect()).unwrap_or_default();
                Some(Instead::Name((*target).clone(), known, then.map_or(0, Resolution::ttl)))
            }
            _ => None,
        };
        let reached = self.resolution.and_then(|resolution| resolution.service.as_ref());
        let record = self.resolution.and_then(|resolution| {
            let picked = if let Content::Addresses(picked) = &resolution.content { Some(picked.clone()) } else { None };
            Some((Arc::clone(resolution.record?), picked))
        });
        Account {
            kind: self.kind,
            header: self.header,
            question: self.query.map(|query| (self.qname.unwrap_or(query.qname()).to_owned_name(), query.qtype())),
            edns: self.query.and_then(|query| query.edns().copied()),
            reached: reached.map(|it| (Arc::clone(it.service), it.decision.clone(), it.by_wildcard)),
            record,
            ttl: self.resolution.map_or(0, Resolution::ttl),
            subnet_scope: self.resolution.map_or(0, Resolution::subnet_scope),
            instead,
            head: self.length.and_then(|_| answer.first_chunk().copied()),
            length: self.length.unwrap_or(0),
        }
    }
}

impl Account {
    /// The log, in text. `view` is what the answer was made from.
    #[must_use]
    pub fn log(&self, view: &View, significant: bool, arrival: &Arrival<'_>) -> DnsLog {
        let word = |at: usize| self.head.map_or(0, |head| u16::from_be_bytes([head[at], head[at + 1]]));
        let flags = Header { id: word(0), flags: word(2) };
        let service = self.reached.as_ref().map(|(service, ..)| service);
        let pool = self.reached.as_ref().and_then(|(service, decision, _)| match decision.outcome {
            Outcome::Members { pool, .. } => service.pools.get(pool),
            _ => None,
        });
        DnsLog {
            id: 0,
            at_us: arrival.at_us,
            virtual_service: view.table.uuid.clone(),
            service_engine: arrival.engine.to_owned(),
            significant,
            reason: self.reason(),
            version: Some((&view.version).into()),
            client_ip: arrival.client.ip().to_string(),
            client_port: arrival.client.port().into(),
            service_ip: arrival.service.ip().to_string(),
            service_port: arrival.service.port().into(),
            over_tcp: arrival.over_tcp,
            query_bytes: u32::try_from(arrival.query_bytes).unwrap_or(u32::MAX),
            answer_bytes: u32::try_from(self.length).unwrap_or(u32::MAX),
            qname: self.question.as_ref().map(|(qname, _)| qname.to_string()).unwrap_or_default(),
            qtype: self.question.as_ref().map_or(0, |(_, qtype)| u32::from(qtype.0)),
            query_id: self.header.id.into(),
            recursion_desired: self.header.rd(),
            edns: self.edns.map(|edns| LogEdns {
                udp_payload_size: edns.udp_payload_size.into(),
                version: edns.version.into(),
                dnssec_ok: edns.do_bit,
                subnet_ip: edns.client_subnet.and_then(|subnet| Some(subnet.address()?.to_string())),
                subnet_prefix_length: edns.client_subnet.map_or(0, |subnet| subnet.source_prefix_length().into()),
                subnet_scope_length: self.subnet_scope.into(),
            }),
            entry: self.entry().to_owned(),
            gslb_service: service.map(|service| service.uuid.clone()).unwrap_or_default(),
            gslb_service_name: service.map(|service| service.name.clone()).unwrap_or_default(),
            gslb_pool_name: pool.map(|pool| pool.name.clone()).unwrap_or_default(),
            by_wildcard: self.reached.as_ref().is_some_and(|(_, _, by_wildcard)| *by_wildcard),
            rcode: self.head.map(|_| self.rcode(flags)),
            authoritative: flags.flags & 0x0400 != 0,
            truncated: flags.flags & 0x0200 != 0,
            answer_records: word(6).into(),
            authority_records: word(8).into(),
            additional_records: word(10).into(),
            records: self.records(usize::from(word(6))),
            opcode: self.header.opcode().0.into(),
        }
    }

    /// The code with the upper bits that the OPT record carries (RFC 6891 §6.1.3).
    fn rcode(&self, flags: Header) -> u32 {
        match self.kind {
            Kind::Refused(Refused::EdnsVersion) => Rcode::BADVERS.0.into(),
            _ => u32::from(flags.flags & 0x000f),
        }
    }

    /// Records of the answer section that fitted; the SOA's fields are not repeated.
    fn records(&self, count: usize) -> Vec<LogRecord> {
        let address = |ip: IpAddr, ttl_s: u32| {
            let rtype = if ip.is_ipv4() { Rtype::A } else { Rtype::AAAA };
            LogRecord { rtype: rtype.0.into(), ttl_s, data: ip.to_string() }
        };
        let mut records: Vec<LogRecord> = match (&self.instead, &self.reached, &self.record) {
            (Some(Instead::Address(ip)), ..) => vec![address(*ip, self.ttl)],
            (Some(Instead::Name(name, known, ttl_s)), ..) => {
                let name = LogRecord { rtype: Rtype::CNAME.0.into(), ttl_s: self.ttl, data: name.to_string() };
                std::iter::once(name).chain(known.iter().map(|ip| address(*ip, *ttl_s))).collect()
            }
            (None, Some((service, decision, _)), _) if self.kind == Kind::AllRecords => {
                gslb::all_records(service, decision.family).map(|member| address(member.ip, self.ttl)).collect()
            }
            (None, Some((service, decision, _)), _) => {
                decision.chosen(service).map(|member| address(member.address(decision.to_public), self.ttl)).collect()
            }
            (None, None, Some((set, Some(picked)))) => set.addresses(picked).map(|ip| address(ip, self.ttl)).collect(),
            (None, None, _) => Vec::new(),
        };
        records.truncate(count);
        records
    }

    /// What kind of entry answered (avi-api 4.5): without the `DNS_ENTRY_` in front.
    fn entry(&self) -> &'static str {
        let of_record = match self.kind {
            Kind::Addresses | Kind::Alias => true,
            Kind::Empty(why) => matches!(why, Empty::RecordOfOtherFamily | Empty::OtherTypeOnly),
            Kind::Dropped(why) => matches!(why, Dropped::RecordOfOtherFamily | Dropped::OtherTypeOnly),
            _ => false,
        };
        if self.kind == Kind::Policy || self.kind == Kind::Dropped(Dropped::Policy) {
            return "POLICY";
        }
        match (&self.reached, &self.record) {
            (Some(_), _) => "GSLB",
            (None, Some(_)) if of_record => "VIRTUALSERVICE",
            (None, _) => "LOCAL",
        }
    }

    fn reason(&self) -> String {
        match self.kind {
            Kind::Members => self.chosen(),
            Kind::Name => format!("a member that is answered by its name: {}", self.chosen()),
            Kind::Policy => "an answer of a DNS policy".to_owned(),
            Kind::Addresses => self.registered(),
            Kind::Alias => format!("another name, {}", self.registered()),
            Kind::AllRecords => "the service is down: all its addresses".to_owned(),
            Kind::Fallback => "the service is down: its fallback address".to_owned(),
            Kind::Cname => "the service is down: its fallback name".to_owned(),
            Kind::Soa => "the zone's SOA record".to_owned(),
            Kind::Empty(why) => match why {
                Empty::OutsideSites => "no site that a policy selects has a member that is up",
                Empty::OtherFamilyOnly => "no member that is up has an address of this type",
                Empty::RecordOfOtherFamily => "the name has no address of this type",
                Empty::OtherTypeOnly => "the name has no record of this type",
                Empty::ApexWithoutType => "the apex has no record of this type",
                Empty::NonTerminal => "the name has no records",
                Empty::DownResponse => "the service is down: an empty answer",
                Empty::DownResponseOfOtherFamily => "the service is down, its fallback has no address of this type",
            }
            .to_owned(),
            Kind::NameError(why) => match why {
                NameError::Absent => "the name does not exist",
                NameError::Withdrawn => "none of the virtual services of the name is up",
                NameError::OutsideEveryZone => "outside every zone of this service",
                NameError::ServiceDown => "the service is down and has no down response",
            }
            .to_owned(),
            Kind::Dropped(why) => {
                let why = match why {
                    Dropped::Absent => "the name does not exist",
                    Dropped::Withdrawn => "none of the virtual services of the name is up",
                    Dropped::OutsideEveryZone => "outside every zone of this service",
                    Dropped::ServiceDown => "the service is down and has no down response",
                    Dropped::OutsideSites => "no site that a policy selects has a member that is up",
                    Dropped::Policy => "a DNS policy says so",
                    Dropped::OtherFamilyOnly => "no member that is up has an address of this type",
                    Dropped::RecordOfOtherFamily => "the name has no address of this type",
                    Dropped::OtherTypeOnly => "the name has no record of this type",
                    Dropped::Transfer => "zones are not transferred",
                };
                format!("no packet: {why}")
            }
            Kind::Refused(Refused::EdnsVersion) => "an EDNS version above 0".to_owned(),
            Kind::Refused(Refused::Class) => "a class other than IN".to_owned(),
            Kind::Refused(Refused::Transfer) => "zones are not transferred".to_owned(),
            Kind::Invalid(problem) => problem.to_string(),
        }
    }

    /// Who registered the name, and in which order its addresses come.
    fn registered(&self) -> String {
        let Some((set, picked)) = &self.record else { return String::new() };
        let by: Vec<&str> = set.sources.iter().map(|source| source.registration.vs_vip.as_str()).collect();
        let by = format!("registered by {}", by.join(", "));
        match picked {
            Some(Picked { turn: Some(turn), of, .. }) if *of > 1 => {
                format!("{by}: turn {} of {of}", turn % (*of).max(1) as u64 + 1)
            }
            Some(Picked { of, .. }) if *of > 1 => format!("{by}: by a hash of the client"),
            _ => by,
        }
    }

    /// What put the members in their order.
    fn chosen(&self) -> String {
        let Some((service, decision, _)) = &self.reached else { return String::new() };
        let Outcome::Members { pool, by, .. } = &decision.outcome else { return String::new() };
        let Some(pool) = service.pools.get(*pool) else { return String::new() };
        let by = match by {
            By::Turn { turn, skipped } => {
                let length = pool.ring(decision.family).sequence.len().max(1) as u64;
                let number = turn.wrapping_add(u64::from(*skipped)) % length + 1;
                match skipped {
                    0 => format!("turn {number} of {length}"),
                    _ => format!("turn {number} of {length}, after {skipped} of members that are not up"),
                }
            }
            By::Hash { network, from_subnet: true } => format!("hash of {network}, of the client subnet"),
            By::Hash { network, from_subnet: false } => format!("hash of {network}, of the address that asked"),
            By::Preference => {
                let first = decision.members().first().and_then(|&index| pool.members.get(usize::from(index)));
                format!("preference order {}", first.map_or(0, |member| member.preference_order))
            }
            By::Distance => {
                let first = decision.members().first().and_then(|&index| pool.members.get(usize::from(index)));
                let km = first.and_then(|member| gslb::distance_km(&decision.client, member));
                return format!("the nearest, {} km away", km.unwrap_or_default());
            }
        };
        match (pool.algorithm, &decision.client) {
            (MemberAlgorithm::Geo, Whereabouts::Unknown(ip)) => format!("{by}: where {ip} is, no geo database says"),
            (MemberAlgorithm::Geo, _) => format!("{by}: where members are is not known"),
            _ => by,
        }
    }
}
