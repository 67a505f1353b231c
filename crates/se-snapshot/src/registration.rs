//! The DNS records that virtual services own: names of their VsVips, in the domains of their cloud (avi-api 4.3, 4.4).
//!
//! Which of them are answered with depends on what engines say of the virtual services; that a name without an owner
//! that is up does not exist is the engine's to say. Not in a [`se_protocol::Snapshot`] yet.

use std::collections::BTreeSet;
use std::net::IpAddr;

use model::dns::{RecordData, RecordOrder, Registration};
use model::{DomainName, Ttl};

use crate::{Object, Problem, World, field::Message};

/// Seconds, where neither record, domain nor profile says.
const TTL_S: u64 = 30;

/// Types whose changes can change a record.
pub const TYPES: &[&str] = &["cloud", "ipamdnsproviderprofile", "virtualservice", "vsvip"];

/// A domain of a DNS profile.
struct Domain {
    name: DomainName,
    ttl: u64,
}

/// The records of all virtual services, by name and VsVip. A VsVip in a cloud without DNS profile, or without an enabled
/// virtual service, has none.
#[must_use]
pub fn registrations<'a>(objects: impl IntoIterator<Item = Object<'a>>) -> (Vec<Registration>, Vec<Problem>) {
    let world = World::sort(objects);
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for vs_vip in world.of("vsvip") {
        of_vs_vip(vs_vip, &world, &mut found, &mut problems);
    }
    found.sort_by(|a: &Registration, b| (&a.name, &a.vs_vip).cmp(&(&b.name, &b.vs_vip)));
    (found, problems)
}

fn of_vs_vip(object: Object<'_>, world: &World<'_>, found: &mut Vec<Registration>, problems: &mut Vec<Problem>) {
    let label = format!("VsVip {}", object.name);
    let vs_vip = Message::root(&label, object.fields);
    let Some(cloud) = vs_vip.reference("cloud_ref").and_then(|uuid| world.get("cloud", uuid)) else { return };
    let label = format!("Cloud {}", cloud.name);
    let cloud = Message::root(&label, cloud.fields);
    let profile = cloud.reference("dns_provider_ref").and_then(|uuid| world.get("ipamdnsproviderprofile", uuid));
    let Some(profile) = profile else { return };
    let label = format!("IpamDnsProviderProfile {}", profile.name);
    let profile = Message::root(&label, profile.fields);
    if profile.text("type") != Some("IPAMDNS_TYPE_INTERNAL_DNS") {
        return;
    }
    let virtual_services = owners(object.uuid, world);
    if virtual_services.is_empty() {
        return;
    }
    let domains = domains(&profile.message("internal_profile"), problems);
    let addresses = addresses(&vs_vip, problems);
    for info in vs_vip.messages("dns_info") {
        let name = match info.domain("fqdn") {
            None => continue,
            Some(Ok(name)) => name,
            Some(Err(problem)) => {
                problems.push(problem);
                continue;
            }
        };
        // The closest of the domains that hold the name.
        let domain = domains.iter().filter(|domain| name.is_within(&domain.name));
        let Some(domain) = domain.max_by_key(|domain| domain.name.labels().count()) else {
            problems.push(info.problem("fqdn", format!("`{name}` is in no domain of the cloud; not published")));
            continue;
        };
        let data = match info.message("cname").domain("cname") {
            Some(Ok(target)) => RecordData::Name(target),
            Some(Err(problem)) => {
                problems.push(problem);
                continue;
            }
            None if addresses.is_empty() => continue,
            None => RecordData::Addresses(addresses.clone()),
        };
        let seconds = info.number("ttl").unwrap_or(domain.ttl);
        let ttl = match Ttl::try_from(seconds) {
            Ok(ttl) => ttl,
            Err(error) => {
                problems.push(info.problem("ttl", format!("{error}; not published")));
                continue;
            }
        };
        found.push(Registration {
            name,
            data,
            ttl,
            addresses_max: info.number("num_records_in_response").and_then(|n| u8::try_from(n).ok()),
            order: match info.text("algorithm") {
                Some("DNS_RECORD_RESPONSE_ROUND_ROBIN") => RecordOrder::RoundRobin,
                _ => RecordOrder::ConsistentHash,
            },
            vs_vip: object.uuid.to_owned(),
            virtual_services: virtual_services.clone(),
            only_while_up: cloud.flag("state_based_dns_registration", true),
        });
    }
}

/// The enabled virtual services on a VsVip.
fn owners(vs_vip: &str, world: &World<'_>) -> BTreeSet<String> {
    let services = world.of("virtualservice").filter(|service| {
        let fields = Message::root("", service.fields);
        fields.reference("vsvip_ref") == Some(vs_vip) && fields.flag("enabled", true)
    });
    services.map(|service| service.uuid.to_owned()).collect()
}

fn domains(profile: &Message<'_>, problems: &mut Vec<Problem>) -> Vec<Domain> {
    let ttl = profile.number("ttl").unwrap_or(TTL_S);
    let mut domains = Vec::new();
    for entry in profile.messages("dns_service_domain") {
        match entry.domain("domain_name") {
            Some(Ok(name)) => domains.push(Domain { name, ttl: entry.number("record_ttl").unwrap_or(ttl) }),
            Some(Err(problem)) => problems.push(problem),
            None => {}
        }
    }
    domains
}

/// Addresses that clients reach: a floating one in place of the one it leads to.
fn addresses(vs_vip: &Message<'_>, problems: &mut Vec<Problem>) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = Vec::new();
    for vip in vs_vip.messages("vip").iter().filter(|vip| vip.flag("enabled", true)) {
        let v4 = vip.address("floating_ip").or_else(|| vip.address("ip_address"));
        for address in [v4, vip.address("ip6_address")].into_iter().flatten() {
            match address {
                Ok(address) if found.contains(&address) => {}
                Ok(address) => found.push(address),
                Err(problem) => problems.push(problem),
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn registered(change: impl FnOnce(&mut Value)) -> (Vec<Registration>, Vec<Problem>) {
        let mut objects = json!({
            "cloud": {"cloud-1": {"dns_provider_ref": "/api/ipamdnsproviderprofile/dns"}},
            "ipamdnsproviderprofile": {"dns": {"type": "IPAMDNS_TYPE_INTERNAL_DNS", "internal_profile": {"ttl": 60,
                "dns_service_domain": [{"domain_name": "example.com"}, {"domain_name": "fast.example.com", "record_ttl": 5}]}}},
            "vsvip": {"vsvip-1": {"cloud_ref": "/api/cloud/cloud-1",
                "vip": [{"vip_id": "0", "ip_address": {"addr": "192.0.2.1"}, "ip6_address": {"addr": "2001:db8::1"}}],
                "dns_info": [{"fqdn": "App.example.com"}]}},
            "virtualservice": {"vs-1": {"vsvip_ref": "/api/vsvip/vsvip-1", "enabled": true}},
        });
        change(&mut objects);
        let kinds = objects.as_object().unwrap().iter();
        let objects = kinds.flat_map(|(kind, of_kind)| {
            of_kind.as_object().unwrap().iter().map(move |(uuid, fields)| Object {
                kind,
                uuid,
                name: uuid,
                tenant: "admin",
                modified_us: 0,
                revision: 1,
                fields: fields.as_object().unwrap(),
            })
        });
        registrations(objects)
    }

    /// The one record, without problems.
    #[track_caller]
    fn one(change: impl FnOnce(&mut Value)) -> Registration {
        let (mut found, problems) = registered(change);
        assert_eq!((problems, found.len()), (vec![], 1));
        found.remove(0)
    }

    #[track_caller]
    fn none(change: impl FnOnce(&mut Value), problems_expected: usize) {
        let (found, problems) = registered(change);
        assert_eq!((found, problems.len()), (vec![], problems_expected));
    }

    #[test]
    fn a_name_has_the_addresses_of_its_vsvip() {
        let record = one(|_| {});
        assert_eq!(record.name.as_str(), "app.example.com");
        let addresses = ["192.0.2.1", "2001:db8::1"].map(|text| text.parse().unwrap());
        assert_eq!(record.data, RecordData::Addresses(addresses.to_vec()));
        assert_eq!((record.ttl.get(), record.addresses_max, record.order), (60, None, RecordOrder::ConsistentHash));
        let floating = one(|w| w["vsvip"]["vsvip-1"]["vip"][0]["floating_ip"] = json!({"addr": "203.0.113.1"}));
        let addresses = ["203.0.113.1", "2001:db8::1"].map(|text| text.parse().unwrap());
        assert_eq!(floating.data, RecordData::Addresses(addresses.to_vec()));
        let cname = one(|w| w["vsvip"]["vsvip-1"]["dns_info"][0]["cname"] = json!({"cname": "else.example.net"}));
        assert_eq!(cname.data, RecordData::Name(DomainName::parse("else.example.net").unwrap()));
    }

    #[test]
    fn the_closest_word_on_the_ttl_counts() {
        let info = |w: &mut Value, fqdn: &str, ttl: Value| {
            w["vsvip"]["vsvip-1"]["dns_info"][0] = json!({"fqdn": fqdn, "ttl": ttl});
        };
        assert_eq!(one(|w| info(w, "a.fast.example.com", Value::Null)).ttl.get(), 5);
        assert_eq!(one(|w| info(w, "a.fast.example.com", json!(7))).ttl.get(), 7);
        let silent = one(|w| {
            w["ipamdnsproviderprofile"]["dns"]["internal_profile"] =
                json!({"dns_service_domain": [{"domain_name": "example.com"}]});
        });
        assert_eq!(silent.ttl.get(), 30);
    }

    #[test]
    fn what_has_no_place_or_no_owner_is_not_published() {
        none(|w| w["cloud"]["cloud-1"] = json!({}), 0);
        none(|w| w["ipamdnsproviderprofile"]["dns"]["type"] = json!("IPAMDNS_TYPE_AWS_DNS"), 0);
        none(|w| w["virtualservice"] = json!({}), 0);
        none(|w| w["virtualservice"]["vs-1"]["enabled"] = json!(false), 0);
        none(|w| w["vsvip"]["vsvip-1"]["vip"][0]["enabled"] = json!(false), 0);
        none(|w| w["vsvip"]["vsvip-1"]["dns_info"][0]["fqdn"] = json!("app.example.net"), 1);
        none(|w| w["vsvip"]["vsvip-1"]["dns_info"][0]["fqdn"] = json!("not a name"), 1);
    }

    #[test]
    fn a_record_is_there_while_one_owner_is_up_or_always() {
        let two = |state_based: bool| {
            one(move |w| {
                w["virtualservice"]["vs-2"] = json!({"vsvip_ref": "/api/vsvip/vsvip-1"});
                w["cloud"]["cloud-1"]["state_based_dns_registration"] = json!(state_based);
            })
        };
        assert_eq!(two(true).virtual_services.len(), 2);
        assert!(two(true).is_published(|uuid| uuid == "vs-2"));
        assert!(!two(true).is_published(|_| false));
        assert!(two(false).is_published(|_| false));
    }

    #[test]
    fn several_vsvips_may_have_one_name() {
        let (found, problems) = registered(|w| {
            w["vsvip"]["vsvip-0"] = w["vsvip"]["vsvip-1"].clone();
            w["virtualservice"]["vs-0"] = json!({"vsvip_ref": "/api/vsvip/vsvip-0"});
        });
        assert_eq!(problems, []);
        let owners: Vec<_> = found.iter().map(|record| record.vs_vip.as_str()).collect();
        assert_eq!(owners, ["vsvip-0", "vsvip-1"]);
    }
}
