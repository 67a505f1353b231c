//! An operator that runs as a pod of the leader cluster, with the rights that a chart grants and no others.

use std::fs::{self, File};
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::{CLUSTERS, GSLB_CONFIGS, JSON, World};
use crate::demo::binary;
use crate::first_ingress::root;

const NAMESPACE: &str = "avi-system";
const RBAC: &str = "rbac.authorization.k8s.io";
const LEADER: &str = "s1az1";
/// What a kubelet does: the files of the service account at their place, where this process alone sees them.
const MOUNT: &str = r#"
mount -t tmpfs none "$(readlink -f /var/run)"
mkdir -p /var/run/secrets/kubernetes.io/serviceaccount
cp "$1"/* /var/run/secrets/kubernetes.io/serviceaccount
shift
exec "$0" "$@"
"#;

impl World {
    /// Everything but the operator.
    pub(crate) fn start_without_operator() -> Option<Self> {
        Self::bring_up_to_operator(super::Turn::take())
    }

    /// A role, a service account bound to it, and the Secret with the members: what is installed before the pod.
    pub(crate) fn install_pod(&self) {
        self.make_account(LEADER, NAMESPACE, "amko-sa", &pod_rules());
        for (cluster, ..) in CLUSTERS {
            self.make_account(cluster, "default", "gslb-member", &member_rules());
        }
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "gslb-config-secret"},
            "stringData": {"gslb-members": self.members(&["s1az1", "s1az2", "s2"])}
        });
        self.make(LEADER, "/api/v1/namespaces/avi-system/secrets", &secret);
    }

    /// Puts a kubeconfig with these contexts into the Secret.
    pub(crate) fn set_members(&self, contexts: &[&str]) {
        let patch = json!({"stringData": {"gslb-members": self.members(contexts)}});
        self.merge(LEADER, "/api/v1/namespaces/avi-system/secrets/gslb-config-secret", &patch);
    }

    /// Puts a password into the Secret that the GSLBConfig names.
    pub(crate) fn set_password_in_secret(&self, password: &str) {
        let patch = json!({"stringData": {"password": password}});
        self.merge(LEADER, "/api/v1/namespaces/avi-system/secrets/gslb-avi-secret", &patch);
    }

    /// Changes the administrator's password on the controller.
    #[track_caller]
    pub(crate) fn set_password_of_controller(&self, password: &str) {
        let body = json!({"old_password": self.password(), "password": password});
        let (status, answer) = self.rest("PUT", "/api/useraccount", Some(&body));
        assert_eq!(status, 200, "{answer}");
        // Where this test reads it.
        fs::write(self.password_file(), password).unwrap();
    }

    /// Starts the operator with what a pod has, and nothing else.
    pub(crate) fn start_pod(&mut self) {
        let mounted = self.path("serviceaccount");
        fs::create_dir_all(&mounted).unwrap();
        fs::write(format!("{mounted}/token"), self.token(LEADER, NAMESPACE, "amko-sa")).unwrap();
        fs::write(format!("{mounted}/namespace"), NAMESPACE).unwrap();
        fs::copy(self.authority(LEADER), format!("{mounted}/ca.crt")).unwrap();
        let log = File::options().create(true).append(true).open(self.path("amko.log")).unwrap();
        let mut pod = self.enter("unshare");
        pod.args(["-m", "sh", "-ec", MOUNT]).arg(binary()).args([&mounted, "amko", "--leader-context", LEADER]);
        // No variable of the machine reaches it, such as one that names a kubeconfig.
        pod.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        pod.env("KUBERNETES_SERVICE_HOST", server(LEADER)).env("KUBERNETES_SERVICE_PORT", "6443");
        pod.env("POD_NAME", "amko-0").env("POD_UID", "5d2c9c4e-0000-4000-8000-000000000001");
        self.parts.insert("amko", pod.stdin(Stdio::null()).stderr(log).spawn().unwrap());
    }

    /// Waits until the status of the GSLBConfig says so.
    #[track_caller]
    pub(crate) fn wait_for_state_of_config(&self, state: &str) {
        let path = format!("{GSLB_CONFIGS}/gc-1");
        self.wait(state, || self.object(LEADER, &path)["status"]["state"] == state);
    }

    /// Waits until there is an event about the pod with this reason and message.
    #[track_caller]
    pub(crate) fn wait_for_event(&self, reason: &str, message: &str) {
        let is_it = |event: &Value| {
            event["involvedObject"]["kind"] == "Pod"
                && event["involvedObject"]["name"] == "amko-0"
                && event["reason"] == reason
                && event["message"].as_str().is_some_and(|text| text.contains(message))
        };
        self.wait(message, || {
            let events = self.object(LEADER, "/api/v1/namespaces/avi-system/events");
            events["items"].as_array().is_some_and(|events| events.iter().any(is_it))
        });
    }

    /// Waits until the operator's metrics hold a line.
    #[track_caller]
    pub(crate) fn wait_for_metric(&self, line: &str) {
        self.wait(line, || self.admin(9447, "metrics").contains(line));
    }

    pub(super) fn make_account(&self, cluster: &str, namespace: &str, name: &str, rules: &Value) {
        let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        self.make(cluster, &accounts, &json!({"metadata": {"name": name}}));
        let role = json!({"metadata": {"name": name}, "rules": rules});
        self.make(cluster, &format!("/apis/{RBAC}/v1/clusterroles"), &role);
        let binding = json!({
            "metadata": {"name": name}, "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}]
        });
        self.make(cluster, &format!("/apis/{RBAC}/v1/clusterrolebindings"), &binding);
    }

    /// A token of a service account, from its API server.
    fn token(&self, cluster: &str, namespace: &str, account: &str) -> String {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
        let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
        let (status, answer) = self.ask(cluster, "POST", &path, JSON, &request.to_string());
        assert_eq!(status, 201, "{answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["status"]["token"].as_str().unwrap().to_owned()
    }

    fn authority(&self, cluster: &str) -> String {
        self.path(&format!("kube/{cluster}/apiserver.crt"))
    }

    /// A kubeconfig that needs no other file.
    pub(super) fn members(&self, contexts: &[&str]) -> String {
        let entries = |kind: &str, entry: &dyn Fn(&str) -> Value| {
            contexts.iter().map(|name| json!({"name": name, kind: entry(name)})).collect::<Value>()
        };
        let cluster = |name: &str| {
            let authority = BASE64.encode(fs::read(self.authority(name)).unwrap());
            json!({"server": format!("https://{}:6443", server(name)), "certificate-authority-data": authority})
        };
        let user = |name: &str| json!({"token": self.token(name, "default", "gslb-member")});
        let context = |name: &str| json!({"cluster": name, "user": name});
        json!({
            "apiVersion": "v1", "kind": "Config", "clusters": entries("cluster", &cluster),
            "users": entries("user", &user), "contexts": entries("context", &context)
        })
        .to_string()
    }
}

fn server(cluster: &str) -> &'static str {
    CLUSTERS.iter().find(|(name, ..)| *name == cluster).unwrap().1
}

/// The rights that the chart of the operator gives its account.
fn pod_rules() -> Value {
    let chart = fs::read_to_string(root().join("charts/amko/templates/rbac.yaml")).unwrap();
    // Only names of namespaces are for Helm to fill in.
    let plain: Vec<&str> = chart.lines().filter(|line| !line.contains("{{")).collect();
    let objects: Vec<Value> = serde_saphyr::from_multiple(&plain.join("\n")).unwrap();
    let rules: Vec<Value> = objects.iter().filter_map(|object| object["rules"].as_array()).flatten().cloned().collect();
    assert!(rules.len() > 3, "{rules:?}");
    json!(rules)
}

/// What a member grants (amko 11.2), without federation.
fn member_rules() -> Value {
    let read = ["get", "list", "watch"];
    json!([
        {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": read},
        {"apiGroups": [""], "resources": ["services", "namespaces"], "verbs": read},
        {"apiGroups": ["ako.vmware.com"], "resources": ["hostrules"], "verbs": read}
    ])
}
