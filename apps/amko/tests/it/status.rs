//! What a running operator tells of itself.

use k8s_crds::Object;

use crate::controller::Controller;
use crate::setting::{HOST, Setting, clusters, ingress};

#[tokio::test]
async fn a_status_shows_clusters_names_with_members_and_what_is_left_out() {
    let setting = Setting::hello().await;
    let Object::Ingress(mut bare) = ingress("bare", "bare.avi.iberia.local", "127.10.25.41") else { panic!() };
    bare.status = None;
    setting.leader().apply(Object::Ingress(bare));
    let Object::Ingress(mut own) = ingress("own", "own.avi.iberia.local", "127.10.26.41") else { panic!() };
    own.metadata.labels = None;
    setting.clusters[1].apply(Object::Ingress(own));
    setting.settle().await;
    setting.amko().synced().await;
    let status = setting.amko().status().await.unwrap();
    let expected = format!(
        "Controller http://{}: holds what it should
GSLBConfig gc-1
GlobalDeploymentPolicy global-gdp selects objects with app=gslb

Clusters
  s1az1: reached, 1 object serves
  s1az2: reached, 1 object serves
  s2: reached, 1 object serves

Names
  {HOST}
    127.10.25.40 weight 6  s1az1: Ingress default/hello
    127.10.26.40 weight 4  s1az2: Ingress default/hello
    127.10.23.40 weight 2  s2: Ingress default/hello

Left out
  Ingress default/bare of s1az1: its status has no load balancer entry yet
  Ingress default/own of s1az2: it lacks the label app=gslb
",
        setting.address
    );
    assert_eq!(status.to_string(), expected);
    let json = serde_json::to_string(&status).unwrap();
    assert_eq!(serde_json::from_str::<amko::StatusDocument>(&json).unwrap(), status);
}

#[tokio::test]
async fn a_status_says_why_the_controller_cannot_be_used() {
    let mut setting = Setting::new(Controller::new(), clusters()).await;
    setting.stop_controller();
    setting.start().await;
    setting.until_event(|event| matches!(event, amko::AmkoEvent::ControllerAway { .. })).await;
    let status = setting.amko().status().await.unwrap();
    assert!(!status.controller.is_usable && status.controller.trouble.is_some(), "{status:?}");
    assert!(status.to_string().contains(": cannot be used, "), "{status}");
}
