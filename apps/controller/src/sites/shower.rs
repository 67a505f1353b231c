//! Brings the object store up to the log: what the log shows, the API shows.
//!
//! It works behind the log, in its order. A store that cannot be written holds up what is shown, and nothing else: the log
//! goes on, and so do answers from what engines have.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use controller_api::{CommitError, Committer, LiveProjection, SitesError};
use objects::{
    Effect, Origin, Visibility, WriteContext,
    federated::{self, Copied, TravelError},
};
use serde_json::json;
use site_replication::{Change, Entry, Object, State};
use store::Revision;
use tokio::sync::{mpsc, oneshot};

use super::known;

/// First pause after the store failed; doubled up to [`RETRY_MAX`].
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);
/// Steps taken from the queue at once.
const BATCH: usize = 1_024;
/// Transactions of the object store, of as many keys as it takes in one, that wait for the disk together.
const TRANSACTIONS_MAX: usize = 16;

/// One step.
pub(super) enum Show {
    /// This change.
    Entry(Arc<Entry>),
    /// These objects and no others.
    All(Box<State>),
    /// All before is shown: tell who waits.
    Reply(oneshot::Sender<Result<Revision, SitesError>>),
    /// None of what is federated: this site has left.
    Nothing,
}

/// The one who does the steps.
pub(super) struct Shower {
    pub(super) live: Arc<LiveProjection>,
    pub(super) committer: Committer,
    pub(super) now_us: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// How many objects could not be shown since all were tried last.
    pub(super) skipped: Arc<AtomicUsize>,
}

impl Shower {
    /// Does the steps until their sender is gone.
    pub(super) async fn run(self, mut steps: mpsc::UnboundedReceiver<Show>) {
        let (mut batch, mut copies) = (Vec::with_capacity(BATCH), Vec::new());
        while steps.recv_many(&mut batch, BATCH).await > 0 {
            for step in batch.drain(..) {
                match step {
                    Show::Entry(entry) => {
                        // What is to go may have come just before.
                        if matches!(entry.change, Change::Delete { .. }) {
                            self.write(std::mem::take(&mut copies)).await;
                        }
                        copies.extend(self.copied(&entry.change).await);
                    }
                    Show::All(state) => {
                        copies.clear();
                        self.skipped.store(0, Ordering::Relaxed);
                        let difference = self.difference(&state).await;
                        self.write(difference).await;
                    }
                    Show::Nothing => {
                        copies.clear();
                        let everything = self.deletions(&State::default());
                        self.write(everything).await;
                    }
                    Show::Reply(reply) => {
                        self.write(std::mem::take(&mut copies)).await;
                        let revision = self.live.read(|state| state.revision);
                        // Who waited may have given up.
                        let _ = reply.send(Ok(revision));
                    }
                }
            }
            self.write(std::mem::take(&mut copies)).await;
        }
    }

    /// What changes so that the store shows `state`.
    async fn difference(&self, state: &State) -> Vec<Copied> {
        let mut puts = Vec::new();
        for stored in state.objects() {
            let object = &stored.object;
            let shown = self.live.read(|live| {
                let found = live.projection.types().get(&object.kind).map(|schema| schema.path);
                found.and_then(|path| live.projection.get(path, &object.uuid).map(|found| found.last_modified_us))
            });
            if shown.is_none_or(|shown| u64::try_from(shown).ok() != Some(object.last_modified_us)) {
                puts.extend(self.put(object).await);
            }
        }
        // What others refer to comes first.
        puts.sort_by_key(|copied| matches!(copied, Copied::Put(object) if object.path == "gslbservice"));
        puts.extend(self.deletions(state));
        puts
    }

    fn deletions(&self, state: &State) -> Vec<Copied> {
        self.live.read(|live| {
            let projection = &live.projection;
            let types: Vec<&'static str> = projection.types().iter().map(|schema| schema.path).collect();
            let objects = types.into_iter().flat_map(|path| projection.objects(path));
            let gone = objects.filter(|object| federated::is_replicated(object) && state.get(&object.uuid).is_none());
            let mut gone: Vec<_> =
                gone.map(|object| Copied::Delete { path: object.path.to_owned(), uuid: object.uuid.clone() }).collect();
            gone.sort_by_key(|copied| !matches!(copied, Copied::Delete { path, .. } if path == "gslbservice"));
            gone
        })
    }

    async fn copied(&self, change: &Change) -> Option<Copied> {
        match change {
            Change::Lead => None,
            Change::Put(object) => self.put(object).await,
            Change::Delete { uuid } => self.live.read(|live| {
                let found = federated::find(&live.projection, uuid)?;
                Some(Copied::Delete { path: found.path.to_owned(), uuid: uuid.clone() })
            }),
        }
    }

    async fn put(&self, object: &Object) -> Option<Copied> {
        if object.kind == known::KIND {
            return None;
        }
        let modified_us = i64::try_from(object.last_modified_us).unwrap_or(i64::MAX);
        loop {
            match self.live.read(|live| federated::unpack(&live.projection, &object.body, modified_us)) {
                Ok(object) => return Some(Copied::Put(Box::new(object))),
                Err(TravelError::Tenant(name)) => {
                    if let Err(error) = self.make_tenant(&name).await {
                        self.skipped.fetch_add(1, Ordering::Relaxed);
                        tracing::error!(tenant = name, reason = %error, "the tenant of a federated object cannot be made here");
                        return None;
                    }
                }
                Err(error) => {
                    self.skipped.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(uuid = object.uuid, kind = object.kind, reason = %error, "federated object skipped");
                    return None;
                }
            }
        }
    }

    /// Federated objects bring their tenants along.
    async fn make_tenant(&self, name: &str) -> Result<(), Box<CommitError>> {
        let Some(schema) = avi_schema::by_path("tenant") else { return Ok(()) };
        let body = json!({"name": name});
        let context = WriteContext {
            tenant: objects::ADMIN,
            visibility: Visibility::All,
            now_us: (self.now_us)(),
            new_uuid: &|| uuid::Uuid::new_v4().to_string(),
            slug: None,
            origin: Origin::Controller { system_default: false },
            attempt: 0,
        };
        self.committer.commit_here(|projection, _| objects::create(projection, schema, &body, &context)).await?;
        tracing::info!(tenant = name, "tenant made, a federated object belongs to it");
        Ok(())
    }

    async fn write(&self, mut copies: Vec<Copied>) {
        let mut pause = RETRY_MIN;
        while !copies.is_empty() {
            // A copy, which is cheap: no commit waits while it is looked at.
            let projection = self.live.read(|live| live.projection.clone());
            let adoptions = federated::adopt(&projection, &copies, TRANSACTIONS_MAX);
            let effects: Vec<&[Effect]> = adoptions.iter().map(|adoption| adoption.effects.as_slice()).collect();
            let (done, error) = match self.committer.put(&effects).await {
                Ok(_) => (adoptions.len(), None),
                Err((place, error)) => (place, Some(error)),
            };
            let taken: usize = adoptions.iter().take(done).map(|adoption| adoption.taken).sum();
            copies.drain(..taken);
            if done > 0 {
                pause = RETRY_MIN;
            }
            let Some(error) = error else { continue };
            let reason = anyhow::Error::from(error);
            tracing::warn!(reason = format!("{reason:#}"), "federated objects cannot be shown; trying again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use controller_api::{SystemClock, first_objects};
    use objects::Types;
    use serde_json::Value;
    use site_replication::Stored;
    use store::{MemoryStore, Op, Outcome, Store, StoreError, Txn, Watch};
    use store_embedded::SqliteStore;

    use super::*;

    /// Transactions after which the disk is never full again.
    const FULL_FOR: usize = 8;

    /// A store whose disk is full now and then in the beginning.
    struct Moody {
        store: MemoryStore,
        /// Transactions that hold GSLB services.
        written: AtomicUsize,
    }

    #[async_trait]
    impl Store for Moody {
        fn incarnation(&self) -> &str {
            self.store.incarnation()
        }

        async fn revision(&self) -> Result<Revision, StoreError> {
            self.store.revision().await
        }

        async fn get(&self, key: &str) -> Result<Option<store::Entry>, StoreError> {
            self.store.get(key).await
        }

        async fn range(&self, p: &str, a: Option<&str>, l: usize) -> Result<(Vec<store::Entry>, Revision), StoreError> {
            self.store.range(p, a, l).await
        }

        async fn txn(&self, txn: Txn) -> Result<Outcome, StoreError> {
            let is_of_services = txn.ops.iter().map(Op::key).any(|key| key.starts_with("/object/gslbservice/"));
            let written = if is_of_services { self.written.fetch_add(1, Ordering::Relaxed) } else { 0 };
            if written % 3 == 1 && written < FULL_FOR {
                return Err(StoreError::Full { doing: "committing", source: "the disk is full".into() });
            }
            self.store.txn(txn).await
        }

        async fn watch(&self, after: Revision) -> Result<Watch, StoreError> {
            self.store.watch(after).await
        }
    }

    fn object(body: Vec<u8>) -> Stored {
        let object = Object {
            uuid: "healthmonitor-1".into(),
            kind: "healthmonitor".into(),
            claims: Vec::new(),
            last_modified_us: 1,
            body: body.into(),
        };
        Stored { object: Arc::new(object), revision: site_replication::Revision(1) }
    }

    #[tokio::test]
    async fn what_cannot_be_shown_is_counted_until_it_can() {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(directory.path().join("store.db")).unwrap());
        let live = LiveProjection::new(store.clone(), Types::new(avi_schema::TYPES.iter().copied()));
        live.load().await.unwrap();
        let feed = tokio::spawn({
            let live = live.clone();
            async move { live.run().await }
        });
        let committer = Committer::new(store, live.clone());
        first_objects::complete(&live, &committer, &SystemClock::start()).await.unwrap();
        let skipped = Arc::new(AtomicUsize::new(0));
        let shower = Shower { live: live.clone(), committer, now_us: Arc::new(|| 1), skipped: skipped.clone() };
        let (steps, queue) = mpsc::unbounded_channel();
        let showing = tokio::spawn(shower.run(queue));
        let shown = async |state: State| {
            let (sender, receiver) = oneshot::channel();
            let _ = steps.send(Show::All(Box::new(state)));
            let _ = steps.send(Show::Reply(sender));
            receiver.await.unwrap().unwrap();
            (
                skipped.load(Ordering::Relaxed),
                live.read(|state| state.projection.get("healthmonitor", "healthmonitor-1").is_some()),
            )
        };
        assert_eq!(shown(State::new([object(b"{".to_vec())], 1)).await, (1, false));
        assert_eq!(shown(State::new([object(b"{".to_vec())], 1)).await, (1, false), "tried again, and counted once");
        let body: Value = json!({"tenant": "admin", "object": {
            "path": "healthmonitor", "uuid": "healthmonitor-1", "name": "m", "tenant": "admin", "last_modified_us": 1,
            "version": 1, "body": {"type": "HEALTH_MONITOR_TCP", "is_federated": true}
        }});
        assert_eq!(shown(State::new([object(body.to_string().into_bytes())], 1)).await, (0, true));
        drop(steps);
        showing.await.unwrap();
        feed.abort();
    }

    fn service(number: u64, ttl: u64) -> Stored {
        let uuid = format!("gslbservice-{number:04}");
        let name = format!("app{number}");
        let body = json!({"tenant": "admin", "object": {
            "path": "gslbservice", "uuid": uuid, "name": name, "tenant": "admin", "last_modified_us": ttl, "version": 1,
            "body": {"domain_names": [format!("{name}.example.com")], "is_federated": true, "ttl": ttl}
        }});
        let body = body.to_string().into_bytes().into();
        let object = Object { uuid, kind: "gslbservice".into(), claims: Vec::new(), last_modified_us: ttl, body };
        Stored { object: Arc::new(object), revision: site_replication::Revision(ttl) }
    }

    #[tokio::test(start_paused = true)]
    async fn what_did_not_fit_on_the_disk_is_written_again_and_the_newest_stays() {
        let moody = Moody { store: MemoryStore::new(), written: AtomicUsize::default() };
        let store = Arc::new(moody);
        let live = LiveProjection::new(store.clone(), Types::new(avi_schema::TYPES.iter().copied()));
        live.load().await.unwrap();
        let feed = tokio::spawn({
            let live = live.clone();
            async move { live.run().await }
        });
        let committer = Committer::new(store.clone(), live.clone());
        first_objects::complete(&live, &committer, &SystemClock::start()).await.unwrap();
        let shower = Shower { live: live.clone(), committer, now_us: Arc::new(|| 1), skipped: Arc::default() };
        let (steps, queue) = mpsc::unbounded_channel();
        let showing = tokio::spawn(shower.run(queue));
        let _ = steps.send(Show::All(Box::new(State::new((0..150).map(|number| service(number, 1)), 1))));
        for number in (0..150).chain(0..3) {
            let Stored { object, revision } = service(number, if number < 3 { 3 } else { 2 });
            let term = site_replication::Term { view: 1, leader: "a".into() };
            let _ = steps.send(Show::Entry(Arc::new(Entry { revision, term, change: Change::Put(object) })));
        }
        let (sender, receiver) = oneshot::channel();
        let _ = steps.send(Show::Reply(sender));
        receiver.await.unwrap().unwrap();
        let ttls: Vec<u64> = live.read(|state| {
            let services = state.projection.objects_by_uuid("gslbservice");
            services.filter_map(|service| service.body.get("ttl").and_then(Value::as_u64)).collect()
        });
        assert_eq!(ttls, [[3; 3].as_slice(), &[2; 147]].concat());
        assert!(store.written.load(Ordering::Relaxed) > FULL_FOR, "the disk was full several times");
        drop(steps);
        showing.await.unwrap();
        feed.abort();
    }
}
