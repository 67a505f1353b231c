//! Writes statuses and the identity back to the leader cluster, one write per object at a time, in order.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use k8s_crds::{Kind, Object, ObjectKey};
use k8s_watch::{Source, WriteBack};
use serde_json::Value;
use tokio::task::JoinSet;
use tracing::warn;

/// Longest wait for one write.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after a write that failed.
const RETRY: Duration = Duration::from_secs(5);
/// Field of a status that comes and goes with what the controller says.
const WARNINGS: &str = "warnings";

/// What has been and is to be written back.
pub(crate) struct Statuses {
    leader: Option<Arc<dyn Source>>,
    queues: BTreeMap<ObjectKey, Queue>,
    /// The objects as they were last seen.
    seen: BTreeMap<ObjectKey, Object>,
    writes: JoinSet<ObjectKey>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<WriteBack>,
    is_busy: bool,
    /// The last that was asked for, so that the same is not written twice.
    last: Option<WriteBack>,
    /// Whether the object was seen to carry it.
    has_arrived: bool,
    /// The object when that was.
    asked_of: Option<Object>,
}

impl Statuses {
    /// `leader` is the source of the leader cluster.
    pub(crate) fn new(leader: Option<Arc<dyn Source>>) -> Self {
        Self { leader, queues: BTreeMap::new(), seen: BTreeMap::new(), writes: JoinSet::new() }
    }

    /// Asks for a write; says whether it is a new one, and says more than other warnings.
    pub(crate) fn write(&mut self, key: &ObjectKey, write: WriteBack) -> bool {
        let queue = self.queues.entry(key.clone()).or_default();
        if queue.last.as_ref() == Some(&write) {
            return false;
        }
        let is_verdict = queue.last.as_ref().is_none_or(|last| without_warnings(last) != without_warnings(&write));
        if !is_verdict {
            // Other warnings only: those that wait are out of date.
            queue.waiting.clear();
        }
        queue.last = Some(write.clone());
        queue.has_arrived = false;
        queue.asked_of = self.seen.get(key).cloned();
        queue.waiting.push_back(write);
        self.start(key);
        is_verdict
    }

    /// Looks at the leader's objects as they are. One that is gone is forgotten, so that another of its name starts
    /// afresh; one that was replaced by a text without our words gets them again.
    pub(crate) fn compare<'a>(&mut self, objects: impl Iterator<Item = &'a Object>) {
        let ours = objects.filter(|object| {
            matches!(object.kind(), Kind::GslbConfig | Kind::GlobalDeploymentPolicy | Kind::GslbHostRule)
        });
        self.seen = ours.map(|object| (object.key(), object.clone())).collect();
        self.queues.retain(|key, queue| {
            let object = self.seen.get(key);
            if let (Some(object), Some(last)) = (object, &queue.last) {
                if carries(object, last) {
                    queue.has_arrived = true;
                } else if !queue.is_busy && (queue.has_arrived || queue.asked_of.as_ref() != Some(object)) {
                    // It is gone, or another edit came before it showed: at worst it is written twice.
                    queue.last = None;
                }
            }
            queue.is_busy || object.is_some()
        });
    }

    /// Whether an object shows this status already, whatever it warns of, as far as it was seen.
    pub(crate) fn shows(&self, key: &ObjectKey, status: &Value) -> bool {
        let status = without_warnings(&WriteBack::Status(status.clone()));
        self.seen.get(key).is_some_and(|object| carries(object, &status))
    }

    /// Waits for a write to end, and starts the next of that object. Never ready while nothing is written.
    pub(crate) async fn step(&mut self) {
        let Some(done) = self.writes.join_next().await else { return std::future::pending().await };
        if let Ok(key) = done {
            if let Some(queue) = self.queues.get_mut(&key) {
                queue.is_busy = false;
            }
            self.start(&key);
        }
    }

    fn start(&mut self, key: &ObjectKey) {
        let (Some(queue), Some(leader)) = (self.queues.get_mut(key), &self.leader) else { return };
        if queue.is_busy {
            return;
        }
        let Some(write) = queue.waiting.pop_front() else { return };
        queue.is_busy = true;
        self.writes.spawn(write_until_done(Arc::clone(leader), key.clone(), write));
    }
}

/// The words that the original has too.
fn without_warnings(write: &WriteBack) -> WriteBack {
    let mut write = write.clone();
    if let WriteBack::Status(Value::Object(status)) = &mut write {
        status.remove(WARNINGS);
    }
    write
}

/// Whether an object shows the warnings of a status, none where there are none; a status without a word about them
/// leaves them open.
fn carries_warnings(wanted: &Value, shown: Option<&[String]>) -> bool {
    let Some(wanted) = wanted.get(WARNINGS) else { return true };
    let wanted = wanted.as_array().map_or(&[][..], Vec::as_slice);
    wanted.iter().eq(shown.unwrap_or_default())
}

/// Whether an object shows what was written.
fn carries(object: &Object, write: &WriteBack) -> bool {
    match write {
        WriteBack::Status(wanted) => match object {
            Object::GslbConfig(config) => config.status.as_ref().is_some_and(|status| {
                wanted["state"] == status.state && wanted["controller"].as_str() == status.controller.as_deref()
            }),
            Object::GlobalDeploymentPolicy(policy) => policy.status.as_ref().is_some_and(|status| {
                wanted["errorStatus"] == status.error_status && carries_warnings(wanted, status.warnings.as_deref())
            }),
            Object::GslbHostRule(rule) => rule.status.as_ref().is_some_and(|status| {
                wanted["status"] == status.status
                    && wanted["error"] == status.error
                    && carries_warnings(wanted, status.warnings.as_deref())
            }),
            _ => false,
        },
        WriteBack::Annotation { key, value } => {
            let annotations = object.metadata().annotations.as_ref();
            annotations.and_then(|annotations| annotations.get(key)) == Some(value)
        }
        WriteBack::Annotations(wanted) => {
            let annotations = object.metadata().annotations.as_ref();
            let there = |key| annotations.and_then(|annotations| annotations.get(key));
            wanted.iter().all(|(key, value)| there(key) == value.as_ref())
        }
    }
}

/// Tries until it succeeds; the task ends with the operator.
async fn write_until_done(source: Arc<dyn Source>, key: ObjectKey, write: WriteBack) -> ObjectKey {
    let mut is_told = false;
    loop {
        let reason = match tokio::time::timeout(WRITE_TIMEOUT, source.write_back(&key, write.clone())).await {
            Ok(Ok(())) => return key,
            Ok(Err(error)) => crate::reading::chain(&error),
            Err(_) => "no answer in time".to_owned(),
        };
        if !is_told {
            is_told = true;
            warn!(cluster = source.cluster(), object = %key, reason, "status cannot be written back, trying on");
        }
        tokio::time::sleep(RETRY).await;
    }
}
