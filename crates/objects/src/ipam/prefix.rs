//! Subnets as numbers.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

/// Version of the internet protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

/// A subnet, by its network address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prefix {
    family: Family,
    /// First address.
    first: u128,
    /// Bits of the network part.
    mask: u32,
}

impl Family {
    /// The family of an address.
    pub(crate) fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// An address as a number.
    pub(crate) fn number(address: IpAddr) -> u128 {
        match address {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits(),
        }
    }

    /// A number as an address; one too large for the family is its last.
    pub(crate) fn address(self, number: u128) -> IpAddr {
        match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(number).unwrap_or(u32::MAX))),
            Self::V6 => IpAddr::V6(Ipv6Addr::from_bits(number)),
        }
    }

    fn bits(self) -> u32 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

impl Prefix {
    /// The subnet that holds `address`; `None` for a mask that is too long.
    pub(crate) fn new(address: IpAddr, mask: u32) -> Option<Self> {
        let family = Family::of(address);
        let host_bits = family.bits().checked_sub(mask)?;
        let hosts = 1_u128.checked_shl(host_bits).map_or(u128::MAX, |size| size - 1);
        Some(Self { family, first: Family::number(address) & !hosts, mask })
    }

    /// The subnet of an `IpAddrPrefix`.
    pub(crate) fn parse(value: &Value) -> Option<Self> {
        let address = value.get("ip_addr")?.get("addr")?.as_str()?.parse().ok()?;
        Self::new(address, u32::try_from(value.get("mask")?.as_u64()?).ok()?)
    }

    /// As an `IpAddrPrefix`.
    pub(crate) fn to_value(self) -> Value {
        json!({"ip_addr": ip_addr(self.family.address(self.first)), "mask": self.mask})
    }

    pub(crate) fn family(self) -> Family {
        self.family
    }

    /// Whether an address lies in it.
    pub(crate) fn contains(self, address: IpAddr) -> bool {
        Family::of(address) == self.family && Self::new(address, self.mask) == Some(self)
    }

    /// First and last number that a host can have: without network and broadcast address, where there are such
    /// (RFC 3021 §2.1, RFC 4291 §2.6.1).
    pub(crate) fn hosts(self) -> (u128, u128) {
        let host_bits = self.family.bits().saturating_sub(self.mask);
        let last = self.first | 1_u128.checked_shl(host_bits).map_or(u128::MAX, |size| size - 1);
        match self.family {
            _ if host_bits < 2 => (self.first, last),
            Family::V4 => (self.first + 1, last - 1),
            Family::V6 => (self.first + 1, last),
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.family.address(self.first), self.mask)
    }
}

/// An address as an `IpAddr`.
pub(crate) fn ip_addr(address: IpAddr) -> Value {
    let kind = if address.is_ipv4() { "V4" } else { "V6" };
    json!({"addr": address.to_string(), "type": kind})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, mask: u32, shown: &str, hosts: (&str, &str)) {
        let prefix = Prefix::new(text.parse().unwrap(), mask).unwrap();
        let (first, last) = prefix.hosts();
        let address = |number| prefix.family().address(number).to_string();
        assert_eq!(
            (prefix.to_string().as_str(), address(first).as_str(), address(last).as_str()),
            (shown, hosts.0, hosts.1)
        );
        assert_eq!(Prefix::parse(&prefix.to_value()), Some(prefix));
    }

    #[test]
    fn network_and_broadcast_addresses_are_no_hosts() {
        check("192.0.2.77", 24, "192.0.2.0/24", ("192.0.2.1", "192.0.2.254"));
        check("192.0.2.1", 31, "192.0.2.0/31", ("192.0.2.0", "192.0.2.1"));
        check("192.0.2.1", 32, "192.0.2.1/32", ("192.0.2.1", "192.0.2.1"));
        check("0.0.0.0", 0, "0.0.0.0/0", ("0.0.0.1", "255.255.255.254"));
        check("2001:db8::5", 64, "2001:db8::/64", ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff"));
        assert!(Prefix::new("192.0.2.1".parse().unwrap(), 33).is_none());
    }

    #[test]
    fn an_address_of_the_other_family_is_outside() {
        let prefix = Prefix::new("0.0.0.0".parse().unwrap(), 0).unwrap();
        assert!(prefix.contains("255.255.255.255".parse().unwrap()));
        assert!(!prefix.contains("::".parse().unwrap()));
    }
}
