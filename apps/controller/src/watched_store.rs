//! The store, and whether its last write went well.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use parking_lot::Mutex;
use store::{Entry, Op, Outcome, Revision, Store, StoreError, Txn, Watch};

/// Pause between attempts to write after a write failed.
const TRY_AGAIN: Duration = Duration::from_secs(5);
/// What is written then: no object, so nothing follows from it.
const TRIAL_KEY: &str = "/controller/trial-write";

/// Passes everything on and remembers how the last write ended.
pub(crate) struct WatchedStore {
    inner: Arc<dyn Store>,
    failure: Mutex<Option<String>>,
}

impl WatchedStore {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, failure: Mutex::default() }
    }

    /// Why the last write failed, if it did.
    pub(crate) fn failure(&self) -> Option<String> {
        self.failure.lock().clone()
    }

    /// Tries to write for as long as the last write failed: whoever is sent elsewhere meanwhile brings no write that
    /// could show that all is well again.
    pub(crate) async fn recover(&self) {
        loop {
            tokio::time::sleep(TRY_AGAIN).await;
            if self.failure().is_some() {
                let ops = vec![Op::Put(TRIAL_KEY.to_owned(), b"x".as_slice().into())];
                // How it ended is remembered.
                let _ = self.txn(Txn { compares: Vec::new(), ops }).await;
            }
        }
    }
}

#[async_trait]
impl Store for WatchedStore {
    fn incarnation(&self) -> &str {
        self.inner.incarnation()
    }

    async fn revision(&self) -> Result<Revision, StoreError> {
        self.inner.revision().await
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, StoreError> {
        self.inner.get(key).await
    }

    async fn range(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Entry>, Revision), StoreError> {
        self.inner.range(prefix, after, limit).await
    }

    async fn txn(&self, txn: Txn) -> Result<Outcome, StoreError> {
        let ended = self.inner.txn(txn).await;
        let failure = match &ended {
            // Compared and found otherwise, or against the rules: the store works.
            Ok(_) | Err(StoreError::Refused(_) | StoreError::Compacted { .. }) => None,
            Err(StoreError::Full { doing, source } | StoreError::Backend { doing, source }) => {
                Some(format!("{doing}: {source}"))
            }
        };
        *self.failure.lock() = failure;
        ended
    }

    async fn watch(&self, after: Revision) -> Result<Watch, StoreError> {
        self.inner.watch(after).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use store::MemoryStore;

    use super::*;

    /// A store whose disk is full, or not.
    struct Full(MemoryStore, AtomicBool);

    #[async_trait]
    impl Store for Full {
        fn incarnation(&self) -> &str {
            self.0.incarnation()
        }

        async fn revision(&self) -> Result<Revision, StoreError> {
            self.0.revision().await
        }

        async fn get(&self, key: &str) -> Result<Option<Entry>, StoreError> {
            self.0.get(key).await
        }

        async fn range(&self, p: &str, a: Option<&str>, l: usize) -> Result<(Vec<Entry>, Revision), StoreError> {
            self.0.range(p, a, l).await
        }

        async fn txn(&self, txn: Txn) -> Result<Outcome, StoreError> {
            if self.1.load(Ordering::Relaxed) {
                return Err(StoreError::Backend { doing: "committing", source: "the disk is full".into() });
            }
            self.0.txn(txn).await
        }

        async fn watch(&self, after: Revision) -> Result<Watch, StoreError> {
            self.0.watch(after).await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_write_is_remembered_until_one_succeeds_by_itself() {
        let full = Arc::new(Full(MemoryStore::new(), AtomicBool::new(true)));
        let store = Arc::new(WatchedStore::new(full.clone()));
        let write = || Txn { compares: vec![], ops: vec![Op::Put("/a".into(), b"x".as_slice().into())] };
        assert_eq!(store.failure(), None);
        assert!(store.txn(write()).await.is_err());
        assert_eq!(store.failure().as_deref(), Some("committing: the disk is full"));
        let recovering = store.clone();
        let task = tokio::spawn(async move { recovering.recover().await });
        tokio::time::sleep(TRY_AGAIN * 3).await; // bounded: the clock of this test is paused
        assert!(store.failure().is_some());
        full.1.store(false, Ordering::Relaxed);
        tokio::time::sleep(TRY_AGAIN * 2).await; // bounded: as above
        assert_eq!(store.failure(), None);
        task.abort();
    }
}
