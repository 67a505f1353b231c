//! What is not translated, or not as it says, and why.

use std::fmt;

use crate::NamespacedName;

/// A Kubernetes object, or a part of one, that is not translated as it says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// The object.
    pub object: Source,
    /// The host it is about; `None`: the whole object.
    pub host: Option<String>,
    /// The path it is about; `None`: the whole host.
    pub path: Option<String>,
    /// Why.
    pub reason: Reason,
}

/// A Kubernetes object that is translated.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Ingress.
    Ingress(NamespacedName),
    /// Service of type LoadBalancer.
    Service(NamespacedName),
    /// Node.
    Node(String),
}

/// How much a person has to care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It is somebody else's, or meant to be left alone.
    NotOurs,
    /// It is served, and not as it says.
    Degraded,
    /// It is not served.
    LeftOut,
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Reason {
    /// The namespace is in `blockedNamespaceList`.
    #[error("its namespace is in blockedNamespaceList")]
    NamespaceBlocked,
    /// The namespace lacks the label of `namespaceSelector`.
    #[error("its namespace lacks the label {key}={value}")]
    NamespaceNotSelected {
        /// Key.
        key: String,
        /// Value.
        value: String,
    },
    /// The named IngressClass does not exist.
    #[error("IngressClass {0} does not exist")]
    ClassMissing(String),
    /// The IngressClass belongs to another controller.
    #[error("IngressClass {class} is for {controller}")]
    ClassOfAnother {
        /// Its name.
        class: String,
        /// Its controller.
        controller: String,
    },
    /// No class is named, and the default is another's.
    #[error("it names no IngressClass, and no class of ako.vmware.com/avi-lb is the default")]
    NoDefaultClass,
    /// No class is named, and none at all is the default.
    #[error(
        "it names no IngressClass, and none is the default: name one of ako.vmware.com/avi-lb in spec.ingressClassName, or \
         make one the default with the annotation ingressclass.kubernetes.io/is-default-class"
    )]
    NoClass,
    /// A Service's class is not ours.
    #[error("its loadBalancerClass is {0}")]
    LoadBalancerClass(String),
    /// A Service without a class, and `defaultLBController` is off.
    #[error("it names no loadBalancerClass, and defaultLBController is false")]
    NoLoadBalancerClass,
    /// Something that this release does not do.
    #[error("{0} is not supported by this release")]
    Unsupported(String),
    /// Nothing in it says what to serve.
    #[error("it has no rule with a path")]
    NoRule,
    /// A rule without `http`.
    #[error("a rule has no http section")]
    RuleWithoutHttp,
    /// `spec.defaultBackend`.
    #[error("spec.defaultBackend is ignored")]
    DefaultBackend,
    /// A host that is no domain name.
    #[error("`{0}` is not a host name")]
    InvalidHost(String),
    /// No host, and no domain to make one in.
    #[error("a rule has no host, and the cloud has no DNS domain to make one in")]
    NoDomain,
    /// The host is in none of the cloud's domains.
    #[error("host {0} is in none of the cloud's DNS domains")]
    OutsideDomains(String),
    /// `fqdnReusePolicy` is `Strict`, and the host belongs to another namespace.
    #[error("host {host} is claimed by namespace {namespace}")]
    HostClaimed {
        /// Host.
        host: String,
        /// Owner.
        namespace: String,
    },
    /// An older Ingress has the same host and path.
    #[error("Ingress {0} has the same host and path, and came first")]
    DuplicatePath(NamespacedName),
    /// Two paths whose objects would have one name.
    #[error("its objects would have the names of those of path `{path}` of Ingress {ingress}")]
    NameTaken {
        /// Path that has the names.
        path: String,
        /// Its Ingress.
        ingress: NamespacedName,
    },
    /// Objects of another host or Service have one of its names.
    #[error("its objects would have the names of those of {0}")]
    NamesTaken(String),
    /// The Secret of TLS is not there.
    #[error("Secret {0} does not exist")]
    SecretMissing(NamespacedName),
    /// The Secret of TLS is not usable.
    #[error("Secret {secret}: {what}")]
    SecretInvalid {
        /// Secret.
        secret: NamespacedName,
        /// What is wrong with it.
        what: &'static str,
    },
    /// TLS without a Secret.
    #[error("spec.tls names no Secret for host {0}")]
    NoSecretName(String),
    /// Another Ingress gave the host's certificate.
    #[error("the host has the certificate of {0}, which came first")]
    OtherCertificate(NamespacedName),
    /// A backend that is no Service.
    #[error("a backend is no Service")]
    BackendNotService,
    /// The Service of a backend is not there.
    #[error("Service {0} does not exist, its pool is empty")]
    ServiceMissing(NamespacedName),
    /// A Service that has no servers of its own.
    #[error("Service {0} is of type ExternalName, its pool is empty")]
    ExternalName(NamespacedName),
    /// A Service lacks the port of a backend.
    #[error("Service {service} has no port {port}, its pool is empty")]
    PortMissing {
        /// Service.
        service: NamespacedName,
        /// Port, by number or name.
        port: String,
    },
    /// NodePort mode needs a node port.
    #[error("Service {0} opens no port on nodes, its pool is empty")]
    NoNodePort(NamespacedName),
    /// A Service without ports.
    #[error("it has no port")]
    NoPort,
    /// An address that is none.
    #[error("`{0}` is not an IP address")]
    InvalidAddress(String),
    /// A node without an address.
    #[error("it has no internal address")]
    NoNodeAddress,
    /// A pod subnet that is none.
    #[error("`{0}` is not a subnet")]
    InvalidSubnet(String),
    /// Another node has the same pod subnet.
    #[error("node {node} has the pod subnet {subnet} too")]
    DuplicateSubnet {
        /// The node that has it.
        node: String,
        /// Subnet.
        subnet: String,
    },
}

impl LeftOut {
    /// About a whole object.
    pub(crate) fn whole(object: Source, reason: Reason) -> Self {
        Self { object, host: None, path: None, reason }
    }

    /// About a host of an Ingress.
    pub(crate) fn host(ingress: &NamespacedName, host: &str, reason: Reason) -> Self {
        Self { object: Source::Ingress(ingress.clone()), host: Some(host.to_owned()), path: None, reason }
    }

    /// About a path of an Ingress.
    pub(crate) fn path(ingress: &NamespacedName, host: &str, path: &str, reason: Reason) -> Self {
        Self { path: Some(path.to_owned()), ..Self::host(ingress, host, reason) }
    }
}

impl Reason {
    /// How much a person has to care.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::NamespaceBlocked
            | Self::NamespaceNotSelected { .. }
            | Self::ClassOfAnother { .. }
            | Self::NoDefaultClass
            | Self::LoadBalancerClass(_)
            | Self::NoLoadBalancerClass => Severity::NotOurs,
            Self::DefaultBackend
            | Self::OtherCertificate(_)
            | Self::ServiceMissing(_)
            | Self::ExternalName(_)
            | Self::PortMissing { .. }
            | Self::NoNodePort(_) => Severity::Degraded,
            Self::ClassMissing(_)
            | Self::NoClass
            | Self::Unsupported(_)
            | Self::NoRule
            | Self::RuleWithoutHttp
            | Self::InvalidHost(_)
            | Self::NoDomain
            | Self::OutsideDomains(_)
            | Self::HostClaimed { .. }
            | Self::DuplicatePath(_)
            | Self::NameTaken { .. }
            | Self::NamesTaken(_)
            | Self::SecretMissing(_)
            | Self::SecretInvalid { .. }
            | Self::NoSecretName(_)
            | Self::BackendNotService
            | Self::NoPort
            | Self::InvalidAddress(_)
            | Self::NoNodeAddress
            | Self::InvalidSubnet(_)
            | Self::DuplicateSubnet { .. } => Severity::LeftOut,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ingress(name) => write!(f, "Ingress {name}"),
            Self::Service(name) => write!(f, "Service {name}"),
            Self::Node(name) => write!(f, "Node {name}"),
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.object)?;
        if let Some(host) = &self.host {
            write!(f, ", {host}{}", self.path.as_deref().unwrap_or_default())?;
        }
        write!(f, ": {}", self.reason)
    }
}
