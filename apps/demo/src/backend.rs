//! A tiny application to stand behind a VIP, as a command.

use std::net::SocketAddr;

use anyhow::Context;
use axum::Router;

use crate::port_owner::owner_of;

/// A tiny web server that answers one message
#[derive(Debug, clap::Args)]
pub struct BackendArgs {
    /// Address and port to listen on
    #[arg(long)]
    listen: SocketAddr,

    /// What to answer
    #[arg(long)]
    message: String,
}

impl BackendArgs {
    /// Serves until it is killed.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn run(self) -> anyhow::Result<()> {
        let listener = tokio::net::TcpListener::bind(self.listen).await.map_err(|error| busy(self.listen, &error))?;
        let text = format!("{}\n", self.message);
        let app = Router::new().fallback(move || std::future::ready(text.clone()));
        axum::serve(listener, app).await.context("serving")
    }
}

/// Says who listens at an address that cannot be had.
pub(crate) fn busy(address: SocketAddr, error: &std::io::Error) -> anyhow::Error {
    match owner_of(address) {
        Some(owner) => anyhow::anyhow!("{address} is taken by {owner}; stop it, then start the demo again"),
        None => anyhow::anyhow!("cannot listen on {address}: {error}; free the address, then start the demo again"),
    }
}
