//! How one cluster is to be translated: the operator's values (ako 1.8) and what its cloud is.
//!
//! [`Settings::parse`] takes values as the ConfigMap `avi-k8s-config` and the container's environment carry them. A value
//! that this release cannot honour is refused by name: an installation that needs it must not come up half right.

mod parse;

use std::fmt;
use std::net::IpAddr;

pub use parse::SettingError;
pub(crate) use parse::parse_subnet;

/// Everything that is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `clusterName`: `C`, in every name.
    pub cluster: String,
    /// `tenantName`: tenant of namespaces that name none.
    pub tenant: String,
    /// `cloudName`.
    pub cloud: String,
    /// `serviceEngineGroupName`.
    pub se_group: String,
    /// `vipNetworkList`: where VIPs come from.
    pub vip_network: VipNetwork,
    /// `nodeNetworkList`: where pool members are reached, on clouds that need telling.
    pub node_networks: Vec<NodeNetwork>,
    /// `nsxtT1LR`: takes the place of the VRF on VIPs and pools.
    pub tier1: Option<String>,
    /// `enableRHI`.
    pub enable_rhi: bool,
    /// `bgpPeerLabels`.
    pub bgp_peer_labels: Vec<String>,
    /// `shardVSSize`: number of parents, a power of two.
    pub shards: u32,
    /// `serviceType`.
    pub service_type: ServiceType,
    /// `nodePortSelector`: nodes that are members in NodePort mode; `None`: all.
    pub node_port_selector: Option<(String, String)>,
    /// `ipFamily`; `None`: the cloud's default.
    pub ip_family: Option<IpFamily>,
    /// `fqdnReusePolicy` is `Strict`: a host belongs to the namespace that used it first.
    pub strict_hosts: bool,
    /// `defaultDomain`, preferred among the cloud's domains.
    pub default_domain: Option<String>,
    /// `autoFQDN`.
    pub auto_fqdn: AutoFqdn,
    /// `namespaceSelector`; `None`: all namespaces.
    pub namespace_selector: Option<(String, String)>,
    /// `blockedNamespaceList`.
    pub blocked_namespaces: Vec<String>,
    /// `layer7Only`: Services of type LoadBalancer are left alone.
    pub layer7_only: bool,
    /// `defaultLBController`: Services without a class are ours.
    pub default_lb_controller: bool,
    /// `defaultIngController`: the IngressClass that comes with the operator is the default one. Whether an Ingress
    /// without a class is taken depends on the classes that are there, not on this.
    pub default_ingress_controller: bool,
    /// Whether routes to the nodes are kept in the VRF: not `disableStaticRouteSync`, and the primary instance.
    pub static_routes: bool,
    /// `cniPlugin`, in lower case; empty for none.
    pub cni: String,
    /// `primaryInstance`.
    pub primary: bool,
    /// Namespace that the operator runs in.
    pub namespace: String,
}

/// What the controller says about the cloud. It is read at start and may change while the operator runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cloud {
    /// Kind.
    pub kind: CloudKind,
    /// Domains of its DNS profile, as it lists them; `None` without such a profile: every host is served.
    pub domains: Option<Vec<String>>,
    /// VRF that VIPs and pools live in.
    pub vrf: String,
    /// Whether the licence is ENTERPRISE or ENTERPRISE_WITH_CLOUD_SERVICES.
    pub is_enterprise: bool,
}

/// Kinds of cloud that are served; in the others an address is had per subnet, which is not done yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloudKind {
    /// `CLOUD_NONE`: no orchestrator.
    None,
    /// `CLOUD_VCENTER`.
    Vcenter,
    /// `CLOUD_NSXT` with an overlay transport zone.
    NsxtOverlay,
    /// `CLOUD_NSXT` with a VLAN transport zone.
    NsxtVlan,
}

/// Where VIPs come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VipNetwork {
    /// Network.
    pub network: NetworkRef,
    /// IPv4 subnet.
    pub v4: Option<Subnet>,
    /// IPv6 subnet.
    pub v6: Option<Subnet>,
}

/// A network that pool members are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeNetwork {
    /// Network.
    pub network: NetworkRef,
    /// Its subnets.
    pub subnets: Vec<Subnet>,
}

/// A network by name or by UUID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkRef {
    /// `networkName`.
    Name(String),
    /// `networkUUID`.
    Uuid(String),
}

/// Address and prefix length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subnet {
    /// Address, as it was given.
    pub address: IpAddr,
    /// Prefix length, 0 to 32 or 128.
    pub mask: u8,
}

/// Where pool members come from (ako 6.2, 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceType {
    /// Pods, from EndpointSlices.
    ClusterIp,
    /// Nodes, with the port that the Service opens on each.
    NodePort,
}

/// Address families of pool members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpFamily {
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
    /// The primary family of each Service.
    V4V6,
}

/// Names for what has no host of its own (ako 3.5, 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutoFqdn {
    /// `<svc>.<ns>.<domain>`.
    Default,
    /// `<svc>-<ns>.<domain>`.
    Flat,
    /// No name.
    Disabled,
}

impl Settings {
    /// `U`: what the operator calls itself in `created_by` and in statuses.
    #[must_use]
    pub fn user(&self) -> String {
        if self.primary { format!("ako-{}", self.cluster) } else { format!("ako-{}-{}", self.cluster, self.namespace) }
    }

    /// Families of pool members on this cloud.
    #[must_use]
    pub fn family(&self) -> IpFamily {
        // All kinds of cloud that are served have both by default; ako 1.8.
        self.ip_family.unwrap_or(IpFamily::V4V6)
    }

    /// Domain for automatic names: the configured one where the cloud has it, else the cloud's first. `None` without a
    /// DNS profile.
    #[must_use]
    pub fn sub_domain<'a>(&'a self, cloud: &'a Cloud) -> Option<&'a str> {
        let domains = || cloud.domains.iter().flatten().map(|domain| bare(domain)).filter(|domain| !domain.is_empty());
        let configured = self.default_domain.as_deref().map(bare);
        configured.filter(|wanted| domains().any(|domain| domain == *wanted)).or_else(|| domains().min())
    }
}

impl Cloud {
    /// Whether a host is in one of the domains; any is where there is no DNS profile.
    #[must_use]
    pub fn serves(&self, host: &str) -> bool {
        let Some(domains) = &self.domains else { return true };
        domains.iter().map(|domain| bare(domain)).any(|domain| {
            host.strip_suffix(domain).is_some_and(|head| domain.is_empty() || head.is_empty() || head.ends_with('.'))
        })
    }

    /// Whether pools say in which networks their members are (ako 6.5).
    #[must_use]
    pub fn places_pools(&self) -> bool {
        matches!(self.kind, CloudKind::Vcenter | CloudKind::NsxtVlan)
    }
}

/// Domains may be written with a leading dot.
fn bare(domain: &str) -> &str {
    domain.trim_start_matches('.')
}

impl NetworkRef {
    /// The reference as AKO writes it (ako 9.7).
    #[must_use]
    pub fn reference(&self) -> String {
        match self {
            Self::Name(name) => format!("/api/network/?name={name}"),
            Self::Uuid(uuid) => format!("/api/network/{uuid}"),
        }
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.mask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(domains: Option<&[&str]>) -> Cloud {
        let domains = domains.map(|domains| domains.iter().map(ToString::to_string).collect());
        Cloud { kind: CloudKind::None, domains, vrf: "global".into(), is_enterprise: true }
    }

    #[test]
    fn a_host_is_served_below_a_domain_only() {
        let cloud = cloud(Some(&["avi.internal", ".com"]));
        for (host, expected) in [
            ("foo.com", true),
            ("foo.avi.internal", true),
            ("avi.internal", true),
            ("fooavi.internal", false),
            ("foo.org", false),
        ] {
            assert_eq!(cloud.serves(host), expected, "{host}");
        }
        assert!(self::cloud(None).serves("foo.org"), "without a DNS profile every host is served");
        assert!(!self::cloud(Some(&[])).serves("foo.org"), "a profile without domains serves none");
    }

    #[test]
    fn the_domain_of_automatic_names_is_the_configured_one_where_the_cloud_has_it() {
        let values = [("clusterName", "c"), ("enableEVH", "true"), ("vipNetworkList", r#"[{"networkName":"n"}]"#)];
        let values = values.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let mut settings = Settings::parse(&values, "avi-system").unwrap();
        let cloud = cloud(Some(&["b.com", ".a.com"]));
        assert_eq!(settings.sub_domain(&cloud), Some("a.com"), "the first by alphabet, without its dot");
        settings.default_domain = Some("b.com".into());
        assert_eq!(settings.sub_domain(&cloud), Some("b.com"));
        settings.default_domain = Some("c.com".into());
        assert_eq!(settings.sub_domain(&cloud), Some("a.com"));
        assert_eq!(settings.sub_domain(&self::cloud(None)), None);
    }
}
