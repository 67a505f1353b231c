//! The DNS records that virtual services own (avi-api 4.3, 4.4).

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{DomainName, Ttl};

/// The records of one name from one VsVip. Several VsVips may have one name: the answer is all of theirs together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The name.
    pub name: DomainName,
    /// Addresses, or another name.
    pub data: RecordData,
    /// `dns_info.ttl`, or that of the domain, or that of the profile, or 30 s.
    pub ttl: Ttl,
    /// Addresses in one answer, 0 = all; those of the DNS profile (`num_dns_ip`) when `None` (avi-api 4.6).
    pub addresses_max: Option<u8>,
    /// Order of several addresses.
    pub order: RecordOrder,
    /// Uuid of the VsVip.
    pub vs_vip: String,
    /// Uuids of the enabled virtual services on it; at least one.
    pub virtual_services: BTreeSet<String>,
    /// Whether the record is there only while one of them is up (`state_based_dns_registration`).
    pub only_while_up: bool,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordData {
    /// A and AAAA.
    Addresses(Vec<IpAddr>),
    /// CNAME.
    Name(DomainName),
}

/// Order of several addresses. Avi: `DnsInfo.algorithm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordOrder {
    /// By a hash of the client.
    ConsistentHash,
    /// In turns.
    RoundRobin,
}

impl Registration {
    /// Whether the record is to be published, `is_up` telling which virtual services are.
    #[must_use]
    pub fn is_published(&self, is_up: impl Fn(&str) -> bool) -> bool {
        !self.only_while_up || self.virtual_services.iter().any(|uuid| is_up(uuid))
    }
}
