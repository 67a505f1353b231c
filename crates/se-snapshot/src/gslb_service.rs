//! `GslbService` with its pools and members (avi-api 2.23).

use std::net::IpAddr;

use model::{
    DomainName, PoolPriority, Ttl, Weight,
    gslb::{
        DownResponse, GslbMember, GslbPool, GslbService, MemberAlgorithm, MemberLocation, MonitorScope, PoolAlgorithm,
        SiteQuorum,
    },
};

use crate::{
    Object, Problem,
    field::Message,
    names::{Asking, Resolved},
    site::{Sites, own_location},
};

/// The service, or `None` when it answers no name; `tenant` is the name of its tenant.
pub(crate) fn read(
    object: Object<'_>,
    tenant: &str,
    sites: &Sites,
    names: &mut Asking<'_>,
    problems: &mut Vec<Problem>,
) -> Option<GslbService> {
    let label = format!("GslbService {}", object.name);
    let service = Message::root(&label, object.fields);
    let domain_names = service.domains("domain_names", problems);
    if domain_names.is_empty() {
        problems.push(service.problem("domain_names", "no domain name; the service is not answered"));
        return None;
    }
    let ttl = service.number("ttl").and_then(|seconds| match Ttl::try_from(seconds) {
        Ok(ttl) => Some(ttl),
        Err(error) => {
            problems.push(service.problem("ttl", format!("{error}; the DNS profile's is used")));
            None
        }
    });
    Some(GslbService {
        uuid: object.uuid.to_owned(),
        name: object.name.to_owned(),
        tenant: tenant.to_owned(),
        enabled: service.flag("enabled", true),
        domain_names,
        wildcard_match: service.flag("wildcard_match", false),
        ttl,
        num_dns_ip: service.number("num_dns_ip").and_then(|count| u8::try_from(count).ok()),
        pool_algorithm: match service.text("pool_algorithm") {
            Some("GSLB_SERVICE_ALGORITHM_GEO") => PoolAlgorithm::Geo,
            _ => PoolAlgorithm::Priority,
        },
        use_client_subnet: service.flag("use_edns_client_subnet", true),
        min_members: service.number("min_members").and_then(|count| u16::try_from(count).ok()).unwrap_or(0),
        resolve_cname: service.flag("resolve_cname", false),
        topology_policies: service.flag("topology_policy_enabled", false),
        pools: service.messages("groups").iter().filter_map(|pool| read_pool(pool, sites, names, problems)).collect(),
        down_response: down_response(&service.message("down_response"), problems),
        // `hm_off` switches probing off; the control plane's verdict still counts.
        health_monitors: if service.flag("hm_off", false) {
            Vec::new()
        } else {
            service.references("health_monitor_refs").into_iter().map(str::to_owned).collect()
        },
        monitor_scope: match service.text("health_monitor_scope") {
            Some("GSLB_SERVICE_HEALTH_MONITOR_ONLY_NON_AVI_MEMBERS") => MonitorScope::OnlyNonAviMembers,
            _ => MonitorScope::AllMembers,
        },
        controller_health: service.flag("controller_health_status_enabled", true),
        site_quorum: service.some("site_quorum").and_then(|quorum| site_quorum(&quorum, sites.with_voice())),
    })
}

/// How many of `active` sites take a member down; `None` where each follows its own perception.
fn site_quorum(quorum: &Message<'_>, active: u16) -> Option<SiteQuorum> {
    let active = active.max(1);
    let needed = match quorum.text("type") {
        Some("SITE_QUORUM_NONE") => return None,
        Some("SITE_QUORUM_ANY") => 1,
        Some("SITE_QUORUM_ALL") => active,
        Some("SITE_QUORUM_COUNT") => {
            quorum.number("count").and_then(|count| u16::try_from(count).ok()).map_or(active, |it| it.clamp(1, active))
        }
        _ => active / 2 + 1,
    };
    Some(SiteQuorum { needed, active })
}

fn read_pool(
    pool: &Message<'_>,
    sites: &Sites,
    names: &mut Asking<'_>,
    problems: &mut Vec<Problem>,
) -> Option<GslbPool> {
    let priority = match PoolPriority::try_from(pool.number("priority").unwrap_or(10)) {
        Ok(priority) => priority,
        Err(error) => {
            problems.push(pool.problem("priority", format!("{error}; the pool is skipped")));
            return None;
        }
    };
    let algorithm = pool.text("algorithm").unwrap_or("GSLB_ALGORITHM_ROUND_ROBIN");
    let Some(algorithm) = ALGORITHMS.into_iter().find(|known| known.as_avi() == algorithm) else {
        problems.push(pool.problem("algorithm", format!("`{algorithm}` is unknown; the pool is skipped")));
        return None;
    };
    // What the schema refuses is taken as absent: the whole address.
    let hash_prefix = |field: &str, max: u8| {
        pool.number(field).and_then(|bits| u8::try_from(bits).ok()).filter(|bits| (1..=max).contains(bits))
    };
    Some(GslbPool {
        name: pool.text("name").unwrap_or_default().to_owned(),
        priority,
        enabled: pool.flag("enabled", true),
        algorithm,
        fallback_algorithm: fallback_algorithm(algorithm, pool, problems),
        hash_prefix_v4: hash_prefix("consistent_hash_mask", 31),
        hash_prefix_v6: hash_prefix("consistent_hash_mask6", 127),
        min_health_monitors_up: pool.number("min_health_monitors_up").and_then(|count| u32::try_from(count).ok()),
        members: {
            let members = pool.messages("members");
            members.iter().filter_map(|member| read_member(member, sites, names, problems)).collect()
        },
    })
}

/// The algorithm for clients that `algorithm` knows nothing of; only two of them ever lack that knowledge.
fn fallback_algorithm(
    algorithm: MemberAlgorithm,
    pool: &Message<'_>,
    problems: &mut Vec<Problem>,
) -> Option<MemberAlgorithm> {
    let named = pool.text("fallback_algorithm")?;
    let fallback = ALGORITHMS.into_iter().find(|known| known.as_avi() == named);
    let needs_knowledge = |algorithm| matches!(algorithm, MemberAlgorithm::Geo | MemberAlgorithm::Topology);
    if needs_knowledge(algorithm) && fallback.is_none_or(needs_knowledge) {
        let why = format!("`{named}` cannot stand in for {}; round robin does", algorithm.as_avi());
        problems.push(pool.problem("fallback_algorithm", why));
        return None;
    }
    fallback
}

const ALGORITHMS: [MemberAlgorithm; 5] = [
    MemberAlgorithm::RoundRobin,
    MemberAlgorithm::ConsistentHash,
    MemberAlgorithm::Geo,
    MemberAlgorithm::Topology,
    MemberAlgorithm::PreferenceOrder,
];

fn read_member(
    member: &Message<'_>,
    sites: &Sites,
    names: &mut Asking<'_>,
    problems: &mut Vec<Problem>,
) -> Option<GslbMember> {
    let fqdn = member.domain("fqdn").and_then(|name| name.map_err(|problem| problems.push(problem)).ok());
    let ip = address_of(member, fqdn.as_ref(), names, problems)?;
    let weight = match Weight::try_from(member.number("ratio").unwrap_or(1)) {
        Ok(weight) => weight,
        Err(error) => {
            problems.push(member.problem("ratio", format!("{error}; the member is skipped")));
            return None;
        }
    };
    let cluster_uuid = member.text("cluster_uuid");
    let site = cluster_uuid.and_then(|uuid| sites.get(uuid));
    let inherited = || site.map_or(MemberLocation::OfAddress, |site| site.location.clone());
    let public_ip = public_ip(member, ip, problems);
    Some(GslbMember {
        ip,
        public_ip,
        fqdn,
        location: own_location(member, problems).unwrap_or_else(inherited),
        weight: site.and_then(|site| site.ratio).unwrap_or(weight),
        enabled: member.flag("enabled", true) && site.is_none_or(|site| site.enabled),
        cluster_uuid: cluster_uuid.map(str::to_owned),
        vs_uuid: member.text("vs_uuid").map(str::to_owned),
        hostname: member.text("hostname").map(str::to_owned),
        preference_order: member.number("preference_order").and_then(|order| u8::try_from(order).ok()).unwrap_or(1),
        proxies: cluster_uuid.map(|uuid| sites.proxies_of(uuid, public_ip.is_some())).unwrap_or_default(),
    })
}

/// The address that is probed, and served where no name is. What the name resolves to counts before what the object says
/// (avi-api 2.23).
fn address_of(
    member: &Message<'_>,
    fqdn: Option<&DomainName>,
    names: &mut Asking<'_>,
    problems: &mut Vec<Problem>,
) -> Option<IpAddr> {
    let given = match member.address("ip") {
        Some(Err(problem)) => {
            problems.push(problem);
            return None;
        }
        given => given.and_then(Result::ok),
    };
    // One that is switched off is not asked for.
    let Some(name) = fqdn.filter(|_| member.flag("enabled", true)) else {
        if given.is_none() && fqdn.is_none() {
            problems.push(member.problem("ip", "no address; the member is skipped"));
        }
        return given;
    };
    let v6 = given.map_or_else(|| member.flag("resolve_fqdn_to_v6", false), |ip| ip.is_ipv6());
    match names.ask(name.clone(), v6) {
        Some(Resolved::To(ip)) => Some(ip),
        // Soon.
        None => given,
        Some(Resolved::Failed(reason)) => {
            let instead = if given.is_some() { "the address in `ip` is used" } else { "the member is left out" };
            problems.push(member.problem("fqdn", format!("`{name}` does not resolve: {reason}; {instead}")));
            given
        }
    }
}

/// Has to be of the family of the other address: a query asks for one of both.
fn public_ip(member: &Message<'_>, ip: IpAddr, problems: &mut Vec<Problem>) -> Option<IpAddr> {
    let public = member.message("public_ip").address("ip")?.map_err(|problem| problems.push(problem)).ok()?;
    if public.is_ipv4() != ip.is_ipv4() {
        problems.push(member.problem("public_ip", format!("{public} and {ip} are of two families; it is not used")));
        return None;
    }
    Some(public)
}

fn down_response(response: &Message<'_>, problems: &mut Vec<Problem>) -> DownResponse {
    match response.text("type") {
        None | Some("GSLB_SERVICE_DOWN_RESPONSE_NONE") => DownResponse::None,
        Some("GSLB_SERVICE_DOWN_RESPONSE_ALL_RECORDS") => DownResponse::AllRecords,
        Some("GSLB_SERVICE_DOWN_RESPONSE_EMPTY") => DownResponse::Empty,
        Some("GSLB_SERVICE_DOWN_RESPONSE_FALLBACK_IP") => {
            let (mut v4, mut v6) = (None, None);
            for address in ["fallback_ip", "fallback_ip6"].into_iter().filter_map(|field| response.address(field)) {
                match address {
                    Ok(std::net::IpAddr::V4(address)) => v4 = Some(address),
                    Ok(std::net::IpAddr::V6(address)) => v6 = Some(address),
                    Err(problem) => problems.push(problem),
                }
            }
            DownResponse::FallbackIp { v4, v6 }
        }
        Some("GSLB_SERVICE_DOWN_RESPONSE_CNAME") => match response.domain("fallback_cname") {
            Some(Ok(name)) => DownResponse::Cname(name),
            Some(Err(problem)) => {
                problems.push(problem);
                DownResponse::None
            }
            None => {
                problems.push(response.problem("fallback_cname", "no name given; treated as an unhandled query"));
                DownResponse::None
            }
        },
        Some(other) => {
            problems.push(response.problem("type", format!("`{other}` is unknown; treated as an unhandled query")));
            DownResponse::None
        }
    }
}
