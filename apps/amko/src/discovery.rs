//! Service discovery: where the Services of MultiClusterIngresses are reached from outside of their clusters (amko 10).
//!
//! A process of its own, beside AKO in the cluster whose MultiClusterIngresses are served. For each Service of type
//! NodePort that one of them names, in whichever cluster of the ClusterSet, it keeps a ServiceImport with the nodes and
//! their ports. Unlike the original it follows the ClusterSet and its Secret, reads MultiClusterIngresses of all
//! namespaces from the start, and takes silence for no deletion: imports of a cluster that cannot be read stay.
//!
//! ```text
//!  own cluster: MultiClusterIngress, ClusterSet, ServiceImport ─┐
//!                                                               ├─> imports.rs ──> own cluster: ServiceImport
//!  clusters of the ClusterSet: Service, Node ───────────────────┘
//! ```

mod imports;
mod members;
mod state;

use std::path::PathBuf;
use std::time::Duration;

use amko_translate::NAMESPACE;
use anyhow::Context;
use avi_client::BackOff;
use k8s_crds::Kind;
use k8s_watch::Source;
use k8s_watch_api::{Access, ApiCalls, ApiServer, IMPORTING_KINDS, Scope};
use lifecycle::StopSignals;
use serde_json::json;
use tokio::time::Instant;

use members::Members;
use state::{State, Step};

/// Changes that arrive within this time are looked at together.
const DEBOUNCE: Duration = Duration::from_millis(50);
/// How often the Secret of the ClusterSet is read.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// Longest wait for one write.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// Pauses after writes that failed.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Where ServiceImports are.
const IMPORTS: &str = "/apis/ako.vmware.com/v1alpha1/namespaces/avi-system/serviceimports";

/// Keep a ServiceImport for each Service that a MultiClusterIngress names in some cluster
///
/// Runs in the cluster that serves MultiClusterIngresses, beside its AKO. The ClusterSet in avi-system names the other
/// clusters, and the Secret with a kubeconfig of them in its key clusters. Without --kubeconfig it runs in a pod, with
/// the pod's service account.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meridian service-discovery --kubeconfig cluster.kubeconfig
  meridian service-discovery                                               # in a pod")]
pub struct ServiceDiscoveryArgs {
    /// Kubeconfig of the cluster that serves MultiClusterIngresses
    #[arg(long, value_name = "FILE", env = "MERIDIAN_SERVICE_DISCOVERY_KUBECONFIG")]
    kubeconfig: Option<PathBuf>,

    /// Its context [default: the current one of --kubeconfig]
    #[arg(long, value_name = "CONTEXT", env = "MERIDIAN_SERVICE_DISCOVERY_CONTEXT", requires = "kubeconfig")]
    context: Option<String>,
}

impl ServiceDiscoveryArgs {
    /// Runs until SIGTERM or SIGINT.
    ///
    /// # Errors
    /// The kernel does not let us listen for these; a cluster that does not answer is no error.
    pub async fn run(self) -> anyhow::Result<()> {
        let mut stop = StopSignals::listen().context("listening for a request to end")?;
        let access = match self.kubeconfig {
            Some(path) => Access::Kubeconfig { path, context: self.context },
            None => Access::InCluster,
        };
        tracing::info!("service discovery runs");
        tokio::select! {
            () = discover(access) => {}
            () = stop.wait() => {}
        }
        tracing::info!("service discovery ends");
        Ok(())
    }
}

/// Follows everything and writes what follows from it. Every write is whole in itself, so that it can end at any time.
async fn discover(access: Access) {
    let scope = || Scope { namespace: Some(NAMESPACE.to_owned()), fields: None };
    let own = ApiServer::new("own", access.clone(), IMPORTING_KINDS)
        .with_scope(Kind::ServiceImport, scope())
        .with_scope(Kind::ClusterSet, scope());
    let calls = ApiCalls::new("own", access, "meridian-service-discovery", ANSWER_MAX);
    let mut state = State::default();
    let mut members = Members::default();
    let mut events = own.watch();
    let mut back_off = BackOff::new(RETRY.0, RETRY.1);
    let mut read_at = Instant::now();
    let mut write_at: Option<Instant> = None;
    loop {
        tokio::select! {
            Some(event) = events.recv() => {
                if state.take(event) {
                    read_at = Instant::now();
                }
                write_at = Some(Instant::now() + DEBOUNCE);
            }
            Some((cluster, event)) = members.next() => {
                state.take_of_member(&cluster, event);
                write_at = Some(Instant::now() + DEBOUNCE);
            }
            () = tokio::time::sleep_until(read_at) => {
                if members.settle(&own, &mut state).await {
                    write_at = Some(Instant::now() + DEBOUNCE);
                }
                read_at = Instant::now() + LOOK_AGAIN;
            }
            () = until(write_at) => {
                let is_done = write(&calls, &mut state).await;
                write_at = if is_done { None } else { Some(Instant::now() + back_off.next()) };
                if is_done {
                    back_off.reset();
                }
            }
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Writes what differs, each for itself; says whether all of it is done.
async fn write(calls: &ApiCalls, state: &mut State) -> bool {
    let mut is_done = true;
    for step in state.steps() {
        let name = step.name();
        let path = format!("{IMPORTS}/{name}");
        let written = match &step {
            Step::Create(_, spec) => {
                let body = json!({
                    "apiVersion": "ako.vmware.com/v1alpha1", "kind": "ServiceImport",
                    "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec,
                });
                calls.create(IMPORTS, &body).await.map(drop)
            }
            Step::Update(_, spec) => calls.merge(&path, &json!({"spec": spec})).await.map(drop),
            Step::Delete(_) => calls.delete(&path).await,
        };
        match written {
            Ok(()) => {
                tracing::info!(import = name, verb = step.verb(), "wrote a ServiceImport");
                state.wrote(step);
            }
            Err(error) => {
                is_done = false;
                if state.is_new_failure(name, &error.to_string()) {
                    tracing::error!(import = name, verb = step.verb(), reason = %error, "ServiceImport not written, trying on");
                }
            }
        }
    }
    is_done
}
