//! Leadership by election: what a person sees of it. What can go wrong is in `histories`.

use std::time::Duration;

use site_replication::{Held, Leadership, Mark, Message, Refusal, Replication, Revision, Save, SiteId, Term};

use crate::world::{World, create};

const LONG_US: u64 = 60_000_000;

fn world() -> World {
    let mut world = World::new(7, 3, true, |settings| settings.leadership = Leadership::Elected);
    world.run(5_000_000);
    assert!(world.writer().is_some());
    world
}

#[test]
fn when_the_leader_is_cut_off_it_stops_and_another_leads_within_three_seconds() {
    for seed in 0..200 {
        let mut world = World::new(seed, 3, true, |settings| settings.leadership = Leadership::Elected);
        world.run(5_000_000);
        let old = world.writer().unwrap();
        world.write(old, create("before")).unwrap();
        world.run(1_000_000);
        assert_eq!(world.acknowledged.len(), 1);
        world.isolate(old);
        let cut_at = world.now;
        // A client tries again until it has its answer, as operators do.
        for attempt in 0.. {
            if let Some(writer) = world.writer().filter(|writer| *writer != old) {
                world.write(writer, create(&format!("after-{attempt}"))).unwrap();
            }
            world.run(50_000);
            if world.acknowledged.len() > 1 {
                break;
            }
            assert!(world.now - cut_at <= 3_000_000, "seed {seed}: no write within three seconds");
        }
        assert!(!world.site(old).is_leader());
        assert!(world.write(old, create("late")).is_err());
        world.run(1_000_000);
        let new = world.writer().unwrap();
        world.cut.clear();
        assert!(world.run_until(LONG_US, World::converged));
        assert_eq!(world.writer(), Some(new), "a site that returns disturbs nobody");
    }
}

#[test]
fn a_write_that_no_majority_has_is_not_acknowledged() {
    let mut world = world();
    let leader = world.writer().unwrap();
    world.isolate(leader);
    world.write(leader, create("alone")).unwrap(); // within its lease
    world.run(10_000_000);
    assert_eq!(world.acknowledged.len(), 0);
    assert!(world.site(leader).view().get("gslbservice-alone").is_none(), "nor shown");
}

/// Heartbeats so far apart that none comes while a test looks.
fn world_of_rare_heartbeats() -> (World, usize) {
    let mut world = World::new(7, 3, true, |settings| {
        settings.leadership = Leadership::Elected;
        settings.timing.lease = Duration::from_secs(3_600);
        settings.timing.heartbeat = Duration::from_secs(1_800);
    });
    assert!(world.run_until(5_000 * 1_000_000, World::converged));
    let leader = world.writer().unwrap();
    (world, leader)
}

#[test]
fn followers_show_a_write_without_a_heartbeat_in_between() {
    let (mut world, leader) = world_of_rare_heartbeats();
    world.appends = 0;
    world.write(leader, create("hello")).unwrap();
    // There and back, and there again.
    world.run(3 * 20_500);
    for at in 0..3 {
        assert!(world.site(at).view().get("gslbservice-hello").is_some(), "site {at} does not show it");
    }
    assert!(world.appends <= 4, "one write took {} messages to two followers", world.appends);
}

#[test]
fn many_writes_at_once_are_not_told_one_by_one() {
    let (mut world, leader) = world_of_rare_heartbeats();
    world.appends = 0;
    for n in 0..1_000 {
        world.write(leader, create(&format!("hello-{n}"))).unwrap();
    }
    world.run(1_000_000);
    assert!(world.converged());
    assert!(world.appends <= 40, "a thousand writes took {} messages to two followers", world.appends);
}

#[test]
fn while_nobody_leads_a_write_is_refused_for_now_and_at_a_follower_of_somebody_for_good() {
    let mut world = world();
    let old = world.writer().unwrap();
    let follower = (old + 1) % 3;
    let leader = Some(world.nodes[old].id.clone());
    assert_eq!(world.write(follower, create("a")), Err(Refusal::NotLeader { leader }));
    world.crash(old);
    // Longer than a promise, shorter than an election.
    world.isolate(follower);
    world.run(2_000_000);
    assert_eq!(world.write(follower, create("b")), Err(Refusal::NoLeader));
    // Nor does it know of one right after its own start.
    world.crash(follower);
    world.start(follower);
    assert_eq!(world.write(follower, create("c")), Err(Refusal::NoLeader));
    world.cut.clear();
    world.start(old);
    assert!(world.run_until(LONG_US, World::converged));
    let writer = world.writer().unwrap();
    let leader = Some(world.nodes[writer].id.clone());
    assert_eq!(world.write((writer + 1) % 3, create("d")), Err(Refusal::NotLeader { leader }));
}

#[test]
fn a_leader_without_lease_refuses() {
    let mut world = world();
    let leader = world.writer().unwrap();
    world.isolate(leader);
    let refusal = world.ask(leader, |site, now, wall| site.write(now + Duration::from_secs(2), wall, create("late")));
    assert_eq!(refusal, Err(Refusal::NoLease));
}

#[test]
fn a_leader_hands_over_without_waiting_for_promises() {
    let mut world = world();
    let old = world.writer().unwrap();
    let new = (old + 1) % 3;
    let to = world.nodes[new].id.clone();
    world.run(2_000_000);
    let asked_at = world.now;
    world.ask(old, |site, _, _| Ok(((), site.hand_over(&to)?))).unwrap();
    assert!(world.run_until(LONG_US, |world| world.writer() == Some(new)));
    let took = world.now - asked_at;
    assert!(took < 1_000_000, "less than a lease: {took} us");
}

#[test]
fn in_manual_mode_followers_store_everything_and_show_the_checkpoint() {
    let mut world = world();
    for node in 0..3 {
        let settings = &mut world.nodes[node].settings;
        settings.replication = Replication::Manual { checkpoint: Revision(0) };
        let settings = settings.clone();
        world.nodes[node].site.as_mut().unwrap().configure(settings);
    }
    let leader = world.writer().unwrap();
    world.write(leader, create("hello")).unwrap();
    world.run(2_000_000);
    assert_eq!(world.acknowledged.len(), 1);
    let follower = (leader + 1) % 3;
    assert!(world.site(follower).view().get("gslbservice-hello").is_none());
    world.isolate(leader);
    assert!(world.run_until(LONG_US, |world| world.writer().is_some_and(|writer| writer != leader)));
    let new = world.writer().unwrap();
    assert!(world.run_until(LONG_US, |world| world.site(new).view().get("gslbservice-hello").is_some()));
}

#[test]
fn in_batches_and_in_adaptive_mode_nothing_waits_for_its_majority_and_followers_show_it_later() {
    for (replication, batch_s) in [(Replication::Continuous, 5), (Replication::Adaptive, 0)] {
        let mut world = world();
        for node in 0..3 {
            let settings = &mut world.nodes[node].settings;
            (settings.replication, settings.batch) = (replication, Duration::from_secs(batch_s));
            let settings = settings.clone();
            world.nodes[node].site.as_mut().unwrap().configure(settings);
        }
        let leader = world.writer().unwrap();
        let revision = world.write(leader, create("hello")).unwrap();
        world.run(2_000_000);
        assert_eq!(world.acknowledged.len(), 1);
        let follower = (leader + 1) % 3;
        assert!(world.site(follower).view().get("gslbservice-hello").is_none(), "{replication:?}");
        if replication == Replication::Adaptive {
            world.ask(leader, |site, now, _| Ok(((), site.release(now, revision)))).unwrap();
        }
        world.run(4_000_000);
        assert!(world.site(follower).view().get("gslbservice-hello").is_some(), "{replication:?}");
    }
}

#[test]
fn what_strangers_liars_and_old_terms_say_changes_nothing() {
    let mut world = world();
    world.run(1_000_000);
    let leader = world.writer().unwrap();
    let follower = (leader + 1) % 3;
    let own = world.site(follower).term().clone();
    let leader_id = world.nodes[leader].id.clone();
    let stranger = SiteId::from("cluster-9");
    let other = world.nodes[(leader + 2) % 3].id.clone();
    let append = |term: Term| Message::Append {
        after: Mark { revision: Revision(0), term: term.clone() },
        term,
        entries: Vec::new(),
        committed: Revision(99),
        shown: Revision(99),
        sent: Duration::ZERO,
    };
    let high = |leader: &SiteId| Term { view: own.view + 5, leader: leader.clone() };
    let last = Mark { revision: Revision(u64::MAX), term: high(&other) };
    let before = world.nodes[follower].disk.clone();
    let lies = [
        (&stranger, append(high(&stranger))),
        (&other, append(high(&leader_id))),
        (&other, append(Term { view: 0, leader: other.clone() })),
        (&other, Message::Ask { term: high(&other), last: last.clone(), trial: false, instead_of: None }),
        (&other, Message::Ask { term: high(&other), last, trial: false, instead_of: Some(high(&other)) }),
        (&other, Message::Grant { term: high(&leader_id), trial: false }),
        (&other, Message::HandOver { term: own.clone() }),
        (&other, Message::Answer { term: own.clone(), sent: Duration::MAX, held: Held::Through(Revision(99)) }),
    ];
    for (from, lie) in lies {
        world.ask(follower, |site, now, _| Ok(((), site.receive(now, from, lie)))).unwrap();
        assert_eq!(world.nodes[follower].disk, before);
        assert!(!world.site(follower).is_leader());
    }
}

#[test]
fn what_was_said_once_and_is_said_again_changes_nothing() {
    let mut world = world();
    world.overheard = Some(Vec::new());
    let old = world.writer().unwrap();
    world.write(old, create("first")).unwrap();
    world.run(1_000_000);
    // Another leads, so that some of it is of an old term.
    let to = world.nodes[(old + 1) % 3].id.clone();
    world.ask(old, |site, _, _| Ok(((), site.hand_over(&to)?))).unwrap();
    assert!(world.run_until(LONG_US, |world| world.writer().is_some_and(|writer| writer != old)));
    let new = world.writer().unwrap();
    world.write(new, create("second")).unwrap();
    assert!(world.run_until(LONG_US, World::converged));
    let before: Vec<_> = world.nodes.iter().map(|node| node.disk.clone()).collect();
    let overheard = world.overheard.take().unwrap();
    assert!(overheard.len() > 20, "{}", overheard.len());
    for (from, to, message) in overheard {
        let from = world.nodes[from].id.clone();
        world.ask(to, |site, now, _| Ok(((), site.receive(now, &from, message)))).unwrap();
    }
    world.run(2_000_000);
    assert_eq!(world.writer(), Some(new));
    for (node, before) in world.nodes.iter().zip(before) {
        assert_eq!(node.disk, before, "{}", node.id);
    }
}

/// Otherwise nobody ever leads: the one asks for a term that is too low, the other for a log that is too short.
#[test]
fn a_site_with_all_there_is_leads_though_another_knows_a_higher_term() {
    let mut world = world();
    let old = world.writer().unwrap();
    let (ahead, behind) = ((old + 1) % 3, (old + 2) % 3);
    world.isolate(behind);
    world.write(old, create("late")).unwrap();
    world.run(5_000_000);
    assert_eq!(world.acknowledged.len(), 1);
    for at in [ahead, behind, old] {
        world.crash(at);
    }
    // It had asked when the machine stopped.
    let view = world.nodes[behind].disk.term.view + 1;
    let leader = world.nodes[2].id.clone();
    world.nodes[behind].disk.save(&Save::Term(Term { view, leader }));
    world.cut.clear();
    world.start(ahead);
    world.start(behind);
    assert!(world.run_until(LONG_US, |world| world.writer() == Some(ahead)));
    assert!(world.run_until(LONG_US, |world| world.site(behind).view().get("gslbservice-late").is_some()));
}
