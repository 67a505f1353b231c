//! Someone who listens to a watch.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_crds::{Kind, Object, ObjectKey};
use k8s_watch::{Event, Problem, Source};
use k8s_watch_api::{Access, ApiServer};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::clusters::PATIENCE;

pub(crate) struct Reader {
    pub(crate) source: ApiServer,
    pub(crate) events: mpsc::Receiver<Event>,
    pub(crate) objects: BTreeMap<ObjectKey, Object>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) resets: usize,
    pub(crate) deletes: usize,
    /// What was told of kinds that not every cluster serves.
    pub(crate) served: Vec<(Kind, bool)>,
}

impl Reader {
    pub(crate) fn start(cluster: &str, access: Access, kinds: &[Kind]) -> Self {
        Self::start_impatient(cluster, access, kinds, PATIENCE)
    }

    pub(crate) fn start_impatient(cluster: &str, access: Access, kinds: &[Kind], answer_max: Duration) -> Self {
        Self::of(ApiServer::with_answer_max(cluster, access, kinds, answer_max))
    }

    pub(crate) fn of(source: ApiServer) -> Self {
        let events = source.watch();
        let (objects, problems, served) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { source, events, objects, problems, resets: 0, deletes: 0, served }
    }

    /// Listens until the condition holds.
    #[track_caller]
    pub(crate) fn until(&mut self, condition: impl Fn(&Self) -> bool) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            while !condition(self) {
                let Ok(event) = timeout(PATIENCE, self.events.recv()).await else {
                    panic!("{caller}: waited in vain; {} objects, problems {:?}", self.objects.len(), self.problems);
                };
                self.take(event.unwrap());
            }
        }
    }

    /// Listens until the first reset.
    #[track_caller]
    pub(crate) fn until_reset(&mut self) -> impl Future<Output = ()> {
        self.until(|reader| reader.resets == 1)
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Reset(objects) => {
                self.resets += 1;
                self.objects = objects.into_iter().map(|object| (object.key(), object)).collect();
            }
            Event::Apply(object) => drop(self.objects.insert(object.key(), *object)),
            Event::Delete(key) => {
                self.deletes += 1;
                self.objects.remove(&key).unwrap();
            }
            Event::Problems(problems) => self.problems = problems,
            Event::Served(kind, is_served) => self.served.push((kind, is_served)),
        }
    }

    pub(crate) fn has(&self, kind: Kind, namespace: &str, name: &str) -> bool {
        self.objects.contains_key(&key(kind, namespace, name))
    }

    pub(crate) fn object(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Object> {
        self.objects.get(&key(kind, namespace, name))
    }

    /// As a manifest.
    pub(crate) fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<serde_json::Value> {
        let value = match self.objects.get(&key(kind, namespace, name))? {
            Object::Namespace(object) => serde_json::to_value(object),
            Object::Service(object) => serde_json::to_value(object),
            Object::Ingress(object) => serde_json::to_value(object),
            Object::GslbConfig(object) => serde_json::to_value(object),
            Object::GlobalDeploymentPolicy(object) => serde_json::to_value(object),
            other => panic!("{} is not read here", other.key()),
        };
        Some(value.unwrap())
    }

    pub(crate) fn has_problem(&self, part: &str) -> bool {
        self.problems.iter().any(|problem| problem.to_string().contains(part))
    }
}

pub(crate) fn key(kind: Kind, namespace: &str, name: &str) -> ObjectKey {
    let namespace = kind.is_namespaced().then(|| namespace.to_owned());
    ObjectKey { kind, namespace, name: name.to_owned() }
}
