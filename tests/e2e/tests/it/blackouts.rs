//! Links of sites are cut: what clients see meanwhile, and how all of it comes back by itself.

use serde_json::json;

use crate::demo::HELLO;
use crate::world::World;
use crate::world::seen::Seen;
use crate::world::sites::{DNS_LEADER, DNS_SITE1, DNS_SITE2};

/// The application's address in Site2.
const S2: &str = "10.10.23.40";
/// Slack for a busy machine, in seconds.
const SLACK: f64 = 4.0;
/// Time to live of the answers, in seconds: how long a resolver may go on with what is not true any more.
const TTL: u32 = 2;
/// Questions to the resolver while a site is away.
const QUERIES: u32 = 100;

/// Story 7.4.
#[test]
fn a_site_that_is_cut_off_leaves_the_answers_and_comes_back_by_itself() {
    let Some(world) = World::start_sites() else { return };
    let split = ["s1az1", "s1az2", "s2"].map(|cluster| json!({"cluster": cluster, "weight": 5}));
    world.set_policy(&json!({"ttl": TTL, "trafficSplit": split}));
    world.wait_for_ttl(TTL);
    // The operator's own monitor: every 10 s, 4 s for an answer, 3 failures.
    blackout(&world, "monitors every 10 s", 3.0 * 10.0 + 4.0);

    // The shortest that the API takes: every second, one second for an answer.
    world.create(
        "healthmonitor",
        &json!({
            "name": "fast", "type": "HEALTH_MONITOR_TCP", "is_federated": true, "monitor_port": 80,
            "send_interval": 1, "receive_timeout": 1, "failed_checks": 1, "successful_checks": 1, "tcp_monitor": {},
        }),
    );
    world.set_policy(&json!({"healthMonitorRefs": ["fast"]}));
    world.wait("the service to have the fast monitor", || {
        let monitors = &world.held("gslbservice")[HELLO]["health_monitor_refs"];
        monitors[0].as_str().is_some_and(|monitor| monitor.ends_with("#fast"))
    });
    for server in [DNS_LEADER, DNS_SITE1, DNS_SITE2] {
        world.wait_for_answers_at(server, &[0, 1, 2]);
    }
    blackout(&world, "monitors every second", 1.0 + 1.0);
}

/// Cuts Site2 off until the others' answers are without its member, and joins it again; `within` so many seconds.
fn blackout(world: &World, what: &str, within: f64) {
    let mut clients = world.client_watch(HELLO, &[DNS_LEADER, DNS_SITE1, DNS_SITE2]);
    clients.tell_and_wait("cut");
    world.cut("site2");
    for server in [DNS_LEADER, DNS_SITE1] {
        world.wait_for_answers_at(server, &[0, 1]);
    }
    // What the resolver has kept of the member goes with its time to live; after that no page fails.
    world.wait("the resolver to forget the member", || world.resolve(HELLO).trim() != S2);
    clients.tell_and_wait("without");
    for _ in 0..QUERIES {
        assert_ne!(world.resolve(HELLO).trim(), S2);
    }
    clients.tell_and_wait("join");
    world.join("site2");
    for server in [DNS_LEADER, DNS_SITE1, DNS_SITE2] {
        world.wait_for_answers_at(server, &[0, 1, 2]);
    }
    clients.tell_and_wait("end");
    let seen = Seen::of(clients.finish());

    for server in [DNS_LEADER, DNS_SITE1] {
        let (left, back) = (seen.last_answer(server, S2, "cut", "join"), seen.first_answer(server, S2, "join", "end"));
        println!(
            "{what}: {server} gave {S2} for {left:.1} s after the cut, and again {back:.1} s after the link was up"
        );
        assert!(left <= within + SLACK, "{server} answered with {S2} for {left} s");
        assert_eq!(seen.unanswered(server, "cut", "end"), 0, "{server} did not answer");
    }
    let pages = seen.pages("cut", "end");
    let (asked, failed, last) = (pages.asked, pages.failed, pages.last_failure);
    println!("{what}: of {asked} pages {failed} did not come, the last asked for {last:.1} s after the cut");
    let without = seen.pages("without", "join");
    assert!(without.asked > 0 && without.failed == 0, "{} of {}", without.failed, without.asked);
    // Whoever asks anew when the answer may not be kept any longer gets a page.
    assert!(last <= within + f64::from(TTL) + SLACK, "pages failed until {last} s after the cut");
}
