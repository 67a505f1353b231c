//! One cluster's lease, as a candidate knows it.

use std::time::Duration;

/// How long things take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long a lease counts for others, once they have read it.
    pub lease: Duration,
    /// How much earlier its holder stops.
    pub margin: Duration,
    /// Pause between two renewals, between two readings, and before another attempt.
    pub renew: Duration,
}

impl Timing {
    /// A leader that dies is replaced after about ten seconds; one that loses a renewal or two goes on.
    pub const DEFAULT: Self =
        Self { lease: Duration::from_secs(8), margin: Duration::from_secs(2), renew: Duration::from_secs(1) };
}

/// What a lease says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Who holds it, a name that no other process has or had; empty when it was given back.
    pub holder: String,
    /// The largest term it was ever held in.
    pub term: u64,
    /// How long it counts.
    pub lease: Duration,
}

/// A lease as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Differs whenever somebody wrote.
    pub version: String,
    /// What it says.
    pub record: Record,
}

/// A call that is to be made; one at a time for each cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Place of the cluster in the list.
    pub cluster: usize,
    /// The call.
    pub call: Call,
}

/// What is asked of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// The lease as it is.
    Read,
    /// A lease where there is none.
    Create(Record),
    /// Another record, provided that the version is still this one.
    Replace {
        /// The version that was seen.
        version: String,
        /// The record.
        record: Record,
    },
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The lease as it is; `None` where there is none.
    Read(Option<Seen>),
    /// It was written, and has this version now.
    Written(String),
    /// Somebody else wrote first.
    Conflict,
    /// No answer, or none of use: it may have been carried out or not, or be carried out later.
    Lost,
}

/// What is known of one lease.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lease {
    pub(crate) known: Known,
    /// When the last reading or writing succeeded.
    pub(crate) answered_at: Option<Duration>,
    /// When it is to be asked next.
    pub(crate) due: Duration,
    /// The call under way, and when it was sent.
    pub(crate) under_way: Option<(Call, Duration)>,
    pub(crate) held: Option<Held>,
}

/// The record as it is.
#[derive(Debug, Clone, Default)]
pub(crate) enum Known {
    /// It has to be read first.
    #[default]
    Unknown,
    Absent,
    Present {
        seen: Seen,
        /// When it was first read like this.
        since: Duration,
    },
}

/// A lease of our own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) term: u64,
    /// From when on it is counted.
    pub(crate) sent_at: Duration,
}

impl Lease {
    /// Takes over a reading. A record that is the same as before keeps its age.
    pub(crate) fn read(&mut self, me: &str, seen: Option<Seen>, now: Duration) {
        if seen.as_ref().is_none_or(|seen| seen.record.holder != me) {
            self.held = None;
        }
        self.known = match (seen, &self.known) {
            (None, _) => Known::Absent,
            (Some(seen), Known::Present { seen: before, since }) if before.version == seen.version => {
                Known::Present { seen, since: *since }
            }
            (Some(seen), _) => Known::Present { seen, since: now },
        };
        self.answered_at = Some(now);
    }

    /// Whether `me` may write to it now.
    pub(crate) fn is_open(&self, me: &str, own: Duration, now: Duration) -> bool {
        match &self.known {
            Known::Unknown => false,
            Known::Absent => true,
            Known::Present { seen, since } => {
                let Record { holder, lease, .. } = &seen.record;
                holder.is_empty() || holder == me || now >= *since + (*lease).max(own)
            }
        }
    }

    /// Term of the record.
    pub(crate) fn term(&self) -> u64 {
        match &self.known {
            Known::Present { seen, .. } => seen.record.term,
            Known::Unknown | Known::Absent => 0,
        }
    }

    /// Who holds it at present.
    pub(crate) fn holder(&self, own: Duration, now: Duration) -> Option<(&str, u64)> {
        match &self.known {
            Known::Present { seen, since } if !seen.record.holder.is_empty() => {
                let Record { holder, term, lease } = &seen.record;
                (now < *since + (*lease).max(own)).then_some((holder, *term))
            }
            _ => None,
        }
    }

    /// The call that writes a record.
    pub(crate) fn write(&self, record: Record) -> Call {
        match &self.known {
            Known::Present { seen, .. } => Call::Replace { version: seen.version.clone(), record },
            Known::Unknown | Known::Absent => Call::Create(record),
        }
    }
}
