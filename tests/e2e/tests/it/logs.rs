//! DNS logs: exact counts of many answers, throttles, a full disk. The queries come from `dnsperf`, the counts from a
//! script in another language. HTTP logs: the requests of `curl` with their times.

use std::process::{Child, Command};

use serde_json::{Value, json};

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

const SHOP: &str = "shop.example.com";
const VIP: &str = "10.10.27.80";

/// Story 4.4: requests of several applications under the one virtual service, filtered to one of them.
#[test]
fn requests_are_found_with_their_times_and_errors_without_full_logs() {
    let Some(world) = World::start() else { return };
    let full = json!({"full_client_logs": {"enabled": true, "duration": 0, "throttle": 0}});
    let pool = world.create("pool", &json!({"name": "shop", "servers": [{"ip": {"addr": S1AZ1}, "port": 80}]}));
    let parent = json!({
        "name": "shared", "type": "VS_TYPE_VH_PARENT", "vh_type": "VS_TYPE_VH_ENHANCED",
        "services": [{"port": 80}], "vip": [{"ip_address": {"addr": VIP}}]
    });
    let parent = world.create("virtualservice", &parent);
    let child = json!({
        "name": "shop", "type": "VS_TYPE_VH_CHILD", "vh_type": "VS_TYPE_VH_ENHANCED",
        "vh_parent_vs_ref": parent["url"], "vh_matches": [{"host": SHOP}], "pool_ref": pool["url"],
        "analytics_policy": full
    });
    world.create("virtualservice", &child);
    let page = |url: &str| world.page(VIP, url, &["-A", "=\"curl\u{ff}"]).0;
    world.wait("the page", || page(&format!("http://{SHOP}/ready")) == 200);
    for number in 0..20 {
        assert_eq!(page(&format!("http://{SHOP}/item/{number}?colour=red")), 200);
    }
    assert_eq!(page("http://other.example.com/"), 404);

    let logs = |args: &[&str]| world.meridian_logs(args);
    let found = |args: &[&str]| -> Vec<Value> {
        let shown: Value = serde_json::from_str(&logs(&[args, &["-o", "json"]].concat())).unwrap();
        shown["results"].as_array().unwrap().clone()
    };
    world.wait("all logs", || found(&["shop", "--path", "/item/"]).len() == 20);
    for (number, log) in found(&["shop", "--path", "/item/"]).iter().enumerate() {
        assert_eq!(log["uri_path"], format!("/item/{number}"));
        assert_eq!(
            (&log["response_code"], &log["server_ip"], &log["pool_name"]),
            (&json!(200), &json!(S1AZ1), &json!("shop"))
        );
        let times = ["app_response_time_us", "response_time_first_byte_us", "total_time_us"];
        assert!(times.map(|time| log[time].as_u64().unwrap()).is_sorted(), "{log}");
    }
    // The parent shows its own error and what its child took.
    world.wait("the error", || found(&["shared", "--errors"]).len() == 1);
    assert_eq!(found(&["shared", "--status", "4xx"])[0]["host"], "other.example.com");
    assert_eq!(found(&["shared", "--name", SHOP, "--path", "/item/7"]).len(), 1);
    assert_eq!(found(&["shop", "--status", "4xx"]), Vec::<Value>::new());
    let table = logs(&["shop", "--path", "/item/3"]);
    assert!(
        table.starts_with("TIME ") && table.contains(&format!("{SHOP}/item/3?colour=red   200      {S1AZ1}:80")),
        "{table}"
    );
    let csv = logs(&["shop", "-o", "csv", "--path", "/item/"]);
    assert_eq!((csv.lines().count(), csv.lines().next().unwrap().split(',').count()), (21, 134), "{csv}");
    assert!(csv.contains("'=\"\"curl"), "{csv}");
    assert!(world.engine_metric("meridian_http_logs_written_total") >= 22);
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
