//! What the controller should hold, as typed values (ako 2.2, 4.3, 5.4, 9.7).

mod body;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;

use crate::{Cloud, Markers, Names, NamespacedName, ServiceMetadata, Settings, checksum};

/// Type of an object, in the order in which they are made: an object comes after what it refers to, but for a child,
/// which comes after its parent. They are removed in the opposite order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectType {
    /// `vsvip`.
    VsVip,
    /// `sslkeyandcertificate`.
    SslKeyAndCertificate,
    /// `pool`.
    Pool,
    /// `poolgroup`.
    PoolGroup,
    /// `httppolicyset`.
    HttpPolicySet,
    /// `l4policyset`.
    L4PolicySet,
    /// `virtualservice` that is no child.
    VirtualService,
    /// `virtualservice` that is a child.
    ChildVirtualService,
}

/// Type, tenant and name: identity of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Type.
    pub kind: ObjectType,
    /// Tenant.
    pub tenant: String,
    /// Name.
    pub name: String,
}

/// An object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Identity.
    pub key: ObjectKey,
    /// Markers.
    pub markers: Markers,
    /// The rest.
    pub spec: Spec,
}

/// What differs by type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spec {
    /// `virtualservice`.
    VirtualService(VirtualService),
    /// `vsvip`.
    VsVip(VsVip),
    /// `pool`.
    Pool(Pool),
    /// `poolgroup`.
    PoolGroup(PoolGroup),
    /// `httppolicyset`.
    HttpPolicySet(HttpPolicySet),
    /// `l4policyset`.
    L4PolicySet(L4PolicySet),
    /// `sslkeyandcertificate`.
    Certificate(Certificate),
}

/// A virtual service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualService {
    /// What it is for.
    pub role: Role,
    /// `service_metadata`.
    pub metadata: ServiceMetadata,
}

/// What a virtual service is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Holds VIP, ports and certificates of the hosts of a shard. Its VsVip has its name.
    Parent {
        /// Names of certificates, ascending.
        certificates: Vec<String>,
    },
    /// Serves a host.
    Child {
        /// Name of the parent.
        parent: String,
        /// Host, maybe with `*.` in front.
        host: String,
        /// Names of policy sets, first to be looked at first.
        policies: Vec<String>,
    },
    /// Serves the ports of a Service. Its VsVip and policy set have its name.
    L4 {
        /// Ports.
        ports: Vec<L4Port>,
        /// Application profile.
        application_profile: String,
        /// Whether it takes traffic.
        traffic_enabled: bool,
    },
}

/// A port of a Service of type LoadBalancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct L4Port {
    /// Port.
    pub port: u16,
    /// Protocol.
    pub protocol: Protocol,
    /// Name of its pool.
    pub pool: String,
}

/// Transport protocol of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// A VIP with its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VsVip {
    /// Names that are registered for it: an automatic one first, then hosts, ascending.
    pub fqdns: Vec<String>,
    /// Address that is asked for.
    pub address: Option<IpAddr>,
}

/// Servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Port that servers have by default; `None` leaves it to the controller.
    pub default_port: Option<u16>,
    /// Protocol, which decides the monitor.
    pub protocol: Protocol,
    /// Servers, by address and port.
    pub servers: Vec<Server>,
    /// `service_metadata`.
    pub metadata: ServiceMetadata,
}

/// A server of a pool.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Server {
    /// Address.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
    /// Node that it runs on, where it is a pod.
    pub node: Option<String>,
    /// Whether it takes new connections.
    pub enabled: bool,
}

/// Pools and their shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolGroup {
    /// Name and ratio of each pool.
    pub members: Vec<(String, u32)>,
}

/// Rules of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpPolicySet {
    /// Rules, first to be looked at first.
    pub rules: Vec<HttpRule>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpRule {
    /// A path to a pool group.
    Switch {
        /// Path; empty matches everything.
        path: String,
        /// Whether the whole path must be equal.
        is_exact: bool,
        /// Name of the pool group.
        pool_group: String,
    },
    /// Port 80 of a host to port 443.
    RedirectToHttps {
        /// Host, maybe with `*.` in front.
        host: String,
    },
}

/// Ports to pools; the ports are those of its virtual service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct L4PolicySet {
    /// Ports.
    pub ports: Vec<L4Port>,
}

/// A certificate with its key.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    /// PEM.
    pub certificate: String,
    /// PEM.
    pub key: String,
}

/// Objects that come and go together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnitName {
    /// Certificate of hosts that ask for TLS without a secret of their own.
    DefaultCertificate {
        /// Tenant.
        tenant: String,
    },
    /// A parent and its VIP.
    Parent {
        /// Tenant.
        tenant: String,
        /// Shard.
        shard: u32,
    },
    /// All that serves one host.
    Host {
        /// Tenant.
        tenant: String,
        /// Host.
        host: String,
    },
    /// All that serves one Service of type LoadBalancer.
    Service {
        /// Tenant.
        tenant: String,
        /// Service.
        service: NamespacedName,
    },
}

/// What the whole cluster shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// How it is translated.
    pub settings: Settings,
    /// What its cloud is.
    pub cloud: Cloud,
    /// Makes names.
    pub names: Names,
    /// `created_by`.
    pub user: String,
}

/// Everything that should be there.
#[derive(Debug, Clone)]
pub struct Desired {
    /// What all share.
    pub site: Arc<Site>,
    /// Objects by what they belong to. A unit that did not change since the translation before is the same in memory.
    pub units: BTreeMap<UnitName, Arc<Vec<Object>>>,
    /// Routes to the nodes; `None`: they are left alone.
    pub routes: Option<Vec<crate::StaticRoute>>,
}

impl Site {
    /// From what is configured and what the controller says.
    #[must_use]
    pub fn new(settings: Settings, cloud: Cloud) -> Self {
        let instance = (!settings.primary).then_some(settings.namespace.as_str());
        let names = Names::new(&settings.cluster, instance);
        let user = settings.user();
        Self { settings, cloud, names, user }
    }
}

impl Site {
    /// Whether an object that the controller lists is this operator's (ako 2.3). A VsVip has no `created_by`: its name
    /// and its marker tell. The original goes by the name alone, and one cluster's prefix may begin another's.
    #[must_use]
    pub fn owns(&self, kind: ObjectType, body: &Value) -> bool {
        if kind != ObjectType::VsVip {
            return body["created_by"] == self.user.as_str();
        }
        let markers = || body["markers"].as_array().into_iter().flatten();
        let of_another = markers().any(|marker| {
            marker["key"] == "clustername"
                && marker["values"].as_array().is_some_and(|values| !values.iter().any(|v| *v == self.settings.cluster))
        });
        body["name"].as_str().is_some_and(|name| name.starts_with(self.names.prefix())) && !of_another
    }
}

impl Desired {
    /// All objects, unit by unit.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.units.values().flat_map(|unit| unit.iter())
    }

    /// An object.
    #[must_use]
    pub fn object(&self, key: &ObjectKey) -> Option<&Object> {
        self.objects().find(|object| object.key == *key)
    }

    /// Units that differ from those of an earlier translation, with those that are gone. Costs a comparison of places
    /// in memory for each unit, not of their contents, as long as both came from one translator.
    #[must_use]
    pub fn changed_units(&self, before: &Self) -> Vec<UnitName> {
        let is_same = |name: &UnitName, unit: &Arc<Vec<Object>>| {
            before.units.get(name).is_some_and(|there| Arc::ptr_eq(there, unit) || there == unit)
        };
        let all = self.site != before.site;
        let changed = self.units.iter().filter(|(name, unit)| all || !is_same(name, unit)).map(|(name, _)| name);
        let gone = before.units.keys().filter(|name| !self.units.contains_key(name));
        changed.chain(gone).cloned().collect()
    }
}

impl Object {
    /// Body of POST and PUT, with its checksum where the type has a field for one.
    #[must_use]
    pub fn to_body(&self, site: &Site) -> Value {
        let mut body = body::of(self, site);
        if let Some(field) = self.key.kind.checksum_field() {
            body[field] = self.checksum(site).to_string().into();
        }
        body
    }

    /// Checksum (ako 2.6). For a type without a field for it, the same as of the listed object, see
    /// [`checksum_of_listed`](ObjectType::checksum_of_listed).
    #[must_use]
    pub fn checksum(&self, site: &Site) -> u32 {
        let body = body::of(self, site);
        match self.key.kind {
            ObjectType::SslKeyAndCertificate => checksum::of_certificate(&body),
            ObjectType::L4PolicySet => checksum::of_l4_policy_set(&body),
            _ => checksum::of_body(&body),
        }
    }
}

impl ObjectType {
    /// Type of an object that the controller lists under an API path; `None` for one that is never made here.
    #[must_use]
    pub fn of_listed(path: &str, body: &Value) -> Option<Self> {
        let all = [
            Self::VsVip,
            Self::SslKeyAndCertificate,
            Self::Pool,
            Self::PoolGroup,
            Self::HttpPolicySet,
            Self::L4PolicySet,
            Self::VirtualService,
        ];
        match all.into_iter().find(|kind| kind.path() == path)? {
            Self::VirtualService if body["type"] == "VS_TYPE_VH_CHILD" => Some(Self::ChildVirtualService),
            kind => Some(kind),
        }
    }

    /// Element of the API path.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::VsVip => "vsvip",
            Self::SslKeyAndCertificate => "sslkeyandcertificate",
            Self::Pool => "pool",
            Self::PoolGroup => "poolgroup",
            Self::HttpPolicySet => "httppolicyset",
            Self::L4PolicySet => "l4policyset",
            Self::VirtualService | Self::ChildVirtualService => "virtualservice",
        }
    }

    /// Field that holds the checksum.
    #[must_use]
    pub fn checksum_field(self) -> Option<&'static str> {
        match self {
            Self::VsVip => Some("vsvip_cloud_config_cksum"),
            Self::SslKeyAndCertificate | Self::L4PolicySet => None,
            Self::Pool | Self::PoolGroup | Self::HttpPolicySet | Self::VirtualService | Self::ChildVirtualService => {
                Some("cloud_config_cksum")
            }
        }
    }

    /// Checksum of an object as the controller lists it; `None` where it should carry one and does not.
    #[must_use]
    pub fn checksum_of_listed(self, body: &Value) -> Option<u32> {
        match (self, self.checksum_field()) {
            (_, Some(field)) => body[field].as_str()?.parse().ok(),
            (Self::SslKeyAndCertificate, None) => Some(checksum::of_certificate(body)),
            (_, None) => Some(checksum::of_l4_policy_set(body)),
        }
    }
}

impl Protocol {
    /// `TCP`, `UDP` or `SCTP`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }
}

impl std::fmt::Debug for Certificate {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

impl std::fmt::Display for UnitName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::DefaultCertificate { tenant } => write!(f, "default certificate of tenant {tenant}"),
            Self::Parent { tenant, shard } => write!(f, "shard {shard} of tenant {tenant}"),
            Self::Host { host, .. } => write!(f, "host {host}"),
            Self::Service { service, .. } => write!(f, "Service {service}"),
        }
    }
}
