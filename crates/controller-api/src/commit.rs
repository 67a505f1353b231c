//! One write: decide on the projection, commit under guards, wait until it is visible.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use objects::{Change, Effect, Guard, Object, Projection, Write, WriteError, federated};
use store::{Compare, Op, Outcome, Revision, Store, StoreError, Txn};
use tokio::sync::Mutex;

use crate::{
    live::{BehindError, LiveProjection},
    seal::{Seal, SealError},
    sites::{NoSites, Sites, SitesError},
};

/// Attempts of one write when others write what it relied on. Each lost attempt means that somebody else succeeded.
const ATTEMPTS_MAX: u32 = 16;
/// Longest wait for the projection to apply a commit.
const VISIBLE_WITHIN: Duration = Duration::from_secs(10);

/// Commits writes: here, or, what is federated, at all sites of the GSLB.
#[derive(Clone)]
pub struct Committer {
    store: Arc<dyn Store>,
    live: Arc<LiveProjection>,
    sites: Arc<dyn Sites>,
    /// One federated write at a time, from its decision until it is shown.
    federation: Arc<Mutex<()>>,
}

/// Why nothing was written, or why it cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A rule forbids it; the source has the text for the client.
    #[error("the write was refused")]
    Refused(#[source] WriteError),
    /// Others kept changing what the write relied on.
    #[error("gave up after {ATTEMPTS_MAX} conflicts")]
    Contended,
    /// The projection lags.
    #[error("the projection is behind the store")]
    Behind(#[source] BehindError),
    /// A secret cannot be sealed.
    #[error("sealing the object")]
    Seal(#[source] SealError),
    /// The store failed.
    #[error("committing to the object store")]
    Store(#[source] StoreError),
    /// The other sites do not let it happen.
    #[error(transparent)]
    Sites(SitesError),
    /// One write cannot be both.
    #[error("federated objects and objects of this site do not fit in one write: write them one after the other")]
    Mixed,
}

impl Committer {
    /// Writes to `store`, deciding on `live`, which has to be fed from the same store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, live: Arc<LiveProjection>) -> Self {
        Self { store, live, sites: Arc::new(NoSites), federation: Arc::default() }
    }

    /// The same, with other sites.
    #[must_use]
    pub fn with_sites(self, sites: Arc<dyn Sites>) -> Self {
        Self { sites, ..self }
    }

    /// Commits what a client asks for: as [`Self::commit_here`], and what is federated at all sites.
    ///
    /// # Errors
    /// See [`CommitError`].
    pub async fn commit<F>(&self, decide: F) -> Result<(Write, Revision), CommitError>
    where
        F: Fn(&Projection, u32) -> Result<Write, WriteError>,
    {
        let judged = || self.live.read(|state| decide(&state.projection, 0)).map_err(|error| self.refused(error));
        let write = judged()?;
        if !federated::touches_federation(&write) {
            return self.commit_here(decide).await;
        }
        let _turn = self.federation.lock().await;
        let write = judged()?;
        for change in changes(&write) {
            let (before, after) = sides(change);
            if let Some(after) = after.filter(|after| after.path == "gslb") {
                self.sites.admit(before, after).await.map_err(CommitError::Sites)?;
            }
        }
        match self.sites.write(&write).await {
            None => self.commit_here(decide).await,
            Some(_) if federated::touches_own(&write) => Err(CommitError::Mixed),
            Some(Err(error)) => Err(CommitError::Sites(error)),
            Some(Ok(revision)) => Ok((self.shown(write), revision)),
        }
    }

    /// Writes keys without a condition, each element in one transaction, all of which are handed to the store together, so
    /// that they may wait for the disk together. Returns when readers see them. For those who alone write such keys.
    ///
    /// # Errors
    /// Place of the first that failed, with [`CommitError::Seal`], [`CommitError::Store`], [`CommitError::Behind`]. Those
    /// after it may have happened.
    pub async fn put(&self, transactions: &[&[Effect]]) -> Result<Revision, (usize, CommitError)> {
        let commit = async |effects: &[Effect]| {
            let ops = operations(effects, self.live.seal()).map_err(CommitError::Seal)?;
            match self.store.txn(Txn { compares: Vec::new(), ops }).await.map_err(CommitError::Store)? {
                Outcome::Committed(revision) => Ok(revision),
                Outcome::Conflict(_) => Err(CommitError::Contended),
            }
        };
        let outcomes = join_all(transactions.iter().map(|effects| commit(effects))).await;
        let last = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).copied().max().unwrap_or_default();
        self.catch_up(last).await.map_err(|error| (0, error))?;
        match outcomes.into_iter().enumerate().find_map(|(place, outcome)| Some((place, outcome.err()?))) {
            Some(failed) => Err(failed),
            None => Ok(last),
        }
    }

    /// A rule goes by the leader that the Gslb names; whether that one leads at this moment is for the sites to say.
    fn refused(&self, error: WriteError) -> CommitError {
        let nobody_leads = matches!(error, WriteError::NotLeader).then(|| self.sites.why_nobody_leads()).flatten();
        match nobody_leads {
            Some(words) => CommitError::Sites(SitesError::Unavailable(words)),
            None => CommitError::Refused(error),
        }
    }

    /// The write with its objects as they are shown now: their time was given by the log.
    fn shown(&self, mut write: Write) -> Write {
        let now = |object: &Arc<Object>| {
            let found = self.live.read(|state| state.projection.get(object.path, &object.uuid).cloned());
            found.unwrap_or_else(|| Arc::clone(object))
        };
        for change in std::iter::once(&mut write.change).chain(&mut write.others) {
            match change {
                Change::Created(object) | Change::Replaced { after: object, .. } => *object = now(object),
                Change::Deleted(_) => {}
            }
        }
        write
    }

    /// Decides and commits until no guard is hurt; returns when readers see the commit. `decide` is called again with
    /// a newer projection, and with how often it lost, after every conflict.
    ///
    /// # Errors
    /// See [`CommitError`].
    pub async fn commit_here<F>(&self, decide: F) -> Result<(Write, Revision), CommitError>
    where
        F: Fn(&Projection, u32) -> Result<Write, WriteError>,
    {
        for attempt in 0..ATTEMPTS_MAX {
            let write = self.live.read(|state| decide(&state.projection, attempt)).map_err(CommitError::Refused)?;
            match self
                .store
                .txn(transaction(&write, self.live.seal()).map_err(CommitError::Seal)?)
                .await
                .map_err(CommitError::Store)?
            {
                Outcome::Committed(revision) => {
                    self.catch_up(revision).await?;
                    return Ok((write, revision));
                }
                Outcome::Conflict(compare) => {
                    tracing::debug!(?compare, "write decided on old data; deciding again");
                    let revision = self.store.revision().await.map_err(CommitError::Store)?;
                    self.catch_up(revision).await?;
                }
            }
        }
        Err(CommitError::Contended)
    }

    async fn catch_up(&self, revision: Revision) -> Result<(), CommitError> {
        self.live.wait_for(revision, VISIBLE_WITHIN).await.map_err(CommitError::Behind)
    }
}

fn transaction(write: &Write, seal: Option<&Seal>) -> Result<Txn, SealError> {
    let compares = write.guards.iter().map(|guard| match guard {
        Guard::Absent(key) => Compare::Absent(key.clone()),
        Guard::Present(key) => Compare::Present(key.clone()),
        Guard::ModifiedAt(key, revision) => Compare::ModifiedAt(key.clone(), *revision),
    });
    Ok(Txn { compares: compares.collect(), ops: operations(&write.effects, seal)? })
}

fn operations(effects: &[Effect], seal: Option<&Seal>) -> Result<Vec<Op>, SealError> {
    let ops = effects.iter().map(|effect| match effect {
        Effect::Put(key, value) => match seal {
            Some(seal) => Ok(Op::Put(key.clone(), seal.seal(key, value)?.into())),
            None => Ok(Op::Put(key.clone(), value.as_slice().into())),
        },
        Effect::Delete(key) => Ok(Op::Delete(key.clone())),
    });
    ops.collect()
}

fn changes(write: &Write) -> impl Iterator<Item = &Change> {
    std::iter::once(&write.change).chain(&write.others)
}

/// The object before and after.
fn sides(change: &Change) -> (Option<&Object>, Option<&Object>) {
    match change {
        Change::Created(after) => (None, Some(after)),
        Change::Replaced { before, after } => (Some(before), Some(after)),
        Change::Deleted(before) => (Some(before), None),
    }
}
