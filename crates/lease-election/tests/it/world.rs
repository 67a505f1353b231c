//! Clusters with a lease each, candidates with a clock each, and an observer who sees everything.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lease_election::{Answer, Ask, Call, Candidate, Record, Seen, Timing};

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

/// A caller gives up after this, by its own clock.
const PATIENCE_US: u64 = 2_000_000;
/// Longest ordinary way.
const DELAY_US: u64 = 40_000;

pub(crate) const TIMING: Timing = Timing::DEFAULT;

enum Event {
    Step { node: usize, boot: u64 },
    Arrive { node: usize, boot: u64, number: u64, ask: Ask },
    Answer { node: usize, boot: u64, number: u64, cluster: usize, answer: Answer },
}

pub(crate) struct Node {
    /// `None` while it is down.
    pub(crate) candidate: Option<Candidate>,
    pub(crate) paused_until: u64,
    pub(crate) stands: bool,
    boot: u64,
    offset: u64,
    rate_ppm: u64,
    /// Numbers of the calls that are still waited for, by cluster.
    waits: BTreeMap<usize, u64>,
}

pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) dice: Dice,
    pub(crate) nodes: Vec<Node>,
    leases: Vec<Option<(u64, Record)>>,
    versions: u64,
    calls: u64,
    events: BTreeMap<(u64, u64), Event>,
    order: u64,
    /// Pairs of candidate and cluster between which nothing goes.
    pub(crate) cut: BTreeSet<(usize, usize)>,
    pub(crate) loss_percent: u64,
    /// Ways that take up to ten seconds.
    pub(crate) detour_percent: u64,
    /// Terms that led, each with who did.
    pub(crate) terms: Vec<(u64, usize)>,
}

impl World {
    pub(crate) fn new(seed: u64, nodes: usize, clusters: usize) -> Self {
        let mut world = Self {
            now: 0,
            dice: Dice(seed),
            nodes: vec![],
            leases: vec![None; clusters],
            versions: 0,
            calls: 0,
            events: BTreeMap::new(),
            order: 0,
            cut: BTreeSet::new(),
            loss_percent: 0,
            detour_percent: 0,
            terms: vec![],
        };
        for node in 0..nodes {
            // Steady clocks that began at any time and run up to 5 % too fast or too slow.
            let (offset, rate_ppm) = (world.dice.below(1 << 40), 950_000 + world.dice.below(100_000));
            world.nodes.push(Node {
                candidate: None,
                paused_until: 0,
                stands: true,
                boot: 0,
                offset,
                rate_ppm,
                waits: BTreeMap::new(),
            });
            world.start(node);
        }
        world
    }

    pub(crate) fn start(&mut self, node: usize) {
        let clusters = self.leases.len();
        let one = &mut self.nodes[node];
        one.boot += 1;
        one.waits.clear();
        let name = format!("c{node}/{}", one.boot);
        one.candidate = Some(Candidate::new(name, clusters, TIMING, node == 0));
        let boot = one.boot;
        self.at(self.now, Event::Step { node, boot });
    }

    pub(crate) fn kill(&mut self, node: usize) {
        self.nodes[node].candidate = None;
        self.nodes[node].boot += 1;
    }

    /// Gives back what it holds, as a process does that ends.
    pub(crate) fn resign(&mut self, node: usize) {
        let now = self.local(node);
        let asks = self.nodes[node].candidate.as_mut().unwrap().resign(now);
        self.send(node, asks);
    }

    /// Who leads now, and in which term.
    pub(crate) fn leaders(&self) -> Vec<(usize, u64)> {
        let of = |node: usize| {
            let candidate = self.nodes[node].candidate.as_ref()?;
            candidate.mandate(self.local(node)).map(|mandate| (node, mandate.term))
        };
        (0..self.nodes.len()).filter_map(of).collect()
    }

    /// Lets time pass until `end`, and checks at each event that there is one writer, in a term that is new.
    #[track_caller]
    pub(crate) fn run_until(&mut self, end: u64) {
        while let Some(((at, _), _)) = self.events.first_key_value() {
            if *at > end {
                break;
            }
            let ((at, _), event) = self.events.pop_first().unwrap();
            self.now = self.now.max(at);
            self.happen(event);
            self.check();
        }
        self.now = end;
        self.check();
    }

    #[track_caller]
    pub(crate) fn run_for(&mut self, seconds: u64) {
        self.run_until(self.now + seconds * 1_000_000);
    }

    #[track_caller]
    fn check(&mut self) {
        let leaders = self.leaders();
        assert!(leaders.len() <= 1, "two writers at {} us: {leaders:?}", self.now);
        if let [(node, term)] = leaders[..] {
            match self.terms.last() {
                Some(&last) if last == (term, node) => {}
                Some(&(last, _)) => {
                    assert!(term > last, "term {term} after {last} at {} us", self.now);
                    self.terms.push((term, node));
                }
                None => self.terms.push((term, node)),
            }
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Step { node, boot } => {
                if let Some(later) = self.absent(node, boot) {
                    return if later > 0 {
                        self.at(later, Event::Step { node, boot })
                    };
                }
                self.step(node);
                let (now, local) = (self.now, self.local(node));
                let wake = self.nodes[node].candidate.as_ref().unwrap().wake(local);
                let wait = u64::try_from((wake - local).as_micros()).unwrap().max(1000);
                self.at(now + wait, Event::Step { node, boot });
            }
            Event::Arrive { node, boot, number, ask } => {
                if self.cut.contains(&(node, ask.cluster)) {
                    return;
                }
                let answer = self.serve(&ask);
                if !self.dice.chance(self.loss_percent) {
                    let at = self.now + self.way();
                    self.at(at, Event::Answer { node, boot, number, cluster: ask.cluster, answer });
                }
            }
            Event::Answer { node, boot, number, cluster, answer } => {
                if self.cut.contains(&(node, cluster)) && answer != Answer::Lost {
                    return;
                }
                if let Some(later) = self.absent(node, boot) {
                    if later > 0 {
                        self.at(later, Event::Answer { node, boot, number, cluster, answer });
                    }
                    return;
                }
                if self.nodes[node].waits.get(&cluster) != Some(&number) {
                    return;
                }
                self.nodes[node].waits.remove(&cluster);
                let local = self.local(node);
                self.nodes[node].candidate.as_mut().unwrap().answered(cluster, answer, local);
                self.check();
                self.step(node);
            }
        }
    }

    /// When to come again to a candidate that cannot act: 0 for never; `None` for one that can.
    fn absent(&self, node: usize, boot: u64) -> Option<u64> {
        let one = &self.nodes[node];
        if one.boot != boot || one.candidate.is_none() {
            return Some(0);
        }
        (one.paused_until > self.now).then_some(one.paused_until)
    }

    fn step(&mut self, node: usize) {
        let (local, draw) = (self.local(node), self.dice.draw());
        let one = &mut self.nodes[node];
        let asks = one.candidate.as_mut().unwrap().step(local, one.stands, draw);
        self.send(node, asks);
    }

    fn send(&mut self, node: usize, asks: Vec<Ask>) {
        for ask in asks {
            self.calls += 1;
            let (number, boot, cluster) = (self.calls, self.nodes[node].boot, ask.cluster);
            self.nodes[node].waits.insert(cluster, number);
            let gives_up = self.now + PATIENCE_US * 1_000_000 / self.nodes[node].rate_ppm;
            self.at(gives_up, Event::Answer { node, boot, number, cluster, answer: Answer::Lost });
            if !self.dice.chance(self.loss_percent) {
                let at = self.now + self.way();
                self.at(at, Event::Arrive { node, boot, number, ask });
            }
        }
    }

    /// What an API server does, whoever asks and whether or not it still waits.
    fn serve(&mut self, ask: &Ask) -> Answer {
        let lease = &mut self.leases[ask.cluster];
        let version = lease.as_ref().map(|(version, _)| version.to_string());
        let record = match &ask.call {
            Call::Read => {
                let seen = lease.as_ref().map(|(v, record)| Seen { version: v.to_string(), record: record.clone() });
                return Answer::Read(seen);
            }
            Call::Create(record) if version.is_none() => record,
            Call::Replace { version: expected, record } if version.as_ref() == Some(expected) => record,
            Call::Create(_) | Call::Replace { .. } => return Answer::Conflict,
        };
        let before = lease.as_ref().map_or(0, |(_, before)| before.term);
        assert!(record.term >= before, "a record's term went back");
        self.versions += 1;
        *lease = Some((self.versions, record.clone()));
        Answer::Written(self.versions.to_string())
    }

    fn way(&mut self) -> u64 {
        let end = if self.dice.chance(self.detour_percent) { 10_000_000 } else { DELAY_US };
        1 + self.dice.below(end)
    }

    fn local(&self, node: usize) -> Duration {
        let one = &self.nodes[node];
        Duration::from_micros(one.offset + self.now * one.rate_ppm / 1_000_000)
    }

    fn at(&mut self, at: u64, event: Event) {
        self.order += 1;
        self.events.insert((at, self.order), event);
    }
}
