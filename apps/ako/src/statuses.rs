//! Writes statuses and annotations back to the cluster, one write per object at a time (ako 4.8, 10.1, 10.2).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ako_translate::{Index, Source as Named, StatusPatch};
use avi_client::chain;
use k8s_crds::{Kind, ObjectKey};
use k8s_watch::{Source, WriteBack};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::AkoEvent;
use crate::event::Teller;

/// Objects that are written at the same time.
const IN_FLIGHT_MAX: usize = 8;
/// Longest wait for one write.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a write may take to show in the object before it is made again; also the pause after one that failed.
const SHOWS_WITHIN: Duration = Duration::from_secs(5);

/// What has been and is to be written back.
pub(crate) struct Statuses {
    source: Arc<dyn Source>,
    teller: Teller,
    waiting: VecDeque<(StatusPatch, Option<String>)>,
    /// Writes under way, and those that are done and do not show yet.
    begun: BTreeMap<Named, Begun>,
    writes: JoinSet<Done>,
}

struct Begun {
    patch: StatusPatch,
    /// Of the object: another of the same name knows nothing of it.
    uid: Option<String>,
    is_busy: bool,
    /// When it may be begun again, done as it is.
    again_at: Instant,
    /// What was told of its failing.
    told: Option<String>,
}

struct Done {
    object: Named,
    result: Result<(), String>,
}

impl Statuses {
    pub(crate) fn new(source: Arc<dyn Source>, teller: Teller) -> Self {
        Self { source, teller, waiting: VecDeque::new(), begun: BTreeMap::new(), writes: JoinSet::new() }
    }

    /// Takes the place of what was waiting: all that differs at present.
    pub(crate) fn set(&mut self, patches: Vec<StatusPatch>, index: &Index, now: Instant) {
        self.waiting.clear();
        let differing: BTreeMap<&Named, ()> = patches.iter().map(|patch| (&patch.object, ())).collect();
        self.begun.retain(|object, begun| begun.is_busy || differing.contains_key(object));
        for patch in patches {
            let uid = uid(&patch.object, index);
            let waits = self.begun.get(&patch.object).is_some_and(|begun| {
                begun.is_busy || (begun.again_at > now && begun.uid == uid && is_part(&patch, &begun.patch))
            });
            if !waits {
                self.waiting.push_back((patch, uid));
            }
        }
        self.begin(now);
    }

    /// Forgets what was waiting: it cannot be relied on at present.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Whether everything that differs was written.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.writes.is_empty()
    }

    /// When to look again at what does not show yet, or failed.
    pub(crate) fn wake(&self) -> Option<Instant> {
        self.begun.values().filter(|begun| !begun.is_busy).map(|begun| begun.again_at).min()
    }

    /// Waits for a write to end, and begins the next; says whether all are done. Never ready while nothing is written.
    pub(crate) async fn step(&mut self) -> bool {
        let Some(done) = self.writes.join_next().await else { return std::future::pending().await };
        let now = Instant::now();
        if let Ok(Done { object, result }) = done
            && let Some(begun) = self.begun.get_mut(&object)
        {
            begun.is_busy = false;
            begun.again_at = now + SHOWS_WITHIN;
            match result {
                Ok(()) => {
                    begun.told = None;
                    self.teller.counts().count_status();
                    self.teller.tell(AkoEvent::Status { object: object.to_string(), text: words(&begun.patch) });
                }
                Err(reason) => {
                    if begun.told.as_ref() != Some(&reason) {
                        let object = object.to_string();
                        tracing::warn!(
                            cluster = self.source.cluster(),
                            object,
                            reason,
                            "status cannot be written, trying on"
                        );
                    }
                    begun.told = Some(reason);
                }
            }
        }
        self.begin(now);
        self.is_idle()
    }

    fn begin(&mut self, now: Instant) {
        while self.writes.len() < IN_FLIGHT_MAX
            && let Some((patch, uid)) = self.waiting.pop_front()
        {
            let told = self.begun.remove(&patch.object).and_then(|before| before.told);
            let begun = Begun { patch: patch.clone(), uid, is_busy: true, again_at: now + SHOWS_WITHIN, told };
            self.begun.insert(patch.object.clone(), begun);
            self.writes.spawn(write(Arc::clone(&self.source), patch));
        }
    }
}

/// The status, then the annotations. An object that is gone needs neither.
async fn write(source: Arc<dyn Source>, patch: StatusPatch) -> Done {
    let object = patch.object.clone();
    let Some(key) = key(&object) else { return Done { object, result: Ok(()) } };
    let status = patch.status().map(WriteBack::Status);
    let annotations = (!patch.annotations.is_empty()).then_some(WriteBack::Annotations(patch.annotations));
    for write in [status, annotations].into_iter().flatten() {
        let result = match tokio::time::timeout(WRITE_TIMEOUT, source.write_back(&key, write)).await {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => chain(&error),
            Err(_) => "no answer in time".to_owned(),
        };
        return Done { object, result: Err(result) };
    }
    Done { object, result: Ok(()) }
}

fn key(object: &Named) -> Option<ObjectKey> {
    let (kind, name) = match object {
        Named::Ingress(name) => (Kind::Ingress, name),
        Named::Service(name) => (Kind::Service, name),
        Named::Node(_) => return None,
    };
    Some(ObjectKey { kind, namespace: Some(name.namespace.clone()), name: name.name.clone() })
}

fn uid(object: &Named, index: &Index) -> Option<String> {
    let metadata = match object {
        Named::Ingress(name) => &index.ingress(name)?.metadata,
        Named::Service(name) => &index.service(name)?.metadata,
        Named::Node(_) => return None,
    };
    metadata.uid.clone()
}

/// Whether everything in a patch was in another: a write shows in two steps, the status and the annotations.
fn is_part(patch: &StatusPatch, whole: &StatusPatch) -> bool {
    (patch.entries.is_none() || patch.entries == whole.entries)
        && patch.annotations.iter().all(|(key, value)| whole.annotations.get(key) == Some(value))
}

/// What a patch says, for the terminal.
fn words(patch: &StatusPatch) -> String {
    match &patch.entries {
        None => "annotations".to_owned(),
        Some(entries) if entries.is_empty() => "no address any more".to_owned(),
        Some(entries) => {
            let entry = |entry: &ako_translate::Entry| {
                let parts = [entry.ip.as_deref(), entry.host.as_deref()];
                parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
            };
            entries.iter().map(entry).collect::<Vec<_>>().join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(entries: Option<&str>, annotations: &[(&str, Option<&str>)]) -> StatusPatch {
        let entry = |ip: &str| vec![ako_translate::Entry { host: None, ip: Some(ip.to_owned()) }];
        let owned = |(key, value): &(&str, Option<&str>)| ((*key).to_owned(), value.map(str::to_owned));
        StatusPatch {
            object: Named::Ingress(ako_translate::NamespacedName::new("default", "a")),
            entries: entries.map(entry),
            annotations: annotations.iter().map(owned).collect(),
        }
    }

    #[test]
    fn what_is_left_of_a_write_that_shows_in_part_is_not_written_again() {
        let whole = patch(Some("10.0.0.1"), &[("k", Some("v")), ("l", None)]);
        for part in [patch(None, &[("k", Some("v")), ("l", None)]), patch(None, &[("l", None)]), whole.clone()] {
            assert!(is_part(&part, &whole), "{part:?}");
        }
        for other in [patch(Some("10.0.0.2"), &[]), patch(None, &[("k", None)]), patch(None, &[("m", Some("v"))])] {
            assert!(!is_part(&other, &whole), "{other:?}");
        }
    }
}
