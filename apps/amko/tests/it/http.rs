//! AMKO's own HTTP interface (amko 8.1, 13.15).

use amko::Api;
use k8s_crds::{GslbHostRule, Object};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::cluster::Cluster;
use crate::controller::Controller;
use crate::setting::{HOST, Setting, clusters, ingress, policy, policy_object};

/// Status and body of an answer.
async fn ask(api: &Api, path: &str) -> (u16, Value) {
    let mut stream = tokio::net::TcpStream::connect(api.local_addr()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

async fn get(api: &Api, path: &str) -> Value {
    let (status, body) = ask(api, path).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

async fn api_of(setting: &Setting) -> Api {
    let api = Api::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    api.show(setting.amko());
    api
}

/// Asks until the answer is as it should be.
async fn until(api: &Api, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let poll = async {
        loop {
            let body = get(api, path).await;
            if holds(&body) {
                return body;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await; // bounded: polls a condition
        }
    };
    let found = tokio::time::timeout(std::time::Duration::from_secs(20), poll).await;
    found.unwrap_or_else(|_| panic!("{path} is not as it should be"))
}

fn connection(status: &Value) -> &Value {
    &status["avi_api"]["connection_status"]
}

// catalogue amko: 197
#[tokio::test]
async fn the_status_says_whether_the_controller_was_reached() {
    let api = Api::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let expected = json!({"avi_api": {"connection_status": "INITIATING", "errors": []}});
    assert_eq!(get(&api, "/api/status").await, expected, "before there is an operator");
    assert_eq!(ask(&api, "/api/gsgraph").await.0, 503);

    let mut setting = Setting::new(Controller::new(), clusters()).await;
    setting.stop_controller();
    setting.start().await;
    api.show(setting.amko());
    assert_eq!(connection(&get(&api, "/api/status").await), "INITIATING");
    setting.start_controller().await;
    let status = until(&api, "/api/status", |status| *connection(status) == "CONNECTED").await;
    assert_eq!(status["avi_api"]["errors"], json!([]));

    // What the operator tells goes into the status too.
    setting.amko().synced().await;
    setting.stop_controller();
    setting.leader().apply(policy([1, 1, 1]));
    let event = loop {
        let event = setting.events.recv().await.unwrap();
        api.note(&event);
        if matches!(event, amko::AmkoEvent::ControllerAway { .. }) {
            break event;
        }
    };
    let status = get(&api, "/api/status").await;
    assert_eq!(connection(&status), "DISCONNECTED");
    let error = status["avi_api"]["errors"][0]["error"].as_str().unwrap();
    assert!(event.to_string().contains(error), "{error}");
    assert_eq!(ask(&api, "/api/no-such-thing").await.0, 404);
}

// catalogue amko: 198
#[tokio::test]
async fn what_is_not_there_is_null_or_a_bad_request() {
    let setting = Setting::hello().await;
    let api = api_of(&setting).await;
    assert_eq!(get(&api, "/api/gsgraph?name=x").await, Value::Null);
    for cache in ["gscache", "hmcache"] {
        let expected = (400, json!({"error": "Bad Request"}));
        assert_eq!(ask(&api, &format!("/api/{cache}?name=x")).await, expected);
    }
    assert_eq!(get(&api, "/api/ghrules?fqdn=x").await, Value::Null);
    assert_eq!(get(&api, "/api/ghrules").await, json!([]));
    assert_eq!(ask(&api, "/api/ghrules?name=x").await, (200, Value::Null), "an empty answer");
}

// catalogue amko: 199
#[tokio::test]
async fn the_filter_mirrors_the_policy_in_force() {
    let setting = Setting::hello().await;
    let api = api_of(&setting).await;
    let filter = get(&api, "/api/filter").await;
    assert_eq!(filter["AppFilter"], json!({"Key": "app", "Value": "gslb"}));
    assert_eq!(filter["NSFilter"], Value::Null);
    let split = |cluster, weight| json!({"ClusterName": cluster, "Weight": weight, "Priority": 10});
    assert_eq!(filter["TrafficSplit"], json!([split("s1az1", 6), split("s1az2", 4), split("s2", 2)]));
    assert_eq!(filter["ApplicableClusters"]["s2"], json!({"SyncVipsOnly": true}));
    assert_eq!((&filter["TTL"], &filter["GlobalLock"]), (&Value::Null, &json!({})));

    let mut edited = policy_object([6, 3, 1]);
    edited.spec.ttl = Some(20);
    setting.leader().apply(Object::GlobalDeploymentPolicy(edited));
    let now = until(&api, "/api/filter", |filter| filter["TTL"] == 20).await;
    assert_eq!(now["TrafficSplit"][1], split("s1az2", 3));
    assert_ne!(now["Checksum"], filter["Checksum"]);
    // One that is refused does not come into force.
    setting.leader().apply(policy([50, 3, 1]));
    setting.until("the refusal", |s| s.leader().statuses().iter().any(|s| s.contains("traffic weight 50"))).await;
    assert_eq!(get(&api, "/api/filter").await["Checksum"], now["Checksum"]);
    setting.leader().delete(&policy([6, 3, 1]));
    let none = until(&api, "/api/filter", |filter| filter["AppFilter"].is_null()).await;
    assert_eq!((&none["TrafficSplit"], &none["ApplicableClusters"]), (&json!([]), &json!({})));
}

#[tokio::test]
async fn objects_are_listed_as_accepted_or_as_rejected_with_the_reason() {
    let setting = Setting::hello().await;
    let Object::Ingress(mut other) = ingress("other", "other.avi.iberia.local", "127.10.23.49") else { panic!() };
    other.metadata.labels = Some([("app".to_owned(), "other".to_owned())].into());
    setting.clusters[2].apply(Object::Ingress(other));
    let api = api_of(&setting).await;
    let rejected = until(&api, "/api/rejected/ingress", |list| list != &json!([])).await;
    assert_eq!(rejected[0]["ObjName"], "other/other.avi.iberia.local");
    assert_eq!((&rejected[0]["IPAddr"], &rejected[0]["Labels"]), (&"127.10.23.49".into(), &json!({"app": "other"})));
    assert_eq!(rejected[0]["Reason"], "it lacks the label app=gslb");

    let accepted = get(&api, "/api/accepted/ingress").await;
    assert_eq!(accepted.as_array().unwrap().len(), 3);
    let one = get(&api, &format!("/api/accepted/ingress?cluster=s2&ns=default&name=hello/{HOST}")).await;
    let expected = json!([{
        "Cluster": "s2", "IngName": "hello", "ObjName": format!("hello/{HOST}"), "Namespace": "default",
        "Hostname": HOST, "IPAddr": "127.10.23.40", "VirtualServiceUUID": "", "ControllerUUID": "",
        "Labels": {"app": "gslb"}, "Paths": ["/"], "TLS": false, "Tenant": "admin", "Passthrough": false,
    }]);
    assert_eq!(one, expected);
    for kind in ["lbsvc", "route", "mci"] {
        assert_eq!(get(&api, &format!("/api/accepted/{kind}")).await, json!([]));
        assert_eq!(get(&api, &format!("/api/rejected/{kind}")).await, json!([]));
    }
    assert_eq!(get(&api, "/api/accepted/ingress?cluster=nowhere").await, json!([]));
}

#[tokio::test]
async fn a_load_balancer_service_is_listed_too() {
    let service = serde_json::from_value(json!({
        "metadata": {"name": "dns", "namespace": "default", "labels": {"app": "gslb"}},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 53, "protocol": "UDP"}]},
        "status": {"loadBalancer": {"ingress": [{"hostname": "dns.avi.iberia.local", "ip": "127.10.23.53"}]}},
    }));
    let setting = Setting::hello().await;
    setting.clusters[2].apply(Object::Service(service.unwrap()));
    let api = api_of(&setting).await;
    let listed = until(&api, "/api/accepted/lbsvc", |list| list != &json!([])).await;
    assert_eq!((&listed[0]["Port"], &listed[0]["Protocol"]), (&53.into(), &"UDP".into()));
    let model = get(&api, "/api/gsgraph?name=dns.avi.iberia.local").await;
    assert_eq!((&model["Hm"]["Type"], &model["Hm"]["Port"]), (&"NonPathHM".into(), &53.into()));
    assert_eq!(model["MemberObjs"][0]["Proto"], "UDP");
}

#[tokio::test]
async fn models_and_caches_show_what_should_be_and_what_is() {
    let setting = Setting::hello().await;
    let apply_rule = |ttl: u32| {
        let rule = json!({
            "metadata": {"name": "rule", "namespace": "default"},
            "spec": {"fqdn": HOST, "ttl": ttl, "publicIP": [{"cluster": "s2", "ip": "192.0.2.23"}]},
        });
        setting.leader().apply(Object::GslbHostRule(serde_json::from_value::<GslbHostRule>(rule).unwrap()));
    };
    apply_rule(7);
    let api = api_of(&setting).await;
    let model = until(&api, &format!("/api/gsgraph?name={HOST}"), |model| model["TTL"] == 7).await;
    assert_eq!((&model["Name"], &model["Tenant"]), (&HOST.into(), &"admin".into()));
    assert_eq!(model["DomainNames"], json!([HOST]));
    let members = model["MemberObjs"].as_array().unwrap();
    let brief: Vec<_> =
        members.iter().map(|m| json!([m["Cluster"], m["IPAddr"], m["Weight"], m["PublicIP"]])).collect();
    let expected = json!([
        ["s1az1", "127.10.25.40", 6, ""],
        ["s1az2", "127.10.26.40", 4, ""],
        ["s2", "127.10.23.40", 2, "192.0.2.23"],
    ]);
    assert_eq!(json!(brief), expected);
    assert_eq!((&members[2]["ObjType"], &members[2]["SyncVIPOnly"]), (&"INGRESS".into(), &true.into()));
    assert_eq!((&model["Hm"]["Type"], &model["Hm"]["PathHM"][0]["Path"]), (&"PathHM".into(), &"/".into()));
    assert_eq!(get(&api, "/api/gsgraph").await, json!([model]));
    assert_eq!(get(&api, &format!("/api/gsgraph?name={HOST}&tenant=other")).await, Value::Null);
    // A sum of hashes (amko 5.7): another TTL changes it by what that adds.
    apply_rule(8);
    let later = until(&api, &format!("/api/gsgraph?name={HOST}"), |model| model["TTL"] == 8).await;
    let sum = |model: &Value| u32::try_from(model["GraphChecksum"].as_u64().unwrap()).unwrap();
    let hash = |octet: u8| (0x811c_9dc5_u32 ^ u32::from(octet)).wrapping_mul(0x0100_0193);
    assert_eq!(sum(&later).wrapping_sub(sum(&model)), hash(b'8').wrapping_sub(hash(b'7')));
    apply_rule(7);
    let again = until(&api, &format!("/api/gsgraph?name={HOST}"), |model| model["TTL"] == 7).await;
    assert_eq!(again["GraphChecksum"], model["GraphChecksum"]);
    let rule = get(&api, &format!("/api/ghrules?fqdn={HOST}")).await;
    assert_eq!((&rule["TTL"], &rule["PublicIP"][0]["cluster"]), (&7.into(), &"s2".into()));
    assert_eq!(get(&api, "/api/ghrules").await, json!([rule]));

    let is_written = |cache: &Value| cache["Members"][2]["PublicIP"] == "192.0.2.23";
    let cache = until(&api, &format!("/api/gscache?name={HOST}"), is_written).await;
    assert_eq!(cache["K8sObjects"][2], format!("INGRESS/s2/default/hello/{HOST}"));
    let monitor = cache["HealthMonitor"][0].as_str().unwrap();
    let monitor = get(&api, &format!("/api/hmcache?name={monitor}")).await;
    assert_eq!((&monitor["Type"], &monitor["Port"]), (&"HEALTH_MONITOR_HTTP".into(), &80.into()));
    assert_eq!(monitor["CustomHmSettings"]["RequestHeader"], "HEAD / HTTP/1.0");
    assert_eq!(monitor["CreatedBy"], cache["CreatedBy"]);
    assert_eq!(get(&api, "/api/gscache").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_interface_answers_of_the_operator_that_took_over() {
    let mut setting = Setting::hello().await;
    let api = api_of(&setting).await;
    setting.amko.take().unwrap().shutdown().await;
    assert_eq!(ask(&api, "/api/gsgraph").await.0, 503);
    assert_eq!(connection(&get(&api, "/api/status").await), "CONNECTED", "it lives");
    setting.clusters[2] = Cluster::new("s2", vec![]);
    setting.start().await;
    api.show(setting.amko());
    let two = |graph: &Value| graph[0]["MemberObjs"].as_array().is_some_and(|members| members.len() == 2);
    until(&api, "/api/gsgraph", two).await;
}
