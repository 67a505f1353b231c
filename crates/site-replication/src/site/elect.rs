//! Asking for votes, and giving them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Role, Save, Site};
use crate::{Held, Leadership, Mark, Message, SiteId, Term};

impl Site {
    /// Asks when no leader was heard for a promise and a draw.
    pub(super) fn wait_or_ask(&mut self, now: Duration, draw: u64) {
        if self.settings.leadership != Leadership::Elected
            || !self.settings.active.contains(&self.id)
            || now < self.bound_until
        {
            return;
        }
        let spread = u64::try_from(self.settings.timing.spread.as_micros()).unwrap_or(u64::MAX).max(1);
        let wait = Duration::from_micros(draw % spread);
        match self.ask_at {
            None => self.ask_at = Some(now.saturating_add(wait)),
            Some(at) if now >= at => {
                self.ask_at = Some(now.saturating_add(self.settings.timing.spread).saturating_add(wait));
                self.ask(true, None);
                self.count_votes(now);
            }
            Some(_) => {}
        }
    }

    /// Asks all others, for a `trial` without taking the term.
    pub(super) fn ask(&mut self, trial: bool, instead_of: Option<Term>) {
        let term = self.next_term();
        if !trial {
            self.save(Save::Term(term.clone()));
        }
        let last = self.durable.log.last();
        let others: Vec<_> = self.settings.active.iter().filter(|site| **site != self.id).cloned().collect();
        for site in others {
            let ask = Message::Ask { term: term.clone(), last: last.clone(), trial, instead_of: instead_of.clone() };
            self.send(site, ask);
        }
        self.role = Role::Asking { term, trial, granted: BTreeSet::from([self.id.clone()]), instead_of };
    }

    /// Another site asks. A leader answers by its heartbeats.
    pub(super) fn on_ask(&mut self, now: Duration, term: Term, last: &Mark, trial: bool, instead_of: Option<&Term>) {
        // The leader that it was bound to has stopped, for good.
        let released = instead_of.is_some() && instead_of == self.bound_to.as_ref();
        let bound = now < self.bound_until && !released;
        let own = self.durable.log.last();
        let behind = (&last.term, last.revision) < (&own.term, own.revision);
        let old = term < self.durable.term || (trial && term == self.durable.term);
        if self.settings.leadership != Leadership::Elected || self.is_writer(now) {
            return;
        }
        let to = term.leader.clone();
        if old {
            // The asker may be the only one whose log is not behind, so it has to learn which term it must exceed.
            let own = self.durable.term.clone();
            self.send(to, Message::Answer { term: own, sent: Duration::ZERO, held: Held::Refused });
            return;
        }
        if bound || behind {
            return;
        }
        if !trial {
            self.follow();
            if term > self.durable.term {
                self.save(Save::Term(term.clone()));
            }
        }
        self.send(to, Message::Grant { term, trial });
    }

    /// Another site agrees.
    pub(super) fn on_grant(&mut self, now: Duration, from: &SiteId, term: &Term, trial: bool) {
        if let Role::Asking { term: asked, trial: asked_trial, granted, .. } = &mut self.role
            && asked == term
            && *asked_trial == trial
        {
            granted.insert(from.clone());
            self.count_votes(now);
        }
    }

    /// The leader stopped and wants this site to lead.
    pub(super) fn on_hand_over(&mut self, from: &SiteId, term: &Term) {
        let elected = self.settings.leadership == Leadership::Elected;
        if elected && *term == self.durable.term && term.leader == *from && !self.is_leader() {
            self.ask(false, Some(term.clone()));
        }
    }

    /// The next stage, when a majority agrees; the own vote may be one.
    fn count_votes(&mut self, now: Duration) {
        let Role::Asking { trial, granted, instead_of, .. } = &self.role else { return };
        if granted.len() < self.settings.majority() {
            return;
        }
        if *trial {
            let instead_of = instead_of.clone();
            self.ask(false, instead_of);
            self.count_votes(now);
        } else {
            self.lead(now);
        }
    }
}
