//! Writes statuses and annotations back to the cluster, one write per object at a time (ako 4.8, 10.1, 10.2).

use std::any::Any;
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
    waiting: VecDeque<(StatusPatch, Option<Version>)>,
    /// Writes under way, and those that are done and do not show yet.
    begun: BTreeMap<Named, Begun>,
    writes: JoinSet<Done>,
}

/// The object that a patch was made for, as it was.
type Version = Arc<dyn Any + Send + Sync>;

struct Begun {
    patch: StatusPatch,
    version: Option<Version>,
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
            let version = version(&patch.object, index);
            let waits = self.begun.get(&patch.object).is_some_and(|begun| {
                begun.is_busy || (begun.again_at > now && begun.patch == patch && is_same(&begun.version, &version))
            });
            if !waits {
                self.waiting.push_back((patch, version));
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
            && let Some((patch, version)) = self.waiting.pop_front()
        {
            let told = self.begun.remove(&patch.object).and_then(|before| before.told);
            let begun = Begun { patch: patch.clone(), version, is_busy: true, again_at: now + SHOWS_WITHIN, told };
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

fn version(object: &Named, index: &Index) -> Option<Version> {
    match object {
        Named::Ingress(name) => index.ingress(name).map(|object| Arc::clone(object) as Version),
        Named::Service(name) => index.service(name).map(|object| Arc::clone(object) as Version),
        Named::Node(_) => None,
    }
}

fn is_same(a: &Option<Version>, b: &Option<Version>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (None, None) => true,
        _ => false,
    }
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
