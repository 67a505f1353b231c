//! What the cluster last said.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Namespace, Node, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::NamespacedName;

/// Label of an EndpointSlice that names its Service.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// An object of a kind that is read (ako 1.2).
#[expect(clippy::large_enum_variant, reason = "an object is moved once, into the index")]
#[derive(Debug, Clone, PartialEq)]
pub enum Object {
    /// `networking.k8s.io/v1` Ingress.
    Ingress(Ingress),
    /// `networking.k8s.io/v1` IngressClass.
    IngressClass(IngressClass),
    /// `v1` Service.
    Service(Service),
    /// `discovery.k8s.io/v1` EndpointSlice.
    EndpointSlice(EndpointSlice),
    /// `v1` Secret.
    Secret(Secret),
    /// `v1` Namespace.
    Namespace(Namespace),
    /// `v1` Node.
    Node(Node),
}

/// Kinds that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `networking.k8s.io/v1` Ingress.
    Ingress,
    /// `networking.k8s.io/v1` IngressClass.
    IngressClass,
    /// `v1` Service.
    Service,
    /// `discovery.k8s.io/v1` EndpointSlice.
    EndpointSlice,
    /// `v1` Secret.
    Secret,
    /// `v1` Namespace.
    Namespace,
    /// `v1` Node.
    Node,
}

pub(crate) type Classes = BTreeMap<String, Arc<IngressClass>>;
pub(crate) type Nodes = BTreeMap<String, Arc<Node>>;
pub(crate) type Slices = BTreeMap<String, Arc<EndpointSlice>>;

/// The objects of one cluster. Cloning is cheap for what objects hold and gives a picture that stays as it is.
///
/// What is not here does not exist: an index is fit for translation once every kind was read in full, and what was read
/// stays while the cluster cannot be reached.
#[derive(Debug, Clone, Default)]
pub struct Index {
    pub(crate) ingresses: BTreeMap<NamespacedName, Arc<Ingress>>,
    pub(crate) services: BTreeMap<NamespacedName, Arc<Service>>,
    secrets: BTreeMap<NamespacedName, Arc<Secret>>,
    namespaces: BTreeMap<String, Arc<Namespace>>,
    classes: Arc<Classes>,
    nodes: Arc<Nodes>,
    /// By Service, then by name.
    slices: BTreeMap<NamespacedName, Arc<Slices>>,
    /// Service of each slice: the label may change.
    slice_services: BTreeMap<NamespacedName, String>,
}

impl Index {
    /// Takes the whole present state; what is not in it is gone.
    pub fn reset(&mut self, objects: impl IntoIterator<Item = Object>) {
        *self = Self::default();
        for object in objects {
            self.apply(object);
        }
    }

    /// Takes an object that was created or changed. One without a namespace is in `default`.
    pub fn apply(&mut self, object: Object) {
        match object {
            Object::Ingress(object) => {
                self.ingresses.insert(namespaced(&object.metadata), Arc::new(object));
            }
            Object::Service(object) => {
                self.services.insert(namespaced(&object.metadata), Arc::new(object));
            }
            Object::Secret(object) => {
                self.secrets.insert(namespaced(&object.metadata), Arc::new(object));
            }
            Object::Namespace(object) => {
                self.namespaces.insert(name_of(&object.metadata), Arc::new(object));
            }
            Object::IngressClass(object) => {
                Arc::make_mut(&mut self.classes).insert(name_of(&object.metadata), Arc::new(object));
            }
            Object::Node(object) => {
                let name = name_of(&object.metadata);
                if !self.nodes.get(&name).is_some_and(|there| same_node(there, &object)) {
                    Arc::make_mut(&mut self.nodes).insert(name, Arc::new(object));
                }
            }
            Object::EndpointSlice(object) => self.apply_slice(object),
        }
    }

    /// Forgets an object that was removed. `namespace` of a kind without namespaces is not looked at.
    pub fn delete(&mut self, kind: Kind, name: &NamespacedName) {
        match kind {
            Kind::Ingress => drop(self.ingresses.remove(name)),
            Kind::Service => drop(self.services.remove(name)),
            Kind::Secret => drop(self.secrets.remove(name)),
            Kind::Namespace => drop(self.namespaces.remove(&name.name)),
            Kind::EndpointSlice => self.remove_slice(name),
            Kind::IngressClass => drop(Arc::make_mut(&mut self.classes).remove(&name.name)),
            Kind::Node => drop(Arc::make_mut(&mut self.nodes).remove(&name.name)),
        }
    }

    /// An Ingress.
    #[must_use]
    pub fn ingress(&self, name: &NamespacedName) -> Option<&Arc<Ingress>> {
        self.ingresses.get(name)
    }

    /// A Service.
    #[must_use]
    pub fn service(&self, name: &NamespacedName) -> Option<&Arc<Service>> {
        self.services.get(name)
    }

    pub(crate) fn secret(&self, name: &NamespacedName) -> Option<&Arc<Secret>> {
        self.secrets.get(name)
    }

    pub(crate) fn namespace(&self, name: &str) -> Option<&Arc<Namespace>> {
        self.namespaces.get(name)
    }

    pub(crate) fn classes(&self) -> &Arc<Classes> {
        &self.classes
    }

    pub(crate) fn nodes(&self) -> &Arc<Nodes> {
        &self.nodes
    }

    /// Slices of a Service.
    pub(crate) fn slices(&self, service: &NamespacedName) -> Option<&Arc<Slices>> {
        self.slices.get(service)
    }

    /// A slice without the label belongs to nobody.
    fn apply_slice(&mut self, object: EndpointSlice) {
        let name = namespaced(&object.metadata);
        let service = object.metadata.labels.as_ref().and_then(|labels| labels.get(SERVICE_LABEL)).cloned();
        if self.slice_services.get(&name) != service.as_ref() {
            self.remove_slice(&name);
        }
        if let Some(service) = service {
            let key = NamespacedName::new(name.namespace.clone(), service.clone());
            let slices = self.slices.entry(key).or_default();
            Arc::make_mut(slices).insert(name.name.clone(), Arc::new(object));
            self.slice_services.insert(name, service);
        }
    }

    fn remove_slice(&mut self, name: &NamespacedName) {
        let Some(service) = self.slice_services.remove(name) else { return };
        let key = NamespacedName::new(name.namespace.clone(), service);
        if let Some(slices) = self.slices.get_mut(&key) {
            Arc::make_mut(slices).remove(&name.name);
            if slices.is_empty() {
                self.slices.remove(&key);
            }
        }
    }
}

/// Nodes report their health every few seconds; only what is read counts as a change.
fn same_node(a: &Node, b: &Node) -> bool {
    let addresses = |node: &Node| node.status.as_ref().and_then(|status| status.addresses.clone());
    a.metadata.labels == b.metadata.labels
        && a.metadata.annotations == b.metadata.annotations
        && a.spec == b.spec
        && addresses(a) == addresses(b)
}

pub(crate) fn namespaced(metadata: &ObjectMeta) -> NamespacedName {
    let namespace = metadata.namespace.clone().unwrap_or_else(|| "default".to_owned());
    NamespacedName { namespace, name: name_of(metadata) }
}

fn name_of(metadata: &ObjectMeta) -> String {
    metadata.name.clone().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(name: &str, service: &str) -> Object {
        let mut slice = EndpointSlice::default();
        slice.metadata.name = Some(name.to_owned());
        if !service.is_empty() {
            slice.metadata.labels = Some([(SERVICE_LABEL.to_owned(), service.to_owned())].into());
        }
        Object::EndpointSlice(slice)
    }

    fn names(index: &Index, service: &str) -> Vec<String> {
        let slices = index.slices(&NamespacedName::new("default", service));
        slices.into_iter().flat_map(|slices| slices.keys().cloned()).collect()
    }

    #[test]
    fn a_slice_follows_its_label() {
        let mut index = Index::default();
        index.reset([slice("a", "web"), slice("b", "web")]);
        assert_eq!(names(&index, "web"), ["a", "b"]);
        index.apply(slice("a", "shop"));
        assert_eq!((names(&index, "web"), names(&index, "shop")), (vec!["b".to_owned()], vec!["a".to_owned()]));
        index.apply(slice("a", ""));
        index.delete(Kind::EndpointSlice, &NamespacedName::new("default", "b"));
        assert!(names(&index, "web").is_empty() && names(&index, "shop").is_empty());
    }

    #[test]
    fn a_nodes_heartbeat_changes_nothing() {
        let mut node = Node::default();
        node.metadata.name = Some("n".into());
        let mut index = Index::default();
        index.apply(Object::Node(node.clone()));
        let before = Arc::clone(index.nodes());
        node.metadata.resource_version = Some("2".into());
        index.apply(Object::Node(node.clone()));
        assert!(Arc::ptr_eq(&before, index.nodes()));
        node.metadata.labels = Some([("role".to_owned(), "edge".to_owned())].into());
        index.apply(Object::Node(node));
        assert!(!Arc::ptr_eq(&before, index.nodes()));
    }

    #[test]
    fn a_picture_does_not_change_with_the_index() {
        let mut index = Index::default();
        index.apply(slice("a", "web"));
        let picture = index.clone();
        index.delete(Kind::EndpointSlice, &NamespacedName::new("default", "a"));
        assert_eq!((names(&picture, "web").len(), names(&index, "web").len()), (1, 0));
    }
}
