//! The one who acts for this site: feeds the state machine, and does what it says.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use async_trait::async_trait;
use controller_api::{Clock, LiveProjection, Replication, SitesError};
use objects::{Object, federated};
use parking_lot::Mutex;
use site_link::{Identity, Link, LinkConfig, Roster};
use site_log::SiteLog;
use site_replication::{
    Change, Durable, Effect, Entry, Leadership, Log, Mark, Message, Refusal, Revision, Save, Settings, Site, SiteId,
    State, Term, Write,
};
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    Shared,
    known::{self, Introduction, Invitation, Known, KnownSites},
    plan::{Plan, at},
    shower::Show,
};
use crate::listen;

/// Longest wait between two looks at the clock; half a heartbeat of an elected leader.
const TICK: Duration = Duration::from_millis(100);
/// Time between two looks at what others are told of this site.
const TELL_EVERY: Duration = Duration::from_millis(300);
/// Pause before a log that could not be written is read and used again.
const RETRY: Duration = Duration::from_secs(1);
/// How long a site that is taken out of the Gslb may take to hear of it.
const FAREWELL: Duration = Duration::from_secs(3);
/// Entries kept for sites that are away; who was away for longer gets everything.
const HISTORY: u64 = 100_000;
/// Entries beyond [`HISTORY`] that are cut together.
const CUT_EVERY: u64 = 10_000;
/// Messages taken from the link that wait here.
pub(super) const INCOMING_MAX: usize = 1_024;

/// What is asked of the actor.
pub(super) enum Command {
    /// Write these at all sites; the reply is `None` where this is the only one.
    Write(Vec<Write>, oneshot::Sender<Option<oneshot::Receiver<Result<store::Revision, SitesError>>>>),
    /// Lead.
    Promote(oneshot::Sender<Option<Result<(), SitesError>>>),
    /// Who is this site to others? Opens the link.
    Introduce(oneshot::Sender<Result<Introduction, SitesError>>),
    /// Others whom this site has met.
    Meet(KnownSites, oneshot::Sender<KnownSites>),
    /// Become one of the sites of a Gslb.
    Join(Invitation, oneshot::Sender<Result<Introduction, SitesError>>),
}

/// Files and addresses.
pub(super) struct Place {
    /// The log.
    pub(super) log: PathBuf,
    /// Key and certificate.
    pub(super) identity: PathBuf,
    /// [`KnownSites`].
    pub(super) known: PathBuf,
    /// Seals the log.
    pub(super) key: Vec<u8>,
    /// Where other sites connect, from the moment that there are any.
    pub(super) listen: SocketAddr,
}

/// This site as one that takes part.
struct Running {
    site: Site,
    log: Arc<Mutex<SiteLog>>,
    waiting: BTreeMap<Revision, oneshot::Sender<Result<store::Revision, SitesError>>>,
    /// The Gslb it was made for; `None` of one that joined and has not got it yet.
    plan: Option<Plan>,
    /// A plan that others have to hear of before this site acts by it.
    next: Option<Next>,
    /// The Gslb is gone, likewise.
    ends_at: Option<Duration>,
}

/// A plan that waits.
struct Next {
    plan: Plan,
    /// The revision that says so.
    revision: Revision,
    /// Sites go: until when they may hear of it. `None` where all are to elect from now on: a majority has to know.
    until: Option<Duration>,
}

pub(super) struct Actor {
    pub(super) own: SiteId,
    pub(super) place: Place,
    pub(super) live: Arc<LiveProjection>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) shared: Arc<Shared>,
    pub(super) show: mpsc::UnboundedSender<Show>,
    pub(super) link: Option<Link>,
    pub(super) incoming: (mpsc::Sender<(SiteId, Message)>, mpsc::Receiver<(SiteId, Message)>),
    pub(super) roster: watch::Sender<Arc<Roster>>,
    pub(super) known: KnownSites,
    running: Option<Running>,
    /// The Gslb as it was when it was looked at last.
    gslb: Option<Arc<Object>>,
    /// Something that the leader tells in the log may have changed.
    is_to_tell: bool,
    /// The log could not be used; when to try again.
    broken_until: Option<Duration>,
    /// When to look again at what others are told of this site.
    tell_at: Duration,
}

impl Actor {
    pub(super) fn new(
        own: SiteId,
        place: Place,
        live: Arc<LiveProjection>,
        clock: Arc<dyn Clock>,
        shared: Arc<Shared>,
        show: mpsc::UnboundedSender<Show>,
    ) -> anyhow::Result<Self> {
        let known = match std::fs::read(&place.known) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).with_context(|| format!("reading {}", place.known.display()))?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => KnownSites::new(),
            Err(error) => return Err(error).with_context(|| format!("reading {}", place.known.display())),
        };
        let mut actor = Self {
            own,
            place,
            live,
            clock,
            shared,
            show,
            link: None,
            incoming: mpsc::channel(INCOMING_MAX),
            roster: watch::Sender::default(),
            known,
            running: None,
            gslb: None,
            is_to_tell: false,
            broken_until: None,
            tell_at: Duration::ZERO,
        };
        if SiteLog::exists(&actor.place.log) {
            actor.resume()?;
        }
        if !actor.known.is_empty() {
            actor.open_link()?;
        }
        Ok(actor)
    }

    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut revisions = self.live.revisions();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // What was stored may be ahead of what is shown.
        if let Some(running) = self.running.as_ref().filter(|running| running.site.durable().applied > Revision(0)) {
            self.show(Show::All(Box::new(running.site.view().clone())));
        }
        self.look_at_gslb().await;
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.obey(command).await,
                    None => break,
                },
                Some((from, message)) = self.incoming.1.recv() => {
                    let now = self.clock.monotonic();
                    if let Some(running) = &mut self.running {
                        let effects = running.site.receive(now, &from, message);
                        self.perform(effects).await;
                    }
                }
                _ = tick.tick() => self.tick().await,
                Ok(()) = revisions.changed() => {
                    revisions.mark_unchanged();
                    self.look_at_gslb().await;
                }
            }
            self.publish();
        }
        if let Some(link) = self.link.take() {
            link.shutdown().await;
        }
    }

    async fn obey(&mut self, command: Command) {
        // Who asked may have given up.
        match command {
            Command::Write(writes, reply) => {
                let receiver = self.write(writes).await;
                let _ = reply.send(receiver);
            }
            Command::Promote(reply) => {
                let outcome = self.promote().await;
                let _ = reply.send(outcome);
            }
            Command::Introduce(reply) => {
                let _ = reply.send(self.introduce().map_err(|error| SitesError::Unavailable(format!("{error:#}"))));
            }
            Command::Meet(sites, reply) => {
                self.meet(sites);
                let _ = reply.send(self.known.clone());
            }
            Command::Join(invitation, reply) => {
                let _ = reply.send(self.join(invitation));
            }
        }
    }

    async fn write(&mut self, writes: Vec<Write>) -> Option<oneshot::Receiver<Result<store::Revision, SitesError>>> {
        let (sender, receiver) = oneshot::channel();
        if self.broken_until.is_some() {
            let _ =
                sender.send(Err(SitesError::Unavailable("the log of federated objects cannot be written".to_owned())));
            return Some(receiver);
        }
        let running = self.running.as_mut()?;
        let (now, wall_us) = (self.clock.monotonic(), u64::try_from(self.clock.wall_us()).unwrap_or_default());
        let (mut effects, mut last) = (Vec::new(), None);
        for write in writes {
            match running.site.write(now, wall_us, write) {
                Ok((revision, more)) => {
                    effects.extend(more);
                    last = Some(revision);
                }
                Err(refusal) => {
                    let _ = sender.send(Err(told(&refusal)));
                    self.perform(effects).await;
                    return Some(receiver);
                }
            }
        }
        match last {
            Some(revision) => drop(running.waiting.insert(revision, sender)),
            None => drop(sender.send(Ok(0))),
        }
        self.perform(effects).await;
        Some(receiver)
    }

    async fn promote(&mut self) -> Option<Result<(), SitesError>> {
        let now = self.clock.monotonic();
        let running = self.running.as_mut()?;
        let by_hand = running.plan.as_ref().is_none_or(|plan| plan.settings.leadership == Leadership::ByHand);
        let effects = match running.site.promote(now) {
            Ok(effects) => effects,
            Err(refusal) => return Some(Err(told(&refusal))),
        };
        let leader = running.site.term().leader.clone();
        self.perform(effects).await;
        if !by_hand {
            let words = format!("the active sites elect who leads, and {leader} does: this site leads when it is gone");
            return Some(Err(SitesError::Unavailable(words)));
        }
        self.is_to_tell = true;
        self.tell().await;
        Some(Ok(()))
    }

    fn introduce(&mut self) -> anyhow::Result<Introduction> {
        self.open_link()?;
        let link = self.link.as_ref().context("the link to other sites is not open")?;
        let certificate = self.shared.certificate.lock().clone();
        let port = link.local_addr().port();
        let software = env!("CARGO_PKG_VERSION").to_owned();
        Ok(Introduction { cluster_uuid: self.own.to_string(), certificate, port, software })
    }

    /// Keeps the addresses of sites; those that are known otherwise are replaced.
    fn meet(&mut self, sites: KnownSites) {
        let mut known = self.known.clone();
        known.extend(sites.into_iter().filter(|(uuid, _)| uuid != self.own.as_str()));
        self.keep_known(known);
    }

    fn keep_known(&mut self, known: KnownSites) {
        if known == self.known {
            return;
        }
        self.known = known;
        self.is_to_tell = true;
        let text = serde_json::to_vec_pretty(&self.known).unwrap_or_default();
        if let Err(error) = crate::data_dir::write_private(&self.place.known, &text) {
            tracing::error!(reason = %error, "the addresses of other sites cannot be kept");
        }
        self.set_roster();
    }

    fn set_roster(&mut self) {
        let plan = self.running.as_ref().and_then(|running| running.plan.clone());
        let plan = plan.or_else(|| self.gslb.as_ref().map(|gslb| Plan::read(gslb, None)));
        let roster =
            known::roster(&self.known, &self.own, |id| plan.as_ref().is_none_or(|plan| plan.sites.contains_key(id)));
        self.roster.send_if_modified(|before| {
            let is_news = **before != roster;
            if is_news {
                *before = Arc::new(roster);
            }
            is_news
        });
    }

    fn join(&mut self, invitation: Invitation) -> Result<Introduction, SitesError> {
        if invitation.cluster_uuid != self.own.as_str() {
            let words = format!("this controller is cluster {}, not {}", self.own, invitation.cluster_uuid);
            return Err(SitesError::Refused(words));
        }
        if !invitation.sites.contains_key(&invitation.leader) {
            return Err(SitesError::Refused("sites: the leader is not among them".to_owned()));
        }
        if let Some(gslb) = &self.gslb
            && gslb.uuid != invitation.gslb
        {
            let words = format!("this site has a Gslb of its own, '{}': delete that first", gslb.name);
            return Err(SitesError::Refused(words));
        }
        let joined = || -> anyhow::Result<Introduction> {
            let leader = SiteId::from(invitation.leader.as_str());
            self.meet(invitation.sites);
            if invitation.is_active && self.running.is_none() {
                let first = Durable::new(leader.clone());
                let active = invitation.active.iter().map(|uuid| SiteId::from(uuid.as_str()));
                let mut settings = Settings::new(active.chain([leader, self.own.clone()]));
                if invitation.elects {
                    settings.leadership = Leadership::Elected;
                }
                let log = self.open_log(&first)?;
                let (site, effects) = Site::new(self.own.clone(), settings, first, self.clock.monotonic());
                debug_assert!(effects.is_empty(), "a follower waits");
                self.running = Some(Running::new(site, log, None));
                tracing::info!(leader = invitation.leader, "this site joins a GSLB");
            }
            self.set_roster();
            self.introduce()
        };
        joined().map_err(|error| SitesError::Unavailable(format!("{error:#}")))
    }

    async fn tick(&mut self) {
        let now = self.clock.monotonic();
        if let Some(link) = self.link.as_ref().filter(|_| now >= self.tell_at) {
            self.tell_at = now.saturating_add(TELL_EVERY);
            link.tell(self.shared.state());
        }
        if self.broken_until.is_some_and(|until| now >= until) {
            self.broken_until = None;
            match self.resume() {
                Ok(()) => {
                    tracing::info!("the log of federated objects is in use again");
                    self.gslb = None;
                    self.look_at_gslb().await;
                }
                Err(error) => self.is_broken(&error),
            }
        }
        let Some(running) = &mut self.running else { return };
        let mut effects = running.site.tick(now, rand::random());
        let durable = running.site.durable();
        if u64::try_from(durable.log.len()).unwrap_or(u64::MAX) > HISTORY + CUT_EVERY {
            effects.extend(running.site.cut(HISTORY));
        }
        self.perform(effects).await;
        self.tell().await;
        self.part().await;
    }

    /// Does what the state machine says.
    async fn perform(&mut self, effects: Vec<Effect>) {
        let Some(running) = &mut self.running else { return };
        let (mut saves, mut rest) = (Vec::new(), Vec::new());
        for effect in effects {
            match effect {
                Effect::Save(save) => saves.push(save),
                other => rest.push(other),
            }
        }
        if !saves.is_empty()
            && let Err(error) = save(Arc::clone(&running.log), saves).await
        {
            self.is_broken(&error);
            return;
        }
        let mut met = BTreeMap::new();
        for effect in rest {
            match effect {
                Effect::Save(_) => {}
                Effect::Send(to, message) => {
                    if let Some(link) = &self.link {
                        link.send(&to, message);
                    }
                }
                Effect::Apply(entry) => {
                    met.extend(met_in(&entry));
                    let _ = self.show.send(Show::Entry(entry));
                }
                Effect::Replace => {
                    let view = running.site.view().clone();
                    met.extend(view.objects().filter_map(|stored| known::read(&stored.object)));
                    let _ = self.show.send(Show::All(Box::new(view)));
                }
                Effect::Acknowledge(revision) => {
                    let later = running.waiting.split_off(&revision.next());
                    for reply in std::mem::replace(&mut running.waiting, later).into_values() {
                        let _ = self.show.send(Show::Reply(reply));
                    }
                }
                Effect::Abandon(revision) => {
                    for reply in running.waiting.split_off(&revision.next()).into_values() {
                        let words = "this site stopped leading before the write was known to a majority: it may happen yet, read the object";
                        let _ = reply.send(Err(SitesError::Unknown(words.to_owned())));
                    }
                }
                Effect::Lead(term) => {
                    tracing::info!(view_id = term.view, "this site leads the GSLB");
                    self.is_to_tell = true;
                }
                Effect::Follow => {
                    tracing::warn!(leader = %running.site.term().leader, "this site no longer leads the GSLB");
                }
            }
        }
        if !met.is_empty() {
            self.meet(met);
        }
    }

    /// At the leader: what the log has to say of who leads and where the sites are.
    async fn tell(&mut self) {
        if !self.is_to_tell {
            return;
        }
        let Some(running) = &self.running else { return };
        let now = self.clock.monotonic();
        if !running.site.is_writer(now) {
            self.is_to_tell = running.site.is_leader();
            return;
        }
        let (view, term) = (running.site.view(), running.site.term().clone());
        let mut writes = Vec::new();
        if let Some(plan) = &running.plan {
            writes.extend(led(view, &plan.gslb, &term));
            let own = plan.sites.get(&self.own).zip(self.link.as_ref());
            if let Some((member, link)) = own {
                let port = link.local_addr().port();
                let addresses = member.hosts.iter().map(|host| at(host, port)).collect();
                let known = Known { addresses, certificate: self.shared.certificate.lock().clone() };
                writes.extend(known::tell(view, self.own.as_str(), &known));
            }
            let others = self.known.iter().filter(|(uuid, _)| plan.sites.contains_key(&SiteId::from(uuid.as_str())));
            writes.extend(others.filter_map(|(uuid, known)| known::tell(view, uuid, known)));
        }
        self.is_to_tell = false;
        if !writes.is_empty() {
            // The next look at the clock tries again what could not be written now.
            self.is_to_tell = self.write(writes).await.is_none();
        }
    }

    /// Lets go of sites that had their time to hear of it.
    async fn part(&mut self) {
        let now = self.clock.monotonic();
        let Some(running) = &mut self.running else { return };
        let last = running.site.durable().log.last().revision;
        let have_all_heard = running.site.peers().all(|(_, peer)| peer.held >= last);
        if running.ends_at.is_some_and(|at| now >= at || have_all_heard) {
            self.leave(false);
            return;
        }
        let majority = running.next.as_ref().map_or(0, |next| next.plan.settings.majority());
        let heard = |revision| 1 + running.site.peers().filter(|(_, peer)| peer.held >= revision).count();
        let is_time = running.next.as_ref().is_some_and(|next| match next.until {
            Some(until) => now >= until || have_all_heard,
            None => heard(next.revision) >= majority,
        });
        if let Some(next) = running.next.take_if(|_| is_time) {
            self.restart_with(next.plan).await;
        }
    }

    async fn look_at_gslb(&mut self) {
        let gslb = self.live.read(|state| state.projection.single("gslb").cloned());
        let is_same = match (&gslb, &self.gslb) {
            (Some(now), Some(before)) => Arc::ptr_eq(now, before),
            (None, None) => true,
            _ => false,
        };
        if is_same || self.broken_until.is_some() {
            return;
        }
        let before = std::mem::replace(&mut self.gslb, gslb.clone());
        let now = self.clock.monotonic();
        match (gslb, &mut self.running) {
            (None, Some(running)) if before.is_some() => {
                if running.site.is_leader() {
                    running.ends_at = Some(now.saturating_add(FAREWELL));
                } else {
                    self.leave(true);
                }
            }
            (None, _) => {}
            (Some(gslb), None) => {
                let plan = Plan::read(&gslb, None);
                if plan.leader == self.own && plan.has_other_active(&self.own) {
                    if let Err(error) = self.start_leading(plan).await {
                        tracing::error!(
                            reason = format!("{error:#}"),
                            "federated objects cannot be copied to the other sites"
                        );
                    }
                } else {
                    self.set_roster();
                }
            }
            (Some(gslb), Some(running)) => {
                let plan = Plan::read(&gslb, Some(running.site.view()));
                if !plan.sites.contains_key(&self.own) {
                    tracing::warn!("this site is no longer one of the GSLB");
                    self.leave(true);
                    return;
                }
                let (active, leadership) = (&plan.settings.active, plan.settings.leadership);
                let old = running.plan.as_ref().map(|plan| (&plan.settings.active, plan.settings.leadership));
                let sites_go = old.is_some_and(|(before, _)| !before.is_subset(active));
                let begins_to_elect =
                    old.is_some_and(|(_, before)| before != leadership) && leadership == Leadership::Elected;
                if old == Some((active, leadership)) {
                    running.site.configure(plan.settings.clone());
                    running.plan = Some(plan);
                    self.is_to_tell = true;
                    self.set_roster();
                } else if running.site.is_leader() && (sites_go || begins_to_elect) {
                    let until = (!begins_to_elect).then(|| now.saturating_add(FAREWELL));
                    running.next = Some(Next { plan, revision: running.site.durable().log.last().revision, until });
                } else {
                    self.restart_with(plan).await;
                }
            }
        }
    }

    /// Begins to lead sites: what is federated here is what all are to have.
    async fn start_leading(&mut self, plan: Plan) -> anyhow::Result<()> {
        let term = Term { view: plan.view, leader: self.own.clone() };
        let revision = Revision(1);
        let mut state = State::default();
        self.live.read(|live| {
            let projection = &live.projection;
            let types: Vec<&'static str> = projection.types().iter().map(|schema| schema.path).collect();
            for object in types.into_iter().flat_map(|path| projection.objects(path)) {
                if federated::is_replicated(object) {
                    let body = federated::pack(projection, object).into();
                    let change = Change::Put(Arc::new(site_replication::Object {
                        uuid: object.uuid.clone(),
                        kind: object.path.to_owned(),
                        claims: Vec::new(),
                        last_modified_us: u64::try_from(object.last_modified_us).unwrap_or_default(),
                        body,
                    }));
                    state.apply(&Entry { revision, term: term.clone(), change });
                }
            }
        });
        let log = Log::new(Arc::new(state), Mark { revision, term: term.clone() });
        let first = Durable { term, log, applied: revision, aside: Vec::new() };
        let log = self.open_log(&first)?;
        self.open_link()?;
        let (site, effects) = Site::new(self.own.clone(), plan.settings.clone(), first, self.clock.monotonic());
        self.running = Some(Running::new(site, log, Some(plan)));
        self.is_to_tell = true;
        self.set_roster();
        self.perform(effects).await;
        Ok(())
    }

    /// Goes on from what is stored, under other conditions.
    async fn restart_with(&mut self, plan: Plan) {
        let Some(Running { site, log, waiting, .. }) = self.running.take() else { return };
        for reply in waiting.into_values() {
            let words = "the sites of the GSLB changed before the write was known everywhere: it may happen yet, read the object";
            let _ = reply.send(Err(SitesError::Unknown(words.to_owned())));
        }
        let (site, effects) =
            Site::new(self.own.clone(), plan.settings.clone(), site.durable().clone(), self.clock.monotonic());
        self.running = Some(Running::new(site, log, Some(plan)));
        self.is_to_tell = true;
        self.set_roster();
        self.perform(effects).await;
    }

    /// Takes part no longer.
    fn leave(&mut self, is_to_forget: bool) {
        self.running = None;
        for suffix in ["", "-wal", "-shm"] {
            let mut path = self.place.log.clone().into_os_string();
            path.push(suffix);
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    tracing::error!(file = %PathBuf::from(path).display(), reason = %error, "the log cannot be removed");
                }
                _ => {}
            }
        }
        self.keep_known(KnownSites::new());
        if is_to_forget {
            self.gslb = None;
            self.show(Show::Nothing);
        }
        tracing::info!("this site takes part in no GSLB of several sites any more");
    }

    /// Goes on from the disk.
    fn resume(&mut self) -> anyhow::Result<()> {
        let log = self.open_log(&Durable::new(self.own.clone()))?;
        let durable = log.lock().load()?;
        let gslb = durable.log.state_at(durable.applied);
        let gslb = gslb.objects().find(|stored| stored.object.kind == "gslb").map(|stored| Arc::clone(&stored.object));
        let plan = gslb.and_then(|object| {
            let modified_us = i64::try_from(object.last_modified_us).unwrap_or(i64::MAX);
            let unpacked = self.live.read(|live| federated::unpack(&live.projection, &object.body, modified_us));
            unpacked.ok().map(|gslb| Plan::read(&gslb, Some(&durable.log.state_at(durable.applied))))
        });
        let settings = match &plan {
            Some(plan) => plan.settings.clone(),
            None => Settings::new([durable.term.leader.clone(), self.own.clone()]),
        };
        let (site, effects) = Site::new(self.own.clone(), settings, durable, self.clock.monotonic());
        let saves: Vec<Save> = effects
            .iter()
            .filter_map(|effect| if let Effect::Save(save) = effect { Some(save.clone()) } else { None })
            .collect();
        log.lock().save(&saves)?;
        self.is_to_tell = true;
        self.running = Some(Running::new(site, log, plan));
        self.set_roster();
        Ok(())
    }

    fn is_broken(&mut self, error: &anyhow::Error) {
        tracing::error!(reason = format!("{error:#}"), "the log of federated objects cannot be used; trying again");
        self.running = None;
        self.broken_until = Some(self.clock.monotonic().saturating_add(RETRY));
    }

    fn open_log(&self, first: &Durable) -> anyhow::Result<Arc<Mutex<SiteLog>>> {
        let key = seal::Key::new(&self.place.key).context("using the key of the data directory")?;
        Ok(Arc::new(Mutex::new(SiteLog::open(&self.place.log, key, first)?)))
    }

    fn open_link(&mut self) -> anyhow::Result<()> {
        if self.link.is_some() {
            return Ok(());
        }
        let listener = listen::bind(crate::Listen::At(self.place.listen)).context("opening the link to other sites")?;
        let identity = Identity::open(&self.place.identity).context("opening the identity of this site")?;
        *self.shared.certificate.lock() = identity.certificate_pem().to_owned();
        let config = LinkConfig {
            own: self.own.clone(),
            listener,
            identity,
            software: env!("CARGO_PKG_VERSION").to_owned(),
            keep_alive: LinkConfig::KEEP_ALIVE,
            handler: Arc::new(NothingToForward),
        };
        let link = Link::start(config, self.roster.subscribe(), self.incoming.0.clone())?;
        tracing::info!(address = %link.local_addr(), "the link to other sites is open");
        self.shared.opened(&link);
        self.link = Some(link);
        Ok(())
    }

    fn show(&self, step: Show) {
        let _ = self.show.send(step);
    }

    /// What the API shows of this.
    fn publish(&self) {
        let Some(running) = &self.running else {
            self.shared.replication.lock().take();
            return;
        };
        let (durable, term) = (running.site.durable(), running.site.term());
        let held = running.site.peers().map(|(id, peer)| (id.to_string(), peer.held.0)).collect();
        let replication = Replication {
            is_leader: running.site.is_leader(),
            leader: term.leader.to_string(),
            view: term.view,
            last: durable.log.last().revision.0,
            applied: durable.applied.0,
            aside: durable.aside.len(),
        };
        *self.shared.replication.lock() = Some((replication, held));
    }
}

impl Running {
    fn new(site: Site, log: Arc<Mutex<SiteLog>>, plan: Option<Plan>) -> Self {
        Self { site, log, waiting: BTreeMap::new(), plan, next: None, ends_at: None }
    }
}

/// Requests of other sites: there are none in this release.
struct NothingToForward;

#[async_trait]
impl site_link::Handler for NothingToForward {
    async fn answer(&self, _from: &SiteId, _request: Vec<u8>) -> Result<Vec<u8>, String> {
        Err("this release answers no requests of other sites".to_owned())
    }
}

/// Waits for the disk, on a thread that may.
async fn save(log: Arc<Mutex<SiteLog>>, saves: Vec<Save>) -> anyhow::Result<()> {
    let saving = tokio::task::spawn_blocking(move || log.lock().save(&saves));
    Ok(saving.await.context("writing the log of federated objects")??)
}

/// The site that an entry tells of.
fn met_in(entry: &Entry) -> Option<(String, Known)> {
    match &entry.change {
        Change::Put(object) => known::read(object),
        _ => None,
    }
}

/// The write that makes the Gslb name its leader; `None` when it does.
fn led(view: &State, gslb: &str, term: &Term) -> Option<Write> {
    let object = &view.get(gslb)?.object;
    let mut packed: serde_json::Value = serde_json::from_slice(&object.body).ok()?;
    let body = packed.pointer_mut("/object/body")?;
    let leader = body.get("leader_cluster_uuid").and_then(serde_json::Value::as_str);
    let view_id = body.get("view_id").and_then(serde_json::Value::as_u64);
    if leader == Some(term.leader.as_str()) && view_id == Some(term.view) {
        return None;
    }
    body["leader_cluster_uuid"] = term.leader.as_str().into();
    body["view_id"] = term.view.into();
    let body = packed.to_string().into_bytes().into();
    let based_on = Some(object.last_modified_us);
    Some(Write::Put { uuid: gslb.to_owned(), kind: object.kind.clone(), claims: Vec::new(), body, based_on })
}

fn told(refusal: &Refusal) -> SitesError {
    match refusal {
        Refusal::NoLease | Refusal::Busy => SitesError::Unavailable(refusal.to_string()),
        Refusal::Exists { .. } | Refusal::Absent { .. } | Refusal::Conflict { .. } => {
            SitesError::Unavailable(format!("{refusal}: try again"))
        }
        _ => SitesError::Refused(refusal.to_string()),
    }
}
