//! DNS virtual services and the profile that shapes their answers.

mod policy;
mod registration;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use policy::{ClientMatch, DnsAction, DnsRule, LocationMatch, NameMatch};
pub use registration::{RecordData, RecordOrder, Registration};

use crate::{DomainName, LogPolicy, Ttl};

/// A virtual service whose application profile is DNS. Avi: `VirtualService`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsVirtualService {
    /// Object uuid, `virtualservice-…`.
    pub uuid: String,
    /// Object name.
    pub name: String,
    /// Administrative switch; a disabled service has no listeners.
    pub enabled: bool,
    /// VIPs it listens on.
    pub addresses: Vec<IpAddr>,
    /// Service ports as configured, before the engine's port offset.
    pub ports: Vec<u16>,
    /// How it answers.
    pub profile: DnsProfile,
    /// GSLB sub-domains it serves; `None` means it serves none because the site does not list it.
    pub gslb_domains: Option<Vec<DomainName>>,
    /// What comes before the answer, in order; the first rule that matches counts. Avi: `dns_policies`.
    pub rules: Vec<DnsRule>,
    /// Which sites answer, where a service asks for that; likewise. Avi: `topology_policies`.
    pub topology: Vec<DnsRule>,
    /// Which of its answers are logged.
    pub logs: LogPolicy,
}

/// How a DNS virtual service answers. Avi: `DnsServiceApplicationProfile`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsProfile {
    /// Addresses per answer, 1 to 20, 0 = all.
    pub num_dns_ip: u8,
    /// Time to live where the record has none of its own.
    pub ttl: Ttl,
    /// Zones it is authoritative for, with their SOA data.
    pub zones: Vec<Zone>,
    /// TTL and minimum of the SOA in negative answers.
    pub negative_ttl: Ttl,
    /// What happens to queries that cannot be answered.
    pub on_error: ErrorResponse,
    /// Answer AAAA for a name that has only A with an empty NOERROR, also when dropping.
    pub aaaa_empty_response: bool,
    /// Process the OPT record.
    pub edns: bool,
    /// Listen on TCP too.
    pub over_tcp: bool,
}

/// A zone and what its SOA says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// Apex.
    pub apex: DomainName,
    /// SOA mname; the apex itself when `None`.
    pub name_server: Option<DomainName>,
    /// SOA rname as Avi takes it: literally, see [`Zone::rname`].
    pub admin_email: String,
}

impl Zone {
    /// SOA rname: an address keeps its `@` inside the first label (`dnsadmin@iberia.local` is `dnsadmin\@iberia.local.`),
    /// a bare word gets the apex appended (avi-api 4.6).
    ///
    /// # Errors
    /// When the text makes no domain name.
    pub fn rname(&self) -> Result<DomainName, crate::DomainNameError> {
        if self.admin_email.contains(['@', '.']) {
            DomainName::parse(&self.admin_email)
        } else {
            DomainName::parse(&format!("{}.{}", self.admin_email, self.apex))
        }
    }
}

/// What happens to queries that cannot be answered. Avi: `error_response`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorResponse {
    /// No packet. Avi: `DNS_ERROR_RESPONSE_NONE`.
    Drop,
    /// NXDOMAIN, FORMERR, NOTIMP, or an empty NOERROR. Avi: `DNS_ERROR_RESPONSE_ERROR`.
    Respond,
}
