//! Real API servers that are away, or do not let us in: members stay, and the watch resumes.

use k8s_crds::Kind;
use k8s_watch_api::{Access, MEMBER_KINDS};
use serde_json::json;

use crate::changes::ingress;
use crate::clusters::{ORDINARY, UNSTEADY, ask, clusters, create, namespace};
use crate::reader::Reader;

#[tokio::test]
async fn an_api_server_that_is_killed_and_started_again_loses_no_member() {
    let Some(clusters) = clusters().await else { return };
    let client = clusters.client(UNSTEADY).await;
    create(&client, "/api/v1/namespaces", namespace("restart")).await;
    let all = "/apis/networking.k8s.io/v1/namespaces/restart/ingresses";
    for name in ["stays", "goes"] {
        create(&client, all, ingress(name, "a.example.com")).await;
    }
    let mut reader = Reader::start(UNSTEADY, clusters.access(UNSTEADY), MEMBER_KINDS);
    reader.until_reset().await;
    let known = reader.objects.len();

    clusters.xtask(&["stop", UNSTEADY, "--kill"]).await;
    reader.until(|reader| reader.has_problem("cannot be reached")).await;
    assert_eq!(reader.problems.len(), 1, "told once, not once per kind: {:?}", reader.problems);
    assert_eq!((reader.objects.len(), reader.deletes), (known, 0));

    clusters.xtask(&["start", UNSTEADY]).await;
    let client = clusters.client(UNSTEADY).await;
    ask(&client, "DELETE", &format!("{all}/goes"), &json!({})).await.unwrap();
    create(&client, all, ingress("comes", "a.example.com")).await;
    reader.until(|reader| !reader.has(Kind::Ingress, "restart", "goes")).await;
    reader.until(|reader| reader.has(Kind::Ingress, "restart", "comes") && reader.problems.is_empty()).await;
    assert!(reader.has(Kind::Ingress, "restart", "stays"));
    assert_eq!((reader.resets, reader.deletes), (1, 1));
}

#[tokio::test]
async fn a_kubeconfig_that_is_corrected_is_read_again() {
    let Some(clusters) = clusters().await else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config");
    let access = Access::Kubeconfig { path: path.clone(), context: Some(ORDINARY.to_owned()) };
    let mut reader = Reader::start(ORDINARY, access, MEMBER_KINDS);
    reader.until(|reader| reader.has_problem("cluster s1az1: kubeconfig of ")).await;
    assert_eq!(reader.problems.len(), 1, "{:?}", reader.problems);
    let good = clusters.kubeconfig(ORDINARY);
    std::fs::write(&path, good.replace("token: ", "token: outdated-")).unwrap();
    reader.until(|reader| reader.has_problem("does not know us (401)") && reader.problems.len() == 1).await;
    std::fs::write(&path, good.replace("127.0.0.1", "127.0.0.2")).unwrap();
    reader.until(|reader| reader.has_problem("cannot be reached") && reader.problems.len() == 1).await;
    std::fs::write(&path, good).unwrap();
    reader.until(|reader| reader.resets == 1 && reader.problems.is_empty()).await;
}

#[tokio::test]
async fn who_is_not_allowed_is_told_which_right_is_missing_and_goes_on_once_it_is_granted() {
    let Some(clusters) = clusters().await else { return };
    let client = clusters.client(ORDINARY).await;
    let mut reader = Reader::start(ORDINARY, clusters.guest_access(ORDINARY), MEMBER_KINDS);
    let told = |reader: &Reader, kind: &str| {
        let place = format!("cluster s1az1, {kind}: cannot list: ");
        reader.problems.iter().any(|problem| problem.to_string().starts_with(&place))
    };
    // Of what is not defined there is nothing to be missed, which others may change meanwhile.
    reader.until(|reader| ["Ingress", "Namespace", "Service"].iter().all(|kind| told(reader, kind))).await;
    for (place, advice) in [
        ("cluster s1az1, Ingress: cannot list: ", "list and watch on ingresses.networking.k8s.io to this user"),
        ("cluster s1az1, Namespace: cannot list: ", "list and watch on namespaces to this user"),
        ("cluster s1az1, Service: cannot list: ", "list and watch on services to this user"),
    ] {
        let problem = reader.problems.iter().map(ToString::to_string).find(|text| text.starts_with(place)).unwrap();
        assert!(problem.contains("User \"guest\" cannot list resource") && problem.ends_with(advice), "{problem}");
    }
    assert_eq!(reader.resets, 0);

    let group = "rbac.authorization.k8s.io";
    let rule = json!({"apiGroups": ["", "networking.k8s.io", "ako.vmware.com"],
        "resources": ["namespaces", "services", "ingresses", "multiclusteringresses"],
        "verbs": ["get", "list", "watch"]});
    let role = json!({"apiVersion": format!("{group}/v1"), "kind": "ClusterRole", "metadata": {"name": "reader"},
        "rules": [rule]});
    create(&client, &format!("/apis/{group}/v1/clusterroles"), role).await;
    let binding = json!({"apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding",
        "metadata": {"name": "reader"}, "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "reader"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "guest"}]});
    create(&client, &format!("/apis/{group}/v1/clusterrolebindings"), binding).await;
    reader.until(|reader| reader.resets == 1 && reader.problems.is_empty()).await;
    assert!(reader.has(Kind::Namespace, "", "default"));
}
