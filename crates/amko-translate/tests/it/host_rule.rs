//! What a rule has otherwise than the policy says (amko 2.3, 5.2 to 5.4, 13.6, 13.10).

use amko_translate::{GslbService, Lookup, Traffic, explain_change};
use k8s_crds::{GslbHostRule, Object};
use serde_json::{Value, json};

use crate::world::{World, edit, ingress, monitors, name, namespace, services, split};

/// A rule `default/rule` for `foo.avi.com`.
fn rule(spec: Value) -> Object {
    named("rule", spec)
}

fn named(name: &str, spec: Value) -> Object {
    let mut spec = spec;
    if spec.get("fqdn").is_none() {
        spec["fqdn"] = "foo.avi.com".into();
    }
    let rule = json!({"metadata": {"name": name, "namespace": "default"}, "spec": spec});
    Object::GslbHostRule(serde_json::from_value::<GslbHostRule>(rule).unwrap())
}

/// `foo.avi.com` in both clusters, `bar.avi.com` in one.
fn world() -> World {
    let mut world = World::new();
    world.put("k8s", ingress("ing1", &[("foo.avi.com", "10.1.1.1")]));
    world.put("oshift", ingress("ing1", &[("foo.avi.com", "10.2.2.2")]));
    world.put("k8s", ingress("ing2", &[("bar.avi.com", "10.1.1.9")]));
    world
}

fn body(world: &mut World, host: &str) -> Value {
    world.outcome().desired.services[&name(host)].to_body()
}

fn statuses(world: &World) -> Vec<String> {
    let text = |error: &Option<_>| error.as_ref().map_or("Accepted".to_owned(), ToString::to_string);
    let text = |s: &amko_translate::RuleStatus| format!("{}: {}", s.name, text(&s.error));
    world.rule_statuses.iter().map(text).collect()
}

#[track_caller]
fn check(spec: Value, expected: &str) {
    let mut world = world();
    world.put("k8s", rule(spec));
    world.outcome();
    assert_eq!(statuses(&world), [format!("rule: {expected}")]);
}

// catalogue amko: 72, 73
#[test]
fn a_valid_rule_is_accepted() {
    check(json!({}), "Accepted");
    check(json!({"ttl": 0, "controlPlaneHmOnly": false}), "Accepted");
    check(json!({"sitePersistence": {"enabled": true, "profileRef": "gslb-persistence"}}), "Accepted");
    check(json!({"sitePersistence": {"enabled": false, "profileRef": "none"}}), "Accepted");
    check(json!({"thirdPartyMembers": [{"vip": "10.9.9.9", "site": "azure", "publicIP": "160.1.1.1"}]}), "Accepted");
    check(json!({"publicIP": [{"cluster": "k8s", "ip": "2001:db8::1"}]}), "Accepted");
    check(json!({"healthMonitorRefs": ["my-hm2"]}), "Accepted");
    check(json!({"downResponse": {"type": "GSLB_SERVICE_DOWN_RESPONSE_EMPTY"}}), "Accepted");
    check(json!({"trafficSplit": [{"cluster": "no-such-site", "priority": 300}]}), "Accepted");
}

// catalogue amko: 72, 73, 77, 81, 82
#[test]
fn each_mistake_has_the_text_of_amko() {
    check(json!({"fqdn": ""}), "GSFqdn missing for rule GSLBHostRule");
    check(
        json!({"sitePersistence": {"enabled": true, "profileRef": "p"}}),
        "SitePersistence Profile p error for rule GSLBHostRule",
    );
    let off = json!({"sitePersistence": {"enabled": false, "pkiProfileRef": "p"}});
    check(off, "PKI Profile p error for rule GSLBHostRule");
    check(
        json!({"poolAlgorithmSettings": {"lbAlgorithm": "GSLB_ALGORITHM_CONSISTENT_HASH"}}),
        "Invalid Pool Algorithm: hashMask is required for ConsistentHash",
    );
    check(
        json!({"thirdPartyMembers": [{"vip": "x", "site": "azure"}]}),
        "Invalid VIP for thirdPartyMember site azure,rule GSLBHostRule (expecting IP address)",
    );
    check(
        json!({"thirdPartyMembers": [{"vip": "10.9.9.9", "site": "moon"}]}),
        "ThirdPartyMember site moon does not exist for rule GSLBHostRule",
    );
    check(
        json!({"publicIP": [{"cluster": "k9s", "ip": "1.1.1.1"}]}),
        "cluster k9s in Public IP  not present in GSLBConfig",
    );
    check(
        json!({"publicIP": [{"cluster": "k8s", "ip": "x"}]}),
        "Invalid IP for site k8s,rule GSLBHostRule (expecting IP address)",
    );
    check(
        json!({"healthMonitorRefs": ["my-hm1"], "healthMonitorTemplate": "my-hm1"}),
        "health monitor reference and template cannot be specified together for rule GSLBHostRule",
    );
    check(json!({"healthMonitorTemplate": "t"}), "health monitor template t not found");
    check(
        json!({"healthMonitorTemplate": "my-hm2"}),
        "health monitor template is not supported for non-path based health monitors",
    );
    check(json!({"healthMonitorRefs": ["r"]}), "Health Monitor Ref r error for rule GSLBHostRule");
    check(
        json!({"downResponse": {"type": "GSLB_SERVICE_DOWN_RESPONSE_FALLBACK_IP", "fallbackIP": "INVALID"}}),
        "Fallback IP INVALID is not valid",
    );
    check(json!({"ttl": -1}), "ttl -1 must be between 0 and 86400");
    check(json!({"trafficSplit": [{"cluster": "k8s", "weight": 21}]}), "traffic weight 21 must be between 1 and 20");
}

#[test]
fn a_rule_wins_over_the_policy_for_its_name_alone() {
    let mut world = world();
    world.gdp.spec.ttl = Some(10);
    world.gdp.spec.traffic_split = vec![split("k8s", 5, 8), split("oshift", 5, 8)];
    let before = world.outcome();
    world.put(
        "k8s",
        rule(json!({
            "ttl": 20,
            "trafficSplit": [{"cluster": "k8s", "weight": 3, "priority": 9}],
            "poolAlgorithmSettings": {"lbAlgorithm": "GSLB_ALGORITHM_TOPOLOGY"},
            "downResponse": {"type": "GSLB_SERVICE_DOWN_RESPONSE_EMPTY"},
            "healthMonitorRefs": ["my-hm2"],
            "publicIP": [{"cluster": "oshift", "ip": "160.10.1.1"}],
        })),
    );
    let after = world.outcome();
    assert_eq!(services(&after)[1], "foo.avi.com: 10.1.1.1*3@9(k8s) 10.2.2.2*5@8(oshift)");
    let body = after.desired.services[&name("foo.avi.com")].to_body();
    assert_eq!((&body["ttl"], &body["groups"][0]["algorithm"]), (&json!(20), &json!("GSLB_ALGORITHM_TOPOLOGY")));
    assert_eq!(body["down_response"]["type"], "GSLB_SERVICE_DOWN_RESPONSE_EMPTY");
    assert_eq!(body["health_monitor_refs"], json!(["/api/healthmonitor?name=my-hm2"]));
    let public = json!({"ip": {"addr": "160.10.1.1", "type": "V4"}});
    assert_eq!(body["groups"][1]["members"][0]["public_ip"], public);
    assert_eq!(body["groups"][0]["members"][0].get("public_ip"), None);
    let bar = |outcome: &amko_translate::Outcome| outcome.desired.services[&name("bar.avi.com")].clone();
    assert_eq!(bar(&before), bar(&after));
    let told: Vec<_> = explain_change(&before, &after).into_iter().map(|change| change.text).collect();
    assert!(told.contains(&"TTL 10 s → 20 s: GSLBHostRule default/rule".to_owned()), "{told:?}");
    world.remove("k8s", &rule(json!({})));
    assert_eq!(world.outcome(), before, "without the rule all is as the policy says");
}

#[test]
fn monitors_of_a_rule_go_before_those_of_the_policy() {
    let mut world = world();
    world.gdp.spec.health_monitor_refs = vec!["my-hm2".into()];
    world.gdp.spec.control_plane_hm_only = Some(true);
    world.put("k8s", rule(json!({"controlPlaneHmOnly": false})));
    let refs = json!(["/api/healthmonitor?name=my-hm2"]);
    assert_eq!(body(&mut world, "foo.avi.com")["health_monitor_refs"], refs);
    assert_eq!(body(&mut world, "bar.avi.com").get("health_monitor_refs"), None);
    world.gdp.spec.control_plane_hm_only = None;
    world.put("k8s", rule(json!({"healthMonitorTemplate": "my-hm1"})));
    assert_eq!(monitors(&world.outcome()), ["HTTP 80 GET / HTTP/1.1"]);
    world.put("k8s", rule(json!({"controlPlaneHmOnly": true})));
    assert_eq!(body(&mut world, "foo.avi.com")["groups"][0]["min_health_monitors_up"], 1);
}

#[test]
fn persistence_is_the_rules_or_off_or_the_policys() {
    let mut world = world();
    let tls = edit(&ingress("ing1", &[("foo.avi.com", "10.1.1.1")]), |body| {
        body["spec"]["tls"] = json!([{"hosts": ["foo.avi.com"]}]);
    });
    world.put("k8s", tls);
    world.gdp.spec.site_persistence_ref = Some("gslb-persistence".into());
    world.gdp.spec.pki_profile_ref = Some("pki-b".into());
    world.put("k8s", rule(json!({"sitePersistence": {"enabled": false}})));
    assert_eq!(body(&mut world, "foo.avi.com")["site_persistence_enabled"], false);
    world.view.persistence_profiles.insert(("admin".into(), "other".into()));
    world.put("k8s", rule(json!({"sitePersistence": {"enabled": true, "profileRef": "other"}})));
    let on = body(&mut world, "foo.avi.com");
    assert_eq!(on["application_persistence_profile_ref"], "/api/applicationpersistenceprofile?name=other");
    assert_eq!(on["pki_profile_ref"], "/api/pkiprofile?name=pki-b");
}

#[test]
fn third_party_members_have_the_weight_of_their_site_and_no_identifiers() {
    let mut world = world();
    let members = json!([{"vip": "10.9.9.9", "site": "azure", "publicIP": "160.10.9.9"}]);
    world.put("k8s", rule(json!({"thirdPartyMembers": members})));
    let outcome = world.outcome();
    assert_eq!(services(&outcome)[1], "foo.avi.com: 10.1.1.1*1@10(k8s) 10.2.2.2*1@10(oshift) 10.9.9.9*1@1(azure)");
    let body = outcome.desired.services[&name("foo.avi.com")].to_body();
    assert_eq!(
        body["groups"][1]["members"][0],
        json!({
            "enabled": true, "ratio": 1, "ip": {"addr": "10.9.9.9", "type": "V4"},
            "public_ip": {"ip": {"addr": "160.10.9.9", "type": "V4"}},
        })
    );
    assert!(!body["description"].as_str().unwrap().contains("azure"));
    let split = json!([{"cluster": "azure", "weight": 4, "priority": 10}]);
    world.put("k8s", rule(json!({"thirdPartyMembers": members, "trafficSplit": split})));
    assert!(services(&world.outcome())[1].ends_with(" 10.9.9.9*4@10(azure)"));
}

#[test]
fn a_service_stays_with_its_third_party_members_until_the_rule_goes() {
    let mut world = world();
    let rule = rule(json!({"thirdPartyMembers": [{"vip": "10.9.9.9", "site": "azure"}]}));
    world.put("k8s", rule.clone());
    for cluster in ["k8s", "oshift"] {
        world.remove(cluster, &ingress("ing1", &[]));
    }
    assert_eq!(services(&world.outcome()), ["bar.avi.com: 10.1.1.9*1@10(k8s)"], "a rule makes no service");
    let traffic = Traffic::Paths { paths: vec!["/".into()], tls: true };
    world.standing = [(name("foo.avi.com"), traffic)].into();
    let outcome = world.outcome();
    assert_eq!(services(&outcome)[1], "foo.avi.com: 10.9.9.9*1@1(azure)");
    let service: &GslbService = &outcome.desired.services[&name("foo.avi.com")];
    assert_eq!((service.description().as_str(), service.monitors.names().len()), ("", 1));
    assert!(monitors(&outcome).contains(&"HTTPS 443 HEAD / HTTP/1.0".to_owned()));
    world.remove("k8s", &rule);
    assert_eq!(services(&world.outcome()), ["bar.avi.com: 10.1.1.9*1@10(k8s)"]);
}

#[test]
fn the_first_of_two_rules_for_a_name_stays_until_it_goes_or_is_invalid() {
    let mut world = world();
    world.put("k8s", named("z-first", json!({"ttl": 1})));
    world.outcome();
    world.put("k8s", named("a-second", json!({"ttl": 2})));
    assert_eq!(body(&mut world, "foo.avi.com")["ttl"], 1);
    let refused = "a-second: there's an existing GSLBHostRule for the same FQDN";
    assert_eq!(statuses(&world), ["z-first: Accepted", refused]);
    world.put("k8s", named("z-first", json!({"ttl": -1})));
    assert_eq!(body(&mut world, "foo.avi.com")["ttl"], 2);
    world.put("k8s", named("a-second", json!({"ttl": 2, "fqdn": "bar.avi.com"})));
    assert_eq!(body(&mut world, "foo.avi.com").get("ttl"), None);
    assert_eq!(body(&mut world, "bar.avi.com")["ttl"], 2);
}

#[test]
fn a_rule_is_about_the_tenant_of_its_namespace_in_the_leader() {
    let mut world = world();
    world.put("k8s", rule(json!({"ttl": 7})));
    world.put("k8s", namespace("default", json!({}), json!({"ako.vmware.com/tenant-name": "t2"})));
    let ttls: Vec<_> = world.outcome().desired.services.into_values().map(|service| service.ttl).collect();
    assert!(ttls.iter().all(Option::is_none), "the members are still in admin: {ttls:?}");
    let in_t2 = edit(&ingress("ing1", &[("foo.avi.com", "10.1.1.1")]), |body| {
        body["metadata"]["annotations"] = json!({"ako.vmware.com/tenant-name": "t2"});
    });
    world.put("k8s", in_t2);
    let services = world.outcome().desired.services;
    let of_t2 = services.iter().find(|(name, _)| name.tenant == "t2").unwrap();
    assert_eq!((of_t2.0.name.as_str(), of_t2.1.ttl), ("foo.avi.com", Some(7)));
}

#[test]
fn an_invalid_rule_that_was_accepted_leaves_the_policys_values() {
    let mut world = world();
    world.gdp.spec.ttl = Some(10);
    world.put("k8s", rule(json!({"ttl": 20})));
    assert_eq!(body(&mut world, "foo.avi.com")["ttl"], 20);
    world.put("k8s", rule(json!({"ttl": 20, "healthMonitorRefs": ["gone"]})));
    assert_eq!(body(&mut world, "foo.avi.com")["ttl"], 10);
}

#[test]
fn a_rule_in_force_stays_while_the_controller_cannot_tell_about_what_it_names() {
    let mut world = world();
    let members = json!([{"vip": "10.9.9.9", "site": "azure"}]);
    world.put("k8s", rule(json!({"ttl": 20, "thirdPartyMembers": members})));
    let before = world.outcome();
    world.view.third_party_sites.clear();
    world.doubtful = [("admin".to_owned(), Lookup::ThirdPartySite("azure".into()))].into();
    assert_eq!(world.outcome(), before);
    assert_eq!(statuses(&world), [""; 0]);
    world.doubtful.clear();
    assert_eq!(body(&mut world, "foo.avi.com").get("ttl"), None);
}
