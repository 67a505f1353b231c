//! Pages while hundreds of Ingresses change: with parts killed at random moments, and with connections that must live on.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::demo::variable;
use crate::world::World;
use crate::world::clients::has_python;

const CLUSTER: &str = "s1az1";
const SITES: u32 = 200;
const ROUNDS: usize = 12;
const PARTS: [&str; 3] = ["controller", "engine", "ako"];
const NEVER: u32 = 1_000_000;

#[test]
fn parts_killed_while_two_hundred_ingresses_change_converge_to_what_an_undisturbed_run_makes() {
    if !has_python() {
        return;
    }
    let Some(mut pages) = World::start_with_manual_pods() else { return };
    let world = &mut pages.world;
    let seed = variable("MERIDIAN_SEED").and_then(|seed| seed.parse().ok()).unwrap_or(u64::from(std::process::id()));
    println!("MERIDIAN_SEED={seed}");
    let dice = &mut StdRng::seed_from_u64(seed);
    world.make_sites_secret(CLUSTER);
    let mut sites = world.client_sites(CLUSTER, seed, SITES, 20, NEVER);
    sites.expect("ready");
    let mut order: Vec<&str> = PARTS.into_iter().cycle().take(ROUNDS).collect();
    order.shuffle(dice);
    for part in order {
        std::thread::sleep(Duration::from_millis(dice.random_range(0..1500))); // bounded: the random moment
        let part_name = if part == "ako" { "ako-s1az1" } else { part };
        world.kill(part_name);
        std::thread::sleep(Duration::from_millis(dice.random_range(0..800))); // bounded: how long it is away
        match part {
            "controller" => world.start_controller(),
            "engine" => world.start_engine(),
            _ => world.start_ako(CLUSTER),
        }
    }
    let ended = sites.finish();
    assert!(ended["edits"].as_u64().unwrap() >= 100, "{ended}");
    let address = every_page_opens(world, &ended["hosts"], seed);
    world.wait_until_ako_synced(CLUSTER);

    // A restart with nothing changed writes nothing.
    let made = world.made_by_ako(CLUSTER);
    world.stop("ako-s1az1");
    world.start_ako(CLUSTER);
    world.wait_until_ako_synced(CLUSTER);
    assert!(
        world.ako_metrics(CLUSTER).contains("meridian_controller_writes_total 0\n"),
        "{}",
        world.ako_metrics(CLUSTER)
    );

    // The same as when nothing had happened on the way.
    world.start_over_with_ako(CLUSTER);
    assert_eq!(every_page_opens(world, &ended["hosts"], seed), address);
    world.wait_until_ako_synced(CLUSTER);
    let undisturbed = world.made_by_ako(CLUSTER);
    assert_eq!(made.keys().collect::<Vec<_>>(), undisturbed.keys().collect::<Vec<_>>(), "MERIDIAN_SEED={seed}");
    for (object, expected) in &undisturbed {
        assert_eq!(&made[object], expected, "MERIDIAN_SEED={seed} {object}");
    }
}

/// Waits until each host answers from one of its pods; returns the one address of them all.
#[track_caller]
fn every_page_opens(world: &World, hosts: &Value, seed: u64) -> String {
    let hosts = hosts.as_object().unwrap();
    let first = hosts.keys().find(|host| host.starts_with("site-")).unwrap();
    let ingress = first.split('.').next().unwrap();
    world.wait("an address", || !world.published(CLUSTER, ingress).0.is_empty());
    let (address, _) = world.published(CLUSTER, ingress);
    for (host, expected) in hosts {
        let scheme = if expected["tls"] == true { "https" } else { "http" };
        let pods: Vec<String> =
            expected["pods"].as_array().unwrap().iter().map(|pod| format!("pod {} ", pod.as_str().unwrap())).collect();
        world.wait(&format!("{scheme}://{host} of {pods:?} at {address}, MERIDIAN_SEED={seed}"), || {
            let (status, body) = world.page(&address, &format!("{scheme}://{host}/"), &["-k"]);
            status == 200 && pods.iter().any(|pod| body.contains(pod))
        });
    }
    address
}

#[test]
fn web_sockets_and_downloads_live_through_a_thousand_changes_of_others() {
    if !has_python() {
        return;
    }
    let Some(mut pages) = World::start_with_manual_pods() else { return };
    let world = &mut pages.world;
    world.make_sites_secret(CLUSTER);
    // What is held open is a site that nobody edits.
    let held = "held.avi.iberia.local";
    world.make_site(CLUSTER, "held", held, "10.34.200.1");
    world.wait("the held page", || {
        let (address, _) = world.published(CLUSTER, "held");
        !address.is_empty() && world.page(&address, &format!("http://{held}/"), &[]).0 == 200
    });
    let (address, _) = world.published(CLUSTER, "held");
    let mut sites = world.client_sites(CLUSTER, 1, 50, 50, 1000);
    sites.expect("ready");
    let mut hold = world.client_hold(&address, held, 20);
    hold.expect("ready");
    let ended = sites.until_end();
    assert_eq!(ended["edits"], json!(1000), "{ended}");
    every_page_opens(world, &ended["hosts"], 1);
    let seen = hold.finish();
    println!("{seen}");
    assert_eq!(seen["faults"], json!([]), "{}", world.logs());
}
