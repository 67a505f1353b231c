//! Shares of servers, over sockets and over workers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use model::http::{Algorithm, Target};
use model::testing::{http_pool, http_server, pool_group};

use crate::testbed::{Backend, Bed, Peer, eventually, one_service};

#[test]
fn ratios_are_exact_whichever_worker_a_client_meets() {
    let servers = [Backend::named("a"), Backend::named("b"), Backend::named("c")];
    let (vip, mut config) = one_service(&[]);
    let pool = Arc::make_mut(&mut config.pools[0]);
    pool.servers = servers.iter().zip([6, 3, 1]).map(|(server, ratio)| http_server(server.address, ratio)).collect();
    let _bed = Bed::start(2, &config);
    let mut counts = BTreeMap::new();
    let mut clients: Vec<Peer> = (0..8).map(|_| Peer::connect(vip)).collect();
    for round in 0..50 {
        for client in clients.iter_mut().skip(round % 2).step_by(2).take(2) {
            *counts.entry(client.get("/").text().to_owned()).or_insert(0) += 1;
        }
    }
    assert_eq!(counts, BTreeMap::from([("a".into(), 60), ("b".into(), 30), ("c".into(), 10)]));
}

#[test]
fn a_group_splits_requests_among_its_pools() {
    let (a, b) = (Backend::named("a"), Backend::named("b"));
    let (vip, mut config) = one_service(&[a.address]);
    config.pools.push(Arc::new(http_pool("q", &[(b.address, 1)])));
    config.pool_groups = vec![Arc::new(pool_group("g", &[("p", 90, 1), ("q", 10, 1)]))];
    Arc::make_mut(&mut config.services[0]).host.target = Some(Target::PoolGroup("poolgroup-g".into()));
    let _bed = Bed::start(2, &config);
    let mut client = Peer::connect(vip);
    let to_b = (0..100).filter(|_| client.get("/").text() == "b").count();
    assert_eq!(to_b, 10);
}

#[test]
fn least_connections_spreads_what_is_under_way() {
    let release = Arc::new(AtomicBool::new(false));
    let waiting: Vec<Arc<AtomicUsize>> = (0..3).map(|_| Arc::default()).collect();
    let servers: Vec<Backend> = waiting
        .iter()
        .map(|count| {
            let (count, release) = (Arc::clone(count), Arc::clone(&release));
            Backend::start(move |mut peer| {
                while peer.read().is_some() {
                    count.fetch_add(1, Ordering::SeqCst);
                    eventually("the test lets go", || release.load(Ordering::SeqCst));
                    peer.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
                }
            })
        })
        .collect();
    let (vip, mut config) = one_service(&[]);
    let pool = Arc::make_mut(&mut config.pools[0]);
    pool.algorithm = Algorithm::LeastConnections;
    pool.servers = servers.iter().zip([1, 1, 2]).map(|(server, ratio)| http_server(server.address, ratio)).collect();
    let bed = Bed::start(2, &config);
    let mut clients = Vec::new();
    for expected in 1..=12 {
        let mut client = Peer::connect(vip);
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        clients.push(client);
        eventually("the request is at a server", || {
            waiting.iter().map(|count| count.load(Ordering::SeqCst)).sum::<usize>() == expected
        });
    }
    let counts: Vec<usize> = waiting.iter().map(|count| count.load(Ordering::SeqCst)).collect();
    assert_eq!(counts, [3, 3, 6]);
    release.store(true, Ordering::SeqCst);
    for mut client in clients {
        assert_eq!(client.read().unwrap().text(), "ok");
    }
    let view = bed.proxy().view();
    let active = || view.table.pool("pool-p").unwrap().servers.iter().map(|server| server.state.active()).sum::<u32>();
    eventually("nothing is under way", || active() == 0);
}
