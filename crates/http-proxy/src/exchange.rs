//! One request and its response on a connection to a server: both directions at once.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http::Method;
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::io::AsyncWrite as _;
use tokio_util::io::poll_read_buf;

use crate::deadline::Timer;
use crate::request_head::BodyLength;
use crate::upstream::{READ_SIZE, Upstream};
use crate::worker::Worker;
use http_wire::chunked::{Chunked, ChunkedError, Piece};
use http_wire::response_head::{self, BodyEnd, ResponseHead, take_octets};

/// Octets of a request's body that wait to be written.
const PENDING_OCTETS_MAX: usize = 64 * 1024;

/// Octets that are read at once at least where a response begins.
const HEAD_READ_SIZE_MIN: usize = 4 * 1024;

/// Why an exchange ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    #[error("the server closed the connection")]
    ServerClosed,
    #[error("the connection to the server broke")]
    Broken(#[source] io::Error),
    #[error("the server sent no valid response")]
    BadHead(#[source] response_head::ResponseHeadError),
    #[error("the server sent no valid body")]
    BadBody(#[source] ChunkedError),
    #[error("the server did not answer in time")]
    ServerTimeout,
    #[error("the client sent no body in time")]
    ClientTimeout,
    #[error("the client's body broke off")]
    ClientBody(#[source] hyper::Error),
    #[error("the client's body is larger than allowed")]
    BodyTooLarge,
}

/// Waits of an exchange.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) response_timeout: Duration,
    /// Zero = none.
    pub(crate) body_timeout: Duration,
    /// 0 = unlimited.
    pub(crate) body_size_max: u64,
    /// Octets of the response's head that may still come, with those of interim responses before it.
    pub(crate) response_head_room: usize,
}

/// A request under way.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) upstream: Upstream,
    pub(crate) limits: Limits,
    /// Octets for the server that wait to be written.
    out: BytesMut,
    body: RequestBody,
    /// Octets of the request's body so far.
    pub(crate) body_octets: u64,
    /// Whether the server sent any octet.
    pub(crate) has_answer: bool,
    end: BodyEnd,
    chunked: Chunked,
    waits_for_client: bool,
}

#[derive(Debug)]
enum RequestBody {
    Sent,
    Streaming { incoming: Incoming, chunked: bool },
}

impl Exchange {
    /// A request with this head; `body` follows it.
    pub(crate) fn new(
        upstream: Upstream,
        head: BytesMut,
        body: Option<Incoming>,
        length: BodyLength,
        limits: Limits,
    ) -> Self {
        let body = match (body, length) {
            (Some(incoming), BodyLength::Exact(_)) => RequestBody::Streaming { incoming, chunked: false },
            (Some(incoming), BodyLength::Chunked) => RequestBody::Streaming { incoming, chunked: true },
            _ => RequestBody::Sent,
        };
        Self {
            upstream,
            limits,
            out: head,
            body,
            body_octets: 0,
            has_answer: false,
            end: BodyEnd::Length(0),
            chunked: Chunked::default(),
            waits_for_client: false,
        }
    }

    /// Sends what there is to send, and reads until the response's head is whole.
    pub(crate) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        method: &Method,
        worker: &Worker,
    ) -> Poll<Result<ResponseHead, ExchangeError>> {
        let timer = &worker.timer;
        self.upstream.deadline.register(cx);
        loop {
            let sent = self.poll_send(cx, timer)?;
            match self.poll_fill_head(cx, worker) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(ExchangeError::ServerClosed)),
                Poll::Ready(Ok(_)) => {
                    self.has_answer = true;
                    let room = &mut self.limits.response_head_room;
                    let head =
                        response_head::take(&mut self.upstream.buffer, method, room).map_err(ExchangeError::BadHead)?;
                    if let Some(head) = head {
                        self.end = head.body;
                        self.upstream.deadline.clear();
                        return Poll::Ready(Ok(head));
                    }
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(ExchangeError::Broken(error))),
                Poll::Pending => {
                    self.wait(sent, timer)?;
                    return Poll::Pending;
                }
            }
        }
    }

    /// The next part of the response's body; `None` at its end.
    pub(crate) fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
        timer: &Timer,
    ) -> Poll<Result<Option<Bytes>, ExchangeError>> {
        self.upstream.deadline.register(cx);
        loop {
            let sent = self.poll_send(cx, timer)?;
            if let Some(data) = self.take_data()? {
                self.upstream.deadline.clear();
                return Poll::Ready(Ok((!data.is_empty()).then_some(data)));
            }
            match self.poll_fill(cx) {
                Poll::Ready(Ok(0)) if self.end == BodyEnd::Close => return Poll::Ready(Ok(None)),
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(ExchangeError::ServerClosed)),
                Poll::Ready(Ok(_)) => self.upstream.deadline.clear(),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(ExchangeError::Broken(error))),
                Poll::Pending => {
                    self.wait(sent, timer)?;
                    return Poll::Pending;
                }
            }
        }
    }

    /// What is left of the body, where all of it was read together with the head.
    pub(crate) fn take_whole_body(&mut self) -> Option<Bytes> {
        match self.end {
            BodyEnd::Length(length) if length <= self.upstream.buffer.len() as u64 => {
                self.end = BodyEnd::Length(0);
                Some(take_octets(&mut self.upstream.buffer, length))
            }
            _ => None,
        }
    }

    /// How many octets of the response's body are still to come, where that is known.
    pub(crate) const fn rest(&self) -> Option<u64> {
        match self.end {
            BodyEnd::Length(rest) => Some(rest),
            BodyEnd::Chunked | BodyEnd::Close => None,
        }
    }

    /// Whether the whole request went out.
    pub(crate) fn is_sent(&self) -> bool {
        self.out.is_empty() && matches!(self.body, RequestBody::Sent)
    }

    /// Data that is there; empty at the end, `None` when more has to be read.
    fn take_data(&mut self) -> Result<Option<Bytes>, ExchangeError> {
        match &mut self.end {
            BodyEnd::Length(0) => Ok(Some(Bytes::new())),
            BodyEnd::Length(rest) => {
                let data = take_octets(&mut self.upstream.buffer, *rest);
                *rest -= data.len() as u64;
                Ok((!data.is_empty()).then_some(data))
            }
            BodyEnd::Close => {
                let data = self.upstream.buffer.split().freeze();
                Ok((!data.is_empty()).then_some(data))
            }
            BodyEnd::Chunked => match self.chunked.next(&mut self.upstream.buffer).map_err(ExchangeError::BadBody)? {
                Piece::Data(data) => Ok(Some(data)),
                Piece::More => Ok(None),
                Piece::End => Ok(Some(Bytes::new())),
            },
        }
    }

    /// Reads the beginning of what the server sent. Most responses are small, and whole with one read: they share memory of
    /// the worker, where each would otherwise need the room of a large one.
    fn poll_fill_head(&mut self, cx: &mut Context<'_>, worker: &Worker) -> Poll<io::Result<usize>> {
        if !self.upstream.buffer.is_empty() {
            return self.poll_fill(cx);
        }
        let mut room = worker.read_room.borrow_mut();
        if room.capacity() < HEAD_READ_SIZE_MIN {
            room.reserve(READ_SIZE);
        }
        let read = poll_read_buf(Pin::new(&mut self.upstream.io), cx, &mut *room);
        self.upstream.buffer = room.split();
        read
    }

    /// Reads what the server sent; the number of octets, 0 at the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.upstream.buffer.reserve(READ_SIZE);
        poll_read_buf(Pin::new(&mut self.upstream.io), cx, &mut self.upstream.buffer)
    }

    /// Writes head and body as far as both sides let it. Whether all is sent.
    ///
    /// A server that no longer reads may still have answered, so a failed write ends sending and nothing else.
    fn poll_send(&mut self, cx: &mut Context<'_>, timer: &Timer) -> Result<bool, ExchangeError> {
        self.waits_for_client = false;
        loop {
            while !self.out.is_empty() {
                match Pin::new(&mut self.upstream.io).poll_write(cx, &self.out) {
                    Poll::Ready(Ok(written)) => {
                        self.out.advance(written);
                        self.upstream.deadline.clear();
                    }
                    Poll::Ready(Err(_)) => {
                        self.out.clear();
                        self.body = RequestBody::Sent;
                    }
                    Poll::Pending => return Ok(false),
                }
            }
            if matches!(self.body, RequestBody::Sent) {
                return Ok(true);
            }
            if self.poll_body(cx)?.is_pending() {
                self.waits_for_client = true;
                if !self.upstream.deadline.is_set() && !self.limits.body_timeout.is_zero() {
                    self.upstream.deadline.set(timer.after(self.limits.body_timeout));
                }
                return Ok(false);
            }
            self.upstream.deadline.clear();
        }
    }

    /// Moves what the client sent into `out`.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, ExchangeError> {
        while self.out.len() < PENDING_OCTETS_MAX {
            let RequestBody::Streaming { incoming, chunked } = &mut self.body else { return Ok(Poll::Ready(())) };
            match Pin::new(incoming).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let Ok(data) = frame.into_data() else { continue };
                    self.body_octets += data.len() as u64;
                    if self.limits.body_size_max > 0 && self.body_octets > self.limits.body_size_max {
                        return Err(ExchangeError::BodyTooLarge);
                    }
                    if data.is_empty() {
                        continue;
                    }
                    if *chunked {
                        self.out.put_slice(format!("{:x}\r\n", data.len()).as_bytes());
                        self.out.put_slice(&data);
                        self.out.put_slice(b"\r\n");
                    } else {
                        self.out.put_slice(&data);
                    }
                }
                Poll::Ready(Some(Err(error))) => return Err(ExchangeError::ClientBody(error)),
                Poll::Ready(None) => {
                    if *chunked {
                        self.out.put_slice(b"0\r\n\r\n");
                    }
                    self.body = RequestBody::Sent;
                }
                Poll::Pending if self.out.is_empty() => return Ok(Poll::Pending),
                Poll::Pending => return Ok(Poll::Ready(())),
            }
        }
        Ok(Poll::Ready(()))
    }

    /// Starts to wait for the server, or ends because a wait was too long.
    fn wait(&self, sent: bool, timer: &Timer) -> Result<(), ExchangeError> {
        let deadline = &self.upstream.deadline;
        if deadline.is_past(timer.now_ms()) {
            return Err(if self.waits_for_client {
                ExchangeError::ClientTimeout
            } else {
                ExchangeError::ServerTimeout
            });
        }
        if !deadline.is_set() && (sent || !self.waits_for_client) {
            deadline.set(timer.after(self.limits.response_timeout));
        }
        Ok(())
    }
}
