//! What is told about each request.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http_policy::VirtualHost;
use model::Version;

/// Takes a record of each request, as soon as it has ended.
///
/// Called on the worker that served it, so it must not block: copy what is needed and hand it on.
pub trait AccessLog: Send + Sync + 'static {
    /// One request has ended.
    fn record(&self, record: &AccessRecord<'_>);
}

/// Keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLog;

impl AccessLog for NoLog {
    fn record(&self, _: &AccessRecord<'_>) {}
}

/// One request, from its head to the last octet of its response. Fields of avi-api 7.5 in parentheses.
#[derive(Debug)]
pub struct AccessRecord<'a> {
    /// Version of the configuration it was served under.
    pub version: &'a Version,
    /// Virtual service or child that took it; `None` where it was refused before that.
    pub host: Option<&'a VirtualHost>,
    /// Rule that gave it to a child (`vh_match_rule`).
    pub child_rule: Option<&'a str>,
    /// Security rule that decided (`http_security_policy_rule_name`).
    pub security_rule: Option<&'a str>,
    /// Request rule that decided (`http_request_policy_rule_name`).
    pub request_rule: Option<&'a str>,
    /// Where the client was sent (`redirected_uri`).
    pub location: Option<&'a str>,
    /// When its head was whole (`report_timestamp`).
    pub received: SystemTime,
    /// The client (`client_ip`, `client_src_port`).
    pub client: SocketAddr,
    /// Where it connected to (`vs_ip`, `client_dest_port`).
    pub local: SocketAddr,
    /// TLS of its connection.
    pub tls: Option<&'a TlsSession>,
    /// Method (`method`).
    pub method: &'a http::Method,
    /// Target (`uri_path`, `uri_query`).
    pub uri: &'a http::Uri,
    /// Protocol (`http_version`).
    pub http_version: http::Version,
    /// Headers as the client sent them (`host`, `referer`, `user_agent`, `xff`).
    pub request_headers: &'a HeaderMap,
    /// Octets of its body (`request_length`).
    pub request_octets: u64,
    /// Status that the client got; 0 when the connection closed without any (`response_code`).
    pub status: u16,
    /// Octets of the response's body that were handed on (`response_length`).
    pub response_octets: u64,
    /// Server that answered, or was tried last.
    pub server: Option<ServerUse<'a>>,
    /// From its head to the head of the response (`response_time_first_byte`).
    pub first_octet: Option<Duration>,
    /// From its head to the end (`total_time`).
    pub total: Duration,
    /// How it ended.
    pub ending: Ending,
}

/// A server's part in a request.
#[derive(Debug, Clone, Copy)]
pub struct ServerUse<'a> {
    /// Its pool (`pool`, `pool_name`).
    pub pool: &'a model::http::Pool,
    /// Its address (`server_ip`, `server_dest_port`).
    pub address: SocketAddr,
    /// Servers and connections that were tried (`servers_tried`).
    pub attempts: u32,
    /// Whether the connection was open before (`server_connection_reused`).
    pub reused: bool,
    /// Time to open the connection (`conn_est_time_be`); zero when reused.
    pub connect: Duration,
    /// From the request sent to the head of the response (`app_response_time`).
    pub response: Option<Duration>,
}

/// TLS of a connection (`ssl_version`, `ssl_cipher`, `sni_hostname`).
#[derive(Debug, Clone)]
pub struct TlsSession {
    /// Name the client asked for.
    pub server_name: Option<String>,
    /// As `TLSv1_3`.
    pub version: &'static str,
    /// As `TLS13_AES_256_GCM_SHA384`.
    pub cipher: &'static str,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The response went out whole.
    Complete,
    /// We answered, as a rule says.
    Local,
    /// We redirected.
    Redirected,
    /// Nobody takes such requests.
    NotFound,
    /// A rule closed the connection.
    ClosedByRule,
    /// The request was refused, see its status.
    Refused,
    /// No server could be used.
    NoServer(http_policy::NoServer),
    /// No server could be reached.
    Unreachable,
    /// The server closed the connection before its response was whole.
    ServerClosed,
    /// The server sent what is no HTTP response.
    BadResponse,
    /// The server did not answer in time.
    ServerTimeout,
    /// The client did not send its body in time.
    ClientTimeout,
    /// The client's body was larger than it may be.
    BodyTooLarge,
    /// The client's body broke the rules of HTTP: the size of a chunk, the length, the frames.
    BadBody,
    /// The client closed the connection before the end.
    ClientClosed,
    /// We ended the connection: its listener or its virtual host has gone, and the time to end by itself had passed.
    Drained,
    /// The connection became a tunnel, which has ended.
    Tunnel,
}
