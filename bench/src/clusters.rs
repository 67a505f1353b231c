//! Real clusters for a run: three API servers and the operator, beside a controller and an engine.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, bail};
use k8s_openapi::api::networking::v1::Ingress;
use kube::api::{DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, core::ApiResource};
use serde_json::{Value, json};

use crate::measure::Server;
use crate::system::{System, counter, free_address, wait_ready};

/// Names of the clusters, as `cargo xtask kube up` gives them, the leader first.
pub(crate) const CLUSTERS: [&str; 3] = ["s1az1", "s1az2", "s2"];

/// Everything that runs; it ends with the value.
pub(crate) struct Clusters {
    pub(crate) amko: Option<Server>,
    /// A client for each cluster, in the order of [`CLUSTERS`].
    pub(crate) clients: Vec<Client>,
    admin: SocketAddr,
    _kube: Kube,
    pub(crate) system: System,
}

/// The API servers; they end when their standard input does.
struct Kube {
    process: Child,
    input: Option<ChildStdin>,
}

impl Clusters {
    /// API servers, with definitions, credentials and a policy that splits evenly; the operator comes later.
    pub(crate) async fn start(system: System) -> anyhow::Result<Self> {
        let directory = system.directory.path().join("kube");
        let kube = Kube::start(&directory)?;
        let mut clients = Vec::new();
        for cluster in CLUSTERS {
            let file = directory.join(format!("{cluster}.kubeconfig"));
            let config = Kubeconfig::read_from(&file).with_context(|| format!("reading {}", file.display()))?;
            let config = kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await?;
            clients.push(Client::try_from(config).with_context(|| format!("a client for {cluster}"))?);
        }
        fill_leader(&clients[0], &system).await?;
        Ok(Self { amko: None, clients, admin: free_address()?, _kube: kube, system })
    }

    /// Starts the operator, and waits until it says that the controller holds what it should.
    pub(crate) fn start_amko(&mut self) -> anyhow::Result<()> {
        let kube = |name: &str| self.system.directory.path().join("kube").join(name).display().to_string();
        let (leader, members) = (kube("leader.kubeconfig"), kube("members.kubeconfig"));
        let args = ["--kubeconfig", &leader, "--members-kubeconfig", &members];
        self.amko = Some(self.system.start_part("amko", &args, self.admin)?);
        wait_ready("the operator", self.admin)
    }

    /// The sum of a counter of the operator; `None` when it has no such counter.
    pub(crate) fn amko_counter(&self, name: &str) -> anyhow::Result<Option<f64>> {
        counter(self.admin, name)
    }
}

impl Kube {
    fn start(directory: &Path) -> anyhow::Result<Self> {
        let xtask = std::env::var_os("MERIDIAN_XTASK").context("start this by `cargo xtask bench`")?;
        let mut process = Command::new(xtask)
            .args(["kube", "up", "--foreground", "--dir"])
            .arg(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the API servers")?;
        let input = process.stdin.take();
        let output = process.stdout.take().context("the output of kube up")?;
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        if !lines.any(|line| line.starts_with("ready after")) {
            bail!("the API servers did not start; the reason is above");
        }
        Ok(Self { process, input })
    }
}

impl Drop for Kube {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.process.wait();
    }
}

/// An Ingress with the label that the policy selects, for `host`.
pub(crate) fn ingress(name: &str, host: &str) -> anyhow::Result<Ingress> {
    let body = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": "gslb"}},
        "spec": {"rules": [{"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix",
            "backend": {"service": {"name": name, "port": {"number": 80}}}}]}}]}
    });
    serde_json::from_value(body).context("an Ingress")
}

/// Applies an Ingress, and then its status as AKO does.
pub(crate) async fn apply(client: &Client, ingress: &Ingress, host: &str, vip: Ipv4Addr) -> anyhow::Result<()> {
    let ingresses: Api<Ingress> = Api::default_namespaced(client.clone());
    ingresses
        .create(&PostParams::default(), ingress)
        .await
        .with_context(|| format!("creating the Ingress of {host}"))?;
    let name = ingress.metadata.name.as_deref().unwrap_or_default();
    set_status(client, name, host, vip).await
}

/// Writes the status of an Ingress, as AKO does.
pub(crate) async fn set_status(client: &Client, name: &str, host: &str, vip: Ipv4Addr) -> anyhow::Result<()> {
    let ingresses: Api<Ingress> = Api::default_namespaced(client.clone());
    let status = json!({"status": {"loadBalancer": {"ingress": [{"ip": vip, "hostname": host}]}}});
    let patched = ingresses.patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await;
    patched.with_context(|| format!("writing the status of {name}"))?;
    Ok(())
}

/// Definitions, credentials, GSLBConfig and policy.
async fn fill_leader(client: &Client, system: &System) -> anyhow::Result<()> {
    for kind in ["globaldeploymentpolicies", "gslbconfigs", "gslbhostrules"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../deploy/crds/amko.vmware.com_{kind}.yaml"));
        let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        let definition: Value = serde_saphyr::from_str(&text).with_context(|| format!("reading {}", file.display()))?;
        create(client, "apiextensions.k8s.io", "v1", "CustomResourceDefinition", None, definition).await?;
    }
    let namespace = Some("avi-system");
    create(client, "", "v1", "Namespace", None, json!({"metadata": {"name": "avi-system"}})).await?;
    let secret = json!({
        "metadata": {"name": "gslb-avi-secret"},
        "stringData": {"username": "admin", "password": system.password()?,
            "certificateAuthorityData": system.authority()?}
    });
    create(client, "", "v1", "Secret", namespace, secret).await?;
    let config = json!({"metadata": {"name": "gc-1"}, "spec": {
        "gslbLeader": {"credentials": "gslb-avi-secret", "controllerVersion": "30.2.1",
            "controllerIP": system.listen.to_string()},
        "memberClusters": CLUSTERS.map(|name| json!({"clusterContext": name})),
        "refreshInterval": 1800, "logLevel": "INFO"
    }});
    create(client, "amko.vmware.com", "v1alpha1", "GSLBConfig", namespace, config).await?;
    let policy = json!({"metadata": {"name": "global-gdp"}, "spec": {
        "matchRules": {"appSelector": {"label": {"app": "gslb"}}},
        "matchClusters": CLUSTERS.map(|name| json!({"cluster": name, "syncVipOnly": true})),
        "trafficSplit": CLUSTERS.map(|name| json!({"cluster": name, "weight": 1})),
    }});
    create(client, "amko.vmware.com", "v1alpha2", "GlobalDeploymentPolicy", namespace, policy).await
}

/// Creates an object; a kind whose definition is a moment old is asked for again.
pub(crate) async fn create(
    client: &Client,
    group: &str,
    version: &str,
    kind: &str,
    namespace: Option<&str>,
    mut body: Value,
) -> anyhow::Result<()> {
    let kind = GroupVersionKind::gvk(group, version, kind);
    let plural = match kind.kind.as_str() {
        "GlobalDeploymentPolicy" => "globaldeploymentpolicies".to_owned(),
        "IngressClass" => "ingressclasses".to_owned(),
        other => format!("{}s", other.to_lowercase()),
    };
    let resource = ApiResource::from_gvk_with_plural(&kind, &plural);
    body["apiVersion"] = json!(kind.api_version());
    body["kind"] = json!(kind.kind);
    let body: DynamicObject = serde_json::from_value(body).context("an object")?;
    let api: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    for _ in 0..100 {
        match api.create(&PostParams::default(), &body).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            other => return other.map(drop).with_context(|| format!("creating a {}", kind.kind)),
        }
    }
    bail!("{} is not served after 10 s", kind.kind)
}
