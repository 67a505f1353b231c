//! What is kept of a request, and the log that becomes of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, REFERER, USER_AGENT};
use http_proxy::{AccessRecord, Ending};
use log_store::Entry;
use model::Revision;
use se_protocol::logs::{HttpLog, HttpLogServer, HttpLogTls, Log};

/// Most octets that are kept of a path or a query, of each other text, and of all together: a ring full of what clients
/// send takes 64 MiB, no more. A text that was cut ends with an ellipsis.
const TARGET_BYTES_MAX: usize = 2_048;
const TEXT_BYTES_MAX: usize = 1_024;
const TEXTS_BYTES_MAX: usize = 4_096;
/// Ends a text that was cut.
const CUT: &str = "…";
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Texts of a record, in the order in which they lie: those that clients choose come last, so that they cannot take the
/// room of others.
#[derive(Clone, Copy)]
enum Text {
    VirtualService,
    Incarnation,
    ChildRule,
    SecurityRule,
    RequestRule,
    Pool,
    PoolName,
    ServerName,
    Host,
    Path,
    Query,
    ForwardedFor,
    TlsServerName,
    Location,
    UserAgent,
    Referer,
    ContentType,
}

/// How many there are.
const TEXTS: usize = Text::ContentType as usize + 1;

/// What is kept of a request until the writer comes to it.
#[derive(Debug)]
pub(crate) struct Record {
    /// When it ended.
    at_us: i64,
    engine: Arc<str>,
    significant: bool,
    texts: Texts,
    term: u64,
    revision: Revision,
    client: SocketAddr,
    service: SocketAddr,
    /// Version and cipher.
    tls: Option<(&'static str, &'static str)>,
    method: http::Method,
    http_version: http::Version,
    request_octets: u64,
    response_octets: u64,
    status: u16,
    server: Option<Server>,
    first_octet: Option<Duration>,
    total: Duration,
    ending: Ending,
}

/// The server's part.
#[derive(Debug)]
struct Server {
    address: SocketAddr,
    attempts: u32,
    reused: bool,
    connect: Duration,
    response: Option<Duration>,
}

/// Octets of several texts in one allocation, as they came: text is made of them later.
#[derive(Debug, Default)]
struct Texts {
    octets: Vec<u8>,
    /// Where each ends.
    ends: [u16; TEXTS],
    /// A bit per text that was cut.
    cut: u32,
}

impl Record {
    /// Copies what a log needs. Runs on a proxy's worker.
    pub(super) fn new(record: &AccessRecord<'_>, virtual_service: &str, significant: bool, engine: &Arc<str>) -> Self {
        let ended = record.received.checked_add(record.total).unwrap_or(record.received);
        Self {
            at_us: since_epoch_us(ended),
            engine: Arc::clone(engine),
            significant,
            texts: texts_of(record, virtual_service),
            term: record.version.term,
            revision: record.version.revision,
            client: record.client,
            service: record.local,
            tls: record.tls.map(|tls| (tls.version, tls.cipher)),
            method: record.method.clone(),
            http_version: record.http_version,
            request_octets: record.request_octets,
            response_octets: record.response_octets,
            status: record.status,
            server: record.server.map(|server| Server {
                address: server.address,
                attempts: server.attempts,
                reused: server.reused,
                connect: server.connect,
                response: server.response,
            }),
            first_octet: record.first_octet,
            total: record.total,
            ending: record.ending,
        }
    }
}

/// Copies the texts of a record, in the order of [`Text`].
fn texts_of(record: &AccessRecord<'_>, virtual_service: &str) -> Texts {
    let mut texts = Texts { octets: Vec::with_capacity(512), ..Texts::default() };
    let headers = record.request_headers;
    let pool = record.server.map(|server| server.pool);
    texts.push(Text::VirtualService, virtual_service.as_bytes());
    texts.push(Text::Incarnation, record.version.incarnation.as_bytes());
    texts.push(Text::ChildRule, record.child_rule.unwrap_or_default().as_bytes());
    texts.push(Text::SecurityRule, record.security_rule.unwrap_or_default().as_bytes());
    texts.push(Text::RequestRule, record.request_rule.unwrap_or_default().as_bytes());
    texts.push(Text::Pool, pool.map_or("", |pool| &pool.uuid).as_bytes());
    texts.push(Text::PoolName, pool.map_or("", |pool| &pool.name).as_bytes());
    let server = record.server.and_then(|used| {
        let is_it =
            |server: &&model::http::Server| (server.ip, server.port) == (used.address.ip(), used.address.port());
        used.pool.servers.iter().find(is_it)
    });
    texts.push(Text::ServerName, server.map_or("", |server| &server.hostname).as_bytes());
    // HTTP/2 has the host in the target.
    let authority = record.uri.authority().map_or("", |authority| authority.as_str());
    texts.push(Text::Host, headers.get(HOST).map_or(authority.as_bytes(), |host| host.as_bytes()));
    texts.push_up_to(Text::Path, record.uri.path().as_bytes(), TARGET_BYTES_MAX);
    texts.push_up_to(Text::Query, record.uri.query().unwrap_or_default().as_bytes(), TARGET_BYTES_MAX);
    texts.push(Text::ForwardedFor, header(headers, &FORWARDED_FOR));
    let asked_for = record.tls.and_then(|tls| tls.server_name.as_deref());
    texts.push(Text::TlsServerName, asked_for.unwrap_or_default().as_bytes());
    texts.push(Text::Location, record.location.unwrap_or_default().as_bytes());
    texts.push(Text::UserAgent, header(headers, &USER_AGENT));
    texts.push(Text::Referer, header(headers, &REFERER));
    texts.push(Text::ContentType, header(headers, &CONTENT_TYPE));
    texts
}

impl Entry for Record {
    fn log(self) -> Log {
        let text = |text| self.texts.get(text);
        let version = model::Version { incarnation: text(Text::Incarnation), term: self.term, revision: self.revision };
        HttpLog {
            id: 0,
            at_us: self.at_us,
            virtual_service: text(Text::VirtualService),
            service_engine: self.engine.as_ref().to_owned(),
            significant: self.significant,
            reason: reason(self.ending, self.status),
            version: Some((&version).into()),
            client_ip: self.client.ip().to_canonical().to_string(),
            client_port: self.client.port().into(),
            service_ip: self.service.ip().to_canonical().to_string(),
            service_port: self.service.port().into(),
            tls: self.tls.map(|(version, cipher)| HttpLogTls {
                server_name: text(Text::TlsServerName),
                // As openssl and the registry of IANA write them: `TLSv1.3`, `TLS_AES_256_GCM_SHA384`.
                version: version.replace('_', "."),
                cipher: cipher.replace("TLS13_", "TLS_"),
            }),
            http_version: http_version(self.http_version).to_owned(),
            method: self.method.as_str().to_owned(),
            host: text(Text::Host),
            uri_path: text(Text::Path),
            uri_query: text(Text::Query),
            user_agent: text(Text::UserAgent),
            referer: text(Text::Referer),
            forwarded_for: text(Text::ForwardedFor),
            request_content_type: text(Text::ContentType),
            request_bytes: self.request_octets,
            response_bytes: self.response_octets,
            status: self.status.into(),
            child_rule: text(Text::ChildRule),
            security_rule: text(Text::SecurityRule),
            request_rule: text(Text::RequestRule),
            redirected_uri: text(Text::Location),
            server: self.server.map(|server| HttpLogServer {
                pool: self.texts.get(Text::Pool),
                pool_name: self.texts.get(Text::PoolName),
                ip: server.address.ip().to_canonical().to_string(),
                port: server.address.port().into(),
                name: self.texts.get(Text::ServerName),
                tried: server.attempts,
                reused: server.reused,
                connect_us: us(server.connect),
                response_us: server.response.map(us),
            }),
            first_octet_us: self.first_octet.map(us),
            total_us: us(self.total),
        }
        .into()
    }
}

impl Texts {
    fn push(&mut self, text: Text, octets: &[u8]) {
        self.push_up_to(text, octets, TEXT_BYTES_MAX);
    }

    fn push_up_to(&mut self, text: Text, octets: &[u8], max: usize) {
        let room = TEXTS_BYTES_MAX.saturating_sub(self.octets.len());
        let kept = octets.get(..max.min(room)).unwrap_or(octets);
        self.cut |= u32::from(kept.len() < octets.len()) << text as u16;
        self.octets.extend_from_slice(kept);
        self.ends[text as usize] = u16::try_from(self.octets.len()).unwrap_or(u16::MAX);
    }

    /// The text; what is no UTF-8 in it becomes U+FFFD.
    fn get(&self, text: Text) -> String {
        let place = text as usize;
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        let octets = self.octets.get(usize::from(start)..usize::from(self.ends[place])).unwrap_or_default();
        let mut found = String::from_utf8_lossy(octets).into_owned();
        if self.cut & (1 << place) != 0 {
            found += CUT;
        }
        found
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &HeaderName) -> &'h [u8] {
    headers.get(name).map_or(b"", |value| value.as_bytes())
}

/// How it ended, in words.
fn reason(ending: Ending, status: u16) -> String {
    match ending {
        Ending::Complete if status >= 400 => format!("the server answered {status}"),
        Ending::Complete => "the server answered".to_owned(),
        Ending::Local if status >= 400 => format!("a rule answered {status}"),
        Ending::Local => "a rule answered".to_owned(),
        Ending::Redirected => "redirected".to_owned(),
        Ending::NotFound => "no child or pool takes it".to_owned(),
        Ending::ClosedByRule => "a rule closed the connection".to_owned(),
        Ending::Refused => format!("refused with {status}"),
        Ending::NoServer(why) => why.to_string(),
        Ending::Unreachable => "no server could be reached".to_owned(),
        Ending::ServerClosed => "the server closed the connection before its response was whole".to_owned(),
        Ending::BadResponse => "the server sent what is no HTTP response".to_owned(),
        Ending::ServerTimeout => "the server did not answer in time".to_owned(),
        Ending::ClientTimeout => "the client did not send its body in time".to_owned(),
        Ending::BodyTooLarge => "the client's body was too large".to_owned(),
        Ending::BadBody => "the client sent a body that breaks the rules of HTTP".to_owned(),
        Ending::Drained => {
            "ended here: its virtual service has gone, and the time to end by itself had passed".to_owned()
        }
        Ending::ClientClosed => "the client closed the connection before the end".to_owned(),
        Ending::Tunnel => "a tunnel, which has ended".to_owned(),
    }
}

fn http_version(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_10 => "1.0",
        http::Version::HTTP_11 => "1.1",
        http::Version::HTTP_2 => "2.0",
        http::Version::HTTP_3 => "3.0",
        _ => "0.9",
    }
}

fn us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn since_epoch_us(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
