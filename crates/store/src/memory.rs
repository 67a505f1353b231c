//! The store in memory: for tests, and for a demo that keeps nothing.

use std::collections::BTreeMap;
use std::ops::Bound;

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::{Change, Commit, Entry, Feed, HISTORY_DEFAULT, Op, Outcome, Revision, Store, StoreError, Txn, Watch};

/// A store that lives as long as it is held.
#[derive(Debug)]
pub struct MemoryStore {
    incarnation: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    entries: BTreeMap<String, Entry>,
    feed: Feed,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store that keeps [`HISTORY_DEFAULT`] revisions for watchers.
    #[must_use]
    pub fn new() -> Self {
        Self::with_history(HISTORY_DEFAULT)
    }

    /// An empty store that keeps `history` revisions for watchers.
    #[must_use]
    pub fn with_history(history: u64) -> Self {
        let recent_max = usize::try_from(history).unwrap_or(usize::MAX);
        Self {
            incarnation: uuid::Uuid::new_v4().to_string(),
            state: Mutex::new(State { entries: BTreeMap::new(), feed: Feed::new(0, recent_max) }),
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn incarnation(&self) -> &str {
        &self.incarnation
    }

    async fn revision(&self) -> Result<Revision, StoreError> {
        Ok(self.state.lock().feed.revision())
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, StoreError> {
        Ok(self.state.lock().entries.get(key).cloned())
    }

    async fn range(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Entry>, Revision), StoreError> {
        let state = self.state.lock();
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let entries = state
            .entries
            .range::<str, _>((start, Bound::Unbounded))
            .map(|(_, entry)| entry)
            .take_while(|entry| entry.key.starts_with(prefix))
            .take(if limit == 0 { usize::MAX } else { limit })
            .cloned()
            .collect();
        Ok((entries, state.feed.revision()))
    }

    async fn txn(&self, txn: Txn) -> Result<Outcome, StoreError> {
        txn.check()?;
        Ok(self.state.lock().apply(txn))
    }

    async fn watch(&self, after: Revision) -> Result<Watch, StoreError> {
        let mut state = self.state.lock();
        let last = state.feed.revision();
        if after > last {
            return Err(StoreError::not_yet(after, last));
        }
        let oldest = state.feed.oldest();
        let watch = state.feed.watch(&[], after);
        watch.ok_or(StoreError::Compacted { asked: after, oldest })
    }
}

impl State {
    fn apply(&mut self, txn: Txn) -> Outcome {
        for compare in txn.compares {
            let modified = self.entries.get(compare.key()).map(|entry| entry.modified);
            if !compare.holds(modified) {
                return Outcome::Conflict(compare);
            }
        }
        let revision = self.feed.revision() + 1;
        let mut changes = Vec::with_capacity(txn.ops.len());
        for op in txn.ops {
            match op {
                Op::Put(key, value) => {
                    let created = self.entries.get(&key).map_or(revision, |old| old.created);
                    let entry = Entry { key: key.clone(), value, created, modified: revision };
                    self.entries.insert(key, entry.clone());
                    changes.push(Change::Put(entry));
                }
                Op::Delete(key) => {
                    if self.entries.remove(&key).is_some() {
                        changes.push(Change::Delete(key));
                    }
                }
            }
        }
        if changes.is_empty() {
            return Outcome::Committed(self.feed.revision());
        }
        self.feed.publish(Commit { revision, changes });
        Outcome::Committed(revision)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::MemoryStore;
    use crate::contract::Subject;

    async fn make(history: u64) -> Subject {
        Subject::new(Arc::new(MemoryStore::with_history(history)))
    }

    crate::contract_tests!(make);
}
