//! `meridian amko status`: what a running operator sees and serves.
//!
//! The operator answers `GET /status` on its admin address; the verb asks there and prints it.

mod args;
mod document;
mod text;

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use crate::Amko;
use crate::api::Question;
pub use args::StatusArgs;
pub(crate) use document::Health;
pub use document::{ControllerLine, LeftOut, MemberLine, ServiceLine, StatusDocument};

/// Longest wait for the operator.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Where the operator is that is asked; operators come and go.
#[derive(Debug, Clone, Default)]
pub(crate) struct Board {
    questions: Arc<Mutex<Option<mpsc::Sender<Question>>>>,
}

impl Board {
    /// This operator is asked from now on.
    pub(crate) fn show(&self, amko: &Amko) {
        *self.questions.lock() = Some(amko.questions());
    }

    /// Answers `GET /status`.
    pub(crate) fn router(&self) -> Router {
        let board = self.clone();
        Router::new().route("/status", get(async move || board.answer().await))
    }

    async fn answer(&self) -> Response {
        let Some(document) = self.document().await else {
            let text =
                "no operator answers: it waits for the GSLBConfig, its Secret, or the kubeconfig of the members\n";
            return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
        };
        Json(document).into_response()
    }

    async fn document(&self) -> Option<StatusDocument> {
        let questions = self.questions.lock().clone()?;
        let (answer, answered) = oneshot::channel();
        questions.try_send(Question { wants_observed: false, answer }).ok()?;
        let picture = tokio::time::timeout(ANSWER_MAX, answered).await.ok()?.ok()?;
        // There may be thousands of objects.
        tokio::task::spawn_blocking(move || document::document(&picture)).await.ok()
    }
}

impl Amko {
    /// What it sees and serves now; `None` when it does not answer.
    pub async fn status(&self) -> Option<StatusDocument> {
        let board = Board::default();
        board.show(self);
        board.document().await
    }
}
