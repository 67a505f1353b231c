//! The subnets of a network, and what of them is for VIPs.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use serde_json::Value;

use super::{Family, Prefix};
use crate::object::Object;

/// A configured subnet.
pub(crate) struct Subnet {
    pub(crate) prefix: Prefix,
    /// Addresses for VIPs, in the order of the configuration; none of them empty.
    pub(crate) ranges: Vec<RangeInclusive<u128>>,
    /// Addresses for engines alone.
    pub(crate) engine_ranges: Vec<RangeInclusive<u128>>,
}

/// The configured subnets of a network, in order; what makes no sense is left out.
pub(crate) fn subnets(network: &Object) -> Vec<Subnet> {
    let configured = network.body.get("configured_subnets").and_then(Value::as_array).into_iter().flatten();
    configured.filter_map(read).collect()
}

fn read(subnet: &Value) -> Option<Subnet> {
    let prefix = Prefix::parse(subnet.get("prefix")?)?;
    let list = |name: &str| subnet.get(name).and_then(Value::as_array).into_iter().flatten();
    let typed = |for_vips: bool| {
        let of_type = list("static_ip_ranges").filter(move |range| {
            let kind = range.get("type").and_then(Value::as_str);
            (kind != Some("STATIC_IPS_FOR_SE")) == for_vips
        });
        of_type.filter_map(|range| range_of(range.get("range")?, prefix))
    };
    let older = list("static_ranges").filter_map(|range| range_of(range, prefix));
    let single = list("static_ips").filter_map(|address| {
        let number = number(address, prefix.family())?;
        within(number..=number, prefix)
    });
    Some(Subnet {
        prefix,
        ranges: typed(true).chain(older).chain(single).collect(),
        engine_ranges: typed(false).collect(),
    })
}

fn range_of(range: &Value, prefix: Prefix) -> Option<RangeInclusive<u128>> {
    let (begin, end) = (number(range.get("begin")?, prefix.family())?, number(range.get("end")?, prefix.family())?);
    within(begin..=end, prefix)
}

/// What of a range hosts of the subnet can have.
fn within(range: RangeInclusive<u128>, prefix: Prefix) -> Option<RangeInclusive<u128>> {
    let (first, last) = prefix.hosts();
    let cut = (*range.start()).max(first)..=(*range.end()).min(last);
    (!cut.is_empty()).then_some(cut)
}

fn number(address: &Value, family: Family) -> Option<u128> {
    let address: IpAddr = address.get("addr")?.as_str()?.parse().ok()?;
    (Family::of(address) == family).then(|| Family::number(address))
}
