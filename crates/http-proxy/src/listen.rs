//! Sockets of one address, one per worker.

use std::io;
use std::net::{SocketAddr, TcpListener};

use crate::tunnel;
use socket2::{Domain, Protocol, Socket, Type};

/// Connections that wait to be accepted, per worker.
const BACKLOG: i32 = 4096;

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Someone else listens there.
    #[error("{address} is in use: stop the program that listens there, or choose another port")]
    InUse {
        /// What was to be bound.
        address: SocketAddr,
    },
    /// A port below 1024 without the privilege.
    #[error("{address} may not be bound by this user: choose a port from 1024 up, or grant CAP_NET_BIND_SERVICE")]
    NotPermitted {
        /// What was to be bound.
        address: SocketAddr,
    },
    /// No interface has the address.
    #[error("{address} is no address of this machine: assign it to an interface, or choose another")]
    NotLocal {
        /// What was to be bound.
        address: SocketAddr,
    },
    /// The kernel refused for another reason.
    #[error("binding {address}")]
    Socket {
        /// What was to be bound.
        address: SocketAddr,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

impl BindError {
    /// What was to be bound.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        match self {
            Self::InUse { address }
            | Self::NotPermitted { address }
            | Self::NotLocal { address }
            | Self::Socket { address, .. } => *address,
        }
    }
}

/// Opens `count` sockets that share `address`.
///
/// The first is bound alone and shares only afterwards: a second program that does the same is told that the address is in
/// use, instead of taking half of the connections.
///
/// # Errors
/// When the address cannot be listened on. Nothing stays open then.
pub(crate) fn open(address: SocketAddr, count: usize) -> Result<Vec<TcpListener>, BindError> {
    let error = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse { address },
        io::ErrorKind::PermissionDenied => BindError::NotPermitted { address },
        io::ErrorKind::AddrNotAvailable => BindError::NotLocal { address },
        _ => BindError::Socket { address, source },
    };
    (0..count).map(|index| open_one(address, index == 0).map_err(error)).collect()
}

fn open_one(address: SocketAddr, is_first: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    // Connections of a process before may still linger.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_port(!is_first)?;
    // Accepted connections inherit these: answers are whole segments already, and peers that are gone are noticed.
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&tunnel::keepalive())?;
    socket.bind(&address.into())?;
    socket.set_reuse_port(true)?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
