//! Names of Avi objects (ako 2.1, 2.2, 4.2). They are contract: an AKO that takes over, or is taken over from, knows its
//! objects by them.
//!
//! EVH mode encodes every name but those of parents. An encoded name has the length of the prefix and 40 characters,
//! so with the limit on the cluster name none is longer than Avi's 255.

use std::fmt;

use sha1::{Digest, Sha1};

use crate::checksum::fnv32;

/// Namespace and name of a Kubernetes object; `ns/name` as text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespacedName {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// Makes names for one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// `C--`.
    prefix: String,
    /// `NS-` of an instance that is not the primary one, else empty.
    instance: String,
}

/// Where a name of a path's pool or pool group comes from.
#[derive(Debug, Clone, Copy)]
pub struct PathName<'a> {
    /// Ingress.
    pub ingress: &'a NamespacedName,
    /// Host.
    pub host: &'a str,
    /// Path, with its leading slash; empty for none.
    pub path: &'a str,
}

impl NamespacedName {
    /// From its parts.
    #[must_use]
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for NamespacedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl Names {
    /// For a `clusterName`; `instance` is the operator's namespace when it is not the primary instance.
    #[must_use]
    pub fn new(cluster: &str, instance: Option<&str>) -> Self {
        Self {
            prefix: format!("{cluster}--"),
            instance: instance.map(|namespace| format!("{namespace}-")).unwrap_or_default(),
        }
    }

    /// Prefix of all names: `C--`.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Parent virtual service of a shard, and its VsVip. Never encoded.
    #[must_use]
    pub fn parent(&self, shard: u32) -> String {
        format!("{}{}Shared-L7-EVH-{shard}", self.prefix, self.instance)
    }

    /// Child virtual service of a host, its redirect policy, and its certificate: they share a name.
    #[must_use]
    pub fn host(&self, host: &str) -> String {
        self.encoded(host)
    }

    /// Second certificate of a host.
    #[must_use]
    pub fn alternate_certificate(&self, host: &str) -> String {
        self.encoded(&format!("{host}-alt"))
    }

    /// Certificate of hosts that ask for TLS without a secret of their own.
    #[must_use]
    pub fn default_certificate(&self, alternate: bool) -> String {
        self.encoded(if alternate { "router-certs-default-alt" } else { "router-certs-default" })
    }

    /// Policy set that switches the paths of a host in one namespace.
    #[must_use]
    pub fn switching_policy(&self, namespace: &str, host: &str) -> String {
        self.encoded(&format!("{namespace}-{host}"))
    }

    /// Pool group of a path.
    #[must_use]
    pub fn pool_group(&self, of: PathName<'_>) -> String {
        self.encoded(&plain_path(of))
    }

    /// Pool of a path.
    #[must_use]
    pub fn pool(&self, of: PathName<'_>, service: &str) -> String {
        self.encoded(&format!("{}-{service}", plain_path(of)))
    }

    /// Virtual service of a Service of type LoadBalancer, its VsVip and its policy set.
    #[must_use]
    pub fn l4(&self, service: &NamespacedName) -> String {
        self.encoded(&format!("{}-{}", service.namespace, service.name))
    }

    /// Pool of a port of such a Service; `protocol` is `TCP`, `UDP` or `SCTP`.
    #[must_use]
    pub fn l4_pool(&self, service: &NamespacedName, protocol: &str, port: u16) -> String {
        self.encoded(&format!("{}-{}-{protocol}-{port}", service.namespace, service.name))
    }

    /// `P` and the SHA-1 of the whole plain name, prefix included.
    fn encoded(&self, rest: &str) -> String {
        let plain = format!("{}{rest}", self.prefix);
        format!("{}{}", self.prefix, hex(&plain))
    }
}

/// Shard of a host among `size` parents, a power of two (ako 4.2).
#[must_use]
pub fn shard(host: &str, size: u32) -> u32 {
    fnv32(host.as_bytes()) & (size - 1)
}

/// SHA-1 as 40 lower-case digits.
fn hex(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digest = Sha1::digest(text.as_bytes());
    let nibbles = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}

fn plain_path(of: PathName<'_>) -> String {
    format!("{}-{}{}-{}", of.ingress.namespace, of.host, of.path.replace('/', "_"), of.ingress.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_those_of_the_specification() {
        for (host, size, expected) in [
            ("foo.com", 8, 0),
            ("noo.com", 8, 0),
            ("bar.com", 8, 1),
            ("xyz.com", 8, 3),
            ("hackazon.avi.iberia.local", 8, 7),
            ("hackazon.avi.iberia.local", 4, 3),
            ("hackazon.avi.iberia.local", 1, 0),
        ] {
            assert_eq!(shard(host, size), expected, "ako 4.2, {host} of {size}");
        }
    }

    #[test]
    fn encoded_names_are_those_of_the_specification() {
        let names = Names::new("cluster", None);
        let ingress = NamespacedName::new("default", "ing1");
        let group = names.pool_group(PathName { ingress: &ingress, host: "foo.com", path: "/foo" });
        for (section, made, expected) in [
            ("4.2", names.host("foo.com"), "cluster--532fd312059d5096118cb0bc3d1135a36cc4f826"),
            // The vector's plain name, `cluster--default-foo.com_foo-ing1`, is that of the pool group.
            ("4.2", group, "cluster--b0cb804947df9cfb836f264611094b70a359e129"),
            ("14.9", names.parent(0), "cluster--Shared-L7-EVH-0"),
            ("2.2", Names::new("cluster", Some("red")).parent(3), "cluster--red-Shared-L7-EVH-3"),
        ] {
            assert_eq!(made, expected, "ako {section}");
        }
    }

    /// Plain names of ako 2.2 and 14.7; the SHA-1 of each was made by `printf %s NAME | sha1sum`.
    #[test]
    fn plain_names_before_encoding_are_those_of_the_specification() {
        let names = Names::new("cluster", None);
        let service = NamespacedName::new("red-ns", "testsvc");
        let ingress = NamespacedName::new("default", "hackazon");
        let path = PathName { ingress: &ingress, host: "hackazon.avi.iberia.local", path: "/" };
        for (made, plain) in [
            (names.l4(&service), "cluster--red-ns-testsvc"),
            (names.l4_pool(&service, "TCP", 8080), "cluster--red-ns-testsvc-TCP-8080"),
            (names.pool_group(path), "cluster--default-hackazon.avi.iberia.local_-hackazon"),
            (names.pool(path, "web"), "cluster--default-hackazon.avi.iberia.local_-hackazon-web"),
            (names.switching_policy("default", "foo.com"), "cluster--default-foo.com"),
            (names.alternate_certificate("foo.com"), "cluster--foo.com-alt"),
            (names.default_certificate(false), "cluster--router-certs-default"),
            (names.default_certificate(true), "cluster--router-certs-default-alt"),
        ] {
            assert_eq!(made, format!("cluster--{}", hex(plain)), "{plain}");
        }
    }

    /// Worked examples of ako 2.2, as far as EVH mode has them.
    #[test]
    fn worked_examples_are_those_of_the_specification() {
        let names = Names::new("S1-AZ1", None);
        let (kuard, hackazon) = (NamespacedName::new("default", "kuard"), NamespacedName::new("default", "hackazon"));
        let path = PathName { ingress: &hackazon, host: "hackazon.avi.iberia.local", path: "/" };
        for (made, plain) in [
            (names.l4(&kuard), "S1-AZ1--default-kuard"),
            (names.l4_pool(&kuard, "TCP", 80), "S1-AZ1--default-kuard-TCP-80"),
            (names.host("hackazon.avi.iberia.local"), "S1-AZ1--hackazon.avi.iberia.local"),
            (names.pool_group(path), "S1-AZ1--default-hackazon.avi.iberia.local_-hackazon"),
            (
                names.switching_policy("default", "hackazon.avi.iberia.local"),
                "S1-AZ1--default-hackazon.avi.iberia.local",
            ),
        ] {
            assert_eq!(made, format!("S1-AZ1--{}", hex(plain)), "{plain}");
        }
    }

    #[test]
    fn the_digest_is_lower_case_hexadecimal() {
        // FIPS 180-4's example.
        assert_eq!(hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }
}
