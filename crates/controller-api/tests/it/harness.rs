//! An API over a memory store, and a client that keeps cookies as the SDKs do.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use axum::{Router, body::Body};
use controller_api::{
    Api, ApiConfig, Clock, Committer, Engine, EngineInfo, ExplainError, Files, LiveProjection, Scheme, first_objects,
};
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use objects::Types;
use se_protocol::Report;
use se_protocol::explain::{DnsAnswerText, DnsExplanation, DnsQuestion};
use se_protocol::logs::{EngineLogs, LogQuery};
use serde_json::Value;
use store::{MemoryStore, Store};
use tower::ServiceExt;

pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A controller in memory.
pub(crate) struct Controller {
    pub(crate) router: Router,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) engine: Arc<FakeEngine>,
    pub(crate) requests: controller_api::RequestMetrics,
    pub(crate) store: Arc<dyn Store>,
    _feed: AbortOnDrop,
    _files: tempfile::TempDir,
}

/// Clocks that tests turn.
#[derive(Default)]
pub(crate) struct ManualClock {
    wall_us: AtomicI64,
    monotonic_s: AtomicU64,
}

impl ManualClock {
    pub(crate) fn advance(&self, seconds: u64) {
        self.monotonic_s.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn wall_us(&self) -> i64 {
        1_700_000_000_000_000 + self.wall_us.fetch_add(1, Ordering::Relaxed)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.monotonic_s.load(Ordering::Relaxed))
    }
}

/// Engines that say what they are told to say; those of the first list are connected.
#[derive(Default)]
pub(crate) struct FakeEngine(
    pub(crate) Mutex<Vec<Arc<Report>>>,
    pub(crate) Mutex<Vec<EngineLogs>>,
    /// What was last asked of its logs.
    pub(crate) Mutex<Option<LogQuery>>,
    /// Engines that have not reported, or went.
    pub(crate) Mutex<Vec<EngineInfo>>,
);

/// The `number`th engine, connected.
pub(crate) fn engine(number: usize, report: Option<Arc<Report>>) -> EngineInfo {
    EngineInfo {
        uuid: format!("se-{number}"),
        name: format!("engine-{number}"),
        group: "Default-Group".into(),
        software: env!("CARGO_PKG_VERSION").to_owned(),
        address: Some(format!("192.0.2.{number}:40000").parse().unwrap()),
        connected: true,
        running: report.as_ref().map(|report| report.version.clone()),
        refusal: None,
        report,
    }
}

#[async_trait]
impl Engine for FakeEngine {
    fn engines(&self) -> Vec<EngineInfo> {
        let reports = self.0.lock().unwrap();
        let connected = reports.iter().enumerate().map(|(index, report)| engine(index + 1, Some(report.clone())));
        connected.chain(self.3.lock().unwrap().iter().cloned()).collect()
    }

    async fn explain_dns(&self, question: DnsQuestion) -> Result<DnsExplanation, ExplainError> {
        let Some(report) = self.0.lock().unwrap().first().cloned() else {
            return Err(ExplainError::Unavailable("none is connected".into()));
        };
        if question.name.contains("..") {
            return Err(ExplainError::Question(format!("`{}` is no domain name", question.name)));
        }
        Ok(DnsExplanation {
            question,
            dns_service: "dns".into(),
            version: report.version.clone(),
            steps: vec![],
            members: vec![],
            answer: DnsAnswerText { rcode: "NOERROR".into(), answer: vec![], authority: vec![] },
        })
    }

    async fn logs(&self, query: LogQuery) -> Vec<EngineLogs> {
        *self.2.lock().unwrap() = Some(query);
        self.1.lock().unwrap().clone()
    }
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Controller {
    /// A fresh controller with its system objects.
    pub(crate) async fn start() -> Self {
        Self::start_on(Arc::new(MemoryStore::new())).await
    }

    pub(crate) async fn start_on(store: Arc<dyn Store>) -> Self {
        let clock = Arc::new(ManualClock::default());
        let live = LiveProjection::new(store.clone(), Types::new(avi_schema::TYPES.iter().copied()));
        live.load().await.unwrap();
        let feed = AbortOnDrop(tokio::spawn({
            let live = live.clone();
            async move { live.run().await }
        }));
        let committer = Committer::new(store.clone(), live.clone());
        first_objects::complete(&live, &committer, clock.as_ref()).await.unwrap();
        if !first_objects::has_admin(&live) {
            first_objects::create_admin(&committer, clock.as_ref(), admin_hash()).await.unwrap();
        }
        let engine = Arc::new(FakeEngine::default());
        let files = tempfile::tempdir().unwrap();
        let kept = Some(Files::new(files.path().join("files")));
        let config = ApiConfig { files: kept, ..ApiConfig::new(Scheme::Https, "127.0.0.1:9443") };
        let sites = Arc::new(controller_api::NoSites);
        let api = Api::new(config, store.clone(), live, engine.clone(), sites, clock.clone()).unwrap();
        Self { router: api.router(), requests: api.requests(), clock, engine, store, _feed: feed, _files: files }
    }

    /// A client that has not logged in.
    pub(crate) fn stranger(&self) -> Client {
        Client::new(self.router.clone())
    }

    /// A client logged in as `admin`, with the current version.
    pub(crate) async fn admin(&self) -> Client {
        let mut client = self.stranger();
        client.log_in("admin", PASSWORD).await;
        client.header("x-avi-version", "30.2.1");
        client
    }
}

fn admin_hash() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| controller_api::hash_password(PASSWORD).unwrap())
}

/// An HTTP client with a cookie jar; it repeats the CSRF cookie in the header, as the SDKs do.
#[derive(Clone)]
pub(crate) struct Client {
    router: Router,
    pub(crate) cookies: BTreeMap<String, String>,
    headers: HeaderMap,
    pub(crate) send_csrf: bool,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The text of an error body.
    #[track_caller]
    pub(crate) fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    /// Checks status and a part of the error text.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, text: &str) {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert!(self.error().contains(text), "{self:?}");
    }

    pub(crate) fn set_cookies(&self) -> BTreeMap<String, String> {
        let texts = self.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap());
        let pairs = texts.map(|text| text.split(';').next().unwrap().split_once('=').unwrap());
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

impl Client {
    /// A client that has not logged in.
    pub(crate) fn new(router: Router) -> Self {
        Self { router, cookies: BTreeMap::new(), headers: HeaderMap::new(), send_csrf: true }
    }

    pub(crate) fn header(&mut self, name: &'static str, value: &str) -> &mut Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    pub(crate) async fn log_in(&mut self, username: &str, password: &str) -> Reply {
        let body = serde_json::json!({"username": username, "password": password}).to_string();
        self.send(Method::POST, "/login", "application/json", body.into()).await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        self.send(Method::GET, path, "", Body::empty()).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: Value) -> Reply {
        self.send_json(Method::POST, path, body).await
    }

    pub(crate) async fn put(&mut self, path: &str, body: Value) -> Reply {
        self.send_json(Method::PUT, path, body).await
    }

    pub(crate) async fn patch(&mut self, path: &str, body: Value) -> Reply {
        self.send_json(Method::PATCH, path, body).await
    }

    pub(crate) async fn delete(&mut self, path: &str) -> Reply {
        self.send(Method::DELETE, path, "", Body::empty()).await
    }

    async fn send_json(&mut self, method: Method, path: &str, body: Value) -> Reply {
        self.send(method, path, "application/json", body.to_string().into()).await
    }

    pub(crate) async fn send(&mut self, method: Method, path: &str, kind: &str, body: Body) -> Reply {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "controller.test");
        if !kind.is_empty() {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if !self.cookies.is_empty() && !self.headers.contains_key(header::COOKIE) {
            let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        let given = self.headers.contains_key("x-csrftoken");
        if let Some(token) = self.cookies.get("csrftoken").filter(|_| self.send_csrf && !given) {
            request = request.header("x-csrftoken", token);
        }
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let reply = Reply { status: head.status, headers: head.headers, text };
        self.cookies.extend(reply.set_cookies());
        reply
    }
}
