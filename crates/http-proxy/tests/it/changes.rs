//! What a change of configuration does to connections: nothing, unless it concerns them.

use std::sync::Arc;
use std::time::Duration;

use http_proxy::NoLog;
use model::http::HttpConfig;
use model::testing::{child, http_config, http_pool, http_server, to_pool, virtual_service};

use crate::testbed::{Backend, Bed, Message, Peer, eventually, free_address, one_service};
use crate::tunnels;

/// Sends as much as the test asks for, slowly: a part per line that it reads from the test's own channel.
fn download(parts: std::sync::mpsc::Receiver<()>) -> Backend {
    let parts = std::sync::Mutex::new(parts);
    Backend::start(move |mut peer| {
        peer.read();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while parts.lock().unwrap().recv().is_ok() {
            peer.send("5\r\nhello\r\n");
        }
        peer.send("0\r\n\r\n");
    })
}

/// The `n`-th unrelated change: a service comes, changes its pool, goes.
fn change(config: &HttpConfig, n: u64, other_vip: std::net::SocketAddr) -> HttpConfig {
    let mut config = config.clone();
    config.version.revision = model::Revision(n);
    if !n.is_multiple_of(3) {
        let servers = [http_server(format!("192.0.2.{}:80", n % 250).parse().unwrap(), 1)];
        let mut pool = http_pool("other", &[]);
        pool.servers = servers.to_vec();
        config.pools.push(Arc::new(pool));
        config.services.push(Arc::new(virtual_service("other", other_vip, to_pool("other"))));
    }
    config
}

#[test]
fn a_thousand_changes_break_no_download_and_no_web_socket() {
    let (more, parts) = std::sync::mpsc::channel();
    let (slow, socket, plain) = (download(parts), tunnels::shouting(), Backend::named("plain"));
    let vips = [free_address(), free_address(), free_address()];
    let names = ["slow", "socket", "plain"];
    let (_, mut config) = one_service(&[]);
    config.services =
        names.iter().zip(vips).map(|(name, vip)| Arc::new(virtual_service(name, vip, to_pool(name)))).collect();
    config.pools = names
        .iter()
        .zip([&slow, &socket, &plain])
        .map(|(name, backend)| Arc::new(http_pool(name, &[(backend.address, 1)])))
        .collect();
    for service in &mut config.services {
        Arc::make_mut(service).host.profile.keepalive_requests_max = 0;
    }
    let mut bed = Bed::start(2, &config);
    let mut downloading = Peer::connect(vips[0]);
    downloading.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(downloading.read_head().unwrap().status(), 200);
    let mut chatting = tunnels::open(vips[1]);
    let mut asking = Peer::connect(vips[2]);
    let other_vip = free_address();
    let mut parts_read = 0;
    for n in 0..1000 {
        bed.apply(&change(&config, n, other_vip));
        if n % 10 == 0 {
            more.send(()).unwrap();
            assert_eq!(downloading.read_octets(10), b"5\r\nhello\r\n");
            parts_read += 1;
            chatting.send("abc\n");
            assert_eq!(chatting.read_octets(4), b"ABC\n");
            assert_eq!(asking.get("/").text(), "plain");
        }
    }
    drop(more);
    assert_eq!(downloading.read_octets(5), b"0\r\n\r\n");
    assert_eq!(parts_read, 100);
    let connections = [&slow, &socket, &plain].map(Backend::connections);
    assert_eq!(connections, [1, 1, 1], "connections to servers were not opened again either");
}

#[test]
fn a_listener_that_goes_lets_its_requests_end_and_takes_no_more() {
    let (more, parts) = std::sync::mpsc::channel();
    let backend = download(parts);
    let (vip, config) = one_service(&[backend.address]);
    let mut bed = Bed::start(1, &config);
    let mut downloading = Peer::connect(vip);
    downloading.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(downloading.read_head().unwrap().status(), 200);
    let mut idle = Peer::connect(vip);
    assert_eq!(idle.ask("GET / HTTP/1.1\r\n\r\n").status(), 400);
    let gone = HttpConfig { services: vec![], ..config.clone() };
    bed.apply(&gone);
    assert!(idle.is_closed());
    assert!(std::net::TcpStream::connect(vip).is_err(), "nobody listens");
    more.send(()).unwrap();
    drop(more);
    assert_eq!(downloading.read_octets(15), b"5\r\nhello\r\n0\r\n\r\n");
    assert!(downloading.is_closed());
    bed.apply(&config);
    assert_eq!(Peer::connect(vip).ask("GET / HTTP/1.1\r\n\r\n").status(), 400, "it came back");
}

#[test]
fn what_goes_on_after_its_service_or_child_has_gone_is_ended() {
    let (more, parts) = std::sync::mpsc::channel();
    let (slow, socket) = (download(parts), tunnels::shouting());
    let vips = [free_address(), free_address()];
    let mut parent = virtual_service("parent", vips[0], None);
    parent.children = vec![child("chat", "h", to_pool("socket"))];
    let pools = vec![http_pool("slow", &[(slow.address, 1)]), http_pool("socket", &[(socket.address, 1)])];
    let config = http_config(1, vec![parent, virtual_service("slow", vips[1], to_pool("slow"))], pools);
    let mut bed = Bed::start_draining(1, &config, Arc::new(NoLog), Duration::from_millis(300));
    let mut chatting = tunnels::open(vips[0]);
    let mut downloading = Peer::connect(vips[1]);
    downloading.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(downloading.read_head().unwrap().status(), 200);
    let mut without = config.clone();
    without.services.pop();
    let mut parent = (*without.services[0]).clone();
    parent.children.clear();
    without.services = vec![Arc::new(parent)];
    without.version.revision = model::Revision(2);
    bed.apply(&without);
    assert!(chatting.is_closed(), "the listener stays, the child has gone");
    assert!(downloading.is_closed(), "the listener has gone");
    drop(more);
    eventually("nothing is open", || bed.proxy().stats().connections_open == 0);
}

#[test]
fn new_requests_of_an_old_connection_follow_the_new_configuration() {
    let (a, b) = (Backend::named("a"), Backend::named("b"));
    let (vip, mut config) = one_service(&[a.address]);
    let mut bed = Bed::start(1, &config);
    let mut client = Peer::connect(vip);
    assert_eq!(client.get("/").text(), "a");
    Arc::make_mut(&mut config.pools[0]).servers = vec![http_server(b.address, 1)];
    bed.apply(&config);
    assert_eq!(client.get("/").text(), "b");
}

#[test]
fn shutting_down_waits_for_what_is_under_way() {
    let (more, parts) = std::sync::mpsc::channel();
    let backend = download(parts);
    let (vip, config) = one_service(&[backend.address]);
    let mut bed = Bed::start(2, &config);
    let mut downloading = Peer::connect(vip);
    downloading.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(downloading.read_head().unwrap().status(), 200);
    let proxy = bed.proxy.take().unwrap();
    let client = std::thread::spawn(move || {
        eventually("nobody listens", || std::net::TcpStream::connect(vip).is_err());
        more.send(()).unwrap();
        drop(more);
        let rest = downloading.read_octets(15);
        Message { body: rest, ..Message::default() }
    });
    bed.runtime.block_on(proxy.shutdown(Duration::from_secs(20)));
    assert_eq!(client.join().unwrap().text(), "5\r\nhello\r\n0\r\n\r\n");
}

#[test]
fn shutting_down_does_not_wait_for_ever() {
    let backend = tunnels::shouting();
    let (vip, config) = one_service(&[backend.address]);
    let mut bed = Bed::start(1, &config);
    let mut chatting = tunnels::open(vip);
    let proxy = bed.proxy.take().unwrap();
    bed.runtime.block_on(proxy.shutdown(Duration::from_millis(200)));
    assert!(chatting.is_closed());
}

#[test]
fn an_address_that_another_program_has_is_told_and_tried_again() {
    let (vip, config) = one_service(&[]);
    let taken = std::net::TcpListener::bind(vip).unwrap();
    let mut bed = Bed::start(1, &HttpConfig { services: vec![], ..config.clone() });
    let problems = bed.runtime.block_on(bed.proxy.as_mut().unwrap().apply(&config));
    assert!(problems[0].to_string().contains("is in use"), "{problems:?}");
    drop(taken);
    bed.apply(&config);
    assert_eq!(Peer::connect(vip).get("/").status(), 503);
}
