//! Small worlds: a DNS virtual service, its GSLB services, the health of their members.

use std::net::IpAddr;
use std::sync::Arc;

use dns_answer::{Limit, Table, View, answer};
use gslb::{Advance, Service, Slots};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{DNSClass, Name, RecordType};
use model::dns::{DnsProfile, DnsVirtualService, ErrorResponse, Zone};
use model::gslb::{DownResponse, GslbMember, GslbPool, GslbService, MemberAlgorithm, MonitorScope, PoolAlgorithm};
use model::{DomainName, PoolPriority, Revision, Ttl, Version, Weight};

pub(crate) fn domain(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

pub(crate) fn member(ip: &str, weight: u64) -> GslbMember {
    GslbMember {
        ip: ip.parse().unwrap(),
        weight: Weight::try_from(weight).unwrap(),
        enabled: true,
        cluster_uuid: None,
        vs_uuid: None,
        hostname: None,
    }
}

pub(crate) fn pool(priority: u64, members: Vec<GslbMember>) -> GslbPool {
    GslbPool {
        name: format!("pool-{priority}"),
        priority: PoolPriority::try_from(priority).unwrap(),
        enabled: true,
        algorithm: MemberAlgorithm::RoundRobin,
        min_health_monitors_up: None,
        members,
    }
}

pub(crate) fn service(name: &str, pools: Vec<GslbPool>) -> GslbService {
    GslbService {
        uuid: format!("gslbservice-{name}"),
        name: name.to_owned(),
        tenant: "admin".into(),
        enabled: true,
        domain_names: vec![domain(name)],
        wildcard_match: false,
        ttl: None,
        num_dns_ip: None,
        pool_algorithm: PoolAlgorithm::Priority,
        pools,
        down_response: DownResponse::None,
        health_monitors: vec![],
        monitor_scope: MonitorScope::AllMembers,
        controller_health: true,
    }
}

/// The story's application, split 6:4:2.
pub(crate) fn hello() -> GslbService {
    let members = vec![member("10.10.25.46", 6), member("10.10.26.40", 4), member("10.10.23.40", 2)];
    service("hello.avi.iberia.local", vec![pool(10, members)])
}

/// A DNS virtual service for `avi.iberia.local` that responds to what it cannot answer.
pub(crate) fn dns() -> DnsVirtualService {
    DnsVirtualService {
        uuid: "virtualservice-1".into(),
        name: "g-dns".into(),
        enabled: true,
        addresses: vec![],
        ports: vec![],
        profile: DnsProfile {
            num_dns_ip: 1,
            ttl: Ttl::try_from(30).unwrap(),
            zones: vec![Zone {
                apex: domain("avi.iberia.local"),
                name_server: Some(domain("g-dns.iberia.local")),
                admin_email: "dnsadmin@iberia.local".into(),
            }],
            negative_ttl: Ttl::try_from(30).unwrap(),
            on_error: ErrorResponse::Respond,
            aaaa_empty_response: true,
            edns: true,
            over_tcp: true,
        },
        gslb_domains: Some(vec![domain("avi.iberia.local")]),
    }
}

/// Compiles a view; member `i` of all services is up when `health[i]` is (missing: up).
pub(crate) fn view(dns: &DnsVirtualService, services: &[GslbService], health: &[bool]) -> View {
    let mut first = 0;
    let pairs: Vec<_> = services
        .iter()
        .map(|service| {
            let compiled = Service::compile(service, first, None);
            first += u32::try_from(Service::slot_count(service)).unwrap();
            (service, Arc::new(compiled))
        })
        .collect();
    let slots = Slots::new(first as usize);
    for slot in 0..first {
        slots.set(slot, health.get(slot as usize).copied().unwrap_or(true));
    }
    let (table, problems) = Table::compile(dns, &[domain("avi.iberia.local")], &pairs);
    assert_eq!(problems, []);
    let version = Version { incarnation: "test".into(), term: 0, revision: Revision(1) };
    View { version, table, slots: Arc::new(slots) }
}

/// A query as a stub resolver sends it: RD set; EDNS of `udp_size` when not 0.
pub(crate) fn query(name: &str, qtype: RecordType, udp_size: u16) -> Message {
    let mut message = Message::new(4711, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    let mut question = Query::query(Name::from_ascii(name).unwrap(), qtype);
    question.set_query_class(DNSClass::IN);
    message.add_query(question);
    if udp_size > 0 {
        let mut edns = Edns::new();
        edns.set_max_payload(udp_size).set_version(0);
        message.edns = Some(edns);
    }
    message
}

/// Asks over UDP and reads the answer, if there is one.
pub(crate) fn ask(view: &View, message: &Message) -> Option<Message> {
    ask_bytes(view, &message.to_vec().unwrap(), Limit::Udp).map(|bytes| Message::from_vec(&bytes).unwrap())
}

/// Asks with bytes.
pub(crate) fn ask_bytes(view: &View, query: &[u8], limit: Limit) -> Option<Vec<u8>> {
    let mut out = vec![0; 65_535];
    let length = answer(view, query, limit, &mut out, &mut Advance)?;
    out.truncate(length);
    Some(out)
}

/// Addresses of the answer section.
pub(crate) fn addresses(message: &Message) -> Vec<IpAddr> {
    message.answers.iter().filter_map(|record| record.data.ip_addr()).collect()
}
