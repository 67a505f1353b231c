//! UDP: a datagram, and what comes back.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use health::FailureCode;
use tokio::{net::UdpSocket, time::Instant, time::timeout_at};

use super::{Obstacle, exchange::contains};

/// Bytes of the answer that are searched.
const SEARCHED_BYTES: usize = 2048;

/// Without an expected answer, silence until the deadline passes and so does any answer; only ICMP fails. avi-api 6.2.
pub(crate) async fn probe(
    address: SocketAddr,
    request: Option<&str>,
    response: Option<&str>,
    deadline: Instant,
) -> Result<(), Obstacle> {
    // Connected, so that the kernel passes ICMP errors on and strangers' datagrams are dropped.
    let socket = UdpSocket::bind(any_port(address)).await.map_err(Obstacle::from_udp)?;
    socket.connect(address).await.map_err(Obstacle::from_udp)?;
    socket.send(request.unwrap_or_default().as_bytes()).await.map_err(Obstacle::from_udp)?;
    let mut answer = vec![0; SEARCHED_BYTES];
    let received = timeout_at(deadline, socket.recv(&mut answer)).await;
    match (received, response) {
        (Ok(Err(error)), _) => Err(Obstacle::from_udp(error)),
        (Ok(Ok(_)) | Err(_), None) => Ok(()),
        (Ok(Ok(length)), Some(text)) if answer.get(..length).is_some_and(|bytes| contains(bytes, text)) => Ok(()),
        (Ok(Ok(length)), Some(_)) => {
            let detail = format!("expected text is not in the {length} bytes of the answer");
            Err(Obstacle::target(FailureCode::PayloadContentMismatch, detail))
        }
        (Err(_), Some(_)) => Err(Obstacle::target(FailureCode::PayloadTimeout, "no answer in time")),
    }
}

fn any_port(peer: SocketAddr) -> SocketAddr {
    match peer {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    }
}
