//! EDNS: the OPT pseudo record of a query and the client subnet option in it (RFC 6891, RFC 7871).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::query::Problem;

/// UDP payload size that our responses advertise: what passes every usual path unfragmented (avi-api 4.6).
pub const EDNS_UDP_PAYLOAD_SIZE: u16 = 1232;

/// Option code of the client subnet.
pub(crate) const OPTION_CLIENT_SUBNET: u16 = 8;

/// What the OPT record of a query says (RFC 6891 §6.1.2); options other than the client subnet are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edns {
    /// Largest UDP response that the client takes, in octets, as sent: values under 512 count as 512 (§6.2.3).
    pub udp_payload_size: u16,
    /// Version asked for; over 0 the answer is BADVERS and nothing else of the record was read (§6.1.3).
    pub version: u8,
    /// DNSSEC OK (RFC 3225).
    pub do_bit: bool,
    /// Network of the client, from its resolver.
    pub client_subnet: Option<ClientSubnet>,
}

impl Edns {
    /// Reads CLASS, TTL and RDATA of an OPT record.
    pub(crate) fn read(class: u16, ttl: u32, rdata: &[u8]) -> Result<Self, Problem> {
        let [_, version, flags, _] = ttl.to_be_bytes();
        // The layout of another version's options is unknown.
        let client_subnet = if version == 0 { read_options(rdata)? } else { None };
        Ok(Self { udp_payload_size: class, version, do_bit: flags & 0x80 != 0, client_subnet })
    }
}

/// Finds the first client subnet; a second one is ignored.
fn read_options(mut rdata: &[u8]) -> Result<Option<ClientSubnet>, Problem> {
    let mut client_subnet = None;
    while !rdata.is_empty() {
        let (head, rest) = rdata.split_first_chunk::<4>().ok_or(Problem::OptOptions)?;
        let code = u16::from_be_bytes([head[0], head[1]]);
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let (data, rest) = rest.split_at_checked(length).ok_or(Problem::OptOptions)?;
        if code == OPTION_CLIENT_SUBNET && client_subnet.is_none() {
            client_subnet = Some(ClientSubnet::read(data).ok_or(Problem::ClientSubnet)?);
        }
        rdata = rest;
    }
    Ok(client_subnet)
}

/// Client subnet option of a query (RFC 7871 §6).
///
/// Well-formed by construction: scope 0, family 1 or 2 (or 0 with no prefix, as some clients opt out), as many
/// octets as the prefix needs, no bit set beyond it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientSubnet {
    family: u16,
    source_prefix_length: u8,
    octets: [u8; 16],
}

impl ClientSubnet {
    /// A subnet for tests and hypothetical queries: `address` cut to `source_prefix_length` bits.
    /// `None` when the prefix is longer than the address.
    #[must_use]
    pub fn new(address: IpAddr, source_prefix_length: u8) -> Option<Self> {
        let (family, bits_max, mut octets) = match address {
            IpAddr::V4(v4) => (1, 32, Ipv6Addr::from_bits(u128::from(v4.to_bits()) << 96).octets()),
            IpAddr::V6(v6) => (2, 128, v6.octets()),
        };
        if source_prefix_length > bits_max {
            return None;
        }
        let mask = u128::MAX.checked_shl(128 - u32::from(source_prefix_length)).unwrap_or(0);
        octets = (u128::from_be_bytes(octets) & mask).to_be_bytes();
        Some(Self { family, source_prefix_length, octets })
    }

    fn read(data: &[u8]) -> Option<Self> {
        let (head, address) = data.split_first_chunk::<4>()?;
        let family = u16::from_be_bytes([head[0], head[1]]);
        let [source_prefix_length, scope_prefix_length] = [head[2], head[3]];
        let bits_max = match family {
            0 => 0,
            1 => 32,
            2 => 128,
            _ => return None,
        };
        if source_prefix_length > bits_max
            || scope_prefix_length != 0
            || address.len() != usize::from(source_prefix_length.div_ceil(8))
        {
            return None;
        }
        let mut octets = [0; 16];
        octets.get_mut(..address.len())?.copy_from_slice(address);
        let beyond = u128::MAX.checked_shr(u32::from(source_prefix_length)).unwrap_or(0);
        (u128::from_be_bytes(octets) & beyond == 0).then_some(Self { family, source_prefix_length, octets })
    }

    /// Bits of the address that the client lets us know.
    #[must_use]
    pub const fn source_prefix_length(&self) -> u8 {
        self.source_prefix_length
    }

    /// The network address; `None` when the prefix is 0: the client wants its address not to be used (RFC 7871 §7.1.2).
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match (self.source_prefix_length, self.family) {
            (0, _) => None,
            (_, 1) => self.octets.first_chunk().map(|octets: &[u8; 4]| IpAddr::V4(Ipv4Addr::from_octets(*octets))),
            _ => Some(IpAddr::V6(Ipv6Addr::from_octets(self.octets))),
        }
    }

    /// Address octets on the wire.
    pub(crate) fn address_octets(&self) -> &[u8] {
        &self.octets[..usize::from(self.source_prefix_length.div_ceil(8))]
    }

    /// Option data up to the address, with the scope of a response.
    pub(crate) fn option_head(&self, scope_prefix_length: u8) -> [u8; 4] {
        let [high, low] = self.family.to_be_bytes();
        [high, low, self.source_prefix_length, scope_prefix_length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(data: &[u8], expected: Option<(&str, u8)>) {
        let expected = expected.map(|(address, prefix)| ClientSubnet::new(address.parse().unwrap(), prefix).unwrap());
        assert_eq!(ClientSubnet::read(data), expected, "{data:?}");
    }

    #[test]
    fn client_subnets_are_read_only_when_exact() {
        check(&[0, 1, 24, 0, 192, 0, 2], Some(("192.0.2.0", 24)));
        check(&[0, 1, 32, 0, 192, 0, 2, 255], Some(("192.0.2.255", 32)));
        check(&[0, 1, 0, 0], Some(("0.0.0.0", 0)));
        check(&[0, 1, 20, 0, 192, 0, 0xf0], Some(("192.0.240.0", 20)));
        check(&[0, 1, 20, 0, 192, 0, 0xf8], None); // a bit beyond the prefix
        check(&[0, 1, 24, 0, 192, 0], None); // too few octets
        check(&[0, 1, 24, 0, 192, 0, 2, 0], None); // too many
        check(&[0, 1, 33, 0, 192, 0, 2, 0, 0], None); // prefix too long
        check(&[0, 1, 24, 24, 192, 0, 2], None); // a scope in a query
        check(&[0, 2, 56, 0, 0x20, 1, 0xd, 0xb8, 0, 0, 1], Some(("2001:db8:0:100::", 56)));
        check(&[0, 2, 129, 0], None);
        check(&[0, 3, 0, 0], None); // unknown family
        check(&[0, 1, 0], None);
        check(&[], None);
    }

    #[test]
    fn no_prefix_means_do_not_use_the_address() {
        assert_eq!(ClientSubnet::read(&[0, 0, 0, 0]).map(|s| s.address()), Some(None));
        assert_eq!(ClientSubnet::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0).map(|s| s.address()), Some(None));
    }

    #[test]
    fn a_made_subnet_is_cut_to_its_prefix() {
        let subnet = ClientSubnet::new("192.0.2.77".parse().unwrap(), 24).unwrap();
        assert_eq!(subnet.address(), Some("192.0.2.0".parse().unwrap()));
        assert_eq!(subnet.address_octets(), [192, 0, 2]);
        assert!(ClientSubnet::new("192.0.2.77".parse().unwrap(), 33).is_none());
    }
}
