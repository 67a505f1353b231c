//! The leader: its lease, what it sends, what it commits.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Effect, Peer, Role, Save, Site};
use crate::{BATCH_MAX, Change, Held, Leadership, Message, SiteId, Term};

impl Site {
    /// When the lease ends; zero before the first, `None` where none is needed.
    pub(super) fn lease_until(&self) -> Option<Duration> {
        let Role::Leader { peers, .. } = &self.role else { return Some(Duration::ZERO) };
        let others = self.settings.majority().saturating_sub(1);
        if self.settings.leadership == Leadership::ByHand || others == 0 {
            return None;
        }
        let mut confirmed: Vec<_> = peers.values().map(|peer| peer.confirmed).collect();
        confirmed.sort_unstable_by_key(|sent| Reverse(*sent));
        let sent = confirmed.get(others - 1).copied().flatten();
        Some(sent.map_or(Duration::ZERO, |sent| sent.saturating_add(self.settings.timing.lease)))
    }

    /// Leads in the stored term.
    pub(super) fn lead(&mut self, now: Duration) {
        let last = self.durable.log.last().revision;
        let others = self.settings.active.iter().filter(|site| **site != self.id);
        let peers: BTreeMap<_, _> =
            others.map(|site| (site.clone(), Peer { next: Some(last), ..Peer::default() })).collect();
        let head = self.durable.log.state_at(last);
        self.role = Role::Leader { peers, head, beat: now, released: last, release_at: None };
        self.effects.push(Effect::Lead(self.durable.term.clone()));
        if self.settings.leadership == Leadership::ByHand {
            self.committed = last;
        }
        if self.durable.log.last().term != self.durable.term {
            self.append(Change::Lead);
        }
        // Who leads is nothing to be kept back, nor is what was there before.
        let last = self.durable.log.last().revision;
        if let Role::Leader { released, .. } = &mut self.role {
            *released = last;
        }
        self.commit();
        self.push_all(now, true);
    }

    /// Sends each follower what it lacks; those that are still busy with the last batch only at a heartbeat, else when they
    /// have answered.
    pub(super) fn push_all(&mut self, now: Duration, heartbeat: bool) {
        let Role::Leader { peers, beat, .. } = &mut self.role else { return };
        if heartbeat {
            *beat = now.saturating_add(self.settings.timing.heartbeat);
        }
        let sites: Vec<_> =
            peers.iter().filter(|(_, peer)| heartbeat || !peer.waiting).map(|(id, _)| id.clone()).collect();
        for site in sites {
            self.push(now, &site, heartbeat);
        }
    }

    /// Sends one follower what it lacks: entries, or the news that more of what it has is committed. At a `heartbeat` also
    /// if that is nothing.
    fn push(&mut self, now: Duration, to: &SiteId, heartbeat: bool) {
        let (limit, suspended) = (self.limit(), self.settings.suspended.contains(to));
        let elected = self.settings.leadership == Leadership::Elected;
        let Role::Leader { peers, .. } = &mut self.role else { return };
        let Some(peer) = peers.get_mut(to) else { return };
        let log = &self.durable.log;
        let (base_mark, base) = log.base();
        let last = log.last().revision;
        // Where a majority decides, copies travel at once and are shown at the checkpoint; by hand they wait for it.
        let through = if elected { last } else { limit.clamp(base_mark.revision, last) };
        let term = self.durable.term.clone();
        let next = peer.next.filter(|next| *next >= base_mark.revision);
        let message = if next.is_none() && !suspended {
            peer.waiting = true;
            Message::Base { term, mark: base_mark.clone(), state: Arc::clone(base), sent: now }
        } else {
            let after = next.and_then(|next| log.mark(next)).unwrap_or_else(|| log.last());
            let max = if suspended { 0 } else { BATCH_MAX };
            let entries: Vec<_> = log.range(after.revision, through, max).cloned().collect();
            let told = self.committed.min(limit);
            if entries.is_empty() && !heartbeat && peer.told >= told {
                return;
            }
            peer.waiting = !entries.is_empty();
            peer.told = peer.told.max(told);
            Message::Append { term, after, entries, committed: self.committed, shown: limit, sent: now }
        };
        self.send(to.clone(), message);
    }

    /// A follower answered.
    pub(super) fn on_answer(&mut self, now: Duration, from: &SiteId, term: Term, sent: Duration, held: Held) {
        if term > self.durable.term {
            self.follow();
            self.save(Save::Term(term));
            return;
        }
        if term != self.durable.term || sent > now || held == Held::Refused {
            return;
        }
        let last = self.durable.log.last().revision;
        let Role::Leader { peers, .. } = &mut self.role else { return };
        let Some(peer) = peers.get_mut(from) else { return };
        peer.confirmed = peer.confirmed.max(Some(sent));
        peer.heard = Some(now);
        peer.waiting = false;
        match held {
            Held::Through(revision) => {
                peer.held = peer.held.max(revision.min(last));
                peer.next = Some(peer.held);
            }
            Held::Differs { marks, base } => {
                peer.next = self.durable.log.common(&marks).filter(|common| *common >= base);
            }
            Held::Refused => {}
        }
        let before = self.committed;
        self.commit();
        if self.committed > before {
            self.push_all(now, false);
        } else {
            self.push(now, from, false);
        }
    }

    /// Commits what a majority has of the own term, by hand all there is, and answers for it.
    pub(super) fn commit(&mut self) {
        let log = &self.durable.log;
        let Role::Leader { peers, .. } = &self.role else { return };
        let through = match self.settings.leadership {
            Leadership::ByHand => log.last().revision,
            Leadership::Elected => {
                let mut held: Vec<_> = peers.values().map(|peer| peer.held).chain([log.last().revision]).collect();
                held.sort_unstable_by_key(|revision| Reverse(*revision));
                held.get(self.settings.majority() - 1).copied().unwrap_or_default()
            }
        };
        // Only the own term's entries prove that no other log can win; those before come with them.
        let own = log.mark(through).is_some_and(|mark| mark.term == self.durable.term);
        if own && through > self.committed || self.settings.leadership == Leadership::ByHand {
            let news = through > self.committed;
            self.committed = self.committed.max(through);
            if news {
                self.effects.push(Effect::Acknowledge(through));
            }
        }
        self.apply(self.committed);
    }
}
