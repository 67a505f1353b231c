//! One write: decide on the projection, commit under guards, wait until it is visible.

use std::{sync::Arc, time::Duration};

use objects::{Effect, Guard, Projection, Write, WriteError};
use store::{Compare, Op, Outcome, Revision, Store, StoreError, Txn};

use crate::{
    live::{BehindError, LiveProjection},
    seal::{Seal, SealError},
};

/// Attempts of one write when others write what it relied on. Each lost attempt means that somebody else succeeded.
const ATTEMPTS_MAX: u32 = 16;
/// Longest wait for the projection to apply a commit.
const VISIBLE_WITHIN: Duration = Duration::from_secs(10);

/// Commits writes.
#[derive(Clone)]
pub struct Committer {
    store: Arc<dyn Store>,
    live: Arc<LiveProjection>,
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
}

impl Committer {
    /// Writes to `store`, deciding on `live`, which has to be fed from the same store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, live: Arc<LiveProjection>) -> Self {
        Self { store, live }
    }

    /// Decides and commits until no guard is hurt; returns when readers see the commit. `decide` is called again with
    /// a newer projection, and with how often it lost, after every conflict.
    ///
    /// # Errors
    /// See [`CommitError`].
    pub async fn commit<F>(&self, decide: F) -> Result<(Write, Revision), CommitError>
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
    let ops = write.effects.iter().map(|effect| match effect {
        Effect::Put(key, value) => match seal {
            Some(seal) => Ok(Op::Put(key.clone(), seal.seal(key, value)?.into())),
            None => Ok(Op::Put(key.clone(), value.as_slice().into())),
        },
        Effect::Delete(key) => Ok(Op::Delete(key.clone())),
    });
    Ok(Txn { compares: compares.collect(), ops: ops.collect::<Result<_, _>>()? })
}
