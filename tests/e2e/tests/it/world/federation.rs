//! An operator in each cluster, and what makes a federation of them.

use std::fs;

use serde_json::{Value, json};

use super::{CLUSTERS, GSLB_CONFIGS, JSON, MERGE, POLICIES, World, YAML, root};

const AMKO_CLUSTERS: &str = "/apis/amko.vmware.com/v1alpha1/namespaces/avi-system/amkoclusters";
const NAME: &str = "amkocluster-federation";
const VERSION: &str = "2.2.1";
/// Part and admin port of each cluster's operator.
const OPERATORS: [(&str, &str, u16); 3] =
    [("s1az1", "amko-s1az1", 9451), ("s1az2", "amko-s1az2", 9452), ("s2", "amko-s2", 9453)];

impl World {
    /// Definitions, credentials and the `AMKOCluster` of each cluster; one leads, or is the first to try.
    pub(crate) fn federate(&self, leader: &str, elects: bool) {
        let contexts: Vec<&str> = CLUSTERS.iter().map(|(name, ..)| *name).collect();
        for (cluster, ..) in CLUSTERS {
            self.prepare_member(cluster);
            self.wait(&format!("AMKOCluster to be served in {cluster}"), || {
                self.ask(cluster, "GET", AMKO_CLUSTERS, JSON, "").0 == 200
            });
            let mut object = json!({
                "apiVersion": "amko.vmware.com/v1alpha1", "kind": "AMKOCluster", "metadata": {"name": NAME},
                "spec": {
                    "clusterContext": cluster, "clusters": contexts, "isLeader": cluster == leader, "version": VERSION
                }
            });
            if elects {
                object["spec"]["leaderElection"] = true.into();
            }
            self.make(cluster, AMKO_CLUSTERS, &object);
        }
    }

    /// What a cluster has before its operator is installed.
    fn prepare_member(&self, cluster: &str) {
        for kind in ["globaldeploymentpolicies", "gslbconfigs", "gslbhostrules", "amkoclusters"] {
            let text = fs::read_to_string(root().join(format!("deploy/crds/amko.vmware.com_{kind}.yaml"))).unwrap();
            let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
            let (status, answer) = self.ask(cluster, "POST", path, YAML, &text);
            assert!([201, 409].contains(&status), "{answer}");
        }
        self.make_namespace(cluster);
        let authority = fs::read_to_string(self.path("controller/ca.pem")).unwrap();
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "gslb-avi-secret"},
            "stringData": {"username": "admin", "password": self.password(), "certificateAuthorityData": authority}
        });
        let (status, answer) =
            self.ask(cluster, "POST", "/api/v1/namespaces/avi-system/secrets", JSON, &secret.to_string());
        assert!([201, 409].contains(&status), "{answer}");
        for path in [GSLB_CONFIGS, POLICIES] {
            self.wait(&format!("{path} to be served in {cluster}"), || {
                self.ask(cluster, "GET", path, JSON, "").0 == 200
            });
        }
    }

    /// Starts the operator of a cluster.
    pub(crate) fn start_operator(&mut self, cluster: &str) {
        let (_, part, port) = operator(cluster);
        let members = self.path("kube/members.kubeconfig");
        let admin = format!("127.0.0.1:{port}");
        let args = ["--kubeconfig", &members, "--members-kubeconfig", &members, "--leader-context", cluster];
        self.spawn(part, &[&args[..], &["--federation", "--admin-listen", &admin]].concat());
    }

    /// Ends it as a power failure does.
    pub(crate) fn kill_operator(&mut self, cluster: &str) {
        self.kill(operator(cluster).1);
    }

    /// Ends it in good order.
    pub(crate) fn stop_operator(&mut self, cluster: &str) {
        self.stop(operator(cluster).1);
    }

    /// Whether an operator says that it is ready: it leads and has written all, or it follows somebody.
    pub(crate) fn is_operator_ready(&self, cluster: &str) -> bool {
        self.admin(operator(cluster).2, "readyz") == "ok\n"
    }

    /// `type / status / reason` of each condition.
    pub(crate) fn conditions(&self, cluster: &str) -> Vec<String> {
        let conditions = self.amko_cluster(cluster)["status"]["conditions"].clone();
        let text = |condition: &Value, key: &str| condition[key].as_str().unwrap_or_default().to_owned();
        let conditions = conditions.as_array().cloned().unwrap_or_default();
        conditions
            .iter()
            .map(|c| format!("{} / {} / {}", text(c, "type"), text(c, "status"), text(c, "reason")))
            .collect()
    }

    /// Who leads, as a cluster shows it: context and term.
    pub(crate) fn leader_shown(&self, cluster: &str) -> (String, u64) {
        let leader = &self.amko_cluster(cluster)["status"]["leader"];
        (leader["clusterContext"].as_str().unwrap_or_default().to_owned(), leader["term"].as_u64().unwrap_or(0))
    }

    /// Merges into the spec of a cluster's `AMKOCluster`.
    pub(crate) fn set_part(&self, cluster: &str, spec: &Value) {
        let patch = json!({"spec": spec}).to_string();
        self.kube(cluster, "PATCH", &format!("{AMKO_CLUSTERS}/{NAME}"), MERGE, &patch);
    }

    /// The part of a cluster; null when there is none, or no answer.
    pub(crate) fn amko_cluster(&self, cluster: &str) -> Value {
        self.seen(cluster, &format!("{AMKO_CLUSTERS}/{NAME}"))
    }

    /// An object, for those who ask again: null when there is none, or an API server too busy to answer.
    pub(crate) fn seen(&self, cluster: &str, path: &str) -> Value {
        let (status, text) = self.ask(cluster, "GET", path, JSON, "");
        if status == 200 { serde_json::from_str(&text).unwrap_or(Value::Null) } else { Value::Null }
    }

    /// Whether an API server says that there is no such object.
    pub(crate) fn is_gone(&self, cluster: &str, path: &str) -> bool {
        self.ask(cluster, "GET", path, JSON, "").0 == 404
    }

    pub(crate) fn remove_part(&self, cluster: &str) {
        self.remove(cluster, &format!("{AMKO_CLUSTERS}/{NAME}"));
    }

    pub(crate) fn add_part(&self, cluster: &str, spec: &Value) {
        let object = json!({
            "apiVersion": "amko.vmware.com/v1alpha1", "kind": "AMKOCluster", "metadata": {"name": NAME}, "spec": spec
        });
        self.make(cluster, AMKO_CLUSTERS, &object);
    }
}

fn operator(cluster: &str) -> (&'static str, &'static str, u16) {
    *OPERATORS.iter().find(|(name, ..)| *name == cluster).unwrap()
}
