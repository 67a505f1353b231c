//! What the reader of a watch is told, and what it is owed when it is too slow.

use tokio::sync::mpsc::{self, Permit, error::TrySendError};

use super::world::{Changes, World};
use crate::event::{Event, Problem};

/// What there is at present.
pub(super) struct Present<'a> {
    /// The objects; none before the directory was read for the first time.
    pub(super) world: Option<&'a World>,
    /// All that is wrong.
    pub(super) problems: Vec<Problem>,
}

/// What the reader has yet to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Owed {
    #[default]
    Nothing,
    Problems,
    Everything,
}

/// Tells the reader what changed; when it is too slow, everything once it is ready.
#[derive(Default)]
pub(super) struct Teller {
    owes: Owed,
    has_reset: bool,
    problems: Vec<Problem>,
}

impl Teller {
    pub(super) fn owes_something(&self) -> bool {
        self.owes != Owed::Nothing
    }

    /// Tells these changes, which led to what is present.
    pub(super) fn tell(&mut self, present: &Present<'_>, changes: Changes, events: &mpsc::Sender<Event>) {
        if present.world.is_some() && !self.has_reset {
            self.has_reset = true;
            self.owes = Owed::Everything;
        }
        let applied = changes.applied.into_iter().map(|object| Event::Apply(Box::new(object)));
        for event in applied.chain(changes.deleted.into_iter().map(Event::Delete)) {
            // A reset that is owed holds this change as well.
            if self.owes == Owed::Everything {
                break;
            }
            if let Err(TrySendError::Full(_)) = events.try_send(event) {
                self.owes = Owed::Everything;
            }
        }
        if present.problems != self.problems {
            self.owes = self.owes.max(Owed::Problems);
        }
        while self.owes != Owed::Nothing
            && let Ok(permit) = events.try_reserve()
        {
            self.pay(present, permit);
        }
    }

    /// Sends one event of what is owed.
    pub(super) fn pay(&mut self, present: &Present<'_>, permit: Permit<'_, Event>) {
        match self.owes {
            Owed::Nothing => {}
            Owed::Everything => {
                permit.send(Event::Reset(present.world.into_iter().flat_map(World::objects).cloned().collect()));
                self.owes = if present.problems == self.problems { Owed::Nothing } else { Owed::Problems };
            }
            Owed::Problems => {
                permit.send(Event::Problems(present.problems.clone()));
                self.problems.clone_from(&present.problems);
                self.owes = Owed::Nothing;
            }
        }
    }
}
