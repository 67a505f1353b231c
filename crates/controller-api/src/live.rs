//! The projection, kept current by the store's watch.

use std::{borrow::Cow, collections::HashMap, sync::Arc, time::Duration};

use objects::{Applied, Projection, Types};
use parking_lot::RwLock;
use store::{Change, Commit, Revision, Store, StoreError};
use tokio::sync::watch;

use crate::seal::Seal;

/// First pause before a store that failed is read again; doubled up to [`RETRY_MAX`].
const RETRY_MIN: Duration = Duration::from_millis(50);
/// Longest pause before a store that failed is read again.
const RETRY_MAX: Duration = Duration::from_secs(5);

/// All objects in memory, fed with every commit in order. Readers see whole commits only.
pub struct LiveProjection {
    store: Arc<dyn Store>,
    /// How secrets are stored; `None` keeps them readable.
    seal: Option<Seal>,
    state: RwLock<State>,
    /// Revision of `state`; `None` until the store was read once.
    applied: watch::Sender<Option<Revision>>,
}

/// The projection and what it corresponds to.
#[derive(Debug)]
pub struct State {
    /// The objects.
    pub projection: Projection,
    /// Store revision it stands at.
    pub revision: Revision,
    /// Last revision that changed an object, by type.
    changed: HashMap<&'static str, Revision>,
}

/// The projection did not reach a revision in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("revision {asked} was not applied in time")]
pub struct BehindError {
    /// Revision waited for.
    pub asked: Revision,
}

impl State {
    /// Last revision that changed an object of one of these types; 0 when none did since the projection was loaded at
    /// revision 0.
    #[must_use]
    pub fn changed(&self, types: &[&str]) -> Revision {
        types.iter().filter_map(|path| self.changed.get(path)).copied().max().unwrap_or(0)
    }
}

impl LiveProjection {
    /// An empty projection of a store that keeps secrets as they are; [`Self::load`] and [`Self::run`] fill it.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, types: Types) -> Arc<Self> {
        Self::with(store, types, None)
    }

    /// An empty projection of a store whose secrets are sealed.
    #[must_use]
    pub fn sealed(store: Arc<dyn Store>, types: Types, seal: Seal) -> Arc<Self> {
        Self::with(store, types, Some(seal))
    }

    fn with(store: Arc<dyn Store>, types: Types, seal: Option<Seal>) -> Arc<Self> {
        let state = State { projection: Projection::new(types), revision: 0, changed: HashMap::new() };
        Arc::new(Self { store, seal, state: RwLock::new(state), applied: watch::Sender::new(None) })
    }

    /// Looks at the objects. The closure holds a lock that keeps commits from being applied: it has to be short and
    /// take what it needs along.
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read())
    }

    /// How secrets are stored.
    pub(crate) fn seal(&self) -> Option<&Seal> {
        self.seal.as_ref()
    }

    /// Whether the store has been read.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.applied.borrow().is_some()
    }

    /// The revision applied last, as it advances.
    #[must_use]
    pub fn revisions(&self) -> watch::Receiver<Option<Revision>> {
        self.applied.subscribe()
    }

    /// Waits until `revision` is applied.
    ///
    /// # Errors
    /// When that takes longer than `limit`.
    pub async fn wait_for(&self, revision: Revision, limit: Duration) -> Result<(), BehindError> {
        let mut applied = self.applied.subscribe();
        let reached = applied.wait_for(|applied| applied.is_some_and(|applied| applied >= revision));
        match tokio::time::timeout(limit, reached).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(BehindError { asked: revision }),
        }
    }

    /// Reads the whole store, replacing what was known.
    ///
    /// # Errors
    /// When the store cannot be read; what was known stays.
    pub async fn load(&self) -> Result<(), StoreError> {
        let (entries, revision) = self.store.range("/", None, 0).await?;
        let types = self.read(|state| state.projection.types().clone());
        let mut fresh = State { projection: Projection::new(types), revision, changed: HashMap::new() };
        for entry in &entries {
            fresh.put(entry, revision, self.seal());
        }
        // A rebuild may have skipped commits: every type counts as changed, also one whose last object went.
        for schema in fresh.projection.types().clone().iter() {
            fresh.changed.insert(schema.path, revision);
        }
        *self.state.write() = fresh;
        self.applied.send_replace(Some(revision));
        Ok(())
    }

    /// Applies commits for ever; the owner drops the future to stop it. A watch that ends is taken up again where it
    /// ended; when the store no longer has what came after, everything is read again.
    pub async fn run(&self) {
        let mut pause = RETRY_MIN;
        loop {
            let before = self.read(|state| state.revision);
            match self.follow().await {
                Ok(()) => tracing::debug!("watch of the object store ended; watching again"),
                Err(StoreError::Compacted { .. } | StoreError::Refused(_)) => {
                    tracing::warn!("commits were missed; reading the object store again");
                    if let Err(error) = self.load().await {
                        tracing::warn!(reason = %error, "reading the object store failed; trying again");
                    }
                }
                Err(error) => tracing::warn!(reason = %error, "watching the object store failed; trying again"),
            }
            if self.read(|state| state.revision) > before {
                pause = RETRY_MIN;
            } else {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(RETRY_MAX);
            }
        }
    }

    async fn follow(&self) -> Result<(), StoreError> {
        if !self.is_loaded() {
            self.load().await?;
        }
        let after = self.read(|state| state.revision);
        let mut commits = self.store.watch(after).await?;
        while let Some(commit) = commits.recv().await {
            self.apply(&commit?);
        }
        Ok(())
    }

    fn apply(&self, commit: &Commit) {
        let mut state = self.state.write();
        if commit.revision <= state.revision {
            return;
        }
        for change in &commit.changes {
            match change {
                Change::Put(entry) => state.put(entry, commit.revision, self.seal()),
                Change::Delete(key) => {
                    let applied = state.projection.apply_delete(key);
                    state.note(&applied, commit.revision);
                }
            }
        }
        state.revision = commit.revision;
        drop(state);
        self.applied.send_replace(Some(commit.revision));
    }
}

impl State {
    fn put(&mut self, entry: &store::Entry, revision: Revision, seal: Option<&Seal>) {
        let opened = seal.map_or(Ok(Cow::Borrowed(&*entry.value)), |seal| seal.open(&entry.key, &entry.value));
        let value = match opened {
            Ok(value) => value,
            Err(error) => {
                tracing::error!(key = entry.key, reason = %error, "stored object cannot be opened; skipped");
                return;
            }
        };
        match self.projection.apply_put(&entry.key, &value, entry.modified) {
            Ok(applied) => self.note(&applied, revision),
            // The stored bytes stay as they are, for a release that knows them.
            Err(error) => tracing::warn!(key = entry.key, reason = %error, "stored object skipped"),
        }
    }

    fn note(&mut self, applied: &Applied, revision: Revision) {
        if let Applied::Object { before, after } = applied
            && let Some(object) = after.as_ref().or(before.as_ref())
        {
            self.changed.insert(object.path, revision);
        }
    }
}
