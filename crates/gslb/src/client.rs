//! Who asks, as far as an algorithm looks at it, and the hash that gives each client its order of members.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use geo::{Database, Point};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// Where the query came from: the client itself, or its resolver.
    pub source: IpAddr,
    /// The client's network, where its resolver tells it (RFC 7871).
    pub subnet: Option<Network>,
}

/// Where a client is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Whereabouts {
    /// No algorithm in use wants to know.
    NotAsked,
    /// No geo database knows this address.
    Unknown(IpAddr),
    /// There.
    At {
        /// The address that was looked up.
        ip: IpAddr,
        /// Where.
        point: Point,
    },
}

/// The leading bits of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    ip: IpAddr,
    prefix: u8,
}

impl Network {
    /// The first `prefix` bits of `ip`; all of them where it has no more.
    #[must_use]
    pub fn new(ip: IpAddr, prefix: u8) -> Self {
        match ip {
            IpAddr::V4(ip) => {
                let prefix = prefix.min(32);
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                Self { ip: Ipv4Addr::from_bits(ip.to_bits() & mask).into(), prefix }
            }
            IpAddr::V6(ip) => {
                let prefix = prefix.min(128);
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
                Self { ip: Ipv6Addr::from_bits(ip.to_bits() & mask).into(), prefix }
            }
        }
    }

    /// Its first address.
    #[must_use]
    pub const fn ip(self) -> IpAddr {
        self.ip
    }

    /// Number of leading bits, at most 32 or 128.
    #[must_use]
    pub const fn prefix(self) -> u8 {
        self.prefix
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix)
    }
}

impl From<IpAddr> for Client {
    /// A client that asks by itself.
    fn from(source: IpAddr) -> Self {
        Self { source, subnet: None }
    }
}

impl Client {
    /// Where it is, and how many leading bits of its subnet that depends on; 0 where the subnet does not count.
    pub(crate) fn locate(&self, geo: &Database, use_subnet: bool) -> (Whereabouts, u8) {
        let (network, told) = self.network(use_subnet, u8::MAX, u8::MAX);
        let ip = network.ip();
        let found = geo.find(ip);
        let whereabouts = match found.place {
            Some(place) => Whereabouts::At { ip, point: place.point },
            None => Whereabouts::Unknown(ip),
        };
        (whereabouts, if told { found.prefix.min(network.prefix) } else { 0 })
    }

    /// Its network, cut to so many bits, and whether its resolver told it.
    pub(crate) fn network(&self, use_subnet: bool, bits_v4: u8, bits_v6: u8) -> (Network, bool) {
        let told = self.subnet.filter(|_| use_subnet);
        let known = told.unwrap_or_else(|| Network::new(self.source.to_canonical(), u8::MAX));
        let bits = if known.ip.is_ipv4() { bits_v4 } else { bits_v6 };
        (Network::new(known.ip, known.prefix.min(bits)), told.is_some())
    }
}

/// Hash of a network, or of a member. The same in every engine; its length does not count, so that a client known by
/// its address and one known by its subnet are the same where both are cut to the same bits.
pub(crate) fn hash(ip: IpAddr) -> u64 {
    let bits = match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()),
        IpAddr::V6(ip) => ip.to_bits(),
    };
    let [high, low] = [bits >> 64, bits & u128::from(u64::MAX)].map(|half| u64::try_from(half).unwrap_or(0));
    mixed(mixed(high) ^ low)
}

/// Rank of a member for a network, both hashed: the highest comes first, and one that goes changes nothing between the
/// others (rendezvous hashing), so that only its own clients move.
pub(crate) const fn rank(network: u64, member: u64) -> u64 {
    mixed(network ^ member)
}

/// Spreads a number over all bits: the finalizer of SplitMix64.
const fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, subnet: Option<(&str, u8)>, use_subnet: bool, expected: &str) {
        let subnet = subnet.map(|(ip, prefix)| Network::new(ip.parse().unwrap(), prefix));
        let client = Client { source: source.parse().unwrap(), subnet };
        let (network, told) = client.network(use_subnet, 20, 56);
        assert_eq!(format!("{network} {told}"), expected);
    }

    #[test]
    fn networks_are_cut_to_what_is_known_and_wanted() {
        check("192.0.2.7", None, true, "192.0.0.0/20 false");
        check("::ffff:192.0.2.7", None, true, "192.0.0.0/20 false");
        check("2001:db8:1:2ff::7", None, true, "2001:db8:1:200::/56 false");
        check("192.0.2.7", Some(("198.51.100.0", 24)), true, "198.51.96.0/20 true");
        check("192.0.2.7", Some(("198.51.100.0", 16)), true, "198.51.0.0/16 true");
        check("192.0.2.7", Some(("2001:db8::", 48)), true, "2001:db8::/48 true");
        check("192.0.2.7", Some(("198.51.100.0", 24)), false, "192.0.0.0/20 false");
        assert_eq!(Network::new([192, 0, 2, 7].into(), 0), Network::new([0, 0, 0, 0].into(), 0));
    }
}
