//! Ten thousand histories, each from a seed; `cargo xtask sim` for ten times as many, with `--seed N` to see one again.

use std::time::Duration;

use site_replication::{Change, Leadership, State, Write};

use crate::world::{GSLB, Node, World, create};

const HISTORIES: u64 = 10_000;
/// What an election takes when all hear each other, and a copy of everything, with room for bad dice.
const SETTLES_WITHIN_US: u64 = 60_000_000;

#[test]
fn in_ten_thousand_histories_nobody_writes_beside_another_and_nothing_acknowledged_is_lost() {
    if let Some(seed) = number("SIM_SEED") {
        history(seed);
        return;
    }
    let histories = number("SIM_HISTORIES").unwrap_or(HISTORIES);
    let workers = std::thread::available_parallelism().map_or(2, |n| n.get() as u64);
    let totals: Vec<Totals> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers)
            .map(|worker| {
                scope.spawn(move || {
                    let mut totals = Totals::default();
                    for seed in (worker..histories).step_by(usize::try_from(workers).unwrap()) {
                        let done = std::panic::catch_unwind(|| history(seed));
                        totals.add(&done.unwrap_or_else(|_| panic!("SIM_SEED={seed} shows it again")));
                    }
                    totals
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no history failed")).collect()
    });
    let mut sum = Totals::default();
    totals.iter().for_each(|one| sum.add(one));
    println!(
        "{histories} histories: {} writes acknowledged, {} terms, {} saves failed, {} changes of active sites",
        sum.acknowledged, sum.terms, sum.failed_saves, sum.changes
    );
    assert!(sum.acknowledged > histories, "histories in which nothing is written show nothing");
    assert!(sum.terms > histories, "histories in which nobody else leads show nothing");
    assert!(
        sum.failed_saves > histories / 2,
        "histories in which disks are always well do not show that they may fail"
    );
    assert!(sum.changes > histories / 4, "histories with the same sites throughout do not show that they may change");
}

/// What happened in histories.
#[derive(Default)]
struct Totals {
    acknowledged: u64,
    /// How often somebody began to lead.
    terms: u64,
    failed_saves: u64,
    /// Changes of which sites are active.
    changes: u64,
}

impl Totals {
    fn add(&mut self, other: &Self) {
        self.acknowledged += other.acknowledged;
        self.terms += other.terms;
        self.failed_saves += other.failed_saves;
        self.changes += other.changes;
    }
}

#[test]
fn by_hand_nothing_acknowledged_is_lost_either_and_the_sites_agree_in_the_end() {
    if let Some(seed) = number("SIM_SEED") {
        history_by_hand(seed);
        return;
    }
    let histories = number("SIM_HISTORIES").unwrap_or(HISTORIES) / 10;
    for seed in 0..histories {
        let done = std::panic::catch_unwind(|| history_by_hand(seed));
        assert!(done.is_ok(), "SIM_SEED={seed} shows it again");
    }
    println!("{histories} histories by hand");
}

/// A number that `cargo xtask sim` gives.
fn number(name: &str) -> Option<u64> {
    std::env::var_os(name)?.to_str()?.parse().ok()
}

/// People promote whom they like, whenever they like; each write makes an object of its own.
fn history_by_hand(seed: u64) {
    let mut world = World::new(seed, 3, false, |settings| {
        if seed.is_multiple_of(5) {
            settings.batch = Duration::from_millis(400);
        }
    });
    world.loss_percent = world.dice.below(3) * 10;
    world.double_percent = 10;
    world.detour_percent = 2;
    world.stop_percent = 2;
    world.disk_permille = world.dice.below(3) * 15;
    for step in 0..30 {
        trouble(&mut world, 3);
        for at in 0..3 {
            if world.nodes[at].site.is_some() && world.dice.chance(50) {
                let _ = world.write(at, create(&format!("{step}-{at}")));
            }
        }
        let pause = 20_000 + world.dice.below(300_000);
        world.run(pause);
    }
    quiet(&mut world);
    let writer = world.writer().unwrap();
    let shown = world.site(writer).view();
    for name in &world.acknowledged_names {
        let uuid = format!("gslbservice-{name}");
        let is_aside = |node: &Node| {
            node.disk.aside.iter().any(|entry| matches!(&entry.change, Change::Put(object) if object.uuid == uuid))
        };
        assert!(shown.get(&uuid).is_some() || world.nodes.iter().any(is_aside), "{name} is lost");
    }
    for node in &world.nodes {
        assert_eq!(*node.site.as_ref().unwrap().durable(), node.disk, "{} has not saved all it knows", node.id);
    }
}

/// One history: trouble, then quiet.
fn history(seed: u64) -> Totals {
    let (sites, changing) = if seed.is_multiple_of(3) { (5, seed.is_multiple_of(2)) } else { (3, false) };
    let by_log = seed.is_multiple_of(4);
    let mut world = World::new(seed, sites, true, |settings| {
        settings.leadership = Leadership::Elected;
        if seed.is_multiple_of(5) {
            settings.batch = Duration::from_millis(400);
        }
        if changing {
            settings.active = settings.active.iter().take(3).cloned().collect();
        }
    });
    let mut changes = 0;
    world.loss_percent = world.dice.below(3) * 10;
    world.double_percent = world.dice.below(2) * 20;
    world.detour_percent = 2;
    world.stop_percent = 2;
    world.disk_permille = world.dice.below(3) * 15;
    world.run(1_500_000);
    for step in 0..30 {
        trouble(&mut world, sites);
        if changing && world.dice.chance(70) {
            let changed = if by_log { change_sites_by_log(&mut world) } else { change_sites(&mut world) };
            changes += u64::from(changed);
        }
        for write in 0..world.dice.below(4) {
            let at = usize::try_from(world.dice.below(sites as u64)).unwrap();
            let at = if world.dice.chance(70) { world.writer().unwrap_or(at) } else { at };
            if world.nodes[at].site.is_some() && world.nodes[at].paused_until <= world.now {
                let wanted = some_write(&mut world, at, &format!("{step}-{write}"));
                let _ = world.write(at, wanted); // a refusal is an answer too
            }
        }
        let pause = 20_000 + world.dice.below(300_000);
        world.run(pause);
    }
    quiet(&mut world);
    check(&world);
    let terms = world.members().map(|node| node.disk.term.view).max().unwrap();
    let (acknowledged, failed_saves) = (world.acknowledged.len() as u64, world.failed_saves);
    Totals { acknowledged, terms, failed_saves, changes }
}

/// One site is to be active that was not, or no longer; the sites start again with that one by one. Nothing else is changed
/// until all have, and a leader that they elected has shown that a majority of them has all there is. Whether there was a
/// new change.
fn change_sites(world: &mut World) -> bool {
    if let Some(at) = world.out_of_date() {
        world.take_active(at);
        return false;
    }
    let is_settled = world.writer().is_some_and(|writer| {
        let (site, durable) = (world.site(writer), world.site(writer).durable());
        durable.log.mark(durable.applied).is_some_and(|mark| mark.term == *site.term())
    });
    if !is_settled {
        return false;
    }
    let at = usize::try_from(world.dice.below(world.nodes.len() as u64)).unwrap();
    let id = world.nodes[at].id.clone();
    if !world.active.contains(&id) {
        return world.active.insert(id);
    }
    world.active.len() > 2 && world.active.remove(&id)
}

/// The same by an object in the log, which each site heeds when it shows it: the leader changes one site, when it shows all
/// there is. A site that is to come is told by who invites it.
fn change_sites_by_log(world: &mut World) -> bool {
    let Some(writer) = world.writer() else { return false };
    let durable = world.site(writer).durable();
    let revision = durable.log.last().revision.next();
    if durable.applied < durable.log.last().revision || world.nodes[writer].paused_until > world.now {
        return false;
    }
    let mut active = world.nodes[writer].settings.active.clone();
    let at = usize::try_from(world.dice.below(world.nodes.len() as u64)).unwrap();
    let id = world.nodes[at].id.clone();
    if !active.remove(&id) {
        active.insert(id);
        world.nodes[at].settings.active.clone_from(&active);
        world.nodes[at].invited_at = revision;
        if world.nodes[at].site.is_some() {
            world.crash(at);
            world.start(at);
        }
    } else if active.len() < 2 {
        return false;
    }
    let body = active.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let based_on = world.site(writer).view().get(GSLB).map(|stored| stored.object.last_modified_us);
    let (uuid, kind) = (GSLB.to_owned(), "gslb".to_owned());
    let write = Write::Put { uuid, kind, claims: Vec::new(), body: body.as_bytes().into(), based_on };
    world.write(writer, write).is_ok()
}

fn trouble(world: &mut World, sites: usize) {
    let at = usize::try_from(world.dice.below(sites as u64)).unwrap();
    // Half of it hits whoever writes, where it hurts.
    let at = if world.dice.chance(50) { world.writer().unwrap_or(at) } else { at };
    let acts = world.nodes[at].site.is_some() && world.nodes[at].paused_until <= world.now;
    match world.dice.below(20) {
        0 => world.isolate(at),
        1 => {
            // One direction only.
            for other in (0..sites).filter(|other| *other != at) {
                world.cut.insert((at, other));
            }
        }
        2 => {
            let side = world.dice.draw();
            for a in 0..sites {
                for b in (0..sites).filter(|b| (side >> a) & 1 != (side >> b) & 1) {
                    world.cut.insert((a, b));
                }
            }
        }
        3..=5 => world.cut.clear(),
        6 => world.nodes[at].paused_until = world.now + 100_000 + world.dice.below(3_000_000),
        7 => world.crash(at),
        8..=10 if world.nodes[at].site.is_none() => world.start(at),
        11 if acts => {
            let _ = world.ask(at, |site, _, _| Ok(((), site.cut(2))));
        }
        12 if acts => {
            let to = world.nodes[usize::try_from(world.dice.below(sites as u64)).unwrap()].id.clone();
            let _ = world.ask(at, |site, _, _| Ok(((), site.hand_over(&to)?)));
        }
        13 if acts => {
            let _ = world.ask(at, |site, now, _| Ok(((), site.promote(now)?)));
        }
        _ => {}
    }
}

/// Creates mostly; else changes or deletes what `at` shows.
fn some_write(world: &mut World, at: usize, name: &str) -> Write {
    let objects: Vec<_> = world.site(at).view().objects().map(|stored| stored.object.clone()).collect();
    let objects: Vec<_> = objects.into_iter().filter(|object| object.uuid != GSLB).collect();
    if objects.is_empty() || world.dice.chance(50) {
        return create(name);
    }
    let object = &objects[usize::try_from(world.dice.below(objects.len() as u64)).unwrap()];
    let (uuid, based_on) = (object.uuid.clone(), object.last_modified_us);
    if world.dice.chance(30) {
        return Write::Delete { uuid, based_on };
    }
    let (kind, claims) = (object.kind.clone(), object.claims.clone());
    Write::Put { uuid, kind, claims, body: name.as_bytes().into(), based_on: Some(based_on) }
}

fn quiet(world: &mut World) {
    world.cut.clear();
    world.loss_percent = 0;
    world.disk_permille = 0;
    for at in 0..world.nodes.len() {
        world.nodes[at].paused_until = 0;
        if world.nodes[at].site.is_none() {
            world.start(at);
        }
    }
    // A site that missed the coming of the one that leads now does not listen to it, and has to be told as when it came;
    // while the last change is on its way, perhaps twice.
    let settled = (0..3).any(|_| {
        while let Some(at) = world.out_of_date() {
            world.take_active(at);
        }
        world.run_until(SETTLES_WITHIN_US, World::converged)
    });
    assert!(settled, "the sites do not agree: {:?} leads; {:#?}", world.writer(), world.ends());
}

fn check(world: &World) {
    for (revision, term) in &world.acknowledged {
        let shown = world.shown.get(revision).map(|entry| &entry.term);
        assert_eq!(shown, Some(term), "the write acknowledged as {revision:?} is lost");
    }
    let mut replayed = State::default();
    for (n, (revision, entry)) in (1..).zip(&world.shown) {
        assert_eq!(revision.0, n, "a revision was never shown anywhere");
        replayed.apply(entry);
    }
    for node in world.members() {
        let site = node.site.as_ref().unwrap();
        assert_eq!(*site.view(), replayed, "{} shows something else than what happened", node.id);
        assert_eq!(*site.durable(), node.disk, "{} has not saved all it knows", node.id);
    }
}
