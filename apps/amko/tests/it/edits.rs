//! Edits of the `GSLBConfig` while the operator runs, and objects that cannot become members (amko 2.1, 3.7, 12).

use amko::AmkoEvent;
use k8s_crds::{GslbConfig, Kind, MemberCluster, Object, TrafficSplit};

use crate::setting::{Setting, gslb_config, ingress, policy_object};

/// The config, edited; the operator writes its identity back anew.
fn edited(edit: impl FnOnce(&mut GslbConfig)) -> Object {
    let Object::GslbConfig(mut config) = gslb_config() else { panic!() };
    edit(&mut config);
    Object::GslbConfig(config)
}

#[tokio::test]
async fn an_edit_is_told_and_in_force_at_once() {
    let mut setting = Setting::hello().await;
    setting.leader().apply(edited(|config| {
        config.spec.refresh_interval = Some(30);
        config.spec.member_clusters.pop();
    }));
    let texts = setting.until_event(|event| matches!(event, AmkoEvent::ConfigEdited { .. })).await;
    let expected = "GSLBConfig avi-system/gc-1 edited, in force without a restart: \
                    memberClusters s1az1,s1az2,s2 → s1az1,s1az2; refreshInterval 600 → 30";
    assert_eq!(texts.last().unwrap(), expected);
    setting.until_members(&["127.10.25.40*6", "127.10.26.40*4"]).await;
}

#[tokio::test]
async fn what_cannot_be_followed_is_told_once_and_the_rest_is_in_force() {
    let mut setting = Setting::hello().await;
    let with = |refresh_interval| {
        edited(|config| {
            config.spec.refresh_interval = Some(refresh_interval);
            config.spec.log_level = Some("LOUD".into());
            config.spec.member_clusters.push(MemberCluster { cluster_context: "s3".into() });
        })
    };
    setting.leader().apply(with(30));
    let is_doubt = |event: &AmkoEvent| matches!(event, AmkoEvent::ConfigDoubtful { .. });
    let texts = setting.until_event(is_doubt).await;
    let expected = "logLevel LOUD is unknown, INFO is in force; use DEBUG, INFO, WARN or ERROR";
    assert!(texts.last().unwrap().ends_with(expected), "{texts:?}");
    let texts = setting.until_event(is_doubt).await;
    let expected = "cluster context s3 is not in the kubeconfig of the members, its members stay as they are; \
                    add it there";
    assert!(texts.last().unwrap().ends_with(expected), "{texts:?}");
    let failed = "error: cluster healthcheck failed, cluster context s3 is not in the kubeconfig of the members";
    setting.until("the status", |s| s.leader().statuses().last().is_some_and(|last| last == failed)).await;
    // The same again is no news, and the missing cluster holds up nobody.
    setting.leader().apply(with(40));
    setting.settle().await;
    let texts = setting.until_event(|event| event.to_string().contains("marker")).await;
    assert!(!texts.iter().any(|text| text.contains("cannot be followed")), "{texts:?}");
    setting.leader().apply(gslb_config());
    let accepted = |s: &Setting| s.leader().statuses().last().is_some_and(|last| last.starts_with("success"));
    setting.until("it is accepted again", accepted).await;
}

#[tokio::test]
async fn a_cluster_named_twice_in_the_split_is_told() {
    let mut setting = Setting::hello().await;
    let mut object = policy_object([6, 4, 2]);
    let again = object.spec.traffic_split[1].clone();
    object.spec.traffic_split.push(TrafficSplit { weight: Some(9), ..again });
    setting.leader().apply(Object::GlobalDeploymentPolicy(object));
    let texts = setting.until_event(|event| matches!(event, AmkoEvent::ConfigDoubtful { .. })).await;
    let expected = "GlobalDeploymentPolicy avi-system/global-gdp cannot be followed in full: \
                    trafficSplit names cluster s1az2 2 times, the last entry counts; remove the others";
    assert_eq!(texts.last().unwrap(), expected);
    setting.until_members(&["127.10.23.40*2", "127.10.25.40*6", "127.10.26.40*9"]).await;
}

/// `kubectl replace` drops what the operator wrote: identity and status.
#[tokio::test]
async fn a_config_that_is_replaced_gets_its_identity_again_each_time() {
    let setting = Setting::hello().await;
    for refresh_interval in [30, 40, 50] {
        setting.leader().apply(edited(|config| config.spec.refresh_interval = Some(refresh_interval)));
        setting.settle().await;
        let is_accepted = |s: &Setting| {
            let Some(Object::GslbConfig(config)) = s.leader().object(Kind::GslbConfig) else { return false };
            config.status.is_some_and(|status| status.state == "success: gslb config accepted")
        };
        setting.until("the status again", is_accepted).await;
    }
}

#[tokio::test]
async fn an_object_that_cannot_be_served_is_told_once() {
    let mut setting = Setting::hello().await;
    setting.clusters[2].apply(ingress("any", "*.avi.iberia.local", "127.10.23.50"));
    let is_told = |event: &AmkoEvent| matches!(event, AmkoEvent::NotServed { .. });
    let texts = setting.until_event(is_told).await;
    let expected = "Ingress default/any of s2 makes no member: \
                    host *.avi.iberia.local is a wildcard, which no GSLB service stands for; name each host";
    assert_eq!(texts.last().unwrap(), expected);
    setting.settle().await;
    let texts = setting.until_event(|event| event.to_string().contains("marker")).await;
    assert!(!texts.iter().any(|text| text.contains("makes no member")), "{texts:?}");
}
