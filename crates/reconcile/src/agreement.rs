//! What was compared already.

use std::sync::atomic::{AtomicU64, Ordering};

/// Remembers of an observed object that nothing differed from a certain wanted one, so that the two are compared once,
/// not at each look. It is no part of what the object is: all agreements are equal.
#[derive(Debug, Default)]
pub(crate) struct Agreement(AtomicU64);

impl Agreement {
    /// Whether nothing differed from what has this fingerprint.
    pub(crate) fn is_with(&self, fingerprint: u64) -> bool {
        fingerprint != 0 && self.0.load(Ordering::Relaxed) == fingerprint
    }

    /// Nothing differs.
    pub(crate) fn note(&self, fingerprint: u64) {
        self.0.store(fingerprint, Ordering::Relaxed);
    }
}

impl Clone for Agreement {
    fn clone(&self) -> Self {
        Self(AtomicU64::new(self.0.load(Ordering::Relaxed)))
    }
}

impl PartialEq for Agreement {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
