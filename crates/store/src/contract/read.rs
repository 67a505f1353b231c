//! Promises about reading.

#![expect(clippy::unwrap_used, reason = "a failing call is a failing test")]

use super::subject::{Subject, delete, next, put};
use crate::{HISTORY_DEFAULT, Op};

/// Revision 0, nothing stored, an incarnation of its own.
pub async fn a_new_store_is_empty(make: impl AsyncFn(u64) -> Subject) {
    let subject = make(HISTORY_DEFAULT).await;
    assert_eq!(subject.revision().await, 0);
    assert_eq!(subject.get("/a").await, None);
    assert_eq!(subject.store.range("", None, 0).await.unwrap(), (vec![], 0));
    assert!(!subject.store.incarnation().is_empty());
    let other = make(HISTORY_DEFAULT).await;
    assert_ne!(subject.store.incarnation(), other.store.incarnation());
}

/// When `txn` returns, `get`, `range`, `revision` and watchers have the commit.
pub async fn an_acknowledged_commit_is_readable_and_watched(make: impl AsyncFn(u64) -> Subject) {
    let subject = make(HISTORY_DEFAULT).await;
    let mut watch = subject.watch(0).await;
    for n in 1..=20 {
        assert_eq!(subject.commit(&[put("/a", "1")]).await, n);
        assert_eq!(subject.revision().await, n);
        assert_eq!(subject.get("/a").await.unwrap().modified, n);
        assert_eq!(subject.store.range("/", None, 0).await.unwrap().1, n);
        assert_eq!(watch.try_recv().unwrap().unwrap().revision, n);
    }
}

/// `created` stays, `modified` moves.
pub async fn an_entry_keeps_its_creation_when_it_is_replaced(make: impl AsyncFn(u64) -> Subject) {
    let subject = make(HISTORY_DEFAULT).await;
    subject.commit(&[put("/a", "1")]).await;
    subject.commit(&[put("/b", "1")]).await;
    subject.commit(&[put("/a", "2")]).await;
    let entry = subject.get("/a").await.unwrap();
    assert_eq!((entry.created, entry.modified), (1, 3));
    assert_eq!(&*entry.value, b"2");
    let entry = subject.get("/b").await.unwrap();
    assert_eq!((entry.created, entry.modified), (2, 2));
}

/// After a delete the key is new.
pub async fn a_key_made_again_is_created_again(make: impl AsyncFn(u64) -> Subject) {
    let subject = make(HISTORY_DEFAULT).await;
    subject.commit(&[put("/a", "1")]).await;
    subject.commit(&[delete("/a")]).await;
    assert_eq!(subject.get("/a").await, None);
    subject.commit(&[put("/a", "2")]).await;
    let entry = subject.get("/a").await.unwrap();
    assert_eq!((entry.created, entry.modified), (3, 3));
}

/// Values are opaque: empty, not UTF-8, large.
pub async fn a_value_may_be_empty_and_any_bytes(make: impl AsyncFn(u64) -> Subject) {
    let subject = make(HISTORY_DEFAULT).await;
    let mut watch = subject.watch(0).await;
    for value in [vec![], vec![0, 255, 10, 0], vec![7; 300_000]] {
        let op = Op::Put("/a".to_owned(), value.clone().into());
        subject.commit(&[op]).await;
        assert_eq!(&*subject.get("/a").await.unwrap().value, value.as_slice());
        let [crate::Change::Put(entry)] = &next(&mut watch).await.changes[..] else {
            panic!("one put");
        };
        assert_eq!(&*entry.value, value.as_slice());
    }
}

/// Byte order, no pattern characters, nothing outside the prefix.
pub async fn a_range_holds_its_prefix_in_byte_order(make: impl AsyncFn(u64) -> Subject) {
    let subject = make(HISTORY_DEFAULT).await;
    let keys = ["/a", "/a/", "/a/%", "/a/B", "/a/_", "/a/b", "/a/b/c", "/a/é", "/a/\u{10ffff}", "/aa", "/b"];
    for key in keys.iter().rev() {
        subject.commit(&[put(key, "1")]).await;
    }
    assert_eq!(subject.keys("", None, 0).await, keys);
    assert_eq!(subject.keys("/", None, 0).await, keys);
    assert_eq!(subject.keys("/a/", None, 0).await, keys[1..9]);
    assert_eq!(subject.keys("/a/b", None, 0).await, ["/a/b", "/a/b/c"]);
    assert_eq!(subject.keys("/a/_", None, 0).await, ["/a/_"]);
    assert_eq!(subject.keys("/a/%", None, 0).await, ["/a/%"]);
    assert_eq!(subject.keys("/a/\u{10ffff}", None, 0).await, ["/a/\u{10ffff}"]);
    assert!(subject.keys("/c", None, 0).await.is_empty());
}

/// Pages of a range join to the whole, whether or not `after` exists or lies in the prefix.
pub async fn a_range_pages_by_after_and_limit(make: impl AsyncFn(u64) -> Subject) {
    let subject = make(HISTORY_DEFAULT).await;
    subject.fill(10).await;
    subject.commit(&[put("/a", "1"), put("/z", "1")]).await;
    let all = subject.keys("/fill/", None, 0).await;
    assert_eq!(all.len(), 10);
    let mut paged = Vec::new();
    loop {
        let page = subject.keys("/fill/", paged.last().map(String::as_str), 3).await;
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 3);
        paged.extend(page);
    }
    assert_eq!(paged, all);
    assert_eq!(subject.keys("/fill/", Some("/fill/00004x"), 2).await, all[5..7]);
    assert_eq!(subject.keys("/fill/", Some("/a"), 2).await, all[..2]);
    assert!(subject.keys("/fill/", Some("/z"), 0).await.is_empty());
}
