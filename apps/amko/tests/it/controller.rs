//! A small controller: sessions, the objects that the operator uses, a record of what was asked, faults on demand.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

#[derive(Clone, Default)]
pub(crate) struct Controller {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    /// `healthmonitor/uuid` to body.
    objects: BTreeMap<String, Value>,
    next: u32,
    asked: Vec<String>,
    /// Answers for the next writes whose line contains a text.
    faults: VecDeque<(String, u16, String)>,
    /// UUID of the site that leads, when not the first.
    leader: Option<String>,
    /// Name, UUID and port of the sites.
    sites: Vec<(String, String, u16)>,
    password: Option<String>,
    /// UUIDs of sites that take calls and do not answer them.
    silent: BTreeSet<String>,
}

/// UUID of the site that listens where nothing else is said.
const FIRST: &str = "cluster-1";

/// A controller that listens; stops when dropped.
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Controller {
    /// With the federated monitors and profiles that a policy may name.
    pub(crate) fn new() -> Self {
        let controller = Self::default();
        controller.put(
            "healthmonitor",
            json!({
                "name": "System-GSLB-HTTP", "type": "HEALTH_MONITOR_HTTP", "is_federated": true,
                "http_monitor": {"http_request": "GET / HTTP/1.1", "http_response_code": ["HTTP_2XX"]},
            }),
        );
        controller
    }

    pub(crate) async fn listen(&self, address: &str) -> Listening {
        self.listen_as(FIRST, address).await
    }

    /// Listens as the site of this UUID. All sites hold the same objects.
    pub(crate) async fn listen_as(&self, uuid: &str, address: &str) -> Listening {
        let listener = loop {
            // The port of a controller that was stopped a moment ago may still be closing.
            match tokio::net::TcpListener::bind(address).await {
                Ok(listener) => break listener,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state((self.clone(), uuid.to_owned()));
        let task = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Listening { address, task }
    }

    /// Stores an object as if a person had made it; returns its UUID.
    pub(crate) fn put(&self, kind: &str, body: Value) -> String {
        self.inner.lock().unwrap().store(kind, None, "admin", body)["uuid"].as_str().unwrap().to_owned()
    }

    /// Changes an object by name, as a person would.
    pub(crate) fn edit(&self, kind: &str, name: &str, change: impl FnOnce(&mut Value)) {
        let mut inner = self.inner.lock().unwrap();
        let mut objects = inner.objects.iter_mut();
        let found = objects.find(|(key, body)| key.starts_with(kind) && body["name"] == name);
        change(found.unwrap_or_else(|| panic!("no {kind} {name}")).1);
    }

    pub(crate) fn remove(&self, kind: &str, name: &str) {
        self.inner.lock().unwrap().objects.retain(|key, body| !(key.starts_with(kind) && body["name"] == name));
    }

    pub(crate) fn get(&self, kind: &str, name: &str) -> Option<Value> {
        let inner = self.inner.lock().unwrap();
        inner.objects.iter().find(|(key, body)| key.starts_with(kind) && body["name"] == name).map(|(_, b)| b.clone())
    }

    /// Everything it holds.
    pub(crate) fn all(&self) -> BTreeMap<String, Value> {
        self.inner.lock().unwrap().objects.clone()
    }

    /// Members of a service: `address*ratio`, in order of address.
    pub(crate) fn members(&self, service: &str) -> Vec<String> {
        let Some(body) = self.get("gslbservice", service) else { return vec![] };
        let groups = body["groups"].as_array().into_iter().flatten();
        let members = groups.flat_map(|group| group["members"].as_array().unwrap().clone());
        let mut members: Vec<_> =
            members.map(|m| format!("{}*{}", m["ip"]["addr"].as_str().unwrap(), m["ratio"])).collect();
        members.sort();
        members
    }

    pub(crate) fn monitors(&self) -> usize {
        let inner = self.inner.lock().unwrap();
        let ours = |body: &Value| body["name"].as_str().unwrap().starts_with("amko--");
        inner.objects.iter().filter(|(key, body)| key.starts_with("healthmonitor") && ours(body)).count()
    }

    /// How many objects of a kind there are.
    pub(crate) fn count(&self, kind: &str) -> usize {
        self.inner.lock().unwrap().objects.keys().filter(|key| key.starts_with(kind)).count()
    }

    /// The next write whose line contains `text` gets this answer.
    pub(crate) fn fail(&self, text: &str, status: u16, message: &str) {
        self.inner.lock().unwrap().faults.push_back((text.to_owned(), status, message.to_owned()));
    }

    /// Whether the first site follows another.
    pub(crate) fn set_follower(&self, is_follower: bool) {
        self.set_leader(if is_follower { "cluster-2" } else { FIRST });
    }

    pub(crate) fn set_leader(&self, uuid: &str) {
        self.inner.lock().unwrap().leader = Some(uuid.to_owned());
    }

    /// What the Gslb object says of its sites: name, UUID, port.
    pub(crate) fn set_sites(&self, sites: &[(&str, &str, u16)]) {
        let sites = sites.iter().map(|(name, uuid, port)| ((*name).to_owned(), (*uuid).to_owned(), *port));
        self.inner.lock().unwrap().sites = sites.collect();
    }

    /// Whether a site leaves what it is asked without an answer.
    pub(crate) fn set_silent(&self, site: &str, is_silent: bool) {
        let silent = &mut self.inner.lock().unwrap().silent;
        if is_silent {
            silent.insert(site.to_owned())
        } else {
            silent.remove(site)
        };
    }

    fn is_silent(&self, site: &str) -> bool {
        self.inner.lock().unwrap().silent.contains(site)
    }

    pub(crate) fn set_password(&self, password: &str) {
        self.inner.lock().unwrap().password = Some(password.to_owned());
    }

    /// All that was asked since the last call: `METHOD target`, writes with the object's name.
    pub(crate) fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut self.inner.lock().unwrap().asked)
    }

    /// The same, without forgetting it.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.inner.lock().unwrap().asked.clone()
    }

    pub(crate) fn writes(&self) -> Vec<String> {
        let is_write = |line: &&String| !line.starts_with("GET") && !line.starts_with("POST /login");
        self.inner.lock().unwrap().asked.iter().filter(is_write).cloned().collect()
    }
}

async fn answer(State((controller, site)): State<(Controller, String)>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    while controller.is_silent(&site) {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await; // bounded: ends with the listener
    }
    let (status, answer) =
        controller.inner.lock().unwrap().answer(&site, &parts.method, &parts.uri, &parts.headers, &body);
    if parts.uri.path() == "/login" && status == 200 {
        let cookies = [("set-cookie", "csrftoken=t; Path=/"), ("set-cookie", "sessionid=s; Path=/")];
        let mut response = axum::Json(answer).into_response();
        for (name, value) in cookies {
            response.headers_mut().append(name, value.parse().unwrap());
        }
        return response;
    }
    let status = StatusCode::from_u16(status).unwrap();
    if status == StatusCode::NO_CONTENT { status.into_response() } else { (status, axum::Json(answer)).into_response() }
}

impl Inner {
    fn answer(&mut self, site: &str, method: &Method, uri: &Uri, headers: &HeaderMap, body: &Value) -> (u16, Value) {
        let name = body["name"].as_str().map(|name| format!(" {name}")).unwrap_or_default();
        let path = uri.path().to_owned();
        let target = uri.path_and_query().map_or_else(|| path.clone(), ToString::to_string);
        let deleted = path.strip_prefix("/api/").and_then(|key| self.objects.get(key));
        let name = match (method, deleted) {
            (&Method::DELETE, Some(body)) => format!(" {}", body["name"].as_str().unwrap()),
            _ => name,
        };
        let line = match *method {
            Method::PUT | Method::DELETE => {
                format!("{method} {}{name}", path.rsplit_once('/').map_or("", |(collection, _)| collection))
            }
            _ => format!("{method} {target}{name}"),
        };
        self.asked.push(line.clone());
        if path == "/login" {
            if self.password.as_deref().is_some_and(|password| body["password"] != password) {
                return (401, json!({"error": "Invalid credentials"}));
            }
            return (200, json!({}));
        }
        if *method != Method::GET
            && let Some(i) = self.faults.iter().position(|(text, ..)| line.contains(text))
        {
            let (_, status, message) = self.faults.remove(i).unwrap();
            return (status, json!({"error": message}));
        }
        let leader = self.leader.clone().unwrap_or_else(|| FIRST.to_owned());
        if leader != site && *method != Method::GET {
            return (400, json!({"error": "Config Operations can be done ONLY on leader"}));
        }
        let tenant = headers["x-avi-tenant"].to_str().unwrap().to_owned();
        match (method, path.trim_start_matches("/api/").trim_end_matches('/')) {
            (&Method::GET, "cluster") => (200, json!({"name": "cluster-0-1", "uuid": site})),
            (&Method::GET, "gslb") => {
                let sites = self.sites.iter().map(|(name, uuid, port)| {
                    json!({"name": name, "cluster_uuid": uuid, "ip_addresses": [{"addr": "127.0.0.1"}], "port": port})
                });
                let sites: Vec<_> = sites.collect();
                (200, json!({"count": 1, "results": [{"leader_cluster_uuid": leader, "sites": sites}]}))
            }
            (&Method::GET, collection) => self.list(collection, uri.query().unwrap_or_default()),
            (&Method::POST | &Method::PUT, _) if self.refers_to_nothing(body) => {
                (404, json!({"error": "HealthMonitor object not found!"}))
            }
            (&Method::POST, kind) => self.create(kind, &tenant, body),
            (&Method::PUT, key) => match self.objects.get(key) {
                None => (404, json!({"error": "object not found!"})),
                Some(_) => {
                    let (kind, uuid) = key.split_once('/').unwrap();
                    let (kind, uuid) = (kind.to_owned(), uuid.to_owned());
                    (200, self.store(&kind, Some(&uuid), &tenant, body.clone()))
                }
            },
            (&Method::DELETE, key) => self.delete(key),
            _ => (405, json!({"detail": "not allowed"})),
        }
    }

    fn list(&self, kind: &str, query: &str) -> (u16, Value) {
        let query: BTreeMap<_, _> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let matches = |body: &Value| {
            ["name", "created_by", "is_federated"].iter().all(|key| {
                query.get(key).is_none_or(|value| match &body[*key] {
                    Value::String(text) => text == value,
                    Value::Bool(flag) => *value == if *flag { "true" } else { "false" },
                    _ => false,
                })
            })
        };
        let of_kind = self.objects.iter().filter(|(key, _)| key.split_once('/').is_some_and(|(k, _)| k == kind));
        let results: Vec<_> = of_kind.map(|(_, body)| body.clone()).filter(|body| matches(body)).collect();
        (200, json!({"count": results.len(), "results": results}))
    }

    fn create(&mut self, kind: &str, tenant: &str, body: &Value) -> (u16, Value) {
        let mut of_kind = self.objects.iter().filter(|(key, _)| key.starts_with(kind));
        if of_kind.any(|(_, there)| there["name"] == body["name"]) {
            let text = match kind {
                "healthmonitor" => "Health monitor with this Name and Tenant ref already exists",
                _ => "Gslb service with this Name and Tenant ref already exists",
            };
            return (409, json!({"error": text}));
        }
        (201, self.store(kind, None, tenant, body.clone()))
    }

    fn refers_to_nothing(&self, body: &Value) -> bool {
        let mut refs = body["health_monitor_refs"].as_array().into_iter().flatten();
        refs.any(|reference| {
            let name = reference.as_str().unwrap().rsplit('=').next().unwrap();
            !self.objects.values().any(|body| body["name"] == name)
        })
    }

    fn delete(&mut self, key: &str) -> (u16, Value) {
        let mut services = self.objects.iter().filter(|(k, _)| k.starts_with("gslbservice"));
        let uuid = key.rsplit('/').next().unwrap();
        if services.any(|(_, body)| body["health_monitor_refs"].to_string().contains(uuid)) {
            return (403, json!({"error": "Cannot delete, object is referred by: ['GslbService x']"}));
        }
        match self.objects.remove(key) {
            Some(_) => (204, Value::Null),
            None => (404, json!({"error": "object not found!"})),
        }
    }

    fn store(&mut self, kind: &str, uuid: Option<&str>, tenant: &str, mut body: Value) -> Value {
        self.next += 1;
        let uuid = uuid.map_or_else(|| format!("{kind}-{}", self.next), str::to_owned);
        body["uuid"] = uuid.clone().into();
        body["url"] = format!("https://host/api/{kind}/{uuid}").into();
        body["tenant_ref"] = format!("https://host/api/tenant/{tenant}#{tenant}").into();
        body["_last_modified"] = self.next.to_string().into();
        for reference in body["health_monitor_refs"].as_array_mut().into_iter().flatten() {
            let name = reference.as_str().unwrap().rsplit('=').next().unwrap().to_owned();
            let found = self.objects.values().find(|body| body["name"] == name.as_str());
            let uuid = found.unwrap_or_else(|| panic!("no monitor {name}"))["uuid"].as_str().unwrap().to_owned();
            *reference = format!("https://host/api/healthmonitor/{uuid}#{name}").into();
        }
        self.objects.insert(format!("{kind}/{uuid}"), body.clone());
        body
    }
}
