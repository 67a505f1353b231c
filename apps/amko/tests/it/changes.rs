//! A change in a cluster is a write with its reason (amko 6.7, 7.10, 13.10).

use k8s_crds::Object;
use serde_json::json;

use amko::AmkoEvent;

use crate::setting::{HOST, Setting, hello, ingress, policy, policy_object};

// catalogue amko: 94, 95
#[tokio::test]
async fn a_new_split_is_one_write_that_names_the_policy() {
    let mut setting = Setting::hello().await;
    setting.controller.take_asked();
    setting.until_event(|event| matches!(event, AmkoEvent::Synced { .. })).await;
    setting.leader().apply(policy([6, 3, 1]));
    setting.until_members(&["127.10.23.40*1", "127.10.25.40*6", "127.10.26.40*3"]).await;
    let texts = setting.until_event(|event| matches!(event, AmkoEvent::Written { .. })).await;
    let expected = "gslbservice hello.avi.iberia.local updated\n    \
         ratio of 127.10.26.40 (s1az2) 4 → 3: GlobalDeploymentPolicy avi-system/global-gdp\n    \
         ratio of 127.10.23.40 (s2) 2 → 1: GlobalDeploymentPolicy avi-system/global-gdp";
    assert_eq!(texts.last().unwrap(), expected);
    assert_eq!(setting.controller.writes(), [format!("PUT /api/gslbservice {HOST}")]);
}

// catalogue amko: 107, 152
#[tokio::test]
async fn another_port_of_a_service_makes_its_monitor_anew() {
    let setting = Setting::hello().await;
    let host = "db.avi.iberia.local";
    let service = |port: u16| {
        let service = json!({
            "metadata": {"name": "db", "namespace": "default", "labels": {"app": "gslb"}},
            "spec": {"type": "LoadBalancer", "ports": [{"port": 9187}, {"port": port}]},
            "status": {"loadBalancer": {"ingress": [{"hostname": host, "ip": "127.10.25.50"}]}},
        });
        Object::Service(serde_json::from_value(service).unwrap())
    };
    let monitor = amko_translate::non_path_name(host);
    let probed = |s: &Setting| s.controller.get("healthmonitor", &monitor).map(|body| body["monitor_port"].clone());
    let attached = |s: &Setting| {
        let service = s.controller.get("gslbservice", host).unwrap_or_default();
        service["health_monitor_refs"].as_array().is_some_and(|refs| refs.len() == 1)
    };
    setting.leader().apply(service(5432));
    setting.until("the smallest port", |s| probed(s) == Some(5432.into()) && attached(s)).await;
    setting.controller.take_asked();
    setting.leader().apply(service(5433));
    setting.until("the other port", |s| probed(s) == Some(5433.into()) && attached(s)).await;
    let expected = [
        format!("PUT /api/gslbservice {host}"),
        format!("DELETE /api/healthmonitor {monitor}"),
        format!("POST /api/healthmonitor/ {monitor}"),
        format!("PUT /api/gslbservice {host}"),
    ];
    assert_eq!(setting.controller.writes(), expected);
}

#[tokio::test]
async fn a_dropped_label_takes_the_member_out_and_says_so() {
    let mut setting = Setting::hello().await;
    let Object::Ingress(mut ingress) = hello("127.10.23.40") else { panic!() };
    ingress.metadata.labels = None;
    setting.clusters[2].apply(Object::Ingress(ingress));
    setting.until_members(&["127.10.25.40*6", "127.10.26.40*4"]).await;
    let reason = "member 127.10.23.40 (s2) left: label app=gslb dropped from Ingress default/hello";
    setting.until_event(|event| event.to_string().contains(reason)).await;
    setting.clusters[2].apply(hello("127.10.23.40"));
    setting.until_members(&["127.10.23.40*2", "127.10.25.40*6", "127.10.26.40*4"]).await;
    let reason = "member 127.10.23.40 (s2) joined: label app=gslb added to Ingress default/hello";
    setting.until_event(|event| event.to_string().contains(reason)).await;
}

// catalogue amko: 96
#[tokio::test]
async fn the_last_member_takes_service_and_monitor_with_it() {
    let setting = Setting::hello().await;
    setting.controller.take_asked();
    for cluster in &setting.clusters {
        cluster.delete(&hello(""));
    }
    setting.until("no monitor", |s| s.controller.monitors() == 0).await;
    let writes = setting.controller.writes();
    assert_eq!(writes[writes.len() - 2], format!("DELETE /api/gslbservice {HOST}"));
    assert!(writes[writes.len() - 1].starts_with("DELETE /api/healthmonitor amko--"));
    // Nothing of it is thought to be there any more.
    setting.controller.take_asked();
    setting.leader().apply(hello("127.10.25.40"));
    setting.until_members(&["127.10.25.40*6"]).await;
    let writes = setting.controller.writes();
    assert!(writes[0].starts_with("POST /api/healthmonitor/ amko--"), "{writes:?}");
    assert_eq!(writes[1..], [format!("POST /api/gslbservice/ {HOST}")]);
}

// catalogue amko: 86, 91
#[tokio::test]
async fn another_address_is_one_write() {
    let setting = Setting::hello().await;
    setting.controller.take_asked();
    setting.clusters[2].apply(hello("127.10.23.41"));
    setting.until_members(&["127.10.23.41*2", "127.10.25.40*6", "127.10.26.40*4"]).await;
    setting.clusters[2].apply(hello("127.10.23.41"));
    setting.settle().await;
    let of_host: Vec<_> = setting.controller.writes().into_iter().filter(|line| line.contains(HOST)).collect();
    assert_eq!(of_host, [format!("PUT /api/gslbservice {HOST}")]);
}

// catalogue amko: 131
#[tokio::test]
async fn a_template_is_named_by_the_monitors_and_another_one_changes_them() {
    let setting = Setting::hello().await;
    let monitor = setting.controller.get("gslbservice", HOST).unwrap()["health_monitor_refs"][0].clone();
    let monitor = monitor.as_str().unwrap().rsplit('#').next().unwrap().to_owned();
    setting.controller.put(
        "healthmonitor",
        json!({
            "name": "my-template", "type": "HEALTH_MONITOR_HTTP", "is_federated": true,
            "http_monitor": {"http_request": "OPTIONS / HTTP/1.1", "http_response_code": ["HTTP_4XX"]},
        }),
    );
    let mut object = policy_object([6, 4, 2]);
    for (template, request) in [("System-GSLB-HTTP", "GET / HTTP/1.1"), ("my-template", "OPTIONS / HTTP/1.1")] {
        setting.controller.take_asked();
        object.spec.health_monitor_template = Some(template.into());
        setting.leader().apply(Object::GlobalDeploymentPolicy(object.clone()));
        let body = |s: &Setting| s.controller.get("healthmonitor", &monitor).unwrap();
        let created_from = format!(", created from: {template}");
        let is_described = |s: &Setting| body(s)["description"].as_str().unwrap().ends_with(&created_from);
        setting.until("the monitor", is_described).await;
        assert_eq!(body(&setting)["http_monitor"]["http_request"], request);
        assert_eq!(setting.controller.writes(), [format!("PUT /api/healthmonitor {monitor}")]);
    }
}

#[tokio::test]
async fn a_deleted_policy_deletes_every_service() {
    let setting = Setting::hello().await;
    setting.leader().delete(&policy([6, 4, 2]));
    setting.until("no service", |s| s.controller.get("gslbservice", HOST).is_none()).await;
    setting.until("no monitor", |s| s.controller.monitors() == 0).await;
}

#[tokio::test]
async fn an_invalid_policy_gets_its_text_and_changes_nothing() {
    let setting = Setting::hello().await;
    setting.controller.take_asked();
    setting.leader().apply(policy([6, 50, 2]));
    let expected = "traffic weight 50 must be between 1 and 20";
    setting.until("its status", |s| s.leader().statuses().iter().any(|status| status == expected)).await;
    assert_eq!(setting.controller.writes(), [""; 0]);
}

// catalogue amko: 106
#[tokio::test]
async fn tls_makes_new_monitors_first_and_deletes_old_ones_last() {
    let setting = Setting::hello().await;
    setting.controller.take_asked();
    let Object::Ingress(mut ingress) = hello("127.10.23.40") else { panic!() };
    ingress.spec.as_mut().unwrap().tls = Some(serde_json::from_value(json!([{"hosts": [HOST]}])).unwrap());
    setting.clusters[2].apply(Object::Ingress(ingress));
    setting.until("one monitor", |s| s.controller.writes().len() == 3).await;
    let writes = setting.controller.writes();
    let verbs: Vec<_> = writes.iter().map(|line| line.rsplit_once(' ').unwrap().0).collect();
    assert_eq!(verbs, ["POST /api/healthmonitor/", "PUT /api/gslbservice", "DELETE /api/healthmonitor"]);
}

// catalogue amko: 121, 122
#[tokio::test]
async fn named_monitors_are_looked_up_and_attached() {
    let setting = Setting::hello().await;
    setting.controller.take_asked();
    let mut object = policy_object([6, 4, 2]);
    object.spec.health_monitor_refs = vec!["my-hm3".into()];
    setting.leader().apply(Object::GlobalDeploymentPolicy(object.clone()));
    let expected = "health monitor ref my-hm3 is invalid";
    setting.until("its status", |s| s.leader().statuses().iter().any(|status| status == expected)).await;
    assert_eq!((setting.controller.monitors(), setting.controller.writes()), (1, vec![]));
    setting
        .controller
        .put("healthmonitor", json!({"name": "my-hm3", "type": "HEALTH_MONITOR_TCP", "is_federated": true}));
    object.spec.ttl = Some(30);
    setting.leader().apply(Object::GlobalDeploymentPolicy(object));
    setting.until("the named one", |s| s.controller.monitors() == 0).await;
    let refs = setting.controller.get("gslbservice", HOST).unwrap()["health_monitor_refs"].to_string();
    assert!(refs.contains("#my-hm3"), "{refs}");
}

#[tokio::test]
async fn hand_tuned_monitors_stay_and_other_edits_are_repaired_on_the_next_read() {
    let mut setting = Setting::hello().await;
    let body = setting.controller.get("gslbservice", HOST).unwrap();
    let monitor = body["health_monitor_refs"][0].as_str().unwrap().rsplit('#').next().unwrap().to_owned();
    setting.controller.edit("healthmonitor", &monitor, |body| body["send_interval"] = 1.into());
    setting.controller.edit("gslbservice", HOST, |body| body["enabled"] = false.into());
    setting.restart().await;
    setting.amko().synced().await;
    assert_eq!(setting.controller.writes(), [format!("PUT /api/gslbservice {HOST}")]);
    assert_eq!(setting.controller.get("healthmonitor", &monitor).unwrap()["send_interval"], 1);
    assert_eq!(setting.controller.get("gslbservice", HOST).unwrap()["enabled"], true);
}

#[tokio::test]
async fn a_broken_watch_is_taken_up_again_and_loses_no_member() {
    let mut setting = Setting::hello().await;
    setting.controller.take_asked();
    setting.clusters[2].hang_up();
    setting.until_event(|event| matches!(event, AmkoEvent::ClusterSilent { .. })).await;
    setting.until_event(|event| matches!(event, AmkoEvent::ClusterBack { .. })).await;
    setting.settle().await;
    assert!(setting.controller.writes().iter().all(|line| !line.contains(HOST)));
}

#[tokio::test]
async fn a_selected_object_that_is_of_no_use_is_told_once_with_the_reason() {
    let mut setting = Setting::hello().await;
    let Object::Ingress(mut bare) = ingress("bare", "bare.avi.iberia.local", "127.10.25.41") else { panic!() };
    bare.status = None;
    for _ in 0..2 {
        setting.leader().apply(Object::Ingress(bare.clone()));
        setting.settle().await;
    }
    setting.leader().apply(ingress("bare", "bare.avi.iberia.local", "127.10.25.41"));
    let is_it = |event: &AmkoEvent| matches!(event, AmkoEvent::Written { kind: "gslbservice", name, .. } if name.starts_with("bare"));
    let texts = setting.until_event(is_it).await;
    let told: Vec<_> = texts.iter().filter(|text| text.contains("makes no member")).collect();
    assert_eq!(told, ["Ingress default/bare of s1az1 makes no member: its status has no load balancer entry yet"]);
}
