//! What is asked of an engine's virtual services is found in its logs.

use model::testing::{child, http_pool, to_pool, virtual_service};
use model::{FullLogs, LogGroup, LogPolicy};
use se_protocol::UpMembers;
use se_protocol::logs::{Filter, HttpLog, Log, LogKind, LogQuery, Operator};
use service_engine::LogCounts;

use super::backend::Backend;
use super::client::{Client, get};
use super::*;
use crate::running::Running;

const HOST: &str = "shop.example.com";

/// Everything, or what is fine at this rate.
fn full(per_s: u32) -> LogPolicy {
    let group = LogGroup { uuid: "g".into(), significant_per_s: 0, non_significant_per_s: 0 };
    LogPolicy { significant_per_s: 0, full: Some(FullLogs { per_s, until_us: None }), group }
}

/// A parent with the child `shop`, which logs as this says; the parent logs errors only.
fn shop(vip: SocketAddr, backend: &Backend, logs: LogPolicy) -> Snapshot {
    let mut parent = virtual_service("parent", vip, None);
    let mut shop = child("shop", HOST, to_pool("p"));
    Arc::make_mut(&mut shop).host.logs = logs;
    parent.children = vec![shop];
    http_snapshot(1, vec![parent], vec![http_pool("p", &[(backend.address, 1)])], vec![])
}

fn query(name: &str, filters: Vec<Filter>) -> LogQuery {
    LogQuery {
        kind: LogKind::Http,
        virtual_service: format!("virtualservice-{name}"),
        children: Vec::new(),
        start_us: 0,
        end_us: i64::MAX,
        significant: true,
        non_significant: true,
        filters,
        newest_first: false,
        limit: 1_000,
        group_by: None,
        within_ms: 60_000,
    }
}

/// An engine that keeps its logs here.
fn start(snapshot: Snapshot, logs: &tempfile::TempDir) -> Running {
    Running::start_with(snapshot, UpMembers::new(), Some(logs.path().to_owned()))
}

async fn find(running: &Running, query: LogQuery) -> Vec<HttpLog> {
    let handle = running.engine.log_handle();
    let page = tokio::task::spawn_blocking(move || handle.search(&query)).await.unwrap().unwrap();
    assert!(page.is_complete);
    let http = |log| match log {
        Log::Http(log) => *log,
        Log::Dns(log) => panic!("{log:?}"),
    };
    page.logs.into_iter().map(http).collect()
}

async fn wait_for_counts(running: &Running, holds: impl Fn(LogCounts) -> bool) -> LogCounts {
    let counter = running.engine.log_counter();
    for _ in 0..2_000 {
        if holds(counter.http()) {
            return counter.http();
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await; // bounded: 20 s in steps of 10 ms
    }
    panic!("waited in vain: {:?}", counter.http());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_requests_are_found_with_status_server_and_times() {
    let dir = tempfile::tempdir().unwrap();
    let backend = Backend::start(free_address(), "shop").await;
    let vip = free_address();
    let running = start(shop(vip, &backend, full(0)), &dir);
    running.wait("it listens", is_up("parent")).await;
    let mut kept = Client::connect(vip).await;
    for number in 0..100 {
        let path = format!("/item/{number}?colour=red");
        // On one connection, and on as many of their own.
        let (status, _) = if number % 2 == 0 { kept.get(HOST, &path).await } else { get(vip, HOST, &path).await };
        assert_eq!(status, 200);
    }
    assert_eq!(get(vip, "other.example.com", "/").await.0, 404);
    wait_for_counts(&running, |counts| counts.written == 101).await;

    let mut logs = find(&running, query("shop", vec![])).await;
    logs.sort_by_key(|log| log.uri_path.trim_start_matches("/item/").parse::<usize>().unwrap());
    assert_eq!(logs.len(), 100);
    for (number, log) in logs.iter().enumerate() {
        assert_eq!((log.uri_path.as_str(), log.uri_query.as_str()), (&*format!("/item/{number}"), "colour=red"));
        assert_eq!((log.status, log.host.as_str(), log.method.as_str()), (200, HOST, "GET"));
        assert_eq!((log.service_ip.parse(), log.service_port), (Ok(vip.ip()), vip.port().into()));
        let server = log.server.as_ref().unwrap();
        let address = SocketAddr::new(server.ip.parse().unwrap(), server.port.try_into().unwrap());
        assert_eq!((address, server.pool_name.as_str()), (backend.address, "p"));
        let first_octet_us = log.first_octet_us.unwrap();
        assert!(server.response_us.unwrap() <= first_octet_us && first_octet_us <= log.total_us, "{log:?}");
        assert!(!log.significant && log.service_engine == "engine", "{log:?}");
    }
    let mut ids: Vec<u64> = logs.iter().map(|log| log.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 100, "a number of its own each");

    // What no child takes is an error of the parent, which logs errors only.
    let errors = find(&running, query("parent", vec![])).await;
    assert_eq!((errors.len(), errors[0].status, errors[0].significant), (1, 404, true));
    let filter = Filter { field: "uri_path".into(), operator: Operator::Eq, values: vec!["/item/7".into()] };
    assert_eq!(find(&running, query("shop", vec![filter])).await.len(), 1);
    running.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttle_keeps_ten_a_second_and_counts_the_rest_and_a_new_policy_holds_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let backend = Backend::start(free_address(), "shop").await;
    let vip = free_address();
    let running = start(shop(vip, &backend, full(10)), &dir);
    running.wait("it listens", is_up("parent")).await;
    let mut client = Client::connect(vip).await;
    for _ in 0..90 {
        assert_eq!(client.get(HOST, "/").await.0, 200);
    }
    let counts = wait_for_counts(&running, |counts| counts.written + counts.dropped_throttle == 90).await;
    // Ten in each second that the requests took; few machines take more than one or two.
    assert!(counts.written >= 10 && counts.written < 90, "{counts:?}");

    let mut quiet = shop(vip, &backend, LogPolicy { full: None, ..full(0) });
    quiet.version.revision.0 += 1;
    let revision = quiet.version.revision;
    running.send(quiet);
    running.wait("the new policy", |report| report.version.revision == revision).await;
    for _ in 0..90 {
        assert_eq!(get(vip, HOST, "/").await.0, 200);
    }
    backend.kill().await;
    assert_eq!(get(vip, HOST, "/down").await.0, 503);
    let after = wait_for_counts(&running, |after| after.written > counts.written).await;
    assert_eq!(after, LogCounts { written: counts.written + 1, ..counts }, "only the error, and nothing else counted");
    let logs = find(&running, query("shop", vec![])).await;
    let last = logs.last().unwrap();
    assert_eq!((last.uri_path.as_str(), last.status, last.significant), ("/down", 503, true));
    assert!(last.reason.contains("server"), "{}", last.reason);
    running.engine.shutdown().await;
}
