//! Who would lead.

use std::time::Duration;

use crate::lease::{Answer, Ask, Call, Held, Known, Lease, Record, Seen, Timing};

/// Somebody who leads, or would.
#[derive(Debug, Clone)]
pub struct Candidate {
    me: String,
    timing: Timing,
    leases: Vec<Lease>,
    phase: Phase,
    /// No attempt before this.
    not_before: Option<Duration>,
    is_preferred: bool,
}

/// A time to lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mandate {
    /// Larger than that of any leader before.
    pub term: u64,
    /// No write begins at or after this moment of the own steady clock. It moves on with each renewal.
    pub until: Duration,
}

/// Who leads, as far as can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leader {
    /// Its name.
    pub holder: String,
    /// Its term.
    pub term: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Waiting,
    Trying { term: u64, patience: Duration },
    Leading { term: u64 },
}

impl Candidate {
    /// A candidate for the leases of this many clusters. `me` is a name that no other process has, nor this one after its
    /// next start. Of several that begin at the same time a preferred one goes first.
    #[must_use]
    pub fn new(me: impl Into<String>, clusters: usize, timing: Timing, is_preferred: bool) -> Self {
        let leases = vec![Lease::default(); clusters];
        Self { me: me.into(), timing, leases, phase: Phase::Waiting, not_before: None, is_preferred }
    }

    /// The calls to make at `now`. `stands`: whether it would lead at all; who leads already goes on. `draw` is random.
    pub fn step(&mut self, now: Duration, stands: bool, draw: u64) -> Vec<Ask> {
        let pause =
            || Duration::from_nanos(draw % u64::try_from(self.timing.renew.as_nanos()).unwrap_or(u64::MAX).max(1));
        // The others may be about to go on with what they had.
        let first = if self.is_preferred { now } else { now + self.timing.renew + pause() };
        let not_before = *self.not_before.get_or_insert(first);
        match self.phase {
            Phase::Leading { .. } if self.mandate(now).is_none() => self.phase = Phase::Waiting,
            Phase::Trying { patience, .. } if now >= patience => {
                self.phase = Phase::Waiting;
                self.not_before = Some(now + pause());
            }
            Phase::Waiting if stands && now >= not_before && self.open(now) >= self.quorum() => {
                let term = 1 + self.leases.iter().map(Lease::term).max().unwrap_or(0);
                self.phase = Phase::Trying { term, patience: now + self.timing.renew };
            }
            _ => {}
        }
        (0..self.leases.len()).filter_map(|cluster| self.ask(cluster, now)).collect()
    }

    /// What became of the call to a cluster, at `now`.
    pub fn answered(&mut self, cluster: usize, answer: Answer, now: Duration) {
        let (me, renew) = (self.me.clone(), self.timing.renew);
        let Some(lease) = self.leases.get_mut(cluster) else { return };
        let Some((call, sent_at)) = lease.under_way.take() else { return };
        lease.due = now + renew;
        match (answer, call) {
            (Answer::Read(seen), _) => {
                lease.read(&me, seen, now);
                // A renewal that had to read first goes on without another pause.
                let renews = lease.held.is_some() && self.phase != Phase::Waiting;
                lease.due = if renews { now } else { lease.due };
            }
            (Answer::Written(version), Call::Create(record) | Call::Replace { record, .. }) => {
                lease.held = (record.holder == me).then_some(Held { term: record.term, sent_at });
                lease.known = Known::Present { seen: Seen { version, record }, since: now };
                lease.answered_at = Some(now);
                lease.due = sent_at + renew;
            }
            (Answer::Conflict, _) => {
                lease.known = Known::Unknown;
                lease.due = now;
            }
            (Answer::Written(_) | Answer::Lost, Call::Read) => {}
            // It may have been written: what we hold counts from the write that is known to have been carried out.
            (Answer::Lost, Call::Create(_) | Call::Replace { .. }) => {
                lease.known = Known::Unknown;
                lease.due = now + renew / 4;
            }
        }
        if let Phase::Trying { term, .. } = self.phase
            && self.until(term).is_some_and(|until| until > now)
        {
            self.phase = Phase::Leading { term };
        }
    }

    /// Whether it leads at `now`, and until when.
    #[must_use]
    pub fn mandate(&self, now: Duration) -> Option<Mandate> {
        let Phase::Leading { term } = self.phase else { return None };
        self.until(term).filter(|until| *until > now).map(|until| Mandate { term, until })
    }

    /// Who holds a majority of the leases.
    #[must_use]
    pub fn leader(&self, now: Duration) -> Option<Leader> {
        let live = || self.leases.iter().filter_map(|lease| lease.holder(self.timing.lease, now));
        let found = live().find(|one| live().filter(|other| other == one).count() >= self.quorum());
        found.map(|(holder, term)| Leader { holder: holder.to_owned(), term })
    }

    /// Who would lead next: stops leading, and gives back what it holds. To be called when no write is under way any more.
    pub fn resign(&mut self, now: Duration) -> Vec<Ask> {
        self.phase = Phase::Waiting;
        self.not_before = Some(Duration::MAX);
        (0..self.leases.len()).filter_map(|cluster| self.give_back(cluster, now)).collect()
    }

    /// When to step again at the latest.
    #[must_use]
    pub fn wake(&self, now: Duration) -> Duration {
        let due = self.leases.iter().filter(|lease| lease.under_way.is_none()).map(|lease| lease.due);
        let until = self.mandate(now).map(|mandate| mandate.until);
        let until = until.into_iter().chain(self.not_before.filter(|at| *at > now));
        due.chain(until).chain([now + self.timing.renew]).min().unwrap_or(now).max(now)
    }

    /// Leases that make a majority.
    fn quorum(&self) -> usize {
        self.leases.len() / 2 + 1
    }

    /// Leases that could be taken, as was read lately.
    fn open(&self, now: Duration) -> usize {
        let fresh = |lease: &&Lease| lease.answered_at.is_some_and(|at| now < at + self.timing.renew * 2);
        self.leases.iter().filter(fresh).filter(|lease| lease.is_open(&self.me, self.timing.lease, now)).count()
    }

    /// Until when a majority is held in a term.
    fn until(&self, term: u64) -> Option<Duration> {
        let counts = self.timing.lease.saturating_sub(self.timing.margin);
        let held = self.leases.iter().filter_map(|lease| lease.held).filter(|held| held.term == term);
        let mut ends: Vec<Duration> = held.map(|held| held.sent_at + counts).collect();
        ends.sort_unstable_by(|a, b| b.cmp(a));
        ends.get(self.quorum() - 1).copied()
    }

    fn ask(&mut self, cluster: usize, now: Duration) -> Option<Ask> {
        let term = match self.phase {
            Phase::Trying { term, .. } | Phase::Leading { term } => Some(term),
            Phase::Waiting => None,
        };
        let lease = &self.leases[cluster];
        if lease.under_way.is_some() {
            return None;
        }
        // What was held for an attempt that failed is of use to others.
        if term.is_none() && lease.held.is_some() && self.not_before.is_some_and(|at| at > now) {
            return self.give_back(cluster, now);
        }
        let is_held = term.is_some_and(|term| lease.held.is_some_and(|held| held.term == term));
        let takes = |term: u64| !is_held && lease.is_open(&self.me, self.timing.lease, now) && lease.term() < term;
        let call = match term {
            Some(term) if takes(term) || (is_held && now >= lease.due) => match lease.known {
                Known::Unknown => Call::Read,
                _ => lease.write(self.record(term)),
            },
            _ if now >= lease.due => Call::Read,
            _ => return None,
        };
        self.send(cluster, call, now)
    }

    fn give_back(&mut self, cluster: usize, now: Duration) -> Option<Ask> {
        let lease = &mut self.leases[cluster];
        lease.held.take()?;
        let is_known = matches!(lease.known, Known::Present { .. }) && lease.under_way.is_none();
        let record = Record { holder: String::new(), term: lease.term(), lease: self.timing.lease };
        let call = lease.write(record);
        is_known.then(|| self.send(cluster, call, now)).flatten()
    }

    fn send(&mut self, cluster: usize, call: Call, now: Duration) -> Option<Ask> {
        let lease = self.leases.get_mut(cluster)?;
        lease.under_way = Some((call.clone(), now));
        Some(Ask { cluster, call })
    }

    fn record(&self, term: u64) -> Record {
        Record { holder: self.me.clone(), term, lease: self.timing.lease }
    }
}
