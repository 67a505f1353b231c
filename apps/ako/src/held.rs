//! What the controller has of ours.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ako_translate::{ObjectKey, ObjectType, Published, Site, UnitName, VipAddress};
use serde_json::Value;

use crate::plan::Wanted;

/// An object that the controller has.
#[derive(Debug, Clone)]
pub(crate) struct HeldObject {
    pub(crate) uuid: String,
    /// As it carries it, or as it is computed where it carries none; `None`: not ours as it is, so it is written anew.
    pub(crate) checksum: Option<u32>,
    /// UUIDs of all that it refers to.
    pub(crate) references: Vec<String>,
    /// Addresses, of a VsVip that has some.
    pub(crate) addresses: Vec<VipAddress>,
    /// What it is known to be equal to; `None` after a start.
    pub(crate) sent: Option<Wanted>,
    /// What it belongs to, as far as this process knows.
    pub(crate) unit: Option<UnitName>,
}

/// Objects of ours, and what of them is written back to the cluster.
#[derive(Debug, Default)]
pub(crate) struct Held {
    objects: BTreeMap<ObjectKey, HeldObject>,
    published: Published,
}

impl Held {
    pub(crate) fn new(cluster_uuid: String) -> Self {
        Self { objects: BTreeMap::new(), published: Published { cluster_uuid, ..Published::default() } }
    }

    pub(crate) fn published(&self) -> &Published {
        &self.published
    }

    pub(crate) fn get(&self, key: &ObjectKey) -> Option<&HeldObject> {
        self.objects.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &ObjectKey) -> Option<&mut HeldObject> {
        self.objects.get_mut(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ObjectKey, &HeldObject)> {
        self.objects.iter()
    }

    pub(crate) fn insert(&mut self, key: ObjectKey, object: HeldObject) {
        let name = (key.tenant.clone(), key.name.clone());
        match key.kind {
            ObjectType::VsVip if object.addresses.is_empty() => drop(self.published.vips.remove(&name)),
            ObjectType::VsVip => drop(self.published.vips.insert(name, object.addresses.clone())),
            ObjectType::VirtualService | ObjectType::ChildVirtualService => {
                self.published.virtual_services.insert(name, object.uuid.clone());
            }
            _ => {}
        }
        self.objects.insert(key, object);
    }

    pub(crate) fn remove(&mut self, key: &ObjectKey) {
        let name = (key.tenant.clone(), key.name.clone());
        match key.kind {
            ObjectType::VsVip => drop(self.published.vips.remove(&name)),
            ObjectType::VirtualService | ObjectType::ChildVirtualService => {
                drop(self.published.virtual_services.remove(&name));
            }
            _ => {}
        }
        self.objects.remove(key);
    }

    /// Takes over what an earlier reading knew of objects that are still the same.
    pub(crate) fn remember(&mut self, before: &Self) {
        for (key, object) in &mut self.objects {
            if let Some(known) = before.objects.get(key).filter(|known| known.uuid == object.uuid) {
                object.unit.clone_from(&known.unit);
                if known.checksum == object.checksum {
                    object.sent.clone_from(&known.sent);
                }
            }
        }
    }

    /// Forgets what objects are equal to: their bodies are others by now, though what they say is the same.
    pub(crate) fn doubt(&mut self) {
        self.objects.values_mut().for_each(|object| object.sent = None);
    }

    /// Whether every VIP has an address.
    pub(crate) fn has_all_addresses(&self) -> bool {
        self.objects.iter().all(|(key, object)| key.kind != ObjectType::VsVip || !object.addresses.is_empty())
    }
}

impl HeldObject {
    /// From the controller's answer to a write of `wanted`; `None` without a UUID.
    pub(crate) fn written(answer: &Value, wanted: &Wanted, unit: Option<&UnitName>, site: &Site) -> Option<Self> {
        Some(Self {
            uuid: answer["uuid"].as_str()?.to_owned(),
            checksum: Some(wanted.object().checksum(site)),
            references: references(answer),
            addresses: addresses(answer),
            sent: Some(wanted.clone()),
            unit: unit.cloned(),
        })
    }
}

/// An object as the controller lists it, when it is one of ours.
pub(crate) fn listed(path: &str, body: &Value, site: &Site) -> Option<(ObjectKey, HeldObject)> {
    let kind = ObjectType::of_listed(path, body).filter(|kind| site.owns(*kind, body))?;
    let name = body["name"].as_str().filter(|name| !name.is_empty())?.to_owned();
    let tenant =
        body["tenant_ref"].as_str().map_or_else(|| site.settings.tenant.clone(), |text| named(text).to_owned());
    let object = HeldObject {
        uuid: body["uuid"].as_str()?.to_owned(),
        checksum: kind.checksum_of_listed(body),
        references: references(body),
        addresses: addresses(body),
        sent: None,
        unit: None,
    };
    Some((ObjectKey { kind, tenant, name }, object))
}

/// Name in a reference: what follows `#`, else the last segment.
pub(crate) fn named(reference: &str) -> &str {
    match reference.rsplit_once('#').or_else(|| reference.rsplit_once("?name=")) {
        Some((_, name)) => name,
        None => reference.trim_end_matches('/').rsplit('/').next().unwrap_or_default(),
    }
}

/// UUID in a reference: `pool-…` of `https://host/api/pool/pool-…#name`.
pub(crate) fn uuid_of(reference: &str) -> &str {
    let reference = reference.split(['#', '?']).next().unwrap_or_default();
    reference.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

/// UUIDs in all fields of a body that hold references.
fn references(body: &Value) -> Vec<String> {
    fn collect(value: &Value, is_reference: bool, found: &mut Vec<String>) {
        match value {
            Value::String(text) if is_reference => found.push(uuid_of(text).to_owned()),
            Value::Array(values) => values.iter().for_each(|value| collect(value, is_reference, found)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    collect(value, name.ends_with("_ref") || name.ends_with("_refs"), found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(body, false, &mut found);
    found
}

/// Addresses of a VsVip (ako 9.7).
fn addresses(body: &Value) -> Vec<VipAddress> {
    let address = |vip: &Value, field: &str| vip[field]["addr"].as_str().and_then(|text| text.parse::<IpAddr>().ok());
    let vips = body["vip"].as_array().into_iter().flatten();
    let vips = vips.map(|vip| VipAddress {
        v4: address(vip, "ip_address"),
        v6: address(vip, "ip6_address"),
        floating: address(vip, "floating_ip"),
    });
    vips.filter(|vip| *vip != VipAddress::default()).collect()
}
