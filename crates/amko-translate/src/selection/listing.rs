//! What an object would be a member with, whether or not a policy selects it.

use std::collections::BTreeMap;

use super::{Candidate, records};
use crate::source::Source;
use crate::{Index, ObjectRef, Policy};

/// Records of an object as its cluster shows it, one per host; none where its status is of no use. Hosts are as
/// the object has them, whatever a HostRule says, and tenants are not settled.
#[must_use]
pub fn records_of(index: &Index, object: &ObjectRef, policy: Option<&Policy>) -> Vec<Candidate> {
    let whole = object.with_host(None);
    let records = index.source(object).map(|object| records(&whole, object, policy)).unwrap_or_default();
    records.into_iter().flatten().collect()
}

impl Index {
    /// Labels of the object that a member comes from; none when its cluster does not have it.
    #[must_use]
    pub fn labels(&self, object: &ObjectRef) -> BTreeMap<String, String> {
        self.source(object).map(|object| object.marks().labels()).unwrap_or_default()
    }

    fn source(&self, object: &ObjectRef) -> Option<Source<'_>> {
        self.cluster(&object.cluster)?.source(&object.key()?)
    }
}
