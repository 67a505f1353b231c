//! As a pod sees its own cluster: by the service account that is mounted into it.

use std::process::Command;

use k8s_watch_api::{Access, LEADER_KINDS};
use serde_json::json;

use crate::clusters::{ORDINARY, clusters, create};
use crate::reader::Reader;

/// Set for the process that plays the pod.
const PLAYS_POD: &str = "MERIDIAN_TEST_PLAYS_POD";

/// Mounts what a kubelet would, where only this process and its children see it.
const MOUNT: &str = r#"
mount -t tmpfs none "$(readlink -f /var/run)"
mkdir -p /var/run/secrets/kubernetes.io/serviceaccount
cp "$1"/* /var/run/secrets/kubernetes.io/serviceaccount
exec "$0" --exact in_cluster::inside_the_pod --nocapture
"#;

#[tokio::test]
async fn the_service_account_of_a_pod_is_enough() {
    let Some(clusters) = clusters().await else { return };
    if !Command::new("unshare").args(["-rm", "true"]).status().is_ok_and(|status| status.success()) {
        eprintln!("skipped, no mount namespace: `unshare -rm` is not allowed here");
        return;
    }
    let client = clusters.defined().await;
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "amko-sa"}});
    let accounts = "/api/v1/namespaces/avi-system/serviceaccounts";
    create(&client, accounts, account).await;
    let group = "rbac.authorization.k8s.io";
    let binding = json!({"apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding",
        "metadata": {"name": "amko-binding"}, "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "amko-sa", "namespace": "avi-system"}]});
    create(&client, &format!("/apis/{group}/v1/clusterrolebindings"), binding).await;
    let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
    let token = create(&client, &format!("{accounts}/amko-sa/token"), request).await;

    let mounted = tempfile::tempdir().unwrap();
    let place = |name: &str| mounted.path().join(name);
    std::fs::write(place("token"), token["status"]["token"].as_str().unwrap()).unwrap();
    std::fs::write(place("namespace"), "avi-system").unwrap();
    std::fs::copy(clusters.certificate(ORDINARY), place("ca.crt")).unwrap();
    let server = clusters.server(ORDINARY);
    let (host, port) = server.trim_start_matches("https://").rsplit_once(':').unwrap();
    let mut pod = Command::new("unshare");
    pod.args(["-rm", "sh", "-ec", MOUNT]).arg(std::env::current_exe().unwrap()).arg(mounted.path());
    pod.env(PLAYS_POD, "1").env("KUBERNETES_SERVICE_HOST", host).env("KUBERNETES_SERVICE_PORT", port);
    let output = tokio::task::spawn_blocking(move || pod.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// Passes at once where no pod is played.
#[tokio::test]
async fn inside_the_pod() {
    if std::env::var_os(PLAYS_POD).is_some() {
        let mut reader = Reader::start(ORDINARY, Access::InCluster, LEADER_KINDS);
        reader.until_reset().await;
        let secret = reader.source.secret("avi-system", "gslb-config-secret").await.unwrap();
        assert_eq!((secret, reader.problems.len()), (None, 0));
    }
}
