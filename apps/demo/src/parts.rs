//! The running parts of a demo: started in order, ended in the opposite one.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ako::{Ako, AkoConfig};
use amko::{Amko, AmkoConfig};
use anyhow::{Context, bail};
use avi_client::{AviClient, Config, Verification};
use controller::{Controller, ControllerConfig, EngineLink, ExplainError, Listen};
use k8s_watch::{ManifestDirectory, Source};
use se_protocol::UpMembers;
use serde_json::Value;
use service_engine::{Engine, EngineConfig};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::banner::Member;
use crate::data_dir::DataDir;
use crate::setup::Setup;
use crate::story::{self, CLUSTERS, Cluster};
use crate::workloads::Workloads;
use crate::{members_of, told, write_connection};

/// Where DNS answers unless the port is taken.
const DNS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 5300);
/// Ports that are tried after a taken one.
const PORTS_MAX: u16 = 100;
const USERNAME: &str = "admin";
/// Longest wait for the operators of the clusters before the rest starts anyway.
const SYNCED_WITHIN: Duration = Duration::from_secs(10);

/// Everything that runs.
pub(crate) struct Parts {
    controller: Controller,
    engine: Engine,
    amko: Amko,
    akos: Vec<Ako>,
    workloads: Workloads,
    /// Tells the engine what it said of its virtual services, as a controller does with engines of other processes.
    teller: JoinHandle<()>,
    client: AviClient,
    dns: SocketAddr,
    notes: Vec<String>,
}

impl Parts {
    /// Starts everything and writes `connection.env`.
    pub(crate) async fn start(data: &DataDir) -> anyhow::Result<Self> {
        // Pods first: a taken address ends the demo before anything else stands.
        let mut workloads = Workloads::new();
        for cluster in &CLUSTERS {
            workloads.run(cluster.name, data.cluster(cluster.name), cluster.pods).await?;
        }

        let mut notes = Vec::new();
        let is_without = |cluster: &&Cluster| !data.cluster(cluster.name).join(story::AKO_FILE).exists();
        if let Some(cluster) = CLUSTERS.iter().find(is_without) {
            let (name, file) = (cluster.name, story::AKO_FILE);
            notes.push(format!("cluster {name} has no {file}, so it gets no addresses; --fresh starts over with one"));
        }
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, controller::PORT));
        let config = ControllerConfig { listen: Listen::AtOrAfter(wanted), ..ControllerConfig::new(data.controller()) };
        let controller = controller::start(config).await.context("starting the controller")?;
        if controller.local_addr().port() != wanted.port() {
            notes.push(format!(
                "port {} is taken, the controller listens on {}",
                wanted.port(),
                controller.local_addr()
            ));
        }
        // Before the engine: it would open the port that an earlier run chose, and make it look taken.
        let dns = free_dns_address()?;
        if dns != DNS {
            notes.push(format!("port {} is taken, DNS answers on {dns}", DNS.port()));
        }
        let password = password(&controller)?;
        let client_config = client_config(&controller, &password);
        let client = AviClient::new(client_config.clone())?;
        let setup = Setup { dns, controller: controller.local_addr(), username: USERNAME, password: &password };
        setup.apply(&client).await.with_context(|| setup_advice(&controller))?;
        let (engine, teller) = start_engine(&controller, data)?;

        let directories: Vec<ManifestDirectory> =
            CLUSTERS.iter().map(|cluster| ManifestDirectory::new(cluster.name, data.cluster(cluster.name))).collect();
        let mut akos = Vec::new();
        for directory in &directories {
            akos.push(start_ako(directory, &client_config));
        }
        // The multi-cluster operator after them: at its first look every Ingress has its address.
        let synced = async {
            for ako in &akos {
                ako.synced().await;
            }
        };
        if tokio::time::timeout(SYNCED_WITHIN, synced).await.is_err() {
            notes.push("not every cluster has its addresses yet; the log below says why".to_owned());
        }
        let amko = amko::start(amko_config(&directories, client_config)).await.context("starting amko")?;
        let parts = Self { controller, engine, amko, akos, workloads, teller, client, dns, notes };
        write_connection(data, &parts, USERNAME, &password)?;
        Ok(parts)
    }

    /// Waits until the operator has written what the manifests say and every member of the story's service is up, at
    /// most `within`, and returns what is then in force.
    pub(crate) async fn members_up(&self, within: Duration, every: Duration) -> anyhow::Result<Vec<Member>> {
        let mut members = Vec::new();
        let wait = async {
            self.amko.synced().await;
            loop {
                members = self.members().await?;
                if !members.is_empty() && members.iter().all(|member| member.state == "up") {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(every).await;
            }
        };
        match tokio::time::timeout(within, wait).await {
            Ok(result) => result?,
            // A backend may be broken, or the manifests edited: the banner tells how it is.
            Err(_) => members = self.members().await?,
        }
        Ok(members)
    }

    async fn members(&self) -> anyhow::Result<Vec<Member>> {
        let query = [("name", story::HOST), ("join_subresources", "runtime")];
        let found = self.client.list("/api/gslbservice", &query, "admin").await.context("asking for the service")?;
        Ok(found.first().map(|service: &Value| members_of(service)).unwrap_or_default())
    }

    pub(crate) fn url(&self) -> String {
        self.controller.url()
    }

    pub(crate) fn ca(&self) -> &Path {
        self.controller.ca_path()
    }

    pub(crate) fn dns(&self) -> SocketAddr {
        self.dns
    }

    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Ends everything, the operators first, so that nobody takes the end of another part for news.
    pub(crate) async fn shutdown(self) {
        self.amko.shutdown().await;
        for ako in self.akos {
            ako.shutdown().await;
        }
        self.teller.abort();
        self.engine.shutdown().await;
        self.controller.shutdown().await;
        self.workloads.shutdown().await;
    }
}

fn start_engine(controller: &Controller, data: &DataDir) -> anyhow::Result<(Engine, JoinHandle<()>)> {
    let workers = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let (descriptors, _) = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE)
        .context("asking how many files may be open")?;
    let (name, logs) = ("demo".to_owned(), Some(data.logs()));
    let config = EngineConfig { workers, seed: rand::random(), descriptors, name, logs };
    let told = watch::Sender::default();
    let engine = service_engine::start_with(&config, controller.snapshots(), told.subscribe(), UpMembers::new())?;
    let teller = tokio::spawn(told::tell(controller.snapshots(), engine.reports(), told));
    let (handle, logs) = (engine.explain_handle(), engine.log_handle());
    controller.connect_engine(EngineLink {
        reports: engine.reports(),
        explain: Arc::new(move |question| {
            handle.explain_dns(question).map_err(|error| match error {
                service_engine::ExplainError::NoDnsService => ExplainError::Unavailable(error.to_string()),
                service_engine::ExplainError::Question(_) => ExplainError::Question(error.to_string()),
            })
        }),
        logs: Arc::new(move |query| logs.search(query)),
    });
    Ok((engine, teller))
}

/// Starts the operator of one cluster.
fn start_ako(directory: &ManifestDirectory, controller: &Config) -> Ako {
    ako::start(AkoConfig {
        source: Arc::new(directory.reading(ako::KINDS)),
        namespace: "avi-system".to_owned(),
        controller: Some(controller.clone()),
        tls: None,
        events: None,
        log_level: None,
    })
}

/// What to do when the controller refuses the demo's configuration.
fn setup_advice(controller: &Controller) -> String {
    let file = controller.password_path().map_or_else(String::new, |file| file.display().to_string());
    format!(
        "configuring the controller; if the password of {USERNAME} was changed, write the new one into {file}, or start over with --fresh"
    )
}

/// The wanted address, or the next whose port is free for UDP and TCP.
fn free_dns_address() -> anyhow::Result<SocketAddr> {
    (0..PORTS_MAX)
        .map(|step| SocketAddr::new(DNS.ip(), DNS.port() + step))
        .find(|address| UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok())
        .with_context(|| format!("none of the ports {} to {} is free for DNS", DNS.port(), DNS.port() + PORTS_MAX - 1))
}

fn password(controller: &Controller) -> anyhow::Result<String> {
    let Some(file) = controller.password_path() else {
        bail!("the controller's data has no password file; start over with --fresh");
    };
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    Ok(text.trim().to_owned())
}

fn client_config(controller: &Controller, password: &str) -> Config {
    let ca = Verification::CaFile(controller.ca_path().to_owned());
    let mut config = Config::new(controller.url(), USERNAME, password, ca);
    config.api_version = "30.2.1".to_owned();
    config
}

fn amko_config(directories: &[ManifestDirectory], controller: Config) -> AmkoConfig {
    let sources = directories.iter().map(|directory| Arc::new(directory.clone()) as Arc<dyn Source>).collect();
    AmkoConfig { leader: story::LEADER.to_owned(), sources, controller, events: None, log_level: None }
}
