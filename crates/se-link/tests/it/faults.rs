//! Cut connections, restarts, disks that are full.

use std::{sync::atomic::Ordering, time::Duration};

use se_link::{Client, join};

use crate::{
    harness::{Controller, Engine, config, snapshot, until},
    proxy,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connection_cut_anywhere_never_shows_half_a_snapshot() {
    let (dir, engine_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let controller = Controller::start(dir.path());
    let mut proxy = proxy::start(controller.server.local_addr()).await;
    join(&controller.token_for(proxy.address), engine_dir.path(), "engine-1").await.unwrap();
    let first = snapshot("a", 1, 10_000);
    controller.publish(&first);
    // About two and a half megabytes are to come.
    let mut engine = None;
    for cut_after in [2_000, 60_000, 1_200_000, 2_000_000] {
        proxy.cut_after.store(cut_after, Ordering::SeqCst);
        let before = *proxy.cuts.borrow();
        let engine = engine.get_or_insert_with(|| Engine::start(config(engine_dir.path())));
        until(&mut proxy.cuts, |cuts| *cuts > before).await;
        assert_eq!(*engine.snapshots.borrow(), None);
    }
    proxy.cut_after.store(u64::MAX, Ordering::SeqCst);
    engine.unwrap().runs(&first).await;
}

#[tokio::test]
async fn engine_restarted_without_a_controller_runs_what_ran_last() {
    let (dir, engine_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let controller = Controller::start(dir.path());
    let mut engine = Engine::join(engine_dir.path(), &controller.token()).await;
    let last = snapshot("a", 9, 20);
    for next in [snapshot("a", 8, 3), last.clone()] {
        controller.publish(&next);
        engine.runs(&next).await;
    }
    engine.client.shutdown().await;
    controller.server.shutdown().await;
    let client = Client::open(config(engine_dir.path())).unwrap();
    assert_eq!(client.snapshots().borrow().as_ref(), Some(&last));
}

#[tokio::test]
async fn full_disk_does_not_stop_snapshots() {
    let (dir, engine_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let controller = Controller::start(dir.path());
    let mut engine = Engine::join(engine_dir.path(), &controller.token()).await;
    let first = snapshot("a", 1, 3);
    controller.publish(&first);
    engine.runs(&first).await;
    // Whatever is written from now on finds no room.
    let checkpoint = engine_dir.path().join("checkpoint");
    tokio::time::timeout(Duration::from_secs(20), async {
        while !engine_dir.path().join("journal").exists() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    std::fs::remove_file(engine_dir.path().join("journal")).unwrap();
    std::os::unix::fs::symlink("/dev/full", engine_dir.path().join("journal")).unwrap();
    for revision in 2..5 {
        let next = snapshot("a", revision, 4);
        controller.publish(&next);
        engine.runs(&next).await;
    }
    assert!(checkpoint.exists());
    engine.client.shutdown().await;
}
