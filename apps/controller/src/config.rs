//! What a controller is told at its start.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
};

use se_protocol::PortOffset;

/// Port of the API where nothing else is said.
pub const PORT: u16 = 9443;

/// How a controller runs.
#[derive(Debug)]
pub struct ControllerConfig {
    /// Where the API listens.
    pub listen: Listen,
    /// Where engines of other processes connect; nowhere when `None`.
    pub engine_listen: Option<SocketAddr>,
    /// Where other sites of a GSLB connect, from the moment that there are any.
    pub site_listen: SocketAddr,
    /// Directory of store, certificate and password; made with mode 0700.
    pub data_dir: PathBuf,
    /// Which certificate the API shows.
    pub tls: TlsSource,
    /// Password of `admin` at the very first start; a random one, written to `admin-password`, when `None`. An account
    /// that exists keeps its password.
    pub admin_password: Option<String>,
    /// How engines move low ports.
    pub port_offset: PortOffset,
    /// The data were put back from an older copy: engines take them though they ran something newer.
    pub restored: bool,
}

/// Where the API listens.
#[derive(Debug)]
pub enum Listen {
    /// At this address; a busy port is an error. Port 0 is any free one.
    At(SocketAddr),
    /// At this address, or at the next ports (at most 100) when it is taken.
    AtOrAfter(SocketAddr),
    /// On a socket that the caller has bound.
    Bound(TcpListener),
}

/// Which certificate the API shows.
#[derive(Debug, Clone)]
pub enum TlsSource {
    /// An own one, made at the first start for `localhost`, the loopback addresses, the listening address, and these
    /// names or addresses; clients trust `ca.pem`.
    Own {
        /// Further names and addresses.
        names: Vec<String>,
    },
    /// Given files in PEM.
    Files {
        /// Chain, the controller's own certificate first.
        certificate: PathBuf,
        /// Private key.
        key: PathBuf,
        /// What clients should trust; the chain itself when `None`.
        ca: Option<PathBuf>,
    },
}

impl ControllerConfig {
    /// The defaults: `127.0.0.1:9443`, an own certificate, a random password, low ports moved as unprivileged engines
    /// need it.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            listen: Listen::At(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT))),
            engine_listen: None,
            site_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, crate::SITE_PORT)),
            data_dir: data_dir.into(),
            tls: TlsSource::Own { names: Vec::new() },
            admin_password: None,
            port_offset: PortOffset::UNPRIVILEGED,
            restored: false,
        }
    }
}
