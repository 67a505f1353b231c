//! What an object would be a member with, whether or not a policy selects it.

use k8s_crds::{Kind, Object, ObjectKey};

use super::{Candidate, ingress, multi_cluster_ingress, service};
use crate::{Index, MemberKind, ObjectRef};

/// Records of an object as its cluster shows it, one per host; none where its status is of no use. Their tenant is empty.
#[must_use]
pub fn records_of(index: &Index, object: &ObjectRef) -> Vec<Candidate> {
    let whole = ObjectRef { host: None, ..object.clone() };
    let records = match index.member(object) {
        Some(Object::Ingress(ingress)) => ingress::records(&whole, ingress),
        Some(Object::Service(service)) => service::records(&whole, service),
        Some(Object::MultiClusterIngress(ingress)) => multi_cluster_ingress::records(&whole, ingress),
        _ => vec![],
    };
    records.into_iter().flatten().collect()
}

impl Index {
    /// The object that a member comes from, when its cluster has it.
    #[must_use]
    pub fn member(&self, object: &ObjectRef) -> Option<&Object> {
        let kind = match object.kind {
            MemberKind::Ingress => Kind::Ingress,
            MemberKind::LbService => Kind::Service,
            MemberKind::MultiClusterIngress => Kind::MultiClusterIngress,
            MemberKind::Route | MemberKind::ThirdParty => return None,
        };
        let key = ObjectKey { kind, namespace: Some(object.namespace.clone()), name: object.name.clone() };
        self.cluster(&object.cluster)?.get(&key)
    }
}
