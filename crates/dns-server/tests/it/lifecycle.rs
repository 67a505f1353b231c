//! Bind, stop, bind again.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dns_server::{BindError, Listeners, Transport};
use hickory_proto::rr::RecordType;

use crate::server::{PATIENCE, Scripted, check_address, listen, query};

fn bind(address: SocketAddr) -> Result<dns_server::Running, BindError> {
    Listeners::bind(address, NonZeroUsize::new(2).unwrap(), true, Arc::new(Scripted))
}

#[tokio::test]
async fn the_port_is_free_at_once_after_a_stop() {
    let mut running = listen("127.0.0.1:0", 4);
    let address = running.local_addr();
    for id in 0..5 {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.send_to(&query(id, "hello.example.", RecordType::A), address).unwrap();
        let mut reply = [0; 512];
        let length = socket.recv(&mut reply).unwrap();
        check_address(&reply[..length], id);
        // A connection of the predecessor, closed by it, must not hold the port.
        let _stream = tokio::net::TcpStream::connect(address).await.unwrap();
        #[expect(clippy::disallowed_methods, reason = "the promise under test is a time")]
        let start = Instant::now();
        running.stop().await;
        assert!(start.elapsed() < Duration::from_secs(1), "200 ms are promised on a machine that is not overloaded");
        running = bind(address).unwrap();
    }
    running.stop().await;
}

#[tokio::test]
async fn a_busy_port_is_told_with_address_and_transport() {
    let running = listen("127.0.0.1:0", 2);
    let address = running.local_addr();
    let error = bind(address).expect_err("taken");
    assert!(matches!(error, BindError::InUse { address: a, transport: Transport::Udp } if a == address), "{error}");
    assert_eq!(
        error.to_string(),
        format!("UDP {address} is in use: stop the program that listens there, or choose another port")
    );
    running.stop().await;

    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap();
    let error = bind(address).expect_err("taken");
    assert!(matches!(error, BindError::InUse { transport: Transport::Tcp, .. }), "{error}");
    drop(tcp);
    bind(address).unwrap().stop().await;
}

#[tokio::test]
async fn an_address_of_another_machine_is_told() {
    let error = bind("192.0.2.1:0".parse().unwrap()).expect_err("a documentation address");
    assert!(matches!(error, BindError::NotLocal { .. }), "{error}");
}

#[test]
fn tcp_without_a_runtime_is_an_error() {
    let error = bind("127.0.0.1:0".parse().unwrap()).expect_err("no runtime");
    assert!(matches!(error, BindError::NoRuntime { .. }), "{error}");
}

#[tokio::test]
async fn dropping_it_stops_it_too() {
    let address = listen("127.0.0.1:0", 2).local_addr();
    #[expect(clippy::disallowed_methods, reason = "a bounded wait needs a clock")]
    let start = Instant::now();
    let running = loop {
        match bind(address) {
            Ok(running) => break running,
            Err(BindError::InUse { .. }) if start.elapsed() < PATIENCE => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    running.stop().await;
}
