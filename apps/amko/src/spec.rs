//! What an operator of its own is told: flags, variables, a file; and what follows.

use std::net::{AddrParseError, IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::bail;
use avi_client::Verification;
use k8s_watch_api::Access;
use lifecycle::read_spec;
use serde::{Deserialize, Deserializer};

use crate::announce::Pod;

/// Version of the file's form.
const VERSION: u32 = 1;
/// Where the operator answers whoever looks after it.
pub(crate) const ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9447);
/// The port is AMKO's (amko 8.1).
const API: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Run the multi-cluster operator: applications of all clusters become GSLB services on the controller
///
/// The leader cluster holds GSLBConfig, GlobalDeploymentPolicy and GSLBHostRules; the members hold Ingresses, Services,
/// Routes and HostRules. Without --kubeconfig it runs in a pod: the leader is reached by the pod's service account, the
/// members by the kubeconfig in the key gslb-members of the Secret avi-system/gslb-config-secret. Without --controller,
/// address and credentials are those of the GSLBConfig and of the Secret that it names (username, password,
/// certificateAuthorityData).
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meridian amko --kubeconfig leader.kubeconfig --members-kubeconfig members.kubeconfig --ca DATA/ca.pem
  meridian amko --kubeconfig leader.kubeconfig --members-kubeconfig members.kubeconfig \\
    --controller https://10.10.20.42:9443 --password-file DATA/admin-password --ca DATA/ca.pem
  meridian amko --leader-context s1az1                                     # in a pod of cluster s1az1
A file for --config, with flags and variables before it:
  version: 1
  kubeconfig: leader.kubeconfig
  members-kubeconfig: members.kubeconfig
  ca: ca.pem")]
pub struct AmkoArgs {
    /// Kubeconfig of the leader cluster
    #[arg(long, value_name = "FILE", env = "MERIDIAN_AMKO_KUBECONFIG")]
    kubeconfig: Option<PathBuf>,

    /// Kubeconfig with a context for each member cluster
    #[arg(long, value_name = "FILE", env = "MERIDIAN_AMKO_MEMBERS_KUBECONFIG")]
    members_kubeconfig: Option<PathBuf>,

    /// Name of the leader cluster among the members, and its context [default: the current one of --kubeconfig]
    #[arg(long, value_name = "CONTEXT", env = "MERIDIAN_AMKO_LEADER_CONTEXT")]
    leader_context: Option<String>,

    /// Controller, in place of the one that the GSLBConfig names
    #[arg(long, value_name = "URL", env = "MERIDIAN_AMKO_CONTROLLER")]
    controller: Option<String>,

    /// User, with --controller
    #[arg(long, env = "MERIDIAN_AMKO_USERNAME", default_value = "admin")]
    username: String,

    /// File that holds the password, with --controller
    #[arg(long, value_name = "FILE", env = "MERIDIAN_AMKO_PASSWORD_FILE")]
    password_file: Option<PathBuf>,

    /// File with the certificate that signed the controller's
    #[arg(long, value_name = "FILE", env = "MERIDIAN_AMKO_CA", conflicts_with = "insecure")]
    ca: Option<PathBuf>,

    /// Do not check the controller's certificate
    #[arg(long)]
    insecure: bool,

    /// Take part in a federation: the AMKOCluster of this cluster says which, and nothing is written without one
    #[arg(long, env = "MERIDIAN_AMKO_FEDERATION")]
    federation: bool,

    /// Where to answer /metrics, /livez and /readyz [default: 127.0.0.1:9447]
    #[arg(long, value_name = "ADDR", env = "MERIDIAN_AMKO_ADMIN_LISTEN")]
    admin_listen: Option<SocketAddr>,

    /// Where to answer /api/status and what else AMKO's users ask, to anybody who asks; `off` for nowhere
    /// [default: 127.0.0.1:8080, if that is free]
    #[arg(long, value_name = "ADDR", env = "MERIDIAN_AMKO_API_LISTEN")]
    api_listen: Option<ApiListen>,

    /// Pod in which it runs, and whose events tell what happens [default: none; they are about the GSLBConfig]
    #[arg(long, value_name = "NAME", env = "POD_NAME")]
    pod_name: Option<String>,

    /// UID of that Pod
    #[arg(long, value_name = "UID", env = "POD_UID")]
    pod_uid: Option<String>,

    /// File in YAML with any of these
    #[arg(long, value_name = "FILE", env = "MERIDIAN_AMKO_CONFIG")]
    config: Option<PathBuf>,
}

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AmkoSpec {
    #[expect(dead_code, reason = "read before the rest, by read_spec")]
    version: u32,
    kubeconfig: Option<PathBuf>,
    members_kubeconfig: Option<PathBuf>,
    leader_context: Option<String>,
    controller: Option<String>,
    password_file: Option<PathBuf>,
    ca: Option<PathBuf>,
    #[serde(default)]
    federation: bool,
    admin_listen: Option<SocketAddr>,
    api_listen: Option<ApiListen>,
}

/// Where the HTTP interface is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ApiListen {
    /// Nowhere.
    Off,
    /// Where nobody said otherwise; the operator runs without it when that is taken.
    IfFree(SocketAddr),
    /// Here.
    At(SocketAddr),
}

impl FromStr for ApiListen {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<Self, AddrParseError> {
        if text == "off" { Ok(Self::Off) } else { text.parse().map(Self::At) }
    }
}

impl<'de> Deserialize<'de> for ApiListen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What an operator process runs with.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) leader: Access,
    /// In a pod, from a Secret.
    pub(crate) members: Option<Access>,
    pub(crate) leader_context: Option<String>,
    /// From the GSLBConfig when `None`.
    pub(crate) controller: Option<Controller>,
    /// `None`: what the Secret says.
    pub(crate) tls: Option<Verification>,
    pub(crate) federation: bool,
    pub(crate) admin_listen: SocketAddr,
    pub(crate) api_listen: ApiListen,
    /// Where it runs.
    pub(crate) pod: Option<Pod>,
}

/// Where the controller is, and who asks.
#[derive(Debug)]
pub(crate) struct Controller {
    pub(crate) url: String,
    pub(crate) username: String,
    pub(crate) password_file: PathBuf,
}

impl AmkoArgs {
    /// Flags and variables before the file, the file before the defaults.
    pub(crate) fn resolve(self) -> anyhow::Result<Resolved> {
        let spec = self.spec()?;
        let (controller, tls) = self.controller()?;
        let leader_context = self.leader_context.or(spec.leader_context);
        let file = |path| Access::Kubeconfig { path, context: None };
        let members = self.members_kubeconfig.or(spec.members_kubeconfig).map(file);
        let leader = match self.kubeconfig.or(spec.kubeconfig) {
            Some(path) => Access::Kubeconfig { path, context: leader_context.clone() },
            None if leader_context.is_none() => {
                bail!("name the clusters: --kubeconfig and --members-kubeconfig, or in a pod --leader-context")
            }
            None => Access::InCluster,
        };
        if !matches!(leader, Access::InCluster) && members.is_none() {
            bail!("--kubeconfig needs --members-kubeconfig, the one with a context for each member cluster");
        }
        let admin_listen = self.admin_listen.or(spec.admin_listen).unwrap_or(ADMIN);
        let federation = self.federation || spec.federation;
        let pod = self.pod_name.map(|name| Pod { name, uid: self.pod_uid });
        let api_listen = self.api_listen.or(spec.api_listen).unwrap_or(ApiListen::IfFree(API));
        Ok(Resolved { leader, members, leader_context, controller, tls, federation, admin_listen, api_listen, pod })
    }

    /// The controller, where one is named, and how its certificate is checked.
    pub(crate) fn controller(&self) -> anyhow::Result<(Option<Controller>, Option<Verification>)> {
        let spec = self.spec()?;
        let url = self.controller.clone().or(spec.controller);
        let controller = match (url, self.password_file.clone().or(spec.password_file)) {
            (Some(url), Some(password_file)) => {
                Some(Controller { url, username: self.username.clone(), password_file })
            }
            (Some(_), None) => bail!(
                "--controller (MERIDIAN_AMKO_CONTROLLER) needs --password-file (MERIDIAN_AMKO_PASSWORD_FILE); leave out both and the \
                 operator uses the controller that the GSLBConfig names"
            ),
            (None, _) => None,
        };
        let tls = match self.ca.clone().or(spec.ca) {
            Some(ca) => Some(Verification::CaFile(ca)),
            None if self.insecure => Some(Verification::Insecure),
            None => None,
        };
        Ok((controller, tls))
    }

    /// Name of the leader cluster, where it is given.
    pub(crate) fn leader_context(&self) -> anyhow::Result<Option<String>> {
        Ok(self.leader_context.clone().or(self.spec()?.leader_context))
    }

    fn spec(&self) -> anyhow::Result<AmkoSpec> {
        Ok(match &self.config {
            Some(path) => read_spec(path, VERSION)?,
            None => AmkoSpec::default(),
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
        args: AmkoArgs,
    }

    fn resolve(rest: &[&str]) -> anyhow::Result<Resolved> {
        Line::try_parse_from([&["amko", "--kubeconfig", "a"], rest].concat())?.args.resolve()
    }

    #[test]
    fn what_belongs_together_may_come_from_the_flags_and_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "version: 1\nmembers-kubeconfig: b\npassword-file: c\n").unwrap();
        let file = file.path().to_str().unwrap();
        let resolved = resolve(&["--controller", "https://x", "--config", file]).unwrap();
        assert_eq!(resolved.controller.unwrap().password_file, PathBuf::from("c"));
        assert!(resolve(&["--config", file]).unwrap().controller.is_none());
    }

    #[test]
    fn the_http_interface_is_on_loopback_unless_somebody_says_otherwise() {
        let listen = |rest: &[&str]| resolve(&[&["--members-kubeconfig", "b"], rest].concat()).map(|r| r.api_listen);
        assert_eq!(listen(&[]).unwrap(), ApiListen::IfFree("127.0.0.1:8080".parse().unwrap()));
        assert_eq!(listen(&["--api-listen", "0.0.0.0:80"]).unwrap(), ApiListen::At("0.0.0.0:80".parse().unwrap()));
        assert_eq!(listen(&["--api-listen", "off"]).unwrap(), ApiListen::Off);
        assert!(listen(&["--api-listen", "8080"]).is_err());
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "version: 1\napi-listen: 'off'\n").unwrap();
        assert_eq!(listen(&["--config", file.path().to_str().unwrap()]).unwrap(), ApiListen::Off);
    }

    #[test]
    fn a_controller_without_a_password_is_refused_with_both_ways_out() {
        let error = resolve(&["--members-kubeconfig", "b", "--controller", "https://x"]).unwrap_err().to_string();
        assert!(error.contains("MERIDIAN_AMKO_PASSWORD_FILE") && error.contains("GSLBConfig"), "{error}");
        let error = resolve(&[]).unwrap_err().to_string();
        assert!(error.contains("--members-kubeconfig"), "{error}");
    }
}
