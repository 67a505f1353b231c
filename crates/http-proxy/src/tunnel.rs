//! Connections that changed their protocol: octets both ways until one side has enough.

use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};

use crate::access::Ending;
use crate::client::Client;
use crate::finish::Finish;
use crate::upstream::Upstream;
use crate::view::View;

/// A peer that is gone without a word is noticed after this and five probes more.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// The server's side of a tunnel.
pub(crate) struct Tunnel {
    pub(crate) upstream: Upstream,
    pub(crate) finish: Box<Finish>,
}

/// How the kernel finds out whether the peer of a quiet connection still lives.
pub(crate) fn keepalive() -> TcpKeepalive {
    TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL).with_retries(5)
}

impl Tunnel {
    /// Copies until both sides have closed, one broke, or the listener has to go; where its virtual service or child has
    /// gone from a listener that stays, for `drain_timeout` more. `read` came from the client already.
    pub(crate) async fn run<T: AsyncRead + AsyncWrite + Unpin>(self, mut io: T, read: Bytes, client: &Rc<Client>) {
        let Self { mut upstream, mut finish } = self;
        client.worker.stats.tunnels.add(1);
        finish.ending = Ending::Tunnel;
        let _ = SockRef::from(&upstream.io).set_tcp_keepalive(&keepalive());
        let copied = async {
            upstream.io.write_all(&read).await?;
            io.write_all(&upstream.buffer).await?;
            io.flush().await?;
            copy_bidirectional(&mut io, &mut upstream.io).await
        };
        let mut copied = pin!(copied);
        let (worker, address) = (&client.worker, client.listener.address);
        let host = finish.host_uuid().unwrap_or_default().to_owned();
        let mut generation = None;
        client.deadline.watch_changes();
        let octets = std::future::poll_fn(|cx| {
            client.deadline.register(cx);
            let newest = worker.generation();
            if generation.replace(newest) != Some(newest) {
                match serves(&worker.view(), address, &host) {
                    true => client.deadline.clear(),
                    false if client.deadline.is_set() => {}
                    false => client.deadline.set(worker.timer.after(worker.shared.drain_timeout)),
                }
            }
            if client.listener.is_aborted.get() || client.deadline.is_past(worker.timer.now_ms()) {
                finish.ending = Ending::Drained;
                return Poll::Ready(Ok((0, 0)));
            }
            copied.as_mut().poll(cx)
        })
        .await;
        if let Ok((from_client, from_server)) = octets {
            finish.request_octets = from_client + read.len() as u64;
            finish.response_octets = from_server;
        }
    }
}

/// Whether the virtual service or child of a tunnel is still there. Where the listener has gone, that ends it.
fn serves(view: &View, address: SocketAddr, host: &str) -> bool {
    let Some(listener) = view.table.listeners.get(&address) else { return true };
    let source = &listener.service.source;
    source.host.uuid == host || source.children.iter().any(|child| child.host.uuid == host)
}
