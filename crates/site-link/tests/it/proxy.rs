//! A TCP proxy that cuts links, and makes them half-open: nothing gets through, nothing is closed.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

/// What becomes of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Open,
    /// Connections are held, their bytes are not passed on.
    Stalled,
    /// Connections are closed, new ones too.
    Cut,
    /// Bytes in a second, in either direction.
    Slow(usize),
}

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    pub(crate) mode: watch::Sender<Mode>,
    /// Bytes that got through, in either direction.
    pub(crate) passed: Arc<AtomicU64>,
    /// Bytes that dialling sites sent, as a listener on the line has them.
    pub(crate) overheard: Arc<Mutex<Vec<u8>>>,
}

pub(crate) async fn start(to: SocketAddr) -> Proxy {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (mode, watched) = watch::channel(Mode::Open);
    let passed = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&passed);
    let overheard = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&overheard);
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let (mut mode, counter, heard) = (watched.clone(), Arc::clone(&counter), Arc::clone(&heard));
            if *mode.borrow() == Mode::Cut {
                continue;
            }
            tokio::spawn(async move {
                let Ok(far) = TcpStream::connect(to).await else { return };
                let (near_read, near_write) = near.into_split();
                let (far_read, far_write) = far.into_split();
                let (up, down) = (mode.clone(), mode.clone());
                tokio::select! {
                    () = pass(near_read, far_write, up, &counter, Some(&heard)) => {}
                    () = pass(far_read, near_write, down, &counter, None) => {}
                    _ = mode.wait_for(|mode| *mode == Mode::Cut) => {}
                }
            });
        }
    });
    Proxy { address, mode, passed, overheard }
}

async fn pass(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut mode: watch::Receiver<Mode>,
    passed: &AtomicU64,
    heard: Option<&Mutex<Vec<u8>>>,
) {
    let mut buffer = vec![0; 8 * 1024];
    loop {
        if mode.wait_for(|mode| *mode != Mode::Stalled).await.is_err() {
            return;
        }
        let Ok(count @ 1..) = from.read(&mut buffer).await else { return };
        let now = *mode.borrow();
        if let Mode::Slow(rate) = now {
            sleep(Duration::from_secs_f64(count as f64 / rate as f64)).await; // bounded: this is the rate of the line
        }
        if mode.wait_for(|mode| *mode != Mode::Stalled).await.is_err() || to.write_all(&buffer[..count]).await.is_err()
        {
            return;
        }
        if let Some(heard) = heard {
            heard.lock().unwrap().extend_from_slice(&buffer[..count]);
        }
        passed.fetch_add(count as u64, Ordering::SeqCst);
    }
}
