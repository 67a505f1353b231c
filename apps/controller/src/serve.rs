//! A controller as a process of its own, and the verb that lets engines in.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use lifecycle::{Admin, Family, Kind, Metrics, Ready, Sample, StopSignals, within_shutdown};
use se_link::Authority;

use crate::controller::{ENGINES, wall_now};
use crate::remembered::ENGINES_AT;
use crate::spec::ControllerArgs;
use crate::{Controller, start};

impl ControllerArgs {
    /// Runs until SIGTERM or SIGINT.
    ///
    /// # Errors
    /// The directory is of no use, or an address is taken; the message says what to do.
    pub async fn run(self) -> anyhow::Result<()> {
        let mut stop = StopSignals::listen().context("listening for a request to end")?;
        let resolved = self.resolve()?;
        let controller = start(resolved.controller).await?;
        let readiness = controller.readiness();
        let ready: Ready = Arc::new(move || readiness.check());
        let admin = Admin::start(resolved.admin_listen, metrics(&controller), ready).await?;
        let engines = controller.engine_addr().map(tracing::field::display);
        tracing::info!(url = controller.url(), engines, admin = %admin.local_addr(), "controller runs");
        if let Some(file) = controller.password_path() {
            tracing::info!(file = %file.display(), ca = %controller.ca_path().display(), "the password of admin is there");
        }
        stop.wait().await;
        tracing::info!("controller ends");
        within_shutdown(controller.shutdown()).await;
        Ok(())
    }
}

/// Write a token that lets one engine join a controller, once
///
/// Used where the controller's data directory is, while the controller runs or not.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  meridian join-token --data /var/lib/meridian/controller --out engine.token")]
pub struct JoinTokenArgs {
    /// The controller's data directory
    #[arg(long, value_name = "DIR", env = "MERIDIAN_CONTROLLER_DATA")]
    data: PathBuf,

    /// File to write, with mode 0600; it must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// Where the engine reaches the controller [default: where it listened when it last ran]
    #[arg(long = "controller", value_name = "HOST:PORT", value_parser = se_link::controller_address)]
    controllers: Vec<String>,

    /// How long the token is good for, in minutes
    #[arg(long, value_name = "MINUTES", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    valid_for: u32,
}

impl JoinTokenArgs {
    /// Writes the token.
    ///
    /// # Errors
    /// There was no controller on this directory yet, or the file exists.
    pub fn run(self) -> anyhow::Result<()> {
        let authority = self.data.join(ENGINES);
        if !authority.is_dir() {
            bail!("no controller has run on {} yet; start it once, it makes its authority then", self.data.display());
        }
        let mut controllers = self.controllers;
        if controllers.is_empty() {
            let path = self.data.join(ENGINES_AT);
            let known = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
            controllers.push(known.trim().to_owned());
        }
        let authority = Authority::open(&authority, wall_now())?;
        let lifetime = Duration::from_secs(u64::from(self.valid_for) * 60);
        let token = authority.create_token(controllers, lifetime, wall_now())?;
        let shown = self.out.display();
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.out)
            .with_context(|| format!("making {shown}"))?;
        file.write_all(token.to_text().as_bytes()).with_context(|| format!("writing {shown}"))
    }
}

fn metrics(controller: &Controller) -> Metrics {
    let mut metrics = Metrics::new("controller", env!("CARGO_PKG_VERSION"));
    controller.requests().register(metrics.registry_mut());
    let revisions = controller.revisions();
    let snapshots = controller.snapshots();
    let engines = controller.engines();
    let reports = controller.reports();
    metrics.read(move || {
        let revision = revisions.borrow().unwrap_or_default();
        let snapshot = snapshots.borrow().as_ref().map_or(0, |snapshot| snapshot.version.revision.0);
        let connected = engines.as_ref().map_or(0, |engines| {
            let engines = engines.borrow();
            engines.0.values().filter(|engine| engine.connected).count()
        });
        let gauge = |name, help, value| Family::single(name, help, Kind::Gauge, value);
        let services = reports().virtual_services();
        let states = [
            ("up", services.up),
            ("down", services.down),
            ("unknown", services.unknown),
            ("disabled", services.disabled),
        ];
        vec![
            gauge("store_revision", "Revision of the object store", revision),
            gauge("snapshot_revision", "Revision of the newest snapshot for engines", snapshot),
            gauge("engines_connected", "Engines that are connected", u64::try_from(connected).unwrap_or(u64::MAX)),
            Family {
                name: "virtual_services",
                help: "Virtual services that a connected engine runs, by the best state that one has",
                kind: Kind::Gauge,
                samples: states
                    .map(|(state, value)| Sample { labels: vec![("state", state.to_owned())], value })
                    .to_vec(),
            },
        ]
    });
    metrics
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: JoinTokenArgs,
    }

    fn parse(line: &[&str]) -> Result<JoinTokenArgs, String> {
        let line = ["join-token", "--data", "d", "--out", "o"].iter().chain(line);
        Line::try_parse_from(line).map(|line| line.args).map_err(|error| error.to_string())
    }

    #[test]
    fn a_token_that_no_engine_could_use_is_refused_before_it_is_made() {
        let error = parse(&["--controller", "nonsense"]).unwrap_err();
        assert!(error.contains("write HOST:PORT, such as nonsense:9444"), "{error}");
        let error = parse(&["--valid-for", "0"]).unwrap_err();
        assert!(error.contains("0 is not in 1.."), "{error}");
        let args = parse(&["--controller", "a:1", "--controller", "b:2", "--valid-for", "1"]).unwrap();
        assert_eq!((args.controllers, args.valid_for), (vec!["a:1".to_owned(), "b:2".to_owned()], 1));
    }
}
