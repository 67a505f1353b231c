//! Follows the cluster and keeps what it last said.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ako_translate::{ClusterObject, Index, Kind, NamespacedName};
use avi_client::BackOff;
use k8s_crds::{Object, ObjectKey};
use k8s_watch::{Event, Problem, Source};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::AkoEvent;
use crate::event::Teller;
use crate::instructions::{CONFIG_MAP, SECRET, Values};

/// Events that are taken over in one go; the watch tells its first state and its problems one after the other.
const BATCH_MAX: usize = 1024;

/// What the cluster last said, and a bell that rings when it changed.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// Of the operator.
    namespace: String,
    said: Mutex<Said>,
    changed: Notify,
}

/// What the cluster last said.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) index: Index,
    /// Counts the changes of the index.
    pub(crate) revision: u64,
    /// Entries of the operator's ConfigMap.
    pub(crate) config_map: Values,
    /// Entries of the operator's Secret, those that are text.
    pub(crate) secret: Values,
    /// Every kind was read in full.
    pub(crate) has_answered: bool,
    /// Parts of it cannot be read at present.
    pub(crate) has_problems: bool,
}

impl Cluster {
    pub(crate) fn new(namespace: String) -> Self {
        Self { namespace, said: Mutex::default(), changed: Notify::new() }
    }

    /// To be held for as long as a look takes, and not across a wait.
    pub(crate) fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock()
    }

    /// Waits until something changed since the last wait.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn take(&self, said: &mut Said, event: Event) {
        match event {
            Event::Reset(objects) => {
                (said.config_map, said.secret) = (None, None);
                said.has_answered = true;
                let objects: Vec<_> = objects.into_iter().filter_map(|object| self.put(said, object)).collect();
                said.index.reset(objects);
            }
            Event::Apply(object) => {
                if let Some(object) = self.put(said, *object) {
                    said.index.apply(object);
                }
            }
            Event::Delete(key) => self.delete(said, &key),
            Event::Problems(_) | Event::Served(..) => {}
        }
    }

    /// Takes what is for the operator itself; gives what is to be translated.
    fn put(&self, said: &mut Said, object: Object) -> Option<ClusterObject> {
        let key = object.key();
        match object {
            Object::ConfigMap(map) => {
                if self.is_own(&key, CONFIG_MAP) {
                    said.config_map = Some(map.data.unwrap_or_default());
                }
                None
            }
            Object::Secret(secret) => {
                if self.is_own(&key, SECRET) {
                    let data = secret.data.clone().unwrap_or_default().into_iter();
                    let texts = data.filter_map(|(key, bytes)| Some((key, String::from_utf8(bytes.0).ok()?)));
                    said.secret = Some(texts.collect::<BTreeMap<_, _>>());
                }
                Some(ClusterObject::Secret(secret))
            }
            Object::Ingress(object) => Some(ClusterObject::Ingress(object)),
            Object::IngressClass(object) => Some(ClusterObject::IngressClass(object)),
            Object::Service(object) => Some(ClusterObject::Service(object)),
            Object::EndpointSlice(object) => Some(ClusterObject::EndpointSlice(object)),
            Object::Namespace(object) => Some(ClusterObject::Namespace(object)),
            Object::Node(object) => Some(ClusterObject::Node(object)),
            Object::GslbConfig(_)
            | Object::GlobalDeploymentPolicy(_)
            | Object::GslbHostRule(_)
            | Object::ClusterSet(_)
            | Object::HostRule(_)
            | Object::MultiClusterIngress(_)
            | Object::Route(_)
            | Object::ServiceImport(_) => None,
        }
    }

    fn delete(&self, said: &mut Said, key: &ObjectKey) {
        if self.is_own(key, CONFIG_MAP) && key.kind == k8s_crds::Kind::ConfigMap {
            said.config_map = None;
        }
        if self.is_own(key, SECRET) && key.kind == k8s_crds::Kind::Secret {
            said.secret = None;
        }
        let kind = match key.kind {
            k8s_crds::Kind::Ingress => Kind::Ingress,
            k8s_crds::Kind::IngressClass => Kind::IngressClass,
            k8s_crds::Kind::Service => Kind::Service,
            k8s_crds::Kind::EndpointSlice => Kind::EndpointSlice,
            k8s_crds::Kind::Secret => Kind::Secret,
            k8s_crds::Kind::Namespace => Kind::Namespace,
            k8s_crds::Kind::Node => Kind::Node,
            k8s_crds::Kind::ConfigMap
            | k8s_crds::Kind::GslbConfig
            | k8s_crds::Kind::GlobalDeploymentPolicy
            | k8s_crds::Kind::GslbHostRule
            | k8s_crds::Kind::ClusterSet
            | k8s_crds::Kind::HostRule
            | k8s_crds::Kind::MultiClusterIngress
            | k8s_crds::Kind::Route
            | k8s_crds::Kind::ServiceImport => return,
        };
        let name = NamespacedName::new(key.namespace.clone().unwrap_or_default(), key.name.clone());
        said.index.delete(kind, &name);
    }

    fn is_own(&self, key: &ObjectKey, name: &str) -> bool {
        key.name == name && key.namespace.as_deref() == Some(self.namespace.as_str())
    }
}

/// Follows the cluster until cancelled. When its watch ends, starts another.
pub(crate) async fn follow(source: Arc<dyn Source>, cluster: Arc<Cluster>, teller: Teller, stop: CancellationToken) {
    let mut back_off = BackOff::new(Duration::from_millis(500), Duration::from_secs(30));
    let mut problems: Vec<Problem> = Vec::new();
    let mut is_silent = false;
    loop {
        let mut events = source.watch();
        while let Some(batch) = next_batch(&mut events, &stop).await {
            if is_silent {
                is_silent = false;
                back_off.reset();
                teller.tell(AkoEvent::ClusterBack);
            }
            let mut said = cluster.said();
            for event in batch {
                if let Event::Problems(now) = event {
                    said.has_problems = !now.is_empty();
                    tell_problems(&problems, &now, &teller);
                    problems = now;
                } else {
                    said.revision += 1;
                    cluster.take(&mut said, event);
                }
            }
            drop(said);
            cluster.changed.notify_one();
        }
        if stop.is_cancelled() {
            return;
        }
        if !is_silent {
            is_silent = true;
            teller.tell(AkoEvent::ClusterSilent);
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(back_off.next()) => {}
        }
    }
}

/// The next events; `None` when the watch ended or it is time to stop.
async fn next_batch(events: &mut mpsc::Receiver<Event>, stop: &CancellationToken) -> Option<Vec<Event>> {
    let mut batch = Vec::new();
    tokio::select! {
        () = stop.cancelled() => None,
        count = events.recv_many(&mut batch, BATCH_MAX) => (count > 0).then_some(batch),
    }
}

/// Tells each problem once, and when the last one is gone.
fn tell_problems(before: &[Problem], now: &[Problem], teller: &Teller) {
    for problem in now.iter().filter(|problem| !before.contains(problem)) {
        teller.tell(AkoEvent::Problem { problem: problem.clone() });
    }
    if now.is_empty() && !before.is_empty() {
        teller.tell(AkoEvent::ProblemsSolved);
    }
}
