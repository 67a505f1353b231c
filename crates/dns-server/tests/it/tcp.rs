//! Streams.

use std::time::Duration;

use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::server::{PATIENCE, check_address, listen, query};

fn framed(message: &[u8]) -> Vec<u8> {
    [&u16::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
}

async fn receive(stream: &mut TcpStream) -> Vec<u8> {
    timeout(PATIENCE, async {
        let length = stream.read_u16().await.unwrap();
        let mut message = vec![0; usize::from(length)];
        stream.read_exact(&mut message).await.unwrap();
        message
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn udp_and_tcp_share_the_port() {
    let running = listen("127.0.0.1:0", 1);
    let mut stream = TcpStream::connect(running.local_addr()).await.unwrap();
    stream.write_all(&framed(&query(7, "hello.example.", RecordType::A))).await.unwrap();
    check_address(&receive(&mut stream).await, 7);
    running.stop().await;
}

#[tokio::test]
async fn pipelined_queries_are_answered_in_order() {
    let running = listen("127.0.0.1:0", 1);
    let mut stream = TcpStream::connect(running.local_addr()).await.unwrap();
    let all: Vec<u8> = (0..200).flat_map(|id| framed(&query(id, "hello.example.", RecordType::A))).collect();
    stream.write_all(&all).await.unwrap();
    for id in 0..200 {
        check_address(&receive(&mut stream).await, id);
    }
    running.stop().await;
}

#[tokio::test]
async fn a_query_may_come_octet_by_octet() {
    let running = listen("127.0.0.1:0", 1);
    let mut stream = TcpStream::connect(running.local_addr()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for octet in framed(&query(9, "hello.example.", RecordType::A)) {
        stream.write_all(&[octet]).await.unwrap();
        stream.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    check_address(&receive(&mut stream).await, 9);
    running.stop().await;
}

#[tokio::test]
async fn long_answers_come_whole() {
    let running = listen("127.0.0.1:0", 1);
    let mut stream = TcpStream::connect(running.local_addr()).await.unwrap();
    for id in 0..20 {
        stream.write_all(&framed(&query(id, "long.example.", RecordType::TXT))).await.unwrap();
    }
    for id in 0..20 {
        let octets = receive(&mut stream).await;
        let message = Message::from_vec(&octets).unwrap();
        assert_eq!((message.metadata.id, message.metadata.truncation, message.answers.len()), (id, false, 1));
        assert!(octets.len() > 40_000);
    }
    running.stop().await;
}

#[tokio::test]
async fn oversized_queries_garbage_silence_and_panics_leave_the_connection_usable() {
    let running = listen("127.0.0.1:0", 1);
    let mut stream = TcpStream::connect(running.local_addr()).await.unwrap();
    stream.write_all(&framed(&[0x80; 65_535])).await.unwrap();
    stream.write_all(&framed(b"")).await.unwrap();
    stream.write_all(&framed(b"garbage")).await.unwrap();
    stream.write_all(&framed(&query(1, "silent.example.", RecordType::A))).await.unwrap();
    stream.write_all(&framed(&query(2, "panic.example.", RecordType::A))).await.unwrap();
    stream.write_all(&framed(&query(3, "liar.example.", RecordType::A))).await.unwrap();
    stream.write_all(&framed(&query(4, "hello.example.", RecordType::A))).await.unwrap();
    check_address(&receive(&mut stream).await, 4);
    let stats = running.stats();
    assert_eq!((stats.queries, stats.dropped, stats.panics, stats.errors), (7, 4, 1, 1));
    running.stop().await;
}

#[tokio::test]
async fn a_client_that_leaves_within_a_query_harms_no_other() {
    let running = listen("127.0.0.1:0", 1);
    for cut in 1..20 {
        let mut stream = TcpStream::connect(running.local_addr()).await.unwrap();
        stream.write_all(&framed(&query(1, "hello.example.", RecordType::A))[..cut]).await.unwrap();
    }
    let mut stream = TcpStream::connect(running.local_addr()).await.unwrap();
    stream.write_all(&framed(&query(2, "hello.example.", RecordType::A))).await.unwrap();
    check_address(&receive(&mut stream).await, 2);
    running.stop().await;
}

#[tokio::test]
async fn waiting_connections_end_when_it_stops() {
    let running = listen("127.0.0.1:0", 1);
    let mut stream = TcpStream::connect(running.local_addr()).await.unwrap();
    stream.write_all(&framed(&query(1, "hello.example.", RecordType::A))).await.unwrap();
    check_address(&receive(&mut stream).await, 1);
    timeout(Duration::from_secs(1), running.stop()).await.unwrap();
    assert_eq!(timeout(PATIENCE, stream.read(&mut [0; 1])).await.unwrap().unwrap_or(0), 0);
}
