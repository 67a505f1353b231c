//! Random histories, and the ones that stories tell.

use crate::world::{TIMING, World};

/// Longest time in which somebody leads once the way is free: a lease runs out, is noticed, and is taken; an attempt or
/// two may collide.
const TAKEN_OVER_WITHIN_S: u64 = 25;

/// One history: a minute or two of trouble, then calm.
#[track_caller]
fn history(seed: u64) {
    let clusters = 3 + usize::try_from(seed % 3).unwrap();
    let mut world = World::new(seed, clusters, clusters);
    for _ in 0..12 {
        world.loss_percent = if world.dice.chance(50) { world.dice.below(40) } else { 0 };
        world.detour_percent = if world.dice.chance(30) { world.dice.below(30) } else { 0 };
        let node = usize::try_from(world.dice.below(clusters as u64)).unwrap();
        match world.dice.below(7) {
            0 => {
                for cluster in 0..clusters {
                    if world.dice.chance(60) {
                        world.cut.insert((node, cluster));
                    }
                }
            }
            // A cluster that nobody reaches.
            1 => world.cut.extend((0..clusters).map(|other| (other, node))),
            2 => world.cut.clear(),
            3 => world.nodes[node].paused_until = world.now + world.dice.below(30_000_000),
            4 => world.kill(node),
            5 if world.nodes[node].candidate.is_none() => world.start(node),
            6 => world.nodes[node].stands = world.dice.chance(80),
            _ => {}
        }
        let seconds = 1 + world.dice.below(14);
        world.run_for(seconds);
    }
    world.cut.clear();
    (world.loss_percent, world.detour_percent) = (0, 0);
    for node in 0..clusters {
        world.nodes[node].stands = true;
        world.nodes[node].paused_until = 0;
        if world.nodes[node].candidate.is_none() {
            world.start(node);
        }
    }
    // Those who stand still were only woken later: their pause may go on for its old length.
    world.run_for(30 + TAKEN_OVER_WITHIN_S);
    assert_eq!(world.leaders().len(), 1, "seed {seed}: nobody leads in calm");
}

#[test]
fn in_ten_thousand_histories_there_are_never_two_writers_and_each_term_is_larger() {
    for seed in 0..10_000 {
        let told = std::panic::catch_unwind(|| history(seed));
        assert!(told.is_ok(), "seed {seed}; the reason is above");
    }
}

#[test]
fn the_preferred_one_leads_first_and_another_within_seconds_of_its_death() {
    for seed in 0..200 {
        let mut world = World::new(seed, 3, 3);
        world.run_for(3);
        assert_eq!(world.leaders(), [(0, 1)], "seed {seed}");
        world.run_for(60);
        assert_eq!(world.terms.len(), 1, "seed {seed}: a leader that is well stays");
        world.kill(0);
        world.run_for(TIMING.lease.as_secs() + 6);
        let [(heir, term)] = world.leaders()[..] else { panic!("seed {seed}: {:?}", world.leaders()) };
        assert!(heir != 0 && term > 1);
        // It comes back, and stays follower, preferred or not.
        world.start(0);
        world.run_for(60);
        assert_eq!(world.leaders(), [(heir, term)], "seed {seed}");
        let seen = world.nodes[0].candidate.as_ref();
        assert!(seen.is_some_and(|candidate| candidate.mandate(std::time::Duration::ZERO).is_none()));
    }
}

#[test]
fn who_ends_in_good_order_is_followed_at_once() {
    for seed in 0..200 {
        let mut world = World::new(seed, 3, 3);
        world.run_for(10);
        world.resign(0);
        assert_eq!(world.leaders(), [], "seed {seed}");
        world.run_for(1);
        world.kill(0);
        world.run_for(4);
        let leaders = world.leaders();
        assert!(matches!(leaders[..], [(1 | 2, _)]), "seed {seed}: {leaders:?}");
    }
}

#[test]
fn a_leader_without_a_majority_stops_before_another_begins_and_a_minority_never_leads() {
    for seed in 0..200 {
        let mut world = World::new(seed, 3, 3);
        world.run_for(10);
        assert_eq!(world.leaders(), [(0, 1)]);
        // It reaches its own cluster alone.
        world.cut.extend([(0, 1), (0, 2)]);
        world.run_for(TIMING.lease.as_secs() + 8);
        let leaders = world.leaders();
        assert!(matches!(leaders[..], [(1 | 2, _)]), "seed {seed}: {leaders:?}");
        let before = leaders.clone();
        world.cut.clear();
        world.run_for(60);
        assert_eq!(world.leaders(), before, "seed {seed}: who was cut off stays follower");
        // Two clusters are gone: nobody leads until one is back.
        world.cut.extend((0..3).flat_map(|node| [(node, 1), (node, 2)]));
        world.run_for(60);
        assert_eq!(world.leaders(), [], "seed {seed}");
        world.cut.retain(|(_, cluster)| *cluster == 1);
        world.run_for(20);
        assert_eq!(world.leaders().len(), 1, "seed {seed}");
    }
}
