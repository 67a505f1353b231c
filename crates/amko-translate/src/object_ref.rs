//! Which Kubernetes object a member comes from, in the form that a GSLB service's description carries.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use k8s_crds::{Kind, ObjectKey};

/// Kind of an object that becomes a member (amko 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemberKind {
    /// Ingress.
    Ingress,
    /// Service of type LoadBalancer.
    LbService,
    /// OpenShift Route.
    Route,
    /// MultiClusterIngress of AKO.
    MultiClusterIngress,
    /// A member outside of clusters, which no description names: its site stands in place of a cluster.
    ThirdParty,
}

/// One object, and one host of it where the object has several. Cheap to clone: what is selected, where it is a member
/// and what was told of it name the same object many times over.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef(Arc<ObjectParts>);

/// What a reference consists of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectParts {
    /// Cluster context.
    pub cluster: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: MemberKind,
    /// Host, for kinds that have one record per host; `None` elsewhere, and where the whole object is meant.
    pub host: Option<String>,
}

/// An entry of a description that is not `TYPE/cluster/namespace/name[/host]`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not TYPE/cluster/namespace/name or TYPE/cluster/namespace/name/host")]
pub struct ObjectRefError(pub String);

impl MemberKind {
    /// Word in descriptions and keys (amko 3.1).
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ingress => "INGRESS",
            Self::LbService => "LBSVC",
            Self::Route => "ROUTE",
            Self::MultiClusterIngress => "MCI",
            Self::ThirdParty => "THIRDPARTY",
        }
    }

    /// `kind` of its manifest.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Ingress => "Ingress",
            Self::LbService => "Service",
            Self::Route => "Route",
            Self::MultiClusterIngress => "MultiClusterIngress",
            Self::ThirdParty => "third-party member",
        }
    }

    fn has_hosts(self) -> bool {
        matches!(self, Self::Ingress | Self::MultiClusterIngress)
    }
}

impl Deref for ObjectRef {
    type Target = ObjectParts;

    fn deref(&self) -> &ObjectParts {
        &self.0
    }
}

impl From<ObjectParts> for ObjectRef {
    fn from(parts: ObjectParts) -> Self {
        Self(Arc::new(parts))
    }
}

impl ObjectRef {
    /// The same object, of which this host is meant; all of it when `None`.
    #[must_use]
    pub fn with_host(&self, host: Option<&str>) -> Self {
        if self.host.as_deref() == host {
            return self.clone();
        }
        ObjectParts { host: host.map(str::to_owned), ..ObjectParts::clone(self) }.into()
    }

    /// `Ingress default/hello`: how a person names it within its cluster.
    #[must_use]
    pub fn spoken(&self) -> String {
        if self.kind == MemberKind::ThirdParty {
            return format!("third-party member {}", self.name);
        }
        format!("{} {}/{}", self.kind.kind(), self.namespace, self.name)
    }

    /// What the object is called in its cluster; `None` for what is in none.
    pub(crate) fn key(&self) -> Option<ObjectKey> {
        let kind = match self.kind {
            MemberKind::Ingress => Kind::Ingress,
            MemberKind::LbService => Kind::Service,
            MemberKind::Route => Kind::Route,
            MemberKind::MultiClusterIngress => Kind::MultiClusterIngress,
            MemberKind::ThirdParty => return None,
        };
        Some(ObjectKey { kind, namespace: Some(self.namespace.clone()), name: self.name.clone() })
    }

    /// Whether both mean the same Kubernetes object, whatever the host.
    #[must_use]
    pub fn is_same_object(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.cluster == other.cluster
            && self.namespace == other.namespace
            && self.name == other.name
    }
}

/// The entry of a description, `INGRESS/k8s/default/ing1/foo.avi.com` (amko 5.3 rule 6).
impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.kind.word(), self.cluster, self.namespace, self.name)?;
        match &self.host {
            Some(host) => write!(f, "/{host}"),
            None => Ok(()),
        }
    }
}

impl FromStr for ObjectRef {
    type Err = ObjectRefError;

    /// Reads from the right, because a context may contain slashes (`arn:…:cluster/name`).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ObjectRefError(text.to_owned());
        let (word, rest) = text.split_once('/').ok_or_else(error)?;
        let kind = match word {
            "INGRESS" => MemberKind::Ingress,
            "LBSVC" => MemberKind::LbService,
            "ROUTE" => MemberKind::Route,
            "MCI" => MemberKind::MultiClusterIngress,
            _ => return Err(error()),
        };
        let (rest, host) = if kind.has_hosts() {
            let (rest, host) = rest.rsplit_once('/').ok_or_else(error)?;
            (rest, Some(host.to_owned()))
        } else {
            (rest, None)
        };
        let (rest, name) = rest.rsplit_once('/').ok_or_else(error)?;
        let (cluster, namespace) = rest.rsplit_once('/').ok_or_else(error)?;
        if [cluster, namespace, name].iter().any(|part| part.is_empty()) {
            return Err(error());
        }
        let parts = ObjectParts {
            cluster: cluster.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            kind,
            host,
        };
        Ok(parts.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str) {
        let parsed: ObjectRef = text.parse().unwrap();
        assert_eq!(parsed.to_string(), text);
    }

    #[test]
    fn entries_of_a_description_survive_reading_and_writing() {
        check("INGRESS/k8s/default/ing1/foo.avi.com");
        check("LBSVC/k8s/default/svc1");
        check("ROUTE/oshift/default/r1");
        check("INGRESS/k8slab-admin@k8slab/fruit/ingress-example/fruit.gslb.guzware.net");
        check("INGRESS/arn:aws:eks:eu:1:cluster/blue/default/ing1/foo.avi.com");
    }

    #[test]
    fn a_text_of_another_shape_is_refused() {
        for text in ["", "INGRESS", "INGRESS/a/b/c", "LBSVC/a/b", "POD/a/b/c", "LBSVC///x"] {
            assert!(text.parse::<ObjectRef>().is_err(), "{text}");
        }
    }
}
