//! One probe of one target: avi-api 6.2.

mod exchange;
mod http;
mod obstacle;
mod tcp;
mod tls;
mod udp;

use std::{net::SocketAddr, sync::Arc};

use health::FailureCode;
use model::monitor::{Check, HealthMonitor};
use rustls::ClientConfig;
use tokio::{net::TcpStream, time::Instant};

pub(crate) use obstacle::Obstacle;
pub(crate) use tls::client_config as tls_config;

use crate::target::TargetKey;

/// Probes once. Ends at `deadline` at the latest.
///
/// # Errors
/// Why the target failed, or what was missing here.
pub(crate) async fn probe(
    target: &TargetKey,
    monitor: &HealthMonitor,
    tls: Arc<ClientConfig>,
    deadline: Instant,
) -> Result<(), Obstacle> {
    let address = target.address;
    match &monitor.check {
        Check::Http(check) => {
            let stream = connect(address, deadline).await?;
            http::probe(stream, check, &target.host, address, deadline).await
        }
        Check::Https(check) => {
            let stream = connect(address, deadline).await?;
            let name = tls::server_name(check.server_name.as_deref(), &target.host, address.ip());
            let stream = tls::handshake(stream, name, tls, deadline).await?;
            http::probe(stream, check, &target.host, address, deadline).await
        }
        Check::Tcp { request, response } => {
            let stream = connect(address, deadline).await?;
            tcp::probe(stream, request.as_deref(), response.as_deref(), deadline).await
        }
        Check::Udp { request, response } => {
            udp::probe(address, request.as_deref(), response.as_deref(), deadline).await
        }
        Check::Unsupported(kind) => {
            Err(Obstacle::target(FailureCode::OtherError, format!("monitors of type {kind} are not probed")))
        }
    }
}

async fn connect(address: SocketAddr, deadline: Instant) -> Result<TcpStream, Obstacle> {
    match tokio::time::timeout_at(deadline, TcpStream::connect(address)).await {
        Ok(connected) => connected.map_err(Obstacle::from_io),
        Err(_) => Err(Obstacle::target(FailureCode::ConnectionTimeout, format!("no connection to {address} in time"))),
    }
}
