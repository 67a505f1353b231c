//! An operator as a process of its own.

use std::sync::Arc;

use anyhow::Context;
use avi_client::Config;
use k8s_crds::Kind as ObjectKind;
use k8s_watch::{ManifestDirectory, Source};
use k8s_watch_api::{Access, ApiServer, Scope};
use lifecycle::{Admin, Family, Kind, Metrics, Ready, StopSignals, within_shutdown};
use telemetry::{FILTER_DEBUG, FILTER_DEFAULT, Filter};
use tokio::sync::watch;

use crate::event::WriteCounts;
use crate::instructions::CONFIG_MAP;
use crate::operator::start_counting;
use crate::spec::{ClusterAt, Controller, Resolved};
use crate::{AkoArgs, AkoConfig, KINDS, Progress, SetLogLevel};

/// Releases of Helm are Secrets too, and large (ako 1.2).
const SECRETS_READ: &str = "type!=helm.sh/release.v1";

impl AkoArgs {
    /// Runs until SIGTERM or SIGINT. How much is logged follows the ConfigMap by `log`; `None`: it stays as it is.
    ///
    /// # Errors
    /// A file is of no use or the admin address is taken; a cluster or controller that does not answer is no error.
    pub async fn run(self, log: Option<Filter>) -> anyhow::Result<()> {
        let mut stop = StopSignals::listen().context("listening for a request to end")?;
        let resolved = self.resolve()?;
        let controller = resolved.controller.as_ref().map(|controller| given(controller, &resolved)).transpose()?;
        let source = source(&resolved).await?;
        let counts = Arc::new(WriteCounts::default());
        let cluster = source.cluster().to_owned();
        let config = AkoConfig {
            source,
            namespace: resolved.namespace,
            controller,
            tls: resolved.tls,
            events: None,
            log_level: log.map(log_level),
        };
        let ako = start_counting(config, Arc::clone(&counts));
        let ready = ready(ako.progress());
        let admin = Admin::start(resolved.admin_listen, metrics(&counts, ako.progress()), ready).await?;
        tracing::info!(cluster, admin = %admin.local_addr(), "operator runs");
        stop.wait().await;
        within_shutdown(ako.shutdown()).await;
        tracing::info!(cluster, "operator ends");
        Ok(())
    }
}

fn given(controller: &Controller, resolved: &Resolved) -> anyhow::Result<Config> {
    let tls = resolved.tls.clone().context("no CA certificate of the controller")?;
    let file = &controller.password_file;
    let password = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    Ok(Config::new(&controller.url, &controller.username, password.trim(), tls))
}

async fn source(resolved: &Resolved) -> anyhow::Result<Arc<dyn Source>> {
    let access = match &resolved.cluster {
        ClusterAt::ApiServer(access) => access,
        ClusterAt::Directory(directory) => {
            let last = directory.file_name().map(|name| name.to_string_lossy().into_owned());
            let name = resolved.context.clone().or(last).unwrap_or_else(|| "cluster".to_owned());
            return Ok(Arc::new(ManifestDirectory::new(name, directory).reading(KINDS)));
        }
    };
    let name = match (&resolved.context, access) {
        (Some(name), _) => name.clone(),
        (None, Access::InCluster) => "in-cluster".to_owned(),
        (None, access) => {
            let current = access.contexts().await?.current;
            current.context("the kubeconfig has no current context; name one with --context")?
        }
    };
    let config_map =
        Scope { namespace: Some(resolved.namespace.clone()), fields: Some(format!("metadata.name={CONFIG_MAP}")) };
    let secrets = Scope { namespace: None, fields: Some(SECRETS_READ.to_owned()) };
    let source = ApiServer::new(name, access.clone(), KINDS)
        .with_scope(ObjectKind::ConfigMap, config_map)
        .with_scope(ObjectKind::Secret, secrets);
    Ok(Arc::new(source))
}

/// Sets the level that the ConfigMap names (ako 1.8).
fn log_level(log: Filter) -> SetLogLevel {
    Arc::new(move |level| {
        let filter = match level.to_uppercase().as_str() {
            "DEBUG" => FILTER_DEBUG,
            "INFO" => FILTER_DEFAULT,
            "WARN" => "warn,notify=error",
            "ERROR" => "error",
            _ => return tracing::warn!(level, "logLevel is none; use DEBUG, INFO, WARN or ERROR"),
        };
        if let Err(error) = log.set(filter) {
            tracing::error!(reason = avi_client::chain(&error), "logLevel cannot be set");
        }
    })
}

fn ready(progress: watch::Receiver<Progress>) -> Ready {
    Arc::new(move || {
        let progress = progress.borrow();
        match (progress.is_synced, progress.idle.as_slice()) {
            (true, _) => Ok(()),
            (false, []) => Err("the controller does not hold yet what it should".to_owned()),
            (false, reasons) => Err(reasons.join("; ")),
        }
    })
}

fn metrics(counts: &Arc<WriteCounts>, progress: watch::Receiver<Progress>) -> Metrics {
    let mut metrics = Metrics::new("ako", env!("CARGO_PKG_VERSION"));
    let counts = Arc::clone(counts);
    metrics.read(move || {
        let progress = progress.borrow();
        let (written, refused) = counts.read();
        let count = |name, help, value| Family::single(name, help, Kind::Counter, value);
        let gauge = |name, help, value| Family::single(name, help, Kind::Gauge, value);
        let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        vec![
            gauge(
                "cluster_readable",
                "1 when all of the cluster can be read; the controller keeps what it has otherwise",
                u64::from(progress.is_readable),
            ),
            count("controller_writes", "Objects written to the controller", written),
            count("controller_writes_failed", "Writes to the controller that failed", refused),
            count("status_writes", "Statuses and annotations written to the cluster", counts.statuses()),
            gauge("hosts", "Hosts that are served", number(progress.hosts)),
            gauge(
                "load_balancer_services",
                "Services of type LoadBalancer on the controller",
                number(progress.services),
            ),
            gauge("objects_failing", "Objects that cannot be written", number(progress.failing.len())),
            gauge("left_out", "Objects that are not served as they say", number(progress.left_out.len())),
            gauge("synced", "1 when the controller holds what it should", u64::from(progress.is_synced)),
        ]
    });
    metrics
}
