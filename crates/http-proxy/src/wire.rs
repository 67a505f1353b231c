//! A client's TCP stream, written to with as few and as cheap calls as its parts allow.

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Octets in parts that are put together before they are written: the kernel takes one part with less ado than several.
const JOINED_OCTETS_MAX: usize = 2048;

/// A stream below HTTP, or below TLS.
#[derive(Debug)]
pub(crate) struct Wire(pub(crate) TcpStream);

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, octets)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        if let [part] = parts {
            return self.poll_write(cx, part);
        }
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if length > JOINED_OCTETS_MAX {
            return Pin::new(&mut self.0).poll_write_vectored(cx, parts);
        }
        let mut joined = [0; JOINED_OCTETS_MAX];
        let mut rest = &mut joined[..];
        for part in parts {
            let Some((here, behind)) = rest.split_at_mut_checked(part.len()) else { break };
            here.copy_from_slice(part);
            rest = behind;
        }
        self.poll_write(cx, joined.get(..length).unwrap_or_default())
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
