//! Where one VIP is: the address it keeps, gets or was given (avi-api 4.2).

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{addresses_of, is_allocated};
use crate::defaults::join;
use crate::error::WriteError;
use crate::ipam::{self, Family, Prefix, Wanted};
use crate::object::Object;
use crate::projection::Projection;
use crate::reference;
use crate::rules::Draft;

/// What the VIPs of one VsVip have in common.
pub(super) struct Placing<'a> {
    projection: &'a Projection,
    holder: String,
    vrf: String,
    cloud: String,
    labels: Vec<(String, Option<String>)>,
    attempt: u32,
    /// Addresses given or kept, which the next allocation must not give again.
    spoken_for: Vec<IpAddr>,
    /// What allocations relied on.
    pub(super) relied_on: Vec<Arc<Object>>,
}

/// The members of a VIP that belong to a family.
struct Members {
    family: Family,
    address: &'static str,
    subnet: &'static str,
}

const V4: Members = Members { family: Family::V4, address: "ip_address", subnet: "subnet" };
const V6: Members = Members { family: Family::V6, address: "ip6_address", subnet: "subnet6" };

impl<'a> Placing<'a> {
    pub(super) fn new(draft: &Draft<'a>, vips: &[Value]) -> Result<Self, WriteError> {
        let body = &draft.object.body;
        let uuid = |field: &str| {
            let stored = body.get(field).and_then(Value::as_str).and_then(reference::parse_stored);
            stored.map(|(_, uuid)| uuid.to_owned())
        };
        let labels = body.get("ipam_selector").and_then(|selector| selector.get("labels")?.as_array());
        let labels = labels.into_iter().flatten().filter_map(|label| {
            let text = |name: &str| label.get(name).and_then(Value::as_str).map(str::to_owned);
            Some((text("key")?, text("value")))
        });
        Ok(Self {
            projection: draft.projection,
            holder: draft.object.uuid.clone(),
            vrf: uuid("vrf_context_ref").ok_or(WriteError::NotFound("VrfContext"))?,
            cloud: uuid("cloud_ref").ok_or(WriteError::NotFound("Cloud"))?,
            labels: labels.collect(),
            attempt: draft.context.attempt,
            spoken_for: vips.iter().flat_map(addresses_of).collect(),
            relied_on: Vec::new(),
        })
    }

    /// Settles the addresses of a VIP that was `old` before.
    pub(super) fn place(
        &mut self,
        vip: &mut Map<String, Value>,
        old: Option<&Value>,
        at: &str,
    ) -> Result<(), WriteError> {
        for members in [&V4, &V6] {
            check_family(vip, members, at)?;
        }
        let kept = old.filter(|old| is_allocated(old));
        if let Some(old) = kept {
            check_unmoved(vip, old, at)?;
        }
        let is_automatic = vip.get("auto_allocate_ip").and_then(Value::as_bool) == Some(true);
        if is_automatic {
            self.allocate(vip, kept, at)?;
        } else if !vip.contains_key("ip_address") && !vip.contains_key("ip6_address") {
            return Err(WriteError::Required(join(at, "ip_address")));
        }
        vip.insert("avi_allocated_vip".to_owned(), Value::Bool(is_automatic));
        self.discover(vip);
        Ok(())
    }

    fn allocate(&mut self, vip: &mut Map<String, Value>, kept: Option<&Value>, at: &str) -> Result<(), WriteError> {
        let families: &[&Members] = match vip.get("auto_allocate_ip_type").and_then(Value::as_str) {
            Some("V6_ONLY") => &[&V6],
            Some("V4_V6") => &[&V4, &V6],
            _ => &[&V4],
        };
        let place = vip.get("ipam_network_subnet").cloned().unwrap_or_else(|| json!({}));
        let place = match (kept, place) {
            (Some(old), given) => merged(old.get("ipam_network_subnet"), given),
            (None, given) => given,
        };
        let mut place = place.as_object().cloned().unwrap_or_default();
        for members in families {
            let held = kept.and_then(|old| old.get(members.address));
            if let Some(held) = held {
                vip.insert(members.address.to_owned(), held.clone());
                if let Some(subnet) = kept.and_then(|old| old.get(members.subnet)) {
                    vip.insert(members.subnet.to_owned(), subnet.clone());
                }
                continue;
            }
            let found = self.find(vip, members, &place, at)?;
            self.spoken_for.push(found.address);
            self.relied_on.extend(found.relied_on);
            vip.insert(members.address.to_owned(), ipam_addr(found.address));
            vip.insert(members.subnet.to_owned(), found.prefix.to_value());
            place.insert("network_ref".to_owned(), Value::from(found.network.reference()));
            place.insert(members.subnet.to_owned(), found.prefix.to_value());
        }
        vip.insert("ipam_network_subnet".to_owned(), Value::Object(place));
        Ok(())
    }

    fn find(
        &self,
        vip: &Map<String, Value>,
        members: &Members,
        place: &Map<String, Value>,
        at: &str,
    ) -> Result<ipam::Found, WriteError> {
        let network = place.get("network_ref").and_then(Value::as_str).and_then(reference::parse_stored);
        let subnet = match place.get(members.subnet) {
            None => None,
            Some(given) => match Prefix::parse(given).filter(|prefix| prefix.family() == members.family) {
                Some(prefix) => Some(prefix),
                None => {
                    let at = join(&join(at, "ipam_network_subnet"), members.subnet);
                    return Err(WriteError::invalid(at, format!("is no {} subnet", members.family)));
                }
            },
        };
        ipam::find(
            self.projection,
            &Wanted {
                family: members.family,
                vrf: &self.vrf,
                cloud: &self.cloud,
                network: network.map(|(_, uuid)| uuid),
                subnet,
                preferred: address_in(vip, members),
                labels: &self.labels,
                holder: &self.holder,
                spoken_for: &self.spoken_for,
                attempt: self.attempt,
            },
        )
    }

    /// Names the networks that have an address of the VIP.
    fn discover(&self, vip: &mut Map<String, Value>) {
        let mut discovered: Vec<Value> = Vec::new();
        for members in [&V4, &V6] {
            let Some(address) = address_in(vip, members) else { continue };
            for (network, prefix) in ipam::networks_of(self.projection, address, &self.vrf) {
                let reference = Value::from(network.reference());
                match discovered.iter_mut().find(|known| known.get("network_ref") == Some(&reference)) {
                    Some(known) => known[members.subnet] = json!([prefix.to_value()]),
                    None => {
                        let mut new = json!({"network_ref": reference});
                        new[members.subnet] = json!([prefix.to_value()]);
                        discovered.push(new);
                    }
                }
            }
        }
        if discovered.is_empty() {
            vip.shift_remove("discovered_networks");
        } else {
            vip.insert("discovered_networks".to_owned(), Value::Array(discovered));
        }
    }
}

/// Refuses an address that is none, or of the other family.
fn check_family(vip: &Map<String, Value>, members: &Members, at: &str) -> Result<(), WriteError> {
    let Some(given) = vip.get(members.address) else { return Ok(()) };
    let text = given.get("addr").and_then(Value::as_str).unwrap_or_default();
    match text.parse::<IpAddr>() {
        Ok(address) if Family::of(address) == members.family => Ok(()),
        _ => Err(WriteError::invalid(join(at, members.address), format!("'{text}' is no {} address", members.family))),
    }
}

/// Refuses to move an allocated VIP to another address, network or subnet.
fn check_unmoved(vip: &Map<String, Value>, old: &Value, at: &str) -> Result<(), WriteError> {
    for members in [&V4, &V6] {
        let held = old.get(members.address).and_then(|held| held.get("addr"));
        let given = vip.get(members.address).and_then(|given| given.get("addr"));
        if given.is_some() && held.is_some() && parsed(given) != parsed(held) {
            return Err(WriteError::PreferredAddress);
        }
    }
    let (Some(given), Some(held)) = (vip.get("ipam_network_subnet"), old.get("ipam_network_subnet")) else {
        return Ok(());
    };
    let moves = |name: &str, same: fn(&Value, &Value) -> bool| {
        given.get(name).zip(held.get(name)).is_some_and(|(given, held)| !same(given, held))
    };
    let same_subnet = |a: &Value, b: &Value| Prefix::parse(a) == Prefix::parse(b);
    if moves("network_ref", |a, b| a == b) || moves("subnet", same_subnet) || moves("subnet6", same_subnet) {
        let problem = "the address was allocated there: recreate the VIP to move it";
        return Err(WriteError::invalid(join(at, "ipam_network_subnet"), problem));
    }
    Ok(())
}

fn parsed(address: Option<&Value>) -> Option<IpAddr> {
    address?.as_str()?.parse().ok()
}

fn address_in(vip: &Map<String, Value>, members: &Members) -> Option<IpAddr> {
    vip.get(members.address)?.get("addr")?.as_str()?.parse().ok()
}

fn ipam_addr(address: IpAddr) -> Value {
    let kind = if address.is_ipv4() { "V4" } else { "V6" };
    json!({"addr": address.to_string(), "type": kind})
}

/// What is stored, overlaid with what is given.
fn merged(stored: Option<&Value>, given: Value) -> Value {
    let mut merged = stored.and_then(Value::as_object).cloned().unwrap_or_default();
    if let Value::Object(given) = given {
        merged.extend(given);
    }
    Value::Object(merged)
}
