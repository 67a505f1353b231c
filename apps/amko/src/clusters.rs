//! Follows all clusters and keeps what they last said.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use amko_translate::Index;
use avi_client::BackOff;
use k8s_crds::Object;
use k8s_watch::{Event, Problem, Source};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::AmkoEvent;
use crate::event::Teller;

/// Events that are taken over in one go; the watch tells its first state and its problems one after the other.
const BATCH_MAX: usize = 1024;

/// What the clusters last said, and a bell that rings when it changed.
#[derive(Debug)]
pub(crate) struct Clusters {
    index: Mutex<Index>,
    /// Objects of the leader as they might become, in place of those it has.
    candidates: Mutex<Vec<Object>>,
    reach: Mutex<BTreeMap<String, Reach>>,
    changed: Notify,
}

/// How a cluster can be reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    /// Its watch broke off and has not been taken up again.
    pub(crate) is_silent: bool,
    /// What cannot be read at present.
    pub(crate) problems: Vec<Problem>,
}

impl Clusters {
    pub(crate) fn new(leader: &str) -> Self {
        Self {
            index: Mutex::new(Index::new(leader)),
            candidates: Mutex::default(),
            reach: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// A picture of all clusters, with the candidates in it.
    pub(crate) fn picture(&self) -> Index {
        let mut index = self.index.lock().clone();
        let leader = index.leader().to_owned();
        for candidate in self.candidates.lock().iter() {
            let existing =
                index.cluster(&leader).and_then(|cluster| cluster.objects().find(|o| o.key() == candidate.key()));
            let applied = as_applied(candidate.clone(), existing);
            index.apply(&leader, applied);
        }
        index
    }

    /// Has these objects in each picture from now on.
    pub(crate) fn try_out(&self, candidates: Vec<Object>) {
        *self.candidates.lock() = candidates;
        self.changed.notify_one();
    }

    /// Whether pictures have candidates in them.
    pub(crate) fn has_candidates(&self) -> bool {
        !self.candidates.lock().is_empty()
    }

    /// How each cluster that was watched can be reached.
    pub(crate) fn reach(&self) -> BTreeMap<String, Reach> {
        self.reach.lock().clone()
    }

    fn note(&self, cluster: &str, change: impl FnOnce(&mut Reach)) {
        change(self.reach.lock().entry(cluster.to_owned()).or_default());
    }

    /// Waits until something changed since the last wait.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
}

/// An object as the API server would have it once it is applied: what its author does not say stays.
fn as_applied(mut candidate: Object, existing: Option<&Object>) -> Object {
    let Some(existing) = existing else { return candidate };
    let was = existing.metadata();
    let metadata = candidate.metadata_mut();
    metadata.creation_timestamp.clone_from(&was.creation_timestamp);
    for (key, value) in was.annotations.iter().flatten() {
        metadata.annotations.get_or_insert_default().entry(key.clone()).or_insert_with(|| value.clone());
    }
    match (&mut candidate, existing) {
        (Object::GslbConfig(new), Object::GslbConfig(old)) => new.status.clone_from(&old.status),
        (Object::GlobalDeploymentPolicy(new), Object::GlobalDeploymentPolicy(old)) => {
            new.status.clone_from(&old.status)
        }
        (Object::GslbHostRule(new), Object::GslbHostRule(old)) => new.status.clone_from(&old.status),
        _ => {}
    }
    candidate
}

/// Follows one cluster until cancelled. When its watch ends, starts another.
pub(crate) async fn follow(source: Arc<dyn Source>, clusters: Arc<Clusters>, teller: Teller, stop: CancellationToken) {
    let cluster = source.cluster().to_owned();
    let mut back_off = BackOff::new(Duration::from_millis(500), Duration::from_secs(30));
    let mut problems: Vec<Problem> = Vec::new();
    let mut is_silent = false;
    loop {
        let mut events = source.watch();
        while let Some(batch) = next_batch(&mut events, &stop).await {
            if is_silent {
                is_silent = false;
                back_off.reset();
                clusters.note(&cluster, |reach| reach.is_silent = false);
                teller.tell(AmkoEvent::ClusterBack { cluster: cluster.clone() });
            }
            let mut index = clusters.index.lock();
            for event in batch {
                match event {
                    Event::Reset(objects) => index.reset(&cluster, objects),
                    Event::Apply(object) => index.apply(&cluster, *object),
                    Event::Delete(key) => index.delete(&cluster, &key),
                    Event::Served(kind, is_served) => index.set_served(&cluster, kind, is_served),
                    Event::Problems(now) => {
                        index.set_problems(&cluster, !now.is_empty());
                        clusters.note(&cluster, |reach| reach.problems.clone_from(&now));
                        tell_problems(&cluster, &problems, &now, &teller);
                        problems = now;
                    }
                }
            }
            drop(index);
            clusters.changed.notify_one();
        }
        if stop.is_cancelled() {
            return;
        }
        if !is_silent {
            is_silent = true;
            clusters.note(&cluster, |reach| reach.is_silent = true);
            teller.tell(AmkoEvent::ClusterSilent { cluster: cluster.clone() });
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
fn tell_problems(cluster: &str, before: &[Problem], now: &[Problem], teller: &Teller) {
    for problem in now.iter().filter(|problem| !before.contains(problem)) {
        teller.tell(AmkoEvent::Problem { cluster: cluster.to_owned(), problem: problem.clone() });
    }
    if now.is_empty() && !before.is_empty() {
        teller.tell(AmkoEvent::ProblemsSolved { cluster: cluster.to_owned() });
    }
}
