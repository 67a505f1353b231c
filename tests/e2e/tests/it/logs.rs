//! DNS logs: exact counts of many answers, throttles, a full disk. The queries come from `dnsperf`, the counts from a
//! script in another language.

use std::process::{Child, Command};

use crate::demo::HELLO;
use crate::world::World;

const S1AZ1: &str = "10.10.25.46";
const S1AZ2: &str = "10.10.26.40";
const S2: &str = "10.10.23.40";
const CANARY: &str = "canary.avi.iberia.local";

#[test]
fn five_thousand_answers_are_counted_exactly_in_the_exported_logs() {
    let Some(world) = start() else { return };
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 4), (S2, 2)]);
    world.set_weights([6, 3, 1]);
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 3), (S2, 1)]);
    world.create_service(CANARY, &[(S1AZ1, 20), (S1AZ2, 20), (S2, 1)]);
    world.log_everything();
    world.wait_until_logged(HELLO, "10.99.0.9");
    world.wait_until_logged(CANARY, "10.99.0.8");

    // Both at once, each name 5,000 times, 100 a second, from an address of its own.
    for sender in
        [world.start_dnsperf(HELLO, "10.99.0.1", 5_000, 100), world.start_dnsperf(CANARY, "10.99.0.2", 5_000, 100)]
    {
        all_answered(sender);
    }
    for (name, client, weights) in [(HELLO, "10.99.0.1", [6, 3, 1]), (CANARY, "10.99.0.2", [20, 20, 1])] {
        world.wait("all logs", || world.exported_counts(name, client).values().sum::<usize>() >= 5_000);
        let counts = world.exported_counts(name, client);
        let whole: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
        let members = [S1AZ1, S1AZ2, S2];
        assert_eq!((counts.len(), counts.values().sum::<usize>()), (3, 5_000), "{counts:?}");
        for (member, weight) in members.iter().zip(weights) {
            let exact = 5_000.0 * f64::from(weight) / whole;
            let found = f64::from(u32::try_from(counts[*member]).unwrap());
            assert!((found - exact).abs() <= 1.0, "{name}: {member} has {found} of {exact}; {counts:?}");
        }
        println!("{name} {weights:?}: {counts:?}");
    }
    assert_eq!(world.engine_metric("meridian_dns_logs_dropped_total{reason=\"ring\"}"), 0);
}

#[test]
fn logs_are_throttled_by_default_and_a_full_disk_under_them_never_holds_up_answers() {
    let Some(mut world) = start() else { return };
    world.wait_for_split(&[(S1AZ1, 6), (S1AZ2, 4), (S2, 2)]);

    // At the default rates of 10 a second for the virtual service, 100 for the group.
    world.log_at(10, 100);
    world.wait_until_logged(HELLO, "10.99.0.9");
    let dropped = "meridian_dns_logs_dropped_total{reason=\"throttle\"}";
    let before = (world.engine_metric("meridian_dns_logs_written_total"), world.engine_metric(dropped));
    all_answered(world.start_dnsperf(HELLO, "10.99.0.1", 5_000, 1_000));
    let now = || (world.engine_metric("meridian_dns_logs_written_total"), world.engine_metric(dropped));
    world.wait("every answer to be logged or counted", || {
        let (written, throttled) = now();
        written - before.0 + throttled - before.1 == 5_000
    });
    let written = now().0 - before.0;
    // In 5 s, or up to 50 s on a machine that has much else to do.
    assert!((10..500).contains(&written), "{written} logs");
    println!("default throttle: {written} of 5,000 logged");

    // Room for a few logs only.
    world.log_everything();
    world.stop("engine");
    world.start_engine_with_small_disk();
    world.wait_until_logged(HELLO, "10.99.0.3");
    all_answered(world.start_dnsperf(HELLO, "10.99.0.4", 5_000, 2_000));
    let lost = "meridian_dns_logs_dropped_total{reason=\"disk\"}";
    world.wait("logs to be dropped", || world.engine_metric(lost) > 0);
    let said = world.said("engine");
    let told: Vec<&str> = said.lines().filter(|line| line.contains("logs cannot be written")).collect();
    assert!(!told.is_empty() && told.len() <= 3, "{said}");
    assert!(told[0].contains("full") && told[0].contains("engine/logs/dns-"), "{}", told[0]);
    println!("{}", told[0]);
    all_answered(world.start_dnsperf(HELLO, "10.99.0.5", 1_000, 1_000));

    // It goes on by itself when there is room.
    world.make_room();
    world.wait_until_logged(HELLO, "10.99.0.6");
    assert!(world.said("engine").contains("logs are written again"), "{}", world.said("engine"));
}

fn start() -> Option<World> {
    for (program, args) in [("dnsperf", ["-h"]), ("python3", ["--version"])] {
        if Command::new(program).args(args).output().is_err() {
            println!("skipped: no {program} on this machine");
            return None;
        }
    }
    World::start()
}

/// Waits for a sender; every query of it was answered.
#[track_caller]
fn all_answered(sender: Child) {
    let output = sender.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("Queries completed:") && text.contains("(100.00%)"), "{text}");
    let lost = text.lines().find(|line| line.trim_start().starts_with("Queries lost:")).unwrap();
    assert!(lost.contains(" 0 ("), "{text}");
}
