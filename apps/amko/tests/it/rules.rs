//! What rules are told about themselves (amko 2.3, 13.10).

use k8s_crds::{GslbHostRule, Object};
use serde_json::{Value, json};

use crate::setting::{HOST, Setting};

fn rule(mut spec: Value) -> Object {
    spec["fqdn"] = HOST.into();
    let rule = json!({"metadata": {"name": "hello", "namespace": "default"}, "spec": spec});
    Object::GslbHostRule(serde_json::from_value::<GslbHostRule>(rule).unwrap())
}

/// Statuses of rules: `Accepted`, `Rejected` with its error.
fn statuses(setting: &Setting) -> Vec<String> {
    let is_rules = |status: &String| status.starts_with("Accepted") || status.starts_with("Rejected");
    setting.leader().statuses().into_iter().filter(is_rules).collect()
}

// catalogue amko: 130
#[tokio::test]
async fn a_rule_with_an_unknown_monitor_is_rejected_and_nothing_is_written() {
    let setting = Setting::hello().await;
    setting.controller.take_asked();
    setting.leader().apply(rule(json!({"ttl": 20, "healthMonitorRefs": ["my-hm3"]})));
    setting.until("its status", |s| !statuses(s).is_empty()).await;
    let expected = "Rejected Health Monitor Ref my-hm3 error for hello GSLBHostRule";
    assert_eq!(statuses(&setting), [expected]);
    assert_eq!(setting.controller.writes(), [""; 0]);
}

// catalogue amko: 139
#[tokio::test]
async fn a_rule_is_accepted_without_an_error_after_each_step() {
    let setting = Setting::hello().await;
    let steps = [
        (json!({"ttl": 20}), "/ttl", json!(20)),
        (json!({"ttl": 30}), "/ttl", json!(30)),
        (json!({"publicIP": [{"cluster": "s1az1", "ip": "160.10.1.1"}]}), "/ttl", Value::Null),
        (
            json!({"trafficSplit": [{"cluster": "s1az1", "weight": 7, "priority": 20}]}),
            "/groups/0/members/0/ratio",
            json!(7),
        ),
        (
            json!({"poolAlgorithmSettings": {"lbAlgorithm": "GSLB_ALGORITHM_TOPOLOGY"}}),
            "/groups/0/algorithm",
            json!("GSLB_ALGORITHM_TOPOLOGY"),
        ),
        (
            json!({"healthMonitorRefs": ["System-GSLB-HTTP"]}),
            "/health_monitor_refs/0",
            json!(format!("https://host/api/healthmonitor/{}#System-GSLB-HTTP", uuid(&setting))),
        ),
    ];
    for (spec, place, expected) in steps {
        setting.leader().apply(rule(spec.clone()));
        let arrived = |s: &Setting| {
            let body = s.controller.get("gslbservice", HOST).unwrap();
            body.pointer(place).cloned().unwrap_or_default() == expected
        };
        setting.until(&format!("{spec} to arrive"), arrived).await;
        let told = |s: &Setting| {
            let Some(Object::GslbHostRule(rule)) = s.leader().object(k8s_crds::Kind::GslbHostRule) else { panic!() };
            rule.status.is_some_and(|status| (status.status.as_str(), status.error.as_str()) == ("Accepted", ""))
        };
        setting.until("its status", told).await;
    }
    assert!(statuses(&setting).iter().all(|status| status == "Accepted"), "{:?}", statuses(&setting));
}

fn uuid(setting: &Setting) -> String {
    setting.controller.get("healthmonitor", "System-GSLB-HTTP").unwrap()["uuid"].as_str().unwrap().to_owned()
}
