//! What each cluster last said.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_crds::{GlobalDeploymentPolicy, GslbConfig, GslbHostRule, Kind, Object, ObjectKey};
use k8s_openapi::api::core::v1::Namespace;

use crate::NAMESPACE;
use crate::source::{Kept, Source};

/// Objects of all clusters. Cloning is cheap and gives a picture that stays as it is.
///
/// What a cluster said stays when it can no longer be reached: silence is not a deletion.
#[derive(Debug, Clone)]
pub struct Index {
    leader: String,
    clusters: BTreeMap<String, Arc<ClusterObjects>>,
}

/// Objects of one cluster.
#[derive(Debug, Clone, Default)]
pub struct ClusterObjects {
    answered: bool,
    has_problems: bool,
    objects: BTreeMap<ObjectKey, Kept>,
    /// Objects that were there and are not any more. With `objects`, all that was ever seen.
    gone: BTreeSet<ObjectKey>,
    /// Kinds that not every cluster serves, and this one does.
    served: BTreeSet<Kind>,
}

impl Index {
    /// An index in which no cluster has said anything. `leader` holds the `GSLBConfig` and the policy.
    #[must_use]
    pub fn new(leader: impl Into<String>) -> Self {
        Self { leader: leader.into(), clusters: BTreeMap::new() }
    }

    /// Takes the whole present state of a cluster; what is not in it is gone.
    pub fn reset(&mut self, cluster: &str, objects: Vec<Object>) {
        let entry = self.entry(cluster);
        let before = std::mem::take(&mut entry.objects);
        entry.objects = objects.into_iter().map(|object| kept(cluster, object)).collect();
        entry.gone.extend(before.into_keys().filter(|key| !entry.objects.contains_key(key)));
        entry.answered = true;
    }

    /// Takes an object that was created or changed.
    pub fn apply(&mut self, cluster: &str, object: Object) {
        let entry = self.entry(cluster);
        let (key, kept) = kept(cluster, object);
        entry.gone.remove(&key);
        entry.objects.insert(key, kept);
    }

    /// Forgets an object that was removed.
    pub fn delete(&mut self, cluster: &str, key: &ObjectKey) {
        let entry = self.entry(cluster);
        entry.objects.remove(key);
        entry.gone.insert(key.clone());
    }

    /// Notes whether a cluster serves a kind that not every cluster has.
    pub fn set_served(&mut self, cluster: &str, kind: Kind, is_served: bool) {
        let served = &mut self.entry(cluster).served;
        if is_served {
            served.insert(kind);
        } else {
            served.remove(&kind);
        }
    }

    /// Notes whether parts of a cluster cannot be read at present. While so, what was never seen counts as unknown,
    /// not as absent.
    pub fn set_problems(&mut self, cluster: &str, any: bool) {
        self.entry(cluster).has_problems = any;
    }

    /// The leader's context.
    #[must_use]
    pub fn leader(&self) -> &str {
        &self.leader
    }

    /// Objects of one cluster; `None` while it has said nothing.
    #[must_use]
    pub fn cluster(&self, cluster: &str) -> Option<&ClusterObjects> {
        self.clusters.get(cluster).map(AsRef::as_ref)
    }

    /// Whether the cluster has answered in full: an object that is not here does not exist.
    #[must_use]
    pub fn is_settled(&self, cluster: &str) -> bool {
        self.cluster(cluster).is_some_and(|cluster| cluster.answered && !cluster.has_problems)
    }

    /// Whether nothing is known about an object: its cluster has not answered in full and never showed it.
    #[must_use]
    pub fn is_unknown(&self, cluster: &str, key: &ObjectKey) -> bool {
        !self.is_settled(cluster)
            && self
                .cluster(cluster)
                .is_none_or(|cluster| !cluster.objects.contains_key(key) && !cluster.gone.contains(key))
    }

    /// `GSLBConfig` objects of the leader, by namespace and name.
    pub fn gslb_configs(&self) -> impl Iterator<Item = &GslbConfig> {
        self.of_leader(Kind::GslbConfig).filter_map(|object| match object {
            Object::GslbConfig(config) => Some(config),
            _ => None,
        })
    }

    /// Policies of the leader in the operator's namespace; those elsewhere are ignored without a status (amko 2.2).
    pub fn policies(&self) -> impl Iterator<Item = &GlobalDeploymentPolicy> {
        self.of_leader(Kind::GlobalDeploymentPolicy).filter_map(|object| match object {
            Object::GlobalDeploymentPolicy(policy) if policy.metadata.namespace.as_deref() == Some(NAMESPACE) => {
                Some(policy)
            }
            _ => None,
        })
    }

    /// Rules of the leader, in any namespace.
    pub fn host_rules(&self) -> impl Iterator<Item = &GslbHostRule> {
        self.of_leader(Kind::GslbHostRule).filter_map(|object| match object {
            Object::GslbHostRule(rule) => Some(rule),
            _ => None,
        })
    }

    /// Namespaces of a cluster, by name.
    pub fn namespaces(&self, cluster: &str) -> impl Iterator<Item = &Namespace> {
        let objects = self.cluster(cluster).into_iter().flat_map(|cluster| cluster.of_kind(Kind::Namespace));
        objects.filter_map(|object| match object {
            Object::Namespace(namespace) => Some(namespace),
            _ => None,
        })
    }

    /// A namespace of a cluster.
    #[must_use]
    pub fn namespace(&self, cluster: &str, name: &str) -> Option<&Namespace> {
        let key = ObjectKey { kind: Kind::Namespace, namespace: None, name: name.to_owned() };
        match self.cluster(cluster)?.get(&key)? {
            Object::Namespace(namespace) => Some(namespace),
            _ => None,
        }
    }

    fn of_leader(&self, kind: Kind) -> impl Iterator<Item = &Object> {
        self.cluster(&self.leader).into_iter().flat_map(move |cluster| cluster.of_kind(kind))
    }

    fn entry(&mut self, cluster: &str) -> &mut ClusterObjects {
        Arc::make_mut(self.clusters.entry(cluster.to_owned()).or_default())
    }
}

impl ClusterObjects {
    /// Its objects, ordered by kind, namespace and name, but for Ingresses and Services, of which not all is kept.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.values().filter_map(Kept::whole)
    }

    /// Its objects that may become members, ordered by kind, namespace and name.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (&ObjectKey, Source<'_>)> {
        self.objects.iter().filter_map(|(key, kept)| Some((key, kept.source()?)))
    }

    /// One of these.
    pub(crate) fn source(&self, key: &ObjectKey) -> Option<Source<'_>> {
        self.objects.get(key)?.source()
    }

    /// Its objects of one kind, ordered by namespace and name; not of Ingresses and Services.
    pub(crate) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Object> {
        let first = ObjectKey { kind, namespace: None, name: String::new() };
        let of_kind = self.objects.range(first..).take_while(move |(key, _)| key.kind == kind);
        of_kind.filter_map(|(_, kept)| kept.whole())
    }

    /// Whether the cluster said that it serves a kind that not every cluster has.
    pub(crate) fn serves(&self, kind: Kind) -> bool {
        self.served.contains(&kind)
    }

    /// One object; not an Ingress or a Service, of which not all is kept.
    #[must_use]
    pub fn get(&self, key: &ObjectKey) -> Option<&Object> {
        self.objects.get(key)?.whole()
    }

    /// Whether the cluster has told its whole state at least once.
    #[must_use]
    pub fn has_answered(&self) -> bool {
        self.answered
    }
}

fn kept(cluster: &str, object: Object) -> (ObjectKey, Kept) {
    let key = object.key();
    let kept = Kept::new(cluster, &key, object);
    (key, kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace(name: &str) -> Object {
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some(name.to_owned());
        Object::Namespace(namespace)
    }

    #[test]
    fn what_a_cluster_said_stays_when_others_speak() {
        let mut index = Index::new("a");
        index.reset("a", vec![namespace("one")]);
        index.reset("b", vec![namespace("two")]);
        assert!(index.namespace("a", "one").is_some());
        index.reset("b", vec![]);
        assert!(index.namespace("a", "one").is_some());
        assert!(index.namespace("b", "two").is_none());
    }

    #[test]
    fn an_object_is_unknown_only_until_it_was_seen_or_the_cluster_settled() {
        let mut index = Index::new("a");
        let key = namespace("one").key();
        assert!(index.is_unknown("a", &key));
        index.set_problems("a", true);
        index.reset("a", vec![]);
        assert!(index.is_unknown("a", &key), "an unreadable file may hold it");
        index.apply("a", namespace("one"));
        index.delete("a", &key);
        assert!(!index.is_unknown("a", &key), "it was seen to go");
        index.set_problems("a", false);
        assert!(!index.is_unknown("a", &namespace("two").key()));
    }

    #[test]
    fn a_picture_does_not_change_with_the_index() {
        let mut index = Index::new("a");
        index.reset("a", vec![namespace("one")]);
        let picture = index.clone();
        index.reset("a", vec![]);
        assert!(picture.namespace("a", "one").is_some());
    }
}
