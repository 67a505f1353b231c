//! A small world: sites with disks and clocks of their own, a network that loses, doubles, delays and reorders.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use site_replication::{Durable, Effect, Entry, Message, Refusal, Revision, Settings, Site, SiteId, Term, Write};

/// SplitMix64: small, seeded, the same everywhere.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.draw() % end
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// Uuid of the object that says which sites are active, where a history has it.
pub(crate) const GSLB: &str = "gslb-1";

/// Longest way of a message without a detour.
const DELAY_US: u64 = 20_000;

/// What happens at a moment.
#[derive(Debug)]
enum Event {
    Tick {
        node: usize,
        boot: u64,
    },
    Deliver {
        from: usize,
        to: usize,
        message: Message,
    },
    /// What a supervisor does after a program ended.
    Restart {
        node: usize,
        boot: u64,
    },
}

/// A site with what surrounds it.
pub(crate) struct Node {
    pub(crate) id: SiteId,
    pub(crate) settings: Settings,
    /// What would survive a crash, built from saves alone.
    pub(crate) disk: Durable,
    /// `None` while it is down.
    pub(crate) site: Option<Site>,
    pub(crate) paused_until: u64,
    disk_full_until: u64,
    /// It was invited by a [`GSLB`] of this revision. Older ones, which it shows while it catches up, are without it.
    pub(crate) invited_at: Revision,
    boot: u64,
    /// Local clock: `offset + now * rate / 1e6`, in microseconds.
    offset: u64,
    rate: u64,
    /// Its wall clock is off by this.
    wall_skew: u64,
    /// Writes that wait for an answer.
    pending: BTreeMap<Revision, (Term, String)>,
}

/// All sites, and what an observer who sees everything has noted.
pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) dice: Dice,
    pub(crate) nodes: Vec<Node>,
    /// Pairs that do not hear each other.
    pub(crate) cut: BTreeSet<(usize, usize)>,
    pub(crate) loss_percent: u64,
    pub(crate) double_percent: u64,
    /// Messages that take a way forty times as long, and are overtaken by many.
    pub(crate) detour_percent: u64,
    /// Writes after which the machine stops, when its disk has them and one site was told.
    pub(crate) stop_percent: u64,
    /// Transactions in a thousand that a disk fails; some disks stay full for a while.
    pub(crate) disk_permille: u64,
    /// Transactions that failed.
    pub(crate) failed_saves: u64,
    /// Sites that are to be active; those of whom [`Node::settings`] says so follow one by one.
    pub(crate) active: BTreeSet<SiteId>,
    /// Revision of the [`GSLB`] that said so.
    active_since: Revision,
    /// Acknowledged writes.
    pub(crate) acknowledged: BTreeSet<(Revision, Term)>,
    /// Bodies of acknowledged writes.
    pub(crate) acknowledged_names: BTreeSet<String>,
    /// What any site showed.
    pub(crate) shown: BTreeMap<Revision, Arc<Entry>>,
    /// Two sites never write in one moment (elected only).
    pub(crate) one_writer: bool,
    /// What was sent, from whom to whom, where a test wants to say it again.
    pub(crate) overheard: Option<Vec<(usize, usize, Message)>>,
    /// Messages that carried everything, other messages of leaders, and entries in those.
    pub(crate) bases: u64,
    pub(crate) appends: u64,
    pub(crate) entries_sent: u64,
    events: BinaryHeap<Reverse<(u64, u64)>>,
    bodies: BTreeMap<u64, Event>,
    counter: u64,
}

impl World {
    pub(crate) fn new(seed: u64, sites: usize, one_writer: bool, settings: impl Fn(&mut Settings)) -> Self {
        let ids: Vec<SiteId> = (0..sites).map(|n| SiteId::from(format!("cluster-{n}").as_str())).collect();
        let mut all = Settings::new(ids.iter().cloned());
        settings(&mut all);
        let mut dice = Dice(seed);
        let drift = u64::from(all.timing.drift_ppm);
        let nodes = ids
            .iter()
            .map(|id| Node {
                id: id.clone(),
                settings: all.clone(),
                disk: Durable::new(ids[0].clone()),
                site: None,
                paused_until: 0,
                disk_full_until: 0,
                invited_at: Revision(0),
                boot: 0,
                offset: 0,
                rate: 1_000_000 - drift + dice.below(2 * drift + 1),
                wall_skew: dice.below(7_200_000_000),
                pending: BTreeMap::new(),
            })
            .collect();
        let mut world = Self {
            now: 0,
            dice,
            nodes,
            cut: BTreeSet::new(),
            loss_percent: 0,
            double_percent: 0,
            detour_percent: 0,
            stop_percent: 0,
            disk_permille: 0,
            failed_saves: 0,
            active: all.active,
            active_since: Revision(0),
            acknowledged: BTreeSet::new(),
            acknowledged_names: BTreeSet::new(),
            shown: BTreeMap::new(),
            one_writer,
            overheard: None,
            bases: 0,
            appends: 0,
            entries_sent: 0,
            events: BinaryHeap::new(),
            bodies: BTreeMap::new(),
            counter: 0,
        };
        for node in 0..sites {
            world.start(node);
        }
        world
    }

    /// A site starts from its disk, with a clock that begins anywhere.
    pub(crate) fn start(&mut self, at: usize) {
        let offset = self.dice.below(1_000_000_000);
        let node = &mut self.nodes[at];
        node.offset = offset;
        node.boot += 1;
        let clock = node.clock(self.now);
        let (site, effects) = Site::new(node.id.clone(), node.settings.clone(), node.disk.clone(), clock);
        node.site = Some(site);
        let boot = node.boot;
        self.perform(at, effects, usize::MAX);
        self.schedule(self.now + 1, Event::Tick { node: at, boot });
    }

    /// A site is gone, with all that was not on its disk.
    pub(crate) fn crash(&mut self, at: usize) {
        self.nodes[at].site = None;
        self.nodes[at].pending.clear();
        self.nodes[at].paused_until = 0;
    }

    /// A site starts again with the active sites that there are to be.
    pub(crate) fn take_active(&mut self, at: usize) {
        self.nodes[at].settings.active = self.active.clone();
        self.nodes[at].invited_at = self.active_since;
        if self.nodes[at].site.is_some() {
            self.crash(at);
            self.start(at);
        }
    }

    /// A site that shows another [`GSLB`] than it knew starts again with its sites, as a controller does.
    fn heed_gslb(&mut self, at: usize) {
        let Some(site) = &self.nodes[at].site else { return };
        let Some(stored) = site.view().get(GSLB) else { return };
        let body = String::from_utf8(stored.object.body.to_vec()).expect("it was made of text");
        let (active, revision): (BTreeSet<_>, _) = (body.split(' ').map(SiteId::from).collect(), stored.revision);
        if revision > self.active_since {
            (self.active, self.active_since) = (active.clone(), revision);
        }
        if self.nodes[at].settings.active != active && revision >= self.nodes[at].invited_at {
            self.nodes[at].settings.active = active;
            self.crash(at);
            self.start(at);
        }
    }

    /// A site that does not know yet which sites are to be active.
    pub(crate) fn out_of_date(&self) -> Option<usize> {
        self.nodes.iter().position(|node| node.settings.active != self.active)
    }

    /// Nothing reaches `at`, or leaves it.
    pub(crate) fn isolate(&mut self, at: usize) {
        for other in (0..self.nodes.len()).filter(|other| *other != at) {
            self.cut.insert((at, other));
            self.cut.insert((other, at));
        }
    }

    /// Lets `us` microseconds pass.
    pub(crate) fn run(&mut self, us: u64) {
        let end = self.now + us;
        while let Some(Reverse((at, key))) = self.events.peek().copied() {
            if at > end {
                break;
            }
            self.events.pop();
            self.now = at;
            let event = self.bodies.remove(&key).expect("an event has a body");
            self.happen(event);
            self.observe();
        }
        self.now = end;
        self.observe();
    }

    /// Runs until `done`, at most `us`; whether it came to that.
    pub(crate) fn run_until(&mut self, us: u64, done: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + us;
        while self.now < end {
            if done(self) {
                return true;
            }
            self.run(50_000);
        }
        done(self)
    }

    /// Does something at a site that is up.
    pub(crate) fn ask<T>(
        &mut self,
        at: usize,
        act: impl FnOnce(&mut Site, Duration, u64) -> Result<(T, Vec<Effect>), Refusal>,
    ) -> Result<T, Refusal> {
        let node = &mut self.nodes[at];
        let (clock, wall) = (node.clock(self.now), self.now + node.wall_skew);
        let site = node.site.as_mut().expect("the site is up");
        let (value, effects) = act(site, clock, wall)?;
        self.perform(at, effects, usize::MAX);
        self.observe();
        Ok(value)
    }

    /// Writes at `at`; the answer comes later, if it comes.
    pub(crate) fn write(&mut self, at: usize, write: Write) -> Result<Revision, Refusal> {
        let node = &mut self.nodes[at];
        let (clock, wall) = (node.clock(self.now), self.now + node.wall_skew);
        let site = node.site.as_mut().expect("the site is up");
        let name = match &write {
            Write::Put { body, .. } => String::from_utf8_lossy(body).into_owned(),
            Write::Delete { uuid, .. } => uuid.clone(),
        };
        let (revision, effects) = site.write(clock, wall, write)?;
        let term = site.term().clone();
        node.pending.insert(revision, (term, name));
        let sends = if self.dice.chance(self.stop_percent) { 1 } else { usize::MAX };
        self.perform(at, effects, sends);
        self.observe();
        Ok(revision)
    }

    pub(crate) fn writer(&self) -> Option<usize> {
        (0..self.nodes.len()).find(|at| self.writes(*at))
    }

    pub(crate) fn site(&self, at: usize) -> &Site {
        self.nodes[at].site.as_ref().expect("the site is up")
    }

    /// Active sites, as it is to be.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| self.active.contains(&node.id))
    }

    /// All are up and show the same, and it is all that there is.
    pub(crate) fn converged(&self) -> bool {
        let Some(writer) = self.writer() else { return false };
        let end = self.site(writer).durable().log.last();
        self.members().all(|node| {
            node.site.as_ref().is_some_and(|site| {
                site.durable().log.last() == end
                    && site.durable().applied == end.revision
                    && site.view() == self.site(writer).view()
            })
        })
    }

    /// For people: what each site has, and has shown.
    pub(crate) fn ends(&self) -> Vec<String> {
        let end = |node: &Node| {
            let (disk, active) = (&node.disk, node.settings.active.iter().map(ToString::to_string).collect::<Vec<_>>());
            let (term, last, applied) = (&disk.term, disk.log.last().revision.0, disk.applied.0);
            format!(
                "{}: view {} of {}, log to {last}, shown to {applied}, knows {active:?}",
                node.id, term.view, term.leader
            )
        };
        self.nodes.iter().map(end).collect()
    }

    fn writes(&self, at: usize) -> bool {
        let node = &self.nodes[at];
        node.site.as_ref().is_some_and(|site| site.is_writer(node.clock(self.now)))
    }

    fn observe(&self) {
        if self.one_writer {
            let writers: Vec<_> = (0..self.nodes.len()).filter(|at| self.writes(*at)).collect();
            assert!(writers.len() <= 1, "sites {writers:?} write at {} us", self.now);
        }
    }

    fn schedule(&mut self, at: u64, event: Event) {
        self.counter += 1;
        self.events.push(Reverse((at, self.counter)));
        self.bodies.insert(self.counter, event);
    }

    fn happen(&mut self, event: Event) {
        let to = match &event {
            Event::Tick { node, boot } if self.nodes[*node].boot == *boot => *node,
            Event::Restart { node, boot } => {
                if self.nodes[*node].boot == *boot && self.nodes[*node].site.is_none() {
                    self.start(*node);
                }
                return;
            }
            Event::Tick { .. } => return,
            Event::Deliver { to, .. } => *to,
        };
        if self.nodes[to].site.is_none() {
            return;
        }
        if self.nodes[to].paused_until > self.now {
            let until = self.nodes[to].paused_until;
            self.schedule(until, event);
            return;
        }
        let clock = self.nodes[to].clock(self.now);
        let draw = self.dice.draw();
        let sender = if let Event::Deliver { from, .. } = &event { Some(self.nodes[*from].id.clone()) } else { None };
        let Some(site) = &mut self.nodes[to].site else { return };
        let effects = match event {
            Event::Tick { node, boot } => {
                let effects = site.tick(clock, draw);
                self.schedule(self.now + 50_000, Event::Tick { node, boot });
                effects
            }
            Event::Deliver { message, .. } => site.receive(clock, &sender.expect("it has a sender"), message),
            Event::Restart { .. } => return,
        };
        self.perform(to, effects, usize::MAX);
    }

    /// Does what `at` wants done; its machine stops after `sends` messages.
    fn perform(&mut self, at: usize, effects: Vec<Effect>, mut sends: usize) {
        if effects.iter().any(|effect| matches!(effect, Effect::Save(_))) && self.disk_fails(at) {
            return;
        }
        let before = self.nodes[at].disk.applied;
        for effect in effects {
            match effect {
                Effect::Save(save) => self.nodes[at].disk.save(&save),
                Effect::Apply(entry) if self.one_writer => {
                    let first = self.shown.entry(entry.revision).or_insert_with(|| Arc::clone(&entry));
                    assert_eq!(*first, entry, "two sites show different changes as one revision");
                }
                Effect::Apply(_) | Effect::Replace | Effect::Lead(_) => {}
                Effect::Send(to, message) => {
                    if sends == 0 {
                        self.crash(at);
                        return;
                    }
                    sends -= 1;
                    let to = self.nodes.iter().position(|node| node.id == to).expect("a known site");
                    self.transmit(at, to, &message);
                }
                Effect::Acknowledge(through) => {
                    let later = self.nodes[at].pending.split_off(&through.next());
                    let done = std::mem::replace(&mut self.nodes[at].pending, later);
                    for (revision, (term, name)) in done {
                        self.acknowledged.insert((revision, term));
                        self.acknowledged_names.insert(name);
                    }
                }
                Effect::Abandon(_) | Effect::Follow => self.nodes[at].pending.clear(),
            }
        }
        let node = &self.nodes[at];
        assert!(!self.one_writer || node.disk.applied >= before, "what was shown goes back");
        if node.disk.applied != before {
            self.heed_gslb(at);
        }
    }

    /// Whether nothing could be saved; then the program has ended, and starts again from what its disk has.
    fn disk_fails(&mut self, at: usize) -> bool {
        if self.disk_permille == 0
            || self.nodes[at].disk_full_until <= self.now && self.dice.below(1_000) >= self.disk_permille
        {
            return false;
        }
        if self.dice.chance(30) {
            self.nodes[at].disk_full_until = self.now + self.dice.below(2_000_000);
        }
        self.failed_saves += 1;
        self.crash(at);
        let (again, boot) = (self.now + 100_000 + self.dice.below(1_000_000), self.nodes[at].boot);
        self.schedule(again, Event::Restart { node: at, boot });
        true
    }

    fn transmit(&mut self, from: usize, to: usize, message: &Message) {
        match message {
            Message::Base { .. } => self.bases += 1,
            Message::Append { entries, .. } => {
                self.appends += 1;
                self.entries_sent += entries.len() as u64;
            }
            _ => {}
        }
        if let Some(overheard) = &mut self.overheard {
            overheard.push((from, to, message.clone()));
        }
        let copies = if self.dice.chance(self.double_percent) { 2 } else { 1 };
        for _ in 0..copies {
            if !self.cut.contains(&(from, to)) && !self.dice.chance(self.loss_percent) {
                let times = if self.dice.chance(self.detour_percent) { 40 } else { 1 };
                let delay = 500 + self.dice.below(DELAY_US * times);
                self.schedule(self.now + delay, Event::Deliver { from, to, message: message.clone() });
            }
        }
    }
}

impl Node {
    fn clock(&self, now: u64) -> Duration {
        Duration::from_micros(self.offset + now * self.rate / 1_000_000)
    }
}

/// A write that creates an object with this name.
pub(crate) fn create(name: &str) -> Write {
    Write::Put {
        uuid: format!("gslbservice-{name}"),
        kind: "gslbservice".to_owned(),
        claims: vec![format!("gslbservice/admin/{name}")],
        body: name.as_bytes().into(),
        based_on: None,
    }
}
