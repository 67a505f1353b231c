//! One pod: a tiny web server.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use axum::Router;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::backend;

/// What a pod is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PodSpec {
    pub(super) labels: BTreeMap<String, String>,
    /// Named ports of its container.
    pub(super) ports: BTreeMap<String, u16>,
    /// Where it listens.
    pub(super) port: u16,
    /// What it says.
    pub(super) text: String,
}

/// A pod that runs.
#[derive(Debug)]
pub(super) struct Pod {
    pub(super) spec: PodSpec,
    pub(super) address: Ipv4Addr,
    /// Ends it, when cancelled.
    pub(super) stop: CancellationToken,
}

impl Pod {
    /// Starts it; its server becomes one of `servers`.
    ///
    /// # Errors
    /// When it cannot listen; the message names who does.
    pub(super) fn start(
        spec: PodSpec,
        address: Ipv4Addr,
        stop: CancellationToken,
        servers: &mut JoinSet<()>,
    ) -> anyhow::Result<Self> {
        let at = SocketAddr::from((address, spec.port));
        let listener = std::net::TcpListener::bind(at).map_err(|error| backend::busy(at, &error))?;
        listener.set_nonblocking(true).context("preparing the listener of a pod")?;
        let listener = tokio::net::TcpListener::from_std(listener).context("preparing the listener of a pod")?;
        let text = format!("{}\n", spec.text);
        let app = Router::new().fallback(move || std::future::ready(text.clone()));
        let stopped = stop.clone().cancelled_owned();
        servers.spawn(async move {
            if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(stopped).await {
                tracing::warn!(reason = %error, %address, "a pod ended");
            }
        });
        Ok(Self { spec, address, stop })
    }
}
