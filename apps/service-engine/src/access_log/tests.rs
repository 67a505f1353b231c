//! Requests through a real proxy, found in files.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use http_proxy::{Options, Proxy};
use log_store::{Counts, Limits, Reader, Writer};
use model::FullLogs;
use model::http::{HttpConfig, VirtualService};
use model::testing::{child, http_config, http_pool, to_pool, virtual_service};
use se_protocol::logs::{HttpLog, Log, LogKind, LogPage, LogQuery};

use super::*;
use crate::log_gate::tests::policy;

const FULL: FullLogs = FullLogs { per_s: 0, until_us: None };

/// A proxy whose requests are logged, in front of one server.
struct Bed {
    runtime: tokio::runtime::Runtime,
    proxy: Proxy,
    logger: Arc<AccessLogger>,
    writer: Writer<Record>,
    dir: tempfile::TempDir,
    config: HttpConfig,
    vip: SocketAddr,
    server: SocketAddr,
}

impl Bed {
    /// One virtual service `vs` that sends to the server what does not belong to its child `app`, for
    /// `app.example.com`; changed before it is used.
    fn start(change: impl FnOnce(&mut VirtualService)) -> Self {
        let server = server();
        let vip = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut service = virtual_service("vs", vip, to_pool("p"));
        service.children = vec![child("app", "app.example.com", to_pool("p"))];
        change(&mut service);
        let config = http_config(1, vec![service], vec![http_pool("p", &[(server, 1)])]);
        let dir = tempfile::tempdir().unwrap();
        let writer = Writer::start(dir.path(), LogKind::Http, Limits::default()).unwrap();
        let logger = Arc::new(AccessLogger::new(Some(writer.inlet()), "engine", Groups::default()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut proxy = Proxy::start(Options::default(), Arc::<AccessLogger>::clone(&logger)).unwrap();
        logger.adopt(&objects(&config));
        let problems = runtime.block_on(proxy.apply(&config));
        assert!(problems.is_empty(), "{problems:?}");
        Self { runtime, proxy, logger, writer, dir, config, vip, server }
    }

    fn counts(&self) -> Counts {
        self.writer.inlet().counts()
    }

    /// What was logged of a virtual service.
    fn found(&self, uuid: &str) -> Vec<HttpLog> {
        let page = Reader::new(self.dir.path()).search(&query(uuid));
        assert!(page.is_complete);
        http(page)
    }

    fn end(self) {
        self.runtime.block_on(self.proxy.shutdown(Duration::ZERO));
        self.writer.shutdown();
    }
}

fn objects(config: &HttpConfig) -> HttpObjects {
    let HttpConfig { version: _, services, pools, pool_groups } = config.clone();
    HttpObjects { services, pools, pool_groups }
}

fn query(uuid: &str) -> LogQuery {
    LogQuery {
        kind: LogKind::Http,
        virtual_service: uuid.into(),
        children: Vec::new(),
        start_us: 0,
        end_us: i64::MAX,
        significant: true,
        non_significant: true,
        filters: Vec::new(),
        newest_first: false,
        limit: 10_000,
        group_by: None,
        within_ms: 60_000,
    }
}

fn http(page: LogPage) -> Vec<HttpLog> {
    let http = |log| match log {
        Log::Http(log) => *log,
        Log::Dns(log) => panic!("{log:?}"),
    };
    page.logs.into_iter().map(http).collect()
}

/// Answers each request with 200, or with the status that is its path.
fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    address
}

fn answer(mut stream: TcpStream) {
    while let Some(head) = read_head(&mut stream) {
        let path = head.split(' ').nth(1).unwrap_or_default();
        let status =
            path.trim_start_matches('/').split('?').next().and_then(|path| path.parse().ok()).unwrap_or(200_u16);
        let response = format!("HTTP/1.1 {status} So\r\ncontent-length: 2\r\n\r\nok");
        if stream.write_all(response.as_bytes()).is_err() {
            return;
        }
    }
}

/// Up to the empty line, octet by octet; requests here have no body.
fn read_head(stream: &mut TcpStream) -> Option<String> {
    let (mut head, mut octet) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut octet).ok()?;
        head.push(octet[0]);
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

/// Asks on one connection, for each of these paths, and reads each answer; their statuses.
fn ask(vip: SocketAddr, host: &str, user_agent: &[u8], paths: &[&str]) -> Vec<u32> {
    let mut stream = TcpStream::connect(vip).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut statuses = Vec::new();
    for path in paths {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: ");
        stream.write_all(&[head.as_bytes(), user_agent, b"\r\n\r\n"].concat()).unwrap();
        let head = read_head(&mut stream).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
        stream.read_exact(&mut vec![0; length]).unwrap();
        statuses.push(head.split(' ').nth(1).unwrap().parse().unwrap());
    }
    statuses
}

#[track_caller]
fn eventually(what: &str, bed: &Bed, holds: impl Fn(Counts) -> bool) {
    for _ in 0..3_000 {
        if holds(bed.counts()) {
            return;
        }
        thread::sleep(Duration::from_millis(10)); // bounded: 30 s in steps of 10 ms
    }
    panic!("not within 30 s: {what}; {:?}", bed.counts());
}

#[test]
fn each_request_is_logged_under_whoever_took_it_with_server_and_times() {
    let bed = Bed::start(|service| {
        service.host.logs = policy(Some(FULL), 0);
        Arc::make_mut(&mut service.children[0]).host.logs = policy(Some(FULL), 0);
    });
    let paths: Vec<String> = (0..100).map(|number| format!("/{}?n={number}", [200, 404, 503][number % 3])).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    assert_eq!(ask(bed.vip, "app.example.com", b"test", &paths).len(), 100);
    assert_eq!(ask(bed.vip, "other.example.com", b"test", &["/"]), [200]);
    eventually("all are written", &bed, |counts| counts.written == 101);
    let logs = bed.found("virtualservice-app");
    assert_eq!((logs.len(), bed.found("virtualservice-vs").len()), (100, 1));
    for (number, log) in logs.iter().enumerate() {
        let status = [200, 404, 503][number % 3];
        assert_eq!((log.status, log.uri_query.as_str()), (status, format!("n={number}").as_str()));
        assert_eq!((log.significant, log.client_ip.as_str()), (status != 200, "127.0.0.1"));
        assert_eq!((log.service_port, log.host.as_str()), (bed.vip.port().into(), "app.example.com"));
        let server = log.server.as_ref().unwrap();
        assert_eq!((server.ip.as_str(), server.port, server.tried), ("127.0.0.1", bed.server.port().into(), 1));
        assert_eq!((server.pool_name.as_str(), server.reused), ("p", number > 0));
        let first_octet_us = log.first_octet_us.unwrap();
        assert!(server.response_us.unwrap() <= first_octet_us && first_octet_us <= log.total_us, "{log:?}");
        assert!(!log.reason.is_empty() && log.service_engine == "engine");
    }
    bed.end();
}

#[test]
fn errors_are_logged_without_full_logs_and_whoever_refused_them() {
    let bed = Bed::start(|service| service.host.logs = policy(None, 0));
    assert_eq!(ask(bed.vip, "h", b"x", &["/200", "/404", "/200", "/500", "/302"]), [200, 404, 200, 500, 302]);
    assert_eq!(ask(bed.vip, "h\r\nHost: h", b"x", &["/refused"]), [400]);
    eventually("all errors are written", &bed, |counts| counts.written == 3);
    let found: Vec<_> = bed.found("virtualservice-vs").into_iter().map(|log| (log.status, log.reason)).collect();
    let expected = [(404, "the server answered 404"), (500, "the server answered 500"), (400, "refused with 400")];
    assert_eq!(found, expected.map(|(status, reason)| (status, reason.to_owned())));
    assert_eq!(bed.counts().dropped_throttle, 0, "what nobody wants is not counted");
    bed.end();
}

#[test]
fn a_rate_keeps_so_many_and_counts_the_rest() {
    let full = FullLogs { per_s: 10, ..FULL };
    let bed = Bed::start(|service| service.host.logs = policy(Some(full), 0));
    assert_eq!(ask(bed.vip, "h", b"x", &["/"; 100]), [200; 100]);
    eventually("all are written or counted", &bed, |counts| counts.written + counts.dropped_throttle == 100);
    let written = bed.counts().written;
    // Ten in each second that the requests took; few machines take more than one.
    assert!(written >= 10 && (written.is_multiple_of(10) || written == 100), "{written}");
    bed.end();
}

#[test]
fn a_new_policy_holds_at_once() {
    let mut bed = Bed::start(|service| service.host.logs = policy(None, 0));
    assert_eq!(ask(bed.vip, "h", b"x", &["/before"]), [200]);
    Arc::make_mut(&mut bed.config.services[0]).host.logs = policy(Some(FULL), 0);
    bed.logger.adopt(&objects(&bed.config));
    let problems = bed.runtime.block_on(bed.proxy.apply(&bed.config));
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(ask(bed.vip, "h", b"x", &["/after"]), [200]);
    eventually("the second is written", &bed, |counts| counts.written == 1);
    assert_eq!(bed.found("virtualservice-vs")[0].uri_path, "/after");
    bed.end();
}

#[test]
fn a_hostile_user_agent_comes_out_of_every_document_sane() {
    let bed = Bed::start(|service| service.host.logs = policy(Some(FULL), 0));
    assert_eq!(ask(bed.vip, "h", b"=\"a\",\xff\t<b>\xc2\x9b", &["/%0d%0Aa,b?c=%22"]), [200]);
    eventually("it is written", &bed, |counts| counts.written == 1);
    let logs: Vec<Log> = bed.found("virtualservice-vs").into_iter().map(Log::from).collect();
    let columns = ["user_agent", "uri_path", "uri_query"].map(str::to_owned);
    let csv = client_log::csv(LogKind::Http, &logs, &columns);
    let expected = "\"'=\"\"a\"\",\u{fffd}\t<b>\u{9b}\",\"/%0d%0Aa,b\",c=%22\n";
    assert_eq!(csv.split_once('\n').unwrap().1, expected);
    assert_eq!(client_log::json(&logs[0], &columns)["user_agent"], "=\"a\",\u{fffd}\t<b>\u{9b}");
    bed.end();
}
