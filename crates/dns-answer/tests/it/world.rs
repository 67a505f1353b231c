//! Small worlds: a DNS virtual service, its GSLB services, the health of their members.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use dns_answer::{Knowledge, Limit, Records, Table, View, answer};
use gslb::{Advance, Service, Slots, Surroundings};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{DNSClass, Name, RecordType};
use model::dns::{DnsVirtualService, RecordData, RecordOrder, Registration};
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
    view_in(dns, services, health, &Surroundings::default())
}

/// Likewise, with a geo database and public clients.
pub(crate) fn view_in(
    dns: &DnsVirtualService,
    services: &[GslbService],
    health: &[bool],
    surroundings: &Surroundings,
) -> View {
    let mut first = 0;
    let pairs: Vec<(Arc<GslbService>, Arc<Service>)> = services
        .iter()
        .map(|service| {
            let compiled = Service::compile(service, first, None, surroundings);
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
    View { version, table, slots: Arc::new(slots), geo: Arc::clone(&surroundings.geo), records: Arc::default() }
}

/// The address that queries come from.
pub(crate) const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 200));

/// A record of `vsvip-NUMBER`, whose virtual service is `vs-NUMBER`: a CNAME, or addresses separated by blanks.
pub(crate) fn registration(number: u32, name: &str, data: &str) -> Registration {
    let addresses: Result<Vec<IpAddr>, _> = data.split_whitespace().map(str::parse).collect();
    Registration {
        name: domain(name),
        data: addresses.map_or_else(|_| RecordData::Name(domain(data)), RecordData::Addresses),
        ttl: model::Ttl::try_from(60).unwrap(),
        addresses_max: Some(0),
        order: RecordOrder::RoundRobin,
        vs_vip: format!("vsvip-{number}"),
        virtual_services: [format!("vs-{number}")].into(),
        only_while_up: true,
    }
}

/// `view` with records, all of them published.
pub(crate) fn with_records(view: View, registrations: Vec<Registration>) -> View {
    let registrations: Vec<Arc<Registration>> = registrations.into_iter().map(Arc::new).collect();
    let records = Records::compile(&registrations, None);
    for (slot, _) in records.registrations() {
        assert!(records.publish(slot, true));
    }
    View { records, ..view }
}

/// Publishes or withdraws what a VsVip registered.
#[track_caller]
pub(crate) fn publish(view: &View, number: u32, is_published: bool) {
    let vs_vip = format!("vsvip-{number}");
    let slots = view.records.registrations().filter(|(_, registration)| registration.vs_vip == vs_vip);
    let changed = slots.filter(|(slot, _)| view.records.publish(*slot, is_published)).count();
    assert!(changed > 0, "nothing of {vs_vip} changed");
}

/// Books that tell of each member and virtual service.
pub(crate) struct Books;

impl Knowledge for Books {
    fn of_member(&self, _: &str, _: &str, ip: IpAddr) -> Option<String> {
        Some(format!("health of {ip}"))
    }

    fn of_virtual_service(&self, uuid: &str) -> Option<String> {
        Some(format!("state of {uuid}"))
    }
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
    let length = answer(view, query, CLIENT, limit, &mut out, &mut Advance)?;
    out.truncate(length);
    Some(out)
}

/// Addresses of the answer section.
pub(crate) fn addresses(message: &Message) -> Vec<IpAddr> {
    message.answers.iter().filter_map(|record| record.data.ip_addr()).collect()
}
