//! What could not be used, where, and why.

use serde::Serialize;

/// One thing the engine cannot use.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// Object in words: `GslbService hello.example.com`.
    pub object: String,
    /// Field within the object: `groups[0].members[1].ip`; empty for the object itself.
    pub field: String,
    /// Why, and what happens instead.
    pub reason: String,
}

impl Problem {
    /// With what happens instead.
    #[must_use]
    pub(crate) fn then(mut self, what: &str) -> Self {
        self.reason = format!("{}; {what}", self.reason);
        self
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.field.is_empty() {
            write!(f, "{}: {}", self.object, self.reason)
        } else {
            write!(f, "{}, {}: {}", self.object, self.field, self.reason)
        }
    }
}
