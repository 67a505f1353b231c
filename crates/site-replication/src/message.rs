//! What sites tell each other. Plain types; their wire is not here.

use std::sync::Arc;
use std::time::Duration;

use crate::{Entry, Mark, Revision, State, Term};

/// Entries in one message.
pub const BATCH_MAX: usize = 512;

/// One message between active sites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Leader to follower: entries after `after`, or a heartbeat without any.
    Append {
        /// The leader's.
        term: Term,
        /// What both logs must have.
        after: Mark,
        /// In order, at most [`BATCH_MAX`].
        entries: Vec<Arc<Entry>>,
        /// Committed up to here.
        committed: Revision,
        /// To be shown up to here.
        shown: Revision,
        /// The leader's clock when it sent this; comes back in the answer.
        sent: Duration,
    },
    /// Leader to follower whose revision is before the leader's history: all objects.
    Base {
        /// The leader's.
        term: Term,
        /// Where `state` stands.
        mark: Mark,
        /// All objects there.
        state: Arc<State>,
        /// As in [`Message::Append`].
        sent: Duration,
    },
    /// Follower's answer to either.
    Answer {
        /// The follower's; a higher one deposes the leader.
        term: Term,
        /// From the message answered.
        sent: Duration,
        /// What it has.
        held: Held,
    },
    /// May I lead?
    Ask {
        /// The asker's, or, for a trial, the one it would take.
        term: Term,
        /// The end of its log.
        last: Mark,
        /// Would you, if I asked? Binds nobody.
        trial: bool,
        /// The leader of this term stopped and sent me.
        instead_of: Option<Term>,
    },
    /// Yes.
    Grant {
        /// From the question.
        term: Term,
        /// From the question.
        trial: bool,
    },
    /// I, leader of `term`, have stopped: take over.
    HandOver {
        /// The leader's.
        term: Term,
    },
}

/// What a follower has of the leader's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// Everything up to here, stored.
    Through(Revision),
    /// `after` is not in its log.
    Differs {
        /// Last revision of each of its terms, newest first, at the end its base.
        marks: Vec<Mark>,
        /// Its history was cut here.
        base: Revision,
    },
    /// The message was of an older term.
    Refused,
}
