//! Single calls to an API server, for what is not watched: lists read once, leases, copies of objects.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, header::CONTENT_TYPE};
use kube::Error;
use serde_json::Value;
use tokio::time::timeout;

use crate::access::{Access, AccessError, Connection, chain};

/// Single calls to one cluster; cheap to clone. Paths are those of the API server.
#[derive(Debug, Clone)]
pub struct ApiCalls {
    cluster: Arc<str>,
    manager: Arc<str>,
    connection: Arc<Connection>,
}

/// A call that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// There is no client.
    #[error("reaching cluster {cluster}: {}", chain(.source))]
    Access {
        /// Cluster.
        cluster: String,
        /// Cause.
        source: AccessError,
    },
    /// An answer that is a refusal.
    #[error("{message} ({code})")]
    Refused {
        /// HTTP status.
        code: u16,
        /// In the words of the API server.
        message: String,
    },
    /// No answer in time; the call may have been carried out.
    #[error("no answer within {} s", .0.as_secs_f64())]
    Silent(Duration),
    /// No answer, or an unreadable one; the call may have been carried out.
    #[error("{}", chain(.0))]
    Call(Error),
}

impl CallError {
    /// Whether somebody else wrote first, or made it first.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused { code: 409, .. })
    }

    /// Whether there is no such thing.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { code: 404, .. })
    }
}

impl ApiCalls {
    /// Calls to `cluster` as the field manager `manager`, each answered within `answer_max` or given up.
    pub fn new(cluster: impl Into<Arc<str>>, access: Access, manager: &str, answer_max: Duration) -> Self {
        let connection = Arc::new(Connection::new(access, answer_max));
        Self { cluster: cluster.into(), manager: manager.into(), connection }
    }

    /// Name of the cluster.
    #[must_use]
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// One object; `None` when there is none.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn get(&self, path: &str) -> Result<Option<Value>, CallError> {
        match self.send(Method::GET, path, None, "application/json").await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All objects of a collection, as one answer.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn list(&self, path: &str) -> Result<Vec<Value>, CallError> {
        let mut list = self.send(Method::GET, path, None, "application/json").await?;
        match list["items"].take() {
            Value::Array(items) => Ok(items),
            // Absent is no empty list: whatever that answer is, nothing may be concluded from it.
            _ => Err(CallError::Refused { code: 200, message: format!("{path} is no list") }),
        }
    }

    /// Makes an object; returns it as stored.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn create(&self, collection: &str, body: &Value) -> Result<Value, CallError> {
        self.write(Method::POST, collection, body, "application/json").await
    }

    /// Replaces an object, if it still has the resource version that `body` has; returns it as stored.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn replace(&self, path: &str, body: &Value) -> Result<Value, CallError> {
        self.write(Method::PUT, path, body, "application/json").await
    }

    /// Merges into an object, or into its status; returns it as stored.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn merge(&self, path: &str, patch: &Value) -> Result<Value, CallError> {
        self.write(Method::PATCH, path, patch, "application/merge-patch+json").await
    }

    /// Deletes an object; one that is gone is no error.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn delete(&self, path: &str) -> Result<(), CallError> {
        match self.send(Method::DELETE, path, None, "application/json").await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    async fn write(&self, method: Method, path: &str, body: &Value, kind: &str) -> Result<Value, CallError> {
        self.send(method, &format!("{path}?fieldManager={}", self.manager), Some(body), kind).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>, kind: &str) -> Result<Value, CallError> {
        let access = |source| CallError::Access { cluster: self.cluster.to_string(), source };
        let (client, generation) = self.connection.client().await.map_err(access)?;
        let body = body.map(Value::to_string).unwrap_or_default().into_bytes();
        let request = Request::builder().method(method).uri(path).header(CONTENT_TYPE, kind).body(body);
        let request = request.map_err(|error| CallError::Call(Error::HttpError(error)))?;
        let answer_max = self.connection.answer_max;
        let error = match timeout(answer_max, client.request::<Value>(request)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(Error::Api(status))) if status.code != 401 => {
                return Err(CallError::Refused { code: status.code, message: status.message.clone() });
            }
            Ok(Err(error)) => CallError::Call(error),
            Err(_) => CallError::Silent(answer_max),
        };
        self.connection.forget(generation).await;
        Err(error)
    }
}
