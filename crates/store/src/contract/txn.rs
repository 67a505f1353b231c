//! Promises about transactions.

#![expect(clippy::unwrap_used, reason = "a failing call is a failing test")]

use std::collections::BTreeSet;

use super::subject::{Subject, delete, put};
use crate::{Compare, HISTORY_DEFAULT, Op, Outcome, StoreError, TXN_OPS_MAX, Txn};

/// Each kind of comparison against an absent key, a fresh one and a rewritten one.
pub async fn comparisons_hold_and_fail_as_they_say(make: impl AsyncFn(u64) -> Subject) {
    let subject = make(HISTORY_DEFAULT).await;
    subject.commit(&[put("/old", "1")]).await;
    subject.commit(&[put("/old", "2"), put("/new", "1")]).await;
    subject.commit(&[put("/gone", "1")]).await;
    subject.commit(&[delete("/gone")]).await;
    let cases = [
        (Compare::Absent("/none".into()), true),
        (Compare::Absent("/gone".into()), true),
        (Compare::Absent("/old".into()), false),
        (Compare::Present("/none".into()), false),
        (Compare::Present("/gone".into()), false),
        (Compare::Present("/old".into()), true),
        (Compare::ModifiedAt("/old".into(), 2), true),
        (Compare::ModifiedAt("/old".into(), 1), false),
        (Compare::ModifiedAt("/old".into(), 3), false),
        (Compare::ModifiedAt("/new".into(), 2), true),
        (Compare::ModifiedAt("/none".into(), 0), false),
        (Compare::ModifiedAt("/gone".into(), 3), false),
    ];
    for (compare, holds) in cases {
        let outcome = subject.txn(std::slice::from_ref(&compare), &[]).await;
        let expected = if holds { Outcome::Committed(4) } else { Outcome::Conflict(compare) };
        assert_eq!(outcome, expected);
    }
}

/// All or nothing; the first comparison that fails is the one named.
pub async fn a_conflict_names_the_first_failure_and_writes_nothing(make: impl AsyncFn(u64) -> Subject) {
    let subject = make(HISTORY_DEFAULT).await;
    subject.commit(&[put("/a", "1")]).await;
    let compares =
        [Compare::Present("/a".into()), Compare::ModifiedAt("/a".into(), 9), Compare::Present("/none".into())];
    let outcome = subject.txn(&compares, &[put("/b", "1"), delete("/a")]).await;
    assert_eq!(outcome, Outcome::Conflict(compares[1].clone()));
    assert_eq!(subject.keys("", None, 0).await, ["/a"]);
    assert_eq!(subject.revision().await, 1);
}

/// 1, 2, 3, whatever a commit does.
pub async fn a_revision_is_one_commit(make: impl AsyncFn(u64) -> Subject) {
    let subject = make(HISTORY_DEFAULT).await;
    assert_eq!(subject.commit(&[put("/a", "1"), put("/b", "1")]).await, 1);
    assert_eq!(subject.commit(&[put("/a", "1")]).await, 2);
    assert_eq!(subject.commit(&[delete("/a"), delete("/b")]).await, 3);
    assert_eq!(subject.revision().await, 3);
}

/// Nothing to write, nothing to see.
pub async fn a_transaction_without_change_takes_no_revision(make: impl AsyncFn(u64) -> Subject) {
    let subject = make(HISTORY_DEFAULT).await;
    subject.commit(&[put("/a", "1")]).await;
    assert_eq!(subject.commit(&[]).await, 1);
    assert_eq!(subject.commit(&[delete("/none")]).await, 1);
    assert_eq!(subject.commit(&[put("/b", "1"), delete("/none")]).await, 2);
    let mut watch = subject.watch(0).await;
    assert_eq!(super::subject::up_to(&mut watch, 0, 2).await[1].changes.len(), 1);
}

/// As many writes as fit, one revision.
pub async fn all_writes_of_a_transaction_share_a_revision(make: impl AsyncFn(u64) -> Subject) {
    let subject = make(HISTORY_DEFAULT).await;
    let ops = many(TXN_OPS_MAX);
    assert_eq!(subject.commit(&ops).await, 1);
    let (entries, revision) = subject.store.range("", None, 0).await.unwrap();
    assert_eq!((entries.len(), revision), (TXN_OPS_MAX, 1));
    assert!(entries.iter().all(|entry| (entry.created, entry.modified) == (1, 1)));
    let mut watch = subject.watch(0).await;
    let commit = super::subject::next(&mut watch).await;
    assert_eq!(commit.changes.len(), TXN_OPS_MAX);
}

/// 129 writes.
pub async fn too_many_writes_are_refused(make: impl AsyncFn(u64) -> Subject) {
    check_refused(make, many(TXN_OPS_MAX + 1), "128").await;
}

/// A put and a delete of one key.
pub async fn a_key_written_twice_is_refused(make: impl AsyncFn(u64) -> Subject) {
    check_refused(make, vec![put("/a", "1"), delete("/a")], "/a").await;
}

/// Keys are not empty.
pub async fn an_empty_key_is_refused(make: impl AsyncFn(u64) -> Subject) {
    check_refused(make, vec![put("/a", "1"), put("", "1")], "empty").await;
}

/// Compare and set among many: one creates, the others learn that they did not.
pub async fn one_of_many_writers_of_a_key_wins(make: impl AsyncFn(u64) -> Subject) {
    let subject = make(HISTORY_DEFAULT).await;
    for round in 0..5 {
        let key = format!("/round/{round}");
        let writers = (0..32).map(|n| {
            let compare = Compare::Absent(key.clone());
            let op = put(&key, &n.to_string());
            let subject = &subject;
            async move { subject.txn(&[compare], &[op]).await }
        });
        let outcomes = futures::future::join_all(writers).await;
        let winners: Vec<_> = (0..32).filter(|n| matches!(outcomes[*n], Outcome::Committed(_))).collect();
        assert_eq!(winners.len(), 1, "{outcomes:?}");
        let stored = subject.get(&key).await.unwrap();
        assert_eq!(&*stored.value, winners[0].to_string().as_bytes());
    }
    assert_eq!(subject.revision().await, 5);
}

/// Writers of different keys at once: no revision twice, none left out.
pub async fn concurrent_commits_take_distinct_revisions(make: impl AsyncFn(u64) -> Subject) {
    let subject = make(HISTORY_DEFAULT).await;
    let writers = (0..100).map(|n| {
        let op = put(&format!("/{n}"), "1");
        let subject = &subject;
        async move { subject.commit(&[op]).await }
    });
    let revisions: BTreeSet<_> = futures::future::join_all(writers).await.into_iter().collect();
    assert!(revisions.into_iter().eq(1..=100));
}

fn many(count: usize) -> Vec<Op> {
    (0..count).map(|n| put(&format!("/{n:03}"), "1")).collect()
}

async fn check_refused(make: impl AsyncFn(u64) -> Subject, ops: Vec<Op>, says: &str) {
    let subject = make(HISTORY_DEFAULT).await;
    let refused = subject.store.txn(Txn { compares: vec![], ops }).await;
    let Err(StoreError::Refused(text)) = refused else {
        panic!("{refused:?}");
    };
    assert!(text.contains(says), "{text}");
    assert_eq!(subject.revision().await, 0);
    assert!(subject.keys("", None, 0).await.is_empty());
}
