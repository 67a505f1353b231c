//! The published story: three clusters in two sites, one application. Addresses are the story's with 127 for 10.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use se_protocol::PortOffset;

/// Delegated sub-domain.
pub(crate) const DOMAIN: &str = "avi.iberia.local";
/// The application's global name.
pub(crate) const HOST: &str = "hello.avi.iberia.local";
/// Cluster that holds GSLBConfig and GlobalDeploymentPolicy.
pub(crate) const LEADER: &str = "s1az1";
/// Ports below 1024 move, because the demo runs unprivileged.
pub(crate) const PORT_OFFSET: PortOffset = PortOffset::UNPRIVILEGED;

/// A cluster and the application in it.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// Context.
    pub(crate) name: &'static str,
    /// Site and zone.
    pub(crate) site: &'static str,
    /// The application's address there.
    pub(crate) vip: Ipv4Addr,
    /// What the application says.
    pub(crate) message: &'static str,
}

impl Cluster {
    /// Where its backend listens: the VIP, on the port that a monitor of port 80 really probes.
    pub(crate) fn backend(&self) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.vip), PORT_OFFSET.apply(80))
    }
}

/// The clusters.
pub(crate) const CLUSTERS: [Cluster; 3] = [
    Cluster {
        name: "s1az1",
        site: "Site1 AZ1",
        vip: Ipv4Addr::new(127, 10, 25, 46),
        message: "MESSAGE: This service resides in SITE1 AZ1",
    },
    Cluster {
        name: "s1az2",
        site: "Site1 AZ2",
        vip: Ipv4Addr::new(127, 10, 26, 40),
        message: "MESSAGE: This service resides in SITE1 AZ2",
    },
    Cluster {
        name: "s2",
        site: "Site2",
        vip: Ipv4Addr::new(127, 10, 23, 40),
        message: "MESSAGE: This service resides in SITE2",
    },
];

macro_rules! manifests {
    ($($file:literal),* $(,)?) => {
        [$(($file, include_str!(concat!("../../../examples/iberia/", $file)))),*]
    };
}

/// Manifests by path below the directory of clusters.
pub(crate) const MANIFESTS: [(&str, &str); 8] = manifests![
    "s1az1/namespace.yaml",
    "s1az1/hello.yaml",
    "s1az1/avi-system/gslb-config.yaml",
    "s1az1/avi-system/global-gdp.yaml",
    "s1az2/namespace.yaml",
    "s1az2/hello.yaml",
    "s2/namespace.yaml",
    "s2/hello.yaml",
];

/// The `GSLBConfig` with the annotation that says which operator it is; other manifests as they are (amko 1.10).
pub(crate) fn with_operator_identity(manifest: &str, identity: &str) -> String {
    let metadata = "  name: gc-1\n  namespace: avi-system\n";
    manifest.replace(metadata, &format!("{metadata}  annotations:\n    amko.vmware.com/amko-uuid: {identity}\n"))
}
