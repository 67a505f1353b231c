//! Clusters as streams of objects; here, directories of manifests.
//!
//! A [`Source`] is one cluster. Its watch starts with a [`Event::Reset`] that holds everything, then tells changes.
//! Kubernetes API servers come behind the same trait.
#![warn(missing_docs)]

use async_trait::async_trait;
use k8s_crds::{Object, ObjectKey};
use tokio::sync::mpsc;

/// What a watch tells.
#[derive(Debug, Clone)]
pub enum Event {
    /// The whole present state; what is not in it is gone.
    Reset(Vec<Object>),
    /// Created or changed.
    Apply(Box<Object>),
    /// Removed.
    Delete(ObjectKey),
    /// Something could not be read; what was known before stays in force. An empty list says all is well again.
    Problems(Vec<Problem>),
}

/// Something that could not be read: what, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}; {advice}")]
pub struct Problem {
    /// File with line, or object.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub advice: String,
}

/// What an operator writes back to an object.
#[derive(Debug, Clone, PartialEq)]
pub enum WriteBack {
    /// Replaces the status.
    Status(serde_json::Value),
    /// Sets one annotation.
    Annotation {
        /// Key.
        key: String,
        /// Value.
        value: String,
    },
}

/// A write-back that did not happen.
#[derive(Debug, thiserror::Error)]
#[error("writing back to {key} in cluster {cluster}")]
pub struct WriteBackError {
    /// Cluster context.
    pub cluster: String,
    /// Object.
    pub key: ObjectKey,
    /// Cause.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// One cluster.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// Context name, for example `s1az1`.
    fn cluster(&self) -> &str;

    /// Starts watching. Dropping the receiver stops it. The channel is bounded: a slow reader slows only this cluster.
    fn watch(&self) -> mpsc::Receiver<Event>;

    /// Writes status or an annotation back; the object's own watch shows the change.
    async fn write_back(&self, key: &ObjectKey, write: WriteBack) -> Result<(), WriteBackError>;
}
