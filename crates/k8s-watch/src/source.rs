//! One cluster, whatever it is made of.

use std::collections::BTreeMap;

use async_trait::async_trait;
use k8s_crds::ObjectKey;
use tokio::sync::mpsc;

use crate::event::Event;

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
    /// Sets annotations, or with `None` removes them.
    Annotations(BTreeMap<String, Option<String>>),
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
    ///
    /// A cluster that cannot be read yet tells [`Event::Problems`] first; its `Reset` comes once it can. A reader that
    /// was too slow gets another `Reset` in place of what it missed. To be called within a tokio runtime.
    fn watch(&self) -> mpsc::Receiver<Event>;

    /// Writes status or annotations back; the object's own watch shows the change.
    ///
    /// # Errors
    /// When the object is not there, or the write itself fails.
    async fn write_back(&self, key: &ObjectKey, write: WriteBack) -> Result<(), WriteBackError>;
}
