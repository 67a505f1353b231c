//! One question to one server.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use hickory_proto::op::{Message, MessageType, Query};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::ANSWER_WITHIN;

/// What fits into a datagram without EDNS (RFC 1035 §2.3.4), and what some send nevertheless.
const DATAGRAM_BYTES: usize = 4096;

/// The response, over UDP, and over TCP when it says that it was cut.
pub(crate) async fn ask(server: SocketAddr, question: &Query) -> io::Result<Message> {
    let mut query = Message::query();
    query.metadata.recursion_desired = true;
    query.add_query(question.clone());
    let bytes = query.to_vec().map_err(io::Error::other)?;
    let response = timeout(ANSWER_WITHIN, over_udp(server, &query, &bytes)).await??;
    if response.metadata.truncation {
        return timeout(ANSWER_WITHIN, over_tcp(server, &query, &bytes)).await?;
    }
    Ok(response)
}

async fn over_udp(server: SocketAddr, query: &Message, bytes: &[u8]) -> io::Result<Message> {
    // A port by chance, and connected: who wants to answer in the server's place has to guess both this and the id
    // (RFC 5452 §9.2).
    let socket = UdpSocket::bind(any_port(server)).await?;
    socket.connect(server).await?;
    socket.send(bytes).await?;
    let mut buffer = vec![0; DATAGRAM_BYTES];
    loop {
        let length = socket.recv(&mut buffer).await?;
        if let Some(response) = response_to(query, buffer.get(..length).unwrap_or_default()) {
            return Ok(response);
        }
    }
}

async fn over_tcp(server: SocketAddr, query: &Message, bytes: &[u8]) -> io::Result<Message> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), bytes].concat()).await?;
    let mut buffer = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut buffer).await?;
    let strange = || io::Error::new(io::ErrorKind::InvalidData, "what came is no response to what was asked");
    response_to(query, &buffer).ok_or_else(strange)
}

fn response_to(query: &Message, bytes: &[u8]) -> Option<Message> {
    let response = Message::from_vec(bytes).ok()?;
    let is_ours = response.metadata.id == query.metadata.id
        && response.metadata.message_type == MessageType::Response
        && (response.queries == query.queries || response.queries.is_empty());
    is_ours.then_some(response)
}

fn any_port(peer: SocketAddr) -> SocketAddr {
    match peer {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    }
}
