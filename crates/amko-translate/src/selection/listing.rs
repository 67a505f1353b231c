//! What an object would be a member with, whether or not a policy selects it.

use k8s_crds::{Kind, Object, ObjectKey};

use super::{Candidate, records};
use crate::{Index, MemberKind, ObjectRef, Policy};

/// Records of an object as its cluster shows it, one per host; none where its status is of no use. Hosts are as
/// the object has them, whatever a HostRule says, and tenants are not settled.
#[must_use]
pub fn records_of(index: &Index, object: &ObjectRef, policy: Option<&Policy>) -> Vec<Candidate> {
    let whole = ObjectRef { host: None, ..object.clone() };
    let records = index.member(object).map(|object| records(&whole, object, policy)).unwrap_or_default();
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
            MemberKind::Route => Kind::Route,
            MemberKind::ThirdParty => return None,
        };
        let key = ObjectKey { kind, namespace: Some(object.namespace.clone()), name: object.name.clone() };
        self.cluster(&object.cluster)?.get(&key)
    }
}
