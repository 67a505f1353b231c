//! Where a virtual service listens: the addresses of its VsVip, and its ports (avi-api 2.4, 2.5).

use std::net::IpAddr;

use crate::{Object, Problem, field::Message};

/// Longest port range that is opened.
const PORT_RANGE_MAX: u64 = 64;

/// The addresses of its VsVip; of its own `vip` where it was stored before VsVips were.
pub(crate) fn addresses(service: &Message<'_>, vs_vip: Option<Object<'_>>, problems: &mut Vec<Problem>) -> Vec<IpAddr> {
    let label = vs_vip.map(|object| format!("VsVip {}", object.name)).unwrap_or_default();
    let vs_vip = vs_vip.map(|object| Message::root(&label, object.fields));
    let mut found = Vec::new();
    for vip in vs_vip.as_ref().unwrap_or(service).messages("vip").iter().filter(|vip| vip.flag("enabled", true)) {
        for address in ["ip_address", "ip6_address"].into_iter().filter_map(|field| vip.address(field)) {
            match address {
                Ok(address) if found.contains(&address) => {}
                Ok(address) => found.push(address),
                Err(problem) => problems.push(problem),
            }
        }
    }
    found
}

/// The ports of one element of `services`.
pub(crate) fn ports(entry: &Message<'_>, problems: &mut Vec<Problem>) -> Vec<u16> {
    let first = entry.number("port").unwrap_or(0);
    let last = entry.number("port_range_end").filter(|last| *last != 0).unwrap_or(first);
    if first == 0 || last < first || last - first >= PORT_RANGE_MAX {
        let reason = format!("{first} to {last} is no range of 1 to {PORT_RANGE_MAX} ports; skipped");
        problems.push(entry.problem("port", reason));
        return Vec::new();
    }
    (first..=last).filter_map(|port| u16::try_from(port).ok()).collect()
}
