//! What an engine of its own is told: flags, variables, a file; and what follows.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::Context;
use lifecycle::read_spec;
use serde::Deserialize;

/// Version of the file's form.
const VERSION: u32 = 1;
const ADMIN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9446);

/// Run a service engine: it answers DNS and probes members, as its controller says
///
/// An engine joins its controller once, with a token that `meridian join-token` wrote; from then on it has a certificate
/// of its own. It keeps what it runs on disk, and answers on from there when the controller is away, and after its own
/// restart.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meridian join-token --data /var/lib/meridian/controller --out engine.token    # where the controller is
  meridian engine --data /var/lib/meridian/engine --join engine.token           # the first time
  meridian engine --data /var/lib/meridian/engine                               # later
A file for --config, with flags and variables before it:
  version: 1
  data: /var/lib/meridian/engine
  workers: 2")]
pub struct EngineArgs {
    /// Where identity, checkpoint, journal and DNS logs are kept; made with mode 0700
    #[arg(long, value_name = "DIR", env = "MERIDIAN_ENGINE_DATA")]
    data: Option<PathBuf>,

    /// Join with this token. Once the engine has joined, the same token does nothing; another one makes it join anew
    #[arg(long, value_name = "FILE", env = "MERIDIAN_ENGINE_JOIN")]
    join: Option<PathBuf>,

    /// What people call this engine [default: its host's name]
    #[arg(long, env = "MERIDIAN_ENGINE_NAME")]
    name: Option<String>,

    /// Controllers as HOST:PORT, in place of those that the token named; may be given more than once
    #[arg(
        long = "controller",
        value_name = "HOST:PORT",
        env = "MERIDIAN_ENGINE_CONTROLLERS",
        value_delimiter = ',',
        value_parser = se_link::controller_address
    )]
    controllers: Vec<String>,

    /// UDP workers per address [default: as many as processors]
    #[arg(long, env = "MERIDIAN_ENGINE_WORKERS")]
    workers: Option<NonZeroUsize>,

    /// Where to answer /metrics, /livez and /readyz [default: 127.0.0.1:9446]
    #[arg(long, value_name = "ADDR", env = "MERIDIAN_ENGINE_ADMIN_LISTEN")]
    admin_listen: Option<SocketAddr>,

    /// File in YAML with any of these
    #[arg(long, value_name = "FILE", env = "MERIDIAN_ENGINE_CONFIG")]
    config: Option<PathBuf>,
}

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct EngineSpec {
    #[expect(dead_code, reason = "read before the rest, by read_spec")]
    version: u32,
    data: Option<PathBuf>,
    join: Option<PathBuf>,
    name: Option<String>,
    #[serde(default)]
    controllers: Vec<String>,
    workers: Option<NonZeroUsize>,
    admin_listen: Option<SocketAddr>,
}

/// What an engine runs with.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) data: PathBuf,
    pub(crate) join: Option<PathBuf>,
    pub(crate) name: String,
    pub(crate) controllers: Vec<String>,
    pub(crate) workers: NonZeroUsize,
    pub(crate) admin_listen: SocketAddr,
}

impl EngineArgs {
    /// Flags and variables before the file, the file before the defaults.
    pub(crate) fn resolve(self) -> anyhow::Result<Resolved> {
        let spec: EngineSpec = match &self.config {
            Some(path) => read_spec(path, VERSION)?,
            None => EngineSpec::default(),
        };
        for address in &spec.controllers {
            let file = || self.config.as_deref().unwrap_or(Path::new("")).display();
            se_link::controller_address(address).with_context(|| format!("{}: controllers: {address:?}", file()))?;
        }
        let host = || Some(std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?.trim().to_owned());
        Ok(Resolved {
            data: self.data.or(spec.data).context("no data directory; name one with --data DIR")?,
            join: self.join.or(spec.join),
            name: self.name.or(spec.name).or_else(host).unwrap_or_else(|| "engine".to_owned()),
            controllers: if self.controllers.is_empty() { spec.controllers } else { self.controllers },
            workers: self
                .workers
                .or(spec.workers)
                .unwrap_or_else(|| std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)),
            admin_listen: self.admin_listen.or(spec.admin_listen).unwrap_or(ADMIN),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: EngineArgs,
    }

    #[test]
    fn a_controller_without_a_port_is_refused_on_the_line_and_in_the_file() {
        let error = Line::try_parse_from(["engine", "--controller", "10.10.20.42"]).unwrap_err().to_string();
        assert!(error.contains("write HOST:PORT, such as 10.10.20.42:9444"), "{error}");

        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("e.yaml");
        std::fs::write(&file, "version: 1\ndata: /d\ncontrollers: [\"a:1\", \"b\"]\n").unwrap();
        let line = ["engine", "--config", file.to_str().unwrap()];
        let error = format!("{:#}", Line::try_parse_from(line).unwrap().args.resolve().unwrap_err());
        assert!(error.contains("e.yaml: controllers: \"b\": the port is missing"), "{error}");
    }
}
