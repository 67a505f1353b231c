//! What a store that is opened again remembers.

use store::{Change, Op, Outcome, Store, StoreError, Txn};
use store_embedded::{Options, SqliteStore};

async fn commit(store: &SqliteStore, op: Op) -> u64 {
    match store.txn(Txn { compares: vec![], ops: vec![op] }).await.unwrap() {
        Outcome::Committed(revision) => revision,
        Outcome::Conflict(compare) => panic!("{compare:?}"),
    }
}

fn put(key: &str) -> Op {
    Op::Put(key.to_owned(), key.as_bytes().into())
}

#[tokio::test]
async fn entries_revisions_and_identity_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("objects.db");
    let store = SqliteStore::open(&path).unwrap();
    commit(&store, put("/a")).await;
    commit(&store, put("/b")).await;
    commit(&store, put("/a")).await;
    let incarnation = store.incarnation().to_owned();
    let before = store.range("", None, 0).await.unwrap();
    drop(store);

    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.incarnation(), incarnation);
    assert_eq!(store.range("", None, 0).await.unwrap(), before);
    assert_eq!(store.revision().await.unwrap(), 3);
    assert_eq!(commit(&store, put("/c")).await, 4);
}

#[tokio::test]
async fn a_watch_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("objects.db");
    let store = SqliteStore::open(&path).unwrap();
    for n in 0..10 {
        commit(&store, put(&format!("/{n}"))).await;
    }
    commit(&store, Op::Delete("/4".to_owned())).await;
    drop(store);

    let store = SqliteStore::open(&path).unwrap();
    let mut watch = store.watch(7).await.unwrap();
    commit(&store, put("/new")).await;
    for revision in 8..=12 {
        let seen = watch.recv().await.unwrap().unwrap();
        assert_eq!(seen.revision, revision);
        match (revision, &seen.changes[..]) {
            (11, [Change::Delete(key)]) => assert_eq!(key, "/4"),
            (_, [Change::Put(entry)]) => assert_eq!(entry.modified, revision),
            (_, changes) => panic!("{changes:?}"),
        }
    }
}

#[tokio::test]
async fn what_was_compacted_stays_compacted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("objects.db");
    let options = Options { history: 16, ..Options::default() };
    let store = SqliteStore::open_with(&path, options).unwrap();
    for n in 0..50 {
        commit(&store, put(&format!("/{n}"))).await;
    }
    drop(store);
    let store = SqliteStore::open_with(&path, options).unwrap();
    let Err(StoreError::Compacted { oldest, .. }) = store.watch(0).await else { panic!("kept") };
    assert!((30..=34).contains(&oldest), "{oldest}");
    let mut watch = store.watch(oldest).await.unwrap();
    assert_eq!(watch.recv().await.unwrap().unwrap().revision, oldest + 1);
}
