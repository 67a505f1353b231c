//! The follower: what it takes, what it puts aside.

use std::sync::Arc;
use std::time::Duration;

use super::{Effect, Save, Site};
use crate::{Change, Entry, Held, Leadership, Mark, Message, Revision, State, Stored, Term};

impl Site {
    /// The leader of `term` sent entries.
    pub(super) fn on_append(
        &mut self,
        now: Duration,
        term: Term,
        after: &Mark,
        entries: Vec<Arc<Entry>>,
        (committed, shown): (Revision, Revision),
        sent: Duration,
    ) {
        if !self.heed(now, &term, sent) {
            return;
        }
        if !self.durable.log.has(after) {
            self.differ(term, sent);
            return;
        }
        let mut held = after.revision;
        for entry in entries {
            if entry.revision != held.next() {
                break;
            }
            match self.durable.log.mark(entry.revision) {
                Some(own) if own.term == entry.term => {}
                Some(_) if !self.drop_after(held) => {
                    self.differ(term, sent);
                    return;
                }
                _ => self.save(Save::Push(Arc::clone(&entry))),
            }
            held = entry.revision;
        }
        self.committed = self.committed.max(committed.min(held));
        self.shown = self.shown.max(shown);
        self.apply(self.shown);
        self.answer(term, sent, Held::Through(held));
    }

    /// The leader of `term` sent everything.
    pub(super) fn on_base(&mut self, now: Duration, term: Term, mark: Mark, state: Arc<State>, sent: Duration) {
        if !self.heed(now, &term, sent) {
            return;
        }
        let by_hand = self.settings.leadership == Leadership::ByHand;
        if !self.durable.log.has(&mark) && (by_hand || mark.revision > self.durable.applied) {
            if by_hand {
                let (base, last) = (self.durable.log.base().0.revision, self.durable.log.last().revision);
                let own: Vec<_> = self.durable.log.range(base, last, usize::MAX).cloned().collect();
                self.put_aside(own, Some(&state));
                self.put_base_aside(&state);
            }
            self.save(Save::Base(mark.clone(), Arc::clone(&state)));
            self.save(Save::Applied(mark.revision));
            self.committed = mark.revision;
            self.shown = mark.revision;
            self.view = State::clone(&state);
            self.effects.push(Effect::Replace);
        }
        self.answer(term, sent, Held::Through(mark.revision));
    }

    /// Whether `term` is one to follow; from here on no other, for a promise.
    fn heed(&mut self, now: Duration, term: &Term, sent: Duration) -> bool {
        if *term < self.durable.term {
            let own = self.durable.term.clone();
            self.send(term.leader.clone(), Message::Answer { term: own, sent, held: Held::Refused });
            return false;
        }
        self.follow();
        if *term > self.durable.term {
            self.save(Save::Term(term.clone()));
        }
        self.bound_until = self.bound_until.max(now.saturating_add(self.settings.timing.promise()));
        self.bound_to = Some(term.clone());
        true
    }

    /// Drops the log's end, which the leader has not. Nobody else ever saw it where a majority decides; by hand it
    /// was acknowledged and shown, so it is put aside. Whether that was allowed.
    fn drop_after(&mut self, revision: Revision) -> bool {
        if self.settings.leadership == Leadership::Elected {
            if revision < self.durable.applied {
                return false; // what is committed is never dropped; no honest leader asks
            }
        } else {
            let last = self.durable.log.last().revision;
            let own: Vec<_> = self.durable.log.range(revision, last, usize::MAX).cloned().collect();
            self.put_aside(own, None);
        }
        self.save(Save::Truncate(revision));
        if self.durable.applied > revision {
            self.save(Save::Applied(revision));
            self.view = self.durable.log.state_at(revision);
            self.effects.push(Effect::Replace);
        }
        self.committed = self.committed.min(revision);
        self.shown = self.shown.min(revision);
        true
    }

    /// Keeps what is not in `state`.
    fn put_aside(&mut self, entries: Vec<Arc<Entry>>, state: Option<&State>) {
        for entry in entries {
            let known = match &entry.change {
                Change::Lead => true,
                Change::Put(object) => state
                    .and_then(|state| state.get(&object.uuid))
                    .is_some_and(|stored| stored.object.last_modified_us == object.last_modified_us),
                Change::Delete { uuid } => state.is_some_and(|state| state.get(uuid).is_none()),
            };
            if !known {
                self.save(Save::Aside(entry));
            }
        }
    }

    /// Keeps the objects of the own base that are newer than in `state`, or not there, where the base is of the own
    /// leading; who came after another leader got all from that one.
    fn put_base_aside(&mut self, state: &State) {
        let (mark, base) = self.durable.log.base();
        if mark.term.leader != self.id {
            return;
        }
        let (mark, base) = (mark.clone(), Arc::clone(base));
        for Stored { object, revision } in base.objects() {
            let theirs = state.get(&object.uuid).map(|stored| stored.object.last_modified_us);
            if theirs.is_none_or(|theirs| theirs < object.last_modified_us) {
                let change = Change::Put(Arc::clone(object));
                let entry = Entry { revision: *revision, term: mark.term.clone(), change };
                self.save(Save::Aside(Arc::new(entry)));
            }
        }
    }

    fn differ(&mut self, term: Term, sent: Duration) {
        let (marks, base) = (self.durable.log.marks(), self.durable.log.base().0.revision);
        self.answer(term, sent, Held::Differs { marks, base });
    }

    fn answer(&mut self, term: Term, sent: Duration, held: Held) {
        self.send(term.leader.clone(), Message::Answer { term, sent, held });
    }
}
