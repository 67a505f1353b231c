//! Listeners and the connections on them: opened, healed, left alone, ended.

use std::time::Duration;

use model::http::Pool;
use model::testing::{child, http_pool, http_server, to_pool, virtual_service};

use super::backend::Backend;
use super::client::{Client, get};
use super::*;
use crate::running::Running;

/// Changes that open connections have to outlive.
const CHANGES: u64 = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_is_in_the_way_is_told_and_its_end_heals() {
    let backend = Backend::start(free_address(), "a").await;
    let vip = free_address();
    let taken = std::net::TcpListener::bind(vip).unwrap();
    let other = free_address();
    let mut second = virtual_service("second", other, to_pool("p"));
    // The port of `first` belongs to it, whoever comes later.
    second.ports.push(model::http::ServicePort { port: vip.port(), listen_port: vip.port(), tls: false, http2: false });
    let services = vec![virtual_service("first", vip, to_pool("p")), second];
    let running = Running::start(http_snapshot(1, services, vec![http_pool("p", &[(backend.address, 1)])], vec![]));
    let told = |report: &Report| {
        let (first, second) = (service(report, "first"), service(report, "second"));
        first.state == State::Down
            && first.reason.contains("is in use: stop the program that listens there")
            && first.listeners.is_empty()
            && second.reason.contains("belongs to virtual service first already")
            && second.listeners == [other]
    };
    running.wait("both conflicts", told).await;
    let obstacle = running.engine.obstacle().borrow().clone().unwrap();
    assert!(obstacle.starts_with("virtual service first: "), "{obstacle}");
    assert_eq!(get(other, "h", "/").await, (200, "a /".into()), "what listens serves");

    drop(taken);
    running.wait("it heals", |report| service(report, "first").listeners == [vip]).await;
    running.wait("it is up", is_up("first")).await;
    assert_eq!(get(vip, "h", "/").await, (200, "a /".into()));
    assert!(running.engine.obstacle().borrow().as_deref().is_some_and(|it| it.starts_with("virtual service second")));
    running.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_virtual_service_is_down_until_it_listens_everywhere_and_serves_where_it_does() {
    let vips = [free_address(), free_address()];
    let [first, second] = vips.map(|vip| std::net::TcpListener::bind(vip).unwrap());
    let mut vs = virtual_service("vs", vips[0], None);
    vs.ports.push(model::http::ServicePort { port: vips[1].port(), listen_port: vips[1].port(), ..vs.ports[0] });
    let running = Running::start(http_snapshot(1, vec![vs], vec![], vec![]));
    running.wait("both are taken", |report| service(report, "vs").state == State::Down).await;
    drop(second);
    let one_listens = |report: &Report| {
        let vs = service(report, "vs");
        vs.listeners == [vips[1]] && vs.state == State::Down && vs.reason.contains(&vips[0].to_string())
    };
    running.wait("one listens", one_listens).await;
    assert_eq!(get(vips[1], "h", "/").await.0, 404);
    drop(first);
    running.wait("both listen", |report| service(report, "vs").listeners == vips).await;
    running.wait("it is up", is_up("vs")).await;
    running.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_not_of_this_host_is_told_with_what_to_do() {
    let vip = "192.0.2.77:80".parse().unwrap();
    let running = Running::start(http_snapshot(1, vec![virtual_service("vs", vip, None)], vec![], vec![]));
    let told = |report: &Report| {
        let vs = service(report, "vs");
        vs.state == State::Down && vs.reason.contains("is no address of this machine: assign it to an interface")
    };
    running.wait("the reason", told).await;
    let mut off = http_snapshot(2, vec![virtual_service("vs", vip, None)], vec![], vec![]);
    Arc::make_mut(&mut off.http.services[0]).host.enabled = false;
    running.send(off);
    running.wait("it is off", |report| service(report, "vs").state == State::Disabled).await;
    assert_eq!(*running.engine.obstacle().borrow(), None);
    running.engine.shutdown().await;
}

/// The `n`-th change that has nothing to do with the first two children: another virtual service comes, moves, goes, or
/// another child of the same parent does.
fn unrelated(base: &Snapshot, n: u64, at: [SocketAddr; 2]) -> Snapshot {
    let mut snapshot = base.clone();
    snapshot.version.revision = model::Revision(n);
    match n % 4 {
        0 => return snapshot,
        1 => snapshot.http.services.push(Arc::new(virtual_service("z", at[0], to_pool("z")))),
        2 => snapshot.http.services.push(Arc::new(virtual_service("z", at[1], to_pool("z")))),
        _ => {
            let parent = Arc::make_mut(&mut snapshot.http.services[0]);
            parent.children.push(child("z", &format!("z{n}.example.com"), to_pool("z")));
        }
    }
    let server = http_server(format!("192.0.2.{}:80", n % 250).parse().unwrap(), 1);
    snapshot.http.pools.push(Arc::new(Pool { servers: vec![server], ..http_pool("z", &[]) }));
    snapshot
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_unrelated_changes_break_no_web_socket_and_no_download() {
    let backend = Backend::start(free_address(), "a").await;
    let vip = free_address();
    let mut parent = virtual_service("parent", vip, None);
    parent.children = vec![child("chat", "chat", to_pool("p")), child("load", "load", to_pool("p"))];
    let base = http_snapshot(1, vec![parent], vec![http_pool("p", &[(backend.address, 1)])], vec![]);
    let running = Running::start(base.clone());
    running.wait("it listens", is_up("load")).await;
    let (mut chatting, mut downloading) = (Client::connect(vip).await, Client::connect(vip).await);
    chatting.upgrade("chat").await;
    downloading.download("load").await;
    let at = [free_address(), free_address()];
    for n in 2..2 + CHANGES {
        running.send(unrelated(&base, n, at));
        running.wait("the change", |report| report.version.revision.0 == n).await;
        if n.is_multiple_of(20) {
            chatting.send("still here\n").await;
            assert_eq!(chatting.line().await.as_deref(), Some("STILL HERE"), "after change {n}");
            downloading.part().await;
        }
    }
    assert_eq!(get(vip, "chat", "/").await, (200, "a /".into()));
    let mut counts = running.engine.counts();
    let both_open = counts.wait_for(|counts| counts.http.requests == 3 && counts.http.tunnels == 1);
    tokio::time::timeout(Duration::from_secs(20), both_open).await.unwrap().unwrap();
    drop((chatting, downloading));
    running.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_with_an_open_download_ends_in_bounded_time() {
    let backend = Backend::start(free_address(), "a").await;
    let vip = free_address();
    let services = vec![virtual_service("vs", vip, to_pool("p"))];
    let running = Running::start(http_snapshot(1, services, vec![http_pool("p", &[(backend.address, 1)])], vec![]));
    running.wait("it listens", is_up("vs")).await;
    let mut downloading = Client::connect(vip).await;
    downloading.download("h").await;
    downloading.part().await;
    let begun = tokio::time::Instant::now();
    running.engine.shutdown().await;
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    while downloading.line().await.is_some() {}
    assert!(tokio::net::TcpStream::connect(vip).await.is_err(), "nobody listens");
}
