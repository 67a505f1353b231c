//! The controller as one site of a GSLB: who leads, what is copied, what the sites tell each other (avi-api 5).
//!
//! ```text
//!  API ── write ──> actor ──> log on disk ──> link ──> other sites' actors
//!                     │           │
//!                     └─ shower <─┘ what the log shows goes into the object store, at every site alike
//! ```
//!
//! `plan` reads the Gslb, `known` the other sites, `invite` asks them to join, `actor` feeds the state machine of
//! `site-replication` and does what it says, `shower` brings the object store up to the log, and `fetcher` gets what files
//! hold, which `files` gives to the others. Without other sites none of it is used, and a federated object is written like
//! any other.

mod actor;
mod fetcher;
mod files;
mod invite;
mod known;
mod plan;
mod proxies;
mod shower;
mod sight;
mod switch;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, OnceLock, atomic::AtomicUsize},
    time::{Duration, Instant},
};

use anyhow::Context;
use async_trait::async_trait;
use controller_api::{Clock, Committer, Files, LiveProjection, Replication, Sites, SitesError, Standing};
use objects::{Change, Object, Write, federated};
use parking_lot::Mutex;
use se_protocol::MemberStates;
use serde_json::Value;
use site_link::Forwarder;
use site_replication::{Leadership, Refusal, SiteId};
use tokio::sync::{mpsc, oneshot, watch};

use self::{
    actor::{Actor, Command, Place},
    fetcher::Fetcher,
    known::Invitation,
    shower::Shower,
    sight::{Peers, standing_of},
    switch::Switchboard,
};
use crate::{data_dir::DataDir, engine_link::EngineSocket, seal_key};

/// Port of the link to other sites where nothing else is said.
pub const SITE_PORT: u16 = 9449;
/// Requests that wait for the actor.
const COMMANDS_MAX: usize = 256;
/// Longest wait for a write to be known to those who have to know it.
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// Longest wait for the other sites to follow one that was promoted.
const PROMOTED_WITHIN: Duration = Duration::from_secs(5);

/// What the actor and those who show it share.
pub(crate) struct Shared {
    own: SiteId,
    live: Arc<LiveProjection>,
    engine: Arc<EngineSocket>,
    /// Own certificate in PEM, once the link is open.
    certificate: Mutex<String>,
    /// What the other sites tell; there once the link is open.
    told: OnceLock<watch::Receiver<Arc<Peers>>>,
    is_open: watch::Sender<bool>,
    /// Asks other sites; there once the link is open.
    forwarder: OnceLock<Forwarder>,
    /// Federated objects that cannot be shown here.
    skipped: Arc<AtomicUsize>,
    /// How the log stands here; `None` while there is none.
    replication: watch::Sender<Option<Published>>,
}

/// How the log stands, as the actor tells it.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    replication: Replication,
    /// At the leader: the last revision that each site has which has answered it since it leads.
    held: BTreeMap<String, u64>,
}

/// The sites, as the API reaches them.
pub(crate) struct LinkedSites {
    commands: mpsc::Sender<Command>,
    shared: Arc<Shared>,
}

/// Starts to take part, or waits until it is asked to; the second value is to be run.
pub(crate) fn start(
    data: &DataDir,
    listen: SocketAddr,
    live: &Arc<LiveProjection>,
    committer: Committer,
    engine: Arc<EngineSocket>,
    clock: Arc<dyn Clock>,
    files: Files,
) -> anyhow::Result<(Arc<LinkedSites>, impl Future<Output = ()> + Send + 'static)> {
    let own = live.read(|state| state.projection.single("cluster").map(|cluster| cluster.uuid.clone()));
    let own = SiteId::from(own.context("the controller has no cluster object")?.as_str());
    let shared = Arc::new(Shared {
        own: own.clone(),
        live: live.clone(),
        engine,
        certificate: Mutex::default(),
        told: OnceLock::new(),
        is_open: watch::Sender::new(false),
        forwarder: OnceLock::new(),
        skipped: Arc::default(),
        replication: watch::Sender::default(),
    });
    let place = Place {
        log: data.file("federation.db"),
        identity: data.file("site"),
        known: data.file("sites.json"),
        key: seal_key::read(data)?,
        listen,
        files: files.clone(),
    };
    let fetcher = Fetcher { live: live.clone(), files, clock: clock.clone(), others: shared.clone() };
    let (steps, queue) = mpsc::unbounded_channel();
    let at = clock.clone();
    let (now_us, skipped) = (Arc::new(move || at.wall_us()), shared.skipped.clone());
    let shower = Shower { live: live.clone(), committer, now_us, skipped };
    let (commands, receiver) = mpsc::channel(COMMANDS_MAX);
    let switchboard = Arc::new(Switchboard { live: live.clone(), clock: clock.clone(), sites: OnceLock::new() });
    let actor = Actor::new(own, place, live.clone(), clock, shared.clone(), steps, switchboard.clone())?;
    let sites = Arc::new(LinkedSites { commands, shared });
    // Not for good: what answers other sites is part of what ends with these.
    let _ = switchboard.sites.set(Arc::downgrade(&sites));
    let run = async move {
        tokio::select! {
            _ = async { tokio::join!(actor.run(receiver), shower.run(queue)) } => {}
            () = fetcher.run() => {}
        }
    };
    Ok((sites, run))
}

impl LinkedSites {
    /// What is known of virtual services at other sites, as it changes: for the engines here.
    pub(crate) async fn follow_states(self: Arc<Self>, states: watch::Sender<Arc<MemberStates>>) {
        // The sender lives as long as what it belongs to.
        let _ = self.shared.is_open.subscribe().wait_for(|is_open| *is_open).await;
        let Some(mut told) = self.shared.told.get().cloned() else { return };
        let mut again = tokio::time::interval(Duration::from_secs(5));
        loop {
            let now = self.shared.states_elsewhere(&told.borrow_and_update());
            states.send_if_modified(|before| {
                let is_news = **before != now;
                if is_news {
                    *before = Arc::new(now);
                }
                is_news
            });
            // What is not told for long becomes unknown, without a word.
            tokio::select! {
                changed = told.changed() => if changed.is_err() { return },
                _ = again.tick() => {}
            }
        }
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, SitesError> {
        let (sender, receiver) = oneshot::channel();
        self.commands.send(command(sender)).await.map_err(|_| ended())?;
        receiver.await.map_err(|_| ended())
    }
}

#[async_trait]
impl Sites for LinkedSites {
    async fn admit(&self, before: Option<&Object>, after: &Object) -> Result<(), SitesError> {
        let own = &self.shared.own;
        if plan::Plan::read(after, None).leader != *own
            || before.is_some_and(|it| plan::Plan::read(it, None).leader != *own)
        {
            return Ok(());
        }
        // Nobody is asked to join what this site may not write.
        if self.shared.replication.borrow().as_ref().is_some_and(|it| !it.replication.is_leader) {
            return Err(match self.why_nobody_leads() {
                Some(words) => SitesError::Unavailable(words),
                None => SitesError::Refused(Refusal::NotLeader { leader: None }.to_string()),
            });
        }
        if let Some(before) = before.map(|before| plan::Plan::read(before, None).settings) {
            let after = plan::Plan::read(after, None).settings;
            // Two majorities that have no site in common could decide on different things.
            let changes = before.active.symmetric_difference(&after.active).count();
            if [before.leadership, after.leadership].contains(&Leadership::Elected) && changes > 1 {
                let words = "sites: while the active sites elect who leads, add or remove one of them at a time";
                return Err(SitesError::Refused(words.to_owned()));
            }
        }
        let (mut guests, kept) = invite::guests(before, after, own);
        // Who does not read the log knows the others by its invitation alone: it comes last.
        guests.sort_by_key(|guest| !guest.member.is_active);
        if guests.is_empty() {
            return Ok(());
        }
        let introduction = self.ask(Command::Introduce).await??;
        let mut sites = self.ask(|reply| Command::Meet(BTreeMap::new(), reply)).await?;
        let plan = plan::Plan::read(after, None);
        let mine = plan.sites.get(own).map(|site| site.hosts.clone()).unwrap_or_default();
        let mine = invite::known(&mine, &introduction);
        sites.insert(own.to_string(), mine);
        for guest in &guests {
            let met = invite::ask(guest, after, own, &sites).await?;
            sites.insert(guest.id.to_string(), met.clone());
            self.ask(|reply| Command::Meet(BTreeMap::from([(guest.id.to_string(), met)]), reply)).await?;
        }
        // Those who do not read the log hear of new sites only so.
        for guest in kept.iter().filter(|guest| !guest.member.is_active) {
            if let Err(error) = invite::ask(guest, after, own, &sites).await {
                tracing::warn!(site = guest.member.name, reason = %error, "a passive site was not told of the new sites");
            }
        }
        Ok(())
    }

    async fn write(&self, write: &Write) -> Option<Result<store::Revision, SitesError>> {
        let own = self.shared.own.as_str();
        for change in std::iter::once(&write.change).chain(&write.others) {
            if let Change::Replaced { before, after } = change
                && after.path == "gslb"
                && leader(before) != own
                && leader(after) == own
            {
                let promoted = self.ask(Command::Promote).await;
                return match promoted {
                    Ok(None) => None,
                    Ok(Some(outcome)) => Some(self.shown_as_leader(outcome).await),
                    Err(error) => Some(Err(error)),
                };
            }
        }
        // A rule let it pass here: it is what members may change. Who led until now lets more pass, and is not meant.
        let followed = self.shared.replication.borrow().as_ref().filter(|it| !it.replication.is_leader).cloned();
        if let Some(Published { replication, .. }) = followed
            && let Change::Replaced { before, after } = &write.change
            && write.others.is_empty()
            && switch::is_switch(before, after)
        {
            if !replication.is_led {
                return Some(Err(SitesError::Unavailable(Refusal::NoLeader.to_string())));
            }
            let leader = SiteId::from(replication.leader.as_str());
            return Some(self.switch_at_leader(&leader, before, after).await);
        }
        let writes = self.shared.live.read(|state| {
            let changes = std::iter::once(&write.change).chain(&write.others);
            changes.map(|change| logged(&state.projection, change)).collect::<Vec<_>>()
        });
        let waiting = match self.ask(|reply| Command::Write(writes, reply)).await {
            Ok(None) => return None,
            Ok(Some(waiting)) => waiting,
            Err(error) => return Some(Err(error)),
        };
        let unknown = |words: &str| Err(SitesError::Unknown(words.to_owned()));
        Some(match tokio::time::timeout(WRITE_WITHIN, waiting).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => unknown("the write was under way when the log stopped: it may happen yet, read the object"),
            Err(_) => {
                unknown("the write is not yet known to a majority of the sites: it may happen yet, read the object")
            }
        })
    }

    async fn join(&self, request: &Value) -> Result<Value, SitesError> {
        let invitation: Invitation = serde_json::from_value(request.clone())
            .map_err(|error| SitesError::Refused(format!("the invitation: {error}")))?;
        let introduction = self.ask(|reply| Command::Join(invitation, reply)).await??;
        serde_json::to_value(introduction).map_err(|error| SitesError::Unavailable(error.to_string()))
    }

    fn why_nobody_leads(&self) -> Option<String> {
        let Published { replication, .. } = self.shared.replication.borrow().clone()?;
        match (replication.is_leader, replication.is_led) {
            (true, true) => {
                Some("this site begins to lead the GSLB, and the Gslb does not say so yet: try again".to_owned())
            }
            (_, false) => Some(Refusal::NoLeader.to_string()),
            (false, true) => None,
        }
    }

    fn standing(&self) -> Standing {
        let published = self.shared.replication.borrow().clone();
        let (replication, held) = published.map(|it| (it.replication, it.held)).unzip();
        let Some(told) = self.shared.told.get() else { return Standing { sites: BTreeMap::new(), replication } };
        let (now, peers) = (now(), told.borrow().clone());
        let sites = peers.iter().map(|(id, peer)| {
            let mut site = standing_of(peer, now);
            site.held = held.as_ref().and_then(|held| held.get(id.as_str())).copied();
            (id.to_string(), site)
        });
        Standing { sites: sites.collect(), replication }
    }
}

impl LinkedSites {
    /// Waits until the Gslb shows that this site leads, and the active sites that it is linked with have answered it as their
    /// leader; a while only, as one of them may be ill. Somebody else may be promoted at the same time, and win.
    async fn shown_as_leader(&self, outcome: Result<(), SitesError>) -> Result<store::Revision, SitesError> {
        outcome?;
        let live = &self.shared.live;
        let (mut revisions, mut published) = (live.revisions(), self.shared.replication.subscribe());
        let settled = async {
            loop {
                revisions.mark_unchanged();
                let now = published.borrow_and_update().clone();
                let Some(Published { replication, held }) = now else {
                    let words = "this site cannot keep its log, or takes part no longer: see the controller's log";
                    return Err(SitesError::Unavailable(words.to_owned()));
                };
                if !replication.is_leader {
                    let words =
                        format!("{} was promoted at the same time and leads: this site follows it", replication.leader);
                    return Err(SitesError::Refused(words));
                }
                if self.is_named_leader()
                    && self.shared.linked_active().iter().all(|site| held.contains_key(site.as_str()))
                {
                    return Ok(());
                }
                tokio::select! {
                    changed = revisions.changed() => changed.map_err(|_| ended())?,
                    changed = published.changed() => changed.map_err(|_| ended())?,
                }
            }
        };
        match tokio::time::timeout(PROMOTED_WITHIN, settled).await {
            Ok(outcome) => outcome?,
            Err(_) if !self.is_named_leader() => {
                return Err(SitesError::Unknown("this site leads, and cannot show it yet: read the Gslb".to_owned()));
            }
            Err(_) => {
                tracing::warn!("this site leads, and not every site that it is linked with has said that it follows")
            }
        }
        Ok(live.read(|state| state.revision))
    }

    fn is_named_leader(&self) -> bool {
        let own = self.shared.own.as_str();
        self.shared.live.read(|state| state.projection.single("gslb").is_some_and(|it| leader(it) == own))
    }
}

fn ended() -> SitesError {
    SitesError::Unavailable("this controller is about to end".to_owned())
}

/// The change as the log takes it.
fn logged(projection: &objects::Projection, change: &Change) -> site_replication::Write {
    let modified = |object: &Object| u64::try_from(object.last_modified_us).unwrap_or_default();
    let put = |object: &Object, based_on| site_replication::Write::Put {
        uuid: object.uuid.clone(),
        kind: object.path.to_owned(),
        claims: Vec::new(),
        body: federated::pack(projection, object).into(),
        based_on,
    };
    match change {
        Change::Created(object) => put(object, None),
        Change::Replaced { before, after } => put(after, Some(modified(before))),
        Change::Deleted(object) => {
            site_replication::Write::Delete { uuid: object.uuid.clone(), based_on: modified(object) }
        }
    }
}

fn leader(gslb: &Object) -> &str {
    gslb.body.get("leader_cluster_uuid").and_then(Value::as_str).unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "the edge that reads the clock for how long a site has been silent")]
fn now() -> Instant {
    Instant::now()
}
