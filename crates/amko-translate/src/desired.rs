//! What the controller should hold, as typed values (amko 5.1, 5.2, 5.5).

mod body;
mod checksum;

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::{Identifiers, ObjectRef, Protocol};

/// All services and monitors, by tenant and name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    /// GSLB services.
    pub services: BTreeMap<ObjectName, GslbService>,
    /// Health monitors.
    pub monitors: BTreeMap<ObjectName, HealthMonitor>,
}

/// Tenant and name of an object on the controller.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// Tenant.
    pub tenant: String,
    /// Name.
    pub name: String,
}

/// A `GslbService`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GslbService {
    /// Tenant and name.
    pub name: ObjectName,
    /// Names it answers for, ascending.
    pub domain_names: Vec<String>,
    /// Objects behind it; more than its members when several share an address.
    pub objects: Vec<ObjectRef>,
    /// `created_by`.
    pub created_by: String,
    /// Pools, the one with the highest priority first.
    pub pools: Vec<Pool>,
    /// Attached monitors.
    pub monitors: MonitorRefs,
    /// How members are chosen, in every pool.
    pub algorithm: PoolAlgorithm,
    /// Seconds; `None` leaves it to the controller.
    pub ttl: Option<u32>,
    /// Site persistence.
    pub persistence: Option<Persistence>,
    /// What is answered when everything is down.
    pub down_response: Option<DownResponse>,
}

/// Members of one priority.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pool {
    /// 0 to 100; the higher one answers.
    pub priority: u32,
    /// Members; no address twice.
    pub members: Vec<Member>,
}

/// One address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Member {
    /// Address that is answered and probed.
    pub address: IpAddr,
    /// 1 to 20.
    pub ratio: u32,
    /// Identifiers of the virtual service; `None` for members that are published by address only.
    pub vs: Option<VsRef>,
    /// Address that is answered to clients outside.
    pub public_ip: Option<IpAddr>,
    /// The object it stands for; the first, when several share the address.
    pub object: ObjectRef,
}

/// How a member names its virtual service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum VsRef {
    /// Both identifiers are known.
    Known(Identifiers),
    /// They are not known yet: an empty `vs_uuid` is sent (amko 3.7).
    Missing,
}

/// Which monitors a service refers to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MonitorRefs {
    /// None; the key is not sent.
    None,
    /// Ours, by name.
    Generated(Vec<String>),
    /// The policy's, by name.
    Explicit(Vec<String>),
}

/// How a member of a pool is chosen (amko 2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PoolAlgorithm {
    /// Weighted round robin.
    RoundRobin,
    /// Topology policy.
    Topology,
    /// Hash of the client's address.
    ConsistentHash {
        /// Prefix length of the client's address that is hashed, 1 to 31.
        mask: u8,
    },
    /// Nearest member.
    Geo {
        /// Falls back to consistent hash with this prefix length; `None` falls back to round robin.
        fallback_mask: Option<u8>,
    },
}

/// Site persistence.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Persistence {
    /// Name of the profile.
    pub profile: String,
    /// Name of the PKI profile.
    pub pki_profile: Option<String>,
}

/// What is answered when everything is down (amko 2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DownResponse {
    /// No answer.
    None,
    /// All members.
    AllRecords,
    /// An empty answer.
    Empty,
    /// This address.
    FallbackIp(IpAddr),
}

/// A `HealthMonitor`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HealthMonitor {
    /// Tenant and name.
    pub name: ObjectName,
    /// Name of the service it is for.
    pub service: String,
    /// Description.
    pub description: String,
    /// Value of the marker `created-by`.
    pub created_by: String,
    /// What it does.
    pub probe: Probe,
}

/// What a monitor does (amko 6.4, 6.5).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Probe {
    /// An HTTP request to port 80, or 443 with TLS.
    Http {
        /// With TLS.
        tls: bool,
        /// Request line.
        request: String,
        /// Accepted codes.
        response_codes: Vec<String>,
    },
    /// A connection or datagram.
    Port {
        /// Port.
        port: u16,
        /// Protocol.
        protocol: Protocol,
    },
}

impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.tenant, self.name)
    }
}

impl MonitorRefs {
    /// Names, in the order in which they are sent.
    #[must_use]
    pub fn names(&self) -> &[String] {
        match self {
            Self::None => &[],
            Self::Generated(names) | Self::Explicit(names) => names,
        }
    }

    /// References as they are sent.
    pub fn references(&self) -> impl Iterator<Item = String> {
        self.names().iter().map(|name| reference("healthmonitor", name))
    }
}

/// `/api/healthmonitor?name=x`.
fn reference(kind: &str, name: &str) -> String {
    format!("/api/{kind}?name={name}")
}

impl GslbService {
    /// Members with the priority of their pool.
    pub fn members(&self) -> impl Iterator<Item = (u32, &Member)> {
        self.pools.iter().flat_map(|pool| pool.members.iter().map(move |member| (pool.priority, member)))
    }

    /// Monitors that must pass, control plane included (amko 5.5). The original counts explicit refs in its first pool
    /// only.
    pub(crate) fn min_health_monitors_up(&self) -> usize {
        match &self.monitors {
            MonitorRefs::None => 1,
            MonitorRefs::Generated(_) => 2,
            MonitorRefs::Explicit(names) => names.len() + 1,
        }
    }
}

impl PoolAlgorithm {
    /// `GSLB_ALGORITHM_…`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RoundRobin => "GSLB_ALGORITHM_ROUND_ROBIN",
            Self::Topology => "GSLB_ALGORITHM_TOPOLOGY",
            Self::ConsistentHash { .. } => "GSLB_ALGORITHM_CONSISTENT_HASH",
            Self::Geo { .. } => "GSLB_ALGORITHM_GEO",
        }
    }
}

impl DownResponse {
    /// `GSLB_SERVICE_DOWN_RESPONSE_…`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "GSLB_SERVICE_DOWN_RESPONSE_NONE",
            Self::AllRecords => "GSLB_SERVICE_DOWN_RESPONSE_ALL_RECORDS",
            Self::Empty => "GSLB_SERVICE_DOWN_RESPONSE_EMPTY",
            Self::FallbackIp(_) => "GSLB_SERVICE_DOWN_RESPONSE_FALLBACK_IP",
        }
    }
}
