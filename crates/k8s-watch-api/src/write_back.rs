//! What is written back to an object: a JSON merge patch that touches nothing else of it.
//!
//! `GSLBConfig`, `GlobalDeploymentPolicy` and `GSLBHostRule` have no status sub-resource: their status is patched on the main resource.
//! The original replaces the whole policy to set its status (amko 2); a patch says the same and cannot undo what a user
//! changes at the same moment.

use std::time::Duration;

use k8s_crds::ObjectKey;
use k8s_watch::WriteBack;
use kube::api::{Patch, PatchParams};
use kube::{Client, Error};
use serde_json::{Map, Value, json};
use tokio::time::{sleep, timeout};

use crate::access::{AccessError, Connection};
use crate::back_off::BackOff;
use crate::resource::resource;

/// Who wrote it, in `managedFields`.
const FIELD_MANAGER: &str = "meridian";
/// Tries of one write-back. Who called has its own idea of when to come again.
const TRIES: u32 = 4;

/// Why a write-back was given up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PatchError {
    #[error("reaching the cluster")]
    Access(#[source] AccessError),
    #[error("{0}")]
    Refused(String),
    #[error("no answer within {} s", .0.as_secs_f64())]
    Silent(Duration),
    #[error("asking the API server")]
    Call(#[source] Error),
}

/// Patches until it is done, refused, or tried often enough.
pub(crate) async fn write(connection: &Connection, key: &ObjectKey, write: WriteBack) -> Result<(), PatchError> {
    let (patch, subresource) = patch(key, write);
    let mut back_off = BackOff::default();
    let mut tries = 1;
    loop {
        let (client, generation) = connection.client().await.map_err(PatchError::Access)?;
        let error = match once(&client, key, &patch, subresource, connection.answer_max).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if matches!(error, PatchError::Call(_) | PatchError::Silent(_)) && !error.is_answer() {
            connection.forget(generation).await;
        }
        if tries == TRIES || !error.is_worth_another_try() {
            return Err(error.or_refused());
        }
        tries += 1;
        sleep(back_off.next(rand::random())).await;
    }
}

/// The patch, and the sub-resource it goes to.
fn patch(key: &ObjectKey, write: WriteBack) -> (Value, Option<&'static str>) {
    match write {
        WriteBack::Status(status) => (json!({ "status": status }), resource(key.kind).has_status.then_some("status")),
        WriteBack::Annotation { key, value } => {
            let annotations = Map::from_iter([(key, Value::String(value))]);
            (json!({ "metadata": { "annotations": annotations } }), None)
        }
        WriteBack::Annotations(annotations) => (json!({ "metadata": { "annotations": annotations } }), None),
    }
}

async fn once(
    client: &Client,
    key: &ObjectKey,
    patch: &Value,
    subresource: Option<&'static str>,
    answer_max: Duration,
) -> Result<(), PatchError> {
    let request = resource(key.kind).request(key.namespace.as_deref());
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let patch = Patch::Merge(patch);
    let request = match subresource {
        Some(subresource) => request.patch_subresource(subresource, &key.name, &params, &patch),
        None => request.patch(&key.name, &params, &patch),
    };
    let request = request.map_err(|error| PatchError::Call(Error::BuildRequest(error)))?;
    let answer = timeout(answer_max, client.request::<Value>(request)).await;
    answer.map_err(|_| PatchError::Silent(answer_max))?.map(drop).map_err(PatchError::Call)
}

impl PatchError {
    fn code(&self) -> Option<u16> {
        match self {
            Self::Call(Error::Api(status)) => Some(status.code),
            _ => None,
        }
    }

    /// The server is there and knows us.
    fn is_answer(&self) -> bool {
        self.code().is_some_and(|code| code != 401)
    }

    /// A conflict with another writer, a server under load, a connection that broke.
    fn is_worth_another_try(&self) -> bool {
        match self.code() {
            Some(code) => matches!(code, 401 | 409 | 429 | 500..),
            None => matches!(self, Self::Call(Error::Service(_) | Error::HyperError(_))),
        }
    }

    /// An answer in its own words.
    fn or_refused(self) -> Self {
        match self {
            Self::Call(Error::Api(status)) => Self::Refused(format!("{} ({})", status.message, status.code)),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_crds::Kind;

    use super::*;

    #[track_caller]
    fn check(kind: Kind, write: WriteBack, expected: Value, subresource: Option<&str>) {
        let key = ObjectKey { kind, namespace: Some("a".to_owned()), name: "b".to_owned() };
        assert_eq!(patch(&key, write), (expected, subresource));
    }

    #[test]
    fn status_goes_where_the_kind_keeps_it() {
        let status = || WriteBack::Status(json!({"state": "x"}));
        check(Kind::GslbConfig, status(), json!({"status": {"state": "x"}}), None);
        check(Kind::GlobalDeploymentPolicy, status(), json!({"status": {"state": "x"}}), None);
        check(Kind::Ingress, status(), json!({"status": {"state": "x"}}), Some("status"));
        let annotation = WriteBack::Annotation { key: "k".to_owned(), value: "v".to_owned() };
        check(Kind::Ingress, annotation, json!({"metadata": {"annotations": {"k": "v"}}}), None);
    }

    #[test]
    fn conflicts_are_tried_again_and_refusals_are_not() {
        let error = |code| PatchError::Call(Error::Api(kube::core::Status::failure("no", "x").with_code(code).boxed()));
        for code in [401, 409, 429, 500, 503] {
            assert!(error(code).is_worth_another_try(), "{code}");
        }
        for code in [400, 403, 404, 422] {
            assert!(!error(code).is_worth_another_try(), "{code}");
        }
        assert_eq!(error(404).or_refused().to_string(), "no (404)");
    }
}
