//! The kinds as API servers serve them.

use k8s_crds::{Kind, Object, ObjectKey};
use k8s_watch::Problem;
use kube::core::Request;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How a kind is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resource {
    /// Empty for the core group.
    pub(crate) group: &'static str,
    version: &'static str,
    pub(crate) plural: &'static str,
    /// Whether status is written apart from the rest.
    pub(crate) has_status: bool,
}

pub(crate) fn resource(kind: Kind) -> Resource {
    let (group, version, plural, has_status) = match kind {
        Kind::Namespace => ("", "v1", "namespaces", true),
        Kind::Service => ("", "v1", "services", true),
        Kind::Ingress => ("networking.k8s.io", "v1", "ingresses", true),
        Kind::Secret => ("", "v1", "secrets", false),
        Kind::ConfigMap => ("", "v1", "configmaps", false),
        Kind::Node => ("", "v1", "nodes", true),
        Kind::EndpointSlice => ("discovery.k8s.io", "v1", "endpointslices", false),
        Kind::IngressClass => ("networking.k8s.io", "v1", "ingressclasses", false),
        Kind::GslbConfig => (k8s_crds::GROUP, "v1alpha1", "gslbconfigs", false),
        Kind::GlobalDeploymentPolicy => (k8s_crds::GROUP, "v1alpha2", "globaldeploymentpolicies", false),
        Kind::GslbHostRule => (k8s_crds::GROUP, "v1alpha1", "gslbhostrules", false),
        Kind::HostRule => ("ako.vmware.com", "v1beta1", "hostrules", true),
        Kind::Route => ("route.openshift.io", "v1", "routes", true),
        Kind::MultiClusterIngress => (k8s_crds::AKO_GROUP, "v1alpha1", "multiclusteringresses", true),
        Kind::ServiceImport => (k8s_crds::AKO_GROUP, "v1alpha1", "serviceimports", false),
        Kind::ClusterSet => (k8s_crds::AKO_GROUP, "v1alpha1", "clustersets", false),
    };
    Resource { group, version, plural, has_status }
}

impl Resource {
    /// Requests for objects of all namespaces, or of one.
    pub(crate) fn request(self, namespace: Option<&str>) -> Request {
        let (root, plural) = (self.group_path(), self.plural);
        Request::new(match namespace {
            Some(namespace) => format!("{root}/namespaces/{namespace}/{plural}"),
            None => format!("{root}/{plural}"),
        })
    }

    /// Where an API server tells what it serves of the group.
    pub(crate) fn group_path(self) -> String {
        let Self { group, version, .. } = self;
        if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") }
    }

    /// `networking.k8s.io/v1`; kinds of the core group are always served.
    pub(crate) fn group_version(self) -> String {
        format!("{}/{}", self.group, self.version)
    }

    /// As in messages and rules: `ingresses.networking.k8s.io`.
    pub(crate) fn name(self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }
}

/// The identity of an object, however malformed the rest of it is.
pub(crate) fn key(kind: Kind, object: &Value) -> Option<ObjectKey> {
    let text = |field: &str| object["metadata"][field].as_str().map(str::to_owned);
    let name = text("name")?;
    let namespace = if kind.is_namespaced() { Some(text("namespace")?) } else { None };
    Some(ObjectKey { kind, namespace, name })
}

/// Reads one object. Who last wrote which field is left out: it is the larger part of many objects.
///
/// # Errors
/// A problem that says which object, and which field of it, is not what its type says.
pub(crate) fn decode(cluster: &str, kind: Kind, mut object: Value) -> Result<Object, Problem> {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    let place = || match key(kind, &object) {
        Some(key) => format!("cluster {cluster}, {key}"),
        None => format!("cluster {cluster}, {kind} without a name"),
    };
    let decoded = match kind {
        Kind::Namespace => read(&object).map(Object::Namespace),
        Kind::Service => read(&object).map(Object::Service),
        Kind::Ingress => read(&object).map(Object::Ingress),
        Kind::Secret => read(&object).map(Object::Secret),
        Kind::ConfigMap => read(&object).map(Object::ConfigMap),
        Kind::Node => read(&object).map(Object::Node),
        Kind::EndpointSlice => read(&object).map(Object::EndpointSlice),
        Kind::IngressClass => read(&object).map(Object::IngressClass),
        Kind::GslbConfig => read(&object).map(Object::GslbConfig),
        Kind::GlobalDeploymentPolicy => read(&object).map(Object::GlobalDeploymentPolicy),
        Kind::GslbHostRule => read(&object).map(Object::GslbHostRule),
        Kind::HostRule => read(&object).map(Object::HostRule),
        Kind::Route => read(&object).map(Object::Route),
        Kind::MultiClusterIngress => read(&object).map(Object::MultiClusterIngress),
        Kind::ServiceImport => read(&object).map(Object::ServiceImport),
        Kind::ClusterSet => read(&object).map(Object::ClusterSet),
    };
    decoded.map_err(|what| Problem {
        place: place(),
        what: format!("cannot be read: {what}"),
        advice: "correct the object; what was known of it stays in force".to_owned(),
    })
}

fn read<T: DeserializeOwned>(object: &Value) -> Result<T, String> {
    serde_path_to_error::deserialize(object).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_are_those_of_the_api() {
        let check = |kind, namespace, expected: &str| {
            assert_eq!(resource(kind).request(namespace).url_path, expected);
        };
        check(Kind::Namespace, None, "/api/v1/namespaces");
        check(Kind::Service, Some("a"), "/api/v1/namespaces/a/services");
        check(Kind::Ingress, None, "/apis/networking.k8s.io/v1/ingresses");
        check(Kind::GslbConfig, Some("avi-system"), "/apis/amko.vmware.com/v1alpha1/namespaces/avi-system/gslbconfigs");
        check(Kind::GslbHostRule, Some("a"), "/apis/amko.vmware.com/v1alpha1/namespaces/a/gslbhostrules");
        check(Kind::HostRule, None, "/apis/ako.vmware.com/v1beta1/hostrules");
        check(Kind::Route, Some("a"), "/apis/route.openshift.io/v1/namespaces/a/routes");
        check(Kind::MultiClusterIngress, None, "/apis/ako.vmware.com/v1alpha1/multiclusteringresses");
        check(Kind::GlobalDeploymentPolicy, None, "/apis/amko.vmware.com/v1alpha2/globaldeploymentpolicies");
    }

    #[test]
    fn a_malformed_object_is_told_with_its_name_and_field() {
        let object = json!({"metadata": {"name": "a", "namespace": "b"}, "spec": {"ttl": "soon"}});
        let problem = decode("s2", Kind::GlobalDeploymentPolicy, object).unwrap_err().to_string();
        assert!(problem.starts_with("cluster s2, GlobalDeploymentPolicy b/a: cannot be read: spec.ttl: "), "{problem}");
    }

    #[test]
    fn who_wrote_which_field_is_left_out() {
        let object = json!({"metadata": {"name": "a", "managedFields": [{"manager": "x"}], "uid": "u"}});
        let object = decode("s2", Kind::Namespace, object).unwrap();
        assert_eq!(object.metadata().managed_fields, None);
        assert_eq!(object.metadata().uid.as_deref(), Some("u"));
    }
}
