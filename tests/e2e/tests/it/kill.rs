//! Parts that are killed at random moments, while everything that they work on changes.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use crate::demo::variable;
use crate::world::World;
use crate::world::clients::has_python;

const ROUNDS: usize = 20;
const PARTS: [&str; 3] = ["controller", "engine", "amko"];

#[test]
fn parts_killed_at_random_moments_lose_nothing_and_converge() {
    if !has_python() {
        return;
    }
    let Some(mut world) = World::start() else { return };
    let seed = variable("MERIDIAN_SEED").and_then(|seed| seed.parse().ok()).unwrap_or(u64::from(std::process::id()));
    println!("MERIDIAN_SEED={seed}");
    let dice = &mut StdRng::seed_from_u64(seed);
    world.wait_for_split(&[("10.10.25.46", 6), ("10.10.26.40", 4), ("10.10.23.40", 2)]);
    world.wait_until_synced();

    let writer = world.client_write(seed);
    world.wait_for_name("g0.avi.iberia.local");
    world.wait_until_kept_up(&["10.10.25.46", "10.10.26.40", "10.10.23.40"]);
    let mut asker = world.client_ask();
    let churn = world.client_churn(seed);
    // Each part in turn, in an order that the dice say.
    let mut order: Vec<&str> = PARTS.into_iter().cycle().take(ROUNDS).collect();
    order.shuffle(dice);
    for part in order {
        std::thread::sleep(Duration::from_millis(dice.random_range(0..1500))); // bounded: the random moment
        let without_controller = part == "engine" && dice.random_bool(0.4);
        if without_controller {
            world.kill("controller");
        }
        if part == "engine" {
            asker.tell_and_wait("down");
            // Answers go on before the first probe has ended.
            world.signal_backends("STOP");
        }
        world.kill(part);
        std::thread::sleep(Duration::from_millis(dice.random_range(0..800))); // bounded: how long it is away
        match part {
            "controller" => world.start_controller(),
            "engine" => {
                world.start_engine();
                asker.tell_and_wait("up");
                std::thread::sleep(Duration::from_millis(dice.random_range(0..300))); // bounded: how long they are silent
                world.signal_backends("CONT");
            }
            _ => world.start_amko(),
        }
        if without_controller {
            world.start_controller();
        }
    }

    // Nothing acknowledged is lost, and answers went on.
    let churned = churn.finish();
    let written = writer.finish();
    let asked = asker.finish();
    println!("churn {churned}\nwriter {written}\nasker {asked}");
    assert_eq!(written["lost"], serde_json::json!([]), "MERIDIAN_SEED={seed}");
    assert_eq!(asked["faults"], serde_json::json!([]), "MERIDIAN_SEED={seed} {}", world.logs());
    for (seen, at_least) in [(&churned["edits"], 100), (&written["acknowledged"], 300), (&asked["asked"], 2000)] {
        assert!(seen.as_u64().unwrap() >= at_least, "{churned} {written} {asked}");
    }

    // Everything converges, and a restart with nothing changed writes nothing.
    world.wait("what was edited last", || {
        let made = world.made_by_operator();
        made.get("gslbservice \"last.avi.iberia.local\"")
            .is_some_and(|last| last["groups"][0]["members"].as_array().is_some_and(|members| members.len() == 3))
    });
    world.wait_until_synced();
    world.wait_for_split(&[("10.10.25.46", 6), ("10.10.26.40", 4), ("10.10.23.40", 2)]);
    let before = world.written();
    let (made, statuses) = (world.made_by_operator(), world.statuses());
    for part in ["amko", "engine", "controller"] {
        world.stop(part);
    }
    world.start_controller();
    world.start_engine();
    world.start_amko();
    world.wait_until_synced();
    assert_eq!(world.written(), before, "MERIDIAN_SEED={seed}");
    let metrics = world.admin(9447, "metrics");
    assert!(metrics.contains("meridian_controller_writes_total 0\n"), "{metrics}");

    // The same as when nothing had happened on the way.
    for part in ["amko", "engine", "controller"] {
        world.stop(part);
    }
    world.start_over();
    let undisturbed = world.made_by_operator();
    assert!(undisturbed.len() >= 3, "{undisturbed:?}");
    assert_eq!(made.keys().collect::<Vec<_>>(), undisturbed.keys().collect::<Vec<_>>(), "MERIDIAN_SEED={seed}");
    assert_eq!(statuses, world.statuses(), "MERIDIAN_SEED={seed}");
    assert!(statuses.iter().all(|status| status.to_string().contains("success")), "{statuses:?}");
    for (object, expected) in &undisturbed {
        assert_eq!(&made[object], expected, "MERIDIAN_SEED={seed} {object}");
    }
    world.wait_for_split(&[("10.10.25.46", 6), ("10.10.26.40", 4), ("10.10.23.40", 2)]);
}
