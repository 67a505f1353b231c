//! The life of a client's connection: TLS, HTTP, perhaps a tunnel, the end.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::debug;

use crate::access::TlsSession;
use crate::client::{Accepted, Client, GivenUp, Watched};
use crate::service::serve;
use crate::stats::WorkerStats;
use crate::wire::Wire;
use crate::worker::{ListenerState, Worker};

/// Streams of an HTTP/2 connection at a time (avi-api 2.13).
const HTTP2_STREAMS_MAX: u32 = 128;

/// Smallest buffer that hyper takes.
const BUFFER_SIZE_MIN: usize = 8192;

/// How long a client may take to read our last octets and close its side.
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);

/// How often what it still sends is thrown away meanwhile.
const LINGER_READS_MAX: usize = 256;

const TIMED_OUT: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const NOT_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 34\r\n\
    connection: close\r\n\r\nThis port speaks HTTPS, not HTTP.\n";

/// Serves a connection until it ends.
pub(crate) async fn run(worker: Rc<Worker>, listener: Rc<ListenerState>, stream: TcpStream, peer: SocketAddr) {
    // Listeners are bound to one address each, so that need not be asked for.
    let local = listener.address;
    let view = worker.view();
    // Between accepting and here the listener may have gone: then nobody answers.
    let Some(found) = view.table.listeners.get(&listener.address) else { return };
    let profile = found.service.source.host.profile.clone();
    let port = found.port;
    let accepted = Accepted { listener, peer, local, port, profile };
    // What most connections never come to is kept apart: the rest is copied when its task starts.
    if port.tls {
        Box::pin(run_tls(worker, accepted, stream)).await;
    } else {
        let client = Client::new(&worker, accepted, None, false);
        serve_http1(client, Wire(stream)).await;
    }
}

async fn run_tls(worker: Rc<Worker>, accepted: Accepted, stream: TcpStream) {
    let wait = accepted.profile.post_accept_timeout;
    match timeout(wait, handshake(&worker, &accepted, stream)).await {
        Ok(Some(stream)) => {
            worker.stats.handshakes.add(1);
            let session = session_of(&stream);
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                Box::pin(serve_http2(Client::new(&worker, accepted, session, true), stream)).await;
            } else {
                serve_http1(Client::new(&worker, accepted, session, false), stream).await;
            }
        }
        Ok(None) | Err(_) => worker.stats.handshakes_failed.add(1),
    }
}

/// TLS with the certificate of the name that the client asks for. What is no TLS is closed; HTTP is told so first.
async fn handshake(worker: &Rc<Worker>, accepted: &Accepted, stream: TcpStream) -> Option<TlsStream<Wire>> {
    // The first octet of a handshake is 22; a method has three capitals at least.
    let mut first = [0; 3];
    let peeked = stream.peek(&mut first).await.unwrap_or(0);
    if first.get(..peeked).is_some_and(|octets| !octets.is_empty() && octets.iter().all(u8::is_ascii_uppercase)) {
        Box::pin(linger(stream, NOT_TLS)).await;
        return None;
    }
    let start = match LazyConfigAcceptor::new(Acceptor::default(), Wire(stream)).await {
        Ok(start) => start,
        Err(error) => {
            debug!(client = %accepted.peer, reason = %error, "a client spoke no TLS");
            return None;
        }
    };
    let view = worker.view();
    let hosts = view.tls.get(&accepted.listener.address)?;
    let config = hosts.config(start.client_hello().server_name(), accepted.port.http2, &worker.shared.tls)?;
    start
        .into_stream(config)
        .await
        .inspect_err(|error| debug!(client = %accepted.peer, reason = %error, "a TLS handshake failed"))
        .ok()
}

fn session_of(stream: &TlsStream<Wire>) -> Option<TlsSession> {
    let (_, connection) = stream.get_ref();
    Some(TlsSession {
        server_name: connection.server_name().map(str::to_owned),
        version: connection.protocol_version().and_then(|version| version.as_str()).unwrap_or("unknown"),
        cipher: connection.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str()).unwrap_or("unknown"),
    })
}

async fn serve_http1<T: AsyncRead + AsyncWrite + Unpin>(client: Rc<Client>, io: T) {
    let mut builder = http1::Builder::new();
    let head_size_max = usize::try_from(client.profile.head_size_max).unwrap_or(BUFFER_SIZE_MIN);
    builder.auto_date_header(false).max_buf_size(head_size_max.max(BUFFER_SIZE_MIN)).max_headers(
        match client.profile.header_count_max {
            0 => usize::from(u16::MAX),
            count => usize::from(count),
        },
    );
    let service_client = Rc::clone(&client);
    let service = service_fn(move |request| serve(Rc::clone(&service_client), request));
    let watched = TokioIo::new(Watched { io, ends_silently: client.tls.is_none(), client: Rc::clone(&client) });
    let mut connection = builder.serve_connection(watched, service);
    let mut is_asked_to_end = false;
    let end = std::future::poll_fn(|cx| {
        client.deadline.register(cx);
        if client.listener.is_aborted.get() {
            return Poll::Ready(End::Aborted);
        }
        if let Some(given_up) = client.is_given_up() {
            return Poll::Ready(End::GivenUp(given_up));
        }
        if client.listener.is_draining.get() && !is_asked_to_end {
            is_asked_to_end = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        Pin::new(&mut connection).poll(cx).map(End::Http)
    })
    .await;
    let parts = connection.into_parts();
    let io = parts.io.into_inner().io;
    match end {
        End::Http(result) => {
            let tunnel = client.tunnel.borrow_mut().take();
            if let Some(tunnel) = tunnel {
                return Box::pin(tunnel.run(io, parts.read_buf, &client)).await;
            }
            if let Err(error) = result {
                count_refused(&client.worker.stats, &error);
                debug!(client = %client.peer, reason = %error, "a connection ended early");
                // What a rule closes gets no more; hyper has answered what is no request.
                if error.is_user() {
                    return;
                }
                client.lingers.set(true);
            }
            if client.lingers.get() {
                Box::pin(linger(io, b"")).await;
            }
        }
        End::GivenUp(given_up) => {
            client.worker.stats.clients_timed_out.add(u64::from(given_up != GivenUp::Idle));
            Box::pin(linger(io, if given_up == GivenUp::InHead { TIMED_OUT } else { b"" })).await;
        }
        End::Aborted => {}
    }
}

/// Says the last words, closes our side, and reads on for a moment: a connection that is closed with octets unread is reset,
/// and a reset takes from the client what it was sent (RFC 9112 §9.6).
async fn linger<T: AsyncRead + AsyncWrite + Unpin>(mut io: T, last_words: &[u8]) {
    let _ = timeout(LINGER_TIMEOUT, async {
        io.write_all(last_words).await?;
        io.shutdown().await?;
        let mut rest = [0; 4096];
        for _ in 0..LINGER_READS_MAX {
            if io.read(&mut rest).await? == 0 {
                break;
            }
        }
        std::io::Result::Ok(())
    })
    .await;
}

async fn serve_http2<T: AsyncRead + AsyncWrite + Unpin + 'static>(client: Rc<Client>, io: T) {
    let mut builder = http2::Builder::new(LocalExecutor);
    builder
        .auto_date_header(false)
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .max_header_list_size(client.profile.head_size_max);
    let service_client = Rc::clone(&client);
    let service = service_fn(move |request| serve(Rc::clone(&service_client), request));
    let watched = TokioIo::new(Watched { io, ends_silently: client.tls.is_none(), client: Rc::clone(&client) });
    let mut connection = pin!(builder.serve_connection(watched, service));
    let mut is_asked_to_end = false;
    std::future::poll_fn(|cx| {
        client.deadline.register(cx);
        if client.listener.is_aborted.get() {
            return Poll::Ready(());
        }
        let given_up = client.is_given_up();
        if given_up == Some(GivenUp::Stalled) {
            return Poll::Ready(());
        }
        if (client.listener.is_draining.get() || given_up.is_some()) && !is_asked_to_end {
            is_asked_to_end = true;
            connection.as_mut().graceful_shutdown();
            // The client has as long again to go by itself.
            client.deadline.set(client.worker.timer.after(client.profile.keepalive_timeout));
        } else if given_up.is_some() {
            return Poll::Ready(());
        }
        connection.as_mut().poll(cx).map(|result| {
            let is_ours = |error: &hyper::Error| {
                let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<h2::Error>());
                source.is_some_and(h2::Error::is_library)
            };
            client.worker.stats.http2_broken.add(u64::from(result.is_err_and(|error| is_ours(&error))));
        })
    })
    .await;
}

/// Counts a head that made no request.
fn count_refused(stats: &WorkerStats, error: &hyper::Error) {
    if !error.is_parse() {
        return;
    }
    stats.requests_refused.add(1);
    if error.is_parse_too_large() {
        stats.heads_too_large.add(1);
    } else {
        stats.heads_malformed.add(1);
    }
}

/// How HTTP/1 on a connection ended.
enum End {
    Http(hyper::Result<()>),
    GivenUp(GivenUp),
    Aborted,
}

/// Runs the streams of an HTTP/2 connection on the worker of the connection.
#[derive(Debug, Clone, Copy)]
struct LocalExecutor;

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future<Output = ()> + 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}
