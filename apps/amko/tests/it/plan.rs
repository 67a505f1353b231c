//! A plan says what would be written, and writes nothing.

use amko::{PlanDocument, Verdict, rehearse};
use k8s_crds::{Kind, Object};
use serde_json::json;

use crate::controller::Controller;
use crate::setting::{HOST, Setting, clusters, gslb_config, ingress, policy, policy_object};

/// Plans beside an operator that has ended, and checks that nothing was written anywhere.
async fn plan(setting: &mut Setting, candidates: Vec<Object>) -> PlanDocument {
    if let Some(amko) = setting.amko.take() {
        amko.shutdown().await;
    }
    setting.controller.take_asked();
    let kept = setting.controller.all();
    let statuses = setting.leader().statuses();
    let objects: Vec<_> = setting.clusters.iter().map(|cluster| cluster.objects()).collect();

    let plan = rehearse(setting.config(), candidates).await.unwrap();

    let asked = setting.controller.take_asked();
    assert!(asked.iter().all(|line| line.starts_with("GET ") || line == "POST /login"), "{asked:#?}");
    assert_eq!(setting.controller.all(), kept);
    assert_eq!(setting.leader().statuses(), statuses);
    assert_eq!(setting.clusters.iter().map(|cluster| cluster.objects()).collect::<Vec<_>>(), objects);
    plan
}

#[tokio::test]
async fn a_changed_policy_is_planned_field_by_field_and_nothing_is_written() {
    let mut setting = Setting::hello().await;
    let plan = plan(&mut setting, vec![policy([6, 3, 1])]).await;
    let [change] = &plan.changes[..] else { panic!("{plan:#?}") };
    assert_eq!((change.verdict, change.name.as_str(), change.is_due_anyway), (Verdict::Change, HOST, false));
    let text = plan.to_string();
    let expected = format!(
        "Plan for {} by GSLBConfig gc-1 of cluster s1az1, with GlobalDeploymentPolicy avi-system/global-gdp as in the file

~ gslbservice hello.avi.iberia.local
    groups[amko-gs-group-10].members[127.10.26.40].ratio: 4 → 3
    groups[amko-gs-group-10].members[127.10.23.40].ratio: 2 → 1
    because: ratio of 127.10.26.40 (s1az2) 4 → 3: GlobalDeploymentPolicy avi-system/global-gdp
    because: ratio of 127.10.23.40 (s2) 2 → 1: GlobalDeploymentPolicy avi-system/global-gdp

1 to change; 0 GSLB services stay as they are.
",
        setting.config().controller.base_url
    );
    assert_eq!(text, expected);
    let json = serde_json::to_value(&plan).unwrap();
    let ratio = json!({"path": "groups[amko-gs-group-10].members[127.10.26.40].ratio", "from": 4, "to": 3});
    assert_eq!(json["changes"][0]["fields"][0], ratio);
    assert_eq!(json["changes"][0]["verdict"], "change");
}

#[tokio::test]
async fn where_all_is_well_there_is_nothing_to_do() {
    let mut setting = Setting::hello().await;
    let plan = plan(&mut setting, vec![]).await;
    assert!(plan.changes.is_empty(), "{plan:#?}");
    assert!(plan.to_string().ends_with("Nothing to do; 1 GSLB service stays as it is.\n"), "{plan}");
    let clusters: Vec<_> = plan.clusters.iter().map(|c| (c.cluster.as_str(), c.is_readable, c.members)).collect();
    assert_eq!(clusters, [("s1az1", true, 1), ("s1az2", true, 1), ("s2", true, 1)]);
}

#[tokio::test]
async fn a_first_start_is_planned_without_storing_an_identity() {
    let mut setting = Setting::new(Controller::new(), clusters()).await;
    let plan = plan(&mut setting, vec![]).await;
    let made: Vec<_> = plan.changes.iter().map(|change| (change.verdict, change.kind)).collect();
    assert_eq!(made, [(Verdict::Create, "gslbservice"), (Verdict::Create, "healthmonitor")]);
    let text = plan.to_string();
    let members = "    amko-gs-group-10: 127.10.25.40*6, 127.10.26.40*4, 127.10.23.40*2 (round_robin)\n";
    assert!(text.contains(members), "{text}");
    assert!(text.contains("! the controller has nothing of ours (amko-"), "{text}");
    assert!(text.ends_with("2 to create; 0 GSLB services stay as they are.\n"), "{text}");
}

#[tokio::test]
async fn what_is_due_anyway_is_told_from_what_the_file_brings() {
    let mut setting = Setting::hello().await;
    setting.amko.take().unwrap().shutdown().await;
    setting.leader().apply(ingress("more", "more.avi.iberia.local", "127.10.25.41"));
    setting.controller.edit("gslbservice", HOST, |body| body["enabled"] = false.into());
    let plan = plan(&mut setting, vec![policy([6, 4, 1])]).await;
    let due: Vec<_> = plan.changes.iter().map(|c| (c.verdict, c.name.as_str(), c.is_due_anyway)).collect();
    assert_eq!(due[0], (Verdict::Change, HOST, false));
    assert_eq!(due[1], (Verdict::Create, "more.avi.iberia.local", true));
    let fields: Vec<_> = plan.changes[0].fields.iter().map(|field| field.path.as_str()).collect();
    assert!(fields.contains(&"enabled"), "an edit by hand would be repaired too: {fields:?}");
}

#[tokio::test]
async fn a_policy_that_would_be_refused_is_told_and_plans_nothing() {
    let mut setting = Setting::hello().await;
    let plan = plan(&mut setting, vec![policy([60, 4, 2])]).await;
    assert!(plan.changes.is_empty(), "{plan}");
    let expected = "! GlobalDeploymentPolicy avi-system/global-gdp is not accepted: \
                    traffic weight 60 must be between 1 and 20\n";
    assert!(plan.to_string().contains(expected), "{plan}");
}

#[tokio::test]
async fn a_policy_that_selects_nothing_plans_to_delete_everything() {
    let mut setting = Setting::hello().await;
    let mut object = policy_object([6, 4, 2]);
    object.spec.match_clusters.clear();
    object.spec.traffic_split.clear();
    let plan = plan(&mut setting, vec![Object::GlobalDeploymentPolicy(object)]).await;
    let gone: Vec<_> = plan.changes.iter().map(|change| (change.verdict, change.kind)).collect();
    assert_eq!(gone, [(Verdict::Delete, "gslbservice"), (Verdict::Delete, "healthmonitor")]);
    let why =
        "member 127.10.26.40 (s1az2) left: cluster s1az2 dropped from GlobalDeploymentPolicy avi-system/global-gdp";
    assert!(plan.changes[0].why.iter().any(|line| line == why), "{plan}");
    assert!(plan.to_string().ends_with("2 to delete; 0 GSLB services stay as they are.\n"), "{plan}");
}

#[tokio::test]
async fn a_config_and_a_rule_can_be_tried_too() {
    let mut setting = Setting::hello().await;
    let Object::GslbConfig(mut config) = gslb_config() else { panic!() };
    config.spec.member_clusters.pop();
    let rule = serde_json::from_value(json!({
        "metadata": {"name": "hello", "namespace": "default"}, "spec": {"fqdn": HOST, "ttl": 7},
    }));
    let mut object = policy_object([6, 4, 2]);
    object.spec.match_clusters.pop();
    object.spec.traffic_split.pop();
    let candidates =
        vec![Object::GslbConfig(config), Object::GslbHostRule(rule.unwrap()), Object::GlobalDeploymentPolicy(object)];
    let plan = plan(&mut setting, candidates).await;
    let text = plan.to_string();
    assert!(text.contains("    ttl: 7\n"), "{text}");
    assert!(text.contains("because: member 127.10.23.40 (s2) left"), "{text}");
    assert!(text.contains("  GSLBHostRule default/hello becomes: Accepted\n"), "{text}");
    assert_eq!(plan.changes.len(), 1, "{text}");
}

#[tokio::test]
async fn a_service_of_another_is_told() {
    let controller = Controller::new();
    controller.put("gslbservice", json!({"name": HOST, "created_by": "amko-other", "groups": []}));
    let mut setting = Setting::new(controller, clusters()).await;
    let plan = plan(&mut setting, vec![]).await;
    assert_eq!(plan.in_the_way, ["gslbservice admin/hello.avi.iberia.local belongs to amko-other"]);
    assert!(plan.changes.is_empty(), "{plan}");
}

#[tokio::test]
async fn a_policy_in_another_namespace_is_refused_with_the_way_out() {
    let setting = Setting::new(Controller::new(), clusters()).await;
    let mut object = policy_object([6, 4, 2]);
    object.metadata.namespace = Some("default".into());
    let error = rehearse(setting.config(), vec![Object::GlobalDeploymentPolicy(object)]).await.unwrap_err();
    let expected = "GlobalDeploymentPolicy global-gdp is in namespace default, and counts in avi-system alone; \
                    give it that namespace";
    assert_eq!(error.to_string(), expected);
    assert!(setting.leader().object(Kind::GslbConfig).is_some());
}

#[tokio::test]
async fn a_controller_that_does_not_answer_is_told() {
    let mut setting = Setting::new(Controller::new(), clusters()).await;
    setting.stop_controller();
    let error = rehearse(setting.config(), vec![]).await.unwrap_err().to_string();
    assert!(error.starts_with("the controller cannot be used: "), "{error}");
}
