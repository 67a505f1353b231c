//! A client's connection: what its requests share, and what it is waiting for.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use model::http::{HttpProfile, ServicePort};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::access::TlsSession;
use crate::bound::Bound;
use crate::deadline::Deadline;
use crate::tunnel::Tunnel;
use crate::worker::{ListenerState, Worker};
use http_wire::framing::{Framing, Violation};

/// How long a client may take none of what it is sent.
const SEND_TIMEOUT: Duration = Duration::from_secs(60);

/// One connection.
pub(crate) struct Client {
    pub(crate) worker: Rc<Worker>,
    pub(crate) listener: Rc<ListenerState>,
    pub(crate) peer: SocketAddr,
    /// The address of `peer` as servers are told it.
    pub(crate) peer_text: String,
    pub(crate) local: SocketAddr,
    pub(crate) port: ServicePort,
    pub(crate) tls: Option<TlsSession>,
    /// Limits of the connection: the virtual service's when it was accepted.
    pub(crate) profile: HttpProfile,
    /// Passed when the client has to be given up, see [`Client::is_given_up`].
    pub(crate) deadline: Rc<Deadline>,
    stall: Rc<Deadline>,
    /// HTTP/1 only.
    framing: Option<RefCell<Framing>>,
    is_in_head: Cell<bool>,
    active: Cell<u32>,
    requests: Cell<u64>,
    /// Whether the client may still be sending when we close.
    pub(crate) lingers: Cell<bool>,
    /// What the connection becomes after a response with status 101.
    pub(crate) tunnel: RefCell<Option<Tunnel>>,
    /// Where its requests go once they authenticate the connection.
    pub(crate) bound: Bound,
}

/// What a new connection is.
pub(crate) struct Accepted {
    pub(crate) listener: Rc<ListenerState>,
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) port: ServicePort,
    pub(crate) profile: HttpProfile,
}

impl Client {
    pub(crate) fn new(worker: &Rc<Worker>, accepted: Accepted, tls: Option<TlsSession>, http2: bool) -> Rc<Self> {
        let Accepted { listener, peer, local, port, profile } = accepted;
        let framing = (!http2)
            .then(|| RefCell::new(Framing::new(usize::try_from(profile.header_size_max).unwrap_or(usize::MAX))));
        let client = Self {
            deadline: worker.timer.deadline(),
            stall: worker.timer.deadline(),
            worker: Rc::clone(worker),
            listener,
            peer,
            peer_text: peer.ip().to_canonical().to_string(),
            local,
            port,
            tls,
            profile,
            framing,
            is_in_head: Cell::new(false),
            active: Cell::new(0),
            requests: Cell::new(0),
            lingers: Cell::new(false),
            tunnel: RefCell::new(None),
            bound: Bound::default(),
        };
        client.deadline.set(client.worker.timer.after(client.profile.post_accept_timeout));
        Rc::new(client)
    }

    /// A request's head has come. Its number on this connection, from 1.
    pub(crate) fn count_request(&self) -> u64 {
        self.requests.set(self.requests.get() + 1);
        self.requests.get()
    }

    /// Why the `number`-th request has to be refused.
    pub(crate) fn violation_of(&self, number: u64) -> Option<Violation> {
        self.framing.as_ref()?.borrow().violation_of(number)
    }

    /// Whether this is the last request that the connection may carry.
    pub(crate) fn is_last(&self, number: u64) -> bool {
        let limit = u64::from(self.profile.keepalive_requests_max);
        self.framing.is_some() && (limit > 0 && number >= limit || self.listener.is_draining.get())
    }

    /// A request is under way: others watch over its waits.
    pub(crate) fn begin(&self) {
        self.active.set(self.active.get() + 1);
        self.is_in_head.set(false);
        self.deadline.clear();
    }

    /// A request has ended: the next is awaited.
    pub(crate) fn end(&self) {
        self.active.set(self.active.get().saturating_sub(1));
        if self.active.get() == 0 {
            self.is_in_head.set(self.framing.as_ref().is_some_and(|framing| framing.borrow().is_in_head()));
            let wait = if self.is_in_head.get() { self.profile.header_timeout } else { self.profile.keepalive_timeout };
            self.deadline.set(self.worker.timer.after(wait));
        }
    }

    /// Whether the client was waited for too long, and where it stood.
    pub(crate) fn is_given_up(&self) -> Option<GivenUp> {
        let now_ms = self.worker.timer.now_ms();
        if self.stall.is_past(now_ms) {
            Some(GivenUp::Stalled)
        } else if !self.deadline.is_past(now_ms) {
            None
        } else if self.is_in_head.get() {
            Some(GivenUp::InHead)
        } else {
            Some(GivenUp::Idle)
        }
    }

    fn received(&self, octets: &[u8]) {
        let Some(framing) = &self.framing else { return };
        let mut framing = framing.borrow_mut();
        framing.feed(octets);
        if self.active.get() == 0 && framing.is_in_head() && !self.is_in_head.replace(true) {
            self.deadline.set(self.worker.timer.after(self.profile.header_timeout));
        }
    }

    fn stalled(&self, cx: &Context<'_>) {
        self.stall.register(cx);
        if !self.stall.is_set() {
            self.stall.set(self.worker.timer.after(SEND_TIMEOUT));
        }
    }
}

/// Where a client stood when it was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GivenUp {
    /// Between requests: it may go.
    Idle,
    /// In a request's head: 408.
    InHead,
    /// It takes nothing of what it is sent.
    Stalled,
}

/// A client's stream that tells its connection what passes.
pub(crate) struct Watched<T> {
    pub(crate) io: T,
    /// Whether dropping the stream says all that closing it says: true of TCP, which then needs one call less.
    pub(crate) ends_silently: bool,
    pub(crate) client: Rc<Client>,
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buffer);
        let octets = buffer.filled().get(before..).unwrap_or_default();
        if !octets.is_empty() {
            self.client.received(octets);
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> Watched<T> {
    fn watch<R>(&self, cx: &Context<'_>, written: Poll<R>) -> Poll<R> {
        if written.is_pending() {
            self.client.stalled(cx);
        } else if self.client.stall.is_set() {
            self.client.stall.clear();
        }
        written
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, octets);
        self.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, parts);
        self.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.watch(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        if self.ends_silently && !self.client.lingers.get() {
            return Poll::Ready(Ok(()));
        }
        let closed = Pin::new(&mut self.io).poll_shutdown(cx);
        self.watch(cx, closed)
    }
}
