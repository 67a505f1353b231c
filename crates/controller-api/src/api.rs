//! The API as a whole, and the way of a request through it.

use std::sync::Arc;

use axum::{Router, body::Body, extract::State, response::Response};
use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use objects::Types;
use parking_lot::Mutex;
use store::Store;
use tower_http::compression::CompressionLayer;

use crate::{
    authenticate, body,
    call::Call,
    clock::Clock,
    commit::Committer,
    cookies,
    engine::Engine,
    error::ApiError,
    fence::Fences,
    files::Files,
    live::LiveProjection,
    password::{PasswordError, Verifier},
    requests::RequestMetrics,
    routes,
    session::Sessions,
    sites::Sites,
    token::Tokens,
    version,
};

/// How clients reach the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// TLS; cookies are `Secure`.
    Https,
    /// Clear text.
    Http,
}

/// What the API is told about itself.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// How it is reached; part of every url it gives.
    pub scheme: Scheme,
    /// Host and port of urls for clients that send no usable `Host`.
    pub authority: String,
    /// Address of this node in `/api/cluster/runtime`.
    pub node_address: String,
    /// Largest request body in bytes.
    pub body_bytes_max: usize,
    /// Where uploaded files are kept; without it none can be sent.
    pub files: Option<Files>,
}

/// The REST API; cheap to clone.
#[derive(Clone)]
pub struct Api {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: ApiConfig,
    pub(crate) types: Types,
    pub(crate) live: Arc<LiveProjection>,
    pub(crate) committer: Committer,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) sites: Arc<dyn Sites>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) sessions: Mutex<Sessions>,
    pub(crate) verifier: Verifier,
    pub(crate) tokens: Tokens,
    pub(crate) fences: Fences,
    pub(crate) requests: RequestMetrics,
    /// Wall clock at the start, microseconds; what `up_since` says for the life of the process.
    pub(crate) started_us: i64,
}

impl ApiConfig {
    /// 4 MiB: AMKO's largest descriptions are some 64 KiB.
    pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

    /// The configuration of an API at `authority` (`127.0.0.1:9443`).
    #[must_use]
    pub fn new(scheme: Scheme, authority: &str) -> Self {
        let node_address = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        Self {
            scheme,
            authority: authority.to_owned(),
            node_address: node_address.trim_matches(['[', ']']).to_owned(),
            body_bytes_max: Self::BODY_BYTES_MAX,
            files: None,
        }
    }
}

impl Api {
    /// Puts the API together. It answers 503 until `live` is loaded.
    ///
    /// # Errors
    /// When the password hash function fails.
    pub fn new(
        config: ApiConfig,
        store: Arc<dyn Store>,
        live: Arc<LiveProjection>,
        engine: Arc<dyn Engine>,
        sites: Arc<dyn Sites>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, PasswordError> {
        let inner = Inner {
            config,
            types: live.read(|state| state.projection.types().clone()),
            committer: Committer::new(store.clone(), live.clone()).with_sites(sites.clone()),
            fences: Fences::new(store.clone()),
            tokens: Tokens::new(store),
            requests: RequestMetrics::default(),
            live,
            engine,
            sites,
            started_us: clock.wall_us(),
            clock,
            sessions: Mutex::default(),
            verifier: Verifier::new()?,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The routes. One handler sees every request, because paths are normalised before they are routed and types are
    /// data.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).layer(CompressionLayer::new()).with_state(self.clone())
    }

    /// What requests came, for whoever shows metrics.
    #[must_use]
    pub fn requests(&self) -> RequestMetrics {
        self.inner.requests.clone()
    }
}

impl Inner {
    pub(crate) fn is_secure(&self) -> bool {
        self.config.scheme == Scheme::Https
    }
}

async fn answer(State(api): State<Api>, request: Request<Body>) -> Response {
    let began = api.inner.clock.monotonic();
    let (head, mut body) = request.into_parts();
    let call = Call::read(head, &api.inner);
    let answered = routes::answer(&api.inner, &call, &mut body).await;
    // Many answers need no body, or are given before it is read.
    body::drain(&mut body).await;
    let mut response = answered.unwrap_or_else(axum::response::IntoResponse::into_response);
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-cache, must-revalidate"));
    headers.append(header::VARY, HeaderValue::from_static("Accept, Cookie"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(allow) = call.route.as_ref().map(routes::Route::allow) {
        headers.insert(header::ALLOW, HeaderValue::from_static(allow));
    }
    let took = api.inner.clock.monotonic().saturating_sub(began);
    api.inner.requests.count(&call.method, call.route.as_ref(), response.status(), took);
    response
}

/// Puts on an authenticated answer what every one carries.
pub(crate) fn decorate(headers: &mut HeaderMap, caller: &authenticate::Caller, version: &str, secure: bool) {
    const AVI_API_VERSION: HeaderName = HeaderName::from_static("avi_api_version");
    if let Ok(value) = HeaderValue::from_str(version) {
        headers.insert(AVI_API_VERSION, value);
    }
    if let Some(session) = &caller.session {
        if caller.is_new_session {
            cookies::set_csrf(headers, &session.csrf_token, secure);
        }
        cookies::set_session(headers, &session.id, secure);
    }
}

/// The version a request asks for.
pub(crate) fn negotiate(call: &Call) -> Result<&str, ApiError> {
    version::negotiate(call.header("x-avi-version")).map_err(ApiError::Version)
}
