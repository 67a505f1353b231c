//! Objects that become members, as far as translation reads them. A cluster has tens of thousands of Ingresses and
//! Services, and of each little matters here.

use std::collections::BTreeMap;

use k8s_crds::{MultiClusterIngress, Object, ObjectKey, Route};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::selection::{READ_ANNOTATIONS, ingress_part, service_part};
use crate::{MemberKind, ObjectParts, ObjectRef, Protocol};

/// An object as the index keeps it.
#[derive(Debug, Clone)]
pub(crate) enum Kept {
    Ingress(Box<Slim<IngressPart>>),
    Service(Box<Slim<ServicePart>>),
    Whole(Box<Object>),
}

/// What matters of an object.
#[derive(Debug, Clone)]
pub(crate) struct Slim<P> {
    pub(crate) marks: SlimMarks,
    pub(crate) part: P,
}

/// Labels, and the annotations that are read.
#[derive(Debug, Clone)]
pub(crate) struct SlimMarks {
    labels: Fields,
    annotations: Fields,
}

/// What matters of an Ingress.
#[derive(Debug, Clone)]
pub(crate) struct IngressPart {
    /// Of the status, in order.
    pub(crate) entries: Box<[IngressEntry]>,
    pub(crate) rules: Box<[Rule]>,
    /// Hosts with TLS.
    pub(crate) tls: Box<[Box<str>]>,
}

/// What matters of a Service.
#[derive(Debug, Clone)]
pub(crate) struct ServicePart {
    pub(crate) is_load_balancer: bool,
    /// The first entry of the status.
    pub(crate) entry: Option<Entry>,
    /// What is probed.
    pub(crate) port: Option<(u16, Protocol)>,
}

/// An entry of an Ingress' status.
#[derive(Debug, Clone)]
pub(crate) struct IngressEntry {
    /// The Ingress with the host of the entry.
    pub(crate) object: ObjectRef,
    pub(crate) ip: Option<Box<str>>,
}

/// An entry of a Service's status.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) host: Option<Box<str>>,
    pub(crate) ip: Option<Box<str>>,
}

/// A rule of an Ingress.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) host: Option<Box<str>>,
    /// Each once, never none.
    pub(crate) paths: Box<[Box<str>]>,
}

/// Keys and values in no more memory than they need, ascending.
#[derive(Debug, Clone)]
struct Fields(Box<[(Box<str>, Box<str>)]>);

/// An object that may become a member.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source<'a> {
    Ingress(&'a Slim<IngressPart>),
    Service(&'a Slim<ServicePart>),
    Route(&'a Route),
    MultiClusterIngress(&'a MultiClusterIngress),
}

/// Labels and annotations of an object.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Marks<'a> {
    Whole(&'a ObjectMeta),
    Slim(&'a SlimMarks),
}

impl Kept {
    pub(crate) fn new(cluster: &str, key: &ObjectKey, object: Object) -> Self {
        match object {
            Object::Ingress(ingress) => {
                let marks = SlimMarks::new(&ingress.metadata);
                Self::Ingress(Box::new(Slim { marks, part: ingress_part(cluster, key, &ingress) }))
            }
            Object::Service(service) => {
                let marks = SlimMarks::new(&service.metadata);
                Self::Service(Box::new(Slim { marks, part: service_part(&service) }))
            }
            object => Self::Whole(Box::new(object)),
        }
    }

    /// The object, where all of it is kept.
    pub(crate) fn whole(&self) -> Option<&Object> {
        match self {
            Self::Whole(object) => Some(object),
            Self::Ingress(_) | Self::Service(_) => None,
        }
    }

    /// The object, where it may become a member.
    pub(crate) fn source(&self) -> Option<Source<'_>> {
        match self {
            Self::Ingress(ingress) => Some(Source::Ingress(ingress)),
            Self::Service(service) => Some(Source::Service(service)),
            Self::Whole(object) => match &**object {
                Object::Route(route) => Some(Source::Route(route)),
                Object::MultiClusterIngress(ingress) => Some(Source::MultiClusterIngress(ingress)),
                _ => None,
            },
        }
    }
}

impl Entry {
    pub(crate) fn new(host: Option<&str>, ip: Option<&str>) -> Self {
        Self { host: host.map(Into::into), ip: ip.map(Into::into) }
    }
}

impl SlimMarks {
    fn new(metadata: &ObjectMeta) -> Self {
        Self {
            labels: Fields::new(metadata.labels.as_ref(), |_| true),
            annotations: Fields::new(metadata.annotations.as_ref(), |key| READ_ANNOTATIONS.contains(&key)),
        }
    }
}

impl Fields {
    fn new(fields: Option<&BTreeMap<String, String>>, is_read: impl Fn(&str) -> bool) -> Self {
        let fields = fields.into_iter().flatten().filter(|(key, _)| is_read(key));
        Self(fields.map(|(key, value)| (key.as_str().into(), value.as_str().into())).collect())
    }

    fn get(&self, key: &str) -> Option<&str> {
        let place = self.0.binary_search_by(|(known, _)| (**known).cmp(key)).ok()?;
        self.0.get(place).map(|(_, value)| &**value)
    }
}

impl<'a> Source<'a> {
    /// The object as a whole.
    pub(crate) fn whole(self, cluster: &str, key: &ObjectKey) -> ObjectRef {
        let kind = match self {
            Self::Ingress(_) => MemberKind::Ingress,
            Self::Service(_) => MemberKind::LbService,
            Self::Route(_) => MemberKind::Route,
            Self::MultiClusterIngress(_) => MemberKind::MultiClusterIngress,
        };
        whole(cluster, key, kind)
    }

    pub(crate) fn marks(self) -> Marks<'a> {
        match self {
            Self::Ingress(ingress) => Marks::Slim(&ingress.marks),
            Self::Service(service) => Marks::Slim(&service.marks),
            Self::Route(route) => Marks::Whole(&route.metadata),
            Self::MultiClusterIngress(ingress) => Marks::Whole(&ingress.metadata),
        }
    }
}

impl<'a> Marks<'a> {
    pub(crate) fn label(self, key: &str) -> Option<&'a str> {
        match self {
            Self::Whole(metadata) => metadata.labels.as_ref()?.get(key).map(String::as_str),
            Self::Slim(marks) => marks.labels.get(key),
        }
    }

    /// One of those that are read, as it is.
    pub(crate) fn any_annotation(self, key: &str) -> Option<&'a str> {
        match self {
            Self::Whole(metadata) => metadata.annotations.as_ref()?.get(key).map(String::as_str),
            Self::Slim(marks) => marks.annotations.get(key),
        }
    }

    /// One of those that are read, when it is not empty.
    pub(crate) fn annotation(self, key: &str) -> Option<&'a str> {
        self.any_annotation(key).filter(|value| !value.is_empty())
    }

    pub(crate) fn labels(self) -> BTreeMap<String, String> {
        match self {
            Self::Whole(metadata) => metadata.labels.clone().unwrap_or_default(),
            Self::Slim(marks) => marks.labels.0.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
        }
    }
}

/// An object as a whole.
pub(crate) fn whole(cluster: &str, key: &ObjectKey, kind: MemberKind) -> ObjectRef {
    let parts = ObjectParts {
        cluster: cluster.to_owned(),
        namespace: key.namespace.clone().unwrap_or_default(),
        name: key.name.clone(),
        kind,
        host: None,
    };
    parts.into()
}
