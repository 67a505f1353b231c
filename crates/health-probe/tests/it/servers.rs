//! Servers that behave well or badly, on ports the system chooses. They end with the runtime of their test.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ServerConfig, crypto::aws_lc_rs};
use rustls_pki_types::PrivateKeyDer;
use socket2::{Domain, Socket, Type};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::mpsc,
};
use tokio_rustls::TlsAcceptor;

pub(crate) const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// What a server does with a connection after its answer.
#[derive(Clone, Copy)]
pub(crate) enum Then {
    Close,
    KeepOpen,
    Reset,
}

/// Reads a request head, answers `answer`, then does as told.
pub(crate) async fn answering(answer: impl Into<Vec<u8>>, then: Then) -> SocketAddr {
    let listener = TcpListener::bind(ANY_PORT).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, answer.into().into(), then));
    address
}

pub(crate) async fn serve(listener: TcpListener, answer: Arc<[u8]>, then: Then) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer_one(stream, answer.clone(), then));
    }
}

async fn answer_one(mut stream: TcpStream, answer: Arc<[u8]>, then: Then) {
    read_head(&mut stream).await;
    let _ = stream.write_all(&answer).await;
    match then {
        Then::Close => {}
        Then::KeepOpen => while stream.read(&mut [0; 64]).await.is_ok_and(|bytes| bytes > 0) {},
        Then::Reset => stream.set_zero_linger().unwrap(),
    }
}

/// Sends `greeting` to whoever connects, and keeps the connection.
pub(crate) async fn greeting(greeting: &'static str) -> SocketAddr {
    let listener = TcpListener::bind(ANY_PORT).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(greeting.as_bytes()).await.unwrap();
            open.push(stream);
        }
    });
    address
}

/// Lets the kernel accept connections, and says nothing. Keep the listener.
pub(crate) fn hanging() -> (std::net::TcpListener, SocketAddr) {
    let listener = std::net::TcpListener::bind(ANY_PORT).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Drops connection attempts, its queue being full. Keep the sockets.
pub(crate) fn unreachable() -> (Vec<Socket>, SocketAddr) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&ANY_PORT.into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut sockets = vec![listener];
    for _ in 0..3 {
        let filler = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        filler.set_nonblocking(true).unwrap();
        let _ = filler.connect(&address);
        sockets.push(filler);
    }
    (sockets, address.as_socket().unwrap())
}

/// A port nobody listens on, at least not now.
pub(crate) fn closed() -> SocketAddr {
    std::net::TcpListener::bind(ANY_PORT).unwrap().local_addr().unwrap()
}

/// What a TLS server has learnt of one client.
pub(crate) struct Visit {
    pub(crate) server_name: Option<String>,
    pub(crate) head: String,
}

/// Answers over TLS with a certificate nobody has signed, and tells of its visitors.
pub(crate) async fn tls(answer: &'static str) -> (SocketAddr, mpsc::Receiver<Visit>) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["other.example".into()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(ANY_PORT).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (visits, visits_seen) = mpsc::channel(16);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = acceptor.accept(stream).await.unwrap();
            let server_name = stream.get_ref().1.server_name().map(str::to_owned);
            let head = read_head(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
            visits.send(Visit { server_name, head }).await.unwrap();
        }
    });
    (address, visits_seen)
}

/// Answers each datagram with `answer`.
pub(crate) async fn udp_answering(answer: &'static str) -> SocketAddr {
    let socket = UdpSocket::bind(ANY_PORT).await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((_, peer)) = socket.recv_from(&mut [0; 2048]).await {
            socket.send_to(answer.as_bytes(), peer).await.unwrap();
        }
    });
    address
}

/// Takes datagrams and stays silent. Keep the socket.
pub(crate) fn udp_silent() -> (std::net::UdpSocket, SocketAddr) {
    let socket = std::net::UdpSocket::bind(ANY_PORT).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

async fn read_head<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await.is_ok_and(|bytes| bytes > 0) {}
    String::from_utf8(head).unwrap()
}
