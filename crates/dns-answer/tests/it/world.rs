//! Small worlds: a DNS virtual service, its GSLB services, the health of their members.

use std::net::IpAddr;
use std::sync::Arc;

use dns_answer::{Limit, Table, View, answer};
use gslb::{Advance, Service, Slots};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{DNSClass, Name, RecordType};
use model::dns::DnsVirtualService;
use model::gslb::GslbService;
use model::testing::{dns_service, domain, member, pool, service};
use model::{Revision, Version};

/// The story's application, split 6:4:2.
pub(crate) fn hello() -> GslbService {
    let members = vec![member("10.10.25.46", 6), member("10.10.26.40", 4), member("10.10.23.40", 2)];
    service("hello.avi.iberia.local", vec![pool(10, members)])
}

/// A DNS virtual service for `avi.iberia.local` that responds to what it cannot answer.
pub(crate) fn dns() -> DnsVirtualService {
    let mut service = dns_service("avi.iberia.local");
    service.profile.zones[0].name_server = Some(domain("g-dns.iberia.local"));
    service.profile.zones[0].admin_email = "dnsadmin@iberia.local".into();
    service
}

/// Compiles a view; member `i` of all services is up when `health[i]` is (missing: up).
pub(crate) fn view(dns: &DnsVirtualService, services: &[GslbService], health: &[bool]) -> View {
    let mut first = 0;
    let pairs: Vec<(Arc<GslbService>, Arc<Service>)> = services
        .iter()
        .map(|service| {
            let compiled = Service::compile(service, first, None);
            first += u32::try_from(Service::slot_count(service)).unwrap();
            (Arc::new(service.clone()), Arc::new(compiled))
        })
        .collect();
    let pairs: Vec<_> = pairs.iter().map(|(service, compiled)| (service, compiled)).collect();
    let slots = Slots::new(first as usize);
    for slot in 0..first {
        slots.set(slot, health.get(slot as usize).copied().unwrap_or(true));
    }
    let (table, problems) = Table::compile(dns, &[domain("avi.iberia.local")], &pairs, None);
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
