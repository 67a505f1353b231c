//! Which processes make up the clusters, and with which arguments. Pure: ports and paths come in.

use std::path::Path;

use super::processes::Process;

/// Contexts of the published story; further clusters are called `c4`, `c5` and so on.
const NAMES: [&str; 3] = ["s1az1", "s1az2", "s2"];

/// Controllers that make workloads live: pods of deployments, endpoints of services, what a deletion leaves behind.
const CONTROLLERS: &str = "deployment-controller,replicaset-controller,endpointslice-controller,endpoints-controller,\
                           namespace-controller,garbage-collector-controller";

/// One cluster: its name and where its API server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cluster {
    pub(super) name: String,
    /// From 1; numbers its networks.
    pub(super) number: usize,
    pub(super) host: String,
    pub(super) port: u16,
}

impl Cluster {
    /// `HOST:PORT`.
    pub(super) fn server(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

/// Name of the cluster with this number, from 1.
pub(super) fn name(number: usize) -> String {
    match NAMES.get(number - 1) {
        Some(name) => (*name).to_owned(),
        None => format!("c{number}"),
    }
}

/// The one etcd that keeps the objects of all clusters, each under its own prefix.
pub(super) fn etcd(program: &Path, directory: &Path, client: u16, peer: u16, durable: bool) -> Process {
    let (client, peer) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
    let mut arguments = vec![
        format!("--data-dir={}", directory.join("etcd").display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        "--log-level=warn".to_owned(),
    ];
    if !durable {
        arguments.push("--unsafe-no-fsync".to_owned());
    }
    Process { name: "etcd".to_owned(), program: program.to_owned(), arguments, ready_at: None }
}

/// An API server that needs neither root nor certificates of ours: it makes its own.
pub(super) fn api_server(program: &Path, directory: &Path, cluster: &Cluster, etcd: u16) -> Process {
    let Cluster { name, number, host, port } = cluster;
    let key = directory.join(super::SIGNING_KEY);
    let key = key.display();
    let arguments = vec![
        format!("--etcd-servers=http://127.0.0.1:{etcd}"),
        format!("--etcd-prefix=/{name}"),
        format!("--bind-address={host}"),
        format!("--secure-port={port}"),
        format!("--advertise-address={host}"),
        format!("--cert-dir={}", super::certificates(directory, name).display()),
        format!("--service-cluster-ip-range=10.{}.0.0/16", 95 + number),
        format!("--service-account-issuer=https://{name}"),
        format!("--service-account-key-file={key}"),
        format!("--service-account-signing-key-file={key}"),
        "--authorization-mode=RBAC".to_owned(),
        format!("--token-auth-file={}", directory.join(super::TOKENS).display()),
        "--endpoint-reconciler-type=none".to_owned(),
        // No controller makes the service accounts it would wait for.
        "--disable-admission-plugins=ServiceAccount".to_owned(),
    ];
    Process { name: name.clone(), program: program.to_owned(), arguments, ready_at: Some(cluster.server()) }
}

/// The controllers of a cluster.
pub(super) fn controller_manager(program: &Path, directory: &Path, cluster: &Cluster) -> Process {
    let arguments = vec![
        format!("--kubeconfig={}", super::kubeconfig(directory, &cluster.name).display()),
        "--leader-elect=false".to_owned(),
        "--use-service-account-credentials=false".to_owned(),
        "--secure-port=0".to_owned(),
        format!("--controllers={CONTROLLERS}"),
    ];
    let name = format!("{}-controller-manager", cluster.name);
    Process { name, program: program.to_owned(), arguments, ready_at: None }
}

/// Plays the nodes of a cluster: its pods become ready without running anything.
pub(super) fn kwok(program: &Path, directory: &Path, cluster: &Cluster, stages: &Path) -> Process {
    let arguments = vec![
        format!("--kubeconfig={}", super::kubeconfig(directory, &cluster.name).display()),
        "--manage-all-nodes=true".to_owned(),
        format!("--cidr=10.{}.0.0/16", 33 + cluster.number),
        format!("--config={}", stages.display()),
    ];
    let name = format!("{}-kwok", cluster.name);
    Process { name, program: program.to_owned(), arguments, ready_at: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_clusters_are_those_of_the_story() {
        assert_eq!([1, 2, 3, 4].map(name), ["s1az1", "s1az2", "s2", "c4"]);
    }

    #[test]
    fn each_cluster_has_its_own_objects_network_and_certificate() {
        let cluster = |number| Cluster { name: name(number), number, host: "10.10.24.1".into(), port: 6443 };
        let server = |number| api_server(Path::new("k"), Path::new("/run"), &cluster(number), 2379).arguments;
        let (one, two) = (server(1), server(2));
        for wanted in ["--etcd-prefix=/s1az1", "--cert-dir=/run/s1az1", "--service-cluster-ip-range=10.96.0.0/16"] {
            assert!(one.iter().any(|argument| argument == wanted) && !two.iter().any(|argument| argument == wanted));
        }
        assert_eq!(cluster(1).server(), "10.10.24.1:6443");
    }

    #[test]
    fn etcd_waits_for_the_disk_only_where_that_is_asked() {
        let waits = |durable| {
            let process = etcd(Path::new("e"), Path::new("/run"), 1, 2, durable);
            !process.arguments.iter().any(|argument| argument == "--unsafe-no-fsync")
        };
        assert_eq!([true, false].map(waits), [true, false]);
    }
}
