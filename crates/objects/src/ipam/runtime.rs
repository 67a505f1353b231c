//! NetworkRuntime: which addresses of a network are allocated, and to whom (avi-api 2.17).

use std::net::IpAddr;
use std::ops::RangeInclusive;

use serde_json::{Value, json};

use super::{Prefix, prefix, subnets, vrf_of};
use crate::object::Object;
use crate::projection::Projection;

/// The runtime of a network: its subnets, and in each its ranges with counts and holders.
#[must_use]
pub fn network_runtime(projection: &Projection, network: &Object) -> Value {
    let mut holders: Vec<String> = Vec::new();
    let subnets: Vec<Value> = subnets(network)
        .iter()
        .map(|subnet| {
            let for_vips = subnet.ranges.iter().map(|range| (range, "STATIC_IPS_FOR_VIP_AND_SE"));
            let for_engines = subnet.engine_ranges.iter().map(|range| (range, "STATIC_IPS_FOR_SE"));
            let ranges = for_vips.chain(for_engines).map(|(range, kind)| {
                let allocated = allocated(projection, network, subnet.prefix, range);
                holders.extend(allocated.iter().map(|(_, object)| object.uuid.clone()));
                let total = (range.end() - range.start()).saturating_add(1);
                let total = u64::try_from(total).unwrap_or(u64::MAX);
                let used = u64::try_from(allocated.len()).unwrap_or(u64::MAX);
                let ips = allocated.iter().map(|(address, object)| {
                    json!({"ip": prefix::ip_addr(*address), "obj_info": object.name, "obj_uuid": object.uuid})
                });
                json!({
                    "type": kind, "total_ip_count": total, "free_ip_count": total.saturating_sub(used),
                    "allocated_ips": ips.collect::<Vec<_>>(),
                })
            });
            let ranges: Vec<Value> = ranges.collect();
            json!({"prefix": subnet.prefix.to_value(), "ip_range_runtimes": ranges})
        })
        .collect();
    holders.sort();
    holders.dedup();
    json!({"name": network.name, "uuid": network.uuid, "obj_uuids": holders, "subnet_runtime": subnets})
}

fn allocated<'p>(
    projection: &'p Projection,
    network: &Object,
    prefix: Prefix,
    range: &RangeInclusive<u128>,
) -> Vec<(IpAddr, &'p Object)> {
    let family = prefix.family();
    let bounds = family.address(*range.start())..=family.address(*range.end());
    let spaces = [vrf_of(network), Some(network.uuid.as_str())];
    let held = spaces.into_iter().flatten().filter_map(|space| projection.addresses(space));
    let mut found: Vec<(IpAddr, &Object)> = held
        .flat_map(|held| held.within(bounds.clone()))
        .filter_map(|(address, (path, uuid))| Some((address, projection.get(path, uuid)?.as_ref())))
        .collect();
    found.sort_by_key(|(address, _)| *address);
    found.dedup_by_key(|(address, _)| *address);
    found
}
