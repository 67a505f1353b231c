//! Which kinds are read, which are passed over, and what is said about the rest.

use k8s_crds::Kind;

use super::names::nearest;

/// What to do with a kind.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known<'a> {
    /// It is read.
    Read(Kind),
    /// A list; its items may lack kind and version when the list names them.
    List(Option<ListOf<'a>>),
    /// Ordinary company of the kinds that are read.
    Ignored,
    /// It would be acted on by a later version.
    NotYet,
    /// Nobody knows it.
    Unknown {
        /// What is wrong.
        what: String,
        /// What to do.
        advice: String,
    },
}

/// Kind and version of a list's items.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ListOf<'a> {
    pub(super) kind: &'a str,
    pub(super) api_version: &'a str,
}

/// Kinds that some reader reads.
const READ: [Kind; 16] = [
    Kind::Namespace,
    Kind::Service,
    Kind::Ingress,
    Kind::Secret,
    Kind::ConfigMap,
    Kind::Node,
    Kind::EndpointSlice,
    Kind::IngressClass,
    Kind::GslbConfig,
    Kind::GlobalDeploymentPolicy,
    Kind::GslbHostRule,
    Kind::HostRule,
    Kind::Route,
    Kind::MultiClusterIngress,
    Kind::ServiceImport,
    Kind::ClusterSet,
];

/// Kinds that a directory of an application's manifests holds beside those that are read.
const IGNORED: &[&str] = &[
    "AMKOCluster",
    "APIService",
    "CSIDriver",
    "CSINode",
    "ClusterRole",
    "ClusterRoleBinding",
    "ControllerRevision",
    "CronJob",
    "CustomResourceDefinition",
    "DaemonSet",
    "Deployment",
    "Endpoints",
    "Event",
    "HorizontalPodAutoscaler",
    "Job",
    "Kustomization",
    "Lease",
    "LimitRange",
    "MutatingWebhookConfiguration",
    "NetworkPolicy",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Pod",
    "PodDisruptionBudget",
    "PodTemplate",
    "PriorityClass",
    "ReplicaSet",
    "ReplicationController",
    "ResourceQuota",
    "Role",
    "RoleBinding",
    "RuntimeClass",
    "ServiceAccount",
    "StatefulSet",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "VolumeAttachment",
];

/// Kinds of AKO, AMKO, OpenShift and the Gateway API that have a meaning for traffic, but not here yet. One that is read
/// as well has that meaning for those who do not read it.
const NOT_YET: &[&str] = &[
    "AviInfraSetting",
    "ClusterSet",
    "GRPCRoute",
    "Gateway",
    "GatewayClass",
    "HTTPRoute",
    "HTTPRule",
    "HostRule",
    "L4Rule",
    "L7Rule",
    "Route",
    "SSORule",
    "ServiceImport",
    "TCPRoute",
    "TLSRoute",
];

/// The version in which a kind is read.
fn api_version_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Namespace | Kind::Service | Kind::Secret | Kind::ConfigMap | Kind::Node => "v1",
        Kind::EndpointSlice => "discovery.k8s.io/v1",
        Kind::Ingress | Kind::IngressClass => "networking.k8s.io/v1",
        Kind::GslbConfig | Kind::GslbHostRule => "amko.vmware.com/v1alpha1",
        Kind::GlobalDeploymentPolicy => "amko.vmware.com/v1alpha2",
        Kind::HostRule => "ako.vmware.com/v1beta1",
        Kind::Route => "route.openshift.io/v1",
        Kind::MultiClusterIngress | Kind::ServiceImport | Kind::ClusterSet => "ako.vmware.com/v1alpha1",
    }
}

/// What to do with `kind` in `api_version`, where `wanted` are read.
pub(super) fn classify<'a>(api_version: &'a str, kind: &'a str, wanted: &[Kind]) -> Known<'a> {
    if let Some(read) = READ.into_iter().find(|read| read.as_str() == kind) {
        return match wanted.contains(&read) {
            true => classify_version(api_version, read),
            false if NOT_YET.contains(&kind) => Known::NotYet,
            false => Known::Ignored,
        };
    }
    if kind == "List" {
        return Known::List(None);
    }
    if IGNORED.contains(&kind) {
        return Known::Ignored;
    }
    if NOT_YET.contains(&kind) {
        return Known::NotYet;
    }
    if let Some(kind) = kind.strip_suffix("List") {
        let is_known =
            READ.iter().any(|read| read.as_str() == kind) || IGNORED.contains(&kind) || NOT_YET.contains(&kind);
        if is_known {
            return Known::List(Some(ListOf { kind, api_version }));
        }
    }
    let all = READ.iter().map(|read| read.as_str()).chain(IGNORED.iter().copied()).chain(NOT_YET.iter().copied());
    Known::Unknown {
        what: format!("unknown kind `{kind}` ({api_version})"),
        advice: match nearest(kind, all) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "remove it, or move it to a directory that is not watched".to_owned(),
        },
    }
}

fn classify_version(api_version: &str, kind: Kind) -> Known<'_> {
    let expected = api_version_of(kind);
    // AKO's definition serves both of its versions, and they say the same here.
    let is_former = kind == Kind::HostRule && api_version == "ako.vmware.com/v1alpha1";
    if api_version == expected || is_former {
        return Known::Read(kind);
    }
    let advice = match (kind, api_version) {
        (Kind::Ingress, "networking.k8s.io/v1beta1" | "extensions/v1beta1") => format!(
            "write `apiVersion: {expected}`, `backend.service.name` and `.port` in place of `serviceName` and \
             `servicePort`, and a `pathType` for each path"
        ),
        _ => format!("write `apiVersion: {expected}`"),
    };
    Known::Unknown { what: format!("{kind} in version `{api_version}` is not read"), advice }
}
