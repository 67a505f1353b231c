//! Whether the controller does its work.

use std::{fmt, sync::Arc};

use tokio::task::AbortHandle;

use crate::watched_store::WatchedStore;

/// Asks all parts of a running controller. It exists once the store was read and the addresses are open.
#[derive(Clone)]
pub struct Readiness {
    pub(crate) store: Arc<WatchedStore>,
    /// What each task does, in words.
    pub(crate) parts: Vec<(&'static str, AbortHandle)>,
}

impl Readiness {
    /// Whether every part runs and the last write to the store went well.
    ///
    /// # Errors
    /// What does not, in words.
    pub fn check(&self) -> Result<(), String> {
        if let Some((part, _)) = self.parts.iter().find(|(_, task)| task.is_finished()) {
            return Err(format!("{part} has stopped; the log says why"));
        }
        match self.store.failure() {
            Some(reason) => Err(format!("the last write to the object store failed: {reason}")),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness").field("now", &self.check()).finish_non_exhaustive()
    }
}
