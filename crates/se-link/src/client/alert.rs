//! What the other end's TLS said against this one.
//!
//! In TLS 1.3 a client certificate is judged after the handshake, so the alert meets whoever reads next: layers of gRPC
//! that keep its text at best, or nothing when a write fails first. It is caught here, below all of them.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use rustls::{AlertDescription, Error as TlsError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Where an alert is put down.
#[derive(Debug, Clone, Default)]
pub(crate) struct Alert(Arc<OnceLock<AlertDescription>>);

/// A TLS stream that puts down the alert it ends with.
#[derive(Debug)]
pub(super) struct Alerted<S> {
    stream: S,
    alert: Alert,
}

impl Alert {
    /// What it means for this engine, in words that help; `None` without an alert, and for one that is not about the
    /// engine's certificate.
    pub(super) fn words(&self) -> Option<&'static str> {
        match self.0.get()? {
            AlertDescription::CertificateExpired => Some(
                "the controller says that this engine's certificate has expired; join again with a new token (--join \
                 FILE)",
            ),
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::DecryptError
            | AlertDescription::CertificateUnknown => Some(
                "the controller does not know this engine's certificate; join with a token of this controller (--join \
                 FILE)",
            ),
            _ => None,
        }
    }

    fn note(&self, error: &io::Error) {
        let tls = error.get_ref().and_then(|error| error.downcast_ref::<TlsError>());
        if let Some(TlsError::AlertReceived(alert)) = tls {
            self.0.get_or_init(|| *alert);
        }
    }
}

impl<S> Alerted<S> {
    pub(super) fn new(stream: S, alert: Alert) -> Self {
        Self { stream, alert }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Alerted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let Poll::Ready(Err(error)) = &read {
            self.alert.note(error);
        }
        read
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Alerted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        if let Poll::Ready(Err(_)) = written {
            // Whoever writes to a connection that was closed learns that alone; why is still to be read.
            let mut rest = [0; 1024];
            let read = Pin::new(&mut self.stream).poll_read(cx, &mut ReadBuf::new(&mut rest));
            if let Poll::Ready(Err(error)) = read {
                self.alert.note(&error);
            }
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
