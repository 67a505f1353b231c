//! A proxy, clients and servers for a test, all on loopback.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use http_proxy::{AccessLog, NoLog, Options, Proxy};
use model::http::{HttpConfig, VirtualService};
use model::testing::{http_config, http_pool, to_pool, virtual_service};

/// No test waits longer than this for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// An address of loopback whose port was free a moment ago.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Waits until `holds`.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(10)); // bounded: 30 s in steps of 10 ms
    }
    panic!("not within 30 s: {what}");
}

/// A proxy, and the runtime that it is driven from.
pub(crate) struct Bed {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) proxy: Option<Proxy>,
}

impl Bed {
    pub(crate) fn start(workers: usize, config: &HttpConfig) -> Self {
        Self::start_with(workers, config, Arc::new(NoLog))
    }

    pub(crate) fn start_with(workers: usize, config: &HttpConfig, log: Arc<dyn AccessLog>) -> Self {
        Self::start_draining(workers, config, log, Duration::from_secs(20))
    }

    pub(crate) fn start_draining(
        workers: usize,
        config: &HttpConfig,
        log: Arc<dyn AccessLog>,
        drain_timeout: Duration,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let options = Options { workers: NonZeroUsize::new(workers).unwrap(), drain_timeout, ..Options::default() };
        let mut bed = Self { runtime, proxy: Some(Proxy::start(options, log).unwrap()) };
        bed.apply(config);
        bed
    }

    /// Applies a configuration that has no problem.
    #[track_caller]
    pub(crate) fn apply(&mut self, config: &HttpConfig) {
        let problems = self.runtime.block_on(self.proxy.as_mut().unwrap().apply(config));
        assert!(problems.is_empty(), "{problems:?}");
    }

    pub(crate) fn proxy(&self) -> &Proxy {
        self.proxy.as_ref().unwrap()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        if let Some(proxy) = self.proxy.take() {
            self.runtime.block_on(proxy.shutdown(Duration::ZERO));
        }
    }
}

/// One virtual service at a free address, in front of `servers` with equal ratios.
pub(crate) fn one_service(servers: &[SocketAddr]) -> (SocketAddr, HttpConfig) {
    one_service_with(servers, |_| {})
}

/// The same, changed before it is used.
pub(crate) fn one_service_with(
    servers: &[SocketAddr],
    change: impl FnOnce(&mut VirtualService),
) -> (SocketAddr, HttpConfig) {
    let vip = free_address();
    let mut service = virtual_service("vs", vip, to_pool("p"));
    change(&mut service);
    let servers: Vec<_> = servers.iter().map(|&server| (server, 1)).collect();
    (vip, http_config(1, vec![service], vec![http_pool("p", &servers)]))
}

/// A message as it came: its first line, its headers, its body.
#[derive(Debug, Clone, Default)]
pub(crate) struct Message {
    pub(crate) start: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    pub(crate) fn status(&self) -> u16 {
        self.start.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// One side of a connection that reads and writes messages.
pub(crate) struct Peer {
    pub(crate) reader: BufReader<TcpStream>,
}

impl Peer {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect_timeout(&address, PATIENCE).unwrap())
    }

    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { reader: BufReader::new(stream) }
    }

    pub(crate) fn send(&mut self, octets: impl AsRef<[u8]>) {
        self.reader.get_mut().write_all(octets.as_ref()).unwrap();
    }

    /// The next head, or `None` when the other side has closed.
    pub(crate) fn read_head(&mut self) -> Option<Message> {
        let mut message = Message::default();
        let mut line = String::new();
        if self.reader.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        message.start = line.trim_end().to_owned();
        loop {
            line.clear();
            if self.reader.read_line(&mut line).unwrap_or(0) == 0 {
                return None;
            }
            match line.trim_end().split_once(':') {
                Some((name, value)) => message.headers.push((name.to_owned(), value.trim().to_owned())),
                None => return Some(message),
            }
        }
    }

    /// The next message with its body, which is told by length or in chunks.
    pub(crate) fn read(&mut self) -> Option<Message> {
        let mut message = self.read_head()?;
        if let Some(length) = message.header("content-length") {
            message.body = self.read_octets(length.parse().unwrap());
        } else if message.header("transfer-encoding").is_some() {
            message.body = self.read_chunks();
        }
        Some(message)
    }

    pub(crate) fn read_octets(&mut self, length: usize) -> Vec<u8> {
        let mut octets = vec![0; length];
        self.reader.read_exact(&mut octets).unwrap();
        octets
    }

    fn read_chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line).unwrap();
            let size = usize::from_str_radix(line.trim_end(), 16).unwrap();
            body.extend(self.read_octets(size));
            assert_eq!(self.read_octets(2), b"\r\n");
            if size == 0 {
                return body;
            }
        }
    }

    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>) -> Message {
        self.send(request);
        self.read().expect("a response")
    }

    pub(crate) fn get(&mut self, path: &str) -> Message {
        self.ask(format!("GET {path} HTTP/1.1\r\nHost: app.example.com\r\n\r\n"))
    }

    /// Whether the other side has closed, and sent nothing before.
    pub(crate) fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.reader.read_to_end(&mut rest) {
            Ok(_) => rest.is_empty(),
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

/// A server that does with each connection what it is told.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    closed: Arc<AtomicUsize>,
}

impl Backend {
    pub(crate) fn start(serve: impl Fn(Peer) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let closed = Arc::new(AtomicUsize::new(0));
        let closed_counter = Arc::clone(&closed);
        let serve = Arc::new(serve);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counter.fetch_add(1, Ordering::SeqCst);
                let serve = Arc::clone(&serve);
                let closed = Arc::clone(&closed_counter);
                thread::spawn(move || {
                    serve(Peer::new(stream));
                    closed.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, connections, closed }
    }

    /// Answers each request with `name`, and tells in headers what it got.
    pub(crate) fn named(name: &'static str) -> Self {
        Self::start(move |mut peer| {
            while let Some(request) = peer.read() {
                let echo: String = request
                    .headers
                    .iter()
                    .map(|(header, value)| format!("got-{header}: {value}\r\n"))
                    .chain([format!("got: {}\r\n", request.start)])
                    .collect();
                let body = if request.body.is_empty() { name.as_bytes() } else { &request.body };
                peer.send(format!("HTTP/1.1 200 OK\r\n{echo}content-length: {}\r\n\r\n", body.len()));
                if !request.start.starts_with("HEAD") {
                    peer.send(body);
                }
            }
        })
    }

    /// Answers the first request of each connection with these octets, then closes it.
    pub(crate) fn answering(octets: &'static [u8]) -> Self {
        Self::start(move |mut peer| {
            if peer.read().is_some() {
                peer.send(octets);
            }
        })
    }

    /// Connections that it closed.
    pub(crate) fn closed(&self) -> usize {
        self.closed.load(Ordering::SeqCst)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}
