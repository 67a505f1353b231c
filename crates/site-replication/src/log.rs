//! A base and the entries since.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::{Entry, Revision, State, Term};

/// Terms of which a follower tells the last revision.
const MARKS_MAX: usize = 64;

/// A place in a log: equal marks have equal logs before them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The place.
    pub revision: Revision,
    /// Of the entry there.
    pub term: Term,
}

/// All objects at a revision, and the entries after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    base: Arc<State>,
    base_mark: Mark,
    entries: VecDeque<Arc<Entry>>,
}

impl Log {
    /// Entries are to follow `mark`, where objects are as in `base`.
    #[must_use]
    pub fn new(base: Arc<State>, mark: Mark) -> Self {
        Self { base, base_mark: mark, entries: VecDeque::new() }
    }

    /// Where history was cut, and the objects there.
    #[must_use]
    pub fn base(&self) -> (&Mark, &Arc<State>) {
        (&self.base_mark, &self.base)
    }

    /// The end.
    #[must_use]
    pub fn last(&self) -> Mark {
        self.entries.back().map_or_else(|| self.base_mark.clone(), |entry| mark_of(entry))
    }

    /// The entry at `revision`.
    #[must_use]
    pub fn get(&self, revision: Revision) -> Option<&Arc<Entry>> {
        let at = revision.0.checked_sub(self.base_mark.revision.0)?.checked_sub(1)?;
        self.entries.get(usize::try_from(at).ok()?)
    }

    /// The mark at `revision`, from the base to the end.
    #[must_use]
    pub fn mark(&self, revision: Revision) -> Option<Mark> {
        if revision == self.base_mark.revision {
            return Some(self.base_mark.clone());
        }
        self.get(revision).map(|entry| mark_of(entry))
    }

    /// Whether the mark is in this log. Before the first revision all logs are equal.
    #[must_use]
    pub fn has(&self, mark: &Mark) -> bool {
        self.mark(mark.revision).is_some_and(|own| own.term == mark.term || mark.revision == Revision(0))
    }

    /// Entries after `after` up to `through`, at most `max`.
    pub fn range(&self, after: Revision, through: Revision, max: usize) -> impl Iterator<Item = &Arc<Entry>> {
        let skip = usize::try_from(after.0.saturating_sub(self.base_mark.revision.0)).unwrap_or(usize::MAX);
        let from = skip.min(self.entries.len());
        self.entries.range(from..).take(max).take_while(move |entry| entry.revision <= through)
    }

    /// Objects at `revision`, which is not before the base.
    #[must_use]
    pub fn state_at(&self, revision: Revision) -> State {
        let mut state = State::clone(&self.base);
        for entry in self.range(self.base_mark.revision, revision, usize::MAX) {
            state.apply(entry);
        }
        state
    }

    /// Last revision of each term, newest first, then the base.
    #[must_use]
    pub fn marks(&self) -> Vec<Mark> {
        let mut marks: Vec<Mark> = Vec::new();
        for entry in self.entries.iter().rev() {
            if marks.last().is_none_or(|mark| mark.term != entry.term) {
                if marks.len() == MARKS_MAX {
                    return marks;
                }
                marks.push(mark_of(entry));
            }
        }
        marks.push(self.base_mark.clone());
        marks
    }

    /// The latest place that this log has in common with the one that told `marks`; `None` where history was cut.
    ///
    /// A term's entries are made by one leader, one after the other, so of a term that both have, the shorter is
    /// a part of the longer.
    #[must_use]
    pub fn common(&self, marks: &[Mark]) -> Option<Revision> {
        marks.iter().find_map(|theirs| {
            if theirs.revision == Revision(0) {
                return (self.base_mark.revision == Revision(0)).then_some(Revision(0));
            }
            let ours = self.last_of(&theirs.term)?;
            let revision = ours.min(theirs.revision);
            (self.mark(revision)?.term == theirs.term).then_some(revision)
        })
    }

    /// Adds at the end. Entries that are not the next revision are left out; the caller checked.
    pub fn push(&mut self, entry: Arc<Entry>) {
        if entry.revision == self.last().revision.next() {
            self.entries.push_back(entry);
        }
    }

    /// Drops what comes after `revision`, and returns it.
    pub fn truncate(&mut self, revision: Revision) -> Vec<Arc<Entry>> {
        let keep = usize::try_from(revision.0.saturating_sub(self.base_mark.revision.0)).unwrap_or(usize::MAX);
        self.entries.drain(keep.min(self.entries.len())..).collect()
    }

    /// Moves the base to `revision`, at most to the end.
    pub fn cut(&mut self, revision: Revision) {
        while let Some(entry) = self.entries.pop_front_if(|entry| entry.revision <= revision) {
            Arc::make_mut(&mut self.base).apply(&entry);
            self.base_mark = mark_of(&entry);
        }
    }

    /// Entries since the base.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn last_of(&self, term: &Term) -> Option<Revision> {
        let entry = self.entries.iter().rev().find(|entry| entry.term == *term).map(|entry| entry.revision);
        entry.or_else(|| (self.base_mark.term == *term).then_some(self.base_mark.revision))
    }
}

fn mark_of(entry: &Entry) -> Mark {
    Mark { revision: entry.revision, term: entry.term.clone() }
}
