//! Ten thousand histories, each from a seed; `SIM_HISTORIES=100000` for more, `SIM_SEED=n` to see one again.

use site_replication::{Change, Leadership, State, Write};

use crate::world::{Node, World, create};

const HISTORIES: u64 = 10_000;
/// What an election takes when all hear each other, and a copy of everything, with room for bad dice.
const SETTLES_WITHIN_US: u64 = 60_000_000;

#[test]
fn in_ten_thousand_histories_nobody_writes_beside_another_and_nothing_acknowledged_is_lost() {
    let number = |name: &str| std::env::var_os(name).and_then(|text| text.to_str()?.parse::<u64>().ok());
    if let Some(seed) = number("SIM_SEED") {
        history(seed);
        return;
    }
    let histories = number("SIM_HISTORIES").unwrap_or(HISTORIES);
    let workers = std::thread::available_parallelism().map_or(2, |n| n.get() as u64);
    let totals: Vec<(u64, u64)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers)
            .map(|worker| {
                scope.spawn(move || {
                    let mut totals = (0, 0);
                    for seed in (worker..histories).step_by(usize::try_from(workers).unwrap()) {
                        let done = std::panic::catch_unwind(|| history(seed));
                        let (acknowledged, terms) = done.unwrap_or_else(|_| panic!("SIM_SEED={seed} shows it again"));
                        totals = (totals.0 + acknowledged, totals.1 + terms);
                    }
                    totals
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no history failed")).collect()
    });
    let (acknowledged, terms) = totals.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    println!("{histories} histories: {acknowledged} writes acknowledged, {terms} terms");
    assert!(acknowledged > histories, "histories in which nothing is written show nothing: {acknowledged}");
    assert!(terms > histories, "histories in which nobody else leads show nothing: {terms}");
}

#[test]
fn by_hand_nothing_acknowledged_is_lost_either_and_the_sites_agree_in_the_end() {
    for seed in 0..1_000 {
        let done = std::panic::catch_unwind(|| history_by_hand(seed));
        assert!(done.is_ok(), "seed {seed}");
    }
}

/// People promote whom they like, whenever they like; each write makes an object of its own.
fn history_by_hand(seed: u64) {
    let mut world = World::new(seed, 3, false, |_| {});
    world.loss_percent = world.dice.below(3) * 10;
    world.double_percent = 10;
    world.detour_percent = 2;
    world.stop_percent = 2;
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

/// One history: trouble, then quiet. Acknowledged writes, and how often somebody began to lead.
fn history(seed: u64) -> (u64, u64) {
    let sites = if seed.is_multiple_of(3) { 5 } else { 3 };
    let mut world = World::new(seed, sites, true, |settings| settings.leadership = Leadership::Elected);
    world.loss_percent = world.dice.below(3) * 10;
    world.double_percent = world.dice.below(2) * 20;
    world.detour_percent = 2;
    world.stop_percent = 2;
    world.run(1_500_000);
    for step in 0..30 {
        trouble(&mut world, sites);
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
    let last = world.site(0).term().view;
    (world.acknowledged.len() as u64, last)
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
    for at in 0..world.nodes.len() {
        world.nodes[at].paused_until = 0;
        if world.nodes[at].site.is_none() {
            world.start(at);
        }
    }
    assert!(world.run_until(SETTLES_WITHIN_US, World::converged), "the sites do not agree");
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
    for node in &world.nodes {
        let site = node.site.as_ref().unwrap();
        assert_eq!(*site.view(), replayed, "{} shows something else than what happened", node.id);
        assert_eq!(*site.durable(), node.disk, "{} has not saved all it knows", node.id);
    }
}
