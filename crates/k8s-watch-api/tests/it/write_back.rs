//! Status and annotations are written back, and read again by the watch.

use k8s_crds::Kind;
use k8s_watch::{Source, WriteBack};
use k8s_watch_api::{ApiServer, POLICY_KINDS};
use serde_json::{Value, json};

use crate::clusters::{ORDINARY, ask, clusters, create, get};
use crate::reader::{Reader, key};

const POLICIES: &str = "/apis/amko.vmware.com/v1alpha2/namespaces/avi-system/globaldeploymentpolicies";
const CONFIGS: &str = "/apis/amko.vmware.com/v1alpha1/namespaces/avi-system/gslbconfigs";

fn object(version: &str, kind: &str, name: &str, spec: Value) -> Value {
    let metadata = json!({"name": name, "annotations": {"mine": "kept"}});
    json!({"apiVersion": format!("amko.vmware.com/{version}"), "kind": kind, "metadata": metadata, "spec": spec})
}

#[tokio::test]
async fn status_of_a_policy_is_written_and_leaves_the_rest_alone() {
    let Some(clusters) = clusters().await else { return };
    let client = clusters.defined().await;
    let mut reader = Reader::start(ORDINARY, clusters.access(ORDINARY), POLICY_KINDS);
    reader.until_reset().await;
    create(&client, POLICIES, object("v1alpha2", "GlobalDeploymentPolicy", "global-gdp", json!({"ttl": 10}))).await;
    let kind = Kind::GlobalDeploymentPolicy;
    reader.until(|reader| reader.has(kind, "avi-system", "global-gdp")).await;

    // The user edits while we write.
    let edit = json!({"spec": {"ttl": 20}});
    let path = format!("{POLICIES}/global-gdp");
    let key = key(kind, "avi-system", "global-gdp");
    let status = |text: &str| WriteBack::Status(json!({"errorStatus": text}));
    let (edited, written) =
        tokio::join!(ask(&client, "PATCH", &path, &edit), reader.source.write_back(&key, status("success")));
    edited.unwrap();
    written.unwrap();
    let told = |reader: &Reader| {
        let policy = reader.get(kind, "avi-system", "global-gdp").unwrap();
        (policy["spec"]["ttl"].clone(), policy["status"]["errorStatus"].clone())
    };
    reader.until(|reader| told(reader) == (json!(20), json!("success"))).await;

    reader.source.write_back(&key, status("traffic weight 21 must be between 1 and 20")).await.unwrap();
    let stored: Value = get(&client, &path).await.unwrap();
    assert_eq!(stored["status"], json!({"errorStatus": "traffic weight 21 must be between 1 and 20"}));
    assert_eq!((&stored["metadata"]["annotations"]["mine"], &stored["spec"]["ttl"]), (&json!("kept"), &json!(20)));
}

#[tokio::test]
async fn status_and_identity_of_a_configuration_are_written() {
    let Some(clusters) = clusters().await else { return };
    let client = clusters.defined().await;
    let spec = json!({"gslbLeader": {"credentials": "s", "controllerIP": "10.10.20.42"}});
    create(&client, CONFIGS, object("v1alpha1", "GSLBConfig", "gc-1", spec)).await;
    let mut reader = Reader::start(ORDINARY, clusters.access(ORDINARY), POLICY_KINDS);
    let key = key(Kind::GslbConfig, "avi-system", "gc-1");
    let uuid = WriteBack::Annotation { key: "amko.vmware.com/amko-uuid".to_owned(), value: "u".to_owned() };
    reader.source.write_back(&key, uuid).await.unwrap();
    reader.source.write_back(&key, WriteBack::Status(json!({"state": "synced all objects"}))).await.unwrap();
    reader.until_reset().await;
    let config = |reader: &Reader| reader.get(Kind::GslbConfig, "avi-system", "gc-1").unwrap();
    reader.until(|reader| config(reader)["status"]["state"] == "synced all objects").await;
    let annotations = config(&reader)["metadata"]["annotations"].clone();
    assert_eq!(annotations, json!({"mine": "kept", "amko.vmware.com/amko-uuid": "u"}));
}

#[tokio::test]
async fn what_is_not_there_or_not_allowed_is_an_error_with_the_servers_words() {
    let Some(clusters) = clusters().await else { return };
    clusters.defined().await;
    let check = async |access, expected: &str| {
        let source = ApiServer::new(ORDINARY, access, POLICY_KINDS);
        let key = key(Kind::GslbConfig, "avi-system", "nobody");
        let error = source.write_back(&key, WriteBack::Status(json!({"state": "x"}))).await.unwrap_err();
        assert_eq!(error.to_string(), "writing back to GSLBConfig avi-system/nobody in cluster s1az1");
        assert!(error.source.to_string().contains(expected), "{}", error.source);
    };
    check(clusters.access(ORDINARY), "\"nobody\" not found (404)").await;
    check(clusters.guest_access(ORDINARY), "cannot patch resource").await;
}

#[tokio::test]
async fn secrets_are_read_by_name() {
    let Some(clusters) = clusters().await else { return };
    let client = clusters.defined().await;
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "gslb-avi-secret"},
        "stringData": {"username": "admin", "password": "p"}});
    create(&client, "/api/v1/namespaces/avi-system/secrets", secret).await;
    let source = ApiServer::new(ORDINARY, clusters.access(ORDINARY), POLICY_KINDS);
    let secret = source.secret("avi-system", "gslb-avi-secret").await.unwrap().unwrap();
    assert_eq!(secret["username"], b"admin");
    assert_eq!(source.secret("avi-system", "none").await.unwrap(), None);
    let guest = ApiServer::new(ORDINARY, clusters.guest_access(ORDINARY), POLICY_KINDS);
    let error = guest.secret("avi-system", "gslb-avi-secret").await.unwrap_err();
    assert_eq!(error.to_string(), "reading Secret avi-system/gslb-avi-secret in cluster s1az1");
}
