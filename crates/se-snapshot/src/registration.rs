//! The DNS records that virtual services own: names of their VsVips, in the domains of their cloud (avi-api 4.3, 4.4).
//!
//! Which of them are answered with depends on what engines say of the virtual services; that a name without an owner
//! that is up does not exist is the engine's to say. A name that EVH children take requests for is theirs, not their
//! parent's: it goes with their last server.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use model::dns::{RecordData, RecordOrder, Registration};
use model::{DomainName, Ttl};

use crate::{
    Object, Problem, World,
    field::Message,
    reading::{Made, Reading},
};

/// Seconds, where neither record, domain nor profile says.
const TTL_S: u64 = 30;

/// What was found before, by uuid of the VsVip.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    known: BTreeMap<String, Made<Names>>,
}

/// The records of one VsVip.
#[derive(Debug)]
struct Names {
    /// Uuids of the virtual services on it, and of their children.
    services: Vec<String>,
    found: Vec<Arc<Registration>>,
}

/// A domain of a DNS profile.
struct Domain {
    name: DomainName,
    ttl: u64,
}

/// A virtual service on a VsVip, or a child of one.
struct Owner<'a> {
    uuid: &'a str,
    enabled: bool,
    /// Of a child, its parent, and the hosts that it takes requests for.
    child_of: Option<(&'a str, Vec<String>)>,
}

impl Memo {
    /// The records of all virtual services, by name and VsVip, taken from the memo where nothing changed. A VsVip in a
    /// cloud without DNS profile, or without an enabled virtual service, has none.
    pub(crate) fn follow(self, world: &World<'_>, problems: &mut Vec<Problem>) -> (Self, Vec<Arc<Registration>>) {
        let mut before = self.known;
        let services = services(world);
        let mut memo = Self::default();
        for vs_vip in world.of("vsvip") {
            let none = Vec::new();
            let services = services.get(vs_vip.uuid).unwrap_or(&none);
            let uuids = || services.iter().map(|object| object.uuid);
            let old = before.remove(vs_vip.uuid);
            let made = match old {
                Some(old) if old.is_good(world) && old.value.services.iter().map(String::as_str).eq(uuids()) => old,
                old => {
                    let mut made = Reading::run(world, |reading| Names {
                        services: uuids().map(str::to_owned).collect(),
                        found: of_vs_vip(vs_vip.uuid, services, reading),
                    });
                    if let Some(old) = old {
                        share(&mut made.value.found, &old.value.found);
                    }
                    made
                }
            };
            memo.known.insert(vs_vip.uuid.to_owned(), made);
        }
        problems.extend(memo.known.values().flat_map(|made| &made.problems).cloned());
        let mut found: Vec<_> = memo.known.values().flat_map(|made| &made.value.found).cloned().collect();
        found.sort_by(|a, b| (&a.name, &a.vs_vip).cmp(&(&b.name, &b.vs_vip)));
        (memo, found)
    }
}

/// Those that did not change are those of before.
fn share(found: &mut [Arc<Registration>], before: &[Arc<Registration>]) {
    let before: BTreeMap<_, _> = before.iter().map(|record| (&record.name, record)).collect();
    for record in found {
        if let Some(same) = before.get(&record.name).filter(|before| **before == record) {
            *record = Arc::clone(same);
        }
    }
}

/// By VsVip, the virtual services on it, and their children.
fn services<'a>(world: &World<'a>) -> BTreeMap<&'a str, Vec<Object<'a>>> {
    let vs_vip_of = |object: Object<'a>| Message::root("", object.fields).reference("vsvip_ref");
    let mut found: BTreeMap<&str, Vec<Object<'a>>> = BTreeMap::new();
    for object in world.of("virtualservice") {
        let parent = Message::root("", object.fields).reference("vh_parent_vs_ref");
        let holder = match parent {
            Some(parent) => world.get("virtualservice", parent),
            None => Some(object),
        };
        if let Some(vs_vip) = holder.and_then(vs_vip_of) {
            found.entry(vs_vip).or_default().push(object);
        }
    }
    found
}

fn of_vs_vip<'a>(uuid: &str, services: &[Object<'a>], reading: &mut Reading<'_, 'a>) -> Vec<Arc<Registration>> {
    let owners: Vec<Owner<'_>> = services.iter().map(|object| owner(*object, reading)).collect();
    let Some(object) = reading.get("vsvip", uuid) else { return Vec::new() };
    let label = format!("VsVip {}", object.name);
    let vs_vip = Message::root(&label, object.fields);
    let Some(cloud) = vs_vip.reference("cloud_ref").and_then(|uuid| reading.get("cloud", uuid)) else {
        return Vec::new();
    };
    let label = format!("Cloud {}", cloud.name);
    let cloud = Message::root(&label, cloud.fields);
    let profile = cloud.reference("dns_provider_ref").and_then(|uuid| reading.get("ipamdnsproviderprofile", uuid));
    let Some(profile) = profile else { return Vec::new() };
    let label = format!("IpamDnsProviderProfile {}", profile.name);
    let profile = Message::root(&label, profile.fields);
    let is_on = |owner: &Owner<'_>| owner.enabled && owner.child_of.is_none();
    if profile.text("type") != Some("IPAMDNS_TYPE_INTERNAL_DNS") || !owners.iter().any(is_on) {
        return Vec::new();
    }
    let domains = domains(&profile.message("internal_profile"), reading.problems());
    let addresses = addresses(&vs_vip, reading.problems());
    let always = !cloud.flag("state_based_dns_registration", true);
    let mut found = Vec::new();
    for info in vs_vip.messages("dns_info") {
        match record(&info, &addresses, &domains) {
            Ok(Some((name, data, ttl))) => {
                let virtual_services = owners_of(&name, &owners);
                if virtual_services.is_empty() {
                    continue;
                }
                let addresses_max = info.number("num_records_in_response");
                found.push(Arc::new(Registration {
                    name,
                    data,
                    ttl,
                    addresses_max: addresses_max.and_then(|n| u8::try_from(n).ok()),
                    order: match info.text("algorithm") {
                        Some("DNS_RECORD_RESPONSE_ROUND_ROBIN") => RecordOrder::RoundRobin,
                        _ => RecordOrder::ConsistentHash,
                    },
                    vs_vip: object.uuid.to_owned(),
                    virtual_services,
                    only_while_up: !always,
                }));
            }
            Ok(None) => {}
            Err(problem) => reading.tell(problem),
        }
    }
    found
}

/// Name, data and TTL of an element of `dns_info`; `None` where it has no data.
fn record(
    info: &Message<'_>,
    addresses: &[IpAddr],
    domains: &[Domain],
) -> Result<Option<(DomainName, RecordData, Ttl)>, Problem> {
    let Some(name) = info.domain("fqdn").transpose()? else { return Ok(None) };
    // The closest of the domains that hold the name.
    let domain = domains.iter().filter(|domain| name.is_within(&domain.name));
    let Some(domain) = domain.max_by_key(|domain| domain.name.labels().count()) else {
        return Err(info.problem("fqdn", format!("`{name}` is in no domain of the cloud; not published")));
    };
    let data = match info.message("cname").domain("cname").transpose()? {
        Some(target) => RecordData::Name(target),
        None if addresses.is_empty() => return Ok(None),
        None => RecordData::Addresses(addresses.to_vec()),
    };
    let ttl = Ttl::try_from(info.number("ttl").unwrap_or(domain.ttl));
    let ttl = ttl.map_err(|error| info.problem("ttl", format!("{error}; not published")))?;
    Ok(Some((name, data, ttl)))
}

fn owner<'a>(object: Object<'a>, reading: &mut Reading<'_, 'a>) -> Owner<'a> {
    reading.get("virtualservice", object.uuid);
    let service = Message::root("", object.fields);
    let child_of = service.reference("vh_parent_vs_ref").map(|parent| {
        let entries = service.messages("vh_matches");
        let hosts = entries.iter().filter_map(|entry| entry.text("host")).chain(service.texts("vh_domain_name"));
        (parent, hosts.map(str::to_ascii_lowercase).collect())
    });
    Owner { uuid: object.uuid, enabled: service.flag("enabled", true), child_of }
}

/// Uuids of the enabled virtual services that answer for a name: children that take requests for it in place of their
/// parents, all others whatever the name.
fn owners_of(name: &DomainName, owners: &[Owner<'_>]) -> BTreeSet<String> {
    let takes = |hosts: &[String]| {
        hosts.iter().any(|host| match host.strip_prefix('*') {
            Some(suffix) if suffix.starts_with('.') => name.as_str().ends_with(suffix),
            _ => host == name.as_str(),
        })
    };
    let children = || {
        owners.iter().filter_map(|owner| {
            let (parent, hosts) = owner.child_of.as_ref()?;
            takes(hosts).then_some((*parent, owner))
        })
    };
    let parents: BTreeSet<&str> = children().map(|(parent, _)| parent).collect();
    let is_on = |uuid: &str| owners.iter().any(|owner| owner.uuid == uuid && owner.enabled);
    let of_children = children().filter(|(parent, child)| child.enabled && is_on(parent)).map(|(_, child)| child);
    let others = owners.iter().filter(|owner| owner.enabled && owner.child_of.is_none());
    let others = others.filter(|owner| !parents.contains(owner.uuid));
    of_children.chain(others).map(|owner| owner.uuid.to_owned()).collect()
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
                created_us: 0,
                modified_us: 0,
                revision: 1,
                fields: fields.as_object().unwrap(),
            })
        });
        let mut problems = Vec::new();
        let (_, found) = Memo::default().follow(&World::sort(objects), &mut problems);
        (found.iter().map(|record| Registration::clone(record)).collect(), problems)
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
