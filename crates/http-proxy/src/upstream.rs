//! Connections to servers, and those kept open between requests.
//!
//! Each worker keeps its own, so that taking one needs no lock. The newest is used first: the rest can grow old and close.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::BytesMut;
use http_policy::ServerState;
use nix::sys::socket::{MsgFlags, recv};
use rustc_hash::FxHashMap;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::deadline::{Deadline, Timer};

/// How long a server may take to accept a connection.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Kept connections per server and worker; those that come back above are closed.
const IDLE_PER_SERVER_MAX: usize = 256;

/// Octets that are read at once.
pub(crate) const READ_SIZE: usize = 16 * 1024;

/// A connection to a server.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) io: TcpStream,
    /// Octets that were read and not used.
    pub(crate) buffer: BytesMut,
    pub(crate) deadline: Rc<Deadline>,
    pub(crate) requests: u32,
    opened_ms: u64,
    idle_since_ms: u64,
}

impl Upstream {
    pub(crate) async fn connect(address: SocketAddr, timer: &Timer) -> io::Result<Self> {
        let io = timeout(CONNECT_TIMEOUT, TcpStream::connect(address))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        io.set_nodelay(true)?;
        let now_ms = timer.now_ms();
        Ok(Self {
            io,
            buffer: BytesMut::new(),
            deadline: timer.deadline(),
            requests: 0,
            opened_ms: now_ms,
            idle_since_ms: now_ms,
        })
    }

    /// Whether the server neither closed it nor sent anything unasked, as far as this process was told.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let mut octet = [0];
        let mut buffer = ReadBuf::new(&mut octet);
        let read = Pin::new(&mut self.io).poll_read(&mut Context::from_waker(Waker::noop()), &mut buffer);
        matches!(read, Poll::Pending)
    }

    /// Lets go of what the last response needed. Whether another request may follow: the server sent nothing after it.
    pub(crate) fn rest(&mut self) -> bool {
        let is_clean = self.buffer.is_empty();
        // Memory of a large response is not kept with it.
        self.buffer = BytesMut::new();
        self.deadline.clear();
        is_clean
    }

    /// Whether the kernel knows of nothing either. One more call, so only before what must not be sent twice.
    pub(crate) fn is_quiet_in_kernel(&self) -> bool {
        let mut octet = [0];
        recv(self.io.as_raw_fd(), &mut octet, MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT) == Err(nix::Error::EAGAIN)
    }
}

/// Connections that wait for a request. Keyed by the server's counters, which live as long as an entry does.
#[derive(Debug, Default)]
pub(crate) struct Kept(RefCell<FxHashMap<usize, KeptServer>>);

#[derive(Debug)]
struct KeptServer {
    /// Keeps the address, which is the key, from being used by another server.
    _state: Arc<ServerState>,
    idle_timeout_ms: u64,
    connections: VecDeque<Upstream>,
}

impl Kept {
    /// A connection that can take a request, or none.
    pub(crate) fn take(&self, state: &Arc<ServerState>, pool: &model::http::Pool, now_ms: u64) -> Option<Upstream> {
        let mut servers = self.0.borrow_mut();
        let kept = servers.get_mut(&key(state))?;
        while let Some(mut upstream) = kept.connections.pop_back() {
            if now_ms < upstream.opened_ms.saturating_add(ms(pool.connection_lifetime)) && upstream.is_quiet() {
                return Some(upstream);
            }
        }
        None
    }

    /// Keeps a connection whose response has ended.
    pub(crate) fn give(&self, mut upstream: Upstream, state: &Arc<ServerState>, pool: &model::http::Pool, now_ms: u64) {
        let is_used_up = pool.requests_per_connection_max > 0 && upstream.requests >= pool.requests_per_connection_max;
        if is_used_up || pool.idle_timeout.is_zero() || !upstream.rest() {
            return;
        }
        upstream.idle_since_ms = now_ms;
        let mut servers = self.0.borrow_mut();
        let kept = servers.entry(key(state)).or_insert_with(|| KeptServer {
            _state: Arc::clone(state),
            idle_timeout_ms: 0,
            connections: VecDeque::new(),
        });
        kept.idle_timeout_ms = ms(pool.idle_timeout);
        if kept.connections.len() < IDLE_PER_SERVER_MAX {
            kept.connections.push_back(upstream);
        }
    }

    /// Closes those that waited too long, or whose server closed them.
    pub(crate) fn sweep(&self, now_ms: u64) {
        self.0.borrow_mut().retain(|_, kept| {
            let idle_timeout_ms = kept.idle_timeout_ms;
            kept.connections.retain_mut(|upstream| {
                now_ms < upstream.idle_since_ms.saturating_add(idle_timeout_ms) && upstream.is_quiet()
            });
            !kept.connections.is_empty()
        });
    }

    /// Closes all.
    pub(crate) fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}

fn key(state: &Arc<ServerState>) -> usize {
    Arc::as_ptr(state).addr()
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
