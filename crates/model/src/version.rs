//! What a snapshot is stamped with.

use serde::{Deserialize, Serialize};

/// Counts commits of the object store; stamps everything that is built from one commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl std::fmt::Display for Revision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Version of an engine snapshot: store incarnation, leader term, revision.
///
/// Within one incarnation a version is newer when `(term, revision)` is greater. Two incarnations are not comparable:
/// a restored backup or a new store is another history, not an older state.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Version {
    /// Random identity of the store's history.
    pub incarnation: String,
    /// Leader term; 0 while one controller rules alone.
    pub term: u64,
    /// Store revision the snapshot was built from.
    pub revision: Revision,
}

impl Version {
    /// Whether an engine that runs `current` has to refuse `self`: same history, and older.
    #[must_use]
    pub fn is_older_than(&self, current: &Version) -> bool {
        self.incarnation == current.incarnation && (self.term, self.revision) < (current.term, current.revision)
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.term, self.revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(incarnation: &str, term: u64, revision: u64) -> Version {
        Version { incarnation: incarnation.into(), term, revision: Revision(revision) }
    }

    #[test]
    fn older_means_the_same_history_and_a_smaller_term_or_revision() {
        assert!(version("a", 1, 4).is_older_than(&version("a", 1, 5)));
        assert!(version("a", 1, 9).is_older_than(&version("a", 2, 1)));
        assert!(!version("a", 1, 5).is_older_than(&version("a", 1, 5)));
        assert!(!version("b", 0, 1).is_older_than(&version("a", 9, 9)));
    }
}
