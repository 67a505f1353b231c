//! The sockets of one address, from bind to stop.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::RcvBufForce;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::stats::WorkerStats;
use crate::tcp::{self, Limits};
use crate::udp::{SOCKET_TIMEOUT, Worker};
use crate::{Answer, Stats, Transport};

/// Connections that wait to be accepted.
const TCP_BACKLOG: i32 = 1024;

/// Octets asked for to hold queries that come while a worker has no processor: at 768 octets of kernel memory a query
/// (the least it counts), some 10,000 of them. The kernel's own default holds 277: 28 ms of 10,000 queries a second.
const RECEIVE_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// Ports tried until one is free for UDP and TCP, when the caller leaves the choice (port 0).
const ANY_PORT_ATTEMPTS: usize = 16;

/// Sockets bound to one address, not answering yet: what comes waits in the kernel.
#[derive(Debug)]
pub struct Listeners {
    local_addr: SocketAddr,
    udp: Vec<UdpSocket>,
    tcp: Option<TcpListener>,
}

/// Listeners that answer. Dropping it stops them too, without waiting for the end.
#[derive(Debug)]
#[must_use = "dropping it stops the listeners"]
pub struct Running {
    local_addr: SocketAddr,
    /// One per UDP worker; the last one is TCP's.
    stats: Vec<Arc<WorkerStats>>,
    stop_udp: Arc<AtomicBool>,
    workers: Vec<thread::JoinHandle<()>>,
    stop_tcp: CancellationToken,
    tcp: Option<JoinHandle<()>>,
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Someone else listens there.
    #[error("{transport} {address} is in use: stop the program that listens there, or choose another port")]
    InUse {
        /// What was to be bound.
        address: SocketAddr,
        /// On which transport.
        transport: Transport,
    },
    /// A port below 1024 without the privilege.
    #[error(
        "{transport} {address} may not be bound by this user: choose a port from 1024 up, or grant CAP_NET_BIND_SERVICE"
    )]
    NotPermitted {
        /// What was to be bound.
        address: SocketAddr,
        /// On which transport.
        transport: Transport,
    },
    /// No interface has the address.
    #[error("{transport} {address} is no address of this machine: assign it to an interface, or choose another")]
    NotLocal {
        /// What was to be bound.
        address: SocketAddr,
        /// On which transport.
        transport: Transport,
    },
    /// The kernel refused for another reason.
    #[error("binding {transport} {address}")]
    Socket {
        /// What was to be bound.
        address: SocketAddr,
        /// On which transport.
        transport: Transport,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A worker's thread did not start.
    #[error("starting a worker thread for {address}")]
    Thread {
        /// What was bound.
        address: SocketAddr,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// TCP was asked for outside of a tokio runtime. A mistake in the program.
    #[error("listening on TCP {address} needs a tokio runtime")]
    NoRuntime {
        /// What was to be bound.
        address: SocketAddr,
    },
}

impl BindError {
    fn new(address: SocketAddr, transport: Transport, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse { address, transport },
            io::ErrorKind::PermissionDenied => Self::NotPermitted { address, transport },
            io::ErrorKind::AddrNotAvailable => Self::NotLocal { address, transport },
            _ => Self::Socket { address, transport, source },
        }
    }
}

impl Listeners {
    /// Opens `address` and answers on it: UDP with `workers` threads, and TCP if asked for. Port 0 takes any port that
    /// is free for both. Must be called within a tokio runtime when `tcp` is set.
    ///
    /// # Errors
    /// Says which address and transport, and what to do, see [`BindError`]. Nothing stays open then.
    pub fn bind<A: Answer>(
        address: SocketAddr,
        workers: NonZeroUsize,
        tcp: bool,
        answer: Arc<A>,
    ) -> Result<Running, BindError> {
        Self::open(address, workers, tcp)?.start(answer)
    }

    /// Opens the sockets only.
    ///
    /// # Errors
    /// As [`Listeners::bind`].
    pub fn open(address: SocketAddr, workers: NonZeroUsize, tcp: bool) -> Result<Self, BindError> {
        let mut attempts = if address.port() == 0 { ANY_PORT_ATTEMPTS } else { 1 };
        loop {
            attempts -= 1;
            match Self::try_open(address, workers, tcp) {
                Err(BindError::InUse { .. }) if attempts > 0 => {}
                result => return result,
            }
        }
    }

    fn try_open(address: SocketAddr, workers: NonZeroUsize, tcp: bool) -> Result<Self, BindError> {
        let udp_error = |source| BindError::new(address, Transport::Udp, source);
        let first = open_first_udp(address).map_err(udp_error)?;
        let local_addr = first.local_addr().map_err(udp_error)?;
        let mut udp = vec![first];
        for _ in 1..workers.get() {
            udp.push(open_further_udp(local_addr).map_err(udp_error)?);
        }
        let tcp = tcp
            .then(|| open_tcp(local_addr))
            .transpose()
            .map_err(|source| BindError::new(local_addr, Transport::Tcp, source))?;
        Ok(Self { local_addr, udp, tcp })
    }

    /// Address and port bound.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Starts to answer.
    ///
    /// # Errors
    /// When a thread does not start, or TCP has no runtime to run on.
    pub fn start<A: Answer>(self, answer: Arc<A>) -> Result<Running, BindError> {
        self.start_limited(answer, Limits::default())
    }

    fn start_limited<A: Answer>(self, answer: Arc<A>, limits: Limits) -> Result<Running, BindError> {
        let address = self.local_addr;
        // On an early return, dropping it stops what has started.
        let mut running = Running {
            local_addr: address,
            stats: Vec::with_capacity(self.udp.len() + 1),
            stop_udp: Arc::new(AtomicBool::new(false)),
            workers: Vec::with_capacity(self.udp.len()),
            stop_tcp: CancellationToken::new(),
            tcp: None,
        };
        for (index, socket) in self.udp.into_iter().enumerate() {
            let stats = Arc::new(WorkerStats::default());
            running.stats.push(Arc::clone(&stats));
            let worker = Worker { socket, answer: Arc::clone(&answer), stats, stop: Arc::clone(&running.stop_udp) };
            let thread = thread::Builder::new()
                .name(format!("dns-udp-{index}"))
                .spawn(move || worker.run())
                .map_err(|source| BindError::Thread { address, source })?;
            running.workers.push(thread);
        }
        if let Some(listener) = self.tcp {
            let runtime = Handle::try_current().map_err(|_| BindError::NoRuntime { address })?;
            let listener = tokio::net::TcpListener::from_std(listener)
                .map_err(|source| BindError::new(address, Transport::Tcp, source))?;
            let stats = Arc::new(WorkerStats::default());
            running.stats.push(Arc::clone(&stats));
            running.tcp = Some(runtime.spawn(tcp::serve(listener, answer, stats, running.stop_tcp.clone(), limits)));
        }
        Ok(running)
    }
}

impl Running {
    /// Address and port that answer.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Counts over all workers and TCP.
    #[must_use]
    pub fn stats(&self) -> Stats {
        WorkerStats::sum(self.stats.iter().map(Arc::as_ref))
    }

    /// Counts of one transport.
    #[must_use]
    pub fn stats_of(&self, transport: Transport) -> Stats {
        let (udp, tcp) = self.stats.split_at(self.workers.len());
        WorkerStats::sum(if transport == Transport::Udp { udp } else { tcp }.iter().map(Arc::as_ref))
    }

    /// Stops answering and returns when every socket is closed, within 200 ms: the address can be bound again then.
    /// Gives the counts at the very end.
    pub async fn stop(mut self) -> [(Transport, Stats); 2] {
        self.ask_to_stop();
        if let Some(tcp) = self.tcp.take() {
            // The task neither panics nor is it aborted by anyone else.
            let _ = tcp.await;
        }
        let workers = std::mem::take(&mut self.workers);
        let (udp, tcp) = self.stats.split_at(workers.len());
        let _ = tokio::task::spawn_blocking(|| workers.into_iter().for_each(|worker| drop(worker.join()))).await;
        [(Transport::Udp, udp), (Transport::Tcp, tcp)]
            .map(|(transport, stats)| (transport, WorkerStats::sum(stats.iter().map(Arc::as_ref))))
    }

    fn ask_to_stop(&self) {
        self.stop_udp.store(true, Ordering::Relaxed);
        self.stop_tcp.cancel();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.ask_to_stop();
    }
}

/// Opens the first UDP socket of an address. It is bound alone and shares only afterwards: a second program that
/// would also set `SO_REUSEPORT` learns that the port is taken, instead of silently getting half of the queries.
fn open_first_udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = new_udp(address)?;
    socket.bind(&address.into())?;
    socket.set_reuse_port(true)?;
    Ok(socket.into())
}

/// Opens a further UDP socket, which shares the address with the first.
fn open_further_udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = new_udp(address)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn new_udp(address: SocketAddr) -> io::Result<Socket> {
    let socket = new_socket(address, Type::DGRAM, Protocol::UDP)?;
    socket.set_read_timeout(Some(SOCKET_TIMEOUT))?;
    socket.set_write_timeout(Some(SOCKET_TIMEOUT))?;
    enlarge_receive_buffer(&socket)?;
    Ok(socket)
}

/// Without CAP_NET_ADMIN the kernel gives no more than `net.core.rmem_max`, which is still twice its default.
fn enlarge_receive_buffer(socket: &Socket) -> io::Result<()> {
    if setsockopt(socket, RcvBufForce, &RECEIVE_BUFFER_BYTES).is_err() {
        socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    }
    Ok(())
}

fn open_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = new_socket(address, Type::STREAM, Protocol::TCP)?;
    // Bind again while connections of a predecessor linger in TIME_WAIT; two listeners still exclude each other.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(TCP_BACKLOG)?;
    Ok(socket.into())
}

fn new_socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        // `::` must not take the IPv4 addresses away from their own listeners.
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::TcpStream;
    use std::time::Duration;

    use super::*;

    struct Echo;

    impl Answer for Echo {
        fn answer(&self, query: &[u8], _: SocketAddr, _: Transport, out: &mut [u8]) -> Option<usize> {
            out.get_mut(..query.len())?.copy_from_slice(query);
            Some(query.len())
        }
    }

    fn start(limits: Limits) -> Running {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        Listeners::open(address, NonZeroUsize::MIN, true).unwrap().start_limited(Arc::new(Echo), limits).unwrap()
    }

    /// Reads until the server closes; `true` when it does so in time.
    async fn is_closed(mut stream: TcpStream) -> bool {
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let read = tokio::task::spawn_blocking(move || stream.read(&mut [0; 1])).await.unwrap();
        !matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Queries that one socket has to hold: more than the kernel's default does, fewer than its default limit lets it.
    const BURST: u16 = 400;

    #[tokio::test]
    async fn queries_that_come_while_no_worker_runs_wait_and_are_answered() {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let listeners = Listeners::open(address, NonZeroUsize::MIN, false).unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        enlarge_receive_buffer(&Socket::from(client.try_clone().unwrap())).unwrap();
        client.connect(listeners.local_addr()).unwrap();
        for number in 0..BURST {
            client.send(&number.to_be_bytes()).unwrap();
        }
        let running = listeners.start(Arc::new(Echo)).unwrap();
        let mut reply = [0; 2];
        for number in 0..BURST {
            client.recv(&mut reply).unwrap();
            assert_eq!(u16::from_be_bytes(reply), number);
        }
        running.stop().await;
    }

    #[tokio::test]
    async fn a_client_that_sends_nothing_or_half_a_query_is_disconnected() {
        use std::io::Write as _;
        let running = start(Limits { idle_timeout: Duration::from_millis(50), ..Limits::default() });
        assert!(is_closed(TcpStream::connect(running.local_addr()).unwrap()).await);
        let mut half = TcpStream::connect(running.local_addr()).unwrap();
        half.write_all(&[0, 20, 1]).unwrap();
        assert!(is_closed(half).await);
        running.stop().await;
    }

    #[tokio::test]
    async fn connections_over_the_limit_are_closed_and_counted() {
        use std::io::Write as _;
        let running = start(Limits { connections_max: 1, ..Limits::default() });
        let mut first = TcpStream::connect(running.local_addr()).unwrap();
        first.write_all(&[0, 1, 42]).unwrap();
        assert!(is_closed(TcpStream::connect(running.local_addr()).unwrap()).await);
        assert_eq!(running.stats().dropped, 1);
        let mut reply = [0; 3];
        tokio::task::spawn_blocking(move || first.read_exact(&mut reply).map(|()| assert_eq!(reply, [0, 1, 42])))
            .await
            .unwrap()
            .unwrap();
        running.stop().await;
    }
}
