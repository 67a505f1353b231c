//! Members that the controller has, and whose object cannot be read at present.
//!
//! After a start, a cluster that does not answer looks like a cluster without objects. What the controller holds for it
//! is read back from its services instead, and translated like everything else, so that weights still follow the policy
//! and nothing is taken away on the strength of silence. The same keeps members of kinds that this release does not read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

use crate::host_rule::effective;
use crate::monitor;
use crate::{Candidate, HostRule, Identifiers, Index, ObjectName, ObjectRef, Policy, Protocol, Split, Traffic};

/// A service as the controller has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedService {
    /// Tenant and name.
    pub name: ObjectName,
    /// Objects of its description, in order; entries that cannot be read are left out.
    pub objects: Vec<ObjectRef>,
    /// Members of all pools, in order.
    pub members: Vec<PublishedMember>,
    /// Number of pools.
    pub pools: usize,
    /// Names it answers for.
    pub domain_names: Vec<String>,
    /// Whether it refers to the monitor that all passthrough services share.
    pub is_passthrough: bool,
}

/// A member as the controller has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedMember {
    /// Address.
    pub address: IpAddr,
    /// Ratio, and priority of its pool.
    pub split: Split,
    /// Identifiers, when it has both.
    pub identifiers: Option<Identifiers>,
}

/// What a monitor on the controller probes, and for which service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedMonitor {
    /// Service it was made for: tenant, and name from its description.
    pub service: ObjectName,
    /// What it probes.
    pub traffic: Traffic,
}

/// Whether a member may be that of an object.
type Fits<'a> = dyn Fn(&ObjectRef, &PublishedMember) -> bool + 'a;

/// Members to hold: for each service, those of the objects that nothing is known about. Services and monitors are ours,
/// as they were before anything was written. To be asked anew whenever the index changes.
#[must_use]
pub fn hold(
    services: &[PublishedService],
    monitors: &[PublishedMonitor],
    index: &Index,
    policy: Option<&Policy>,
    rules: &BTreeMap<ObjectName, HostRule>,
) -> Vec<Candidate> {
    let mut held = Vec::new();
    for service in services {
        if !service.objects.iter().any(|object| is_unreadable(index, object)) {
            continue;
        }
        let traffic = service.traffic(monitors);
        let rule = rules.get(&service.name);
        let policy = policy.map(|policy| effective(policy, rule));
        let service = without_third_party(service, rule);
        for (object, member) in attribute(&service, index, policy.as_deref()) {
            held.push(Candidate {
                object: object.clone(),
                host: service.name.name.clone(),
                address: member.address,
                tenant: service.name.tenant.clone(),
                traffic: traffic.clone(),
                identifiers: member.identifiers.clone(),
                is_held: true,
            });
        }
    }
    held
}

/// Whether nothing can be known about an object at present.
pub(crate) fn is_unreadable(index: &Index, object: &ObjectRef) -> bool {
    let Some(key) = object.key() else { return false };
    index.is_unknown(&object.cluster, &key)
}

/// Pairs unreadable objects with members.
///
/// With one pool and as many members as objects, both are in the same order. Otherwise (shared addresses, several
/// pools) members that no readable object explains are dealt out: first to an object whose cluster has that weight and
/// priority, then by priority, then in order, the last object taking what is left over. Rather too much is kept than
/// too little, until the cluster answers.
fn attribute<'a>(
    service: &'a PublishedService,
    index: &Index,
    policy: Option<&Policy>,
) -> Vec<(&'a ObjectRef, &'a PublishedMember)> {
    let unreadable = |object: &&ObjectRef| is_unreadable(index, object);
    if service.pools == 1 && service.objects.len() == service.members.len() {
        return service.objects.iter().zip(&service.members).filter(|(object, _)| unreadable(object)).collect();
    }
    let explained = readable_addresses(service, index, policy);
    let mut members: Vec<_> = service.members.iter().filter(|member| !explained.contains(&member.address)).collect();
    let mut objects: Vec<_> = service.objects.iter().filter(unreadable).collect();
    let last = objects.last().copied();
    let split = |object: &ObjectRef| policy.map(|policy| policy.split_of(&object.cluster));
    let mut pairs = Vec::new();
    let rules: [&Fits<'_>; 3] = [
        &|object, member| split(object) == Some(member.split),
        &|object, member| split(object).is_some_and(|split| split.priority == member.split.priority),
        &|_, _| true,
    ];
    for fits in rules {
        members.retain(|member| match objects.iter().position(|object| fits(object, member)) {
            Some(i) => {
                pairs.push((objects.remove(i), *member));
                false
            }
            None => true,
        });
    }
    pairs.extend(members.into_iter().filter_map(|member| Some((last?, member))));
    pairs
}

fn readable_addresses(service: &PublishedService, index: &Index, policy: Option<&Policy>) -> Vec<IpAddr> {
    let readable = service.objects.iter().filter(|object| !is_unreadable(index, object));
    readable.flat_map(|object| crate::selection::addresses(index, object, policy)).collect()
}

/// The service without the members that its rule names, which no object stands behind.
fn without_third_party<'a>(service: &'a PublishedService, rule: Option<&HostRule>) -> Cow<'a, PublishedService> {
    let third_party = rule.map_or(&[][..], |rule| &rule.third_party);
    let is_third_party = |member: &PublishedMember| third_party.iter().any(|party| party.vip == member.address);
    if !service.members.iter().any(is_third_party) {
        return Cow::Borrowed(service);
    }
    let mut service = service.clone();
    service.members.retain(|member| !is_third_party(member));
    Cow::Owned(service)
}

/// What the service's monitors probe; an HTTP request for `/` when it has none of ours.
fn standing_traffic(service: &ObjectName, monitors: &[PublishedMonitor]) -> Traffic {
    let mut all_paths: Vec<String> = Vec::new();
    let mut any_tls = false;
    let mut port = None;
    for monitor in monitors.iter().filter(|monitor| monitor.service == *service) {
        match &monitor.traffic {
            Traffic::Paths { paths, tls } => {
                any_tls |= tls;
                all_paths.extend(paths.iter().cloned());
            }
            Traffic::Port { .. } | Traffic::Passthrough => port = Some(monitor.traffic.clone()),
        }
    }
    match port {
        Some(port) if all_paths.is_empty() => port,
        _ => {
            if all_paths.is_empty() {
                all_paths.push("/".to_owned());
            }
            Traffic::Paths { paths: all_paths, tls: any_tls }
        }
    }
}

impl PublishedService {
    /// Reads a `gslbservice` of a given tenant. What is missing or malformed is left out.
    #[must_use]
    pub fn from_body(tenant: &str, body: &Value) -> Self {
        let description = body["description"].as_str().unwrap_or_default();
        let groups = body["groups"].as_array().map(Vec::as_slice).unwrap_or_default();
        let members = groups.iter().flat_map(|group| {
            let priority = number(group, "priority").unwrap_or(Split::default().priority);
            let members = group["members"].as_array().into_iter().flatten();
            members.filter_map(move |member| published_member(member, priority))
        });
        Self {
            name: ObjectName { tenant: tenant.to_owned(), name: body["name"].as_str().unwrap_or_default().to_owned() },
            objects: description.split(',').filter_map(|entry| entry.parse().ok()).collect(),
            members: members.collect(),
            pools: groups.len(),
            domain_names: texts(&body["domain_names"]).map(str::to_owned).collect(),
            is_passthrough: texts(&body["health_monitor_refs"]).any(refers_to_shared),
        }
    }

    /// What its monitors probe.
    #[must_use]
    pub fn traffic(&self, monitors: &[PublishedMonitor]) -> Traffic {
        if self.is_passthrough { Traffic::Passthrough } else { standing_traffic(&self.name, monitors) }
    }
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// The name is what follows `#` or `name=`.
fn refers_to_shared(reference: &str) -> bool {
    let name =
        reference.rsplit_once('#').or_else(|| reference.rsplit_once("name=")).map_or(reference, |(_, name)| name);
    monitor::is_shared(name)
}

fn published_member(body: &Value, priority: u32) -> Option<PublishedMember> {
    let text = |key: &str| body[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let identifiers = match (text("vs_uuid"), text("cluster_uuid")) {
        (Some(vs_uuid), Some(cluster_uuid)) => Some(Identifiers { vs_uuid, cluster_uuid }),
        _ => None,
    };
    let ratio = number(body, "ratio").unwrap_or(Split::default().ratio);
    let address = body["ip"]["addr"].as_str()?.parse().ok()?;
    Some(PublishedMember { address, split: Split { ratio, priority }, identifiers })
}

fn number(body: &Value, key: &str) -> Option<u32> {
    u32::try_from(body[key].as_u64()?).ok()
}

impl PublishedMonitor {
    /// Reads a `healthmonitor` of a given tenant; `None` when it was not made for one service.
    #[must_use]
    pub fn from_body(tenant: &str, body: &Value) -> Option<Self> {
        let description = body["description"].as_str()?;
        let service = monitor::described_service(description)?;
        let traffic = match monitor::described_path(description) {
            Some((path, tls)) => Traffic::Paths { paths: vec![path.to_owned()], tls },
            None => Traffic::Port {
                port: u16::try_from(body["monitor_port"].as_u64()?).ok()?,
                protocol: if body["type"] == "HEALTH_MONITOR_UDP" { Protocol::Udp } else { Protocol::Tcp },
            },
        };
        Some(Self { service: ObjectName { tenant: tenant.to_owned(), name: service.to_owned() }, traffic })
    }
}
