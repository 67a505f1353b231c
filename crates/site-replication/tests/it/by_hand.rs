//! Leadership by hand, as avi-api 5.2, 5.3 and 5.8 have it.

use std::time::Duration;

use site_replication::{Durable, Refusal, Replication, Revision, Settings, Site, SiteId, Write};

use crate::world::{World, create};

const LONG_US: u64 = 60_000_000;

fn world(settings: impl Fn(&mut Settings)) -> World {
    let mut world = World::new(1, 3, false, settings);
    world.run(500_000);
    world
}

fn configure(world: &mut World, change: impl Fn(&mut Settings)) {
    for at in 0..world.nodes.len() {
        let node = &mut world.nodes[at];
        change(&mut node.settings);
        let settings = node.settings.clone();
        if let Some(site) = &mut node.site {
            site.configure(settings);
        }
    }
}

#[track_caller]
fn converge(world: &mut World) {
    assert!(world.run_until(LONG_US, World::converged), "the sites do not agree");
}

fn names(world: &World, at: usize) -> Vec<String> {
    world.site(at).view().objects().map(|stored| stored.object.uuid.replace("gslbservice-", "")).collect()
}

#[test]
fn a_write_at_the_leader_is_the_same_object_on_all_sites() {
    let mut world = world(|_| {});
    world.write(0, create("hello")).unwrap();
    converge(&mut world);
    let at_leader = world.site(0).view().get("gslbservice-hello").unwrap().clone();
    assert!(at_leader.object.last_modified_us > 0);
    for at in [1, 2] {
        assert_eq!(world.site(at).view().get("gslbservice-hello"), Some(&at_leader));
    }
}

#[test]
fn a_follower_refuses_writes_in_the_words_of_the_api_and_says_who_leads() {
    let mut world = world(|_| {});
    let refusal = world.write(1, create("hello")).unwrap_err();
    assert_eq!(refusal.to_string(), "Config Operations can be done ONLY on leader");
    assert_eq!(refusal, Refusal::NotLeader { leader: Some(world.nodes[0].id.clone()) });
}

#[test]
fn maintenance_refuses_writes_in_the_words_of_the_api() {
    let mut world = world(|_| {});
    configure(&mut world, |settings| settings.maintenance = true);
    let refusal = world.write(0, create("hello")).unwrap_err().to_string();
    assert_eq!(refusal, "GSLB system is in maintenance mode. Configuration changes are not allowed");
    configure(&mut world, |settings| settings.maintenance = false);
    world.write(0, create("hello")).unwrap();
}

#[test]
fn names_are_unique_and_a_change_is_based_on_the_newest() {
    let mut world = world(|_| {});
    world.write(0, create("hello")).unwrap();
    let Write::Put { kind, claims, body, .. } = create("hello") else { unreachable!("it creates") };
    let put = |uuid: &str, based_on| Write::Put {
        uuid: uuid.to_owned(),
        kind: kind.clone(),
        claims: claims.clone(),
        body: body.clone(),
        based_on,
    };
    let hello = "gslbservice-hello";
    assert!(matches!(world.write(0, put(hello, None)), Err(Refusal::Exists { .. })));
    assert!(matches!(world.write(0, put("gslbservice-other", None)), Err(Refusal::Taken { by, .. }) if by == hello));
    assert!(matches!(world.write(0, put("gslbservice-other", Some(1))), Err(Refusal::Absent { .. })));
    let first = world.site(0).view().get(hello).unwrap().object.last_modified_us;
    world.write(0, put(hello, Some(first))).unwrap();
    let found = world.site(0).view().get(hello).unwrap().object.last_modified_us;
    assert!(found > first);
    let stale = Refusal::Conflict { uuid: hello.to_owned(), based_on: first, found };
    assert_eq!(world.write(0, Write::Delete { uuid: hello.to_owned(), based_on: first }), Err(stale));
    world.write(0, Write::Delete { uuid: hello.to_owned(), based_on: found }).unwrap();
    world.write(0, put("gslbservice-other", None)).unwrap(); // its name is free again
}

#[test]
fn a_follower_that_was_away_gets_the_difference() {
    let mut world = world(|_| {});
    for n in 0..1_000 {
        world.write(0, create(&format!("before-{n}"))).unwrap();
    }
    converge(&mut world);
    world.crash(2);
    for n in 0..20 {
        world.write(0, create(&format!("while-away-{n}"))).unwrap();
    }
    world.run(5_000_000);
    world.entries_sent = 0;
    world.start(2);
    converge(&mut world);
    assert_eq!(world.bases, 0, "everything was sent");
    assert!(world.entries_sent <= 100, "20 entries took {}", world.entries_sent);
}

#[test]
fn a_follower_for_which_history_was_cut_gets_everything() {
    let mut world = world(|_| {});
    world.write(0, create("first")).unwrap();
    converge(&mut world);
    world.isolate(2);
    for n in 0..50 {
        world.write(0, create(&format!("while-away-{n}"))).unwrap();
    }
    world.ask(0, |site, _, _| Ok(((), site.cut(10)))).unwrap();
    world.run(5_000_000);
    assert_eq!(names(&world, 2), ["first"]);
    world.cut.clear();
    converge(&mut world);
    assert!(world.bases > 0);
}

#[test]
fn in_manual_mode_followers_get_what_the_checkpoint_has() {
    let mut world = world(|settings| settings.replication = Replication::Manual { checkpoint: Revision(0) });
    world.write(0, create("a")).unwrap();
    let checkpoint = world.write(0, create("checkpoint")).unwrap();
    world.write(0, create("later")).unwrap();
    world.run(5_000_000);
    assert_eq!(names(&world, 1), [""; 0]);
    configure(&mut world, |settings| settings.replication = Replication::Manual { checkpoint });
    world.run(5_000_000);
    assert_eq!(names(&world, 1), ["a", "checkpoint"]);
    let pending: Vec<_> = world.site(0).view().changed_since(checkpoint).map(|s| s.object.uuid.clone()).collect();
    assert_eq!(pending, ["gslbservice-later"]);
    // History is not cut beyond it, whatever is asked.
    world.ask(0, |site, _, _| Ok(((), site.cut(0)))).unwrap();
    world.crash(1);
    world.nodes[1].disk = Durable::new(world.nodes[0].id.clone());
    world.start(1);
    world.run(5_000_000);
    assert_eq!(names(&world, 1), ["a", "checkpoint"]);
    configure(&mut world, |settings| settings.replication = Replication::Continuous);
    converge(&mut world);
}

#[test]
fn a_batch_waits_for_its_interval_and_goes_as_one() {
    let mut world = world(|settings| settings.batch = Duration::from_secs(5));
    world.run(6_000_000);
    world.entries_sent = 0;
    for n in 0..4 {
        world.write(0, create(&format!("hello-{n}"))).unwrap();
        world.run(1_000_000);
    }
    assert_eq!(
        (world.acknowledged.len(), world.entries_sent, names(&world, 0).len()),
        (4, 0, 4),
        "stored and kept back"
    );
    world.run(1_500_000);
    assert_eq!(names(&world, 1).len(), 4);
    world.write(0, create("later")).unwrap();
    world.run(1_000_000);
    assert_eq!(names(&world, 1).len(), 4);
    // What is no longer to wait does not.
    configure(&mut world, |settings| settings.batch = Duration::ZERO);
    world.run(1_000_000);
    assert_eq!(names(&world, 1).len(), 5);
}

#[test]
fn in_adaptive_mode_followers_get_what_is_released() {
    let mut world = world(|settings| settings.replication = Replication::Adaptive);
    world.run(1_000_000);
    let first = world.write(0, create("first")).unwrap();
    let second = world.write(0, create("second")).unwrap();
    world.run(5_000_000);
    assert_eq!((names(&world, 0).len(), names(&world, 1).len()), (2, 0));
    for (revision, shown) in [(first, 1), (second, 2)] {
        world.ask(0, |site, now, _| Ok(((), site.release(now, revision)))).unwrap();
        world.run(100_000);
        assert_eq!((names(&world, 1).len(), names(&world, 2).len()), (shown, shown), "without a heartbeat in between");
    }
    world.write(0, create("third")).unwrap();
    world.run(1_000_000);
    configure(&mut world, |settings| settings.replication = Replication::Continuous);
    converge(&mut world);
}

#[test]
fn a_suspended_site_gets_nothing_until_it_is_resumed() {
    let mut world = world(|_| {});
    let away = world.nodes[2].id.clone();
    configure(&mut world, |settings| settings.suspended = [away.clone()].into());
    world.write(0, create("hello")).unwrap();
    world.run(5_000_000);
    assert_eq!((names(&world, 1).len(), names(&world, 2).len()), (1, 0));
    configure(&mut world, |settings| settings.suspended.clear());
    converge(&mut world);
}

#[test]
fn an_old_leader_follows_when_it_returns_and_what_it_had_alone_is_put_aside() {
    for history_is_cut in [false, true] {
        let mut world = world(|_| {});
        world.write(0, create("both")).unwrap();
        converge(&mut world);
        world.isolate(0);
        world.write(0, create("alone")).unwrap();
        if history_is_cut {
            world.ask(0, |site, _, _| Ok(((), site.cut(0)))).unwrap();
        }
        world.ask(1, |site, now, _| Ok(((), site.promote(now)?))).unwrap();
        world.write(1, create("new")).unwrap();
        world.run(2_000_000);
        world.cut.clear();
        converge(&mut world);
        assert!(!world.site(0).is_leader());
        assert_eq!(world.site(0).term().view, 1);
        assert_eq!(world.site(0).term().leader, world.nodes[1].id);
        assert_eq!(names(&world, 0), ["both", "new"]);
        let aside: Vec<_> = world.nodes[0].disk.aside.iter().map(|entry| format!("{:?}", entry.change)).collect();
        assert!(matches!(&aside[..], [one] if one.contains("gslbservice-alone")), "{history_is_cut}: {aside:?}");
        assert!(matches!(world.write(0, create("more")), Err(Refusal::NotLeader { .. })));
    }
}

#[test]
fn of_two_sites_promoted_at_once_one_leads_in_the_end() {
    let mut world = world(|_| {});
    world.isolate(0);
    world.isolate(1);
    for at in [1, 2] {
        world.ask(at, |site, now, _| Ok(((), site.promote(now)?))).unwrap();
        world.write(at, create(&format!("by-{at}"))).unwrap();
    }
    world.cut.clear();
    assert!(world.run_until(LONG_US, |world| world.site(2).is_leader() && world.converged()));
    assert_eq!(names(&world, 1), ["by-2"]);
    assert_eq!(world.nodes[1].disk.aside.len(), 1);
}

#[test]
fn a_passive_site_is_not_promoted_and_not_heard() {
    let active = Settings::new([SiteId::from("cluster-0"), SiteId::from("cluster-1")]);
    let passive = SiteId::from("cluster-9");
    let disk = Durable::new(SiteId::from("cluster-0"));
    let (mut site, _) = Site::new(passive.clone(), active, disk, Duration::ZERO);
    assert_eq!(site.promote(Duration::ZERO), Err(Refusal::NotActive { site: passive }));
}

#[test]
fn a_leader_whose_wall_clock_is_an_hour_behind_gives_times_that_go_on() {
    let mut world = world(|_| {});
    let Write::Put { uuid, kind, claims, body, .. } = create("hello") else { unreachable!("it creates") };
    let put = |based_on| {
        let (uuid, kind, claims, body) = (uuid.clone(), kind.clone(), claims.clone(), body.clone());
        Write::Put { uuid, kind, claims, body, based_on }
    };
    world.write(0, put(None)).unwrap();
    converge(&mut world);
    let first = world.site(1).view().get(&uuid).unwrap().object.last_modified_us;
    world.isolate(0);
    world.ask(1, |site, now, _| Ok(((), site.promote(now)?))).unwrap();
    let hour_before = first.saturating_sub(3_600_000_000);
    world.ask(1, |site, now, _| site.write(now, hour_before, put(Some(first)))).unwrap();
    world.cut.clear();
    converge(&mut world);
    for at in 0..3 {
        let now = world.site(at).view().get(&uuid).unwrap().object.last_modified_us;
        assert!(now > first, "site {at}: {now} after {first}");
    }
}
