//! Follows all clusters and keeps what they last said.

use std::sync::Arc;
use std::time::Duration;

use amko_translate::Index;
use avi_client::BackOff;
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
    changed: Notify,
}

impl Clusters {
    pub(crate) fn new(leader: &str) -> Self {
        Self { index: Mutex::new(Index::new(leader)), changed: Notify::new() }
    }

    /// A picture of all clusters.
    pub(crate) fn picture(&self) -> Index {
        self.index.lock().clone()
    }

    /// Waits until something changed since the last wait.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
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
