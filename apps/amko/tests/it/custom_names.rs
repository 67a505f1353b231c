//! HostRules of the member clusters, at work: global names, aliases, and what a conflict on the controller leads to
//! (amko 4, 13.11, 13.12).

use k8s_crds::{HostRule, Object, Route};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::controller::Controller;
use crate::setting::{Setting, gslb_config, ingress, policy};

const LOCAL: [&str; 2] = ["hello.one.local", "hello.two.local"];
const GLOBAL: &str = "hello.avi.iberia.local";

fn custom_config() -> Object {
    let Object::GslbConfig(mut config) = gslb_config() else { unreachable!() };
    config.spec.use_custom_global_fqdn = Some(true);
    Object::GslbConfig(config)
}

fn host_rule(host: &str, virtualhost: &Value) -> Object {
    let mut rule = json!({
        "metadata": {"name": "hello", "namespace": "default"},
        "spec": {"virtualhost": virtualhost},
        "status": {"status": "Accepted"},
    });
    rule["spec"]["virtualhost"]["fqdn"] = host.into();
    Object::HostRule(serde_json::from_value::<HostRule>(rule).unwrap())
}

fn named(host: &str, global: &str) -> Object {
    host_rule(host, &json!({"gslb": {"fqdn": global}}))
}

/// Two clusters with one local host each, both named by a rule, and a third without anything.
async fn setting() -> Setting {
    let first =
        vec![custom_config(), policy([1, 1, 1]), ingress("hello", LOCAL[0], "127.10.25.40"), named(LOCAL[0], GLOBAL)];
    let second = vec![ingress("hello", LOCAL[1], "127.10.26.40"), named(LOCAL[1], GLOBAL)];
    let clusters = vec![Cluster::new("s1az1", first), Cluster::new("s1az2", second), Cluster::new("s2", vec![])];
    let mut setting = Setting::new(Controller::new(), clusters).await;
    setting.start().await;
    setting.amko().synced().await;
    setting
}

fn domain_names(setting: &Setting, service: &str) -> Vec<String> {
    let body = setting.controller.get("gslbservice", service).unwrap_or_default();
    body["domain_names"].as_array().into_iter().flatten().map(|name| name.as_str().unwrap().to_owned()).collect()
}

// catalogue amko: 163, 168, 170, 173
#[tokio::test]
async fn members_follow_their_rules_from_name_to_name() {
    let mut setting = setting().await;
    let both = ["127.10.25.40*1", "127.10.26.40*1"];
    assert_eq!(setting.controller.members(GLOBAL), both);
    assert_eq!(setting.controller.count("gslbservice"), 1, "nothing under a local name");

    // One rule names another service, then both do; the old service goes.
    setting.clusters[0].apply(named(LOCAL[0], "hi.avi.iberia.local"));
    setting.until("the first member moves", |s| s.controller.members("hi.avi.iberia.local") == both[..1]).await;
    setting.clusters[1].apply(named(LOCAL[1], "hi.avi.iberia.local"));
    setting.until("the second follows", |s| s.controller.members("hi.avi.iberia.local") == both).await;
    setting.until("the old one goes", |s| s.controller.get("gslbservice", GLOBAL).is_none()).await;
    setting.until("its monitor goes after it", |s| s.controller.monitors() == 1).await;

    // AKO rejects one: its member leaves, and its owner is told.
    let mut rejected = named(LOCAL[0], "hi.avi.iberia.local");
    rejected.set_status(json!({"status": "Rejected", "error": "no such WAF policy"})).unwrap();
    setting.clusters[0].apply(rejected);
    setting.until("the member leaves", |s| s.controller.members("hi.avi.iberia.local") == both[1..]).await;
    let expected = "Ingress default/hello of s1az1 makes no member: HostRule default/hello is not in force: \
                    Rejected: no such WAF policy";
    setting.until_event(|event| event.to_string() == expected).await;

    setting.clusters[1].delete(&named(LOCAL[1], ""));
    setting.until("nothing is left", |s| s.controller.count("gslbservice") == 0 && s.controller.monitors() == 0).await;
    setting.clusters[1].apply(named(LOCAL[1], GLOBAL));
    setting.until("it is back", |s| s.controller.members(GLOBAL) == both[1..]).await;
}

// catalogue amko: 174
#[tokio::test]
async fn a_name_that_the_controller_still_has_elsewhere_is_tried_again() {
    let mut setting = setting().await;
    setting.controller.fail("POST /api/gslbservice/ hi.avi", 400, "domain name conflicting with existing domain name");
    setting.clusters[0].apply(named(LOCAL[0], "hi.avi.iberia.local"));
    setting.clusters[1].apply(named(LOCAL[1], "hi.avi.iberia.local"));
    setting.until_event(|event| event.to_string().contains("hi.avi.iberia.local not written")).await;
    let moved = ["127.10.25.40*1", "127.10.26.40*1"];
    setting.until("the new service is there", |s| s.controller.members("hi.avi.iberia.local") == moved).await;
    assert!(setting.controller.get("gslbservice", GLOBAL).is_none());
}

// catalogue amko: 172
#[tokio::test]
async fn a_certificate_makes_the_monitor_secure_and_back() {
    let setting = setting().await;
    let kind = |s: &Setting| {
        let body = s.controller.get("gslbservice", GLOBAL).unwrap();
        let monitor = body["health_monitor_refs"][0].as_str().unwrap().rsplit('#').next().unwrap().to_owned();
        s.controller.get("healthmonitor", &monitor).unwrap()["type"].as_str().unwrap().to_owned()
    };
    assert_eq!(kind(&setting), "HEALTH_MONITOR_HTTP");
    let tls = json!({"sslKeyCertificate": {"name": "cert", "type": "ref"}});
    setting.clusters[0].apply(host_rule(LOCAL[0], &json!({"gslb": {"fqdn": GLOBAL}, "tls": tls})));
    setting.until("secure", |s| kind(s) == "HEALTH_MONITOR_HTTPS" && s.controller.monitors() == 1).await;
    setting.clusters[0].apply(named(LOCAL[0], GLOBAL));
    setting.until("insecure again", |s| kind(s) == "HEALTH_MONITOR_HTTP" && s.controller.monitors() == 1).await;
}

// catalogue amko: 165, 169
#[tokio::test]
async fn aliases_come_and_go_and_a_restart_while_their_cluster_is_silent_keeps_them() {
    let mut setting = setting().await;
    let with_alias = |include: bool| {
        host_rule(LOCAL[1], &json!({"gslb": {"fqdn": GLOBAL, "includeAliases": include}, "aliases": ["a.com"]}))
    };
    setting.clusters[1].apply(with_alias(true));
    setting.until("the alias", |s| domain_names(s, GLOBAL) == ["a.com", GLOBAL]).await;

    setting.amko.take().unwrap().shutdown().await;
    let silent = vec![ingress("hello", LOCAL[1], "127.10.26.40"), with_alias(true)];
    setting.clusters[1] = Cluster::silent("s1az2", silent);
    setting.controller.take_asked();
    setting.start().await;
    setting.amko().synced().await;
    assert_eq!(setting.controller.writes(), [""; 0]);
    setting.clusters[1].speak();
    setting.clusters[2].apply(ingress("marker", "marker.local", "127.10.23.99"));
    setting.clusters[2].apply(named("marker.local", "marker.avi.iberia.local"));
    setting.until("the marker", |s| s.controller.members("marker.avi.iberia.local").len() == 1).await;
    assert_eq!(domain_names(&setting, GLOBAL), ["a.com", GLOBAL]);

    setting.clusters[1].apply(with_alias(false));
    setting.until("the alias goes", |s| domain_names(s, GLOBAL) == [GLOBAL]).await;
}

#[tokio::test]
async fn an_alias_that_another_service_has_is_told_and_the_rest_is_served() {
    let mut setting = Setting::hello().await;
    let leader = std::sync::Arc::clone(&setting.clusters[0]);
    leader.apply(ingress("hi", "hi.avi.iberia.local", "127.10.25.41"));
    let rule = |name: &str, host: &str| {
        let Object::HostRule(mut rule) = host_rule(host, &json!({"aliases": ["a.com"]})) else { unreachable!() };
        rule.metadata.name = Some(name.to_owned());
        Object::HostRule(rule)
    };
    leader.apply(rule("first", GLOBAL));
    setting.until("the alias", |s| domain_names(s, GLOBAL) == ["a.com", GLOBAL]).await;
    leader.apply(rule("a-second", "hi.avi.iberia.local"));
    let expected = "alias a.com of HostRule default/a-second (s1az1) ignored for admin/hi.avi.iberia.local: \
                    admin/hello.avi.iberia.local has it";
    setting.until_event(|event| event.to_string() == expected).await;
    let is_there = |s: &Setting| s.controller.get("gslbservice", "hi.avi.iberia.local").is_some();
    setting.until("the other service", is_there).await;
    assert_eq!(domain_names(&setting, "hi.avi.iberia.local"), ["hi.avi.iberia.local"]);
    // The holder lets go: the other inherits.
    leader.delete(&rule("first", ""));
    setting.until("the heir", |s| domain_names(s, "hi.avi.iberia.local") == ["a.com", "hi.avi.iberia.local"]).await;
}

#[tokio::test]
async fn the_mode_is_switched_without_a_restart() {
    let setting = setting().await;
    setting.leader().apply(gslb_config_of(&setting, false));
    setting.until("local names", |s| LOCAL.iter().all(|host| s.controller.members(host).len() == 1)).await;
    setting.until("no global one", |s| s.controller.get("gslbservice", GLOBAL).is_none()).await;
    setting.leader().apply(gslb_config_of(&setting, true));
    setting.until("the global one", |s| s.controller.members(GLOBAL).len() == 2).await;
    setting.until("no local names", |s| s.controller.count("gslbservice") == 1).await;
}

/// The configuration as it is, with its identity, in this mode.
fn gslb_config_of(setting: &Setting, is_custom: bool) -> Object {
    let Some(Object::GslbConfig(mut config)) = setting.leader().object(k8s_crds::Kind::GslbConfig) else {
        panic!("no GSLBConfig");
    };
    config.spec.use_custom_global_fqdn = Some(is_custom);
    Object::GslbConfig(config)
}

fn passthrough_route(name: &str, address: &str) -> Object {
    let host = format!("{name}.avi.iberia.local");
    let route = json!({
        "metadata": {"name": name, "namespace": "default", "labels": {"app": "gslb"}},
        "spec": {"host": host, "tls": {"termination": "passthrough"}},
        "status": {"ingress": [{"host": host, "routerName": "ako-s1az2", "conditions": [{"message": address}]}]},
    });
    Object::Route(serde_json::from_value::<Route>(route).unwrap())
}

/// The original lets the first two race for their monitor (amko 6.8).
// catalogue amko: 42, 153
#[tokio::test]
async fn passthrough_routes_that_come_together_share_a_monitor_that_outlives_them() {
    let setting = Setting::hello().await;
    setting.controller.take_asked();
    let routes: Vec<Object> =
        (1..=6).map(|i| passthrough_route(&format!("r{i}"), &format!("127.10.26.5{i}"))).collect();
    routes.iter().for_each(|route| setting.clusters[1].apply(route.clone()));
    let is_there = |s: &Setting| (1..=6).all(|i| s.controller.members(&format!("r{i}.avi.iberia.local")).len() == 1);
    setting.until("all services", is_there).await;
    let shared = |s: &Setting| s.controller.monitors() == 2;
    assert!(shared(&setting), "one of hello, one of all the others");
    let writes = setting.controller.writes();
    assert_eq!(writes.iter().filter(|line| line.contains("healthmonitor")).count(), 1, "{writes:#?}");
    assert_eq!(writes.len(), 7, "no try was in vain: {writes:#?}");
    routes.iter().for_each(|route| setting.clusters[1].delete(route));
    setting.until("the services go", |s| s.controller.count("gslbservice") == 1).await;
    setting.settle().await;
    setting.until("the marker's monitor goes, the shared one stays", shared).await;
}
