//! VsVip: addresses given or allocated, names in the domains of the cloud (avi-api 2.5, 4.2, 4.3).

mod place;

use std::net::IpAddr;

use model::DomainName;
use serde_json::{Map, Value};

use self::place::Placing;
use super::{Claim, Draft, Show, TypeRules};
use crate::error::WriteError;
use crate::object::Object;
use crate::projection::Projection;
use crate::write::guards::Guards;
use crate::{key, reference};

/// `created_by` of a VsVip that the controller made for an address given in a virtual service.
pub(super) const OF_VIRTUAL_SERVICE: &str = "virtualservice";

pub(super) struct VsVip;

impl TypeRules for VsVip {
    fn complete(&self, draft: &mut Draft<'_>) -> Result<(), WriteError> {
        let Some(Value::Array(mut vips)) = draft.object.body.shift_remove("vip") else {
            return match draft.before.map(|before| vips_of(&before.body)) {
                Some(stored) if stored.iter().any(is_allocated) => Err(fixed_list()),
                _ => Ok(()),
            };
        };
        for vip in vips.iter_mut().filter_map(Value::as_object_mut) {
            vip.entry("vip_id").or_insert_with(|| Value::from("0"));
        }
        let stored = draft.before.map(|before| vips_of(&before.body)).unwrap_or_default();
        check_ids(stored, &vips)?;
        let mut placing = Placing::new(draft, &vips)?;
        for (index, vip) in vips.iter_mut().enumerate() {
            let old = stored.iter().find(|old| old.get("vip_id") == vip.get("vip_id"));
            if let Some(vip) = vip.as_object_mut() {
                placing.place(vip, old, &format!("vip[{index}]"))?;
            }
        }
        let relied_on = placing.relied_on;
        draft.relied_on.extend(relied_on);
        draft.object.body.insert("vip".to_owned(), Value::Array(vips));
        Ok(())
    }

    fn check(&self, draft: &Draft<'_>, guards: &mut Guards) -> Result<(), WriteError> {
        let names = names(&draft.object.body)?;
        let cloud = reference::cloud_of(&draft.object).and_then(|uuid| draft.projection.get("cloud", uuid));
        let Some(cloud) = cloud else { return Ok(()) };
        let Some(profile) = dns_profile(draft.projection, cloud) else { return Ok(()) };
        let domains = dns_domains(profile);
        for name in &names {
            if !domains.iter().any(|domain| name.is_within(domain)) {
                return Err(WriteError::OutsideDnsDomains(name.to_string()));
            }
        }
        if !names.is_empty() {
            guards.require_unchanged(profile);
        }
        Ok(())
    }

    fn check_delete(&self, _projection: &Projection, object: &Object, guards: &mut Guards) -> Result<(), WriteError> {
        guards.delete(key::listeners(&object.uuid));
        Ok(())
    }

    fn show(&self, show: &mut Show<'_>, object: &Object) {
        if show.options.is_reply {
            return;
        }
        let by = show.projection.referrers(object.path, &object.uuid);
        let by = by.iter().filter(|by| by.path == "virtualservice");
        let by: Vec<Value> =
            by.filter_map(|by| Some(show.reference(show.projection.get(by.path, &by.uuid)?))).collect();
        if !by.is_empty() {
            show.set("vs_refs", Value::Array(by));
        }
    }

    fn claims(&self, body: &Map<String, Value>) -> Vec<Claim> {
        let uuid = |text: Option<&Value>| {
            text.and_then(Value::as_str).and_then(reference::parse_stored).map(|(_, uuid)| uuid.to_owned())
        };
        let vrf = uuid(body.get("vrf_context_ref"));
        let mut claims = Vec::new();
        for vip in vips_of(body) {
            let network = vip.get("ipam_network_subnet").and_then(|place| place.get("network_ref"));
            // Networks of other VRFs may be usable too: their addresses are counted there as well.
            let network = uuid(network).filter(|_| is_allocated(vip));
            for address in addresses_of(vip) {
                for space in [&vrf, &network].into_iter().flatten() {
                    let claim = Claim::Address { space: space.clone(), address };
                    if !claims.contains(&claim) {
                        claims.push(claim);
                    }
                }
            }
        }
        claims
    }
}

/// See [`super::dns_domains`].
pub(super) fn dns_domains_of(projection: &Projection, cloud: &Object) -> Option<Vec<String>> {
    let profile = dns_profile(projection, cloud)?;
    Some(dns_domains(profile).iter().map(ToString::to_string).collect())
}

fn dns_profile<'p>(projection: &'p Projection, cloud: &Object) -> Option<&'p Object> {
    let (path, uuid) = reference::parse_stored(cloud.body.get("dns_provider_ref")?.as_str()?)?;
    projection.get(path, uuid).map(AsRef::as_ref)
}

fn dns_domains(profile: &Object) -> Vec<DomainName> {
    let domains =
        profile.body.get("internal_profile").and_then(|internal| internal.get("dns_service_domain")?.as_array());
    let names = domains.into_iter().flatten().filter_map(|domain| domain.get("domain_name")?.as_str());
    names.filter_map(|name| DomainName::parse(name).ok()).collect()
}

/// The names of a VsVip, each once.
fn names(body: &Map<String, Value>) -> Result<Vec<DomainName>, WriteError> {
    let given = body.get("dns_info").and_then(Value::as_array).into_iter().flatten();
    let mut names: Vec<DomainName> = Vec::new();
    for (index, info) in given.enumerate() {
        let Some(text) = info.get("fqdn").and_then(Value::as_str) else { continue };
        let at = || format!("dns_info[{index}].fqdn");
        let name = DomainName::parse(text).map_err(|error| WriteError::invalid(at(), error.to_string()))?;
        if names.contains(&name) {
            return Err(WriteError::invalid(at(), format!("'{text}' is given twice")));
        }
        names.push(name);
    }
    Ok(names)
}

/// Refuses another `vip_id` for an entry, and entries that come or go where addresses were allocated.
fn check_ids(stored: &[Value], vips: &[Value]) -> Result<(), WriteError> {
    let id = |vip: &Value| vip.get("vip_id").cloned();
    for (index, vip) in vips.iter().enumerate() {
        if vips.iter().take(index).any(|earlier| id(earlier) == id(vip)) {
            return Err(WriteError::invalid(format!("vip[{index}].vip_id"), "another VIP has it too"));
        }
    }
    let came = vips.iter().any(|vip| !stored.iter().any(|old| id(old) == id(vip)));
    let went = stored.iter().any(|old| !vips.iter().any(|vip| id(vip) == id(old)));
    match (came && !stored.is_empty(), went, stored.iter().any(is_allocated)) {
        (true, true, _) => Err(WriteError::VipId),
        (true, _, true) | (_, true, true) => Err(fixed_list()),
        _ => Ok(()),
    }
}

fn fixed_list() -> WriteError {
    WriteError::invalid("vip", "entries cannot come or go while one has an allocated address: recreate the VsVip")
}

pub(super) fn vips_of(body: &Map<String, Value>) -> &[Value] {
    body.get("vip").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn is_allocated(vip: &Value) -> bool {
    vip.get("avi_allocated_vip").and_then(Value::as_bool) == Some(true)
}

fn addresses_of(vip: &Value) -> impl Iterator<Item = IpAddr> {
    ["ip_address", "ip6_address"].into_iter().filter_map(|field| vip.get(field)?.get("addr")?.as_str()?.parse().ok())
}
