//! Datagrams.

use std::collections::HashSet;
use std::net::UdpSocket;
use std::time::Instant;

use dns_server::{Running, UDP_MESSAGE_SIZE_MAX};
use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;

use crate::server::{PATIENCE, check_address, listen, query};

fn client(running: &Running) -> UdpSocket {
    let local = if running.local_addr().is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
    let socket = UdpSocket::bind(local).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.connect(running.local_addr()).unwrap();
    socket
}

fn receive(socket: &UdpSocket) -> Vec<u8> {
    let mut reply = vec![0; 65535];
    let length = socket.recv(&mut reply).unwrap();
    reply.truncate(length);
    reply
}

/// Waits until `is_reached` holds.
#[track_caller]
pub(crate) fn wait_until(mut is_reached: impl FnMut() -> bool) {
    #[expect(clippy::disallowed_methods, reason = "a bounded wait needs a clock")]
    let start = Instant::now();
    while !is_reached() {
        assert!(start.elapsed() < PATIENCE, "not reached in time");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn a_query_is_answered_and_counted() {
    let running = listen("127.0.0.1:0", 1);
    let socket = client(&running);
    socket.send(&query(7, "hello.example.", RecordType::A)).unwrap();
    check_address(&receive(&socket), 7);
    wait_until(|| running.stats().answers == 1);
    assert_eq!(running.stats().queries, 1);
    running.stop().await;
}

#[tokio::test]
async fn ipv6_clients_are_served() {
    let running = listen("[::1]:0", 2);
    let socket = client(&running);
    socket.send(&query(8, "hello.example.", RecordType::A)).unwrap();
    check_address(&receive(&socket), 8);
    running.stop().await;
}

#[tokio::test]
async fn an_answer_too_long_for_udp_is_truncated() {
    let running = listen("127.0.0.1:0", 1);
    let socket = client(&running);
    socket.send(&query(9, "long.example.", RecordType::TXT)).unwrap();
    let message = Message::from_vec(&receive(&socket)).unwrap();
    assert!(message.metadata.truncation && message.answers.is_empty());
    running.stop().await;
}

#[tokio::test]
async fn garbage_silence_panics_and_lies_leave_it_running() {
    let running = listen("127.0.0.1:0", 1);
    let socket = client(&running);
    for length in [0, 1, 11, 12, 100, UDP_MESSAGE_SIZE_MAX, UDP_MESSAGE_SIZE_MAX + 1, 20_000] {
        socket.send(&vec![0xff; length]).unwrap();
    }
    for (name, count) in [("silent.example.", 3), ("panic.example.", 20), ("liar.example.", 3)] {
        for _ in 0..count {
            socket.send(&query(1, name, RecordType::A)).unwrap();
        }
    }
    socket.send(&query(2, "hello.example.", RecordType::A)).unwrap();
    check_address(&receive(&socket), 2);
    wait_until(|| running.stats().answers == 1);
    let stats = running.stats();
    assert_eq!((stats.queries, stats.dropped, stats.panics, stats.errors), (35, 11, 20, 3));
    running.stop().await;
}

#[tokio::test]
async fn malformed_queries_get_an_error() {
    let running = listen("127.0.0.1:0", 1);
    let socket = client(&running);
    socket.send(&[0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    assert_eq!(receive(&socket), [0, 5, 0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    running.stop().await;
}

#[tokio::test]
async fn a_client_that_cannot_be_answered_harms_no_other() {
    let running = listen("127.0.0.1:0", 1);
    for _ in 0..40 {
        // Closed before the answer comes: the kernel answers that with an ICMP error.
        client(&running).send(&query(3, "hello.example.", RecordType::A)).unwrap();
    }
    let socket = client(&running);
    socket.send(&query(4, "hello.example.", RecordType::A)).unwrap();
    check_address(&receive(&socket), 4);
    running.stop().await;
}

#[tokio::test]
async fn four_workers_answer_all_of_ten_thousand_queries() {
    const CLIENTS: u16 = 16;
    const QUERIES_PER_CLIENT: u16 = 625;
    // Fits the smallest receive buffer, so that the kernel has no reason to drop.
    const WINDOW: u16 = 8;
    let running = listen("127.0.0.1:0", 4);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            let socket = client(&running);
            scope.spawn(move || {
                let mut missing: HashSet<u16> = HashSet::new();
                let mut next = 0;
                while next < QUERIES_PER_CLIENT || !missing.is_empty() {
                    while next < QUERIES_PER_CLIENT && missing.len() < usize::from(WINDOW) {
                        socket.send(&query(next, "hello.example.", RecordType::A)).unwrap();
                        missing.insert(next);
                        next += 1;
                    }
                    let reply = receive(&socket);
                    let id = u16::from_be_bytes([reply[0], reply[1]]);
                    assert!(missing.remove(&id), "{id} was answered twice or never asked");
                    check_address(&reply, id);
                }
            });
        }
    });
    wait_until(|| running.stats().answers == 10_000);
    assert_eq!(running.stats().queries, 10_000);
    running.stop().await;
}
