//! Look-ups that remember themselves, and results that are kept while these give the same.
//!
//! A part of the translation reads the index through a [`View`] alone, so what it depends on is known without anyone
//! having to say it: a kept result is good as long as each look-up gives the very object it gave before.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Namespace, Secret, Service};
use k8s_openapi::api::networking::v1::Ingress;

use crate::NamespacedName;
use crate::index::{Classes, Index, Nodes, Slices};

/// The index, as one part of the translation sees it.
pub(crate) struct View<'a> {
    index: &'a Index,
    seen: Vec<Seen>,
}

/// One look-up and what it gave. Holding the object keeps its place in memory, so no other can be taken for it.
#[derive(Debug)]
enum Seen {
    Ingress(NamespacedName, Option<Arc<Ingress>>),
    Service(NamespacedName, Option<Arc<Service>>),
    Slices(NamespacedName, Option<Arc<Slices>>),
    Secret(NamespacedName, Option<Arc<Secret>>),
    Namespace(String, Option<Arc<Namespace>>),
    Classes(Arc<Classes>),
    Nodes(Arc<Nodes>),
}

/// Results by key.
#[derive(Debug)]
pub(crate) struct Memo<K, I, V> {
    entries: HashMap<K, Entry<I, V>>,
    pass: u64,
}

#[derive(Debug)]
struct Entry<I, V> {
    /// What the result was made from, beyond the index.
    input: I,
    seen: Vec<Seen>,
    value: Arc<V>,
    /// Last pass that asked for it.
    pass: u64,
}

impl<'a> View<'a> {
    fn new(index: &'a Index) -> Self {
        Self { index, seen: Vec::new() }
    }

    pub(crate) fn ingress(&mut self, name: &NamespacedName) -> Option<&'a Ingress> {
        let found = self.index.ingress(name);
        self.seen.push(Seen::Ingress(name.clone(), found.cloned()));
        found.map(AsRef::as_ref)
    }

    pub(crate) fn service(&mut self, name: &NamespacedName) -> Option<&'a Service> {
        let found = self.index.service(name);
        self.seen.push(Seen::Service(name.clone(), found.cloned()));
        found.map(AsRef::as_ref)
    }

    pub(crate) fn slices(&mut self, service: &NamespacedName) -> Option<&'a Slices> {
        let found = self.index.slices(service);
        self.seen.push(Seen::Slices(service.clone(), found.cloned()));
        found.map(AsRef::as_ref)
    }

    pub(crate) fn secret(&mut self, name: &NamespacedName) -> Option<&'a Secret> {
        let found = self.index.secret(name);
        self.seen.push(Seen::Secret(name.clone(), found.cloned()));
        found.map(AsRef::as_ref)
    }

    pub(crate) fn namespace(&mut self, name: &str) -> Option<&'a Namespace> {
        let found = self.index.namespace(name);
        self.seen.push(Seen::Namespace(name.to_owned(), found.cloned()));
        found.map(AsRef::as_ref)
    }

    pub(crate) fn classes(&mut self) -> &'a Classes {
        self.seen.push(Seen::Classes(Arc::clone(self.index.classes())));
        self.index.classes()
    }

    pub(crate) fn nodes(&mut self) -> &'a Nodes {
        self.seen.push(Seen::Nodes(Arc::clone(self.index.nodes())));
        self.index.nodes()
    }
}

impl Seen {
    fn holds(&self, index: &Index) -> bool {
        match self {
            Self::Ingress(name, found) => same(found.as_ref(), index.ingress(name)),
            Self::Service(name, found) => same(found.as_ref(), index.service(name)),
            Self::Slices(name, found) => same(found.as_ref(), index.slices(name)),
            Self::Secret(name, found) => same(found.as_ref(), index.secret(name)),
            Self::Namespace(name, found) => same(found.as_ref(), index.namespace(name)),
            Self::Classes(found) => Arc::ptr_eq(found, index.classes()),
            Self::Nodes(found) => Arc::ptr_eq(found, index.nodes()),
        }
    }
}

impl<K: Eq + Hash + Clone, I: PartialEq, V: PartialEq> Memo<K, I, V> {
    pub(crate) fn new() -> Self {
        Self { entries: HashMap::new(), pass: 0 }
    }

    /// Starts a pass; what no one asks for during it is forgotten by [`Memo::end_pass`].
    pub(crate) fn start_pass(&mut self) {
        self.pass += 1;
    }

    pub(crate) fn end_pass(&mut self) {
        let pass = self.pass;
        self.entries.retain(|_, entry| entry.pass == pass);
    }

    /// The result for a key, and whether it had to be made. A result that was made again and is equal keeps its place
    /// in memory, so that what depends on it need not be made again.
    pub(crate) fn get(
        &mut self,
        index: &Index,
        key: &K,
        input: I,
        make: impl FnOnce(&mut View<'_>, &I) -> V,
    ) -> (Arc<V>, bool) {
        let pass = self.pass;
        if let Some(entry) = self.entries.get_mut(key)
            && entry.input == input
            && entry.seen.iter().all(|seen| seen.holds(index))
        {
            entry.pass = pass;
            return (Arc::clone(&entry.value), false);
        }
        let mut view = View::new(index);
        let value = make(&mut view, &input);
        let value = match self.entries.get(key) {
            Some(entry) if *entry.value == value => Arc::clone(&entry.value),
            _ => Arc::new(value),
        };
        self.entries.insert(key.clone(), Entry { input, seen: view.seen, value: Arc::clone(&value), pass });
        (value, true)
    }
}

fn same<T>(a: Option<&Arc<T>>, b: Option<&Arc<T>>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::{Kind, Object};

    fn secret(name: &str) -> Object {
        let mut secret = Secret::default();
        secret.metadata.name = Some(name.to_owned());
        Object::Secret(secret)
    }

    #[test]
    fn a_result_is_kept_until_something_it_looked_at_changes() {
        let mut index = Index::default();
        let mut memo: Memo<&str, u8, bool> = Memo::new();
        let name = NamespacedName::new("default", "a");
        let mut ask = |index: &Index, input| memo.get(index, &"key", input, |view, _| view.secret(&name).is_some());
        assert_eq!(ask(&index, 1), (Arc::new(false), true));
        assert_eq!(ask(&index, 1), (Arc::new(false), false));
        index.apply(secret("b"));
        assert_eq!(ask(&index, 1), (Arc::new(false), false), "another object");
        index.apply(secret("a"));
        let (first, made) = ask(&index, 1);
        assert!(*first && made, "what was missing appeared");
        index.apply(secret("a"));
        let (second, made) = ask(&index, 1);
        assert!(made && Arc::ptr_eq(&first, &second), "made again, equal, the same place");
        assert!(ask(&index, 2).1, "another input");
        index.delete(Kind::Secret, &name);
        assert_eq!(ask(&index, 2), (Arc::new(false), true));
    }

    #[test]
    fn what_no_one_asks_for_is_forgotten() {
        let index = Index::default();
        let mut memo: Memo<u8, (), u8> = Memo::new();
        memo.start_pass();
        memo.get(&index, &1, (), |_, ()| 1);
        memo.get(&index, &2, (), |_, ()| 2);
        memo.end_pass();
        memo.start_pass();
        memo.get(&index, &1, (), |_, ()| 1);
        memo.end_pass();
        assert_eq!(memo.entries.len(), 1);
    }
}
