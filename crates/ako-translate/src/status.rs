//! What is to be written back into Ingresses and Services (ako 3.11, 4.8, 10.1, 10.2).
//!
//! Compared with what is there now, so nothing is written when nothing differs. An object that is not served (any more)
//! loses what is ours: entries of hosts that its annotation says we served, and the annotations. Entries of others stay.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use crate::index::Index;
use crate::namespace::{TENANT, annotation};
use crate::{NamespacedName, Outcome, Source};

/// Annotation with the virtual service of each host, as a JSON object.
const VS_UUID_MAP: &str = "ako.vmware.com/host-fqdn-vs-uuid-map";

/// Annotation with the UUID of the controller's cluster.
const CLUSTER_UUID: &str = "ako.vmware.com/controller-cluster-uuid";

/// What the controller says of the objects it holds, by tenant and name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// Addresses of each VsVip; one that has none yet is not here.
    pub vips: BTreeMap<(String, String), Vec<VipAddress>>,
    /// UUID of each virtual service.
    pub virtual_services: BTreeMap<(String, String), String>,
    /// UUID of the controller's cluster.
    pub cluster_uuid: String,
}

/// Addresses of a VIP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VipAddress {
    /// IPv4.
    pub v4: Option<IpAddr>,
    /// IPv6.
    pub v6: Option<IpAddr>,
    /// Public address; shown in place of the others.
    pub floating: Option<IpAddr>,
}

/// An entry of `status.loadBalancer.ingress`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// `hostname`.
    pub host: Option<String>,
    /// `ip`.
    pub ip: Option<String>,
}

/// What is to be written back into an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusPatch {
    /// The object.
    pub object: Source,
    /// All entries that it should have; `None`: those that it has are right.
    pub entries: Option<Vec<Entry>>,
    /// Annotations to set, or with `None` to remove.
    pub annotations: BTreeMap<String, Option<String>>,
}

/// What an object should show.
#[derive(Default)]
struct Shown {
    entries: Vec<Entry>,
    /// Virtual service of each host.
    uuids: BTreeMap<String, String>,
    tenant: String,
}

/// Everything that has to be written back, by object. Services of type LoadBalancer are left alone where
/// `layer7Only` is set.
#[must_use]
pub fn status_patches(index: &Index, outcome: &Outcome, published: &Published) -> Vec<StatusPatch> {
    let mut patches = Vec::new();
    for (name, ingress) in &index.ingresses {
        let there = ingress.status.as_ref().and_then(|status| status.load_balancer.as_ref());
        let there = there.and_then(|status| status.ingress.as_ref()).into_iter().flatten();
        let there = there.map(|entry| Entry { host: entry.hostname.clone(), ip: entry.ip.clone() }).collect();
        let shown = shown_of_ingress(name, outcome, published);
        let object = Source::Ingress(name.clone());
        patches.extend(patch(object, &ingress.metadata, there, shown, &published.cluster_uuid));
    }
    if outcome.desired.site.settings.layer7_only {
        return patches;
    }
    for (name, service) in &index.services {
        let there = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
        let there = there.and_then(|status| status.ingress.as_ref()).into_iter().flatten();
        let there = there.map(|entry| Entry { host: entry.hostname.clone(), ip: entry.ip.clone() }).collect();
        let shown = shown_of_service(name, outcome, published);
        let object = Source::Service(name.clone());
        patches.extend(patch(object, &service.metadata, there, shown, &published.cluster_uuid));
    }
    patches
}

impl StatusPatch {
    /// `status` as a merge patch; `None` when it need not be written.
    #[must_use]
    pub fn status(&self) -> Option<Value> {
        let entries = self.entries.as_ref()?;
        if entries.is_empty() {
            return Some(json!({"loadBalancer": {"ingress": null}}));
        }
        let entries: Vec<Value> = entries
            .iter()
            .map(|entry| {
                let mut value = json!({});
                if let Some(ip) = &entry.ip {
                    value["ip"] = ip.as_str().into();
                }
                if let Some(host) = &entry.host {
                    value["hostname"] = host.as_str().into();
                }
                value
            })
            .collect();
        Some(json!({"loadBalancer": {"ingress": entries}}))
    }
}

/// `None` when nothing of it is served. A host shows once its child and its VIP are there.
fn shown_of_ingress(name: &NamespacedName, outcome: &Outcome, published: &Published) -> Option<Shown> {
    let served = outcome.ingresses.get(name)?;
    let names = &outcome.desired.site.names;
    let mut shown = Shown::default();
    for host in served {
        shown.tenant.clone_from(&host.tenant);
        let child = published.virtual_services.get(&(host.tenant.clone(), names.host(&host.host)));
        let vips = published.vips.get(&(host.tenant.clone(), names.parent(host.shard)));
        if let (true, Some(child), Some(vips)) = (host.is_shown, child, vips) {
            shown.uuids.insert(host.host.clone(), child.clone());
            shown.entries.extend(entries(vips, Some(&host.host)));
        }
    }
    Some(shown)
}

fn shown_of_service(name: &NamespacedName, outcome: &Outcome, published: &Published) -> Option<Shown> {
    let served = outcome.services.get(name)?;
    let mut shown = Shown { tenant: served.tenant.clone(), ..Shown::default() };
    let key = (served.tenant.clone(), served.name.clone());
    if let (Some(uuid), Some(vips)) = (published.virtual_services.get(&key), published.vips.get(&key)) {
        shown.entries = entries(vips, served.fqdn.as_ref());
        shown.uuids.extend(served.fqdn.iter().map(|fqdn| (fqdn.clone(), uuid.clone())));
    }
    Some(shown)
}

/// Floating addresses if there are any, else IPv4, then IPv6.
fn entries(vips: &[VipAddress], host: Option<&String>) -> Vec<Entry> {
    let entry = |address: IpAddr| Entry { host: host.cloned(), ip: Some(address.to_string()) };
    let floating: Vec<Entry> = vips.iter().filter_map(|vip| vip.floating).map(entry).collect();
    if floating.is_empty() {
        vips.iter().flat_map(|vip| [vip.v4, vip.v6].into_iter().flatten()).map(entry).collect()
    } else {
        floating
    }
}

/// The difference between what is there and what should be.
fn patch(
    object: Source,
    metadata: &ObjectMeta,
    there: Vec<Entry>,
    shown: Option<Shown>,
    cluster_uuid: &str,
) -> Option<StatusPatch> {
    let marked = annotation(metadata, VS_UUID_MAP);
    let wanted = match shown {
        Some(shown) => shown,
        // Never ours, or already cleaned.
        None if marked.is_none() => return None,
        None => {
            let ours: BTreeMap<String, Value> = serde_json::from_str(marked?).unwrap_or_default();
            let is_ours = |entry: &&Entry| entry.host.as_ref().is_some_and(|host| ours.contains_key(host));
            Shown { entries: there.iter().filter(|entry| !is_ours(entry)).cloned().collect(), ..Shown::default() }
        }
    };
    let annotations = annotations(metadata, &wanted, marked.is_some(), cluster_uuid);
    let sorted = |entries: &[Entry]| {
        let mut entries = entries.to_vec();
        entries.sort_unstable();
        entries
    };
    let entries = (sorted(&wanted.entries) != sorted(&there)).then_some(wanted.entries);
    (entries.is_some() || !annotations.is_empty()).then_some(StatusPatch { object, entries, annotations })
}

/// Annotations that differ. While an object shows no host and never did, they are not ours to remove.
fn annotations(
    metadata: &ObjectMeta,
    wanted: &Shown,
    was_marked: bool,
    cluster_uuid: &str,
) -> BTreeMap<String, Option<String>> {
    let is_marked = !wanted.uuids.is_empty();
    if !is_marked && !was_marked {
        return BTreeMap::new();
    }
    let values = [
        (VS_UUID_MAP, is_marked.then(|| json!(wanted.uuids).to_string())),
        (CLUSTER_UUID, is_marked.then(|| cluster_uuid.to_owned())),
        (TENANT, is_marked.then(|| wanted.tenant.clone())),
    ];
    // A UUID that is not known yet is no reason to remove one that was.
    let is_known = |(key, _): &(&str, Option<String>)| *key != CLUSTER_UUID || !is_marked || !cluster_uuid.is_empty();
    let differing =
        values.into_iter().filter(is_known).filter(|(key, value)| annotation(metadata, key) != value.as_deref());
    differing.map(|(key, value)| (key.to_owned(), value)).collect()
}
