//! What can go wrong.

use crate::Revision;

/// What went wrong in a backend.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The caller broke a rule of the trait, for example too many operations.
    #[error("the transaction is not allowed: {0}")]
    Refused(String),
    /// The revision asked for is no longer kept.
    #[error("revision {asked} is compacted, the oldest kept is {oldest}")]
    Compacted {
        /// Revision asked for.
        asked: Revision,
        /// Oldest revision a watch can start after.
        oldest: Revision,
    },
    /// There is no room for it. Nothing was written, what was there can be read, and later writes succeed when there is
    /// room again.
    #[error("{doing}")]
    Full {
        /// What was being done.
        doing: &'static str,
        /// The backend's own error, which says where.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The backend failed; whether the write happened is unknown.
    #[error("{doing}")]
    Backend {
        /// What was being done.
        doing: &'static str,
        /// The backend's own error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// A watch after a revision that has not happened.
    #[must_use]
    pub fn not_yet(asked: Revision, last: Revision) -> Self {
        Self::Refused(format!("revision {asked} has not happened, the last is {last}: it belongs to another store"))
    }
}
