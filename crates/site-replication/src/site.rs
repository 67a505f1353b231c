//! One active site: what it keeps, what it does next.
//!
//! ```text
//!            no leader heard                majority grants a trial        majority grants
//!  Follower ----------------> Asking(trial) ----------------------> Asking ---------------> Leader
//!     ^                            |                                   |                       |
//!     +----------------------------+-----------------------------------+-----------------------+
//!                          a leader is heard, a higher term, no lease, handed over
//! ```

mod elect;
mod follow;
mod lead;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::{
    Change, Entry, Leadership, Log, Mark, Message, Refusal, Replication, Revision, Settings, SiteId, State, Term, Write,
};

/// What a site keeps on its disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durable {
    /// Highest term it knows.
    pub term: Term,
    /// Its log.
    pub log: Log,
    /// Shown up to here.
    pub applied: Revision,
    /// What it acknowledged while it led by hand, cut apart from its successor, that the successor did not have.
    pub aside: Vec<Arc<Entry>>,
}

impl Durable {
    /// An empty site of a Gslb object whose `leader_cluster_uuid` is `leader`.
    #[must_use]
    pub fn new(leader: SiteId) -> Self {
        let term = Term { view: 0, leader };
        let mark = Mark { revision: Revision(0), term: term.clone() };
        Self { term, log: Log::new(Arc::default(), mark), applied: Revision(0), aside: Vec::new() }
    }

    /// Does what `save` says.
    pub fn save(&mut self, save: &Save) {
        match save {
            Save::Term(term) => self.term = term.clone(),
            Save::Push(entry) => self.log.push(Arc::clone(entry)),
            Save::Truncate(after) => {
                self.log.truncate(*after);
            }
            Save::Base(mark, state) => self.log = Log::new(Arc::clone(state), mark.clone()),
            Save::Cut(revision) => self.log.cut(*revision),
            Save::Applied(revision) => self.applied = *revision,
            Save::Known(change) => self.aside.retain(|entry| entry.change != *change),
            Save::Aside(entry) => self.aside.push(Arc::clone(entry)),
        }
    }
}

/// One change of [`Durable`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Save {
    /// The term.
    Term(Term),
    /// An entry at the end of the log.
    Push(Arc<Entry>),
    /// Entries after this are gone.
    Truncate(Revision),
    /// A log of this base alone.
    Base(Mark, Arc<State>),
    /// Entries up to this are part of the base.
    Cut(Revision),
    /// Shown up to this.
    Applied(Revision),
    /// Put aside.
    Aside(Arc<Entry>),
    /// No longer aside: the leader has it too.
    Known(Change),
}

/// What the edge is to do, in this order; all [`Effect::Save`], [`Effect::Apply`] and [`Effect::Replace`] in one
/// transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Store.
    Save(Save),
    /// Show this change.
    Apply(Arc<Entry>),
    /// Show [`Site::view`] instead of all that was.
    Replace,
    /// Send; may be lost.
    Send(SiteId, Message),
    /// Answer the writers of revisions up to this: it is done.
    Acknowledge(Revision),
    /// Answer the writers after this revision: it may or may not have happened.
    Abandon(Revision),
    /// This site leads from now on; it writes when [`Site::is_writer`] says so.
    Lead(Term),
    /// This site follows from now on, and does not write.
    Follow,
}

/// What a leader knows of a follower.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peer {
    /// Has everything up to here.
    pub held: Revision,
    /// When it last answered, by this site's clock; `None` since this site leads.
    pub heard: Option<Duration>,
    /// When the newest message that it answered was sent.
    confirmed: Option<Duration>,
    /// What to send comes after this; `None`: nothing is common, so everything.
    next: Option<Revision>,
    /// A message said that so much is committed and to be shown; where that was lost, the next heartbeat says it again.
    told: Revision,
    /// A batch is under way.
    waiting: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Role {
    Follower,
    Asking {
        term: Term,
        trial: bool,
        granted: BTreeSet<SiteId>,
        instead_of: Option<Term>,
    },
    Leader {
        peers: BTreeMap<SiteId, Peer>,
        head: State,
        beat: Duration,
        released: Revision,
        release_at: Option<Duration>,
    },
}

/// One active site. `now` is its monotonic clock, from any moment on; see the crate's duties of the edge.
#[derive(Debug, Clone)]
pub struct Site {
    id: SiteId,
    settings: Settings,
    durable: Durable,
    role: Role,
    committed: Revision,
    shown: Revision,
    view: State,
    bound_until: Duration,
    bound_to: Option<Term>,
    ask_at: Option<Duration>,
    effects: Vec<Effect>,
}

impl Site {
    /// Starts from what is stored. By hand, the leader of the stored term leads on.
    #[must_use]
    pub fn new(id: SiteId, settings: Settings, durable: Durable, now: Duration) -> (Self, Vec<Effect>) {
        let view = durable.log.state_at(durable.applied);
        let mut site = Self {
            id,
            bound_until: now.saturating_add(settings.timing.promise()), // a promise of before is forgotten
            settings,
            role: Role::Follower,
            committed: durable.applied,
            shown: durable.applied,
            durable,
            view,
            bound_to: None,
            ask_at: None,
            effects: Vec::new(),
        };
        if site.settings.leadership == Leadership::ByHand && site.durable.term.leader == site.id {
            site.lead(now);
        }
        let effects = site.take();
        (site, effects)
    }

    /// Own cluster uuid.
    #[must_use]
    pub fn id(&self) -> &SiteId {
        &self.id
    }

    /// What is stored.
    #[must_use]
    pub fn durable(&self) -> &Durable {
        &self.durable
    }

    /// What this site shows and answers from.
    #[must_use]
    pub fn view(&self) -> &State {
        &self.view
    }

    /// Whether this site leads, with or without a lease.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader { .. })
    }

    /// Who leads as far as this site knows, with the term.
    #[must_use]
    pub fn term(&self) -> &Term {
        &self.durable.term
    }

    /// Followers, at the leader.
    pub fn peers(&self) -> impl Iterator<Item = (&SiteId, &Peer)> {
        let peers = match &self.role {
            Role::Leader { peers, .. } => Some(peers),
            _ => None,
        };
        peers.into_iter().flatten()
    }

    /// Whether a write may be taken at `now`. To be asked again at the moment of each write.
    #[must_use]
    pub fn is_writer(&self, now: Duration) -> bool {
        self.is_leader() && self.lease_until().is_none_or(|until| now < until)
    }

    /// Whether somebody leads at `now`, as far as this site knows: itself with a lease, or whoever's heartbeat still binds it.
    /// By hand somebody always does, there or not, until a person says otherwise.
    #[must_use]
    pub fn is_led(&self, now: Duration) -> bool {
        let is_bound = now < self.bound_until && self.bound_to.as_ref() == Some(&self.durable.term);
        self.settings.leadership == Leadership::ByHand || self.is_writer(now) || (!self.is_leader() && is_bound)
    }

    /// Takes new settings; active sites and leadership stay as they are.
    pub fn configure(&mut self, settings: Settings) {
        let active = std::mem::take(&mut self.settings.active);
        self.settings = Settings { active, leadership: self.settings.leadership, ..settings };
        let (last, holds_back) = (self.durable.log.last().revision, self.settings.holds_back());
        let batches = self.settings.replication == Replication::Continuous;
        if let Role::Leader { released, release_at, .. } = &mut self.role {
            // At the next tick, or heartbeat.
            *release_at = (holds_back && batches && *released < last).then_some(Duration::ZERO);
            if !holds_back {
                *released = last;
            }
        }
    }

    /// At the leader: followers are shown no more than this by mode, where that is not a checkpoint's.
    #[must_use]
    pub fn released(&self) -> Revision {
        match &self.role {
            Role::Leader { released, .. } => *released,
            _ => self.durable.log.last().revision,
        }
    }

    /// At the leader: what was kept back up to `revision` may go to the followers. Adaptive mode asks for it, and so does
    /// whatever they have to hear at once.
    pub fn release(&mut self, now: Duration, revision: Revision) -> Vec<Effect> {
        let last = self.durable.log.last().revision;
        if let Role::Leader { released, release_at, .. } = &mut self.role {
            *released = (*released).max(revision.min(last));
            if *released == last {
                *release_at = None;
            }
            self.push_all(now, false);
        }
        self.take()
    }

    /// Moves the log's base so that `keep` entries stay at most, of those that every follower may be shown.
    ///
    /// A follower that was away for longer than they reach gets everything.
    pub fn cut(&mut self, keep: u64) -> Vec<Effect> {
        let last = self.durable.log.last().revision;
        let wanted = Revision(last.0.saturating_sub(keep)).min(self.durable.applied).min(self.limit());
        if wanted > self.durable.log.base().0.revision {
            self.save(Save::Cut(wanted));
        }
        self.take()
    }

    /// Takes a write at wall clock `wall_us` (microseconds since 1970), to be answered at [`Effect::Acknowledge`] of
    /// its revision, or [`Effect::Abandon`].
    ///
    /// # Errors
    /// [`Refusal`]; nothing happened.
    pub fn write(&mut self, now: Duration, wall_us: u64, write: Write) -> Result<(Revision, Vec<Effect>), Refusal> {
        let Role::Leader { head, .. } = &self.role else {
            let refusal = Refusal::NotLeader { leader: self.leader().cloned() };
            return Err(if self.is_led(now) { refusal } else { Refusal::NoLeader });
        };
        if self.settings.maintenance {
            return Err(Refusal::Maintenance);
        }
        if !self.is_writer(now) {
            return Err(Refusal::NoLease);
        }
        if self.durable.log.last().revision.0.saturating_sub(self.committed.0) >= self.settings.pending_max {
            return Err(Refusal::Busy);
        }
        let change = head.check(write, wall_us)?;
        let revision = self.append(change);
        let batch = (self.settings.replication == Replication::Continuous).then_some(self.settings.batch);
        if let (Role::Leader { release_at, .. }, Some(batch)) = (&mut self.role, batch.filter(|batch| !batch.is_zero()))
        {
            release_at.get_or_insert(now.saturating_add(batch));
        }
        self.push_all(now, false);
        Ok((revision, self.take()))
    }

    /// Time passed. To be called at least every half heartbeat; `draw` is random.
    pub fn tick(&mut self, now: Duration, draw: u64) -> Vec<Effect> {
        if let Role::Leader { released, release_at, .. } = &mut self.role
            && release_at.is_some_and(|at| now >= at)
        {
            (*released, *release_at) = (self.durable.log.last().revision, None);
            self.push_all(now, false);
        }
        match &self.role {
            Role::Leader { .. }
                if !self.is_writer(now) && self.lease_until().is_some_and(|until| until != Duration::ZERO) =>
            {
                self.follow();
            }
            Role::Leader { beat, .. } if now >= *beat => self.push_all(now, true),
            Role::Leader { .. } => {}
            Role::Follower | Role::Asking { .. } => self.wait_or_ask(now, draw),
        }
        self.take()
    }

    /// A message came from `from`, whom the edge authenticated. What makes no sense is ignored.
    pub fn receive(&mut self, now: Duration, from: &SiteId, message: Message) -> Vec<Effect> {
        if *from != self.id && self.settings.active.contains(from) && self.settings.active.contains(&self.id) {
            match message {
                Message::Append { term, after, entries, committed, shown, sent } if term.leader == *from => {
                    self.on_append(now, term, &after, entries, (committed, shown), sent);
                }
                Message::Base { term, mark, state, sent } if term.leader == *from => {
                    self.on_base(now, term, mark, state, sent);
                }
                Message::Append { .. } | Message::Base { .. } => {}
                Message::Answer { term, sent, held } => self.on_answer(now, from, term, sent, held),
                Message::Ask { term, last, trial, instead_of } if term.leader == *from => {
                    self.on_ask(now, term, &last, trial, instead_of.as_ref());
                }
                Message::Ask { .. } => {}
                Message::Grant { term, trial } => self.on_grant(now, from, &term, trial),
                Message::HandOver { term } => self.on_hand_over(from, &term),
            }
        }
        self.take()
    }

    /// A person asks this site to lead. By hand it does at once, with a higher `view_id`; where leaders are elected it
    /// asks the others, without effect while a leader holds its lease.
    ///
    /// # Errors
    /// [`Refusal::NotActive`], [`Refusal::Maintenance`].
    pub fn promote(&mut self, now: Duration) -> Result<Vec<Effect>, Refusal> {
        if !self.settings.active.contains(&self.id) {
            return Err(Refusal::NotActive { site: self.id.clone() });
        }
        if self.settings.maintenance {
            return Err(Refusal::Maintenance);
        }
        if !self.is_leader() {
            match self.settings.leadership {
                Leadership::ByHand => {
                    let term = self.next_term();
                    self.save(Save::Term(term));
                    self.lead(now);
                }
                Leadership::Elected if now >= self.bound_until => self.ask(true, None),
                Leadership::Elected => {}
            }
        }
        Ok(self.take())
    }

    /// The leader stops, and sends `to` to be elected.
    ///
    /// # Errors
    /// [`Refusal::NotLeader`], [`Refusal::NotActive`], [`Refusal::ByHand`].
    pub fn hand_over(&mut self, to: &SiteId) -> Result<Vec<Effect>, Refusal> {
        if !self.is_leader() {
            return Err(Refusal::NotLeader { leader: self.leader().cloned() });
        }
        if self.settings.leadership == Leadership::ByHand {
            return Err(Refusal::ByHand);
        }
        if *to == self.id || !self.settings.active.contains(to) {
            return Err(Refusal::NotActive { site: to.clone() });
        }
        self.follow();
        self.send(to.clone(), Message::HandOver { term: self.durable.term.clone() });
        Ok(self.take())
    }

    fn leader(&self) -> Option<&SiteId> {
        (self.is_leader() || self.durable.term.leader != self.id).then_some(&self.durable.term.leader)
    }

    fn next_term(&self) -> Term {
        Term { view: self.durable.term.view.saturating_add(1), leader: self.id.clone() }
    }

    /// Followers are shown no more than this.
    fn limit(&self) -> Revision {
        match self.settings.replication {
            Replication::Continuous | Replication::Adaptive => self.released(),
            Replication::Manual { checkpoint } => checkpoint,
        }
    }

    fn save(&mut self, save: Save) {
        self.durable.save(&save);
        self.effects.push(Effect::Save(save));
    }

    fn send(&mut self, to: SiteId, message: Message) {
        self.effects.push(Effect::Send(to, message));
    }

    /// Shows what is committed, up to `through`.
    fn apply(&mut self, through: Revision) {
        let through = through.min(self.committed);
        if through <= self.durable.applied {
            return;
        }
        let entries: Vec<_> = self.durable.log.range(self.durable.applied, through, usize::MAX).cloned().collect();
        for entry in entries {
            self.view.apply(&entry);
            if self.durable.aside.iter().any(|aside| aside.change == entry.change) {
                self.save(Save::Known(entry.change.clone()));
            }
            self.effects.push(Effect::Apply(entry));
        }
        self.save(Save::Applied(through));
    }

    /// Follows, whatever it did before.
    fn follow(&mut self) {
        if let Role::Leader { .. } = self.role {
            self.effects.push(Effect::Follow);
            if self.durable.log.last().revision > self.committed {
                self.effects.push(Effect::Abandon(self.committed));
            }
        }
        self.role = Role::Follower;
        self.ask_at = None;
    }

    fn take(&mut self) -> Vec<Effect> {
        let mut effects = std::mem::take(&mut self.effects);
        effects.sort_by_key(|effect| match effect {
            Effect::Save(_) => 0,
            Effect::Apply(_) | Effect::Replace => 1,
            _ => 2,
        });
        effects
    }

    /// Appends a change of the own term, at the leader.
    fn append(&mut self, change: Change) -> Revision {
        let revision = self.durable.log.last().revision.next();
        let entry = Arc::new(Entry { revision, term: self.durable.term.clone(), change });
        let holds_back = self.settings.holds_back();
        if let Role::Leader { head, released, .. } = &mut self.role {
            head.apply(&entry);
            if !holds_back {
                *released = revision;
            }
        }
        self.save(Save::Push(entry));
        self.commit();
        revision
    }
}
