//! A controller that refuses, forgets, or is away (amko 7.8, 13.8).

use k8s_crds::{GslbHostRule, Kind, Object};
use serde_json::json;

use amko::AmkoEvent;

use crate::controller::Controller;
use crate::setting::{HOST, Setting, clusters, ingress, policy, policy_object};

const CHANGED: [&str; 3] = ["127.10.23.40*1", "127.10.25.40*6", "127.10.26.40*3"];

// catalogue amko: 99
#[tokio::test]
async fn a_service_that_vanished_is_made_again() {
    let setting = Setting::hello().await;
    setting.controller.remove("gslbservice", HOST);
    setting.controller.take_asked();
    setting.leader().apply(policy([6, 3, 1]));
    setting.until_members(&CHANGED).await;
    assert_eq!(
        setting.controller.writes(),
        [format!("PUT /api/gslbservice {HOST}"), format!("POST /api/gslbservice/ {HOST}")]
    );
}

#[tokio::test]
async fn a_monitor_that_vanished_is_made_again() {
    let setting = Setting::hello().await;
    let refs = setting.controller.get("gslbservice", HOST).unwrap()["health_monitor_refs"].clone();
    setting.controller.remove("gslbservice", HOST);
    setting.controller.remove("healthmonitor", refs[0].as_str().unwrap().rsplit('#').next().unwrap());
    setting.leader().apply(policy([6, 3, 1]));
    setting.until_members(&CHANGED).await;
    assert_eq!(setting.controller.monitors(), 1);
}

// catalogue amko: 100
#[tokio::test]
async fn a_service_of_ours_that_was_there_already_is_changed() {
    let setting = Setting::hello().await;
    let own = setting.controller.get("gslbservice", HOST).unwrap()["created_by"].clone();
    setting.controller.put("gslbservice", json!({"name": "new.avi.iberia.local", "created_by": own}));
    setting.controller.take_asked();
    setting.leader().apply(ingress("new", "new.avi.iberia.local", "127.10.25.41"));
    setting.until("the service", |s| s.controller.members("new.avi.iberia.local").len() == 1).await;
    let lines = setting.controller.take_asked();
    let services: Vec<_> = lines.iter().filter(|line| line.contains("gslbservice")).collect();
    assert_eq!(services[0], "POST /api/gslbservice/ new.avi.iberia.local");
    assert!(services[1].starts_with("GET /api/gslbservice?") && services[1].contains("name=new.avi.iberia.local"));
    assert_eq!(services.last().unwrap().as_str(), "PUT /api/gslbservice new.avi.iberia.local");
}

#[tokio::test]
async fn a_service_of_another_owner_is_told_and_left() {
    let controller = Controller::new();
    controller.put("gslbservice", json!({"name": HOST, "created_by": "amko-other", "groups": []}));
    let mut setting = Setting::new(controller, clusters()).await;
    setting.start().await;
    let texts = setting.until_event(|event| matches!(event, AmkoEvent::InTheWay { .. })).await;
    let expected = "not written: gslbservice admin/hello.avi.iberia.local belongs to amko-other; \
                    delete it there, or choose another host";
    assert_eq!(texts.last().unwrap(), expected);
    let texts = setting.until_event(|event| matches!(event, AmkoEvent::Synced { .. })).await;
    assert_eq!(texts.last().unwrap(), "in sync: 0 GSLB services; 1 not written, another owner has them");
    setting.settle().await;
    assert_eq!(setting.controller.get("gslbservice", HOST).unwrap()["created_by"], "amko-other");
    let (verdict, warnings) = told(&setting, Kind::GlobalDeploymentPolicy);
    assert_eq!((verdict.as_str(), warnings), ("success", vec![expected.to_owned()]));
}

#[tokio::test]
async fn a_monitor_of_our_name_is_adopted() {
    let mut setting = Setting::hello().await;
    setting.amko.take().unwrap().shutdown().await;
    let refs = setting.controller.get("gslbservice", HOST).unwrap()["health_monitor_refs"].clone();
    let monitor = refs[0].as_str().unwrap().rsplit('#').next().unwrap().to_owned();
    setting.controller.remove("gslbservice", HOST);
    setting.controller.edit("healthmonitor", &monitor, |body| body["markers"] = json!([]));
    setting.controller.take_asked();
    setting.start().await;
    setting.amko().synced().await;
    let expected = [format!("PUT /api/healthmonitor {monitor}"), format!("POST /api/gslbservice/ {HOST}")];
    assert_eq!(setting.controller.writes(), expected);
    assert_eq!(setting.controller.get("healthmonitor", &monitor).unwrap()["markers"][0]["key"], "created-by");
}

// catalogue amko: 105
#[tokio::test]
async fn a_monitor_that_exists_is_looked_up_and_taken_over() {
    let setting = Setting::hello().await;
    let own = setting.controller.get("gslbservice", HOST).unwrap()["created_by"].clone();
    let host = "new.avi.iberia.local";
    let name = amko_translate::path_name(false, host, "/");
    setting.controller.put("healthmonitor", json!({"name": name, "type": "HEALTH_MONITOR_HTTP", "is_federated": true}));
    setting.controller.take_asked();
    setting.leader().apply(ingress("new", host, "127.10.25.41"));
    setting.until("the service", |s| s.controller.members(host).len() == 1).await;
    let asked = setting.controller.take_asked();
    let verbs: Vec<_> = asked.iter().map(|line| line.split(['?', ' ']).take(2).collect::<Vec<_>>().join(" ")).collect();
    let looked = verbs.iter().position(|verb| verb == "GET /api/healthmonitor").unwrap();
    assert_eq!((verbs[0].as_str(), looked > 0), ("POST /api/healthmonitor/", true), "{asked:#?}");
    assert!(asked[looked].contains(&name), "{asked:#?}");
    assert_eq!(verbs[verbs.len() - 2..], ["PUT /api/healthmonitor", "POST /api/gslbservice/"], "{asked:#?}");
    let marker = json!([{"key": "created-by", "values": [own]}]);
    assert_eq!(setting.controller.get("healthmonitor", &name).unwrap()["markers"], marker);
}

#[tokio::test]
async fn a_refused_service_does_not_hold_up_others_and_is_tried_again_when_it_changes() {
    let mut setting = Setting::hello().await;
    let before = setting.amko().writes();
    setting.controller.take_asked();
    setting.controller.fail(HOST, 400, "groups: too few");
    setting.leader().apply(policy([6, 4, 1]));
    let texts = setting.until_event(|event| matches!(event, AmkoEvent::NotWritten { .. })).await;
    assert!(texts.last().unwrap().contains("groups: too few"), "{texts:#?}");
    setting.leader().apply(ingress("more", "more.avi.iberia.local", "127.10.25.41"));
    setting.until("the other", |s| s.controller.get("gslbservice", "more.avi.iberia.local").is_some()).await;
    assert_eq!(setting.amko().progress().borrow().failing.len(), 1);
    let counted = |s: &Setting| {
        let (written, refused) = s.amko().writes();
        let asked = s.controller.writes().len() as u64;
        (written - before.0, refused - before.1) == (asked - 1, 1)
    };
    setting.until("every write counted", counted).await;
    setting.leader().apply(policy([6, 3, 1]));
    setting.until_members(&CHANGED).await;
}

/// What the policy, or the rule, is warned of, and its verdict.
fn told(setting: &Setting, kind: Kind) -> (String, Vec<String>) {
    match setting.leader().object(kind) {
        Some(Object::GlobalDeploymentPolicy(policy)) => {
            let status = policy.status.unwrap_or_default();
            (status.error_status, status.warnings.unwrap_or_default())
        }
        Some(Object::GslbHostRule(rule)) => {
            let status = rule.status.unwrap_or_default();
            (status.status, status.warnings.unwrap_or_default())
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_refusal_stands_in_the_status_of_the_policy_until_the_service_is_written() {
    let setting = Setting::hello().await;
    setting.settle().await;
    assert_eq!(told(&setting, Kind::GlobalDeploymentPolicy), ("success".to_owned(), vec![]));
    // Refused three times, with pauses that grow; told once.
    for _ in 0..3 {
        setting.controller.fail(HOST, 400, "domain name conflicting with existing domain name");
    }
    setting.controller.take_asked();
    setting.leader().apply(Object::GlobalDeploymentPolicy({
        let mut policy = policy_object([6, 3, 1]);
        policy.status = Some(serde_json::from_value(json!({"errorStatus": "success"})).unwrap());
        policy
    }));
    let before = setting.leader().statuses().len();
    let expected = format!(
        "GSLB service admin/{HOST} is not written, trying again: PUT /api/gslbservice/{}: the controller answered 400: \
         domain name conflicting with existing domain name",
        setting.controller.get("gslbservice", HOST).unwrap()["uuid"].as_str().unwrap()
    );
    let warned = ("success".to_owned(), vec![expected]);
    setting.until("the warning", |s| told(s, Kind::GlobalDeploymentPolicy) == warned).await;
    setting.until_members(&CHANGED).await;
    setting.until("all to be well", |s| told(s, Kind::GlobalDeploymentPolicy) == ("success".to_owned(), vec![])).await;
    let tries = setting.controller.writes().iter().filter(|line| line.contains(HOST)).count();
    assert_eq!((tries, setting.leader().statuses().len() - before), (4, 2), "{:?}", setting.leader().statuses());
}

#[tokio::test]
async fn a_refusal_of_a_service_with_a_rule_stands_in_the_status_of_the_rule() {
    let mut setting = Setting::hello().await;
    setting.controller.fail(HOST, 400, "ttl: not like this");
    let rule = json!({
        "metadata": {"name": "hello", "namespace": "default"},
        "spec": {"fqdn": HOST, "ttl": 7, "trafficSplit": [
            {"cluster": "s2", "weight": 2}, {"cluster": "s2", "weight": 3},
        ]},
    });
    setting.leader().apply(Object::GslbHostRule(serde_json::from_value::<GslbHostRule>(rule).unwrap()));
    let texts = setting.until_event(|event| matches!(event, AmkoEvent::ConfigDoubtful { .. })).await;
    let twice = "trafficSplit names cluster s2 2 times, the last entry counts; remove the others";
    assert!(texts.last().unwrap().ends_with(twice), "{texts:#?}");
    let warned = |s: &Setting| {
        let (verdict, warnings) = told(s, Kind::GslbHostRule);
        let refused = warnings.get(1).is_some_and(|warning| warning.ends_with("answered 400: ttl: not like this"));
        verdict == "Accepted" && warnings[0] == twice && refused
    };
    setting.until("the warnings", |s| told(s, Kind::GslbHostRule).1.len() == 2 && warned(s)).await;
    assert_eq!(told(&setting, Kind::GlobalDeploymentPolicy), ("success".to_owned(), vec![]));
    let only_twice = ("Accepted".to_owned(), vec![twice.to_owned()]);
    setting.until("the refusal to be over", |s| told(s, Kind::GslbHostRule) == only_twice).await;
}

#[tokio::test]
async fn a_service_that_the_controller_refuses_leaves_no_monitor_behind() {
    let controller = Controller::new();
    for _ in 0..2 {
        controller.fail(
            &format!("POST /api/gslbservice/ {HOST}"),
            400,
            "domain name conflicting with existing domain name",
        );
    }
    let mut setting = Setting::new(controller, clusters()).await;
    setting.start().await;
    let texts = setting.until_event(|event| matches!(event, AmkoEvent::NotWritten { .. })).await;
    assert!(!texts.iter().any(|text| text.contains("healthmonitor")), "{texts:#?}");
    assert_eq!(setting.controller.monitors(), 0);
    // Tried again by itself; the monitor is made anew with it.
    setting.until_members(&["127.10.23.40*2", "127.10.25.40*6", "127.10.26.40*4"]).await;
    assert_eq!(setting.controller.monitors(), 1);
    let asked = setting.controller.writes();
    assert_eq!(asked.iter().filter(|line| line.starts_with("DELETE /api/healthmonitor")).count(), 2, "{asked:#?}");
}

#[tokio::test]
async fn a_service_that_was_made_by_another_meanwhile_leaves_no_monitor_behind() {
    let mut setting = Setting::new(Controller::new(), clusters()).await;
    setting.start().await;
    setting.amko().synced().await;
    // Not known to the operator.
    let name = "new.avi.iberia.local";
    setting.controller.put("gslbservice", json!({"name": name, "created_by": "amko-other", "groups": []}));
    setting.leader().apply(ingress("new", name, "127.10.25.41"));
    setting.until_event(|event| matches!(event, AmkoEvent::InTheWay { .. })).await;
    setting.until("the monitor to go", |s| s.controller.monitors() == 1).await;
    assert_eq!(setting.controller.get("gslbservice", name).unwrap()["created_by"], "amko-other");
    setting.settle().await;
    // The marker's own monitor goes after its service.
    setting.until("no other monitor", |s| s.controller.monitors() == 1).await;
}

#[tokio::test]
async fn a_server_error_is_tried_again() {
    let setting = Setting::hello().await;
    setting.controller.fail(HOST, 500, "oops");
    setting.leader().apply(policy([6, 3, 1]));
    setting.until_members(&CHANGED).await;
}

// catalogue amko: 104
#[tokio::test]
async fn a_controller_that_restarts_is_found_again_and_told_once() {
    let mut setting = Setting::hello().await;
    setting.stop_controller();
    setting.leader().apply(policy([6, 3, 1]));
    setting.until_event(|event| matches!(event, AmkoEvent::ControllerAway { .. })).await;
    setting.leader().apply(ingress("more", "more.avi.iberia.local", "127.10.25.41"));
    setting.start_controller().await;
    let texts = setting.until_event(|event| matches!(event, AmkoEvent::ControllerBack)).await;
    assert!(!texts.iter().any(|text| text.starts_with("controller cannot be used")), "told once: {texts:#?}");
    setting.until_members(&CHANGED).await;
    setting.until("the other", |s| s.controller.get("gslbservice", "more.avi.iberia.local").is_some()).await;
    let reason = "ratio of 127.10.26.40 (s1az2) 4 → 3";
    setting.until_event(|event| event.to_string().contains(reason)).await;
}

#[tokio::test]
async fn a_controller_that_is_away_at_the_start_is_waited_for() {
    let mut setting = Setting::new(Controller::new(), clusters()).await;
    setting.stop_controller();
    setting.start().await;
    setting.until_event(|event| matches!(event, AmkoEvent::ControllerAway { .. })).await;
    let text = "error: issue in connecting to the controller API, ";
    setting.until("a status", |s| s.leader().statuses().iter().any(|status| status.starts_with(text))).await;
    setting.start_controller().await;
    setting.until_members(&["127.10.23.40*2", "127.10.25.40*6", "127.10.26.40*4"]).await;
}

#[tokio::test]
async fn a_wrong_password_is_told() {
    let controller = Controller::new();
    controller.set_password("another");
    let mut setting = Setting::new(controller, clusters()).await;
    setting.start().await;
    let texts = setting.until_event(|event| matches!(event, AmkoEvent::ControllerAway { .. })).await;
    assert!(texts.last().unwrap().contains("Invalid credentials"), "{texts:#?}");
    let text = "error: issue in connecting to the controller API, ";
    setting.until("a status", |s| s.leader().statuses().last().is_some_and(|last| last.starts_with(text))).await;
}

// catalogue amko: 102
#[tokio::test]
async fn a_follower_is_not_written_to_until_it_leads() {
    let controller = Controller::new();
    controller.set_follower(true);
    let mut setting = Setting::new(controller, clusters()).await;
    setting.start().await;
    let text = "error: controller not a leader";
    setting.until("a status", |s| s.leader().statuses().iter().any(|status| status == text)).await;
    assert_eq!(setting.controller.writes(), [""; 0]);
    setting.controller.set_follower(false);
    setting.until_members(&["127.10.23.40*2", "127.10.25.40*6", "127.10.26.40*4"]).await;
    setting.controller.set_follower(true);
    setting.leader().apply(policy([6, 3, 1]));
    let text = "Config Operations can be done ONLY on leader";
    setting.until("a status", |s| s.leader().statuses().iter().any(|status| status == text)).await;
    // The next looks find a follower, and nothing is written.
    setting.controller.take_asked();
    setting.leader().apply(ingress("more", "more.avi.iberia.local", "127.10.25.41"));
    let looks = |s: &Setting| s.controller.asked().iter().filter(|line| *line == "GET /api/gslb").count();
    setting.until("two looks", |s| looks(s) >= 2).await;
    assert_eq!(setting.controller.writes(), [""; 0]);
    setting.controller.set_follower(false);
    setting.until_members(&CHANGED).await;
    setting.until("the other", |s| s.controller.get("gslbservice", "more.avi.iberia.local").is_some()).await;
}
