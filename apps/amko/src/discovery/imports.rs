//! MultiClusterIngresses, Services and nodes to ServiceImports (amko 10.3, 10.4).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use k8s_crds::{
    ImportedEndpoint, ImportedPort, MultiClusterIngress, MultiClusterIngressSpec, Object, ServiceImportSpec,
};
use k8s_openapi::api::core::v1::{Node, Service};

/// What one cluster of the set last said.
#[derive(Debug, Default)]
pub(super) struct Exporter {
    /// Whether it has told its whole state at least once.
    pub(super) has_answered: bool,
    /// Whether besides all of it can be read at present.
    pub(super) is_settled: bool,
    /// By namespace and name.
    pub(super) services: BTreeMap<(String, String), Service>,
    pub(super) nodes: BTreeMap<String, Node>,
}

/// Why a MultiClusterIngress counts for nothing (amko 10.3).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Invalid {
    #[error("spec.hostname can't be empty")]
    Host,
    #[error("spec.config.clusterContext can't be empty")]
    Context,
    #[error("cluster context {0} is invalid and not part of clusterset")]
    UnknownContext(String),
    #[error("service name can't be empty")]
    Service,
    #[error("service namespace can't be empty")]
    Namespace,
}

/// A Service that is imported: cluster, namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wanted {
    pub(super) cluster: String,
    pub(super) namespace: String,
    pub(super) service: String,
}

/// Imports by name, and what is wrong with MultiClusterIngresses, by namespace and name.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Imports {
    /// What each should say. Of clusters that are not settled there are none.
    pub(super) specs: BTreeMap<String, ServiceImportSpec>,
    pub(super) invalid: BTreeMap<String, Invalid>,
}

/// What should be imported.
pub(super) fn imports<'a>(
    ingresses: impl Iterator<Item = &'a MultiClusterIngress>,
    clusters: &BTreeMap<String, Exporter>,
) -> Imports {
    let mut imports = Imports::default();
    let mut wanted: BTreeMap<Wanted, BTreeSet<i64>> = BTreeMap::new();
    for ingress in ingresses {
        if let Err(error) = validate(&ingress.spec, clusters) {
            let namespace = ingress.metadata.namespace.as_deref().unwrap_or("default");
            let name = format!("{namespace}/{}", ingress.metadata.name.as_deref().unwrap_or_default());
            imports.invalid.insert(name, error);
            continue;
        }
        for backend in &ingress.spec.config {
            let (cluster, service) = (backend.cluster.clone(), &backend.service);
            let key = Wanted { cluster, namespace: service.namespace.clone(), service: service.name.clone() };
            wanted.entry(key).or_default().insert(service.port);
        }
    }
    for (wanted, ports) in wanted {
        let cluster = clusters.get(&wanted.cluster).filter(|cluster| cluster.is_settled);
        if let Some(spec) = cluster.and_then(|cluster| import(&wanted, &ports, cluster)) {
            imports.specs.insert(wanted.name(), spec);
        }
    }
    imports
}

impl Wanted {
    /// `<context>--<namespace>--<service>` (amko 10.4).
    pub(super) fn name(&self) -> String {
        format!("{}--{}--{}", self.cluster, self.namespace, self.service)
    }
}

/// The first thing that is wrong.
fn validate(spec: &MultiClusterIngressSpec, clusters: &BTreeMap<String, Exporter>) -> Result<(), Invalid> {
    if spec.host_name.is_empty() {
        return Err(Invalid::Host);
    }
    for backend in &spec.config {
        if backend.cluster.is_empty() {
            return Err(Invalid::Context);
        }
        if !clusters.contains_key(&backend.cluster) {
            return Err(Invalid::UnknownContext(backend.cluster.clone()));
        }
        if backend.service.name.is_empty() {
            return Err(Invalid::Service);
        }
        if backend.service.namespace.is_empty() {
            return Err(Invalid::Namespace);
        }
    }
    Ok(())
}

/// Each port that is asked for and that nodes open, at each node; nothing where there is no such port.
fn import(wanted: &Wanted, ports: &BTreeSet<i64>, cluster: &Exporter) -> Option<ServiceImportSpec> {
    let service = cluster.services.get(&(wanted.namespace.clone(), wanted.service.clone()))?;
    let spec = service.spec.as_ref().filter(|spec| spec.type_.as_deref() == Some("NodePort"))?;
    let mut addresses: Vec<IpAddr> = cluster.nodes.values().filter_map(address).collect();
    addresses.sort_unstable();
    addresses.dedup();
    let opened = spec.ports.iter().flatten().filter(|port| ports.contains(&i64::from(port.port)));
    let svc_ports: Vec<ImportedPort> = opened
        .filter_map(|port| {
            let node_port = i64::from(port.node_port.filter(|port| *port > 0)?);
            let endpoint = |address: &IpAddr| ImportedEndpoint { ip: address.to_string(), port: node_port };
            Some(ImportedPort { port: i64::from(port.port), endpoints: addresses.iter().map(endpoint).collect() })
        })
        .collect();
    let Wanted { cluster, namespace, service } = wanted.clone();
    (!svc_ports.is_empty()).then_some(ServiceImportSpec { cluster, namespace, service, svc_ports })
}

/// Where the cluster's own traffic reaches a node.
fn address(node: &Node) -> Option<IpAddr> {
    let addresses = node.status.as_ref()?.addresses.as_ref()?;
    addresses.iter().find(|address| address.type_ == "InternalIP")?.address.parse().ok()
}

impl Exporter {
    /// Takes an object that was created or changed.
    pub(super) fn apply(&mut self, object: Object) {
        let key = object.key();
        match object {
            Object::Service(service) => {
                self.services.insert((key.namespace.unwrap_or_default(), key.name), service);
            }
            Object::Node(node) => drop(self.nodes.insert(key.name, node)),
            _ => {}
        }
    }
}
