//! Fixtures for tests and benchmarks: small, valid nouns on documentation names and addresses (RFC 2606, 5737, 3849).
//!
//! Each panics on values that a constructor refuses, as a test with a wrong fixture should.
#![expect(clippy::unwrap_used, reason = "a fixture with a wrong value is a wrong test")]

mod http;

pub use http::*;

use crate::dns::{DnsProfile, DnsVirtualService, ErrorResponse, Zone};
use crate::gslb::{
    DownResponse, GslbMember, GslbPool, GslbService, MemberAlgorithm, MemberLocation, MonitorScope, PoolAlgorithm,
};
use crate::{DomainName, PoolPriority, Ttl, Weight};

/// A domain name.
#[must_use]
pub fn domain(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

/// An enabled member that is no Avi virtual service.
#[must_use]
pub fn member(ip: &str, weight: u64) -> GslbMember {
    GslbMember {
        ip: ip.parse().unwrap(),
        public_ip: None,
        fqdn: None,
        location: MemberLocation::OfAddress,
        weight: Weight::try_from(weight).unwrap(),
        enabled: true,
        cluster_uuid: None,
        vs_uuid: None,
        hostname: None,
        preference_order: 1,
        proxies: Vec::new(),
    }
}

/// An enabled round robin pool `pool-PRIORITY`, whose members need all monitors.
#[must_use]
pub fn pool(priority: u64, members: Vec<GslbMember>) -> GslbPool {
    GslbPool {
        name: format!("pool-{priority}"),
        priority: PoolPriority::try_from(priority).unwrap(),
        enabled: true,
        algorithm: MemberAlgorithm::RoundRobin,
        fallback_algorithm: None,
        hash_prefix_v4: None,
        hash_prefix_v6: None,
        min_health_monitors_up: None,
        members,
    }
}

/// An enabled service `gslbservice-NAME` that answers `name`, without monitors.
#[must_use]
pub fn service(name: &str, pools: Vec<GslbPool>) -> GslbService {
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
        use_client_subnet: true,
        min_members: 0,
        pools,
        resolve_cname: false,
        topology_policies: false,
        down_response: DownResponse::None,
        health_monitors: vec![],
        monitor_scope: MonitorScope::AllMembers,
        controller_health: true,
        site_quorum: None,
    }
}

/// A DNS virtual service that serves the zone `apex`, responds to what it cannot answer, and has no address yet.
#[must_use]
pub fn dns_service(apex: &str) -> DnsVirtualService {
    DnsVirtualService {
        uuid: "virtualservice-1".into(),
        name: "g-dns".into(),
        enabled: true,
        addresses: vec![],
        ports: vec![],
        profile: DnsProfile {
            num_dns_ip: 1,
            ttl: Ttl::try_from(30).unwrap(),
            zones: vec![Zone { apex: domain(apex), name_server: None, admin_email: "hostmaster".into() }],
            negative_ttl: Ttl::try_from(30).unwrap(),
            on_error: ErrorResponse::Respond,
            aaaa_empty_response: true,
            edns: true,
            over_tcp: true,
        },
        gslb_domains: Some(vec![domain(apex)]),
        rules: vec![],
        topology: vec![],
        logs: crate::LogPolicy::default(),
    }
}
