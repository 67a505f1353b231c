//! TCP and TLS of incoming connections.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use rustls::server::WebPkiClientVerifier;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tonic::transport::server::Connected;

use super::{Authority, AuthorityError, ServerError};
use crate::certificate::{ALPN, Facts, provider, roots};

/// Connections at a time, joining ones included; further ones are closed.
const CONNECTIONS_MAX: usize = 4_096;
/// Longest TLS handshake.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// Pause after the system refused to accept, for instance for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Who is at the other end.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    /// Uuid in its certificate; `None` without a certificate.
    pub(super) engine: Option<String>,
}

/// A connection that passed TLS.
pub(super) struct Connection {
    tls: TlsStream<TcpStream>,
    peer: Peer,
    _permit: OwnedSemaphorePermit,
}

/// TLS 1.3 under the authority; a client certificate is not needed to join, but one that is shown must be good.
pub(super) fn tls(authority: &Authority, now: SystemTime) -> Result<TlsAcceptor, ServerError> {
    let (certificate, key) = authority.server_certificate(now)?;
    let roots = roots(authority.certificate()).map_err(ServerError::Tls)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
        .allow_unauthenticated()
        .build()
        .map_err(|_| ServerError::Authority(AuthorityError::Certificate(rcgen::Error::CouldNotParseCertificate)))?;
    let mut config = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(ServerError::Tls)?
        .with_client_cert_verifier(verifier)
        // The authority too: an engine that joins compares it with its token.
        .with_single_cert(vec![certificate, authority.certificate().clone()], key)
        .map_err(ServerError::Tls)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Accepts until nobody takes connections any more.
pub(super) async fn run(listener: TcpListener, tls: TlsAcceptor, accepted: mpsc::Sender<io::Result<Connection>>) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut handshakes = JoinSet::new();
    loop {
        tokio::select! {
            () = accepted.closed() => return,
            Some(_) = handshakes.join_next() => {}
            next = listener.accept() => match next {
                Ok((stream, address)) => match Arc::clone(&permits).try_acquire_owned() {
                    Ok(permit) => {
                        handshakes.spawn(shake_hands(stream, address, permit, tls.clone(), accepted.clone()));
                    }
                    Err(_) => tracing::warn!(client = %address, "too many connections of engines, one closed"),
                },
                Err(error) => {
                    tracing::warn!(reason = %error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
}

async fn shake_hands(
    stream: TcpStream,
    address: SocketAddr,
    permit: OwnedSemaphorePermit,
    tls: TlsAcceptor,
    accepted: mpsc::Sender<io::Result<Connection>>,
) {
    // Small messages must not wait for larger ones.
    stream.set_nodelay(true).unwrap_or_default();
    let tls = match tokio::time::timeout(HANDSHAKE_WITHIN, tls.accept(stream)).await {
        Ok(Ok(tls)) => tls,
        Ok(Err(error)) => return tell_failure(address, &error),
        Err(_) => return tracing::debug!(client = %address, "TLS handshake took too long"),
    };
    let shown = tls.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let engine = shown.and_then(|certificate| Facts::read(certificate)).map(|facts| facts.subject);
    let connection = Connection { tls, peer: Peer { address, engine }, _permit: permit };
    // Nobody takes it: the server is ending.
    accepted.send(Ok(connection)).await.unwrap_or_default();
}

/// A certificate that is refused concerns someone; scanners and cut connections do not.
fn tell_failure(address: SocketAddr, error: &io::Error) {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(reason)) => {
            tracing::warn!(client = %address, ?reason, "engine's certificate refused: it has to join anew");
        }
        _ => tracing::debug!(client = %address, reason = %error, "TLS handshake failed"),
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;
    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tls).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }
}
