//! Hands commits to watchers: the part of [`crate::Store::watch`] that backends share.

use std::collections::VecDeque;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::{Commit, Revision, Watch};

/// Commits a watcher may leave unread. One more, and its channel ends: the writer never waits for a reader.
pub const WATCH_BUFFER: usize = 1024;

/// The last commits, and those who wait for the next.
///
/// The backend publishes each commit when it is durable, under its own lock, in order.
#[derive(Debug)]
pub struct Feed {
    recent: VecDeque<Commit>,
    recent_max: usize,
    /// Revision of the last commit.
    revision: Revision,
    watchers: Vec<Watcher>,
}

#[derive(Debug)]
struct Watcher {
    /// Commits up to this one are not for it: it has them, or they are older than what it asked for.
    after: Revision,
    sender: mpsc::Sender<Result<Commit, crate::StoreError>>,
}

impl Feed {
    /// A feed whose last commit was `revision`, keeping up to `recent_max` of those to come.
    #[must_use]
    pub fn new(revision: Revision, recent_max: usize) -> Self {
        Self { recent: VecDeque::new(), recent_max, revision, watchers: Vec::new() }
    }

    /// Revision of the last commit published.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Oldest revision after which every commit is still kept here.
    #[must_use]
    pub fn oldest(&self) -> Revision {
        self.recent.front().map_or(self.revision, |commit| commit.revision.saturating_sub(1))
    }

    /// Takes the next commit and hands it to the watchers. Those that have no room left lose their channel.
    pub fn publish(&mut self, commit: Commit) {
        debug_assert_eq!(commit.revision, self.revision + 1, "revisions grow by one");
        self.revision = commit.revision;
        self.watchers.retain(|watcher| {
            if commit.revision <= watcher.after {
                return !watcher.sender.is_closed();
            }
            match watcher.sender.try_send(Ok(commit.clone())) {
                Ok(()) => true,
                Err(TrySendError::Full(_) | TrySendError::Closed(_)) => false,
            }
        });
        self.recent.push_back(commit);
        if self.recent.len() > self.recent_max {
            self.recent.pop_front();
        }
    }

    /// A watch that starts with `backlog` and goes on after revision `after`, the last of the backlog.
    ///
    /// `None` when commits between `after` and what is kept here are missing: the caller reads more of its log.
    pub fn watch(&mut self, backlog: &[Commit], after: Revision) -> Option<Watch> {
        if after < self.oldest() {
            return None;
        }
        let missed = self.recent.iter().filter(|commit| commit.revision > after);
        let first: Vec<Commit> = backlog.iter().chain(missed).cloned().collect();
        let (sender, receiver) = mpsc::channel(first.len() + WATCH_BUFFER);
        for commit in first {
            // The channel was made with room for all of them.
            let _ = sender.try_send(Ok(commit));
        }
        self.watchers.retain(|watcher| !watcher.sender.is_closed());
        self.watchers.push(Watcher { after: after.max(self.revision), sender });
        Some(receiver)
    }
}
