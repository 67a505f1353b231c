//! The published story on loopback: three clusters, a controller, an engine, operators, in one process.
//!
//! [`DemoArgs::run`] brings everything up in order (data directory, workloads, controller, engine, configuration,
//! operators), prints a screenful that tells what to try, and stops everything when it is interrupted. The clusters are
//! directories of manifests in the data directory; `workloads.rs` does what a cluster does by itself with them.

mod backend;
mod banner;
mod certificate;
mod data_dir;
mod parts;
mod port_owner;
mod setup;
mod story;
mod told;
mod workloads;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

pub use backend::BackendArgs;
use banner::{Banner, Member};
use data_dir::{Connection, DataDir};
use parts::Parts;

/// Longest wait for the members to be up before the banner is printed anyway.
const MEMBERS_WITHIN: Duration = Duration::from_secs(10);
/// How often the controller is asked for their state meanwhile.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// Play the published story on loopback: three clusters, one name, health-checked answers
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Everything listens on loopback and needs no privileges. Ctrl-C stops it; running it again goes on."
)]
pub struct DemoArgs {
    /// Where everything is kept [default: ~/.local/share/meridian/demo]
    #[arg(long, value_name = "DIR", env = "MERIDIAN_DEMO_DATA")]
    data: Option<PathBuf>,

    /// Start over: forget what an earlier run kept
    #[arg(long)]
    fresh: bool,

    /// Where per-user data lives; the default of --data is below it
    #[arg(long, env = "XDG_DATA_HOME", hide = true)]
    data_home: Option<PathBuf>,

    /// The user's home directory; the default of --data is below it
    #[arg(long, env = "HOME", hide = true)]
    home: Option<PathBuf>,
}

impl DemoArgs {
    /// Plays until it is interrupted. The banner goes to `terminal`; what happens afterwards is logged.
    ///
    /// # Errors
    /// When the data directory, a backend's address or a part cannot be had; the message says what to do.
    pub async fn run(self, terminal: &mut (impl Write + Send)) -> anyhow::Result<()> {
        // Before anything starts, so that an early Ctrl-C also ends in order.
        let mut interrupt = signal(SignalKind::interrupt()).context("listening for Ctrl-C")?;
        let mut terminate = signal(SignalKind::terminate()).context("listening for a request to end")?;

        let data = DataDir::open(&self.data_dir()?, self.fresh)?;
        let parts = Parts::start(&data).await?;
        let members = parts.members_up(MEMBERS_WITHIN, ASK_EVERY).await?;
        let text = banner(&data, &parts, &members)?;
        terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush()).context("printing the banner")?;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        parts.shutdown().await;
        Ok(())
    }

    fn data_dir(&self) -> anyhow::Result<PathBuf> {
        if let Some(data) = &self.data {
            return Ok(data.clone());
        }
        let home = match (&self.data_home, &self.home) {
            (Some(data_home), _) if data_home.is_absolute() => data_home.clone(),
            (_, Some(home)) => home.join(".local/share"),
            _ => anyhow::bail!("no home directory to keep the data in; name one with --data DIR"),
        };
        Ok(home.join("meridian/demo"))
    }
}

fn banner(data: &DataDir, parts: &Parts, members: &[Member]) -> anyhow::Result<String> {
    let program = std::env::current_exe().context("finding this program")?;
    let clusters = data.clusters();
    Ok(Banner {
        controller: &parts.url(),
        dns: parts.dns(),
        clusters: &clusters,
        connection_file: &data.connection_file(),
        program_dir: program.parent().unwrap_or(&program),
        members,
        certificate: &data.certificate(),
        notes: parts.notes(),
    }
    .text())
}

/// Members of the story's service with their states, as `/api/gslbservice?join_subresources=runtime` tells them.
fn members_of(service: &Value) -> Vec<Member> {
    let list = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let runtime = service.get("runtime").cloned().unwrap_or_default();
    let states: Vec<Value> = list(&runtime, "groups").iter().flat_map(|group| list(group, "members")).collect();
    let members = list(service, "groups").into_iter().flat_map(|group| list(&group, "members"));
    members
        .enumerate()
        .map(|(index, member)| {
            let state = states.get(index).and_then(|state| state.pointer("/oper_status/state")).and_then(Value::as_str);
            Member {
                address: member.pointer("/ip/addr").and_then(Value::as_str).unwrap_or_default().to_owned(),
                weight: member.get("ratio").and_then(Value::as_u64).unwrap_or(1),
                state: state.unwrap_or("OPER_UNKNOWN").trim_start_matches("OPER_").to_lowercase(),
            }
        })
        .collect()
}

/// Writes `connection.env` for the running parts.
fn write_connection(data: &DataDir, parts: &Parts, username: &str, password: &str) -> anyhow::Result<()> {
    data.write_connection(&Connection {
        controller: &parts.url(),
        username,
        password,
        ca: parts.ca(),
        dns: &parts.dns().to_string(),
    })
}
