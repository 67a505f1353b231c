//! The published story: three clusters in two sites, one application. Addresses are the story's with 127 for 10.

use std::net::Ipv4Addr;

use se_protocol::PortOffset;

/// Delegated sub-domain.
pub(crate) const DOMAIN: &str = "avi.iberia.local";
/// The application's global name.
pub(crate) const HOST: &str = "hello.avi.iberia.local";
/// Cluster that holds GSLBConfig and GlobalDeploymentPolicy.
pub(crate) const LEADER: &str = "s1az1";
/// The second application's name: in one cluster, with TLS.
pub(crate) const SECURE_HOST: &str = "hackazon.avi.iberia.local";
/// Manifest of its Secret, below the directory of clusters.
pub(crate) const SECRET_FILE: &str = "s1az1/hackazon-secret.yaml";
/// Manifest of AKO's settings, below the directory of a cluster.
pub(crate) const AKO_FILE: &str = "avi-system/ako.yaml";
/// Where a VIP of port 80 or 443 is to be asked: ports below 1024 move, because the demo runs unprivileged.
pub(crate) const HTTP_PORT: u16 = PortOffset::UNPRIVILEGED.apply(80);
/// As [`HTTP_PORT`].
pub(crate) const HTTPS_PORT: u16 = PortOffset::UNPRIVILEGED.apply(443);

/// A cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// Context, and name for AKO.
    pub(crate) name: &'static str,
    /// Site and zone.
    pub(crate) site: &'static str,
    /// Network of its VIPs.
    pub(crate) vip_network: &'static str,
    /// The first three numbers of its VIPs.
    pub(crate) vips: [u8; 3],
    /// The first three numbers of its pods.
    pub(crate) pods: [u8; 3],
}

impl Cluster {
    /// Whether an address is of the network of its VIPs.
    pub(crate) fn has_vip(&self, address: Ipv4Addr) -> bool {
        address.octets().starts_with(&self.vips)
    }
}

/// The clusters.
pub(crate) const CLUSTERS: [Cluster; 3] = [
    Cluster {
        name: "s1az1",
        site: "Site1 AZ1",
        vip_network: "AVI_FRONTEND_3025",
        vips: [127, 10, 25],
        pods: [127, 10, 125],
    },
    Cluster {
        name: "s1az2",
        site: "Site1 AZ2",
        vip_network: "AVI_FRONTEND_3026",
        vips: [127, 10, 26],
        pods: [127, 10, 126],
    },
    Cluster { name: "s2", site: "Site2", vip_network: "AVI_FRONTEND_3023", vips: [127, 10, 23], pods: [127, 10, 123] },
];

macro_rules! manifests {
    ($($file:literal),* $(,)?) => {
        [$(($file, include_str!(concat!("../../../examples/iberia/", $file)))),*]
    };
}

/// Manifests by path below the directory of clusters.
pub(crate) const MANIFESTS: [(&str, &str); 15] = manifests![
    "s1az1/namespace.yaml",
    "s1az1/hello.yaml",
    "s1az1/deployment.yaml",
    "s1az1/hackazon.yaml",
    "s1az1/avi-system/ako.yaml",
    "s1az1/avi-system/gslb-config.yaml",
    "s1az1/avi-system/global-gdp.yaml",
    "s1az2/namespace.yaml",
    "s1az2/hello.yaml",
    "s1az2/deployment.yaml",
    "s1az2/avi-system/ako.yaml",
    "s2/namespace.yaml",
    "s2/hello.yaml",
    "s2/deployment.yaml",
    "s2/avi-system/ako.yaml",
];

/// The `GSLBConfig` with the annotation that says which operator it is; other manifests as they are (amko 1.10).
pub(crate) fn with_operator_identity(manifest: &str, identity: &str) -> String {
    let metadata = "  name: gc-1\n  namespace: avi-system\n";
    manifest.replace(metadata, &format!("{metadata}  annotations:\n    amko.vmware.com/amko-uuid: {identity}\n"))
}
