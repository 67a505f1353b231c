//! The controller as one site of a GSLB: who leads, what is copied, what the sites tell each other (avi-api 5).
//!
//! ```text
//!  API ── write ──> actor ──> log on disk ──> link ──> other sites' actors
//!                     │           │
//!                     └─ shower <─┘ what the log shows goes into the object store, at every site alike
//! ```
//!
//! `plan` reads the Gslb, `known` the other sites, `invite` asks them to join, `actor` feeds the state machine of
//! `site-replication` and does what it says, `shower` brings the object store up to the log. Without other sites none of it
//! is used, and a federated object is written like any other.

mod actor;
mod invite;
mod known;
mod plan;
mod shower;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use anyhow::Context;
use async_trait::async_trait;
use controller_api::{
    Clock, Committer, Engine, LiveProjection, MemberStanding, Replication, ServiceStanding, SiteStanding, Sites,
    SitesError, Standing,
};
use objects::{Change, Object, Write, federated};
use parking_lot::Mutex;
use se_protocol::{MemberSights, MemberStates, State, member_states::VirtualServiceKey, sights::SiteVoice};
use serde_json::Value;
use site_link::{Link, MemberTold, PeerState, SiteState, VirtualServiceTold};
use site_replication::{Leadership, SiteId};
use tokio::sync::{mpsc, oneshot, watch};

use self::{
    actor::{Actor, Command, Place},
    known::Invitation,
    shower::Shower,
};
use crate::{data_dir::DataDir, engine_link::EngineSocket, seal_key};

/// Port of the link to other sites where nothing else is said.
pub const SITE_PORT: u16 = 9449;
/// Requests that wait for the actor.
const COMMANDS_MAX: usize = 256;
/// How long a link is down before the site is asked to join anew.
const AWAY_AFTER: Duration = Duration::from_secs(5);
/// How long what a site perceived of members counts after the last word of it, so that a link that breaks for a moment
/// changes no answer.
const VOICE_KEPT: Duration = Duration::from_secs(10);
/// Longest wait for a write to be known to those who have to know it.
const WRITE_WITHIN: Duration = Duration::from_secs(10);

type Peers = BTreeMap<SiteId, PeerState>;

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
    /// How the log stands, and what each follower has.
    replication: Mutex<Option<(Replication, BTreeMap<String, u64>)>>,
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
        replication: Mutex::default(),
    });
    let place = Place {
        log: data.file("federation.db"),
        identity: data.file("site"),
        known: data.file("sites.json"),
        key: seal_key::read(data)?,
        listen,
    };
    let (steps, queue) = mpsc::unbounded_channel();
    let at = clock.clone();
    let shower = Shower { live: live.clone(), committer, now_us: Arc::new(move || at.wall_us()) };
    let actor = Actor::new(own, place, live.clone(), clock, shared.clone(), steps)?;
    let (commands, receiver) = mpsc::channel(COMMANDS_MAX);
    let run = async move {
        tokio::join!(actor.run(receiver), shower.run(queue));
    };
    Ok((Arc::new(LinkedSites { commands, shared }), run))
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
        let ended = || SitesError::Unavailable("this controller is about to end".to_owned());
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
        if self.shared.replication.lock().as_ref().is_some_and(|(replication, _)| !replication.is_leader) {
            return Err(SitesError::Refused(site_replication::Refusal::NotLeader { leader: None }.to_string()));
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
        for guest in guests {
            let met = invite::ask(&guest, after, own, &sites).await?;
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

    fn standing(&self) -> Standing {
        let (replication, held) = self.shared.replication.lock().clone().unzip();
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
    /// Waits until the Gslb shows that this site leads.
    async fn shown_as_leader(&self, outcome: Result<(), SitesError>) -> Result<store::Revision, SitesError> {
        outcome?;
        let (own, live) = (self.shared.own.as_str(), &self.shared.live);
        let mut revisions = live.revisions();
        let leads = revisions
            .wait_for(|_| live.read(|state| state.projection.single("gslb").is_some_and(|it| leader(it) == own)));
        match tokio::time::timeout(WRITE_WITHIN, leads).await {
            Ok(_) => Ok(live.read(|state| state.revision)),
            Err(_) => Err(SitesError::Unknown("this site leads, and cannot show it yet: read the Gslb".to_owned())),
        }
    }
}

impl Shared {
    fn opened(&self, link: &Link) {
        // Once for the life of the process: the link stays open.
        let _ = self.told.set(link.told());
        self.is_open.send_replace(true);
    }

    /// Those of `sites` that no link has stood to for a while.
    fn away(&self, sites: &[invite::Guest]) -> Vec<invite::Guest> {
        let Some(told) = self.told.get() else { return Vec::new() };
        let (now, peers) = (now(), told.borrow().clone());
        let is_away = |id| {
            peers.get(id).is_some_and(|peer| !peer.connected && now.saturating_duration_since(peer.since) > AWAY_AFTER)
        };
        sites.iter().filter(|guest| is_away(&guest.id)).cloned().collect()
    }

    /// Whether the others say that this site is none of them: `leader` does, or most of `others`. They are believed: a link
    /// begins with a proof of their keys.
    fn is_disowned(&self, leader: &SiteId, others: usize) -> bool {
        let Some(told) = self.told.get() else { return false };
        let peers = told.borrow().clone();
        let disowns = |peer: &PeerState| {
            let words = peer.failure.as_deref().unwrap_or_default();
            !peer.connected && words.contains("the other site says:") && words.contains("is not among the sites that")
        };
        let count = peers.values().filter(|peer| disowns(peer)).count();
        count > 0 && (peers.get(leader).is_some_and(disowns) || count * 2 > others)
    }

    /// What this site tells the others of itself.
    fn state(&self) -> SiteState {
        let engines = self.engine.engines();
        let connected = engines.iter().filter(|engine| engine.connected).count();
        let mut state = SiteState {
            controller: env!("CARGO_PKG_VERSION").to_owned(),
            engines_connected: u32::try_from(connected).unwrap_or(u32::MAX),
            ..SiteState::default()
        };
        let mut put = |map: fn(&mut SiteState) -> &mut BTreeMap<String, VirtualServiceTold>,
                       uuid: &str,
                       seen: State,
                       reason: &str| {
            let entry = map(&mut state).entry(uuid.to_owned()).or_insert_with(|| VirtualServiceTold {
                state: seen,
                name: String::new(),
                addresses: Vec::new(),
                reason: reason.to_owned(),
            });
            entry.state = entry.state.or_better(seen);
            if entry.state == State::Up {
                entry.reason.clear();
            }
        };
        let reports: Vec<_> =
            engines.into_iter().filter(|engine| engine.connected).filter_map(|engine| engine.report).collect();
        for report in &reports {
            for service in &report.dns_services {
                put(|state| &mut state.dns_services, &service.uuid, service.state, &service.reason);
                put(|state| &mut state.virtual_services, &service.uuid, service.state, &service.reason);
            }
            for service in &report.http_services {
                put(|state| &mut state.virtual_services, &service.uuid, service.state, &service.reason);
            }
        }
        let merged: se_protocol::Reports = reports.iter().cloned().collect();
        let services: std::collections::BTreeSet<&str> =
            reports.iter().flat_map(|report| &report.gslb_services).map(|service| service.uuid.as_str()).collect();
        for uuid in services {
            let Some(service) = merged.gslb_service(uuid) else { continue };
            let members = service.pools.iter().flat_map(|pool| {
                pool.members.iter().map(|member| MemberTold {
                    pool: pool.name.clone(),
                    ip: member.ip,
                    // What is perceived here, and not what follows from all sites: that would go round in circles.
                    state: member.perceived,
                    datapath: member.datapath,
                })
            });
            state.gslb_members.insert(uuid.to_owned(), members.collect());
        }
        self.live.read(|live| {
            for map in [&mut state.virtual_services, &mut state.dns_services] {
                for (uuid, told) in map {
                    told.name =
                        live.projection.get("virtualservice", uuid).map(|vs| vs.name.clone()).unwrap_or_default();
                }
            }
        });
        state
    }

    /// What the other sites say of their virtual services; nothing of those that were silent for too long.
    fn states_elsewhere(&self, peers: &Peers) -> MemberStates {
        let gslb = self.live.read(|state| state.projection.single("gslb").cloned());
        let plan = gslb.map(|gslb| plan::Plan::read(&gslb, None));
        let silence_max = plan.as_ref().map_or(Duration::from_secs(300), |plan| plan.silence_max);
        let (now, mut states) = (now(), MemberStates::default());
        for (id, peer) in peers {
            let is_lost =
                !peer.connected && peer.last_heard.is_none_or(|at| now.saturating_duration_since(at) > silence_max);
            let Some(told) = peer.state.as_ref().filter(|_| !is_lost) else { continue };
            for (uuid, service) in &told.virtual_services {
                let key = VirtualServiceKey { cluster_uuid: id.to_string(), vs_uuid: uuid.clone() };
                states.set(key, service.state);
            }
        }
        self.hear_voices(peers, plan.as_ref(), now, &mut states);
        states
    }

    /// How the other active sites perceive the members of services that ask for a quorum of sites. Who has not been heard
    /// for a while has no voice.
    fn hear_voices(&self, peers: &Peers, plan: Option<&plan::Plan>, now: Instant, states: &mut MemberStates) {
        let Some(settings) = plan.map(|plan| &plan.settings) else { return };
        let asking: Vec<String> = self.live.read(|live| {
            let services = live.projection.objects("gslbservice");
            let asking = services.filter(|service| controller_api::asks_for_quorum(&service.body));
            asking.map(|service| service.uuid.clone()).collect()
        });
        let mut sights: BTreeMap<&str, MemberSights> = BTreeMap::new();
        for (id, peer) in peers {
            let has_voice = settings.active.contains(id) && !settings.suspended.contains(id);
            let is_heard =
                peer.connected || peer.last_heard.is_some_and(|at| now.saturating_duration_since(at) <= VOICE_KEPT);
            let Some(told) = peer.state.as_ref().filter(|_| has_voice && is_heard) else { continue };
            for service in &asking {
                let members = told.gslb_members.get(service).map_or(&[][..], Vec::as_slice);
                let known = members.iter().filter(|member| matches!(member.state, State::Up | State::Down));
                let voices = known.map(|member| SiteVoice {
                    site: id.to_string(),
                    pool: member.pool.clone(),
                    ip: member.ip,
                    state: member.state,
                });
                sights.entry(service).or_default().voices.extend(voices);
            }
        }
        for (service, sights) in sights.into_iter().filter(|(_, sights)| !sights.voices.is_empty()) {
            states.set_sights(service, Arc::new(sights));
        }
    }
}

fn standing_of(peer: &PeerState, now: Instant) -> SiteStanding {
    let services = |told: &BTreeMap<String, VirtualServiceTold>| {
        let shown = told.iter().map(|(uuid, it)| {
            (uuid.clone(), ServiceStanding { name: it.name.clone(), state: it.state, reason: it.reason.clone() })
        });
        shown.collect()
    };
    let members = |told: &SiteState| {
        let shown = told.gslb_members.iter().map(|(uuid, members)| {
            let members = members.iter().map(|it| MemberStanding {
                pool: it.pool.clone(),
                ip: it.ip,
                datapath: it.datapath,
                perceived: it.state,
            });
            (uuid.clone(), members.collect())
        });
        shown.collect()
    };
    let age = now.saturating_duration_since(peer.since);
    SiteStanding {
        is_connected: peer.connected,
        since: crate::controller::wall_now().checked_sub(age).unwrap_or(std::time::SystemTime::UNIX_EPOCH),
        silence: peer.last_heard.map(|at| now.saturating_duration_since(at)),
        software: peer.software.clone(),
        failure: peer.failure.clone(),
        dns_services: peer.state.as_deref().map(|state| services(&state.dns_services)).unwrap_or_default(),
        virtual_services: peer.state.as_deref().map(|state| services(&state.virtual_services)).unwrap_or_default(),
        members: peer.state.as_deref().map(members).unwrap_or_default(),
        held: None,
    }
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
