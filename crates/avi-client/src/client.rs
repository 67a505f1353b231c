//! The client: calls, login, repeats.

use std::{borrow::Cow, collections::HashSet, sync::Arc, time::Duration};

use parking_lot::RwLock;
use reqwest::{
    Method, Url,
    header::{CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue, REFERER},
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tracing::debug;

use crate::{
    address::Address,
    config::Config,
    error::{AviError, ConfigError, chain},
    session::Session,
    tls,
};

/// Objects asked for in one page when the caller names no `page_size` (amko 7.4).
const PAGE_SIZE: &str = "100";
/// Pages of one list; a controller that never stops is cut off here (1 000 000 objects at 100 a page).
const PAGES_MAX: usize = 10_000;
/// Longest body that is read; the largest real ones, metrics of all objects, stay well below.
const BODY_BYTES_MAX: usize = 64 << 20;
/// Longest part of a body that is no JSON which an error repeats.
const RAW_MESSAGE_CHARS_MAX: usize = 300;

const TENANT: HeaderName = HeaderName::from_static("x-avi-tenant");
/// Beyond the API: on whose behalf a leader writes, and in which term. Who knows it refuses the terms before.
const FENCE: HeaderName = HeaderName::from_static("x-meridian-fence");
const CSRF_TOKEN: HeaderName = HeaderName::from_static("x-csrftoken");

/// Longest wait for a connection, TLS included.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Longest time that something sent may stay without an acknowledgement of the other host (RFC 5482).
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(5);
/// Idle time before the other host is asked whether it is still there, and between two such questions.
const KEEPALIVE: Duration = Duration::from_secs(2);

/// A client of one controller; cheap to clone, all clones share one login.
///
/// Paths are those of the API, with or without a leading slash: `/api/gslbservice`. The tenant of a call is a name, or
/// `*` for all tenants of a read.
#[derive(Clone)]
pub struct AviClient {
    inner: Arc<Inner>,
    /// Whose objects are written, for the fence.
    owner: Option<Arc<str>>,
}

struct Inner {
    config: Config,
    address: Address,
    http: reqwest::Client,
    session: RwLock<Option<Arc<Session>>>,
    /// Held by whoever logs in, so that many calls that meet an ended session make one login.
    login_turn: Semaphore,
}

/// One call, ready to be sent more than once.
struct Call<'a> {
    method: Method,
    url: Url,
    tenant: &'a str,
    /// JSON.
    body: Option<Cow<'a, str>>,
}

/// An answer, read to its end.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl std::fmt::Debug for AviClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AviClient").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

impl AviClient {
    /// Makes a client; nothing is sent before the first call.
    ///
    /// # Errors
    /// When the address, the CA or a header value cannot be used.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let address = Address::parse(&config.base_url)?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config(&config.tls)?)
            .default_headers(default_headers(&config, &address)?)
            // A redirect would turn POST into GET, and may lead to another host.
            .redirect(reqwest::redirect::Policy::none())
            .timeout(config.request_timeout)
            // A controller may take its time to answer; one whose host or link is gone need not be waited for.
            .connect_timeout(CONNECT_MAX)
            .tcp_user_timeout(UNACKNOWLEDGED_MAX)
            .tcp_keepalive(KEEPALIVE)
            .tcp_keepalive_interval(KEEPALIVE)
            .no_proxy()
            .build()
            .map_err(|error| ConfigError::Http { reason: chain(&error) })?;
        let inner = Inner { config, address, http, session: RwLock::new(None), login_turn: Semaphore::new(1) };
        Ok(Self { inner: Arc::new(inner), owner: None })
    }

    /// The same client, which says whose objects it writes: terms count for each owner by itself.
    #[must_use]
    pub fn on_behalf_of(mut self, owner: &str) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Address of the controller, with a trailing slash.
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.inner.address.as_str()
    }

    /// Reads one object or singleton.
    ///
    /// # Errors
    /// See [`AviError`].
    pub async fn get(&self, path: &str, query: &[(&str, &str)], tenant: &str) -> Result<Value, AviError> {
        self.call(Method::GET, path, query, tenant, None).await
    }

    /// Reads a text that is no JSON, such as an export.
    ///
    /// # Errors
    /// See [`AviError`].
    pub async fn get_text(&self, path: &str, query: &[(&str, &str)], tenant: &str) -> Result<String, AviError> {
        let call = Call { method: Method::GET, url: self.inner.address.join(path, query), tenant, body: None };
        let answer = self.send(&call).await?;
        String::from_utf8(answer.body).map_err(|_| decode(&call.method, &call.url, "it is no text in UTF-8"))
    }

    /// Reads a collection, all its pages; `page_size` is 100 unless `query` says otherwise.
    ///
    /// # Errors
    /// See [`AviError`]; an answer without `results`, or pages without end, are [`AviError::Decode`].
    pub async fn list(&self, path: &str, query: &[(&str, &str)], tenant: &str) -> Result<Vec<Value>, AviError> {
        let mut objects = Vec::new();
        self.each(path, query, tenant, |object| objects.push(object)).await?;
        Ok(objects)
    }

    /// As [`AviClient::list`], for collections that nobody wants to hold as a whole: hands over one object after the
    /// other, page by page.
    ///
    /// # Errors
    /// As there; what was handed over before is not the whole then.
    pub async fn each(
        &self,
        path: &str,
        query: &[(&str, &str)],
        tenant: &str,
        mut each: impl FnMut(Value),
    ) -> Result<(), AviError> {
        let mut query = query.to_vec();
        if !query.iter().any(|(key, _)| *key == "page_size") {
            query.push(("page_size", PAGE_SIZE));
        }
        let mut url = self.inner.address.join(path, &query);
        let mut seen = HashSet::new();
        loop {
            if !seen.insert(url.clone()) || seen.len() > PAGES_MAX {
                return Err(decode(&Method::GET, &url, "its pages never end"));
            }
            let call = Call { method: Method::GET, url: url.clone(), tenant, body: None };
            let mut page = self.json(&call).await?;
            let Some(Value::Array(results)) = page.get_mut("results").map(Value::take) else {
                return Err(decode(&call.method, &url, "it is not a collection: no list `results`"));
            };
            results.into_iter().for_each(&mut each);
            match page.get("next") {
                None | Some(Value::Null) => return Ok(()),
                Some(next) => {
                    url = next
                        .as_str()
                        .and_then(|next| self.inner.address.next_page(&url, next))
                        .ok_or_else(|| decode(&call.method, &url, "its `next` is not an address"))?;
                }
            }
        }
    }

    /// Creates an object; returns it as stored.
    ///
    /// # Errors
    /// See [`AviError`].
    pub async fn post(&self, path: &str, body: &Value, tenant: &str) -> Result<Value, AviError> {
        self.call(Method::POST, path, &[], tenant, Some(body.to_string().into())).await
    }

    /// As [`AviClient::post`], with a body that is JSON already.
    ///
    /// # Errors
    /// See [`AviError`].
    pub async fn post_text(&self, path: &str, body: &str, tenant: &str) -> Result<Value, AviError> {
        self.call(Method::POST, path, &[], tenant, Some(body.into())).await
    }

    /// Replaces an object; returns it as stored.
    ///
    /// # Errors
    /// See [`AviError`].
    pub async fn put(&self, path: &str, body: &Value, tenant: &str) -> Result<Value, AviError> {
        self.call(Method::PUT, path, &[], tenant, Some(body.to_string().into())).await
    }

    /// As [`AviClient::put`], with a body that is JSON already.
    ///
    /// # Errors
    /// See [`AviError`].
    pub async fn put_text(&self, path: &str, body: &str, tenant: &str) -> Result<Value, AviError> {
        self.call(Method::PUT, path, &[], tenant, Some(body.into())).await
    }

    /// Changes parts of an object; returns it as stored.
    ///
    /// # Errors
    /// See [`AviError`].
    pub async fn patch(&self, path: &str, body: &Value, tenant: &str) -> Result<Value, AviError> {
        self.call(Method::PATCH, path, &[], tenant, Some(body.to_string().into())).await
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// See [`AviError`]; an object that is already gone is a 404.
    pub async fn delete(&self, path: &str, tenant: &str) -> Result<(), AviError> {
        self.call(Method::DELETE, path, &[], tenant, None).await.map(drop)
    }

    /// Logs in unless a session is at hand; lets a wrong password show at once.
    ///
    /// # Errors
    /// See [`AviError`].
    pub async fn login(&self) -> Result<(), AviError> {
        self.session(None).await.map(drop)
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        tenant: &str,
        body: Option<Cow<'_, str>>,
    ) -> Result<Value, AviError> {
        let call = Call { method, url: self.inner.address.join(path, query), tenant, body };
        self.json(&call).await
    }

    async fn json(&self, call: &Call<'_>) -> Result<Value, AviError> {
        let answer = self.send(call).await?;
        if answer.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer.body).map_err(|error| decode(&call.method, &call.url, &error.to_string()))
    }

    /// Sends a call; when the session ended, logs in anew and repeats it once.
    async fn send(&self, call: &Call<'_>) -> Result<Answer, AviError> {
        let session = self.session(None).await?;
        let mut answer = self.exchange(call, Some(&session)).await?;
        if matches!(answer.status, 401 | 419) && !answer.message().contains("Invalid credentials") {
            debug!(path = call.url.path(), "session ended, logging in again");
            let session = self.session(Some(&session)).await?;
            answer = self.exchange(call, Some(&session)).await?;
        }
        self.check(call, answer)
    }

    /// The session in force, or a new one when there is none or `ended` is the one in force.
    async fn session(&self, ended: Option<&Arc<Session>>) -> Result<Arc<Session>, AviError> {
        let usable = || {
            let session = self.inner.session.read().clone();
            session.filter(|session| ended.is_none_or(|ended| !Arc::ptr_eq(ended, session)))
        };
        if let Some(session) = usable() {
            return Ok(session);
        }
        // The semaphore is never closed; were it, two logins at once would do no harm.
        let _turn = self.inner.login_turn.acquire().await.ok();
        if let Some(session) = usable() {
            return Ok(session);
        }
        let session = Arc::new(self.log_in().await?);
        *self.inner.session.write() = Some(Arc::clone(&session));
        Ok(session)
    }

    /// `POST /login` (avi-api 1.2).
    async fn log_in(&self) -> Result<Session, AviError> {
        let Config { username, password, token, .. } = &self.inner.config;
        let body = match token {
            Some(token) => json!({"username": username, "token": token}),
            None => json!({"username": username, "password": password}),
        };
        let call = Call {
            method: Method::POST,
            url: self.inner.address.join("login", &[]),
            tenant: "admin",
            body: Some(body.to_string().into()),
        };
        let answer = self.exchange(&call, None).await?;
        let answer = self.check(&call, answer)?;
        debug!(client = %username, "logged in");
        Session::from_headers(&answer.headers).map_err(|reason| decode(&call.method, &call.url, &reason))
    }

    /// One request, one answer, read to its end.
    async fn exchange(&self, call: &Call<'_>, session: Option<&Session>) -> Result<Answer, AviError> {
        let mut request = self.inner.http.request(call.method.clone(), call.url.clone());
        let tenant = HeaderValue::from_str(call.tenant)
            .map_err(|_| decode(&call.method, &call.url, "the tenant's name does not fit into a header"))?;
        request = request.header(TENANT, tenant);
        // A login is nobody's write.
        if let Some(fence) = session.and(self.inner.config.fence.as_ref()) {
            match (fence.check(), &self.owner) {
                (Ok(Some(term)), Some(owner)) => request = request.header(FENCE, format!("{owner};term={term}")),
                (Err(reason), _) if call.method != Method::GET => {
                    let (method, path) = (name(&call.method), path_and_query(&call.url));
                    return Err(AviError::NotPermitted { method, path, reason });
                }
                _ => {}
            }
        }
        if let Some(session) = session {
            request = request.header(CSRF_TOKEN, session.csrf_token.clone()).header(COOKIE, session.cookies.clone());
        }
        if let Some(body) = &call.body {
            request = request.body(body.clone().into_owned());
        }
        let mut response = request.send().await.map_err(|error| transport(call, error))?;
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| transport(call, error))? {
            if body.len() + chunk.len() > BODY_BYTES_MAX {
                return Err(decode(&call.method, &call.url, "it is longer than 64 MiB"));
            }
            body.extend_from_slice(&chunk);
        }
        debug!(method = %call.method, path = call.url.path(), tenant = call.tenant, status, "controller answered");
        Ok(Answer { status, headers, body })
    }

    fn check(&self, call: &Call<'_>, answer: Answer) -> Result<Answer, AviError> {
        if (200..300).contains(&answer.status) {
            return Ok(answer);
        }
        let message = answer.message();
        if answer.status == 401 && message.contains("Invalid credentials") {
            return Err(AviError::InvalidCredentials {
                url: self.base_url().to_owned(),
                username: self.inner.config.username.clone(),
            });
        }
        Err(AviError::Status {
            method: name(&call.method),
            path: path_and_query(&call.url),
            status: answer.status,
            message,
        })
    }
}

impl Answer {
    /// Text of an error body (avi-api 1.12): `error`, else `detail`, else what there is.
    fn message(&self) -> String {
        if let Some(location) = self.headers.get(reqwest::header::LOCATION)
            && (300..400).contains(&self.status)
        {
            let location = String::from_utf8_lossy(location.as_bytes()).into_owned();
            return format!("it lives at {location} now; use that address");
        }
        let Ok(body) = serde_json::from_slice::<Value>(&self.body) else {
            let text = String::from_utf8_lossy(&self.body);
            return text.trim().chars().take(RAW_MESSAGE_CHARS_MAX).collect();
        };
        match body.get("error").or_else(|| body.get("detail")).unwrap_or(&body) {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
}

/// Headers of every call (amko 7.2).
fn default_headers(config: &Config, address: &Address) -> Result<HeaderMap, ConfigError> {
    let value = |name: &str, text: &str| {
        HeaderValue::from_str(text)
            .map_err(|_| ConfigError::Http { reason: format!("`{text}` does not fit into the header {name}") })
    };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(REFERER, value("Referer", address.as_str())?);
    headers.insert("x-avi-useragent", value("X-Avi-UserAgent", &config.user_agent)?);
    headers.insert("x-avi-version", value("X-Avi-Version", &config.api_version)?);
    Ok(headers)
}

fn transport(call: &Call<'_>, error: reqwest::Error) -> AviError {
    // The address is in our own message already, and its words are not about what went wrong.
    let error = error.without_url();
    let advice = if chain(&error).contains("certificate") {
        "its certificate is not one that the given CA signed: give the controller's own CA, and the name it was made for"
    } else if error.is_timeout() {
        "it took too long: check its load, or allow more time"
    } else {
        "check that it runs, and that address and port are right"
    };
    AviError::Transport { method: name(&call.method), url: call.url.to_string(), advice, source: error.into() }
}

fn decode(method: &Method, url: &Url, reason: &str) -> AviError {
    AviError::Decode { method: name(method), path: path_and_query(url), reason: reason.to_owned() }
}

fn path_and_query(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

/// The methods this client sends.
fn name(method: &Method) -> &'static str {
    match *method {
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "GET",
    }
}
