//! Promises about watching.

#![expect(clippy::unwrap_used, reason = "a failing call is a failing test")]

use super::subject::{Subject, delete, next, put, up_to};
use crate::{Change, HISTORY_DEFAULT, Revision, StoreError, WATCH_BUFFER, Watch};

/// What was there before the watch, then what comes.
pub async fn a_watch_from_the_start_sees_everything(make: impl AsyncFn(u64) -> Subject) {
    let subject = make(HISTORY_DEFAULT).await;
    subject.fill(5).await;
    let mut watch = subject.watch(0).await;
    subject.fill(5).await;
    up_to(&mut watch, 0, 10).await;
    assert!(watch.try_recv().is_err(), "nothing more");
}

/// After revision r comes r + 1.
pub async fn a_watch_from_a_revision_sees_what_follows(make: impl AsyncFn(u64) -> Subject) {
    let subject = make(HISTORY_DEFAULT).await;
    subject.fill(10).await;
    for after in [1, 5, 9, 10] {
        let mut watch = subject.watch(after).await;
        up_to(&mut watch, after, 10).await;
        assert!(watch.try_recv().is_err(), "nothing more");
    }
    let mut watch = subject.watch(10).await;
    subject.commit(&[put("/a", "1")]).await;
    assert_eq!(next(&mut watch).await.revision, 11);
}

/// Puts carry the whole entry; a delete of an absent key is no change. The backlog and the live feed say the same.
pub async fn a_watch_sees_deletes_in_the_order_of_the_transaction(make: impl AsyncFn(u64) -> Subject) {
    let subject = make(HISTORY_DEFAULT).await;
    let mut live = subject.watch(0).await;
    subject.commit(&[put("/z", "1"), put("/a", "1")]).await;
    subject.commit(&[put("/m", "1"), delete("/z"), delete("/none"), put("/a", "2")]).await;
    let mut late = subject.watch(0).await;
    for watch in [&mut live, &mut late] {
        let commits = up_to(watch, 0, 2).await;
        let [Change::Put(m), Change::Delete(z), Change::Put(a)] = &commits[1].changes[..] else {
            panic!("{commits:?}");
        };
        assert_eq!((m.key.as_str(), m.created, m.modified), ("/m", 2, 2));
        assert_eq!(z, "/z");
        assert_eq!((a.key.as_str(), a.created, a.modified), ("/a", 1, 2));
        assert_eq!(&*a.value, b"2");
    }
}

/// Watches opened at any moment, from any revision, join history and present without gap or repetition.
pub async fn a_watch_opened_among_writers_has_no_gap(make: impl AsyncFn(u64) -> Subject) {
    const COMMITS: Revision = 400;
    let subject = make(HISTORY_DEFAULT).await;
    let write = async {
        for n in 0..COMMITS / 4 {
            let four = (0..4).map(|k| {
                let op = put(&format!("/{n}/{k}"), "1");
                let subject = &subject;
                async move { subject.commit(&[op]).await }
            });
            futures::future::join_all(four).await;
        }
    };
    let watch = async {
        for n in 0..20 {
            // Alternately from the start, and from what a range has just seen.
            let (_, seen) = subject.store.range("", None, 1).await.unwrap();
            let after = if n % 2 == 0 { 0 } else { seen };
            let mut watch = subject.watch(after).await;
            up_to(&mut watch, after, (after + 50).min(COMMITS)).await;
        }
    };
    futures::join!(write, watch);
}

/// The writer does not wait; the reader finds an unbroken beginning, then the end.
pub async fn a_slow_reader_loses_the_channel_and_never_the_order(make: impl AsyncFn(u64) -> Subject) {
    let subject = make(HISTORY_DEFAULT).await;
    let mut slow = subject.watch(0).await;
    subject.fill(WATCH_BUFFER + 10).await;
    let last = subject.revision().await;
    assert_eq!(last, u64::try_from(WATCH_BUFFER + 10).unwrap());
    let seen = drain(&mut slow).await;
    assert!(seen >= 1 && seen < last, "{seen} of {last}");
    let mut again = subject.watch(seen).await;
    up_to(&mut again, seen, last).await;
}

/// A reader that went away is forgotten.
pub async fn a_dropped_watch_disturbs_nobody(make: impl AsyncFn(u64) -> Subject) {
    let subject = make(HISTORY_DEFAULT).await;
    let mut stays = subject.watch(0).await;
    drop(subject.watch(0).await);
    subject.fill(3).await;
    up_to(&mut stays, 0, 3).await;
}

/// At least `history` revisions are kept; older ones are refused with the oldest that can be watched from.
pub async fn a_compacted_revision_is_refused_and_the_oldest_is_named(make: impl AsyncFn(u64) -> Subject) {
    let subject = make(16).await;
    subject.fill(100).await;
    let refused = subject.store.watch(0).await;
    let Err(StoreError::Compacted { asked: 0, oldest }) = refused else {
        panic!("{refused:?}");
    };
    assert!((1..=100 - 16).contains(&oldest), "{oldest}");
    for after in [oldest, 100 - 16, 99] {
        let mut watch = subject.watch(after).await;
        up_to(&mut watch, after, 100).await;
    }
    assert!(subject.store.watch(oldest - 1).await.is_err());
    assert_eq!(subject.keys("/fill/", None, 0).await.len(), 100, "entries stay");
}

/// A watch after a revision that does not exist is one of another history.
pub async fn a_revision_to_come_is_refused(make: impl AsyncFn(u64) -> Subject) {
    let subject = make(HISTORY_DEFAULT).await;
    subject.fill(3).await;
    let refused = subject.store.watch(4).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
}

/// The last revision before the channel ends.
async fn drain(watch: &mut Watch) -> Revision {
    let mut last = 0;
    while let Some(commit) = watch.recv().await {
        let commit = commit.unwrap();
        assert_eq!(commit.revision, last + 1, "in order, without gap");
        last = commit.revision;
    }
    last
}
