//! AMKO's own HTTP interface, for reading alone (amko 8.1).
//!
//! Where the original answers an empty list, of Services and Routes, this one answers what there is; and it lists
//! MultiClusterIngresses, and says with each rejected object why (amko 12 line 32). It knows no users: it is for
//! loopback, unless somebody decides otherwise.

mod caches;
mod graph;
mod policy;
mod records;
mod status;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use amko_translate::{Config, Index, MemberKind, Outcome};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use parking_lot::Mutex;
use reconcile::{Observed, ObservedObject};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::status::Health;
use crate::{Amko, AmkoEvent, Progress};
use status::Status;

/// Questions that wait for the operator; further ones are refused, as it looks at everything again at least that often.
pub(crate) const QUESTIONS_WAITING_MAX: usize = 16;
/// Longest wait for the operator's answer (amko 8.1).
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// The running interface. Dropping it closes it.
#[derive(Debug)]
pub struct Api {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
    _task: JoinHandle<()>,
}

/// Why there is no interface.
#[derive(Debug, thiserror::Error)]
#[error("listening for /api/status on {address}; give another --api-listen, or `off`")]
pub struct ApiError {
    address: SocketAddr,
    #[source]
    source: io::Error,
}

/// What the operator is asked; the answer is what it has at that moment.
#[derive(Debug)]
pub(crate) struct Question {
    /// Whether the objects of the controller are wanted too.
    pub(crate) wants_observed: bool,
    pub(crate) answer: oneshot::Sender<Picture>,
}

/// What an operator has at one moment.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) index: Index,
    pub(crate) config: Option<Config>,
    /// `None` before the first translation.
    pub(crate) outcome: Option<Outcome>,
    /// Empty where it was not asked for.
    pub(crate) observed: Observed,
    /// How the operator itself is.
    pub(crate) health: Health,
}

#[derive(Debug, Default)]
struct Shared {
    status: Mutex<Status>,
    shown: Mutex<Option<Shown>>,
    /// One answer is made at a time: it may be a large one.
    turn: tokio::sync::Mutex<()>,
}

/// The operator that is asked.
#[derive(Debug, Clone)]
struct Shown {
    questions: mpsc::Sender<Question>,
    progress: watch::Receiver<Progress>,
}

/// Which records are asked for; all of them when nothing is given.
#[derive(Debug, Default, Deserialize)]
struct Filter {
    cluster: Option<String>,
    ns: Option<String>,
    name: Option<String>,
}

/// Which service.
#[derive(Debug, Default, Deserialize)]
struct Named {
    name: Option<String>,
    tenant: Option<String>,
}

/// Which rule. What else is asked for is nothing that there is (amko 8.1).
#[derive(Debug, Default, Deserialize)]
struct OfRule {
    fqdn: Option<String>,
    #[serde(flatten)]
    others: std::collections::BTreeMap<String, String>,
}

impl Api {
    /// Answers from now on; of an operator once one is [shown](Self::show).
    ///
    /// # Errors
    /// The address cannot be had.
    pub async fn start(address: SocketAddr) -> Result<Self, ApiError> {
        let failed = |source| ApiError { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Arc::new(Shared::default());
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let router = router(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
                tracing::error!(reason = %error, "the HTTP interface stopped");
            }
        });
        Ok(Self { address, shared, stop, _task: task })
    }

    /// Where it answers.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers of this operator from now on.
    pub fn show(&self, amko: &Amko) {
        self.shared.status.lock().begin();
        *self.shared.shown.lock() = Some(Shown { questions: amko.questions(), progress: amko.progress() });
    }

    /// Takes note of what an operator tells, for the status.
    pub fn note(&self, event: &AmkoEvent) {
        self.shared.status.lock().note(event, jiff::Timestamp::now());
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Shared {
    /// What the operator has now.
    async fn picture(&self, wants_observed: bool) -> Result<Picture, StatusCode> {
        let shown = self.shown.lock().clone().ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
        let (answer, answered) = oneshot::channel();
        shown.questions.try_send(Question { wants_observed, answer }).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        match tokio::time::timeout(ANSWER_MAX, answered).await {
            Ok(Ok(picture)) => Ok(picture),
            Ok(Err(_)) | Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
        }
    }

    /// Asks the operator, and says what `render` makes of its answer. That may be large, and is made aside.
    async fn answer(
        &self,
        wants_observed: bool,
        render: impl FnOnce(&Picture) -> Response + Send + 'static,
    ) -> Response {
        let _turn = self.turn.lock().await;
        let picture = match self.picture(wants_observed).await {
            Ok(picture) => picture,
            Err(code) => {
                return (code, Json(json!({"error": "the operator does not answer, ask again"}))).into_response();
            }
        };
        let rendered = tokio::task::spawn_blocking(move || render(&picture)).await;
        rendered.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
    }

    /// [`answer`](Self::answer), with a value as JSON.
    async fn json(&self, render: impl FnOnce(&Picture) -> Value + Send + 'static) -> Response {
        self.answer(false, |picture| Json(render(picture)).into_response()).await
    }
}

fn router(shared: Arc<Shared>) -> Router {
    let mut router = Router::new()
        .route("/api/status", get(status))
        .route("/api/filter", get(filter))
        .route("/api/ghrules", get(rules))
        .route("/api/gsgraph", get(graph))
        .route("/api/gscache", get(services))
        .route("/api/hmcache", get(monitors));
    for (word, kind) in [
        ("ingress", MemberKind::Ingress),
        ("lbsvc", MemberKind::LbService),
        ("route", MemberKind::Route),
        ("mci", MemberKind::MultiClusterIngress),
    ] {
        let accepted = async move |State(shared): State<Arc<Shared>>, Query(filter): Query<Filter>| {
            shared.json(move |picture| records::accepted(picture, kind, &filter)).await
        };
        let rejected = async move |State(shared): State<Arc<Shared>>, Query(filter): Query<Filter>| {
            shared.json(move |picture| records::rejected(picture, kind, &filter)).await
        };
        router = router.route(&format!("/api/accepted/{word}"), get(accepted));
        router = router.route(&format!("/api/rejected/{word}"), get(rejected));
    }
    router.with_state(shared)
}

/// Answered at once, whatever the operator does: it says whether the process lives.
async fn status(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let has_contact = shared.shown.lock().as_ref().is_some_and(|shown| shown.progress.borrow().has_contact);
    let mut status = shared.status.lock();
    status.contact(has_contact);
    Json(status.to_json())
}

async fn filter(State(shared): State<Arc<Shared>>) -> Response {
    shared.json(policy::filter).await
}

async fn rules(State(shared): State<Arc<Shared>>, Query(query): Query<OfRule>) -> Response {
    if !query.others.is_empty() {
        return StatusCode::OK.into_response();
    }
    shared.json(move |picture| policy::rules(picture, query.fqdn.as_deref())).await
}

async fn graph(State(shared): State<Arc<Shared>>, Query(query): Query<Named>) -> Response {
    shared.json(move |picture| graph::models(picture, query.name.as_deref(), query.tenant.as_deref())).await
}

async fn services(State(shared): State<Arc<Shared>>, Query(query): Query<Named>) -> Response {
    shared.answer(true, move |picture| cached(caches::services(picture, query.name.as_deref()))).await
}

async fn monitors(State(shared): State<Arc<Shared>>, Query(query): Query<Named>) -> Response {
    shared.answer(true, move |picture| cached(caches::monitors(picture, query.name.as_deref()))).await
}

/// What is not in a cache is a bad request there (amko 8.1).
fn cached(found: Option<Value>) -> Response {
    match found {
        Some(found) => Json(found).into_response(),
        None => (StatusCode::BAD_REQUEST, Json(json!({"error": "Bad Request"}))).into_response(),
    }
}

impl Filter {
    /// Whether a record is asked for; `name` may be the object alone, or with its host.
    fn takes(&self, object: &amko_translate::ObjectRef) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        let name = records::name(object);
        is(&self.cluster, &object.cluster)
            && is(&self.ns, &object.namespace)
            && self.name.as_deref().is_none_or(|wanted| wanted == name || wanted == object.name)
    }
}
