//! One object of any kind the operators read.

use k8s_openapi::api::{
    core::v1::{ConfigMap, Namespace, Node, Secret, Service},
    discovery::v1::EndpointSlice,
    networking::v1::{Ingress, IngressClass},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::{
    ClusterSet, GlobalDeploymentPolicy, GslbConfig, GslbHostRule, HostRule, MultiClusterIngress, Route, ServiceImport,
};

/// Kinds that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `v1` Namespace.
    Namespace,
    /// `v1` Service.
    Service,
    /// `networking.k8s.io/v1` Ingress.
    Ingress,
    /// `v1` Secret.
    Secret,
    /// `v1` ConfigMap.
    ConfigMap,
    /// `v1` Node.
    Node,
    /// `discovery.k8s.io/v1` EndpointSlice.
    EndpointSlice,
    /// `networking.k8s.io/v1` IngressClass.
    IngressClass,
    /// `amko.vmware.com/v1alpha1` GSLBConfig.
    GslbConfig,
    /// `amko.vmware.com/v1alpha2` GlobalDeploymentPolicy.
    GlobalDeploymentPolicy,
    /// `amko.vmware.com/v1alpha1` GSLBHostRule.
    GslbHostRule,
    /// `ako.vmware.com/v1beta1` HostRule.
    HostRule,
    /// `route.openshift.io/v1` Route.
    Route,
    /// `ako.vmware.com/v1alpha1` MultiClusterIngress.
    MultiClusterIngress,
    /// `ako.vmware.com/v1alpha1` ServiceImport.
    ServiceImport,
    /// `ako.vmware.com/v1alpha1` ClusterSet.
    ClusterSet,
}

impl Kind {
    /// `kind` of a manifest.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Namespace => "Namespace",
            Self::Service => "Service",
            Self::Ingress => "Ingress",
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
            Self::Node => "Node",
            Self::EndpointSlice => "EndpointSlice",
            Self::IngressClass => "IngressClass",
            Self::GslbConfig => "GSLBConfig",
            Self::GlobalDeploymentPolicy => "GlobalDeploymentPolicy",
            Self::GslbHostRule => "GSLBHostRule",
            Self::HostRule => "HostRule",
            Self::Route => "Route",
            Self::MultiClusterIngress => "MultiClusterIngress",
            Self::ServiceImport => "ServiceImport",
            Self::ClusterSet => "ClusterSet",
        }
    }

    /// Whether its objects are in a namespace.
    #[must_use]
    pub fn is_namespaced(self) -> bool {
        !matches!(self, Self::Namespace | Self::Node | Self::IngressClass)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Kind, namespace and name: identity within one cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Kind.
    pub kind: Kind,
    /// Namespace; `None` for a kind that is in none.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl std::fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// An object of a kind that is read.
#[expect(clippy::large_enum_variant, reason = "objects are kept in maps and moved seldom")]
#[derive(Debug, Clone, PartialEq)]
pub enum Object {
    /// `v1` Namespace.
    Namespace(Namespace),
    /// `v1` Service.
    Service(Service),
    /// `networking.k8s.io/v1` Ingress.
    Ingress(Ingress),
    /// `v1` Secret.
    Secret(Secret),
    /// `v1` ConfigMap.
    ConfigMap(ConfigMap),
    /// `v1` Node.
    Node(Node),
    /// `discovery.k8s.io/v1` EndpointSlice.
    EndpointSlice(EndpointSlice),
    /// `networking.k8s.io/v1` IngressClass.
    IngressClass(IngressClass),
    /// `amko.vmware.com/v1alpha1` GSLBConfig.
    GslbConfig(GslbConfig),
    /// `amko.vmware.com/v1alpha2` GlobalDeploymentPolicy.
    GlobalDeploymentPolicy(GlobalDeploymentPolicy),
    /// `amko.vmware.com/v1alpha1` GSLBHostRule.
    GslbHostRule(GslbHostRule),
    /// `ako.vmware.com/v1beta1` HostRule.
    HostRule(HostRule),
    /// `route.openshift.io/v1` Route.
    Route(Route),
    /// `ako.vmware.com/v1alpha1` MultiClusterIngress.
    MultiClusterIngress(MultiClusterIngress),
    /// `ako.vmware.com/v1alpha1` ServiceImport.
    ServiceImport(ServiceImport),
    /// `ako.vmware.com/v1alpha1` ClusterSet.
    ClusterSet(ClusterSet),
}

impl Object {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Namespace(_) => Kind::Namespace,
            Self::Service(_) => Kind::Service,
            Self::Ingress(_) => Kind::Ingress,
            Self::Secret(_) => Kind::Secret,
            Self::ConfigMap(_) => Kind::ConfigMap,
            Self::Node(_) => Kind::Node,
            Self::EndpointSlice(_) => Kind::EndpointSlice,
            Self::IngressClass(_) => Kind::IngressClass,
            Self::GslbConfig(_) => Kind::GslbConfig,
            Self::GlobalDeploymentPolicy(_) => Kind::GlobalDeploymentPolicy,
            Self::GslbHostRule(_) => Kind::GslbHostRule,
            Self::HostRule(_) => Kind::HostRule,
            Self::Route(_) => Kind::Route,
            Self::MultiClusterIngress(_) => Kind::MultiClusterIngress,
            Self::ServiceImport(_) => Kind::ServiceImport,
            Self::ClusterSet(_) => Kind::ClusterSet,
        }
    }

    /// Its metadata.
    #[must_use]
    pub fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::Namespace(object) => &object.metadata,
            Self::Service(object) => &object.metadata,
            Self::Ingress(object) => &object.metadata,
            Self::Secret(object) => &object.metadata,
            Self::ConfigMap(object) => &object.metadata,
            Self::Node(object) => &object.metadata,
            Self::EndpointSlice(object) => &object.metadata,
            Self::IngressClass(object) => &object.metadata,
            Self::GslbConfig(object) => &object.metadata,
            Self::GlobalDeploymentPolicy(object) => &object.metadata,
            Self::GslbHostRule(object) => &object.metadata,
            Self::HostRule(object) => &object.metadata,
            Self::Route(object) => &object.metadata,
            Self::MultiClusterIngress(object) => &object.metadata,
            Self::ServiceImport(object) => &object.metadata,
            Self::ClusterSet(object) => &object.metadata,
        }
    }

    /// Its metadata, to change.
    pub fn metadata_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Namespace(object) => &mut object.metadata,
            Self::Service(object) => &mut object.metadata,
            Self::Ingress(object) => &mut object.metadata,
            Self::Secret(object) => &mut object.metadata,
            Self::ConfigMap(object) => &mut object.metadata,
            Self::Node(object) => &mut object.metadata,
            Self::EndpointSlice(object) => &mut object.metadata,
            Self::IngressClass(object) => &mut object.metadata,
            Self::GslbConfig(object) => &mut object.metadata,
            Self::GlobalDeploymentPolicy(object) => &mut object.metadata,
            Self::GslbHostRule(object) => &mut object.metadata,
            Self::HostRule(object) => &mut object.metadata,
            Self::Route(object) => &mut object.metadata,
            Self::MultiClusterIngress(object) => &mut object.metadata,
            Self::ServiceImport(object) => &mut object.metadata,
            Self::ClusterSet(object) => &mut object.metadata,
        }
    }

    /// Replaces its status; `null` removes it.
    ///
    /// # Errors
    /// When `status` is not one of this kind; the object is then unchanged.
    pub fn set_status(&mut self, status: serde_json::Value) -> Result<(), serde_json::Error> {
        match self {
            Self::Namespace(object) => object.status = serde_json::from_value(status)?,
            Self::Service(object) => object.status = serde_json::from_value(status)?,
            Self::Ingress(object) => object.status = serde_json::from_value(status)?,
            Self::Node(object) => object.status = serde_json::from_value(status)?,
            // These have none.
            Self::Secret(_)
            | Self::ConfigMap(_)
            | Self::EndpointSlice(_)
            | Self::IngressClass(_)
            | Self::ServiceImport(_)
            | Self::ClusterSet(_) => {}
            Self::GslbConfig(object) => object.status = serde_json::from_value(status)?,
            Self::GlobalDeploymentPolicy(object) => object.status = serde_json::from_value(status)?,
            Self::GslbHostRule(object) => object.status = serde_json::from_value(status)?,
            Self::HostRule(object) => object.status = serde_json::from_value(status)?,
            Self::Route(object) => object.status = serde_json::from_value(status)?,
            Self::MultiClusterIngress(object) => object.status = serde_json::from_value(status)?,
        }
        Ok(())
    }

    /// Its identity within the cluster; a namespaced object without a namespace is in `default`.
    #[must_use]
    pub fn key(&self) -> ObjectKey {
        let metadata = self.metadata();
        let namespace =
            self.kind().is_namespaced().then(|| metadata.namespace.clone().unwrap_or_else(|| "default".to_owned()));
        ObjectKey { kind: self.kind(), namespace, name: metadata.name.clone().unwrap_or_default() }
    }
}
