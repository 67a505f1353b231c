//! The tiny application behind each VIP: child processes of the demo, and the command they run.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, bail};
use axum::Router;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use tokio::process::{Child, Command};

use crate::port_owner::owner_of;
use crate::story::Cluster;

/// A tiny web server that answers one message; the demo runs one per cluster
#[derive(Debug, clap::Args)]
pub struct BackendArgs {
    /// Address and port to listen on
    #[arg(long)]
    listen: SocketAddr,

    /// What to answer
    #[arg(long)]
    message: String,

    /// End when the process that started this one ends
    #[arg(long, hide = true)]
    with_parent: bool,
}

impl BackendArgs {
    /// Serves until it is killed.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn run(self) -> anyhow::Result<()> {
        if self.with_parent {
            prctl::set_pdeathsig(Signal::SIGTERM).context("asking to end with the demo")?;
        }
        let listener = tokio::net::TcpListener::bind(self.listen).await.map_err(|error| busy(self.listen, &error))?;
        let text = format!("{}\n", self.message);
        let app = Router::new().fallback(move || std::future::ready(text.clone()));
        axum::serve(listener, app).await.context("serving")
    }
}

/// Starts the backend of `cluster` as a child process. It ends when the value is dropped, and with the demo.
pub(crate) async fn start(program: &Path, cluster: &Cluster) -> anyhow::Result<Child> {
    let address = cluster.backend();
    // Binding here first gives a clear error before any child runs; the child binds again a moment later.
    match tokio::net::TcpListener::bind(address).await {
        Ok(free) => drop(free),
        Err(error) => return Err(busy(address, &error)),
    }
    let child = Command::new(program)
        .args(["backend", "--with-parent", "--listen", &address.to_string(), "--message", cluster.message])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("starting the backend of {}", cluster.name))?;
    wait_until_it_listens(child, address, cluster).await
}

/// The command that starts the backend of `cluster` again, for a shell.
pub(crate) fn command(cluster: &Cluster) -> String {
    format!("meridian backend --listen {} --message '{}' &", cluster.backend(), cluster.message)
}

async fn wait_until_it_listens(mut child: Child, address: SocketAddr, cluster: &Cluster) -> anyhow::Result<Child> {
    /// 5 s in steps of 10 ms: a process start takes a few milliseconds.
    const TRIES: u32 = 500;
    for _ in 0..TRIES {
        if tokio::net::TcpStream::connect(address).await.is_ok() {
            return Ok(child);
        }
        if let Some(status) = child.try_wait().context("waiting for a backend")? {
            bail!("the backend of {} on {address} ended at once: {status}", cluster.name);
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    bail!("the backend of {} does not listen on {address}", cluster.name)
}

fn busy(address: SocketAddr, error: &std::io::Error) -> anyhow::Error {
    match owner_of(address) {
        Some(owner) => anyhow::anyhow!("{address} is taken by {owner}; stop it, then start the demo again"),
        None => anyhow::anyhow!("cannot listen on {address}: {error}; free the address, then start the demo again"),
    }
}
