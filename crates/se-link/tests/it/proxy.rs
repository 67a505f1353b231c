//! A TCP proxy that counts, cuts and stalls what the controller sends.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    /// Bytes from the controller to engines.
    pub(crate) down: Arc<AtomicU64>,
    /// Connections are cut after so many bytes down.
    pub(crate) cut_after: Arc<AtomicU64>,
    /// Connections that were cut.
    pub(crate) cuts: watch::Receiver<u64>,
    /// Nothing is read from the controller while this is set.
    pub(crate) stalled: watch::Sender<bool>,
    pub(crate) saw_stall: Arc<AtomicBool>,
}

pub(crate) async fn start(controller: SocketAddr) -> Proxy {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (cut_sender, cuts) = watch::channel(0);
    let proxy = Proxy {
        address,
        down: Arc::default(),
        cut_after: Arc::new(AtomicU64::new(u64::MAX)),
        cuts,
        stalled: watch::Sender::new(false),
        saw_stall: Arc::default(),
    };
    let (down, cut_after, saw_stall) = (proxy.down.clone(), proxy.cut_after.clone(), proxy.saw_stall.clone());
    let stalled = proxy.stalled.subscribe();
    let cut_sender = Arc::new(cut_sender);
    tokio::spawn(async move {
        while let Ok((engine, _)) = listener.accept().await {
            let Ok(upstream) = TcpStream::connect(controller).await else { continue };
            let (mut from_engine, mut to_engine) = engine.into_split();
            let (mut from_controller, mut to_controller) = upstream.into_split();
            let (down, saw_stall, mut stalled) = (down.clone(), saw_stall.clone(), stalled.clone());
            let (limit, cut_sender) = (cut_after.load(Ordering::SeqCst), cut_sender.clone());
            tokio::spawn(async move {
                let up = tokio::io::copy(&mut from_engine, &mut to_controller);
                let forward = async {
                    let (mut buffer, mut passed) = (vec![0; 16 * 1024], 0);
                    loop {
                        if *stalled.borrow() {
                            saw_stall.store(true, Ordering::SeqCst);
                            let _ = stalled.wait_for(|stalled| !stalled).await;
                        }
                        let Ok(count @ 1..) = from_controller.read(&mut buffer).await else { return false };
                        let room = usize::try_from(limit.saturating_sub(passed)).unwrap_or(usize::MAX).min(count);
                        if to_engine.write_all(&buffer[..room]).await.is_err() {
                            return false;
                        }
                        passed += room as u64;
                        down.fetch_add(room as u64, Ordering::SeqCst);
                        if room < count {
                            return true;
                        }
                    }
                };
                tokio::select! {
                    _ = up => {}
                    was_cut = forward => if was_cut { cut_sender.send_modify(|cuts| *cuts += 1) },
                }
            });
        }
    });
    proxy
}
