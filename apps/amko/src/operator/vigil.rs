//! Notices soon that the controller in use fell silent while another site leads.
//!
//! A call to a host that is gone ends after seconds, one to a host that hangs after two minutes, and who has nothing to
//! write calls nobody. So while more than one site is known, the one in use is asked every [`BEAT`] who leads; and when
//! calls are under way and no answer came for [`OVERDUE`], all other sites are asked that at once. Where most of the
//! sites say that another one leads, the calls are given up and everything is read there. A slow controller that still
//! leads is no reason to leave it: the others say so.

use std::collections::BTreeMap;
use std::time::Duration;

use avi_client::{AviClient, AviError, Config};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::results::is_about_the_link;
use super::{Done, Operator};
use crate::reading::chain;

/// Longest time without any answer to the calls under way, before the others are asked.
const OVERDUE: Duration = Duration::from_secs(1);
/// Pause between two rounds of questions.
const ROUND_PAUSE: Duration = Duration::from_secs(1);
/// The same where nobody answered: perhaps it is our own link.
const ALONE_PAUSE: Duration = Duration::from_secs(5);
/// Longest wait for one site, login included.
const ANSWER_MAX: Duration = Duration::from_secs(3);
/// Time without any call after which the controller in use is asked who leads.
const BEAT: Duration = Duration::from_secs(5);

/// What is known about calls under way.
#[derive(Default)]
pub(super) struct Vigil {
    /// Since when calls are under way without any answer.
    silent_since: Option<Instant>,
    /// When the controller in use was last called or answered.
    heard_at: Option<Instant>,
    is_beating: bool,
    is_asking: bool,
    /// No other round of questions before.
    rests_until: Option<Instant>,
    /// How the others are asked, by address; logged in after the first time.
    others: BTreeMap<String, AviClient>,
}

/// What a site answered: the Gslb object as a collection.
pub(super) type Heard = Vec<Value>;

impl Vigil {
    /// Something that was under way ended.
    pub(super) fn have_heard(&mut self, now: Instant) {
        self.silent_since = None;
        self.heard_at = Some(now);
    }

    /// Another controller is used, or in another way.
    pub(super) fn begin_anew(&mut self) {
        let (is_beating, is_asking) = (self.is_beating, self.is_asking);
        *self = Self { is_beating, is_asking, ..Self::default() };
    }

    fn is_overdue(&self, now: Instant) -> bool {
        self.silent_since.is_some_and(|since| since + OVERDUE <= now)
    }

    fn clients(&mut self, sites: Vec<Vec<Config>>) -> Vec<Vec<AviClient>> {
        let others = &mut self.others;
        let mut client = |config: Config| {
            if let Some(client) = others.get(&config.base_url) {
                return Some(client.clone());
            }
            let address = config.base_url.clone();
            match AviClient::new(config) {
                Ok(client) => Some(others.entry(address).or_insert(client).clone()),
                Err(error) => {
                    tracing::debug!(controller = address, reason = chain(&error), "a site cannot be asked");
                    None
                }
            }
        };
        sites.into_iter().map(|addresses| addresses.into_iter().filter_map(&mut client).collect()).collect()
    }
}

impl Operator {
    /// Begins the questions that are due; says when to come again at the latest.
    pub(super) fn keep_vigil(&mut self, now: Instant) -> Option<Instant> {
        let is_reading = self.link.wake().is_none();
        let is_busy = is_reading || self.work.is_in_flight() || self.is_looking_up || self.vigil.is_beating;
        if !is_busy {
            self.vigil.silent_since = None;
        } else if self.vigil.silent_since.is_none() {
            self.vigil.silent_since = Some(now);
        }
        if self.rehearsal.is_some() || !self.target.has_alternatives() || !self.is_permitted(now) {
            return None;
        }
        let due = match self.vigil.silent_since {
            Some(_) if self.vigil.is_asking => return None,
            Some(since) => self.vigil.rests_until.map_or(since + OVERDUE, |until| until.max(since + OVERDUE)),
            None if self.link.is_up() => *self.vigil.heard_at.get_or_insert(now) + BEAT,
            None => return None,
        };
        if due > now {
            return Some(due);
        }
        if is_busy {
            self.ask_others()
        } else {
            self.beat()
        }
        None
    }

    fn beat(&mut self) {
        self.vigil.is_beating = true;
        let (client, leave) = (self.client.clone(), self.leave.clone());
        self.tasks.spawn(async move {
            let asked = client.get("/api/gslb", &[], "admin");
            let answer = tokio::select! {
                () = leave.cancelled() => None,
                answer = asked => Some(answer),
            };
            Done::Beat(answer)
        });
    }

    /// The controller in use said who leads, or nothing; says whether to look at everything again.
    pub(super) fn have_beat(&mut self, answer: Option<Result<Value, AviError>>, now: Instant) -> bool {
        self.vigil.is_beating = false;
        match answer {
            Some(Ok(gslb)) => {
                let leader = gslb["results"][0]["leader_cluster_uuid"].as_str();
                let is_other = leader.is_some() && self.target.in_use().is_some() && leader != self.target.in_use();
                if is_other && self.link.is_up() {
                    // Reading it finds out where to go.
                    self.link.restart(now);
                }
                is_other
            }
            Some(Err(error)) if self.link.is_up() && is_about_the_link(error.class(), error.status()) => {
                self.lose_link(error.class(), &chain(&error), now);
                true
            }
            Some(Err(_)) | None => false,
        }
    }

    fn ask_others(&mut self) {
        self.vigil.is_asking = true;
        let sites = self.vigil.clients(self.target.others());
        tracing::debug!(
            controller = self.target.url(),
            sites = sites.len(),
            "no answer in time, asking the other sites"
        );
        self.tasks.spawn(async move { Done::Heard(ask(sites).await) });
    }

    /// The others said who leads; says whether to look at everything again.
    pub(super) fn have_asked(&mut self, answers: &Heard, now: Instant) -> bool {
        self.vigil.is_asking = false;
        self.vigil.rests_until = Some(now + if answers.is_empty() { ALONE_PAUSE } else { ROUND_PAUSE });
        if !self.vigil.is_overdue(now) {
            return false; // it answered meanwhile
        }
        let from = self.target.url().to_owned();
        if !self.target.is_outvoted(answers) {
            return false;
        }
        // What is under way there has no effect that counts, or one that is read at the new leader.
        std::mem::take(&mut self.leave).cancel();
        self.go_on_elsewhere(&from, true, format!("{from} does not answer, and most sites say that another leads"));
        self.link.restart(now);
        true
    }
}

/// Asks all sites at once, each at all its addresses; who does not answer in time says nothing.
async fn ask(sites: Vec<Vec<AviClient>>) -> Heard {
    let mut asked = JoinSet::new();
    for addresses in sites {
        asked.spawn(timeout(ANSWER_MAX, ask_site(addresses)));
    }
    let mut heard = Vec::new();
    while let Some(answer) = asked.join_next().await {
        heard.extend(answer.into_iter().flatten().flatten());
    }
    heard
}

/// The first answer of a site.
async fn ask_site(addresses: Vec<AviClient>) -> Option<Value> {
    let mut asked = JoinSet::new();
    for client in addresses {
        asked.spawn(async move { client.get("/api/gslb", &[], "admin").await });
    }
    while let Some(answer) = asked.join_next().await {
        if let Ok(Ok(gslb)) = answer {
            return Some(gslb);
        }
    }
    None
}
