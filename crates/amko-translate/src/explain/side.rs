//! One translation, prepared for questions about single services and objects.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::desired::{HealthMonitor, ObjectName};
use crate::selection::{Candidate, Reason, Rejected};
use crate::{MemberKind, ObjectRef, Outcome};

/// A translation with its records by service and by object: explaining many changes asks about each of them.
pub(super) struct Side<'a> {
    pub(super) outcome: &'a Outcome,
    monitors: HashMap<(&'a str, &'a str), Vec<&'a HealthMonitor>>,
    /// Made at the first question: most changes ask none.
    objects: OnceCell<HashMap<Key<'a>, Records<'a>>>,
}

/// A Kubernetes object, whatever the host.
type Key<'a> = (MemberKind, &'a str, &'a str, &'a str);

/// What a translation says about one object, in its order.
#[derive(Default)]
pub(super) struct Records<'a> {
    pub(super) accepted: Vec<&'a Candidate>,
    pub(super) rejected: Vec<&'a Rejected>,
}

impl<'a> Side<'a> {
    pub(super) fn new(outcome: &'a Outcome) -> Self {
        let mut monitors: HashMap<_, Vec<_>> = HashMap::new();
        for monitor in outcome.desired.monitors.values() {
            monitors.entry((monitor.name.tenant.as_str(), monitor.service.as_str())).or_default().push(monitor);
        }
        Self { outcome, monitors, objects: OnceCell::new() }
    }

    /// Monitors generated for a service.
    pub(super) fn monitors<'b>(&'b self, service: &'b ObjectName) -> &'b [&'a HealthMonitor] {
        self.monitors.get(&(service.tenant.as_str(), service.name.as_str())).map_or(&[], Vec::as_slice)
    }

    /// Why an object, or this host of it, was not taken.
    pub(super) fn rejection(&self, object: &ObjectRef) -> Option<&'a Reason> {
        let rejected = self.records(object).into_iter().flat_map(|records| &records.rejected);
        let concerns = |rejected: &ObjectRef| rejected.host.is_none() || rejected.host == object.host;
        rejected.into_iter().find(|rejected| concerns(&rejected.object)).map(|rejected| &rejected.reason)
    }

    /// Whether the object's member stood for something that could not be read.
    pub(super) fn was_held(&self, object: &ObjectRef) -> bool {
        let accepted = self.records(object).into_iter().flat_map(|records| &records.accepted);
        accepted.into_iter().any(|candidate| candidate.is_held && candidate.object == *object)
    }

    /// All that is said about an object; `None` when nothing is.
    pub(super) fn records<'b>(&'b self, object: &'b ObjectRef) -> Option<&'b Records<'a>> {
        let objects = self.objects.get_or_init(|| {
            let mut objects: HashMap<Key<'a>, Records<'a>> = HashMap::new();
            for candidate in &self.outcome.selection.accepted {
                objects.entry(key(&candidate.object)).or_default().accepted.push(candidate);
            }
            for rejected in &self.outcome.selection.rejected {
                objects.entry(key(&rejected.object)).or_default().rejected.push(rejected);
            }
            objects
        });
        objects.get(&key(object))
    }
}

fn key(object: &ObjectRef) -> Key<'_> {
    (object.kind, &object.cluster, &object.namespace, &object.name)
}
