//! Snapshots for the engines of each group: built anew when a commit changes what they are made of, latest wins.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use controller_api::LiveProjection;
use model::{Revision, Version};
use objects::Object;
use se_protocol::{DEFAULT_GROUP, GroupSnapshots, PortOffset, Snapshot};
use se_snapshot::{AskedName, Memo, MovedServices, Names, Problem};
use tokio::sync::watch;

use crate::geo_databases::GeoDatabases;

/// A build during which more was written is followed by a rest of so many times the time that it took. Each snapshot is looked
/// through as a whole, here and by every engine, so what a change costs grows with how many objects there are; while many
/// are written, they share snapshots. Ten thousand services are built in some 10 ms; few are built so fast that nobody notices.
const REST_PER_BUILD: u32 = 5;
/// Longest rest: no change waits longer for its snapshot, however slow the machine is.
const REST_MAX: Duration = Duration::from_millis(200);

/// Builds snapshots from the projection.
pub(crate) struct SnapshotBuilder {
    live: Arc<LiveProjection>,
    incarnation: String,
    port_offset: PortOffset,
    published: watch::Sender<Option<Arc<GroupSnapshots>>>,
    /// Of the default group, for an engine in this process.
    default: watch::Sender<Option<Arc<Snapshot>>>,
    /// What the last snapshot was translated from: of thousands of objects a commit changes one.
    memo: Memo,
    /// Likewise, where the groups are.
    moved: MovedServices,
    geo: GeoDatabases,
    /// What the names of members resolve to, and which are to be resolved.
    names: watch::Receiver<Arc<Names>>,
    asked: watch::Sender<Arc<BTreeSet<AskedName>>>,
    /// Told already; a problem that stays is told once.
    problems: BTreeSet<Problem>,
    /// Last change that the published snapshot contains.
    built: Option<u64>,
}

impl SnapshotBuilder {
    pub(crate) fn new(
        live: Arc<LiveProjection>,
        incarnation: &str,
        port_offset: PortOffset,
        geo: GeoDatabases,
        names: watch::Receiver<Arc<Names>>,
    ) -> Self {
        Self {
            live,
            incarnation: incarnation.to_owned(),
            port_offset,
            published: watch::Sender::new(None),
            default: watch::Sender::new(None),
            memo: Memo::default(),
            moved: MovedServices::default(),
            geo,
            names,
            asked: watch::Sender::default(),
            problems: BTreeSet::new(),
            built: None,
        }
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Option<Arc<GroupSnapshots>>> {
        self.published.subscribe()
    }

    /// The names that have to be resolved.
    pub(crate) fn names_asked(&self) -> watch::Receiver<Arc<BTreeSet<AskedName>>> {
        self.asked.subscribe()
    }

    pub(crate) fn subscribe_default(&self) -> watch::Receiver<Option<Arc<Snapshot>>> {
        self.default.subscribe()
    }

    /// Builds whenever a revision matters; ends with the projection. Revisions that arrive while it builds, or rests because
    /// of that, make one snapshot. Who writes one after the other, each when the one before is answered, never waits.
    pub(crate) async fn run(mut self) {
        let (mut revisions, mut arrivals, mut names) = (self.live.revisions(), self.geo.arrivals(), self.names.clone());
        loop {
            tokio::select! {
                changed = revisions.changed() => if changed.is_err() { return },
                // The senders live as long as who gets files and asks for names.
                Ok(()) = arrivals.changed() => self.built = None,
                Ok(()) = names.changed() => self.built = None,
            }
            let began = now();
            let has_built = self.build().await;
            if has_built && revisions.has_changed().unwrap_or(false) {
                tokio::time::sleep(rest_after(now().saturating_duration_since(began))).await;
            }
        }
    }

    /// Builds and publishes if something changed since the last time; whether it did.
    pub(crate) async fn build(&mut self) -> bool {
        // The lock is held for the list of objects only; the work is done on the shared objects.
        let (changed, revision, objects) = self.live.read(|state| {
            let changed = state.changed(se_snapshot::TYPES);
            let wanted = self.built != Some(changed);
            let types = if wanted { se_snapshot::TYPES } else { &[] };
            let objects: Vec<Arc<Object>> =
                types.iter().flat_map(|path| state.projection.objects_by_uuid(path)).cloned().collect();
            (changed, state.revision, objects)
        });
        if self.built == Some(changed) {
            return false;
        }
        self.built = Some(changed);
        let version = Version { incarnation: self.incarnation.clone(), term: 0, revision: Revision(revision) };
        let memo = std::mem::take(&mut self.memo).with_names(Arc::clone(&self.names.borrow()));
        let sources = objects.iter().map(source);
        let (mut snapshot, mut problems, memo) = se_snapshot::build(sources, version, self.port_offset, memo);
        self.asked.send_if_modified(|before| {
            let asked = memo.names_asked();
            let is_news = **before != asked;
            if is_news {
                *before = Arc::new(asked);
            }
            is_news
        });
        self.memo = memo;
        let (files, of_files) = se_snapshot::geo_files(only(&objects, se_snapshot::GEO_TYPES));
        problems.extend(of_files);
        (snapshot.clients.geo_databases, snapshot.clients.geo_chunks) = self.geo.load(files, &mut problems).await;
        let problems: BTreeSet<Problem> = problems.into_iter().collect();
        for problem in problems.difference(&self.problems) {
            tracing::warn!(
                object = problem.object,
                field = problem.field,
                reason = problem.reason,
                "object not fully usable"
            );
        }
        self.problems = problems;
        tracing::debug!(
            revision,
            gslb_services = snapshot.gslb_services.len(),
            http_services = snapshot.http.services.len(),
            "snapshot built"
        );
        let placing = only(&objects, se_snapshot::PLACEMENT_TYPES);
        let groups = se_snapshot::place(placing, &Arc::new(snapshot), &mut self.moved);
        self.default.send_replace(Some(Arc::clone(groups.of(DEFAULT_GROUP))));
        self.published.send_replace(Some(Arc::new(groups)));
        true
    }
}

fn rest_after(build: Duration) -> Duration {
    build.saturating_mul(REST_PER_BUILD).min(REST_MAX)
}

fn only<'o>(objects: &'o [Arc<Object>], types: &'o [&str]) -> impl Iterator<Item = se_snapshot::Object<'o>> {
    objects.iter().filter(|object| types.contains(&object.path)).map(source)
}

fn source(object: &Arc<Object>) -> se_snapshot::Object<'_> {
    se_snapshot::Object {
        kind: object.path,
        uuid: &object.uuid,
        name: &object.name,
        tenant: &object.tenant,
        fields: &object.body,
        created_us: object.created_us,
        modified_us: object.last_modified_us,
        revision: object.modified,
    }
}

#[expect(clippy::disallowed_methods, reason = "the edge that reads the clock for how long a build takes")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_follows_what_a_build_costs_and_has_an_end() {
        assert_eq!(rest_after(Duration::from_micros(200)), Duration::from_millis(1));
        assert_eq!(rest_after(Duration::from_millis(10)), Duration::from_millis(50));
        assert_eq!(rest_after(Duration::from_secs(3)), REST_MAX);
    }
}
