//! Clusters with living pods, and an AKO in each: nothing is written by hand that a cluster or an operator writes.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::clients::Client;
use super::clusters::StandIn;
use super::turn::Turn;
use super::{CLUSTERS, DNS, JSON, World, has_line, root};

/// The port that pods listen on.
const POD_PORT: &str = "8080";
/// Types of what AKO makes for Ingresses.
const KINDS: [&str; 6] = ["vsvip", "virtualservice", "pool", "poolgroup", "httppolicyset", "sslkeyandcertificate"];
const DOMAIN: &str = "avi.iberia.local";

/// What is the cluster's own: its place in the addresses, its operator and that one's admin port.
const SITES: [(&str, u8, u8, &str, u16); 3] =
    [("s1az1", 34, 25, "ako-s1az1", 9451), ("s1az2", 35, 26, "ako-s1az2", 9452), ("s2", 36, 23, "ako-s2", 9453)];

/// A world whose pods live.
pub(crate) struct Pages {
    pub(crate) world: World,
    _pods: StandIn,
}

impl World {
    /// Three clusters with controllers, nodes, and an AKO in each; a controller whose addresses come from its networks.
    /// No application yet, and no AMKO. `None`, with the reason printed, where that is not possible.
    pub(crate) fn start_with_pods() -> Option<Pages> {
        Self::start_pages(&["--controller-manager", "--kwok"])
    }

    /// The same without controllers and nodes: endpoints are what a test writes.
    pub(crate) fn start_with_manual_pods() -> Option<Pages> {
        Self::start_pages(&[])
    }

    fn start_pages(with: &[&str]) -> Option<Pages> {
        let mut world = Self::begin(Turn::take(), with)?;
        let mut python = world.enter("python3");
        python.arg(root().join("tests/e2e/scripts/pods.py")).arg(POD_PORT);
        let mut pods = python.stdout(Stdio::piped()).spawn().unwrap();
        assert!(has_line(&mut pods, "ready"), "no pods at port {POD_PORT}");
        let pods = StandIn::of(pods);
        world.start_controller();
        world.set_up_networks();
        world.set_up_gslb();
        world.join_engine();
        world.start_engine();
        for (cluster, ..) in CLUSTERS {
            world.prepare_for_ako(cluster);
        }
        for (cluster, ..) in CLUSTERS {
            world.start_ako(cluster);
        }
        Some(Pages { world, _pods: pods })
    }

    /// A network per cluster, and the profiles of the cloud, as story 1.2 and 1.3 have them.
    fn set_up_networks(&self) {
        let usable: Vec<Value> = SITES
            .iter()
            .map(|(cluster, _, third, ..)| {
                let prefix = json!({"ip_addr": {"addr": format!("10.10.{third}.0"), "type": "V4"}, "mask": 24});
                let range = json!({"range": {
                    "begin": {"addr": format!("10.10.{third}.40"), "type": "V4"},
                    "end": {"addr": format!("10.10.{third}.59"), "type": "V4"},
                }, "type": "STATIC_IPS_FOR_VIP"});
                let subnet = json!({"prefix": prefix, "static_ip_ranges": [range]});
                let network = json!({"name": format!("vip-{cluster}"), "configured_subnets": [subnet]});
                json!({"nw_ref": self.create("network", &network)["url"]})
            })
            .collect();
        let ipam = json!({
            "name": "ipam", "type": "IPAMDNS_TYPE_INTERNAL", "internal_profile": {"usable_networks": usable}
        });
        let domain = json!({"domain_name": DOMAIN, "pass_through": true});
        let dns = json!({
            "name": "dns", "type": "IPAMDNS_TYPE_INTERNAL_DNS", "internal_profile": {"dns_service_domain": [domain]}
        });
        let refs = [("ipam_provider_ref", ipam), ("dns_provider_ref", dns)];
        let refs: serde_json::Map<String, Value> = refs
            .into_iter()
            .map(|(field, profile)| (field.to_owned(), self.create("ipamdnsproviderprofile", &profile)["url"].clone()))
            .collect();
        let cloud = self.held("cloud")["Default-Cloud"]["uuid"].as_str().unwrap().to_owned();
        self.tune("cloud", &cloud, &Value::Object(refs));
    }

    /// A node with addresses for pods, and what the chart of AKO puts into a cluster.
    fn prepare_for_ako(&self, cluster: &str) {
        let (_, second, third, ..) = site(cluster);
        self.make_namespace(cluster);
        let node = json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": "node-1", "annotations": {"kwok.x-k8s.io/node": "fake"}},
            "spec": {"podCIDR": format!("10.{second}.1.0/24")}
        });
        self.kube(cluster, "POST", "/api/v1/nodes", JSON, &node.to_string());
        let authority = std::fs::read_to_string(self.path("controller/ca.pem")).unwrap();
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "avi-secret"},
            "stringData": {"username": "admin", "password": self.password(), "certificateAuthorityData": authority}
        });
        self.kube(cluster, "POST", "/api/v1/namespaces/avi-system/secrets", JSON, &secret.to_string());
        let class = json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "avi-lb"},
            "spec": {"controller": "ako.vmware.com/avi-lb"}
        });
        self.kube(cluster, "POST", "/apis/networking.k8s.io/v1/ingressclasses", JSON, &class.to_string());
        let networks = json!([{"networkName": format!("vip-{cluster}"), "cidr": format!("10.10.{third}.0/24")}]);
        let config = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "avi-k8s-config"},
            "data": {
                "controllerIP": super::CONTROLLER, "controllerVersion": "30.2.1", "cloudName": "Default-Cloud",
                "clusterName": cluster, "enableEVH": "true", "vipNetworkList": networks.to_string(),
                "defaultDomain": DOMAIN, "shardVSSize": "SMALL", "serviceType": "ClusterIP", "cniPlugin": "calico",
                "logLevel": "INFO", "deleteConfig": "false", "serviceEngineGroupName": "Default-Group",
                "disableStaticRouteSync": "true"
            }
        });
        self.kube(cluster, "POST", "/api/v1/namespaces/avi-system/configmaps", JSON, &config.to_string());
    }

    pub(crate) fn start_ako(&mut self, cluster: &str) {
        let (_, _, _, part, port) = site(cluster);
        let kubeconfig = self.path(&format!("kube/{cluster}.kubeconfig"));
        let admin = format!("127.0.0.1:{port}");
        self.spawn(part, &["--kubeconfig", &kubeconfig, "--admin-listen", &admin]);
    }

    /// Waits until the operator of a cluster says that the controller holds what it should.
    pub(crate) fn wait_until_ako_synced(&self, cluster: &str) {
        self.wait_ready(site(cluster).4);
    }

    /// What the operator of a cluster counts.
    pub(crate) fn ako_metrics(&self, cluster: &str) -> String {
        self.admin(site(cluster).4, "metrics")
    }

    /// Edits Ingresses of a cluster until its input ends, or so many edits are done.
    pub(crate) fn client_sites(&self, cluster: &str, seed: u64, sites: u32, per_second: u32, edits_max: u32) -> Client {
        let (authority, tokens) = (self.path(&format!("kube/{cluster}/apiserver.crt")), self.path("kube/tokens.csv"));
        let address = CLUSTERS.into_iter().find(|(name, ..)| *name == cluster).unwrap().1;
        let numbers = [seed.to_string(), sites.to_string(), per_second.to_string(), edits_max.to_string()];
        let mut args = vec![authority.as_str(), &tokens, address];
        args.extend(numbers.iter().map(String::as_str));
        self.client("sites", &args)
    }

    /// Holds so many WebSockets, and as many downloads, open through an address.
    pub(crate) fn client_hold(&self, address: &str, host: &str, count: u32) -> Client {
        self.client("hold", &[address, host, &count.to_string()])
    }

    /// The Secret that the Ingresses of [`World::client_sites`] name.
    pub(crate) fn make_sites_secret(&self, cluster: &str) {
        let (certificate, key) = self.certificate("sites", "sites.avi.iberia.local");
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "sites"}, "type": "kubernetes.io/tls",
            "stringData": {"tls.crt": certificate, "tls.key": key}
        });
        self.make(cluster, "/api/v1/namespaces/default/secrets", &secret);
    }

    /// A Service with one pod, and an Ingress for it.
    pub(crate) fn make_site(&self, cluster: &str, name: &str, host: &str, pod: &str) {
        let service = json!({"metadata": {"name": name}, "spec": {"ports": [{"name": "http", "port": 80}]}});
        self.make(cluster, "/api/v1/namespaces/default/services", &service);
        let slice = json!({
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}}, "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
            "endpoints": [{"addresses": [pod], "conditions": {"ready": true}}]
        });
        self.make(cluster, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", &slice);
        self.make(cluster, super::INGRESSES, &ingress(name, host, &["/"]));
    }

    /// A Deployment with so many pods, its Service and an Ingress for `host`.
    pub(crate) fn deploy(&self, cluster: &str, name: &str, host: &str, replicas: u32) {
        let labels = json!({"run": name});
        let container = json!({"name": name, "image": name, "ports": [{"containerPort": 8080}]});
        let pod = json!({"metadata": {"labels": labels}, "spec": {"nodeName": "node-1", "containers": [container]}});
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod}
        });
        self.make(cluster, "/apis/apps/v1/namespaces/default/deployments", &deployment);
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
        });
        self.make(cluster, "/api/v1/namespaces/default/services", &service);
        self.make(cluster, super::INGRESSES, &ingress(name, host, &["/"]));
    }

    /// What `kubectl scale` does.
    pub(crate) fn scale(&self, cluster: &str, name: &str, replicas: u32) {
        let path = format!("/apis/apps/v1/namespaces/default/deployments/{name}/scale");
        self.merge(cluster, &path, &json!({"spec": {"replicas": replicas}}));
    }

    /// The address and host name in the status of an Ingress; empty as long as there are none.
    pub(crate) fn published(&self, cluster: &str, name: &str) -> (String, String) {
        let ingress = self.object(cluster, &format!("{}/{name}", super::INGRESSES));
        let entry = &ingress["status"]["loadBalancer"]["ingress"][0];
        let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
        (text("ip"), text("hostname"))
    }

    /// Status and body of a page, asked for by name at an address; with `extra` arguments of `curl`.
    pub(crate) fn page(&self, address: &str, url: &str, extra: &[&str]) -> (u16, String) {
        let rest = url.split_once("://").unwrap().1;
        let host = rest.split('/').next().unwrap();
        let resolve = [format!("{host}:80:{address}"), format!("{host}:443:{address}")];
        let mut args = vec!["--max-time", "5", "--resolve", &resolve[0], "--resolve", &resolve[1]];
        args.extend(extra);
        self.curl(&args, url)
    }

    /// Addresses that a name is answered with, sorted; empty with NXDOMAIN.
    pub(crate) fn addresses(&self, name: &str) -> Vec<String> {
        let dig = self.enter("dig").args(["+short", "+tries=1", "+time=2", &format!("@{DNS}"), name]).output().unwrap();
        let mut found: Vec<String> = String::from_utf8(dig.stdout).unwrap().lines().map(str::to_owned).collect();
        found.sort();
        found
    }

    /// The answer's status: `NOERROR`, `NXDOMAIN`.
    pub(crate) fn answer_status(&self, name: &str) -> String {
        self.status_at(DNS, name)
    }

    /// What AKO of a cluster holds on the controller: type and name, sorted.
    pub(crate) fn held_by(&self, cluster: &str) -> Vec<String> {
        let mut found = Vec::new();
        for kind in KINDS {
            // A VsVip does not say who made it (ako 2.3).
            let whose = if kind == "vsvip" {
                format!("name.contains={cluster}--")
            } else {
                format!("created_by=ako-{cluster}")
            };
            let (status, body) = self.rest("GET", &format!("/api/{kind}?page_size=1000&{whose}"), None);
            assert_eq!(status, 200, "{body}");
            let objects = body["results"].as_array().unwrap().iter();
            found.extend(objects.map(|object| format!("{kind} {}", object["name"].as_str().unwrap())));
        }
        found.sort();
        found
    }

    /// Addresses of the pods of a Deployment.
    pub(crate) fn pods(&self, cluster: &str, name: &str) -> Vec<String> {
        let list = self.object(cluster, &format!("/api/v1/namespaces/default/pods?labelSelector=run%3D{name}"));
        let pods = list["items"].as_array().unwrap().iter();
        pods.filter_map(|pod| pod["status"]["podIP"].as_str()).map(str::to_owned).collect()
    }

    /// SHA-256 of the certificate that a server shows to who asks for `host`; empty where it shows none.
    pub(crate) fn shown_certificate(&self, address: &str, host: &str) -> String {
        let script = "openssl s_client -connect $0:443 -servername $1 </dev/null 2>/dev/null \
            | openssl x509 -noout -fingerprint -sha256 2>/dev/null";
        let shown = self.enter("sh").args(["-c", script, address, host]).output().unwrap();
        String::from_utf8(shown.stdout).unwrap()
    }

    /// The same of a certificate that [`World::certificate`] made.
    pub(crate) fn fingerprint(&self, file: &str) -> String {
        let path = self.path(&format!("{file}.crt"));
        let shown = Command::new("openssl").args(["x509", "-noout", "-fingerprint", "-sha256", "-in", &path]).output();
        String::from_utf8(shown.unwrap().stdout).unwrap()
    }

    /// All that AKO of a cluster has made, by type and name, as [`World::made_by_operator`] shows it.
    pub(crate) fn made_by_ako(&self, cluster: &str) -> BTreeMap<String, Value> {
        let names = self.held_by(cluster);
        let mut made = self.made(&KINDS);
        made.retain(|key, _| names.contains(&key.replace('"', "")));
        made
    }

    /// Starts a controller, an engine and an AKO that know nothing, in place of those that run; waits until they have made
    /// everything.
    pub(crate) fn start_over_with_ako(&mut self, cluster: &str) {
        for (_, _, _, part, _) in SITES {
            self.stop(part);
        }
        for part in ["engine", "controller"] {
            self.stop(part);
        }
        self.forget_controller();
        self.start_controller();
        self.set_up_networks();
        self.set_up_gslb();
        self.join_engine();
        self.start_engine();
        let authority = std::fs::read_to_string(self.path("controller/ca.pem")).unwrap();
        let secret = json!({"stringData": {"password": self.password(), "certificateAuthorityData": authority}});
        self.merge(cluster, "/api/v1/namespaces/avi-system/secrets/avi-secret", &secret);
        self.start_ako(cluster);
        self.wait_until_ako_synced(cluster);
    }

    /// A self-signed certificate for `host` by `openssl`, X.509 version 1 as the story's commands make it, and its key.
    pub(crate) fn certificate(&self, file: &str, host: &str) -> (String, String) {
        let path = |end: &str| self.path(&format!("{file}.{end}"));
        let run = |args: &[&str]| {
            let made = Command::new("openssl").args(args).stderr(Stdio::null()).status().unwrap();
            assert!(made.success(), "openssl {args:?}");
        };
        let (key, request, certificate) = (path("key"), path("csr"), path("crt"));
        run(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", &key]);
        run(&["req", "-new", "-key", &key, "-subj", &format!("/CN={host}"), "-out", &request]);
        run(&["x509", "-req", "-in", &request, "-signkey", &key, "-days", "30", "-out", &certificate]);
        (std::fs::read_to_string(certificate).unwrap(), std::fs::read_to_string(key).unwrap())
    }
}

/// An Ingress of `host` that AMKO selects, with these paths to the Service of its name.
pub(crate) fn ingress(name: &str, host: &str, paths: &[&str]) -> Value {
    let backend = json!({"service": {"name": name, "port": {"number": 80}}});
    let paths: Vec<Value> =
        paths.iter().map(|path| json!({"path": path, "pathType": "Prefix", "backend": backend})).collect();
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": name, "labels": {"app": "gslb"}},
        "spec": {"ingressClassName": "avi-lb", "rules": [{"host": host, "http": {"paths": paths}}]}
    })
}

fn site(cluster: &str) -> (&'static str, u8, u8, &'static str, u16) {
    SITES.into_iter().find(|(name, ..)| *name == cluster).unwrap()
}
