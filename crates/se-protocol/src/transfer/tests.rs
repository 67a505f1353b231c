//! Deltas against full snapshots, and what must be refused.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use model::{
    DomainName, FullLogs, Location, LogGroup, LogPolicy, PoolPriority, Revision, Ttl, Weight,
    dns::{
        ClientMatch, DnsAction, DnsProfile, DnsRule, DnsVirtualService, ErrorResponse, LocationMatch, NameMatch, Zone,
    },
    gslb::{
        ClientGroup, DownResponse, GslbMember, GslbPool, GslbService, HealthProxy, MemberAlgorithm, MemberLocation,
        MonitorScope, PoolAlgorithm, SiteQuorum,
    },
    http::{IpMatch, Membership, StringCriterion},
    monitor::{Check, HealthMonitor, HttpCheck, StatusClass},
};
use proptest::prelude::*;

use super::*;
use crate::{Clients, GeoChunk, GeoDatabase, PortOffset, Snapshot};

mod http;

fn version(incarnation: &str, revision: u64) -> Version {
    Version { incarnation: incarnation.into(), term: 0, revision: Revision(revision) }
}

fn name(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

fn service(number: u16, seed: u8) -> GslbService {
    let member = |last: u8| GslbMember {
        ip: if last.is_multiple_of(2) {
            IpAddr::from([192, 0, 2, last])
        } else {
            IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])
        },
        public_ip: (last > 6).then(|| IpAddr::from([203, 0, 113, last])),
        fqdn: (last > 7).then(|| name("cdn.example.net")),
        location: match last {
            0..5 => MemberLocation::OfAddress,
            _ => MemberLocation::At(Location::new(f64::from(last % 90), -0.5).unwrap()),
        },
        weight: Weight::try_from(u64::from(last % 20) + 1).unwrap(),
        enabled: last > 3,
        cluster_uuid: (last > 2).then(|| "cluster-1".to_owned()),
        vs_uuid: (last > 4).then(|| format!("virtualservice-{last}")),
        hostname: None,
        preference_order: last % 128 + 1,
        proxies: (last > 5).then(|| HealthProxy { site: "cluster-2".into(), name: "two".into() }).into_iter().collect(),
    };
    GslbService {
        uuid: format!("gslbservice-{number:05}"),
        name: format!("app{number}.example.com"),
        tenant: "admin".into(),
        enabled: seed != 3,
        domain_names: vec![name(&format!("app{number}.example.com"))],
        wildcard_match: seed.is_multiple_of(2),
        ttl: (seed > 5).then(|| Ttl::try_from(u64::from(seed)).unwrap()),
        num_dns_ip: (seed > 6).then_some(seed),
        pool_algorithm: PoolAlgorithm::Priority,
        use_client_subnet: seed.is_multiple_of(2),
        min_members: u16::from(seed),
        resolve_cname: seed > 2,
        topology_policies: seed > 3,
        site_quorum: seed.is_multiple_of(3).then_some(SiteQuorum { needed: 2, active: 3 }),
        pools: vec![GslbPool {
            name: "p".into(),
            priority: PoolPriority::try_from(10).unwrap(),
            enabled: true,
            algorithm: MemberAlgorithm::RoundRobin,
            fallback_algorithm: (seed > 4).then_some(MemberAlgorithm::ConsistentHash),
            hash_prefix_v4: (seed > 3).then_some(24),
            hash_prefix_v6: (seed > 2).then_some(56),
            min_health_monitors_up: Some(u32::from(seed)),
            members: (0..seed % 4).map(|n| member(seed.wrapping_add(n))).collect(),
        }],
        down_response: match seed % 5 {
            0 => DownResponse::None,
            1 => DownResponse::AllRecords,
            2 => DownResponse::FallbackIp { v4: Some([192, 0, 2, 9].into()), v6: None },
            3 => DownResponse::Empty,
            _ => DownResponse::Cname(name("down.example.com")),
        },
        health_monitors: vec!["healthmonitor-1".into()],
        monitor_scope: MonitorScope::OnlyNonAviMembers,
        controller_health: seed > 4,
    }
}

fn monitor(number: u8, seed: u8) -> HealthMonitor {
    let http = HttpCheck {
        request: "HEAD / HTTP/1.0".into(),
        exact_request: false,
        request_body: None,
        status_classes: vec![StatusClass::Any, StatusClass::Hundreds(2)],
        response: Some("ok".into()),
        response_bytes_max: 2048,
        maintenance_codes: vec![503],
        maintenance_response: None,
        server_name: None,
    };
    HealthMonitor {
        uuid: format!("healthmonitor-{number}"),
        name: "m".into(),
        send_interval: Duration::from_secs(10),
        receive_timeout: Duration::from_millis(4_000),
        successful_checks: 3,
        failed_checks: 3,
        port: Some(8080),
        quickstart: true,
        check: match seed % 5 {
            0 => Check::Http(http),
            1 => Check::Https(http),
            2 => Check::Tcp { request: None, response: Some("x".into()) },
            3 => Check::Udp { request: Some("x".into()), response: None },
            _ => Check::Unsupported("HEALTH_MONITOR_PING".into()),
        },
    }
}

fn dns_service(number: u8, seed: u8) -> DnsVirtualService {
    let ttl = Ttl::try_from(30).unwrap();
    DnsVirtualService {
        uuid: format!("virtualservice-{number}"),
        name: "dns".into(),
        enabled: true,
        addresses: vec![[127, 0, 0, 1].into()],
        ports: vec![5300],
        profile: DnsProfile {
            num_dns_ip: 1,
            ttl,
            zones: vec![Zone { apex: name("example.com"), name_server: None, admin_email: "a@example.com".into() }],
            negative_ttl: ttl,
            on_error: ErrorResponse::Respond,
            aaaa_empty_response: true,
            edns: true,
            over_tcp: seed.is_multiple_of(2),
        },
        gslb_domains: (seed > 3).then(|| vec![name("example.com")]),
        rules: (0..seed % 5).map(|n| rule(n, seed)).collect(),
        topology: (0..seed % 2).map(|n| rule(n, seed)).collect(),
        logs: LogPolicy {
            significant_per_s: u32::from(seed),
            full: (seed > 1).then_some(FullLogs { per_s: 0, until_us: (seed > 2).then_some(-1) }),
            group: LogGroup { uuid: "serviceenginegroup-1".into(), significant_per_s: 1, non_significant_per_s: 0 },
        },
    }
}

fn range() -> Vec<(IpAddr, IpAddr)> {
    vec![([10, 0, 0, 0].into(), [10, 0, 0, 255].into()), ([0x2001; 8].into(), [0x2002; 8].into())]
}

fn rule(number: u8, seed: u8) -> DnsRule {
    DnsRule {
        policy: "p".into(),
        name: format!("r{number}"),
        client: (seed > 1).then(|| ClientMatch {
            addresses: IpMatch { membership: Membership::NotIn, ranges: range() },
            use_subnet: seed > 2,
        }),
        query_name: (seed > 3).then(|| NameMatch {
            criterion: StringCriterion::EndsWith,
            negated: seed > 4,
            values: vec!["example.com".into()],
        }),
        query_type: (seed > 5).then(|| (Membership::In, vec![1, u16::from(seed)])),
        over_tcp: (seed > 6).then_some(seed.is_multiple_of(2)),
        location: (seed > 7).then(|| LocationMatch {
            membership: Membership::In,
            name: Some("DE".into()),
            tag: None,
            use_subnet: true,
        }),
        action: match number {
            0 => DnsAction::Allow,
            1 => DnsAction::Drop,
            2 => DnsAction::Respond { rcode: seed % 16, authoritative: seed > 3, truncated: seed > 4 },
            _ => DnsAction::SelectSites {
                sites: vec!["cluster-1".into()],
                names: vec!["one".into()],
                is_preferred: seed > 5,
            },
        },
    }
}

fn clients(seed: u8) -> Clients {
    let bytes: Vec<u8> = (0..u32::from(seed) * 300_000).map(|n| n.to_le_bytes()[1]).collect();
    let geo_chunks = GeoChunk::cut(&format!("{seed:064}"), &bytes);
    let chunks = u32::try_from(geo_chunks.len()).unwrap();
    let clients = Clients {
        public: (seed > 1).then(|| ClientGroup { lists_public: seed > 3, ranges: range() }),
        geo_databases: (0..seed % 2)
            .map(|_| GeoDatabase { checksum: format!("{seed:064}"), chunks, name: "own".into() })
            .collect(),
        geo_chunks,
    };
    for database in &clients.geo_databases {
        assert_eq!(clients.pieces_of(database).unwrap().concat(), bytes);
    }
    clients
}

/// What a random history is made of: object number to the seed of its content.
#[derive(Debug, Clone, Default)]
struct World {
    services: BTreeMap<u16, u8>,
    monitors: BTreeMap<u8, u8>,
    dns: BTreeMap<u8, u8>,
}

fn worlds() -> impl Strategy<Value = Vec<World>> {
    let world = (
        prop::collection::btree_map(0..40u16, 0..9u8, 0..12),
        prop::collection::btree_map(0..6u8, 0..9u8, 0..4),
        prop::collection::btree_map(0..3u8, 0..9u8, 0..3),
    );
    prop::collection::vec(world.prop_map(|(services, monitors, dns)| World { services, monitors, dns }), 1..8)
}

impl World {
    fn snapshot(&self, revision: u64) -> Arc<Snapshot> {
        Arc::new(Snapshot {
            version: version("a", revision),
            cluster_uuid: "cluster-1".into(),
            port_offset: PortOffset::UNPRIVILEGED,
            clients: clients(self.dns.get(&0).copied().unwrap_or_default()),
            dns_services: self.dns.iter().map(|(n, seed)| dns_service(*n, *seed)).collect(),
            gslb_domains: vec![name("example.com")],
            gslb_services: self.services.iter().map(|(n, seed)| Arc::new(service(*n, *seed))).collect(),
            monitors: self.monitors.iter().map(|(n, seed)| Arc::new(monitor(*n, *seed))).collect(),
            http: model::http::HttpObjects::default(),
            registrations: Vec::new(),
        })
    }
}

fn stamped(revision: u64, services: u16) -> Stamped {
    let world = World { services: (0..services).map(|n| (n, 7)).collect(), ..World::default() };
    Stamped::encode(world.snapshot(revision), None).unwrap()
}

fn feed(assembler: &mut Assembler, parts: Vec<Part>) -> Result<Option<Arc<Stamped>>, Refusal> {
    let mut last = Ok(None);
    for part in parts {
        assert_eq!(last, Ok(None), "only the commit decides");
        last = assembler.take(part);
    }
    last
}

proptest! {
    #[test]
    fn deltas_lead_to_the_full_snapshot(worlds in worlds()) {
        let mut assembler = Assembler::default();
        let mut sent: Option<Stamped> = None;
        for (revision, world) in worlds.iter().enumerate() {
            let snapshot = world.snapshot(revision as u64);
            let next = Stamped::encode(Arc::clone(&snapshot), sent.as_ref()).unwrap();
            let arrived = feed(&mut assembler, parts(sent.as_ref(), &next)).unwrap().unwrap();
            prop_assert_eq!(arrived.snapshot(), &snapshot);
            prop_assert_eq!(&*arrived, &Stamped::encode(snapshot, None).unwrap());
            sent = Some(next);
        }
    }

    #[test]
    fn bytes_from_the_network_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), cut in any::<prop::sample::Index>(), flip in any::<(prop::sample::Index, u8)>()) {
        let _ = wire::FromController::decode(bytes.as_slice());
        let _ = wire::FromEngine::decode(bytes.as_slice());
        // And bytes that are nearly right.
        let (old, new) = (stamped(1, 3), stamped(2, 5));
        for part in parts(Some(&old), &new) {
            let mut bytes = match &part {
                Part::Begin(begin) => begin.encode_to_vec(),
                Part::Chunk(chunk) => chunk.encode_to_vec(),
                Part::Commit(commit) => commit.encode_to_vec(),
            };
            bytes.truncate(cut.index(bytes.len() + 1));
            if !bytes.is_empty() {
                let place = flip.0.index(bytes.len());
                bytes[place] ^= flip.1;
            }
            let mut assembler = Assembler::new(Some(Arc::new(old.clone())));
            if let Ok(begin) = wire::Begin::decode(bytes.as_slice()) {
                let _ = assembler.take(Part::Begin(begin));
            }
            let _ = assembler.take(Part::Begin(wire::Begin { base: None }));
            if let Ok(chunk) = wire::Chunk::decode(bytes.as_slice()) {
                let _ = assembler.take(Part::Chunk(chunk));
            }
            if let Ok(commit) = wire::Commit::decode(bytes.as_slice()) {
                let _ = assembler.take(Part::Commit(commit));
            }
            let resource = wire::Resource { key: Some(wire::ResourceKey { kind: 3, id: "x".into() }), body: bytes.into() };
            let mut set = new.resources().clone();
            set.put(resource.key.unwrap().into(), resource.body);
            let _ = Stamped::decode(version("a", 3), set, None);
        }
    }
}

#[test]
fn half_of_a_snapshot_is_never_in_force() {
    let mut assembler = Assembler::default();
    let (old, new) = (stamped(1, 3), stamped(2, 5));
    feed(&mut assembler, parts(None, &old)).unwrap();
    let mut half = parts(Some(&old), &new);
    half.pop();
    feed(&mut assembler, half).unwrap();
    assert_eq!(assembler.current().unwrap().snapshot(), old.snapshot());
    // A new transfer starts over.
    feed(&mut assembler, parts(Some(&old), &new)).unwrap();
    assert_eq!(assembler.current().unwrap().snapshot(), new.snapshot());
}

#[test]
fn older_version_is_refused() {
    let mut assembler = Assembler::new(Some(Arc::new(stamped(5, 3))));
    let refusal = feed(&mut assembler, parts(None, &stamped(4, 2))).unwrap_err();
    let told = refusal.to_string();
    assert!(told.starts_with("version 0.4 is older than 0.5, which runs here; "), "{told}");
    assert_eq!(assembler.current().unwrap().version().revision, Revision(5));
}

#[test]
fn another_incarnation_is_no_older_state() {
    let mut assembler = Assembler::new(Some(Arc::new(stamped(5, 3))));
    let mut snapshot = Arc::unwrap_or_clone(Arc::clone(stamped(1, 1).snapshot()));
    snapshot.version.incarnation = "b".into();
    let other = Stamped::encode(Arc::new(snapshot), None).unwrap();
    feed(&mut assembler, parts(None, &other)).unwrap().unwrap();
}

#[test]
fn delta_to_something_else_is_refused() {
    let mut assembler = Assembler::new(Some(Arc::new(stamped(5, 3))));
    let refusal = feed(&mut assembler, parts(Some(&stamped(4, 2)), &stamped(6, 2))).unwrap_err();
    assert!(matches!(refusal, Refusal::WrongBase { .. }), "{refusal:?}");
}

#[test]
fn lost_chunk_is_noticed() {
    let mut assembler = Assembler::default();
    let mut parts = parts(None, &stamped(1, 3));
    parts.remove(1);
    assert!(matches!(feed(&mut assembler, parts), Err(Refusal::Checksum { .. })));
    assert!(matches!(assembler.take(Part::Chunk(wire::Chunk::default())), Ok(None)));
    let commit = Part::Commit(wire::Commit::default());
    assert_eq!(assembler.take(commit), Err(Refusal::NotBegun));
}

#[test]
fn resource_of_a_newer_controller_counts_and_is_left_alone() {
    let mut set = stamped(1, 2).resources().clone();
    set.put(wire::ResourceKey { kind: 99, id: "future".into() }.into(), Bytes::from_static(b"?"));
    let decoded = Stamped::decode(version("a", 2), set.clone(), None).unwrap();
    assert_eq!(decoded.snapshot().gslb_services.len(), 2);
    assert_eq!(decoded.stamp().checksum, set.checksum());
}

#[test]
fn malformed_resource_is_named() {
    let mut set = stamped(1, 2).resources().clone();
    set.put(wire::ResourceKey { kind: 3, id: "gslbservice-x".into() }.into(), Bytes::from_static(&[0xff]));
    let error = Stamped::decode(version("a", 2), set, None).unwrap_err();
    assert_eq!(error.to_string(), "gslbservice-x cannot be read");
}

#[test]
fn messages_stay_below_their_limit() {
    let (base, next) = (stamped(1, 20_000), stamped(2, 1));
    for part in parts(None, &base).into_iter().chain(parts(Some(&base), &next)) {
        if let Part::Chunk(chunk) = part {
            assert!(chunk.encoded_len() <= crate::MESSAGE_BYTES_MAX);
        }
    }
    assert!(parts(None, &base).len() > 4);
}

#[test]
fn object_that_fits_no_message_is_named() {
    let mut big = service(1, 7);
    big.name = "x".repeat(crate::MESSAGE_BYTES_MAX);
    let mut snapshot = Arc::unwrap_or_clone(World::default().snapshot(1));
    snapshot.gslb_services.push(Arc::new(big));
    let error = Stamped::encode(Arc::new(snapshot), None).unwrap_err();
    assert!(error.to_string().starts_with("gslbservice-00001 has "), "{error}");
}
