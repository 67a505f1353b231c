//! What a watch tells.

use k8s_crds::{Kind, Object, ObjectKey};

/// What a watch tells.
#[derive(Debug, Clone)]
pub enum Event {
    /// The whole present state; what is not in it is gone.
    Reset(Vec<Object>),
    /// Created or changed.
    Apply(Box<Object>),
    /// Removed.
    Delete(ObjectKey),
    /// All that cannot be read at present; what was known before stays in force. An empty list says all is well again.
    Problems(Vec<Problem>),
    /// Whether the cluster serves a kind that not every cluster has; told before the objects, and when it changes. Never
    /// told by a source that has no notion of it.
    Served(Kind, bool),
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
