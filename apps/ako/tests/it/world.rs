//! A controller in this process, with a network for VIPs, and a cluster that is a directory of manifests.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ako::{Ako, AkoConfig, AkoEvent, EVENTS_WAITING_MAX, KINDS, Progress, start};
use avi_client::{AviClient, Config, Verification};
use controller::{Controller, ControllerConfig, Listen};
use k8s_watch::{ManifestDirectory, Source};
use serde_json::{Value, json};
use tokio::sync::mpsc;

pub(crate) const PASSWORD: &str = "a long enough password";
/// Longest wait for anything.
const WITHIN: Duration = Duration::from_secs(30);
/// Types that the operator makes.
const TYPES: [&str; 7] =
    ["vsvip", "sslkeyandcertificate", "pool", "poolgroup", "httppolicyset", "l4policyset", "virtualservice"];

pub(crate) struct World {
    root: tempfile::TempDir,
    controller: Option<Controller>,
    pub(crate) client: AviClient,
}

/// A cluster with its operator.
pub(crate) struct Cluster {
    name: String,
    directory: PathBuf,
    source: ManifestDirectory,
    controller: Config,
    running: Option<(Ako, mpsc::Receiver<AkoEvent>)>,
    pub(crate) told: Vec<String>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let controller = start_controller(root.path(), "127.0.0.1:0").await;
        let client = AviClient::new(client_config(&controller)).unwrap();
        let world = Self { root, controller: Some(controller), client };
        world.set_up().await;
        world
    }

    /// What an administrator makes before an operator can work.
    async fn set_up(&self) {
        let subnet = json!({"prefix": {"ip_addr": {"addr": "10.10.25.0", "type": "V4"}, "mask": 24},
            "static_ip_ranges": [{"range": {"begin": {"addr": "10.10.25.40", "type": "V4"},
                "end": {"addr": "10.10.25.59", "type": "V4"}}, "type": "STATIC_IPS_FOR_VIP"}]});
        self.post("network", &json!({"name": "front", "configured_subnets": [subnet]})).await;
        let ipam = json!({"name": "ipam", "type": "IPAMDNS_TYPE_INTERNAL",
            "internal_profile": {"usable_networks": [{"nw_ref": "/api/network?name=front"}]}});
        self.post("ipamdnsproviderprofile", &ipam).await;
        let dns = json!({"name": "dns", "type": "IPAMDNS_TYPE_INTERNAL_DNS",
            "internal_profile": {"dns_service_domain": [{"domain_name": "example.com"}]}});
        self.post("ipamdnsproviderprofile", &dns).await;
        let cloud = self.client.list("/api/cloud", &[("name", "Default-Cloud")], "admin").await.unwrap();
        let path = format!("/api/cloud/{}", cloud[0]["uuid"].as_str().unwrap());
        let refs = json!({"replace": {"ipam_provider_ref": "/api/ipamdnsproviderprofile?name=ipam",
            "dns_provider_ref": "/api/ipamdnsproviderprofile?name=dns"}});
        self.client.patch(&path, &refs, "admin").await.unwrap();
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        self.client.post(&format!("/api/{path}"), body, "admin").await.unwrap()
    }

    /// A cluster with settings, a class, a Service and its endpoints; its operator does not run yet.
    pub(crate) fn cluster(&self, name: &str) -> Cluster {
        let directory = self.root.path().join(name);
        let controller = client_config(self.controller.as_ref().unwrap());
        let source = ManifestDirectory::new(name, &directory).reading(KINDS);
        let cluster = Cluster { name: name.to_owned(), directory, source, controller, running: None, told: Vec::new() };
        cluster.configure(&[]);
        cluster.write("class.yaml", CLASS);
        cluster.write("web.yaml", &(service("web", "ClusterIP") + &slice("web", &["10.244.1.5", "10.244.1.6"])));
        cluster
    }

    /// Objects of one type that an operator made, by name.
    pub(crate) async fn objects(&self, path: &str, cluster: &str) -> Vec<Value> {
        let query = [("include_name", "true")];
        let mut objects = self.client.list(&format!("/api/{path}"), &query, "*").await.unwrap();
        objects.retain(|object| object["name"].as_str().unwrap().starts_with(&format!("{cluster}--")));
        objects.sort_by_key(|object| object["name"].as_str().unwrap().to_owned());
        objects
    }

    /// `type name` of everything that an operator made, with the moment of its last change.
    pub(crate) async fn everything(&self, cluster: &str) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for path in TYPES {
            for object in self.objects(path, cluster).await {
                let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
                all.push((format!("{path} {}", text("name")), text("_last_modified")));
            }
        }
        all
    }

    /// Tenants of everything that an operator made.
    pub(crate) async fn tenants(&self, cluster: &str) -> Vec<String> {
        let mut tenants = std::collections::BTreeSet::new();
        for path in TYPES {
            for object in self.objects(path, cluster).await {
                tenants.insert(object["tenant_ref"].as_str().unwrap().rsplit_once('#').unwrap().1.to_owned());
            }
        }
        tenants.into_iter().collect()
    }

    /// Waits until nothing of an operator is left.
    pub(crate) async fn nothing_left(&self, cluster: &str) {
        let poll = async {
            while !self.everything(cluster).await.is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await; // bounded: polls a condition
            }
        };
        if tokio::time::timeout(WITHIN, poll).await.is_err() {
            panic!("left on the controller: {:#?}", self.everything(cluster).await);
        }
    }

    /// The operator's Secret, with this password.
    pub(crate) fn avi_secret(&self, password: &str) -> String {
        let authority = fs::read_to_string(self.controller.as_ref().unwrap().ca_path()).unwrap();
        let authority = indented(&authority);
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: avi-secret\n  namespace: avi-system\nstringData:\n  \
             username: admin\n  password: {password}\n  certificateAuthorityData: |\n{authority}"
        )
    }

    /// Waits until the VRF has these routes, `prefix next-hop`.
    pub(crate) async fn until_routes(&self, expected: &[&str]) {
        let routes = async || -> Vec<String> {
            let vrf = self.client.list("/api/vrfcontext", &[("name", "global")], "admin").await.unwrap().remove(0);
            let routes = vrf["static_routes"].as_array().cloned().unwrap_or_default();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let routes = routes.iter().map(|route| {
                let (prefix, mask) = (text(&route["prefix"]["ip_addr"]["addr"]), &route["prefix"]["mask"]);
                format!("{prefix}/{mask} {}", text(&route["next_hop"]["addr"]))
            });
            routes.collect()
        };
        let poll = async {
            while routes().await != expected {
                tokio::time::sleep(Duration::from_millis(20)).await; // bounded: polls a condition
            }
        };
        if tokio::time::timeout(WITHIN, poll).await.is_err() {
            panic!("{:#?}", routes().await);
        }
    }

    pub(crate) async fn stop_controller(&mut self) {
        self.controller.take().unwrap().shutdown().await;
    }

    /// Ends it at once, whatever it is at.
    pub(crate) fn kill_controller(&mut self) {
        drop(self.controller.take().unwrap());
    }

    /// Starts it again, at the address that it had.
    pub(crate) async fn start_controller(&mut self, url: &str) {
        let address = url.strip_prefix("https://").unwrap().trim_end_matches('/').to_owned();
        // What was cut off may hold store and port a moment longer.
        let poll = async {
            loop {
                match try_start_controller(self.root.path(), &address).await {
                    Ok(controller) => return controller,
                    Err(error) => drop(error),
                }
                tokio::time::sleep(Duration::from_millis(20)).await; // bounded: polls a condition
            }
        };
        self.controller = Some(tokio::time::timeout(WITHIN, poll).await.unwrap());
    }

    pub(crate) fn url(&self) -> String {
        self.controller.as_ref().unwrap().url().to_owned()
    }
}

async fn start_controller(root: &Path, address: &str) -> Controller {
    try_start_controller(root, address).await.unwrap()
}

async fn try_start_controller(root: &Path, address: &str) -> anyhow::Result<Controller> {
    let mut config = ControllerConfig::new(root.join("controller"));
    config.listen = Listen::At(address.parse().unwrap());
    config.admin_password = Some(PASSWORD.into());
    controller::start(config).await
}

fn client_config(controller: &Controller) -> Config {
    let mut config =
        Config::new(controller.url(), "admin", PASSWORD, Verification::CaFile(controller.ca_path().to_owned()));
    config.api_version = "30.2.1".to_owned();
    config
}

impl Cluster {
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(&self.directory).unwrap();
        fs::write(self.directory.join(name), text).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.directory.join(name)).unwrap();
    }

    /// Takes the directory away.
    pub(crate) fn take_away(&self) {
        fs::rename(&self.directory, self.directory.with_extension("away")).unwrap();
    }

    pub(crate) fn bring_back(&self) {
        fs::rename(self.directory.with_extension("away"), &self.directory).unwrap();
    }

    /// Settings beside the usual ones, which they win over.
    pub(crate) fn configure(&self, change: &[(&str, &str)]) {
        let mut values = vec![
            ("clusterName", self.name.as_str()),
            ("enableEVH", "true"),
            ("disableStaticRouteSync", "true"),
            ("vipNetworkList", r#"[{"networkName":"front","cidr":"10.10.25.0/24"}]"#),
        ];
        values.retain(|(key, _)| change.iter().all(|(changed, _)| changed != key));
        values.extend_from_slice(change);
        let values: String = values.iter().map(|(key, value)| format!("  {key}: '{value}'\n")).collect();
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: avi-k8s-config\n  namespace: avi-system\ndata:\n{values}"
        );
        self.write("config.yaml", &text);
    }

    /// Starts the operator, or another one after [`stop`](Self::stop).
    pub(crate) fn start(&mut self) {
        self.start_with(Some(self.controller.clone()));
    }

    /// With a controller that ConfigMap and Secret have to name.
    pub(crate) fn start_by_secret(&mut self) {
        self.start_with(None);
    }

    fn start_with(&mut self, controller: Option<Config>) {
        let (sender, events) = mpsc::channel(EVENTS_WAITING_MAX);
        let source = Arc::new(self.source.clone()) as Arc<dyn Source>;
        let namespace = "avi-system".to_owned();
        let config = AkoConfig { source, namespace, controller, tls: None, events: Some(sender), log_level: None };
        self.running = Some((start(config), events));
    }

    pub(crate) async fn stop(&mut self) {
        let (ako, _) = self.running.take().unwrap();
        ako.shutdown().await;
    }

    /// Ends it at once, whatever it is at.
    pub(crate) fn kill(&mut self) {
        drop(self.running.take().unwrap());
    }

    pub(crate) fn ako(&self) -> &Ako {
        &self.running.as_ref().unwrap().0
    }

    /// Waits until its progress is as expected.
    pub(crate) async fn until(&mut self, what: &str, holds: impl FnMut(&Progress) -> bool) {
        let mut progress = self.ako().progress();
        let result = tokio::time::timeout(WITHIN, progress.wait_for(holds)).await.map(|progress| progress.is_ok());
        if result != Ok(true) {
            self.collect();
            panic!("{what}: {:#?}, told {:#?}", self.ako().progress().borrow(), self.told);
        }
    }

    /// Waits until there were so many writes.
    pub(crate) async fn until_writes(&mut self, writes: u64) {
        let poll = async {
            while self.ako().writes().0 < writes {
                tokio::time::sleep(Duration::from_millis(5)).await; // bounded: polls a condition
            }
        };
        let result = tokio::time::timeout(WITHIN, poll).await;
        assert!(result.is_ok(), "{:?}", self.ako().writes());
    }

    pub(crate) async fn synced(&mut self) {
        self.until("in sync", |progress| progress.is_synced).await;
    }

    /// Waits for an event with this text.
    pub(crate) async fn told(&mut self, part: &str) {
        let (_, events) = self.running.as_mut().unwrap();
        let wait = async {
            while let Some(event) = events.recv().await {
                let text = event.to_string();
                let found = text.contains(part);
                self.told.push(text);
                if found {
                    return;
                }
            }
        };
        if tokio::time::timeout(WITHIN, wait).await.is_err() {
            panic!("not told: {part}; but {:#?}", self.told);
        }
    }

    /// Takes over what was told meanwhile.
    pub(crate) fn collect(&mut self) {
        let (_, events) = self.running.as_mut().unwrap();
        while let Ok(event) = events.try_recv() {
            self.told.push(event.to_string());
        }
    }

    /// What is written back to an object at present.
    pub(crate) fn written_back(&self, kind: &str, name: &str) -> Value {
        let path = self.directory.join(format!(".status/{kind}/default/{name}.json"));
        fs::read(path).map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).unwrap())
    }

    /// Waits until what is written back to an object is as expected.
    pub(crate) async fn until_written_back(&self, kind: &str, name: &str, holds: impl Fn(&Value) -> bool) {
        let poll = async {
            while !holds(&self.written_back(kind, name)) {
                tokio::time::sleep(Duration::from_millis(5)).await; // bounded: polls a condition
            }
        };
        if tokio::time::timeout(WITHIN, poll).await.is_err() {
            panic!("{kind} {name}: {:#}", self.written_back(kind, name));
        }
    }
}

const CLASS: &str = "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata:\n  name: avi-lb\n  annotations:\n    \
     ingressclass.kubernetes.io/is-default-class: 'true'\nspec:\n  controller: ako.vmware.com/avi-lb\n";

pub(crate) fn service(name: &str, kind: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\n  namespace: default\nspec:\n  type: {kind}\n  ports:\n    \
         - name: http\n      port: 80\n      targetPort: 8080\n      protocol: TCP\n---\n"
    )
}

pub(crate) fn slice(service: &str, pods: &[&str]) -> String {
    let pods: String =
        pods.iter().map(|pod| format!("  - addresses: ['{pod}']\n    conditions:\n      ready: true\n")).collect();
    format!(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: {service}-1\n  namespace: default\n  \
         labels:\n    kubernetes.io/service-name: {service}\naddressType: IPv4\nports:\n  - name: http\n    port: 8080\n    \
         protocol: TCP\nendpoints:\n{pods}"
    )
}

/// An Ingress with `/path=service` rules for one host, maybe with a TLS secret.
pub(crate) fn ingress(name: &str, host: &str, paths: &[(&str, &str)], secret: Option<&str>) -> String {
    let tls =
        secret.map_or(String::new(), |secret| format!("  tls:\n    - hosts: ['{host}']\n      secretName: {secret}\n"));
    let paths: String = paths
        .iter()
        .map(|(path, service)| {
            format!(
                "          - path: {path}\n            pathType: Prefix\n            backend:\n              service:\n                \
                 name: {service}\n                port:\n                  number: 80\n"
            )
        })
        .collect();
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: {name}\n  namespace: default\nspec:\n{tls}  rules:\n    \
         - host: {host}\n      http:\n        paths:\n{paths}"
    )
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

/// A certificate for a host, and its key, as PEM.
pub(crate) fn certificate(host: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

/// A TLS secret.
pub(crate) fn secret(name: &str, (certificate, key): &(String, String)) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n  namespace: default\ntype: kubernetes.io/tls\nstringData:\n  \
         tls.crt: |\n{}  tls.key: |\n{}",
        indented(certificate),
        indented(key)
    )
}
