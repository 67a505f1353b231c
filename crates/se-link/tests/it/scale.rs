//! Ten thousand services, and an engine that is slow.

use std::{sync::Arc, sync::atomic::Ordering};

use model::Weight;

use crate::{
    harness::{Controller, Engine, snapshot, version},
    proxy,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_change_among_ten_thousand_travels_alone() {
    let (dir, engine_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let controller = Controller::start(dir.path());
    let proxy = proxy::start(controller.server.local_addr()).await;
    let mut engine = Engine::join(engine_dir.path(), &controller.token_for(proxy.address)).await;
    engine.is_connected().await;
    let full = snapshot("a", 1, 10_000);
    let (start, before) = (tokio::time::Instant::now(), proxy.down.load(Ordering::SeqCst));
    controller.publish(&full);
    engine.runs(&full).await;
    let (full_time, full_bytes) = (start.elapsed(), proxy.down.load(Ordering::SeqCst) - before);
    controller.engine(&engine.uuid, |engine| engine.running.as_ref() == Some(&full.version)).await;

    let mut worst = std::time::Duration::ZERO;
    let mut delta_bytes = 0;
    let mut next = full;
    for revision in 2..12 {
        let mut changed = Arc::unwrap_or_clone(next);
        changed.version = version("a", revision);
        Arc::make_mut(&mut changed.gslb_services[5_000]).pools[0].members[0].weight =
            Weight::try_from(revision).unwrap();
        next = Arc::new(changed);
        let (start, before) = (tokio::time::Instant::now(), proxy.down.load(Ordering::SeqCst));
        controller.publish(&next);
        engine.runs(&next).await;
        worst = worst.max(start.elapsed());
        delta_bytes = proxy.down.load(Ordering::SeqCst) - before;
        controller.engine(&engine.uuid, |engine| engine.running.as_ref() == Some(&next.version)).await;
    }
    println!("full: {full_bytes} bytes in {full_time:?}; delta: {delta_bytes} bytes in {worst:?} at worst");
    assert!(full_bytes > 1_000_000 && delta_bytes < 2_000, "{full_bytes} {delta_bytes}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_engine_delays_nobody_and_then_gets_the_newest() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let controller = Controller::start(dirs[0].path());
    let proxy = proxy::start(controller.server.local_addr()).await;
    let mut slow = Engine::join(dirs[1].path(), &controller.token_for(proxy.address)).await;
    let mut quick = Engine::join(dirs[2].path(), &controller.token()).await;
    slow.is_connected().await;
    proxy.stalled.send_replace(true);
    let mut last = snapshot("a", 1, 0);
    for revision in 1..7 {
        // Each is larger than what sockets and streams hold.
        last = snapshot("a", revision, if revision % 2 == 0 { 2_000 } else { 6_000 });
        controller.publish(&last);
        quick.runs(&last).await;
    }
    assert!(proxy.saw_stall.load(Ordering::SeqCst));
    assert_ne!(slow.snapshots.borrow().as_ref(), Some(&last));
    proxy.stalled.send_replace(false);
    slow.runs(&last).await;
}
