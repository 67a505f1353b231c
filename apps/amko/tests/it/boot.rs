//! Starting: what is read, what is written, and what is left alone (amko 1.7 to 1.10, 7.10).

use k8s_crds::{Kind, Object};
use serde_json::json;

use amko::AmkoEvent;

use crate::cluster::Cluster;
use crate::controller::Controller;
use crate::setting::{HOST, Setting, clusters, gslb_config, hello, ingress, leader_objects, policy, policy_object};

const ALL: [&str; 3] = ["127.10.23.40*2", "127.10.25.40*6", "127.10.26.40*4"];

/// Amko's UUID as the `GSLBConfig` carries it.
fn uuid(setting: &Setting) -> String {
    let Some(Object::GslbConfig(config)) = setting.leader().object(Kind::GslbConfig) else { panic!() };
    config.metadata.annotations.unwrap()["amko.vmware.com/amko-uuid"].clone()
}

// catalogue amko: 94, 97
#[tokio::test]
async fn a_cold_start_asks_and_writes_what_the_specification_shows() {
    let setting = Setting::hello().await;
    let uuid = uuid(&setting);
    let expected = [
        "POST /login",
        "GET /api/cloud",
        "GET /api/cluster",
        "GET /api/gslb",
        "GET /api/healthmonitor?include_name=&is_federated=true&page_size=100",
        "GET /api/applicationpersistenceprofile?include_name=&is_federated=true&page_size=100",
        "GET /api/pkiprofile?include_name=&is_federated=true&page_size=100",
        "GET /api/gslbservice?created_by=amko-gslb&include_name=&page_size=100",
        &format!("GET /api/gslbservice?created_by=amko-{uuid}&include_name=&page_size=100"),
        &format!("POST /api/healthmonitor/ {}", amko_monitor()),
        &format!("POST /api/gslbservice/ {HOST}"),
    ];
    assert_eq!(setting.controller.take_asked(), expected);
    assert_eq!(setting.controller.members(HOST), ALL);
    assert_eq!(setting.controller.get("gslbservice", HOST).unwrap()["created_by"], format!("amko-{uuid}"));
    let marker = json!([{"key": "created-by", "values": [format!("amko-{uuid}")]}]);
    assert_eq!(setting.controller.get("healthmonitor", &amko_monitor()).unwrap()["markers"], marker);
}

fn amko_monitor() -> String {
    // SHA-1 of `http--hello.avi.iberia.local--/`.
    "amko--9b503a4789b965fdfad2c3c8deaa0f1acb89f4dc".to_owned()
}

#[tokio::test]
async fn statuses_go_from_syncing_to_accepted() {
    let mut setting = Setting::hello().await;
    let accepted = "success: gslb config accepted";
    setting.until("accepted", |s| s.leader().statuses().last().is_some_and(|status| status == accepted)).await;
    let of_config: Vec<_> = setting.leader().statuses().into_iter().filter(|status| status != "success").collect();
    assert_eq!(of_config, ["syncing all objects", "synced all objects", accepted]);
    let texts = setting.until_event(|event| matches!(event, AmkoEvent::Synced { .. })).await;
    assert!(texts.contains(&"GlobalDeploymentPolicy avi-system/global-gdp: success".to_owned()), "{texts:#?}");
}

// catalogue amko: 117
#[tokio::test]
async fn the_identity_is_a_version_1_uuid_and_stays() {
    let mut setting = Setting::hello().await;
    let before = uuid(&setting);
    assert_eq!(before.as_bytes()[14], b'1', "{before}");
    setting.restart().await;
    setting.amko().synced().await;
    assert_eq!(uuid(&setting), before);
}

#[tokio::test]
async fn a_restart_with_nothing_changed_writes_nothing() {
    let mut setting = Setting::hello().await;
    setting.restart().await;
    setting.amko().synced().await;
    assert_eq!(setting.controller.writes(), [""; 0]);
}

#[tokio::test]
async fn a_restart_writes_only_what_changed_meanwhile() {
    let mut setting = Setting::hello().await;
    setting.amko.take().unwrap().shutdown().await;
    setting.leader().apply(policy([6, 3, 1]));
    setting.controller.take_asked();
    setting.start().await;
    let texts = setting.until_event(|event| matches!(event, AmkoEvent::Synced { .. })).await;
    assert_eq!(setting.controller.writes(), [format!("PUT /api/gslbservice {HOST}")]);
    let ratio = "    the controller has it otherwise: groups[amko-gs-group-10].members[127.10.26.40].ratio: 4 → 3";
    assert!(texts.iter().any(|text| text.lines().any(|line| line == ratio)), "{texts:#?}");
}

#[tokio::test]
async fn without_a_gslb_config_nothing_is_asked_or_deleted() {
    let mut setting = Setting::hello().await;
    setting.amko.take().unwrap().shutdown().await;
    setting.controller.take_asked();
    setting.clusters[0] = Cluster::new("s1az1", vec![policy([6, 4, 2]), hello("127.10.25.40")]);
    setting.start().await;
    let texts = setting.until_event(|event| matches!(event, AmkoEvent::Idle { .. })).await;
    assert_eq!(texts.last().unwrap(), "no valid GSLBConfig in cluster s1az1: nothing is written or deleted");
    assert_eq!(setting.controller.take_asked(), [""; 0]);
    assert_eq!(setting.controller.members(HOST), ALL);
}

#[tokio::test]
async fn a_deleted_gslb_config_stops_writes_until_it_is_back() {
    let setting = Setting::hello().await;
    let config = setting.leader().object(Kind::GslbConfig).unwrap();
    setting.leader().delete(&config);
    setting.clusters[1].delete(&hello("127.10.26.40"));
    setting.controller.take_asked();
    setting.until("not in sync", |s| !s.amko().progress().borrow().is_synced).await;
    assert_eq!(setting.controller.members(HOST), ALL);
    setting.leader().apply(gslb_config());
    setting.until_members(&["127.10.23.40*2", "127.10.25.40*6"]).await;
    assert_eq!(uuid(&setting).len(), 36, "the identity of before, though the annotation was lost");
    assert_eq!(setting.controller.writes(), [format!("PUT /api/gslbservice {HOST}")]);
}

#[tokio::test]
async fn an_invalid_gslb_config_is_told_and_nothing_is_done() {
    let Object::GslbConfig(mut config) = gslb_config() else { panic!() };
    config.spec.gslb_leader.controller_ip.clear();
    let clusters = vec![Cluster::new("s1az1", vec![Object::GslbConfig(config), policy([6, 4, 2])])];
    let mut setting = Setting::new(Controller::new(), clusters).await;
    setting.start().await;
    setting.until("a status", |s| !s.leader().statuses().is_empty()).await;
    assert_eq!(setting.leader().statuses(), ["error: invalid gslb config with controller IP "]);
    assert_eq!(setting.controller.take_asked(), [""; 0]);
}

// catalogue amko: 113
#[tokio::test]
async fn a_silent_cluster_keeps_its_members_and_does_not_hold_up_the_others() {
    let mut setting = Setting::hello().await;
    setting.amko.take().unwrap().shutdown().await;
    setting.controller.take_asked();
    setting.clusters[2] = Cluster::silent("s2", vec![]);
    setting.clusters[1].apply(hello("127.10.26.41"));
    setting.start().await;
    setting.until_members(&["127.10.23.40*2", "127.10.25.40*6", "127.10.26.41*4"]).await;
    let texts = setting.until_event(|event| matches!(event, AmkoEvent::Synced { .. })).await;
    assert!(texts.contains(&"cluster s2 does not answer; its members stay".to_owned()), "{texts:#?}");
    setting.clusters[2].speak();
    setting.until_members(&["127.10.25.40*6", "127.10.26.41*4"]).await;
    let left = "member 127.10.23.40 (s2) left: cluster s2 answered, Ingress default/hello is not there";
    setting.until_event(|event| event.to_string().contains(left)).await;
}

// catalogue amko: 113, 120
#[tokio::test]
async fn a_cluster_that_is_away_at_the_first_start_brings_its_members_when_it_answers() {
    let mut clusters = clusters();
    clusters[2] = Cluster::silent("s2", vec![hello("127.10.23.40")]);
    let mut setting = Setting::new(Controller::new(), clusters).await;
    setting.start().await;
    setting.until_members(&["127.10.25.40*6", "127.10.26.40*4"]).await;
    setting.amko().synced().await;
    setting.clusters[2].speak();
    setting.until_members(&ALL).await;
}

// catalogue amko: 9
#[tokio::test]
async fn a_first_policy_that_names_an_unknown_cluster_is_told_and_selects_nothing() {
    let clusters = clusters();
    let mut object = policy_object([6, 4, 2]);
    object.spec.match_clusters[1].cluster = "s9".into();
    clusters[0].apply(Object::GlobalDeploymentPolicy(object));
    let mut setting = Setting::new(Controller::new(), clusters).await;
    setting.start().await;
    let expected = "cluster context s9 not present in GSLBConfig";
    setting.until("its status", |s| s.leader().statuses().iter().any(|status| status == expected)).await;
    setting.amko().synced().await;
    assert_eq!(setting.controller.writes(), [""; 0]);
}

// catalogue amko: 119
#[tokio::test]
async fn what_nobody_wants_any_more_is_deleted_with_its_monitors() {
    let mut setting = Setting::hello().await;
    setting.leader().apply(ingress("more", "more.avi.iberia.local", "127.10.25.41"));
    setting.until("more", |s| s.controller.get("gslbservice", "more.avi.iberia.local").is_some()).await;
    setting.amko.take().unwrap().shutdown().await;
    setting.leader().delete(&ingress("more", "", ""));
    setting.controller.take_asked();
    setting.start().await;
    setting.amko().synced().await;
    let writes = setting.controller.writes();
    assert_eq!(writes[0], "DELETE /api/gslbservice more.avi.iberia.local");
    assert!(writes[1].starts_with("DELETE /api/healthmonitor amko--"));
    assert_eq!(writes.len(), 2);
}

// catalogue amko: 109
#[tokio::test]
async fn objects_of_another_amko_are_left_alone() {
    let controller = Controller::new();
    controller.put("gslbservice", json!({"name": "theirs", "created_by": "amko-other", "groups": []}));
    let marker = json!([{"key": "created-by", "values": ["amko-other"]}]);
    controller.put("healthmonitor", json!({"name": "amko--theirs", "is_federated": true, "markers": marker}));
    let mut setting = Setting::new(controller, clusters()).await;
    setting.start().await;
    setting.amko().synced().await;
    assert!(setting.controller.get("gslbservice", "theirs").is_some());
    assert!(setting.controller.get("healthmonitor", "amko--theirs").is_some());
}

#[tokio::test]
async fn a_policy_that_was_never_valid_deletes_nothing() {
    let mut setting = Setting::hello().await;
    setting.amko.take().unwrap().shutdown().await;
    setting.controller.take_asked();
    setting.leader().apply(policy([60, 4, 2]));
    setting.start().await;
    setting.amko().synced().await;
    assert_eq!(setting.controller.writes(), [""; 0]);
    let expected = "traffic weight 60 must be between 1 and 20".to_owned();
    setting.until("its status", |s| s.leader().statuses().contains(&expected)).await;
}

#[tokio::test]
async fn an_unreadable_policy_at_the_start_deletes_nothing() {
    let mut setting = Setting::hello().await;
    setting.amko.take().unwrap().shutdown().await;
    setting.controller.take_asked();
    let mut objects = leader_objects();
    objects[0] = setting.leader().object(Kind::GslbConfig).unwrap();
    objects.remove(1);
    setting.clusters[0] = Cluster::silent("s1az1", objects);
    setting.start().await;
    setting.until("a watch", |s| s.clusters[0].is_watched()).await;
    setting.clusters[0].speak();
    setting.clusters[0].problem("no object");
    setting.amko().synced().await;
    assert_eq!(setting.controller.writes(), [""; 0]);
}
