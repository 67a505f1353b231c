//! The one who acts for this site: feeds the state machine, and does what it says.

mod acquaintance;
mod confirm;
mod disk;
mod effects;
mod gslb;
mod lead;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::Context;
use controller_api::{Clock, Files, LiveProjection, Replication, SitesError};
use objects::Object;
use parking_lot::Mutex;
use site_link::{Link, Roster};
use site_log::SiteLog;
use site_replication::{Leadership, Message, Refusal, Revision, Site, SiteId, Term, Write};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};

use self::confirm::Unconfirmed;
use super::{
    Published, Shared,
    known::{Introduction, Invitation, KnownSites},
    plan::Plan,
    shower::Show,
    sight::Basis,
    switch::Switchboard,
};

/// Longest wait between two looks at the clock; half a heartbeat of an elected leader.
const TICK: Duration = Duration::from_millis(100);
/// Time between two looks at what others are told of this site.
const TELL_EVERY: Duration = Duration::from_millis(300);
/// Pause before a log that could not be written is read and used again.
const RETRY: Duration = Duration::from_secs(1);
/// How long the others have to say that a site is none of them before it believes it.
const DISOWNED_FOR: Duration = Duration::from_secs(5);
/// Time between two invitations of sites that no link stands to.
const INVITE_EVERY: Duration = Duration::from_secs(10);
/// How long a site that is taken out of the Gslb may take to hear of it.
const FAREWELL: Duration = Duration::from_secs(3);
/// Entries kept for sites that are away; who was away for longer gets everything.
const HISTORY: u64 = 100_000;
/// Entries beyond [`HISTORY`] that are cut together.
const CUT_EVERY: u64 = 10_000;
/// Messages taken from the link that wait here.
pub(super) const INCOMING_MAX: usize = 1_024;

/// A message and who sent it.
type Incoming = (SiteId, Message);

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
    /// What federated files hold.
    pub(super) files: Files,
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
    pub(super) incoming: (mpsc::Sender<Incoming>, mpsc::Receiver<Incoming>),
    pub(super) roster: watch::Sender<Arc<Roster>>,
    pub(super) known: KnownSites,
    /// Answers requests of other sites.
    pub(super) switchboard: Arc<Switchboard>,
    running: Option<Running>,
    /// The Gslb as it was when it was looked at last.
    gslb: Option<Arc<Object>>,
    /// Something that the leader tells in the log may have changed.
    is_to_tell: bool,
    /// The log could not be used; when to try again.
    broken_until: Option<Duration>,
    /// When to look again at what others are told of this site.
    tell_at: Duration,
    /// What others were last told of this site comes from this.
    told_of: Option<Basis>,
    /// Sites that were taken out of the Gslb.
    removed: BTreeSet<SiteId>,
    /// Since when the others say that this site is none of them.
    disowned_since: Option<Duration>,
    /// The term that this site was last said to lead in.
    led: Option<Term>,
    /// What goes to the others when the own engines run it, where they are asked.
    unconfirmed: Option<Unconfirmed>,
    /// When what cannot be shown here is tried again.
    resync_at: Duration,
    /// When to ask sites again that are away.
    invite_at: Duration,
    /// Those that are being asked.
    invitations: JoinSet<()>,
}

impl Actor {
    pub(super) fn new(
        own: SiteId,
        place: Place,
        live: Arc<LiveProjection>,
        clock: Arc<dyn Clock>,
        shared: Arc<Shared>,
        show: mpsc::UnboundedSender<Show>,
        switchboard: Arc<Switchboard>,
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
            switchboard,
            running: None,
            gslb: None,
            is_to_tell: false,
            broken_until: None,
            tell_at: Duration::ZERO,
            told_of: None,
            removed: BTreeSet::new(),
            disowned_since: None,
            led: None,
            unconfirmed: None,
            resync_at: Duration::ZERO,
            invite_at: Duration::ZERO,
            invitations: JoinSet::new(),
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
        // Who asked looks at once at what became of it.
        self.publish();
        Some(Ok(()))
    }

    /// What is due by the clock.
    async fn tick(&mut self) {
        let now = self.clock.monotonic();
        if let Some(link) = self.link.as_ref().filter(|_| now >= self.tell_at) {
            self.tell_at = now.saturating_add(TELL_EVERY);
            if let Some((state, basis)) = self.shared.state(self.told_of.as_ref()) {
                link.tell(state);
                self.told_of = Some(basis);
            }
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
        self.confirm().await;
        self.show_again(now);
        self.invite_again();
        self.leave_if_disowned();
        self.part().await;
    }

    /// Tries again what could not be shown, as often as the Gslb says (avi-api 5.3: `error_resync_interval`).
    fn show_again(&mut self, now: Duration) {
        let Some(running) = &self.running else { return };
        let Some(every) = running.plan.as_ref().and_then(|plan| plan.resync_every) else { return };
        if self.shared.skipped.load(Ordering::Relaxed) == 0 {
            self.resync_at = now.saturating_add(every);
        } else if now >= self.resync_at {
            self.resync_at = now.saturating_add(every);
            self.show(Show::All(Box::new(running.site.view().clone())));
        }
    }

    fn show(&self, step: Show) {
        let _ = self.show.send(step);
    }

    /// What the API shows of this.
    fn publish(&self) {
        let Some(running) = &self.running else {
            self.shared.replication.send_replace(None);
            return;
        };
        let (durable, term) = (running.site.durable(), running.site.term());
        let heard = running.site.peers().filter(|(_, peer)| peer.heard.is_some());
        let held = heard.map(|(id, peer)| (id.to_string(), peer.held.0)).collect();
        let replication = Replication {
            is_leader: running.site.is_leader(),
            leader: term.leader.to_string(),
            is_led: running.site.is_led(self.clock.monotonic()),
            view: term.view,
            last: durable.log.last().revision.0,
            applied: durable.applied.0,
            aside: durable.aside.len(),
        };
        self.shared.replication.send_replace(Some(Published { replication, held }));
    }
}

impl Running {
    fn new(site: Site, log: Arc<Mutex<SiteLog>>, plan: Option<Plan>) -> Self {
        Self { site, log, waiting: BTreeMap::new(), plan, next: None, ends_at: None }
    }
}

fn told(refusal: &Refusal) -> SitesError {
    match refusal {
        Refusal::NoLeader | Refusal::NoLease | Refusal::Busy => SitesError::Unavailable(refusal.to_string()),
        Refusal::Exists { .. } | Refusal::Absent { .. } | Refusal::Conflict { .. } => {
            SitesError::Unavailable(format!("{refusal}: try again"))
        }
        _ => SitesError::Refused(refusal.to_string()),
    }
}
