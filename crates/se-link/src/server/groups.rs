//! Snapshots prepared for travelling: one for each service engine group that has engines, and once for all of these.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use parking_lot::Mutex;
use se_protocol::{GroupSnapshots, Snapshot, Stamped};
use tokio::sync::{Notify, watch};

/// The newest snapshot of each group, for the sessions of its engines.
#[derive(Debug, Default)]
pub(super) struct GroupFeeds {
    /// By name or uuid, as join tokens said. As many as administrators named, so they are never taken away.
    feeds: Mutex<BTreeMap<String, watch::Sender<Option<Arc<Stamped>>>>>,
    /// An engine came whose group had none.
    grown: Notify,
}

impl GroupFeeds {
    /// Snapshots for engines of `group`. The first engine of a group waits until one was prepared.
    pub(super) fn subscribe(&self, group: &str) -> watch::Receiver<Option<Arc<Stamped>>> {
        let mut feeds = self.feeds.lock();
        if let Some(feed) = feeds.get(group) {
            return feed.subscribe();
        }
        self.grown.notify_one();
        feeds.entry(group.to_owned()).or_default().subscribe()
    }

    fn groups(&self) -> Vec<(String, Option<Arc<Stamped>>)> {
        let feeds = self.feeds.lock();
        feeds.iter().map(|(group, feed)| (group.clone(), feed.borrow().clone())).collect()
    }

    fn publish(&self, group: &str, stamped: Arc<Stamped>) {
        if let Some(feed) = self.feeds.lock().get(group) {
            feed.send_replace(Some(stamped));
        }
    }
}

/// Prepares each snapshot for travelling. Those that come meanwhile make one.
pub(super) async fn encode(mut snapshots: watch::Receiver<Option<Arc<GroupSnapshots>>>, feeds: Arc<GroupFeeds>) {
    // What each group's feed was made from, if that went well.
    let mut made: BTreeMap<String, Arc<Snapshot>> = BTreeMap::new();
    let mut missing: BTreeSet<String> = BTreeSet::new();
    snapshots.mark_changed();
    let mut is_fed = true;
    loop {
        tokio::select! {
            changed = snapshots.changed(), if is_fed => is_fed = changed.is_ok(),
            // Also when the controller builds no more snapshots: engines keep the last, and their sessions.
            () = feeds.grown.notified() => {}
        }
        let Some(newest) = snapshots.borrow_and_update().clone() else { continue };
        // Groups may share a snapshot.
        let mut ready: Vec<(Arc<Snapshot>, Arc<Stamped>)> = Vec::new();
        for (group, previous) in feeds.groups() {
            let snapshot = newest.of(&group);
            let before = made.insert(group.clone(), Arc::clone(snapshot));
            if before.as_ref().is_some_and(|before| Arc::ptr_eq(before, snapshot)) {
                continue;
            }
            if newest.has(&group) {
                missing.remove(&group);
            } else if missing.insert(group.clone()) {
                tracing::warn!(
                    group,
                    "engines belong to a service engine group that is not there: they get no virtual service"
                );
            }
            let stamped = match ready.iter().find(|(known, _)| Arc::ptr_eq(known, snapshot)) {
                Some((_, stamped)) => Some(Arc::clone(stamped)),
                None => prepare(snapshot, previous).await,
            };
            if let Some(stamped) = stamped {
                ready.push((Arc::clone(snapshot), Arc::clone(&stamped)));
                feeds.publish(&group, stamped);
            }
        }
    }
}

async fn prepare(snapshot: &Arc<Snapshot>, previous: Option<Arc<Stamped>>) -> Option<Arc<Stamped>> {
    let snapshot = Arc::clone(snapshot);
    // Tens of milliseconds for ten thousand services.
    let encoded = tokio::task::spawn_blocking(move || Stamped::encode(snapshot, previous.as_deref())).await;
    match encoded {
        Ok(Ok(next)) => return Some(Arc::new(next)),
        Ok(Err(error)) => {
            tracing::error!(reason = %error, "engines stay at the snapshot before: make that object smaller");
        }
        Err(error) => tracing::error!(reason = %error, "preparing a snapshot ended badly"),
    }
    None
}
