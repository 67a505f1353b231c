//! Addresses for VIPs: where they may come from, which are held, which one is next (avi-api 4.2).
//!
//! Nothing is remembered here: an address is held because a VsVip has it, and the projection knows those. What makes
//! two writers part is the key of the address (`write`); [`Wanted::attempt`] only keeps them from meeting again.

mod prefix;
mod ranges;
mod runtime;

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;

pub(crate) use self::prefix::{Family, Prefix};
pub(crate) use self::ranges::{Subnet, subnets};
pub use self::runtime::network_runtime;
use crate::error::WriteError;
use crate::object::Object;
use crate::projection::{Held, Projection};
use crate::reference;

/// Most free addresses that a writer who lost before chooses among.
const SPREAD_MAX: usize = 256;

/// An address that is wanted.
pub(crate) struct Wanted<'a> {
    pub(crate) family: Family,
    /// Uuid of the VRF.
    pub(crate) vrf: &'a str,
    /// Uuid of the cloud.
    pub(crate) cloud: &'a str,
    /// Uuid of the only network that will do.
    pub(crate) network: Option<&'a str>,
    /// The only subnet that will do.
    pub(crate) subnet: Option<Prefix>,
    /// The only address that will do.
    pub(crate) preferred: Option<IpAddr>,
    /// Labels that a usable network must have, as key and value.
    pub(crate) labels: &'a [(String, Option<String>)],
    /// Uuid of the VsVip, which may prefer what it holds.
    pub(crate) holder: &'a str,
    /// Addresses that the VsVip will hold and nobody knows of yet.
    pub(crate) spoken_for: &'a [IpAddr],
    /// How often it lost an address to another writer: 0 takes the lowest free one, later attempts one of the first
    /// 4, 16, 64, 256, so that writers who met spread out.
    pub(crate) attempt: u32,
}

/// An address that was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) address: IpAddr,
    pub(crate) network: Arc<Object>,
    pub(crate) prefix: Prefix,
    /// What said so.
    pub(crate) relied_on: Vec<Arc<Object>>,
}

/// Finds a free address.
///
/// # Errors
/// When there is none: the text says where it was looked for.
pub(crate) fn find(projection: &Projection, wanted: &Wanted<'_>) -> Result<Found, WriteError> {
    let Candidates { networks, mut relied_on } = candidates(projection, wanted)?;
    let spread = 4_usize.saturating_pow(wanted.attempt).min(SPREAD_MAX);
    let mut free: Vec<(IpAddr, usize, Prefix)> = Vec::new();
    let mut seen_subnet = wanted.subnet.is_none();
    for (index, network) in networks.iter().enumerate() {
        let held = [projection.addresses(wanted.vrf), projection.addresses(&network.uuid)];
        for subnet in subnets(network).into_iter().filter(|subnet| subnet.prefix.family() == wanted.family) {
            if wanted.subnet.is_some_and(|only| only != subnet.prefix) {
                continue;
            }
            seen_subnet = true;
            let room = spread - free.len();
            let found = free_in(&subnet, held, wanted, room);
            free.extend(found.into_iter().map(|address| (address, index, subnet.prefix)));
            if free.len() >= spread {
                break;
            }
        }
        if free.len() >= spread {
            break;
        }
    }
    if let (false, Some(subnet)) = (seen_subnet, wanted.subnet) {
        let names = names(&networks);
        return Err(WriteError::NoFreeAddress(format!("{names} has no configured subnet {subnet}")));
    }
    let chosen = chosen(wanted.holder, wanted.attempt, free.len()).and_then(|at| free.get(at)).copied();
    let Some((address, index, prefix)) = chosen else {
        return Err(refusal(projection, wanted, &networks));
    };
    let Some(network) = networks.into_iter().nth(index) else { return Err(refusal(projection, wanted, &[])) };
    relied_on.push(network.clone());
    Ok(Found { address, network, prefix, relied_on })
}

/// Networks that have this address in a subnet, in a VRF of a cloud, by name.
pub(crate) fn networks_of(projection: &Projection, address: IpAddr, vrf: &str) -> Vec<(Arc<Object>, Prefix)> {
    let in_vrf = projection.objects("network").filter(|network| vrf_of(network) == Some(vrf));
    let with_prefix = in_vrf.filter_map(|network| {
        let subnet = subnets(network).into_iter().find(|subnet| subnet.prefix.contains(address))?;
        Some((network.clone(), subnet.prefix))
    });
    with_prefix.collect()
}

/// The networks to look at, in order, and the objects that say so.
struct Candidates {
    networks: Vec<Arc<Object>>,
    relied_on: Vec<Arc<Object>>,
}

fn candidates(projection: &Projection, wanted: &Wanted<'_>) -> Result<Candidates, WriteError> {
    if let Some(uuid) = wanted.network {
        let network = projection.get("network", uuid).ok_or(WriteError::NotFound("Network"))?;
        return Ok(Candidates { networks: vec![network.clone()], relied_on: Vec::new() });
    }
    let cloud = projection.get("cloud", wanted.cloud).ok_or(WriteError::NotFound("Cloud"))?;
    let profile = target(projection, cloud.body.get("ipam_provider_ref"));
    let Some(profile) = profile else {
        let text = format!("Cloud {} has no ipam_provider_ref, and ipam_network_subnet names no network", cloud.name);
        return Err(WriteError::NoFreeAddress(text));
    };
    if profile.body.get("type").and_then(Value::as_str) != Some("IPAMDNS_TYPE_INTERNAL") {
        let text = format!("IpamDnsProviderProfile {} is not of type IPAMDNS_TYPE_INTERNAL", profile.name);
        return Err(WriteError::NoFreeAddress(text));
    }
    let usable = usable_networks(projection, profile, wanted.labels);
    let is_configured = !usable.is_empty() || !wanted.labels.is_empty();
    let only_in_vrf = profile.body.get("allocate_ip_in_vrf").and_then(Value::as_bool) == Some(true) || !is_configured;
    let all: Vec<Arc<Object>> = match is_configured {
        true => usable,
        false => projection.objects("network").cloned().collect(),
    };
    let in_cloud = all.into_iter().filter(|network| reference::cloud_of(network) == Some(wanted.cloud));
    let networks = in_cloud.filter(|network| !only_in_vrf || vrf_of(network) == Some(wanted.vrf)).collect();
    Ok(Candidates { networks, relied_on: vec![cloud.clone(), profile.clone()] })
}

/// Networks that a profile lets IPAM use, in its order, that have these labels.
fn usable_networks(projection: &Projection, profile: &Object, labels: &[(String, Option<String>)]) -> Vec<Arc<Object>> {
    let internal = profile.body.get("internal_profile");
    let list = |name: &str| internal.and_then(|internal| internal.get(name)?.as_array()).into_iter().flatten();
    let has_labels = |usable: &&Value| {
        let of = usable.get("labels").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let has = |(key, value): &(String, Option<String>)| {
            of.iter().any(|label| {
                let is = |name: &str, wanted: &str| label.get(name).and_then(Value::as_str) == Some(wanted);
                is("key", key) && value.as_deref().is_none_or(|value| is("value", value))
            })
        };
        labels.iter().all(has)
    };
    let current = list("usable_networks").filter(has_labels).map(|usable| usable.get("nw_ref"));
    let older = list("usable_network_refs").filter(|_| labels.is_empty()).map(Some);
    let mut networks: Vec<Arc<Object>> = Vec::new();
    for network in current.chain(older).filter_map(|text| target(projection, text)) {
        if !networks.iter().any(|known| known.uuid == network.uuid) {
            networks.push(network.clone());
        }
    }
    networks
}

/// The first `room` free addresses of a subnet, or the preferred one alone.
fn free_in(subnet: &Subnet, held: [Option<&Held>; 2], wanted: &Wanted<'_>, room: usize) -> Vec<IpAddr> {
    let family = subnet.prefix.family();
    let mut free = Vec::new();
    for range in &subnet.ranges {
        if let Some(preferred) = wanted.preferred {
            let is_other = |by: &(&str, String)| by.1 != wanted.holder;
            let is_held = held.iter().flatten().any(|held| held.holder(preferred).is_some_and(is_other));
            if range.contains(&Family::number(preferred)) && family == Family::of(preferred) && !is_held {
                return vec![preferred];
            }
            continue;
        }
        let mut next = Some(*range.start());
        while let Some(number) = next.filter(|number| number <= range.end() && free.len() < room) {
            let address = family.address(number);
            let run_end = held.iter().flatten().filter_map(|held| held.run_end(address)).max();
            if run_end.is_none() && !wanted.spoken_for.contains(&address) && !free.contains(&address) {
                free.push(address);
            }
            next = run_end.map_or(number, Family::number).checked_add(1);
        }
    }
    free
}

/// Which of `free` addresses a writer takes.
fn chosen(holder: &str, attempt: u32, free: usize) -> Option<usize> {
    if free == 0 {
        return None;
    }
    if attempt == 0 {
        return Some(0);
    }
    // FNV-1a of a uuid that is fresh at each attempt: the dice were thrown at the edge.
    let hash = holder
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    usize::try_from(hash % u64::try_from(free).ok()?).ok()
}

fn refusal(projection: &Projection, wanted: &Wanted<'_>, networks: &[Arc<Object>]) -> WriteError {
    let Some(preferred) = wanted.preferred else {
        let text = match networks {
            [] => "no network may be used for it".to_owned(),
            some => format!("{} has no free {} address in its ranges for VIPs", names(some), wanted.family),
        };
        return WriteError::NoFreeAddress(text);
    };
    let spaces = networks.iter().map(|network| network.uuid.as_str()).chain([wanted.vrf]);
    let holder = spaces
        .filter_map(|space| projection.addresses(space)?.holder(preferred))
        .find(|(_, uuid)| uuid != wanted.holder);
    match holder.and_then(|(path, uuid)| projection.get(path, uuid)) {
        Some(holder) => WriteError::AddressTaken { address: preferred, holder: holder.name.clone() },
        None => WriteError::NoFreeAddress(format!("{preferred} is in no range for VIPs of {}", names(networks))),
    }
}

fn names(networks: &[Arc<Object>]) -> String {
    let names: Vec<&str> = networks.iter().map(|network| network.name.as_str()).collect();
    names.join(", ")
}

fn vrf_of(network: &Object) -> Option<&str> {
    Some(reference::parse_stored(network.body.get("vrf_context_ref")?.as_str()?)?.1)
}

fn target<'p>(projection: &'p Projection, text: Option<&Value>) -> Option<&'p Arc<Object>> {
    let (path, uuid) = reference::parse_stored(text?.as_str()?)?;
    projection.get(path, uuid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_attempt_takes_the_lowest_and_later_ones_part() {
        assert_eq!(chosen("vsvip-1", 0, 10), Some(0));
        assert_eq!(chosen("vsvip-1", 3, 0), None);
        let mut taken: Vec<_> = (0..64).filter_map(|n| chosen(&format!("vsvip-{n}"), 3, 64)).collect();
        taken.sort_unstable();
        taken.dedup();
        assert!(taken.len() > 30, "{} of 64 writers part", taken.len());
    }
}
