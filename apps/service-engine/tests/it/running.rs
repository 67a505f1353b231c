//! A running engine and the snapshots it is given.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use model::monitor::{Check, HealthMonitor};
use model::{Revision, Version, testing};
use se_protocol::{PortOffset, Report, Snapshot, ToldStates, UpMembers};
use service_engine::{Engine, EngineConfig};
use tokio::sync::watch;

pub(crate) const NAME: &str = "app.example.com";
/// Longest wait for a state; reached only when a test fails.
const WAIT_MAX: Duration = Duration::from_secs(20);

pub(crate) struct Running {
    pub(crate) engine: Engine,
    pub(crate) dns: SocketAddr,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    /// What the controller tells of virtual services.
    pub(crate) told: watch::Sender<ToldStates>,
}

impl Running {
    /// Starts an engine with four workers on `snapshot`.
    pub(crate) fn start(snapshot: Snapshot) -> Self {
        Self::start_with(snapshot, UpMembers::new(), None)
    }

    /// The same, of an engine that ran before, and with logs in this directory.
    pub(crate) fn start_with(snapshot: Snapshot, up_before: UpMembers, logs: Option<PathBuf>) -> Self {
        let dns = snapshot.dns_services.first().map(|service| (service.addresses[0], service.ports[0]));
        let dns = dns.map_or((Ipv4Addr::UNSPECIFIED, 0).into(), SocketAddr::from);
        let (snapshots, receiver) = watch::channel(Some(Arc::new(snapshot)));
        let config = EngineConfig {
            workers: NonZeroUsize::new(4).unwrap(),
            seed: 7,
            descriptors: 1024,
            name: "engine".to_owned(),
            logs,
        };
        let told = watch::Sender::default();
        let engine = service_engine::start_with(&config, receiver, told.subscribe(), up_before).unwrap();
        Self { engine, dns, snapshots, told }
    }

    pub(crate) fn send(&self, snapshot: Snapshot) {
        self.snapshots.send_replace(Some(Arc::new(snapshot)));
    }

    /// Drops the sending end, as a controller that went away does.
    pub(crate) fn forget_the_controller(self) -> Self {
        let (other, _) = watch::channel(None);
        Self { snapshots: other, ..self }
    }

    /// Waits until the report satisfies `condition`.
    pub(crate) async fn wait(&self, what: &str, condition: impl Fn(&Report) -> bool) {
        let mut reports = self.engine.reports();
        let reached = reports.wait_for(|report| report.as_deref().is_some_and(&condition));
        let waited = tokio::time::timeout(WAIT_MAX, reached).await;
        assert!(waited.is_ok(), "waited in vain for {what}: {:?}", self.engine.reports().borrow());
    }

    /// Answers to `count` queries from as many sockets, UDP and TCP in turn, counted.
    pub(crate) async fn count(&self, count: usize) -> BTreeMap<IpAddr, usize> {
        let dns = self.dns;
        let ask_all = move || {
            let mut counts = BTreeMap::new();
            for number in 0..count {
                let reply = if number % 3 == 2 { ask_tcp(dns) } else { ask_udp(dns) };
                assert_eq!(reply.metadata.response_code, ResponseCode::NoError, "{reply}");
                for record in &reply.answers {
                    *counts.entry(record.data.ip_addr().unwrap()).or_insert(0) += 1;
                }
            }
            counts
        };
        tokio::task::spawn_blocking(ask_all).await.unwrap()
    }

    /// The answer to one query over UDP.
    pub(crate) async fn ask(&self) -> Message {
        let dns = self.dns;
        tokio::task::spawn_blocking(move || ask_udp(dns)).await.unwrap()
    }
}

fn query() -> Vec<u8> {
    let mut message = Message::new(1, MessageType::Query, OpCode::Query);
    message.add_query(Query::query(Name::from_ascii(NAME).unwrap(), RecordType::A));
    message.to_vec().unwrap()
}

fn ask_udp(dns: SocketAddr) -> Message {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(WAIT_MAX)).unwrap();
    socket.send_to(&query(), dns).unwrap();
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).unwrap();
    Message::from_vec(&buffer[..length]).unwrap()
}

fn ask_tcp(dns: SocketAddr) -> Message {
    use std::io::{Read, Write};
    let mut stream = TcpStream::connect(dns).unwrap();
    stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
    let query = query();
    stream.write_all(&u16::try_from(query.len()).unwrap().to_be_bytes()).unwrap();
    stream.write_all(&query).unwrap();
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut reply).unwrap();
    Message::from_vec(&reply).unwrap()
}

/// Something that accepts connections on `ip`, until it is dropped.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Backend {
    pub(crate) fn start(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                drop(stream);
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
            }
        });
        Self { address, stop, thread: Some(thread) }
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

/// A port at [`own_ip`] that nobody else uses: below the range that the kernel hands out, and another each time.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A loopback address of this process alone, so that test runs side by side do not meet.
pub(crate) fn own_ip() -> Ipv4Addr {
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 20, high, low)
}

/// A snapshot of one service; `monitor_port` 0 means no monitor.
pub(crate) fn snapshot(revision: u64, dns_port: u16, members: &[(&str, u64)], monitor_port: u16) -> Snapshot {
    let mut dns = testing::dns_service("example.com");
    dns.addresses = vec![IpAddr::V4(own_ip())];
    dns.ports = vec![dns_port];
    let members = members.iter().map(|(ip, weight)| testing::member(ip, *weight)).collect();
    let monitors = (monitor_port > 0).then(|| HealthMonitor {
        uuid: "healthmonitor-1".into(),
        name: "tcp".into(),
        send_interval: Duration::from_millis(50),
        receive_timeout: Duration::from_millis(50),
        successful_checks: 3,
        failed_checks: 3,
        port: Some(monitor_port),
        quickstart: true,
        check: Check::Tcp { request: None, response: None },
    });
    let mut service = testing::service(NAME, vec![testing::pool(10, members)]);
    service.health_monitors = monitors.iter().map(|monitor| monitor.uuid.clone()).collect();
    Snapshot {
        version: Version { incarnation: "test".into(), term: 0, revision: Revision(revision) },
        cluster_uuid: "cluster-1".into(),
        port_offset: PortOffset::NONE,
        clients: se_protocol::Clients::default(),
        dns_services: vec![dns],
        gslb_domains: vec![testing::domain("example.com")],
        gslb_services: vec![Arc::new(service)],
        monitors: monitors.into_iter().map(Arc::new).collect(),
        http: model::http::HttpObjects::default(),
        registrations: Vec::new(),
    }
}
