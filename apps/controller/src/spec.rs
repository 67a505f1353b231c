//! What a controller of its own is told: flags, variables, a file; and what follows.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, bail};
use lifecycle::read_spec;
use se_protocol::PortOffset;
use serde::Deserialize;

use crate::{ControllerConfig, Listen, PORT, SITE_PORT, TlsSource};

/// Version of the file's form.
const VERSION: u32 = 1;
/// Port for engines where nothing else is said.
const ENGINE_PORT: u16 = 9444;
const ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9445);

/// Run a controller: the Avi REST API, its objects, and what engines run
///
/// At the first start it makes an account `admin` with a random password in DATA/admin-password, and a certificate that
/// clients check with DATA/ca.pem.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meridian controller --data /var/lib/meridian/controller
  meridian controller --data DIR --listen 10.10.20.42:443 --engine-listen 10.10.20.42:9444 --privileged-ports
  meridian controller --data DIR --tls-cert chain.pem --tls-key key.pem
A file for --config, with flags and variables before it:
  version: 1
  data: /var/lib/meridian/controller
  listen: 10.10.20.42:443
  engine-listen: 10.10.20.42:9444")]
pub struct ControllerArgs {
    /// Where store, certificates and the first password are kept; made with mode 0700
    #[arg(long, value_name = "DIR", env = "MERIDIAN_CONTROLLER_DATA")]
    data: Option<PathBuf>,

    /// Where the API listens [default: 127.0.0.1:9443]
    #[arg(long, value_name = "ADDR", env = "MERIDIAN_CONTROLLER_LISTEN")]
    listen: Option<SocketAddr>,

    /// Where engines connect [default: the address of --listen, port 9444]
    #[arg(long, value_name = "ADDR", env = "MERIDIAN_CONTROLLER_ENGINE_LISTEN")]
    engine_listen: Option<SocketAddr>,

    /// Where the controllers of other GSLB sites connect, once there are any [default: the address of --listen, port 9449]
    #[arg(long, value_name = "ADDR", env = "MERIDIAN_CONTROLLER_SITE_LISTEN")]
    site_listen: Option<SocketAddr>,

    /// Certificate chain of the API in PEM; one of its own when not given
    #[arg(long, value_name = "FILE", env = "MERIDIAN_CONTROLLER_TLS_CERT")]
    tls_cert: Option<PathBuf>,

    /// Private key to --tls-cert, in PEM
    #[arg(long, value_name = "FILE", env = "MERIDIAN_CONTROLLER_TLS_KEY")]
    tls_key: Option<PathBuf>,

    /// Further name or address in the controller's own certificate; may be given more than once
    #[arg(long = "tls-name", value_name = "NAME", env = "MERIDIAN_CONTROLLER_TLS_NAMES", value_delimiter = ',')]
    tls_names: Vec<String>,

    /// Engines may use ports below 1024: DNS on port 53, probes where monitors say. Without it they add 8000 to those. A
    /// service engine group that has a port_offset decides for its own engines
    #[arg(long, env = "MERIDIAN_CONTROLLER_PRIVILEGED_PORTS")]
    privileged_ports: bool,

    /// The data were put back from an older copy: engines take them, though they ran something newer. Once; every start
    /// with it makes engines fetch everything
    #[arg(long)]
    restored: bool,

    /// Where to answer /metrics, /livez and /readyz [default: 127.0.0.1:9445]
    #[arg(long, value_name = "ADDR", env = "MERIDIAN_CONTROLLER_ADMIN_LISTEN")]
    admin_listen: Option<SocketAddr>,

    /// File in YAML with any of these
    #[arg(long, value_name = "FILE", env = "MERIDIAN_CONTROLLER_CONFIG")]
    config: Option<PathBuf>,
}

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ControllerSpec {
    #[expect(dead_code, reason = "read before the rest, by read_spec")]
    version: u32,
    data: Option<PathBuf>,
    listen: Option<SocketAddr>,
    engine_listen: Option<SocketAddr>,
    site_listen: Option<SocketAddr>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    #[serde(default)]
    tls_names: Vec<String>,
    #[serde(default)]
    privileged_ports: bool,
    admin_listen: Option<SocketAddr>,
}

/// What a controller process runs with.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) controller: ControllerConfig,
    pub(crate) admin_listen: SocketAddr,
}

impl ControllerArgs {
    /// Flags and variables before the file, the file before the defaults.
    pub(crate) fn resolve(self) -> anyhow::Result<Resolved> {
        let spec: ControllerSpec = match &self.config {
            Some(path) => read_spec(path, VERSION)?,
            None => ControllerSpec::default(),
        };
        let data = self.data.or(spec.data).context("no data directory; name one with --data DIR")?;
        let listen = self.listen.or(spec.listen).unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)));
        let engines = self.engine_listen.or(spec.engine_listen);
        let sites = self.site_listen.or(spec.site_listen);
        let names = if self.tls_names.is_empty() { spec.tls_names } else { self.tls_names };
        let tls = match (self.tls_cert.or(spec.tls_cert), self.tls_key.or(spec.tls_key)) {
            (Some(certificate), Some(key)) => TlsSource::Files { certificate, key, ca: None },
            (None, None) => TlsSource::Own { names },
            _ => bail!("--tls-cert and --tls-key go together; give both, or neither for an own certificate"),
        };
        let is_privileged = self.privileged_ports || spec.privileged_ports;
        Ok(Resolved {
            controller: ControllerConfig {
                listen: Listen::At(listen),
                engine_listen: Some(engines.unwrap_or_else(|| SocketAddr::new(listen.ip(), ENGINE_PORT))),
                site_listen: sites.unwrap_or_else(|| SocketAddr::new(listen.ip(), SITE_PORT)),
                tls,
                restored: self.restored,
                port_offset: if is_privileged { PortOffset::NONE } else { PortOffset::UNPRIVILEGED },
                ..ControllerConfig::new(data)
            },
            admin_listen: self.admin_listen.or(spec.admin_listen).unwrap_or(ADMIN),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ControllerArgs,
    }

    fn resolve(line: &[&str]) -> anyhow::Result<Resolved> {
        Line::try_parse_from(std::iter::once(&"controller").chain(line)).unwrap().args.resolve()
    }

    #[test]
    fn flags_come_before_the_file_and_the_file_before_defaults() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("c.yaml");
        std::fs::write(&file, "version: 1\ndata: /from-file\nlisten: 10.0.0.1:1\n").unwrap();
        let file = file.to_str().unwrap();
        let resolved = resolve(&["--config", file, "--data", "/from-flag"]).unwrap().controller;
        assert_eq!(resolved.data_dir, PathBuf::from("/from-flag"));
        assert!(matches!(resolved.listen, Listen::At(at) if at.to_string() == "10.0.0.1:1"));
        assert_eq!(resolved.engine_listen, Some("10.0.0.1:9444".parse().unwrap()));
        assert_eq!(resolved.port_offset, PortOffset::UNPRIVILEGED);
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = resolve(&[]).unwrap_err().to_string();
        assert!(error.contains("--data DIR"), "{error}");
        let error = resolve(&["--data", "/d", "--tls-cert", "c"]).unwrap_err().to_string();
        assert!(error.contains("--tls-key"), "{error}");
    }
}
