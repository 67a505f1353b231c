//! What is known of every other site, for the rest of the program and for the log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use site_replication::SiteId;
use tokio::sync::watch;

use crate::clock;
use crate::state::SiteState;

/// From here on another site's clock is worth a warning, in microseconds.
pub const CLOCK_OFF_US: i64 = 60_000_000;
/// While a link is down, another reason is logged no sooner than this after the last one.
const REASON_EVERY: Duration = Duration::from_secs(10);

/// Another site as this one sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerState {
    /// Whether links stand in both directions.
    pub connected: bool,
    /// When `connected` last changed.
    pub since: Instant,
    /// When anything last came from it; written without waking who waits for changes.
    pub last_heard: Option<Instant>,
    /// Version of its software, empty before the first link.
    pub software: String,
    /// What it last told of itself; stays when the link breaks.
    pub state: Option<Arc<SiteState>>,
    /// Its wall clock minus that of this site, in microseconds; worth a warning from [`CLOCK_OFF_US`] on.
    pub clock_ahead_us: Option<i64>,
    /// Why it is not connected, in words.
    pub failure: Option<String>,
    /// The link that this site dialled stands, and the other site has none to this one: it may not find it.
    pub does_not_dial: bool,
    /// Messages to and from it that were dropped because a queue was full.
    pub dropped: u64,
}

pub(crate) type States = Arc<BTreeMap<SiteId, PeerState>>;

/// The one place where states of sites are written.
pub(crate) struct Board {
    rows: Mutex<BTreeMap<SiteId, Row>>,
    states: watch::Sender<States>,
}

struct Row {
    /// What people call it; may be empty.
    name: String,
    state: PeerState,
    /// Why there is no link of this direction.
    outgoing: Option<String>,
    incoming: Option<String>,
    logged: Option<Instant>,
    logged_failure: Option<String>,
    clock_is_off: bool,
}

impl Board {
    pub(crate) fn new() -> Self {
        Self { rows: Mutex::default(), states: watch::Sender::default() }
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<States> {
        self.states.subscribe()
    }

    /// The sites there are, and what people call them.
    pub(crate) fn keep<'s>(&self, sites: impl Iterator<Item = (&'s SiteId, String)>) {
        let names: BTreeMap<&SiteId, String> = sites.collect();
        let mut rows = self.rows.lock();
        rows.retain(|site, _| names.contains_key(site));
        for (site, name) in names {
            rows.entry(site.clone()).or_insert_with(Row::new).name = name;
        }
        let states: BTreeMap<_, _> = rows.iter().map(|(site, row)| (site.clone(), row.state.clone())).collect();
        self.states.send_replace(Arc::new(states));
    }

    /// The link that this site dialled stands, or why not.
    pub(crate) fn outgoing(&self, site: &SiteId, link: Result<&str, String>) {
        self.change(site, true, |row| {
            if let Ok(software) = link {
                software.clone_into(&mut row.state.software);
                row.state.last_heard = Some(clock::now());
            }
            row.outgoing = link.err();
        });
    }

    /// The link that the other site dialled stands, or why not.
    pub(crate) fn incoming(&self, site: &SiteId, link: Result<&str, String>) {
        self.change(site, true, |row| {
            if let Ok(software) = link {
                software.clone_into(&mut row.state.software);
                row.state.last_heard = Some(clock::now());
            }
            row.incoming = link.err();
        });
    }

    /// Who claims to be this site was refused; of no account while it is linked.
    pub(crate) fn refused(&self, site: &SiteId, words: &str) {
        self.change(site, true, |row| {
            if row.incoming.is_some() {
                row.incoming = Some(words.to_owned());
            }
        });
    }

    pub(crate) fn heard(&self, site: &SiteId) {
        self.change(site, false, |row| row.state.last_heard = Some(clock::now()));
    }

    pub(crate) fn told(&self, site: &SiteId, state: Arc<SiteState>) {
        self.change(site, true, |row| row.state.state = Some(state));
    }

    pub(crate) fn dropped(&self, site: &SiteId) {
        self.change(site, false, |row| row.state.dropped = row.state.dropped.saturating_add(1));
    }

    /// The other site's wall clock shows `clock_us`.
    pub(crate) fn clock(&self, site: &SiteId, clock_us: i64) {
        let ahead = clock_us.saturating_sub(clock::wall_us());
        let off = ahead.saturating_abs() >= CLOCK_OFF_US;
        self.change(site, false, |row| {
            if off && !row.clock_is_off {
                tracing::warn!(name = row.name, %site, ahead_s = ahead / 1_000_000, "clock of another site is off");
            }
            row.clock_is_off = off;
            row.state.clock_ahead_us = Some(ahead);
        });
    }

    /// Why there is no link to a site.
    pub(crate) fn failure(&self, site: &SiteId) -> Option<String> {
        self.rows.lock().get(site).and_then(|row| row.outgoing.clone())
    }

    fn change(&self, site: &SiteId, wake: bool, change: impl FnOnce(&mut Row)) {
        let mut rows = self.rows.lock();
        let Some(row) = rows.get_mut(site) else { return };
        change(row);
        row.judge(site);
        let state = row.state.clone();
        // Under the lock of the rows, so that what is published last was written last.
        self.states.send_if_modified(|states| {
            let is_new = states.get(site) != Some(&state);
            if is_new {
                Arc::make_mut(states).insert(site.clone(), state);
            }
            wake && is_new
        });
    }
}

impl Row {
    fn new() -> Self {
        let state = PeerState {
            connected: false,
            since: clock::now(),
            last_heard: None,
            software: String::new(),
            state: None,
            clock_ahead_us: None,
            failure: None,
            does_not_dial: false,
            dropped: 0,
        };
        Self {
            name: String::new(),
            state,
            outgoing: Some("it was not dialled yet".to_owned()),
            incoming: Some("it has not dialled this site yet".to_owned()),
            logged: None,
            logged_failure: None,
            clock_is_off: false,
        }
        .judged()
    }

    fn judged(mut self) -> Self {
        self.state.failure = self.outgoing.clone();
        self
    }

    /// Draws the conclusions, and logs them: once when the link comes or goes, and now and then when it stays away for
    /// another reason.
    fn judge(&mut self, site: &SiteId) {
        self.state.failure = self.outgoing.clone().or_else(|| self.incoming.clone());
        self.state.does_not_dial = self.outgoing.is_none() && self.incoming.is_some();
        let (was, is) = (self.state.connected, self.state.failure.is_none());
        let now = clock::now();
        if was != is {
            self.state.connected = is;
            self.state.since = now;
        }
        let first = self.logged.is_none() && self.state.failure.as_deref() != Some("it was not dialled yet");
        let due = self.logged.is_some_and(|at| now.duration_since(at) >= REASON_EVERY);
        let name = self.name.as_str();
        match &self.state.failure {
            None if !was => {
                tracing::info!(name, %site, software = %self.state.software, "link to another site stands");
            }
            Some(reason) if was => tracing::info!(name, %site, %reason, "link to another site broke"),
            Some(reason) if (first || due) && self.logged_failure.as_ref() != Some(reason) => {
                tracing::info!(name, %site, %reason, "another site is not linked");
            }
            _ => return,
        }
        self.logged = Some(now);
        self.logged_failure = self.state.failure.clone();
    }
}
