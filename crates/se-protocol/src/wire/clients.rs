//! What is known of clients: which are public, and where they are.

use std::net::IpAddr;

use model::gslb;

use super::{AddressRange, ClientGroup, ConvertError, GeoChunk, GeoDatabase, ip_from_bytes, ip_to_bytes};
use crate::clients;

impl From<&gslb::ClientGroup> for ClientGroup {
    fn from(gslb::ClientGroup { lists_public, ranges }: &gslb::ClientGroup) -> Self {
        Self { lists_public: *lists_public, ranges: ranges_to_wire(ranges) }
    }
}

impl TryFrom<ClientGroup> for gslb::ClientGroup {
    type Error = ConvertError;
    fn try_from(ClientGroup { lists_public, ranges }: ClientGroup) -> Result<Self, ConvertError> {
        Ok(Self { lists_public, ranges: ranges_from_wire(&ranges)? })
    }
}

pub(super) fn ranges_to_wire(ranges: &[(IpAddr, IpAddr)]) -> Vec<AddressRange> {
    let range = |(first, last): &_| AddressRange { first: ip_to_bytes(first), last: ip_to_bytes(last) };
    ranges.iter().map(range).collect()
}

pub(super) fn ranges_from_wire(ranges: &[AddressRange]) -> Result<Vec<(IpAddr, IpAddr)>, ConvertError> {
    ranges.iter().map(|range| Ok((ip_from_bytes(&range.first)?, ip_from_bytes(&range.last)?))).collect()
}

impl From<&clients::GeoDatabase> for GeoDatabase {
    fn from(clients::GeoDatabase { checksum, chunks, name }: &clients::GeoDatabase) -> Self {
        Self { checksum: checksum.clone(), chunks: *chunks, name: name.clone() }
    }
}

impl From<GeoDatabase> for clients::GeoDatabase {
    fn from(GeoDatabase { checksum, chunks, name }: GeoDatabase) -> Self {
        Self { checksum, chunks, name }
    }
}

impl From<&clients::GeoChunk> for GeoChunk {
    /// Without database and number: they are its id.
    fn from(clients::GeoChunk { body, .. }: &clients::GeoChunk) -> Self {
        Self { body: body.clone().into() }
    }
}
