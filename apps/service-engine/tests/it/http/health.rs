//! Servers that die and return, and what is told of them.

use std::time::Duration;

use model::http::Pool;
use model::monitor::{Check, HealthMonitor};
use model::testing::{child, http_pool, to_pool, virtual_service};

use tokio::sync::watch;

use super::backend::Backend;
use super::client::{Client, get};
use super::*;
use crate::running::Running;

/// A monitor that sees a death within a fifth of a second.
fn tcp() -> HealthMonitor {
    HealthMonitor {
        uuid: "healthmonitor-tcp".into(),
        name: "tcp".into(),
        send_interval: Duration::from_millis(50),
        receive_timeout: Duration::from_millis(50),
        successful_checks: 2,
        failed_checks: 3,
        port: None,
        quickstart: true,
        check: Check::Tcp { request: None, response: None },
    }
}

fn monitored(name: &str, servers: &[SocketAddr]) -> Pool {
    let servers: Vec<_> = servers.iter().map(|&address| (address, 1)).collect();
    Pool { health_monitors: vec![tcp().uuid], ..http_pool(name, &servers) }
}

/// An EVH parent with one child in front of `pools`, of which the child uses the first.
fn evh(revision: u64, vip: SocketAddr, pools: Vec<Pool>) -> Snapshot {
    let mut parent = virtual_service("parent", vip, None);
    parent.children = vec![child("app", "app.example.com", to_pool(&pools[0].name))];
    Snapshot { monitors: vec![Arc::new(tcp())], ..http_snapshot(revision, vec![parent], pools, vec![]) }
}

fn servers_are(up: &'static [bool]) -> impl Fn(&Report) -> bool {
    move |report| pool(report, "p").servers.iter().map(|server| server.state == State::Up).eq(up.iter().copied())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_server_is_passed_over_the_last_one_leaves_503_and_a_return_heals() {
    let (first, second) = (Backend::start(free_address(), "a").await, Backend::start(free_address(), "b").await);
    let (vip, addresses) = (free_address(), [first.address, second.address]);
    let running = Running::start(evh(1, vip, vec![monitored("p", &addresses)]));
    running.wait("both up", servers_are(&[true, true])).await;
    running.wait("the child is up", is_up("app")).await;
    let mut seen: Vec<String> = Vec::new();
    for _ in 0..4 {
        seen.push(get(vip, "app.example.com", "/").await.1);
    }
    seen.sort_unstable();
    assert_eq!(seen, ["a /", "a /", "b /", "b /"]);

    first.kill().await;
    running.wait("one down", servers_are(&[false, true])).await;
    for _ in 0..4 {
        assert_eq!(get(vip, "app.example.com", "/").await, (200, "b /".into()));
    }
    let why = |report: &Report| {
        let server = &pool(report, "p").servers[0];
        server.reason.contains("tcp CONNECTION_REFUSED") && server.monitors[0].last_failure.is_some()
    };
    running.wait("the reason", why).await;

    second.kill().await;
    running.wait("the child is down", |report| service(report, "app").state == State::Down).await;
    running
        .wait("pool, child and parent say so", |report| {
            let (pool, child) = (pool(report, "p"), service(report, "app"));
            pool.state == State::Down
                && pool.reason.starts_with("0 of 2 servers up")
                && child.reason.contains("pool p: 0 of 2 servers up")
                && service(report, "parent").state == State::Up
        })
        .await;
    assert_eq!(get(vip, "app.example.com", "/").await.0, 503);

    let _again = Backend::start(addresses[1], "b").await;
    running.wait("it is back", servers_are(&[false, true])).await;
    running.wait("the child is back", is_up("app")).await;
    assert_eq!(get(vip, "app.example.com", "/").await, (200, "b /".into()));
    running.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_takes_no_request_before_its_first_pass() {
    let (vip, absent) = (free_address(), free_address());
    let running = Running::start(evh(1, vip, vec![monitored("p", &[absent])]));
    running.wait("no verdict yet, or down", |report| service(report, "parent").state == State::Up).await;
    assert_eq!(get(vip, "app.example.com", "/").await.0, 503);
    running.wait("down", |report| pool(report, "p").state == State::Down).await;
    let _backend = Backend::start(absent, "late").await;
    running.wait("up", is_up("app")).await;
    assert_eq!(get(vip, "app.example.com", "/").await, (200, "late /".into()));
    running.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_around_a_server_that_is_up_costs_no_request() {
    let backend = Backend::start(free_address(), "a").await;
    let (vip, absent) = (free_address(), free_address());
    let running = Running::start(evh(1, vip, vec![monitored("p", &[backend.address])]));
    running.wait("it is up", servers_are(&[true])).await;
    let (answered, mut answers) = watch::channel(Vec::new());
    let asking = tokio::spawn(async move {
        loop {
            let mut client = Client::connect(vip).await;
            for _ in 0..50 {
                let status = client.get("app.example.com", "/").await.0;
                answered.send_modify(|statuses| statuses.push(status));
            }
        }
    });
    // Pools of other uuids, with other servers beside and without: only the target stays.
    for revision in 2..200 {
        let servers = if revision % 2 == 0 { vec![absent, backend.address] } else { vec![backend.address] };
        let name = format!("p{}", revision / 3);
        let before = answers.borrow().len();
        running.send(evh(revision, vip, vec![monitored(&name, &servers)]));
        running.wait("the change", |report| report.version.revision.0 == revision).await;
        answers.wait_for(|statuses: &Vec<u16>| statuses.len() > before).await.unwrap();
    }
    asking.abort();
    assert!(answers.borrow().iter().all(|status| *status == 200), "{:?}", answers.borrow());
    running.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_were_up_before_a_restart_serve_until_a_probe_says_otherwise() {
    let (backend, vip) = (Backend::start(free_address(), "a").await, free_address());
    // Nobody answers on the monitor's port: what is up is so from before.
    let mut config = evh(1, vip, vec![monitored("p", &[backend.address])]);
    Arc::make_mut(&mut config.monitors[0]).port = Some(free_port());
    Arc::make_mut(&mut config.monitors[0]).failed_checks = 20;
    let up = [("pool-p".to_owned(), [backend.address.ip()].into())].into();
    let running = Running::start_with(config, up, None);
    running.wait("up from before", servers_are(&[true])).await;
    assert_eq!(running.engine.reports().borrow().as_ref().unwrap().up_members().len(), 1);
    assert_eq!(get(vip, "app.example.com", "/").await, (200, "a /".into()));
    running.wait("down", servers_are(&[false])).await;
    assert_eq!(get(vip, "app.example.com", "/").await.0, 503);
    running.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_monitors_as_the_pool_asks_for_hold_a_server_up() {
    let (backend, vip) = (Backend::start(free_address(), "a").await, free_address());
    let failing = HealthMonitor { uuid: "healthmonitor-x".into(), port: Some(free_port()), ..tcp() };
    let mut pool = monitored("p", &[backend.address]);
    pool.health_monitors.push(failing.uuid.clone());
    let with = |revision, monitors_up_min| {
        let mut config = evh(revision, vip, vec![Pool { monitors_up_min, ..pool.clone() }]);
        config.monitors.push(Arc::new(failing.clone()));
        config
    };
    let running = Running::start(with(1, None));
    running.wait("one of two is not enough", |report| self::pool(report, "p").state == State::Down).await;
    running.send(with(2, Some(1)));
    running.wait("one is asked for", servers_are(&[true])).await;
    assert_eq!(get(vip, "app.example.com", "/").await, (200, "a /".into()));
    running.engine.shutdown().await;
}
