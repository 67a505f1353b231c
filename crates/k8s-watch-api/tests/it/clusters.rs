//! Real clusters, one set for all tests of this program; they end with it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_watch_api::Access;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Longest wait for anything but the build of the programs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Cluster of most tests; the custom kinds are defined there.
pub(crate) const ORDINARY: &str = "s1az1";
/// Cluster with very many objects.
pub(crate) const CROWDED: &str = "s1az2";
/// Cluster that is stopped and started.
pub(crate) const UNSTEADY: &str = "s2";

pub(crate) struct Clusters {
    directory: PathBuf,
    /// Its standard input ends when this program does, and with it the clusters.
    _process: Child,
}

/// The clusters; `None`, and the reason printed, where there can be none.
pub(crate) async fn clusters() -> Option<&'static Clusters> {
    static CLUSTERS: OnceLock<Option<Clusters>> = OnceLock::new();
    tokio::task::spawn_blocking(|| CLUSTERS.get_or_init(start).as_ref()).await.unwrap()
}

fn xtask(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name); // about this package, not the one that is run
        }
    }
    command.args(["run", "--quiet", "--package", "xtask", "--", "kube"]).args(arguments);
    command
}

fn start() -> Option<Clusters> {
    let check = xtask(&["programs", "--check"]).output().unwrap();
    if !check.status.success() {
        eprintln!("skipped, no API server: {}", String::from_utf8_lossy(&check.stdout).trim());
        return None;
    }
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("clusters-{}", std::process::id()));
    let shown = directory.to_str().unwrap();
    let mut up = xtask(&["up", "--foreground", "--remove", "--clusters", "3", "--dir", shown]);
    let mut process = up.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let is_ready = lines.map_while(Result::ok).any(|line| line.starts_with("ready after"));
    assert!(is_ready, "clusters did not start; the reason is above");
    Some(Clusters { directory, _process: process })
}

impl Clusters {
    pub(crate) fn access(&self, cluster: &str) -> Access {
        Access::Kubeconfig { path: self.directory.join("members.kubeconfig"), context: Some(cluster.to_owned()) }
    }

    /// As somebody who may do nothing yet.
    pub(crate) fn guest_access(&self, cluster: &str) -> Access {
        let tokens = std::fs::read_to_string(self.directory.join("tokens.csv")).unwrap();
        let guest = tokens.lines().nth(1).unwrap().split(',').next().unwrap().to_owned();
        let text = self.kubeconfig(cluster);
        let lines = text.lines().map(|line| match line.trim_start().starts_with("token:") {
            true => format!("    token: {guest}\n"),
            false => format!("{line}\n"),
        });
        Access::Text { text: lines.collect(), origin: "test".to_owned(), context: None }
    }

    /// A kubeconfig of this cluster alone.
    pub(crate) fn kubeconfig(&self, cluster: &str) -> String {
        std::fs::read_to_string(self.directory.join(format!("{cluster}.kubeconfig"))).unwrap()
    }

    /// `https://HOST:PORT`.
    pub(crate) fn server(&self, cluster: &str) -> String {
        let text = self.kubeconfig(cluster);
        text.lines().find_map(|line| line.trim().strip_prefix("server: ")).unwrap().to_owned()
    }

    /// What the server shows, with the authority that signed it.
    pub(crate) fn certificate(&self, cluster: &str) -> PathBuf {
        self.directory.join(cluster).join("apiserver.crt")
    }

    /// A client of the test's own, as administrator.
    pub(crate) async fn client(&self, cluster: &str) -> Client {
        let path = self.directory.join(format!("{cluster}.kubeconfig"));
        let (options, kubeconfig) = (KubeConfigOptions::default(), Kubeconfig::read_from(path).unwrap());
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
        Client::try_from(config).unwrap()
    }

    /// `kube stop --kill` or `kube start`.
    pub(crate) async fn xtask(&self, arguments: &[&str]) {
        let mut command = xtask(arguments);
        command.arg("--dir").arg(&self.directory);
        let status = tokio::task::spawn_blocking(move || command.status()).await.unwrap();
        assert!(status.unwrap().success());
    }

    /// The ordinary cluster, with the custom kinds.
    pub(crate) async fn defined(&self) -> Client {
        static DEFINED: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
        let client = self.client(ORDINARY).await;
        DEFINED.get_or_init(|| define(&client)).await;
        client
    }
}

async fn define(client: &Client) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for (_, definition) in k8s_crds::definitions() {
        let definition: CustomResourceDefinition = serde_json::from_value(definition).unwrap();
        let name = definition.metadata.name.clone().unwrap();
        api.create(&PostParams::default(), &definition).await.unwrap();
        until(&format!("{name} is served"), async || {
            let status = api.get(&name).await.unwrap().status.unwrap_or_default();
            let conditions = status.conditions.unwrap_or_default();
            conditions.iter().any(|it| it.type_ == "Established" && it.status == "True").then_some(())
        })
        .await;
    }
    // The kinds have a namespace where they count.
    create(client, "/api/v1/namespaces", namespace("avi-system")).await;
    for path in [
        "amko.vmware.com/v1alpha1/gslbconfigs",
        "amko.vmware.com/v1alpha1/gslbhostrules",
        "amko.vmware.com/v1alpha2/globaldeploymentpolicies",
        "ako.vmware.com/v1alpha1/multiclusteringresses",
    ] {
        until("the kind can be listed", async || get::<Value>(client, &format!("/apis/{path}")).await.ok()).await;
    }
}

/// Asks again until there is an answer.
pub(crate) async fn until<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let answer = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await; // bounded: by PATIENCE, on a condition
        }
    };
    tokio::time::timeout(PATIENCE, answer).await.unwrap_or_else(|_| panic!("waited in vain until {what}"))
}

pub(crate) fn namespace(name: &str) -> Value {
    serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

/// POST.
pub(crate) async fn create(client: &Client, path: &str, object: Value) -> Value {
    ask(client, "POST", path, &object).await.unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) async fn get<T: DeserializeOwned>(client: &Client, path: &str) -> kube::Result<T> {
    client.request(http::Request::get(path).body(Vec::new()).unwrap()).await
}

pub(crate) async fn ask(client: &Client, method: &str, path: &str, body: &impl Serialize) -> kube::Result<Value> {
    let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let request = http::Request::builder().method(method).uri(path).header("content-type", kind);
    client.request(request.body(serde_json::to_vec(body).unwrap()).unwrap()).await
}
