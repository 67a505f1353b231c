//! GSLB services, pools and members.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{DomainName, Location, PoolPriority, Ttl, Weight};

/// One global name and the places it can send clients to. Avi: `GslbService`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GslbService {
    /// Object uuid, `gslbservice-…`.
    pub uuid: String,
    /// Object name; by AMKO's convention the first domain name.
    pub name: String,
    /// Tenant name.
    pub tenant: String,
    /// Administrative switch; a disabled service is answered as if it did not exist.
    pub enabled: bool,
    /// Names it answers, at least one.
    pub domain_names: Vec<DomainName>,
    /// Also answer names below those.
    pub wildcard_match: bool,
    /// Own time to live; the DNS profile's when `None`.
    pub ttl: Option<Ttl>,
    /// Addresses per answer, 0 = all; the DNS profile's when `None`.
    pub num_dns_ip: Option<u8>,
    /// How a pool is chosen.
    pub pool_algorithm: PoolAlgorithm,
    /// Least number of members that are up to spread queries over; where the pool that was chosen has fewer, pools of
    /// the next priorities join it. 0 is off. Avi: `min_members`.
    pub min_members: u16,
    /// Pools in the order of the object.
    pub pools: Vec<GslbPool>,
    /// Whether algorithms that look at the client take its subnet from its resolver (RFC 7871) where the query has one.
    /// Avi: `use_edns_client_subnet`.
    pub use_client_subnet: bool,
    /// Whether the addresses of a member that is answered by its name go along. Avi: `resolve_cname`.
    pub resolve_cname: bool,
    /// Whether the topology policies of the DNS virtual service come before the algorithm. Avi:
    /// `topology_policy_enabled`.
    pub topology_policies: bool,
    /// What to answer when no pool is usable.
    pub down_response: DownResponse,
    /// Uuids of the health monitors, in order.
    pub health_monitors: Vec<String>,
    /// Which members the monitors probe.
    pub monitor_scope: MonitorScope,
    /// Whether the control plane's verdict on a member's virtual service counts.
    pub controller_health: bool,
    /// Whether other sites have a say in the state of members; each site follows its own perception when `None`. A field
    /// of our own: `site_quorum`.
    pub site_quorum: Option<SiteQuorum>,
}

/// How many sites take a member down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteQuorum {
    /// Active sites that have to perceive the member down, from 1 to `active`. Where fewer are heard, a site follows its
    /// own perception.
    pub needed: u16,
    /// Active sites there are.
    pub active: u16,
}

/// A group of members that share a priority. Avi: `GslbPool`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GslbPool {
    /// Label, unique within the service by convention.
    pub name: String,
    /// Higher wins, 0 is never chosen.
    pub priority: PoolPriority,
    /// Administrative switch.
    pub enabled: bool,
    /// How a member is chosen.
    pub algorithm: MemberAlgorithm,
    /// How one is chosen where `algorithm` tells nothing of the client; round robin when `None`.
    pub fallback_algorithm: Option<MemberAlgorithm>,
    /// Leading bits of an IPv4 client that its hash takes, 1 to 31; all when `None`. Avi: `consistent_hash_mask`.
    pub hash_prefix_v4: Option<u8>,
    /// Leading bits of an IPv6 client that its hash takes, 1 to 127; all when `None`. Avi: `consistent_hash_mask6`.
    pub hash_prefix_v6: Option<u8>,
    /// How many monitors must pass; all when `None`. Avi: `min_health_monitors_up`.
    pub min_health_monitors_up: Option<u32>,
    /// Members in the order of the object; may be empty while an operator removes them.
    pub members: Vec<GslbMember>,
}

/// One target of a GSLB service. Avi: `GslbPoolMember`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GslbMember {
    /// Address that is served and probed.
    pub ip: IpAddr,
    /// Address that public clients are given instead, of the same family. Avi: `public_ip`.
    pub public_ip: Option<IpAddr>,
    /// Name that is answered instead of an address; `ip` is what it resolves to. Avi: `fqdn`.
    pub fqdn: Option<DomainName>,
    /// Where it stands.
    pub location: MemberLocation,
    /// Share within the pool.
    pub weight: Weight,
    /// Administrative switch; a disabled member is neither answered nor probed.
    pub enabled: bool,
    /// Controller cluster that owns the member's virtual service.
    pub cluster_uuid: Option<String>,
    /// The member's virtual service, when it is an Avi one.
    pub vs_uuid: Option<String>,
    /// Host header and SNI of its probes; the service's name when `None`.
    pub hostname: Option<String>,
    /// Place for [`MemberAlgorithm::PreferenceOrder`], 1 to 128: the lowest wins.
    pub preference_order: u8,
    /// Active sites that probe it for all others, the first that is heard; each site probes it itself where there are
    /// none. Avi: `hm_proxies` of the member's site.
    pub proxies: Vec<HealthProxy>,
}

/// An active site that probes members for all others. Avi: `GslbHealthMonitorProxy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthProxy {
    /// Cluster uuid of the site.
    pub site: String,
    /// Name of the site.
    pub name: String,
}

/// Where a member stands. Avi: `GslbPoolMember.location`, and that of its site where it inherits it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum MemberLocation {
    /// Where a geo database says that its address is; nowhere that is known where none does.
    OfAddress,
    /// There.
    At(Location),
}

/// Which clients are public, and are given the public address of a member. Avi: `Gslb.client_ip_addr_group`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientGroup {
    /// Whether those that are listed are public, and all others private; or the other way round.
    pub lists_public: bool,
    /// First and last address, both included, of one family each.
    pub ranges: Vec<(IpAddr, IpAddr)>,
}

/// How a pool is chosen. Avi: `pool_algorithm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PoolAlgorithm {
    /// The usable pool of the highest priority.
    Priority,
    /// The pool nearest to the client.
    Geo,
}

/// How a member is chosen within its pool. Avi: `GslbPool.algorithm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MemberAlgorithm {
    /// Weighted round robin.
    RoundRobin,
    /// By hash of the client's address.
    ConsistentHash,
    /// Nearest member.
    Geo,
    /// By topology policy.
    Topology,
    /// Lowest preference order.
    PreferenceOrder,
}

impl MemberAlgorithm {
    /// The wire value, for example `GSLB_ALGORITHM_ROUND_ROBIN`.
    #[must_use]
    pub fn as_avi(self) -> &'static str {
        match self {
            Self::RoundRobin => "GSLB_ALGORITHM_ROUND_ROBIN",
            Self::ConsistentHash => "GSLB_ALGORITHM_CONSISTENT_HASH",
            Self::Geo => "GSLB_ALGORITHM_GEO",
            Self::Topology => "GSLB_ALGORITHM_TOPOLOGY",
            Self::PreferenceOrder => "GSLB_ALGORITHM_PREFERENCE_ORDER",
        }
    }
}

/// Answer of a service with no usable pool. Avi: `down_response`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DownResponse {
    /// Treated as an unhandled query.
    None,
    /// Every member's address, whatever its state.
    AllRecords,
    /// These addresses.
    FallbackIp {
        /// Answer to A.
        v4: Option<std::net::Ipv4Addr>,
        /// Answer to AAAA.
        v6: Option<std::net::Ipv6Addr>,
    },
    /// NOERROR and nothing.
    Empty,
    /// This canonical name.
    Cname(DomainName),
}

/// Which members are probed. Avi: `health_monitor_scope`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MonitorScope {
    /// All.
    AllMembers,
    /// Only those that are not Avi virtual services.
    OnlyNonAviMembers,
}
