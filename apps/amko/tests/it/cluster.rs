//! A cluster in memory: objects that a test changes, write-backs merged and told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use k8s_crds::{Kind, Object, ObjectKey};
use k8s_watch::{Event, Problem, Source, WriteBack, WriteBackError};
use serde_json::Value;
use tokio::sync::mpsc;

pub(crate) struct Cluster {
    name: String,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    objects: BTreeMap<ObjectKey, Object>,
    /// Says nothing before it is told to.
    is_silent: bool,
    watch: Option<mpsc::Sender<Event>>,
    statuses: Vec<String>,
}

impl Cluster {
    pub(crate) fn new(name: &str, objects: Vec<Object>) -> Arc<Self> {
        let objects = objects.into_iter().map(|object| (object.key(), object)).collect();
        let inner = Mutex::new(Inner { objects, ..Inner::default() });
        Arc::new(Self { name: name.to_owned(), inner })
    }

    pub(crate) fn silent(name: &str, objects: Vec<Object>) -> Arc<Self> {
        let cluster = Self::new(name, objects);
        cluster.inner.lock().unwrap().is_silent = true;
        cluster
    }

    /// Begins to answer.
    pub(crate) fn speak(&self) {
        let mut inner = self.inner.lock().unwrap();
        inner.is_silent = false;
        let all = inner.objects.values().cloned().collect();
        inner.tell(Event::Reset(all));
    }

    /// Ends the watch under way, as a broken connection does.
    pub(crate) fn hang_up(&self) {
        self.inner.lock().unwrap().watch = None;
    }

    pub(crate) fn apply(&self, object: Object) {
        let mut inner = self.inner.lock().unwrap();
        inner.objects.insert(object.key(), object.clone());
        inner.tell(Event::Apply(Box::new(object)));
    }

    pub(crate) fn delete(&self, object: &Object) {
        let mut inner = self.inner.lock().unwrap();
        inner.objects.remove(&object.key());
        inner.tell(Event::Delete(object.key()));
    }

    pub(crate) fn problem(&self, what: &str) {
        let problem = Problem { place: "hello.yaml:3".into(), what: what.into(), advice: "correct it".into() };
        self.inner.lock().unwrap().tell(Event::Problems(vec![problem]));
    }

    /// Texts of the statuses written back, in order.
    pub(crate) fn statuses(&self) -> Vec<String> {
        self.inner.lock().unwrap().statuses.clone()
    }

    pub(crate) fn object(&self, kind: Kind) -> Option<Object> {
        self.inner.lock().unwrap().objects.values().find(|object| object.kind() == kind).cloned()
    }

    /// Everything it holds.
    pub(crate) fn objects(&self) -> Vec<Object> {
        self.inner.lock().unwrap().objects.values().cloned().collect()
    }

    /// Whether somebody watches.
    pub(crate) fn is_watched(&self) -> bool {
        self.inner.lock().unwrap().watch.is_some()
    }
}

impl Inner {
    fn tell(&self, event: Event) {
        if let (Some(watch), false) = (&self.watch, self.is_silent) {
            watch.try_send(event).ok();
        }
    }
}

#[async_trait]
impl Source for Cluster {
    fn cluster(&self) -> &str {
        &self.name
    }

    fn watch(&self) -> mpsc::Receiver<Event> {
        let (sender, receiver) = mpsc::channel(1024);
        let mut inner = self.inner.lock().unwrap();
        inner.watch = Some(sender);
        let all = inner.objects.values().cloned().collect();
        inner.tell(Event::Reset(all));
        receiver
    }

    async fn write_back(&self, key: &ObjectKey, write: WriteBack) -> Result<(), WriteBackError> {
        let mut inner = self.inner.lock().unwrap();
        let Some(object) = inner.objects.get_mut(key) else { return Ok(()) };
        match (object, &write) {
            (Object::GslbConfig(config), WriteBack::Status(status)) => {
                config.status = Some(serde_json::from_value(status.clone()).unwrap());
            }
            (Object::GlobalDeploymentPolicy(policy), WriteBack::Status(status)) => {
                policy.status = Some(serde_json::from_value(status.clone()).unwrap());
            }
            (Object::GslbHostRule(rule), WriteBack::Status(status)) => {
                rule.status = Some(serde_json::from_value(status.clone()).unwrap());
            }
            (Object::GslbConfig(config), WriteBack::Annotation { key, value }) => {
                config.metadata.annotations.get_or_insert_default().insert(key.clone(), value.clone());
            }
            (object, write) => panic!("{write:?} to {}", object.key()),
        }
        if let WriteBack::Status(status) = &write {
            let status = status.as_object().unwrap();
            let text = ["status", "error"].iter().filter_map(|key| status.get(*key)?.as_str()).collect::<Vec<_>>();
            let text = match text[..] {
                [] => status.values().next().and_then(Value::as_str).unwrap().to_owned(),
                _ => text.join(" ").trim_end().to_owned(),
            };
            inner.statuses.push(text);
        }
        let object = inner.objects[key].clone();
        inner.tell(Event::Apply(Box::new(object)));
        Ok(())
    }
}
