//! Which clients are public (avi-api 5.6 step 1).

use std::net::IpAddr;

use model::gslb::ClientGroup;

/// A compiled group of clients.
#[derive(Debug, PartialEq, Eq)]
pub struct PublicClients {
    lists_public: bool,
    ranges: AddressRanges,
}

/// Ranges of addresses of both families.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct AddressRanges(Box<[(u128, u128)]>);

impl PublicClients {
    /// Compiles `group`.
    #[must_use]
    pub fn compile(group: &ClientGroup) -> Self {
        Self { lists_public: group.lists_public, ranges: AddressRanges::compile(&group.ranges) }
    }

    /// Whether `ip` is a public client.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.ranges.contains(ip) == self.lists_public
    }
}

impl AddressRanges {
    /// Compiles ranges: first and last address, both included.
    #[must_use]
    pub fn compile(ranges: &[(IpAddr, IpAddr)]) -> Self {
        let mut ranges: Vec<(u128, u128)> = ranges.iter().map(|&(first, last)| (number(first), number(last))).collect();
        ranges.retain(|(first, last)| first <= last);
        ranges.sort_unstable();
        let mut merged: Vec<(u128, u128)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some((_, before)) if first <= *before => *before = last.max(*before),
                _ => merged.push((first, last)),
            }
        }
        Self(merged.into())
    }

    /// Whether `ip` is in one of them.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = number(ip);
        let after = self.0.partition_point(|(first, _)| *first <= ip);
        after.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|(_, last)| ip <= *last)
    }
}

/// Both families in one order.
fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
    .to_bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listed_is_public_or_private_as_the_group_says() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let ranges = vec![
            (ip("10.0.0.0"), ip("10.255.255.255")),
            (ip("2001:db8::"), ip("2001:db8::ff")),
            (ip("10.1.0.0"), ip("11.0.0.1")),
        ];
        for lists_public in [true, false] {
            let group = PublicClients::compile(&ClientGroup { lists_public, ranges: ranges.clone() });
            for listed in ["10.0.0.0", "10.200.0.1", "11.0.0.1", "2001:db8::7", "::ffff:10.0.0.1"] {
                assert_eq!(group.contains(ip(listed)), lists_public, "{listed}");
            }
            for other in ["9.255.255.255", "11.0.0.2", "2001:db8::100", "::1"] {
                assert_eq!(group.contains(ip(other)), !lists_public, "{other}");
            }
        }
    }
}
