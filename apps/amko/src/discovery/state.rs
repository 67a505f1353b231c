//! What the clusters last said, and what is to be written. No clock, no cluster.

use std::collections::BTreeMap;

use k8s_crds::{ClusterSet, Kind, MultiClusterIngress, Object, ObjectKey, ServiceImportSpec};
use k8s_watch::{Event, Problem};

use super::imports::{Exporter, Imports, Invalid, Wanted, imports};

/// All that is known.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Whether all of the own cluster is known.
    is_settled: bool,
    has_answered: bool,
    ingresses: BTreeMap<ObjectKey, MultiClusterIngress>,
    /// ClusterSets of `avi-system`.
    pub(super) sets: BTreeMap<String, ClusterSet>,
    /// ServiceImports there are.
    held: BTreeMap<String, ServiceImportSpec>,
    /// Clusters of the set in force; `None` before there was one.
    pub(super) clusters: Option<BTreeMap<String, Exporter>>,
    /// What was told of MultiClusterIngresses.
    told: BTreeMap<String, Invalid>,
    /// Why an import could not be written, as told.
    failures: BTreeMap<String, String>,
    problems: BTreeMap<String, Vec<Problem>>,
}

/// A write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Create(String, ServiceImportSpec),
    Update(String, ServiceImportSpec),
    Delete(String),
}

impl Step {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Create(name, _) | Self::Update(name, _) | Self::Delete(name) => name,
        }
    }

    pub(super) fn verb(&self) -> &'static str {
        match self {
            Self::Create(..) => "created",
            Self::Update(..) => "updated",
            Self::Delete(_) => "deleted",
        }
    }
}

impl State {
    /// Whether the own cluster has told its whole state at least once.
    pub(super) fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// Takes what the own cluster says; says whether it is about a ClusterSet.
    pub(super) fn take(&mut self, event: Event) -> bool {
        match event {
            Event::Reset(objects) => {
                (self.ingresses, self.sets, self.held) = Default::default();
                for object in objects {
                    self.apply(object);
                }
                self.has_answered = true;
                self.is_settled = true;
                true
            }
            Event::Apply(object) => self.apply(*object),
            Event::Delete(key) => {
                self.ingresses.remove(&key);
                match key.kind {
                    Kind::ServiceImport => drop(self.held.remove(&key.name)),
                    Kind::ClusterSet => return self.sets.remove(&key.name).is_some(),
                    _ => {}
                }
                false
            }
            Event::Problems(problems) => {
                self.is_settled = self.has_answered && problems.is_empty();
                self.tell("own", problems);
                false
            }
            Event::Served(..) => false,
        }
    }

    fn apply(&mut self, object: Object) -> bool {
        let key = object.key();
        match object {
            Object::MultiClusterIngress(ingress) => drop(self.ingresses.insert(key, ingress)),
            Object::ServiceImport(import) => drop(self.held.insert(key.name, import.spec)),
            Object::ClusterSet(set) => {
                return self.sets.insert(key.name, set.clone()).is_none_or(|before| before.spec != set.spec);
            }
            _ => {}
        }
        false
    }

    /// Takes what a cluster of the set says.
    pub(super) fn take_of_member(&mut self, cluster: &str, event: Event) {
        let Some(exporter) = self.clusters.as_mut().and_then(|clusters| clusters.get_mut(cluster)) else { return };
        match event {
            Event::Reset(objects) => {
                *exporter = Exporter { has_answered: true, is_settled: true, ..Exporter::default() };
                objects.into_iter().for_each(|object| exporter.apply(object));
            }
            Event::Apply(object) => exporter.apply(*object),
            Event::Delete(ObjectKey { kind: Kind::Node, name, .. }) => drop(exporter.nodes.remove(&name)),
            Event::Delete(key) => drop(exporter.services.remove(&(key.namespace.unwrap_or_default(), key.name))),
            Event::Problems(problems) => {
                exporter.is_settled = exporter.has_answered && problems.is_empty();
                self.tell(cluster, problems);
            }
            Event::Served(..) => {}
        }
    }

    /// Tells each problem once.
    fn tell(&mut self, cluster: &str, problems: Vec<Problem>) {
        let before = self.problems.insert(cluster.to_owned(), problems.clone()).unwrap_or_default();
        for problem in problems.iter().filter(|problem| !before.contains(problem)) {
            tracing::warn!(cluster, reason = %problem, "cannot be read, its imports stay");
        }
        if problems.is_empty() && !before.is_empty() {
            tracing::info!(cluster, "everything can be read again");
        }
    }

    /// What to write for the imports to be as they should. Nothing while the own cluster is not known, or no set is.
    pub(super) fn steps(&mut self) -> Vec<Step> {
        let Some(clusters) = self.clusters.as_ref().filter(|_| self.is_settled) else { return vec![] };
        let Imports { specs, invalid } = imports(self.ingresses.values(), clusters);
        for (ingress, reason) in invalid.iter().filter(|(ingress, reason)| self.told.get(*ingress) != Some(reason)) {
            tracing::error!(ingress, %reason, "MultiClusterIngress left aside; correct it");
        }
        self.told = invalid;
        let mut steps = Vec::new();
        for (name, spec) in &specs {
            match self.held.get(name) {
                None => steps.push(Step::Create(name.clone(), spec.clone())),
                Some(held) if sorted(held) != sorted(spec) => steps.push(Step::Update(name.clone(), spec.clone())),
                Some(_) => {}
            }
        }
        for (name, held) in self.held.iter().filter(|(name, _)| !specs.contains_key(*name)) {
            let ServiceImportSpec { cluster, namespace, service, .. } = held.clone();
            let is_ours = Wanted { cluster, namespace, service }.name() == *name;
            // Of a cluster that cannot be read nothing is known; one that left the set has no say.
            let is_known = clusters.get(&held.cluster).is_none_or(|cluster| cluster.is_settled);
            if is_ours && is_known {
                steps.push(Step::Delete(name.clone()));
            }
        }
        let concerned = |name: &String| steps.iter().any(|step| step.name() == name);
        self.failures.retain(|name, _| concerned(name));
        steps
    }

    /// A write succeeded; the watch shows it a moment later.
    pub(super) fn wrote(&mut self, step: Step) {
        self.failures.remove(step.name());
        match step {
            Step::Create(name, spec) | Step::Update(name, spec) => drop(self.held.insert(name, spec)),
            Step::Delete(name) => drop(self.held.remove(&name)),
        }
    }

    /// Notes why a write failed; says whether that is new.
    pub(super) fn is_new_failure(&mut self, name: &str, reason: &str) -> bool {
        self.failures.insert(name.to_owned(), reason.to_owned()).as_deref() != Some(reason)
    }
}

/// In an order of its own: whoever wrote it may have had another.
fn sorted(spec: &ServiceImportSpec) -> ServiceImportSpec {
    let mut spec = spec.clone();
    spec.svc_ports.sort_by_key(|port| port.port);
    spec.svc_ports.iter_mut().for_each(|port| port.endpoints.sort());
    spec
}

#[cfg(test)]
mod tests;
