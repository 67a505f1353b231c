//! Service discovery in one of the clusters, with the rights that it needs and no others (amko 10, 11.3).

use std::fs::{self, File};
use std::process::Stdio;

use serde_json::{Value, json};

use super::{JSON, Turn, World, YAML};
use crate::demo::binary;
use crate::first_ingress::root;

const OWN: &str = "s1az1";
const AKO: &str = "/apis/ako.vmware.com/v1alpha1/namespaces";
/// Service that is imported, in each of the other clusters.
const SHOP: &str = "/api/v1/namespaces/default/services/shop";

impl World {
    /// Three clusters alone: kinds, ClusterSet and its Secret in the first; a NodePort Service and two nodes in the others.
    pub(crate) fn start_with_cluster_set() -> Option<Self> {
        let world = Self::begin(Turn::take(), &[])?;
        world.make_namespace(OWN);
        for plural in ["multiclusteringresses", "serviceimports", "clustersets"] {
            let text = fs::read_to_string(root().join(format!("deploy/crds/ako.vmware.com_{plural}.yaml"))).unwrap();
            world.kube(OWN, "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", YAML, &text);
            let path = format!("{AKO}/default/{plural}");
            world.wait(&format!("{plural} to be served"), || world.ask(OWN, "GET", &path, JSON, "").0 == 200);
        }
        world.make_account(OWN, "default", "gslb-member", &own_rules());
        for cluster in ["s1az2", "s2"] {
            let read = ["get", "list", "watch"];
            let rules = json!([{"apiGroups": [""], "resources": ["services", "nodes"], "verbs": read}]);
            world.make_account(cluster, "default", "gslb-member", &rules);
            world.make_shop(cluster);
            world.make_node(cluster, "n1", "192.0.2.1");
            world.make_node(cluster, "n2", "192.0.2.2");
        }
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "clusters-of-set"},
            "stringData": {"clusters": world.members(&["s1az2", "s2"])},
        });
        world.make(OWN, "/api/v1/namespaces/avi-system/secrets", &secret);
        let set = json!({
            "apiVersion": "ako.vmware.com/v1alpha1", "kind": "ClusterSet", "metadata": {"name": "set"},
            "spec": {"clusters": [{"context": "s1az2"}, {"context": "s2"}], "secretName": "clusters-of-set"},
        });
        world.make(OWN, &format!("{AKO}/avi-system/clustersets"), &set);
        Some(world)
    }

    pub(crate) fn start_discovery(&mut self) {
        let kubeconfig = self.path("own.kubeconfig");
        fs::write(&kubeconfig, self.members(&[OWN])).unwrap();
        let log = File::options().create(true).append(true).open(self.path("discovery.log")).unwrap();
        let mut command = self.enter(&binary());
        command.args(["service-discovery", "--kubeconfig", &kubeconfig, "--context", OWN]);
        self.parts.insert("discovery", command.stdin(Stdio::null()).stderr(log).spawn().unwrap());
    }

    /// The MultiClusterIngress `shop`, of which `port` in `cluster` is a back end beside that of the first cluster.
    pub(crate) fn put_multi_cluster_ingress(&self, cluster: &str, port: u16) {
        let backend = |cluster: &str, port: u16| {
            let service = json!({"name": "shop", "port": port, "namespace": "default"});
            json!({"path": "/", "cluster": cluster, "weight": 50, "service": service})
        };
        let spec =
            json!({"hostName": "shop.avi.iberia.local", "config": [backend("s1az2", 80), backend(cluster, port)]});
        let all = format!("{AKO}/default/multiclusteringresses");
        if self.object(OWN, &format!("{all}/shop")).is_null() {
            let ingress = json!({
                "apiVersion": "ako.vmware.com/v1alpha1", "kind": "MultiClusterIngress",
                "metadata": {"name": "shop"}, "spec": spec,
            });
            return self.make(OWN, &all, &ingress);
        }
        self.merge(OWN, &format!("{all}/shop"), &json!({"spec": spec}));
    }

    pub(crate) fn make_shop(&self, cluster: &str) {
        let shop = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop"},
            "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}], "selector": {"app": "shop"}},
        });
        self.make(cluster, "/api/v1/namespaces/default/services", &shop);
    }

    pub(crate) fn edit_shop(&self, cluster: &str, spec: &Value) {
        self.merge(cluster, SHOP, &json!({"spec": spec}));
    }

    pub(crate) fn remove_shop(&self, cluster: &str) {
        self.remove(cluster, SHOP);
    }

    pub(crate) fn make_node(&self, cluster: &str, name: &str, address: &str) {
        let node = json!({
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
            "status": {"addresses": [{"type": "InternalIP", "address": address}]},
        });
        self.make(cluster, "/api/v1/nodes", &node);
    }

    pub(crate) fn remove_node(&self, cluster: &str, name: &str) {
        self.remove(cluster, &format!("/api/v1/nodes/{name}"));
    }

    /// Imports there are: `s2--default--shop 80=192.0.2.1:30080,192.0.2.2:30080`.
    pub(crate) fn imports(&self) -> Vec<String> {
        let list = self.object(OWN, &format!("{AKO}/avi-system/serviceimports"));
        let imports = list["items"].as_array().into_iter().flatten().map(|import| {
            let ports = import["spec"]["svcPorts"].as_array().into_iter().flatten().map(|port| {
                let endpoints = port["endpoints"].as_array().into_iter().flatten();
                let endpoints = endpoints.map(|it| format!("{}:{}", it["ip"].as_str().unwrap(), it["port"]));
                format!(" {}={}", port["port"], endpoints.collect::<Vec<_>>().join(","))
            });
            format!("{}{}", import["metadata"]["name"].as_str().unwrap(), ports.collect::<String>())
        });
        imports.collect()
    }

    #[track_caller]
    pub(crate) fn wait_for_imports(&self, expected: &[&str]) {
        self.wait(&format!("{expected:#?}"), || self.imports() == expected);
    }
}

/// The rights that the chart of the operator gives for it.
fn own_rules() -> Value {
    let chart = fs::read_to_string(root().join("charts/amko/templates/rbac-service-discovery.yaml")).unwrap();
    // Only names of namespaces are for Helm to fill in.
    let plain: Vec<&str> = chart.lines().filter(|line| !line.contains("{{")).collect();
    let objects: Vec<Value> = serde_saphyr::from_multiple(&plain.join("\n")).unwrap();
    objects.iter().filter_map(|object| object["rules"].as_array()).flatten().cloned().collect()
}
