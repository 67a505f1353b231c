//! `VirtualService` with a DNS application profile (avi-api 2.4, 2.13).

use model::{
    DomainName, Ttl,
    dns::{DnsProfile, DnsVirtualService, ErrorResponse, Zone},
};

use crate::{Object, Problem, World, dns_policy, field::Message, listening, log_policy, site::Site};

/// SOA rname where the profile has none.
const HOSTMASTER: &str = "hostmaster";

/// The DNS virtual service, or `None` when the object is none or has nothing to listen on.
pub(crate) fn read(
    object: Object<'_>,
    world: &World<'_>,
    site: &Site<'_>,
    problems: &mut Vec<Problem>,
) -> Option<DnsVirtualService> {
    let label = format!("VirtualService {}", object.name);
    let service = Message::root(&label, object.fields);
    let profile = service.reference("application_profile_ref").and_then(|uuid| world.get("applicationprofile", uuid));
    let Some(profile) = profile else {
        problems.push(service.problem("application_profile_ref", "no application profile; the service does not run"));
        return None;
    };
    let profile_label = format!("ApplicationProfile {}", profile.name);
    let profile = Message::root(&profile_label, profile.fields);
    if profile.text("type") != Some("APPLICATION_PROFILE_TYPE_DNS") {
        return None;
    }
    let vs_vip = service.reference("vsvip_ref").and_then(|uuid| world.get("vsvip", uuid));
    let found = DnsVirtualService {
        gslb_domains: site.domains_of(object.uuid),
        uuid: object.uuid.to_owned(),
        name: object.name.to_owned(),
        enabled: service.flag("enabled", true) && service.flag("traffic_enabled", true),
        addresses: listening::addresses(&service, vs_vip, problems),
        ports: ports(&service, problems),
        rules: dns_policy::read(&service, "dns_policies", world, site, problems),
        topology: dns_policy::read(&service, "topology_policies", world, site, problems),
        profile: read_profile(&profile.message("dns_service_profile"), problems),
        logs: log_policy::read(object, &service, log_policy::group(&service, world)),
    };
    for (field, missing) in [("vip", found.addresses.is_empty()), ("services", found.ports.is_empty())] {
        if missing {
            problems.push(service.problem(field, "nothing to listen on; the service does not run"));
        }
    }
    (!found.addresses.is_empty() && !found.ports.is_empty()).then_some(found)
}

fn ports(service: &Message<'_>, problems: &mut Vec<Problem>) -> Vec<u16> {
    let mut found = Vec::new();
    for port in service.messages("services").iter().flat_map(|entry| listening::ports(entry, problems)) {
        if !found.contains(&port) {
            found.push(port);
        }
    }
    found
}

fn read_profile(profile: &Message<'_>, problems: &mut Vec<Problem>) -> DnsProfile {
    let mut ttl = |field: &str| {
        let seconds = profile.number(field).unwrap_or(30);
        Ttl::try_from(seconds).unwrap_or_else(|error| {
            problems.push(profile.problem(field, format!("{error}; 30 is used")));
            thirty_seconds()
        })
    };
    let (default_ttl, negative_ttl) = (ttl("ttl"), ttl("negative_caching_ttl"));
    DnsProfile {
        num_dns_ip: profile.number("num_dns_ip").and_then(|count| u8::try_from(count).ok()).unwrap_or(1),
        ttl: default_ttl,
        zones: zones(profile, problems),
        negative_ttl,
        on_error: match profile.text("error_response") {
            Some("DNS_ERROR_RESPONSE_ERROR") => ErrorResponse::Respond,
            _ => ErrorResponse::Drop,
        },
        aaaa_empty_response: profile.flag("aaaa_empty_response", true),
        edns: profile.flag("edns", true),
        over_tcp: profile.flag("dns_over_tcp_enabled", true),
    }
}

fn thirty_seconds() -> Ttl {
    Ttl::try_from(30).expect("30 lies within 0 to 86,400")
}

/// `domain_names` with the profile's SOA data, and `dns_zones` with their own.
fn zones(profile: &Message<'_>, problems: &mut Vec<Problem>) -> Vec<Zone> {
    let mut zones = Vec::new();
    for apex in profile.domains("domain_names", problems) {
        zones.push(zone(apex, &[profile], problems));
    }
    for entry in profile.messages("dns_zones") {
        match entry.domain("domain_name") {
            Some(Ok(apex)) => {
                zones.retain(|zone: &Zone| zone.apex != apex);
                zones.push(zone(apex, &[&entry, profile], problems));
            }
            Some(Err(problem)) => problems.push(problem),
            None => problems.push(entry.problem("domain_name", "no name given; skipped")),
        }
    }
    zones
}

/// A zone whose SOA data come from the first of `sources` that has them.
fn zone(apex: DomainName, sources: &[&Message<'_>], problems: &mut Vec<Problem>) -> Zone {
    let name_server = sources.iter().find_map(|source| source.domain("name_server"));
    let name_server = match name_server {
        Some(Ok(name)) => Some(name),
        Some(Err(problem)) => {
            problems.push(problem);
            None
        }
        None => None,
    };
    let email = sources.iter().find_map(|source| source.text("admin_email").map(|text| (*source, text)));
    let mut zone = Zone { apex, name_server, admin_email: email.map_or(HOSTMASTER, |(_, text)| text).to_owned() };
    if let (Err(error), Some((source, _))) = (zone.rname(), email) {
        problems.push(source.problem("admin_email", format!("{error}; `{HOSTMASTER}` is used")));
        HOSTMASTER.clone_into(&mut zone.admin_email);
    }
    zone
}
