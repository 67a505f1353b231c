//! A backend against the simplest thing that could be right.

#![expect(clippy::unwrap_used, reason = "a failing call is a failing test")]

use std::collections::BTreeMap;

use super::subject::{Subject, up_to};
use crate::{Change, Compare, Entry, HISTORY_DEFAULT, Op, Outcome, Revision, Txn};

const SEEDS: u64 = 8;
const TXNS: usize = 60;

/// Same outcomes, same entries, same history as a map and a list, for several seeds.
pub async fn random_transactions_leave_what_a_model_leaves(make: impl AsyncFn(u64) -> Subject) {
    for seed in 0..SEEDS {
        let subject = make(HISTORY_DEFAULT).await;
        let mut dice = Dice(seed);
        let mut model = Model::default();
        for n in 0..TXNS {
            let txn = dice.txn(model.revision());
            let expected = model.apply(&txn);
            let outcome = subject.store.txn(txn.clone()).await.unwrap();
            assert_eq!(outcome, expected, "seed {seed}, transaction {n}: {txn:?}");
        }
        let (entries, revision) = subject.store.range("", None, 0).await.unwrap();
        let expected: Vec<_> = model.entries.values().cloned().collect();
        assert_eq!(entries, expected, "seed {seed}");
        assert_eq!(revision, model.revision(), "seed {seed}");
        let mut watch = subject.watch(0).await;
        let commits = up_to(&mut watch, 0, revision).await;
        let changes: Vec<_> = commits.into_iter().map(|commit| commit.changes).collect();
        assert_eq!(changes, model.history, "seed {seed}");
    }
}

#[derive(Default)]
struct Model {
    entries: BTreeMap<String, Entry>,
    history: Vec<Vec<Change>>,
}

impl Model {
    fn revision(&self) -> Revision {
        self.history.len().try_into().unwrap()
    }

    fn apply(&mut self, txn: &Txn) -> Outcome {
        let failed = txn.compares.iter().find(|compare| {
            let found = self.entries.get(compare.key());
            !match compare {
                Compare::Absent(_) => found.is_none(),
                Compare::Present(_) => found.is_some(),
                Compare::ModifiedAt(_, at) => found.is_some_and(|entry| entry.modified == *at),
            }
        });
        if let Some(compare) = failed {
            return Outcome::Conflict(compare.clone());
        }
        let modified = self.revision() + 1;
        let mut changes = Vec::new();
        for op in &txn.ops {
            let old = self.entries.remove(op.key());
            match op {
                Op::Put(key, value) => {
                    let entry = Entry {
                        key: key.clone(),
                        value: value.clone(),
                        created: old.map_or(modified, |old| old.created),
                        modified,
                    };
                    self.entries.insert(key.clone(), entry.clone());
                    changes.push(Change::Put(entry));
                }
                Op::Delete(key) => changes.extend(old.map(|_| Change::Delete(key.clone()))),
            }
        }
        if !changes.is_empty() {
            self.history.push(changes);
        }
        Outcome::Committed(self.revision())
    }
}

/// `SplitMix64`: enough randomness, the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    /// Few keys, so that transactions meet.
    fn key(&mut self) -> String {
        format!("/{}", self.roll(6))
    }

    fn txn(&mut self, revision: Revision) -> Txn {
        let compares = (0..self.roll(3))
            .map(|_| {
                let key = self.key();
                match self.roll(3) {
                    0 => Compare::Absent(key),
                    1 => Compare::Present(key),
                    _ => Compare::ModifiedAt(key, self.roll(revision + 2)),
                }
            })
            .collect();
        let mut ops: Vec<Op> = Vec::new();
        for _ in 0..self.roll(5) {
            let key = self.key();
            if ops.iter().any(|op| op.key() == key) {
                continue;
            }
            ops.push(match self.roll(3) {
                0 => Op::Delete(key),
                _ => Op::Put(key, self.roll(1000).to_string().into_bytes().into()),
            });
        }
        Txn { compares, ops }
    }
}
