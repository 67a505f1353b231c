//! When targets are probed. Where sockets do not matter, on tokio's paused clock against a silent UDP server: such a
//! probe passes after exactly its receive timeout, without anything to wait for in real time.

use std::collections::HashMap;

use health_probe::{FailureCode, TargetKey};
use tokio::{
    net::TcpListener,
    time::{Instant, advance},
};

use super::{servers::Then, *};

const INTERVAL: Duration = Duration::from_secs(10);
/// The timer's grain is a millisecond.
const GRAIN: Duration = Duration::from_millis(2);

fn silent_monitor() -> HealthMonitor {
    monitor(Check::Udp { request: None, response: None })
}

#[track_caller]
fn check_gap(gap: Duration, interval: Duration) {
    let play = interval / 10 + GRAIN;
    assert!(gap >= interval - play && gap <= interval + play, "{gap:?} is not about {interval:?}");
}

/// Collects results until `until`.
async fn collect(results: &mut mpsc::Receiver<ProbeResult>, until: Instant) -> Vec<ProbeResult> {
    let mut collected = Vec::new();
    while let Ok(result) = tokio::time::timeout_at(until, results.recv()).await {
        collected.push(result.expect("prober ended"));
    }
    collected
}

#[tokio::test(start_paused = true)]
async fn probes_keep_to_the_interval_after_the_first_verdict() {
    let (_socket, address) = servers::udp_silent();
    let (prober, mut results, _stop) = start();
    let begun = Instant::now();
    prober.change(vec![target(&silent_monitor(), address, "a")], vec![]).await;
    let first = next(&mut results).await;
    assert!(first.at - begun <= Duration::from_secs(4) + GRAIN, "the first probe starts at once");
    let mut last = next(&mut results).await;
    assert!(last.at - first.at <= INTERVAL + Duration::from_secs(4) + GRAIN, "the second within one interval");
    for _ in 0..20 {
        let result = next(&mut results).await;
        check_gap(result.at - last.at, INTERVAL);
        assert!(result.late <= GRAIN, "{:?}", result.late);
        last = result;
    }
}

#[tokio::test(start_paused = true)]
async fn changes_do_not_disturb_the_targets_that_stay() {
    let (_socket, address) = servers::udp_silent();
    let monitor = HealthMonitor { receive_timeout: Duration::from_millis(500), ..silent_monitor() };
    let [stays, leaves, comes] = ["stays", "leaves", "comes"].map(|host| target(&monitor, address, host));
    let (prober, mut results, _stop) = start();
    prober.change(vec![stays.clone(), leaves.clone()], vec![]).await;
    let begun = Instant::now();
    let mut collected = collect(&mut results, begun + Duration::from_secs(40)).await;
    // The same again, one gone, one new: many times, at odd moments, also while probes are under way.
    for round in 1..=50u32 {
        match round % 2 {
            0 => prober.change(vec![stays.clone()], vec![comes.key().clone(), leaves.key().clone()]).await,
            _ => prober.change(vec![comes.clone(), stays.clone()], vec![leaves.key().clone()]).await,
        }
        collected
            .extend(collect(&mut results, begun + Duration::from_secs(40) + round * Duration::from_millis(1777)).await);
    }
    let of = |wanted: &Target| -> Vec<Instant> {
        collected.iter().filter(|result| result.key == *wanted.key()).map(|result| result.at).collect()
    };
    let stayed = of(&stays);
    assert!(stayed.len() >= 12, "{}", stayed.len());
    for pair in stayed[1..].windows(2) {
        check_gap(pair[1] - pair[0], INTERVAL);
    }
    assert!(of(&leaves).iter().all(|at| *at < begun + Duration::from_secs(41)), "a removed target is not probed");
    assert!(of(&comes).len() >= 25, "each of the 25 times it comes it starts at once");
}

#[tokio::test(start_paused = true)]
async fn an_edited_monitor_is_used_within_its_new_interval() {
    let (_socket, address) = servers::udp_silent();
    let slow = HealthMonitor { send_interval: Duration::from_secs(3600), ..silent_monitor() };
    let (prober, mut results, _stop) = start();
    prober.change(vec![target(&slow, address, "a")], vec![]).await;
    next(&mut results).await;
    let fast = HealthMonitor { send_interval: Duration::from_secs(5), ..slow };
    prober.change(vec![target(&fast, address, "a")], vec![]).await;
    let edited = Instant::now();
    let first = next(&mut results).await;
    assert!(first.at - edited <= Duration::from_secs(9) + GRAIN, "{:?}", first.at - edited);
    let second = next(&mut results).await;
    check_gap(second.at - first.at, fast.send_interval);
}

#[tokio::test(start_paused = true)]
async fn without_quick_start_targets_begin_spread_over_the_interval() {
    let (_socket, address) = servers::udp_silent();
    let monitor = HealthMonitor { quickstart: false, receive_timeout: Duration::from_millis(10), ..silent_monitor() };
    let (prober, mut results, _stop) = start();
    prober.change((0..1000).map(|index| target(&monitor, address, &index.to_string())).collect(), vec![]).await;
    let begun = Instant::now();
    let mut per_second = [0; 10];
    for _ in 0..1000 {
        let since = next(&mut results).await.at - begun;
        per_second[usize::try_from(since.as_secs().min(9)).unwrap()] += 1;
    }
    assert!(per_second.iter().all(|starts| (60..=140).contains(starts)), "{per_second:?}");
}

#[tokio::test(start_paused = true)]
async fn hanging_targets_do_not_delay_the_others() {
    let (_socket, address) = servers::udp_silent();
    let quick = HealthMonitor { receive_timeout: Duration::from_millis(5), quickstart: false, ..silent_monitor() };
    let hangs = HealthMonitor {
        uuid: "healthmonitor-hangs".into(),
        check: Check::Udp { request: None, response: Some("never".into()) },
        quickstart: false,
        ..silent_monitor()
    };
    let targets =
        (0..3500).map(|index| target(if index < 500 { &hangs } else { &quick }, address, &index.to_string())).collect();
    let (prober, mut results, _stop) = start();
    prober.change(targets, vec![]).await;
    let mut last: HashMap<TargetKey, Instant> = HashMap::new();
    for result in collect(&mut results, Instant::now() + Duration::from_secs(45)).await {
        assert!(result.late <= GRAIN, "{:?}", result.late);
        if let Some(before) = last.insert(result.key, result.at) {
            check_gap(result.at - before, INTERVAL);
        }
    }
    assert_eq!(last.len(), 3500);
}

#[tokio::test(start_paused = true)]
async fn a_crowd_in_quick_start_does_not_delay_the_others() {
    let (_socket, address) = servers::udp_silent();
    let watched = HealthMonitor { receive_timeout: Duration::from_millis(5), ..silent_monitor() };
    let hangs = HealthMonitor {
        uuid: "healthmonitor-hangs".into(),
        check: Check::Udp { request: None, response: Some("never".into()) },
        ..silent_monitor()
    };
    let mut targets: Vec<Target> = (0..100).map(|index| target(&watched, address, &index.to_string())).collect();
    let (prober, mut results, _stop) = start();
    prober.change(targets.clone(), vec![]).await;
    collect(&mut results, Instant::now() + Duration::from_secs(30)).await;
    // Four times as many as there are slots, each of which hangs for 4 s.
    targets.extend((0..2048).map(|index| target(&hangs, address, &index.to_string())));
    prober.change(targets, vec![]).await;
    let mut checked = 0;
    for result in collect(&mut results, Instant::now() + Duration::from_secs(20)).await {
        if result.outcome.is_ok() {
            assert!(result.late <= GRAIN, "{:?}", result.late);
            checked += 1;
        }
    }
    assert!(checked >= 150, "{checked}");
}

#[tokio::test(start_paused = true)]
async fn unsupported_monitors_have_no_results() {
    let (_socket, address) = servers::udp_silent();
    let unsupported = HealthMonitor {
        uuid: "healthmonitor-ping".into(),
        ..monitor(Check::Unsupported("HEALTH_MONITOR_PING".into()))
    };
    let probed = target(&silent_monitor(), address, "a");
    let (prober, mut results, _stop) = start();
    prober.change(vec![target(&unsupported, address, "a"), probed.clone()], vec![]).await;
    for _ in 0..5 {
        assert_eq!(next(&mut results).await.key, *probed.key());
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_result_queue_holds_probes_back_and_loses_none() {
    let (_socket, address) = servers::udp_silent();
    let monitor = HealthMonitor { receive_timeout: Duration::from_millis(1), ..silent_monitor() };
    let (prober, mut results, _stop) = start();
    prober.change((0..6000).map(|index| target(&monitor, address, &index.to_string())).collect(), vec![]).await;
    advance(Duration::from_millis(1)).await;
    // Nobody takes results until more are made than the queue and the slots hold together.
    let filled = async {
        while results.len() < 4096 {
            tokio::time::sleep(Duration::from_millis(1)).await; // bounded: polls a condition
        }
    };
    timeout(PATIENCE, filled).await.expect("the queue fills");
    let mut seen = std::collections::HashSet::new();
    while seen.len() < 6000 {
        seen.insert(next(&mut results).await.key);
    }
}

#[tokio::test]
async fn quick_start_finds_a_server_that_is_up_within_a_round_trip() {
    let address = servers::answering("HTTP/1.0 200 OK\r\n\r\n", Then::Close).await;
    let (prober, mut results, _stop) = start();
    let begun = Instant::now();
    prober.change(vec![target(&http_monitor(), address, "a")], vec![]).await;
    let first = next(&mut results).await;
    assert!(first.outcome.is_ok(), "{first:?}");
    assert!(first.at - begun < Duration::from_millis(500), "{:?}", first.at - begun);
}

#[tokio::test]
async fn quick_start_finds_a_server_that_comes_up_at_the_next_retry() {
    let address = servers::closed();
    let (prober, mut results, _stop) = start();
    prober.change(vec![target(&http_monitor(), address, "a")], vec![]).await;
    let refused = next(&mut results).await;
    assert_eq!(refused.outcome.unwrap_err().code, FailureCode::ConnectionRefused);
    let listener = TcpListener::bind(address).await.unwrap();
    tokio::spawn(servers::serve(listener, Arc::from(*b"HTTP/1.0 200 OK\r\n\r\n"), Then::Close));
    let second = next(&mut results).await;
    assert!(second.outcome.is_ok(), "{second:?}");
    assert!(second.at - refused.at < Duration::from_millis(500), "{:?}", second.at - refused.at);
}

/// The same promise as `hanging_targets_do_not_delay_the_others`, with real connections in real time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_connections_keep_the_timetable_beside_hanging_ones() {
    let fast = servers::answering("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", Then::Close).await;
    let (_listener, hanging) = servers::hanging();
    let interval = Duration::from_secs(4);
    let monitor = HealthMonitor {
        send_interval: interval,
        receive_timeout: Duration::from_secs(2),
        quickstart: false,
        ..http_monitor()
    };
    let targets =
        (0..3500).map(|index| target(&monitor, if index < 500 { hanging } else { fast }, &index.to_string())).collect();
    let (prober, mut results, _stop) = start();
    prober.change(targets, vec![]).await;
    let mut late = Vec::new();
    while late.len() < 3000 {
        let result = next(&mut results).await;
        if result.key.address == fast {
            assert!(result.outcome.is_ok(), "{result:?}");
            late.push(result.late);
        }
    }
    late.sort_unstable();
    // All but one in a hundred: other work on the machine may stall a few.
    let p99 = late[late.len() * 99 / 100];
    println!("late: p50 {:?}, p99 {p99:?}, max {:?}", late[late.len() / 2], late[late.len() - 1]);
    assert!(p99 < Duration::from_millis(200), "{p99:?}");
}

#[tokio::test]
async fn a_cancelled_prober_ends_with_its_probes() {
    let (_listener, address) = servers::hanging();
    let (prober, mut results, stop) = start();
    prober.change(vec![target(&http_monitor(), address, "a")], vec![]).await;
    stop.cancel();
    timeout(Duration::from_secs(2), prober.stopped()).await.expect("it waits for no probe");
    assert!(results.recv().await.is_none());
}

#[tokio::test]
async fn a_prober_ends_when_nobody_takes_its_results() {
    let (prober, results, _stop) = start();
    drop(results);
    timeout(Duration::from_secs(2), prober.stopped()).await.expect("it ends");
}

fn http_monitor() -> HealthMonitor {
    monitor(Check::Http(model::monitor::HttpCheck {
        request: "GET / HTTP/1.0".into(),
        exact_request: false,
        request_body: None,
        status_classes: vec![],
        response: None,
        response_bytes_max: 2048,
        maintenance_codes: vec![],
        maintenance_response: None,
        server_name: None,
    }))
}
