//! The operator on directories of manifests, as the demo runs it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use amko::{AmkoConfig, start};
use avi_client::Verification;
use k8s_watch::{ManifestDirectory, Source};

use crate::controller::Controller;
use crate::setting::HOST;

const ALL: [&str; 3] = ["127.10.23.40*2", "127.10.25.40*6", "127.10.26.40*4"];

fn write(directory: &Path, name: &str, text: &str) {
    std::fs::create_dir_all(directory).unwrap();
    std::fs::write(directory.join(name), text).unwrap();
}

fn ingress(address: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\n\
         metadata:\n  name: hello\n  namespace: default\n  labels:\n    app: gslb\n\
         spec:\n  rules:\n    - host: {HOST}\n\
         status:\n  loadBalancer:\n    ingress:\n      - ip: {address}\n        hostname: {HOST}\n"
    )
}

const CONFIG: &str = "apiVersion: amko.vmware.com/v1alpha1\nkind: GSLBConfig\n\
     metadata:\n  name: gc-1\n  namespace: avi-system\n\
     spec:\n  gslbLeader:\n    credentials: s\n    controllerVersion: 30.2.1\n    controllerIP: 127.0.0.1\n  \
     memberClusters:\n    - clusterContext: s1az1\n    - clusterContext: s1az2\n    - clusterContext: s2\n";

fn policy(weight: u32) -> String {
    format!(
        "apiVersion: amko.vmware.com/v1alpha2\nkind: GlobalDeploymentPolicy\n\
         metadata:\n  name: global-gdp\n  namespace: avi-system\n\
         spec:\n  matchRules:\n    appSelector:\n      label:\n        app: gslb\n  \
         matchClusters:\n    - cluster: s1az1\n      syncVipOnly: true\n    - cluster: s1az2\n      syncVipOnly: true\n    \
         - cluster: s2\n      syncVipOnly: true\n  \
         trafficSplit:\n    - cluster: s1az1\n      weight: 6\n    - cluster: s1az2\n      weight: {weight}\n    \
         - cluster: s2\n      weight: 2\n"
    )
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let poll = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await; // bounded: polls a condition
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), poll).await.is_ok(), "{what}");
}

#[tokio::test]
async fn an_edited_file_is_a_write_and_a_truncated_one_is_none() {
    let root = tempfile::tempdir().unwrap();
    let leader = root.path().join("s1az1");
    write(&leader, "gslb-config.yaml", CONFIG);
    write(&leader, "global-gdp.yaml", &policy(4));
    let sources =
        [("s1az1", "127.10.25.40"), ("s1az2", "127.10.26.40"), ("s2", "127.10.23.40")].map(|(name, address)| {
            let directory = root.path().join(name);
            write(&directory, "hello.yaml", &ingress(address));
            Arc::new(ManifestDirectory::new(name, directory)) as Arc<dyn Source>
        });
    let controller = Controller::new();
    let listening = controller.listen("127.0.0.1:0").await;
    let url = format!("http://{}", listening.address);
    let config = AmkoConfig {
        leader: "s1az1".into(),
        sources: sources.to_vec(),
        controller: avi_client::Config::new(url, "admin", "secret", Verification::Insecure),
        events: None,
        log_level: None,
    };
    let amko = start(config).await.unwrap();
    amko.synced().await;
    assert_eq!(controller.members(HOST), ALL);

    controller.take_asked();
    for (name, text) in [("gslb-config.yaml", CONFIG.to_owned()), ("global-gdp.yaml", policy(4))] {
        write(&leader, name, "");
        // The time that the file stays empty is the matter of this test.
        tokio::time::sleep(Duration::from_millis(80)).await; // bounded: this time is the matter of the test
        write(&leader, name, &text);
    }
    write(&leader, "global-gdp.yaml", &policy(3));
    until("the new weight", || controller.members(HOST)[2] == "127.10.26.40*3").await;
    assert_eq!(controller.writes(), [format!("PUT /api/gslbservice {HOST}")]);
    assert_eq!(
        std::fs::read_to_string(leader.join("gslb-config.yaml")).unwrap(),
        CONFIG,
        "a user's file is not touched"
    );
    amko.shutdown().await;
}

fn host_rule(global: &str, status: &str) -> String {
    format!(
        "apiVersion: ako.vmware.com/v1beta1\nkind: HostRule\nmetadata:\n  name: hello\n  namespace: default\n\
         spec:\n  virtualhost:\n    fqdn: {HOST}\n    gslb:\n      fqdn: {global}\nstatus:\n  status: {status}\n"
    )
}

// catalogue amko: 163, 168, 170
#[tokio::test]
async fn a_host_rule_in_a_file_names_its_host_and_one_that_cannot_be_read_takes_no_member_away() {
    let root = tempfile::tempdir().unwrap();
    let leader = root.path().join("s1az1");
    write(&leader, "gslb-config.yaml", &format!("{CONFIG}  useCustomGlobalFqdn: true\n"));
    write(&leader, "global-gdp.yaml", &policy(4));
    write(&leader, "hello.yaml", &ingress("127.10.25.40"));
    write(&leader, "rule.yaml", &host_rule("a.com", "Accepted"));
    let sources = ["s1az1", "s1az2", "s2"].map(|name| {
        let directory = root.path().join(name);
        std::fs::create_dir_all(&directory).unwrap();
        Arc::new(ManifestDirectory::new(name, directory)) as Arc<dyn Source>
    });
    let controller = Controller::new();
    let listening = controller.listen("127.0.0.1:0").await;
    let config = || AmkoConfig {
        leader: "s1az1".into(),
        sources: sources.to_vec(),
        controller: avi_client::Config::new(
            format!("http://{}", listening.address),
            "admin",
            "secret",
            Verification::Insecure,
        ),
        events: None,
        log_level: None,
    };
    let amko = start(config()).await.unwrap();
    amko.synced().await;
    let one = ["127.10.25.40*6"];
    assert_eq!(controller.members("a.com"), one);
    write(&leader, "rule.yaml", &host_rule("b.com", "Accepted"));
    until("the other name", || controller.members("b.com") == one && controller.count("gslbservice") == 1).await;
    write(&leader, "rule.yaml", &host_rule("b.com", "Rejected"));
    until("no service", || controller.count("gslbservice") == 0).await;
    write(&leader, "rule.yaml", &host_rule("b.com", "Accepted"));
    until("the service", || controller.members("b.com") == one).await;

    // What was read before counts on, and after a restart what the controller has.
    write(&leader, "rule.yaml", "kind: HostRule\nspec: [");
    write(&leader, "hello.yaml", &ingress("127.10.25.41"));
    let moved = ["127.10.25.41*6"];
    until("the new address", || controller.members("b.com") == moved).await;
    amko.shutdown().await;
    let amko = start(config()).await.unwrap();
    amko.synced().await;
    assert_eq!(controller.members("b.com"), moved);
    std::fs::remove_file(leader.join("rule.yaml")).unwrap();
    until("nothing, now that it is known that there is no rule", || controller.count("gslbservice") == 0).await;
    amko.shutdown().await;
}
