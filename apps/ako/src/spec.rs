//! What an operator of its own is told: flags, variables, a file; and what follows.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::bail;
use avi_client::Verification;
use k8s_watch_api::Access;
use lifecycle::read_spec;
use serde::Deserialize;

/// Version of the file's form.
const VERSION: u32 = 1;
const ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9448);
/// Namespace of ConfigMap and Secret where nobody says otherwise.
const NAMESPACE: &str = "avi-system";

/// Run the operator of one cluster: its Ingresses become virtual services, VIPs and names on the controller
///
/// The ConfigMap avi-system/avi-k8s-config holds the settings. Without --kubeconfig or --cluster-dir it runs in a pod and
/// reaches its cluster by the pod's service account. Without --controller, the address is the ConfigMap's controllerIP,
/// and the credentials are those of the Secret avi-system/avi-secret (username, password or authtoken,
/// certificateAuthorityData). An edit of either holds at once.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meridian ako --kubeconfig s1az1.kubeconfig --context s1az1
  meridian ako --cluster-dir clusters/s1az1 \\
    --controller https://10.10.20.42:9443 --password-file DATA/admin-password --ca DATA/ca.pem
  meridian ako                                                             # in a pod
A file for --config, with flags and variables before it:
  version: 1
  kubeconfig: s1az1.kubeconfig
  ca: ca.pem")]
pub struct AkoArgs {
    /// Kubeconfig of the cluster
    #[arg(long, value_name = "FILE", env = "MERIDIAN_AKO_KUBECONFIG", conflicts_with = "cluster_dir")]
    kubeconfig: Option<PathBuf>,

    /// Context in it, which names the cluster in logs too [default: the current one]
    #[arg(long, value_name = "NAME", env = "MERIDIAN_AKO_CONTEXT")]
    context: Option<String>,

    /// Directory of manifests that is the cluster; what is written back goes below its .status
    #[arg(long, value_name = "DIR", env = "MERIDIAN_AKO_CLUSTER_DIR")]
    cluster_dir: Option<PathBuf>,

    /// Namespace of the operator's ConfigMap and Secret [default: avi-system]
    #[arg(long, value_name = "NAME", env = "POD_NAMESPACE")]
    namespace: Option<String>,

    /// Controller, in place of the one that ConfigMap and Secret name
    #[arg(long, value_name = "URL", env = "MERIDIAN_AKO_CONTROLLER")]
    controller: Option<String>,

    /// User, with --controller
    #[arg(long, env = "MERIDIAN_AKO_USERNAME", default_value = "admin")]
    username: String,

    /// File that holds the password, with --controller
    #[arg(long, value_name = "FILE", env = "MERIDIAN_AKO_PASSWORD_FILE")]
    password_file: Option<PathBuf>,

    /// File with the certificate that signed the controller's; the Secret's comes before it
    #[arg(long, value_name = "FILE", env = "MERIDIAN_AKO_CA", conflicts_with = "insecure")]
    ca: Option<PathBuf>,

    /// Do not check the controller's certificate
    #[arg(long)]
    insecure: bool,

    /// Where to answer /metrics, /livez and /readyz [default: 127.0.0.1:9448]
    #[arg(long, value_name = "ADDR", env = "MERIDIAN_AKO_ADMIN_LISTEN")]
    admin_listen: Option<SocketAddr>,

    /// File in YAML with any of these
    #[arg(long, value_name = "FILE", env = "MERIDIAN_AKO_CONFIG")]
    config: Option<PathBuf>,
}

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AkoSpec {
    #[expect(dead_code, reason = "read before the rest, by read_spec")]
    version: u32,
    kubeconfig: Option<PathBuf>,
    context: Option<String>,
    cluster_dir: Option<PathBuf>,
    namespace: Option<String>,
    controller: Option<String>,
    password_file: Option<PathBuf>,
    ca: Option<PathBuf>,
    admin_listen: Option<SocketAddr>,
}

/// What an operator process runs with.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) cluster: ClusterAt,
    /// Name in logs, where one was given.
    pub(crate) context: Option<String>,
    pub(crate) namespace: String,
    /// `None`: as ConfigMap and Secret say.
    pub(crate) controller: Option<Controller>,
    pub(crate) tls: Option<Verification>,
    pub(crate) admin_listen: SocketAddr,
}

/// Where the cluster is.
#[derive(Debug)]
pub(crate) enum ClusterAt {
    ApiServer(Access),
    Directory(PathBuf),
}

/// Where the controller is, and who asks.
#[derive(Debug)]
pub(crate) struct Controller {
    pub(crate) url: String,
    pub(crate) username: String,
    pub(crate) password_file: PathBuf,
}

impl AkoArgs {
    /// Flags and variables before the file, the file before the defaults.
    pub(crate) fn resolve(self) -> anyhow::Result<Resolved> {
        let spec: AkoSpec = match &self.config {
            Some(path) => read_spec(path, VERSION)?,
            None => AkoSpec::default(),
        };
        let context = self.context.or(spec.context);
        // A flag says which of the two it is, whatever the file says.
        let (kubeconfig, directory) = match (self.kubeconfig, self.cluster_dir) {
            (None, None) => (spec.kubeconfig, spec.cluster_dir),
            given => given,
        };
        let cluster = match (kubeconfig, directory) {
            (Some(_), Some(_)) => bail!("the file names kubeconfig and cluster-dir; leave one of them out"),
            (_, Some(directory)) => ClusterAt::Directory(directory),
            (Some(path), None) => ClusterAt::ApiServer(Access::Kubeconfig { path, context: context.clone() }),
            (None, None) => ClusterAt::ApiServer(Access::InCluster),
        };
        let controller = match (self.controller.or(spec.controller), self.password_file.or(spec.password_file)) {
            (Some(url), Some(password_file)) => Some(Controller { url, username: self.username, password_file }),
            (Some(_), None) => bail!(
                "--controller (MERIDIAN_AKO_CONTROLLER) needs --password-file (MERIDIAN_AKO_PASSWORD_FILE); leave out both and \
                 the operator uses the controller that its ConfigMap and Secret name"
            ),
            (None, _) => None,
        };
        let tls = match self.ca.or(spec.ca) {
            Some(ca) => Some(Verification::CaFile(ca)),
            None if self.insecure => Some(Verification::Insecure),
            None => None,
        };
        if controller.is_some() && tls.is_none() {
            bail!("no CA certificate of the controller (--ca, MERIDIAN_AKO_CA); or accept any with --insecure");
        }
        let namespace = self.namespace.or(spec.namespace).unwrap_or_else(|| NAMESPACE.to_owned());
        let admin_listen = self.admin_listen.or(spec.admin_listen).unwrap_or(ADMIN);
        Ok(Resolved { cluster, context, namespace, controller, tls, admin_listen })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: AkoArgs,
    }

    fn resolve(rest: &[&str]) -> anyhow::Result<Resolved> {
        Line::try_parse_from([&["ako"], rest].concat())?.args.resolve()
    }

    #[test]
    fn a_flag_decides_what_the_cluster_is_whatever_the_file_says() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "version: 1\nkubeconfig: a\ncontext: s2\n").unwrap();
        let file = file.path().to_str().unwrap();
        let of_file = resolve(&["--config", file]).unwrap();
        assert!(
            matches!(&of_file.cluster, ClusterAt::ApiServer(Access::Kubeconfig { context: Some(c), .. }) if c == "s2")
        );
        let by_flag = resolve(&["--config", file, "--cluster-dir", "d"]).unwrap();
        assert!(matches!(&by_flag.cluster, ClusterAt::Directory(directory) if directory == &PathBuf::from("d")));
        assert!(matches!(resolve(&[]).unwrap().cluster, ClusterAt::ApiServer(Access::InCluster)));
        assert!(resolve(&["--kubeconfig", "a", "--cluster-dir", "d"]).is_err());
    }

    #[test]
    fn a_controller_needs_a_password_and_a_way_to_check_it() {
        let error = resolve(&["--controller", "https://x"]).unwrap_err().to_string();
        assert!(error.contains("MERIDIAN_AKO_PASSWORD_FILE") && error.contains("Secret"), "{error}");
        let error = resolve(&["--controller", "https://x", "--password-file", "p"]).unwrap_err().to_string();
        assert!(error.contains("--insecure"), "{error}");
        assert!(resolve(&["--controller", "https://x", "--password-file", "p", "--ca", "c"]).is_ok());
    }
}
