//! Stories run side by side, but for one that measures what the machine can do.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static STORIES: RwLock<()> = RwLock::new(());

/// Held while a story runs.
#[expect(dead_code, reason = "held, never looked at")]
pub(crate) enum Turn {
    Beside(RwLockReadGuard<'static, ()>),
    Alone(RwLockWriteGuard<'static, ()>),
}

impl Turn {
    /// Beside others.
    pub(crate) fn take() -> Self {
        Self::Beside(STORIES.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// When all others have ended.
    pub(crate) fn take_alone() -> Self {
        Self::Alone(STORIES.write().unwrap_or_else(PoisonError::into_inner))
    }
}
