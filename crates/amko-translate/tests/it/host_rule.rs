//! What a rule has otherwise than the policy says (amko 2.3, 5.2 to 5.4, 13.6, 13.10).

use amko_translate::{GslbService, HealthMonitor, Lookup, RuleBook, Traffic, explain_change};
use k8s_crds::{DownResponse, GslbHostRule, Object, PoolAlgorithmSettings};
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
    let mut local = world.view.monitors[&("admin".to_owned(), "my-hm1".to_owned())].clone();
    local.is_federated = false;
    world.view.monitors.insert(("admin".into(), "local".into()), local);
    world.put("k8s", rule(spec));
    world.outcome();
    assert_eq!(statuses(&world), [format!("rule: {expected}")]);
}

// catalogue amko: 72, 73, 74, 75, 76, 78, 80
#[test]
fn a_valid_rule_is_accepted() {
    check(json!({}), "Accepted");
    check(json!({"ttl": 0, "controlPlaneHmOnly": false}), "Accepted");
    check(json!({"sitePersistence": {"enabled": true, "profileRef": "gslb-persistence"}}), "Accepted");
    check(json!({"sitePersistence": {"enabled": false, "profileRef": "none"}}), "Accepted");
    check(json!({"thirdPartyMembers": [{"vip": "10.9.9.9", "site": "azure", "publicIP": "160.1.1.1"}]}), "Accepted");
    check(json!({"sitePersistence": {"enabled": false, "pkiProfileRef": "pki-a"}}), "Accepted");
    for address in ["160.1.1.1", "2001:db8::1"] {
        check(json!({"publicIP": [{"cluster": "k8s", "ip": address}]}), "Accepted");
    }
    check(json!({"healthMonitorRefs": ["my-hm1", "my-hm2"]}), "Accepted");
    check(json!({"healthMonitorTemplate": "my-hm1"}), "Accepted");
    check(json!({"downResponse": {"type": "GSLB_SERVICE_DOWN_RESPONSE_EMPTY"}}), "Accepted");
    let fallback = json!({"type": "GSLB_SERVICE_DOWN_RESPONSE_FALLBACK_IP", "fallbackIP": "10.10.1.1"});
    check(json!({"downResponse": fallback}), "Accepted");
    check(json!({"trafficSplit": [{"cluster": "no-such-site", "priority": 300}]}), "Accepted");
}

// catalogue amko: 72, 73, 74, 75, 76, 77, 79, 81, 82
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
    check(json!({"healthMonitorRefs": ["local"]}), "Health Monitor Ref local error for rule GSLBHostRule");
    check(json!({"healthMonitorTemplate": "local"}), "health monitor template local not federated");
    let response = |kind: &str, address: Option<&str>| {
        let kind = format!("GSLB_SERVICE_DOWN_RESPONSE_{kind}");
        match address {
            Some(address) => json!({"downResponse": {"type": kind, "fallbackIP": address}}),
            None => json!({"downResponse": {"type": kind}}),
        }
    };
    check(response("FALLBACK_IP", Some("INVALID")), "Fallback IP INVALID is not valid");
    check(response("FALLBACK_IP", None), "Fallback IP is required for GSLB_SERVICE_DOWN_RESPONSE_FALLBACK_IP");
    check(
        response("ALL_RECORDS", Some("10.10.1.1")),
        "Fallback IP is not allowed for GSLB_SERVICE_DOWN_RESPONSE_ALL_RECORDS",
    );
    check(json!({"ttl": -1}), "ttl -1 must be between 0 and 86400");
    check(json!({"trafficSplit": [{"cluster": "k8s", "weight": 21}]}), "traffic weight 21 must be between 1 and 20");
}

// catalogue amko: 128, 129, 155
#[test]
fn a_rule_wins_over_the_policy_for_its_name_alone() {
    let mut world = world();
    world.gdp.spec.ttl = Some(10);
    world.gdp.spec.traffic_split = vec![split("k8s", 5, 8), split("oshift", 5, 8)];
    world.gdp.spec.down_response = Some(DownResponse {
        kind: "GSLB_SERVICE_DOWN_RESPONSE_FALLBACK_IP".into(),
        fallback_ip: Some("10.9.9.8".into()),
    });
    world.gdp.spec.pool_algorithm_settings = Some(PoolAlgorithmSettings {
        lb_algorithm: "GSLB_ALGORITHM_CONSISTENT_HASH".into(),
        hash_mask: Some(20),
        geo_fallback: None,
    });
    let before = world.outcome();
    let of_policy = before.desired.services[&name("foo.avi.com")].to_body();
    let fallback = json!({"addr": "10.9.9.8", "type": "V4"});
    let policy_says = json!({"type": "GSLB_SERVICE_DOWN_RESPONSE_FALLBACK_IP", "fallback_ip": fallback});
    assert_eq!(of_policy["down_response"], policy_says);
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
    world.put("k8s", rule(json!({"ttl": 30, "trafficSplit": [{"cluster": "k8s", "weight": 4}]})));
    let updated = world.outcome();
    assert_eq!(services(&updated)[1], "foo.avi.com: 10.2.2.2*5@8(oshift) 10.1.1.1*4@1(k8s)");
    let body = updated.desired.services[&name("foo.avi.com")].to_body();
    assert_eq!((&body["ttl"], &body["down_response"]), (&json!(30), &policy_says));
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

// catalogue amko: 128
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
    let own = json!({"sitePersistence": {"enabled": true, "profileRef": "other", "pkiProfileRef": "pki-a"}});
    world.put("k8s", rule(own));
    assert_eq!(body(&mut world, "foo.avi.com")["pki_profile_ref"], "/api/pkiprofile?name=pki-a");
}

// catalogue amko: 130
#[test]
fn a_rule_with_an_unknown_monitor_is_rejected_and_changes_nothing() {
    let mut world = world();
    let before = world.outcome();
    world.put("k8s", rule(json!({"ttl": 20, "healthMonitorRefs": ["r"]})));
    assert_eq!(world.outcome(), before);
    assert_eq!(statuses(&world), ["rule: Health Monitor Ref r error for rule GSLBHostRule"]);
}

// catalogue amko: 133
#[test]
fn monitors_go_from_template_to_references_and_back_by_policy_and_by_rule() {
    let mut world = world();
    let check = |monitors_of_foo: &[&str], refs: Value, world: &mut World| {
        let outcome = world.outcome();
        let of_foo = outcome.desired.monitors.values().filter(|monitor| monitor.service == "foo.avi.com");
        let paths = |m: &HealthMonitor| m.to_body()["http_monitor"]["http_request"].as_str().unwrap().to_owned();
        assert_eq!(of_foo.map(paths).collect::<Vec<_>>(), monitors_of_foo);
        let body = outcome.desired.services[&name("foo.avi.com")].to_body();
        assert_eq!(body["health_monitor_refs"], refs);
    };
    let generated = json!(["/api/healthmonitor?name=amko--ca83bd5048b64a70aba2f3f666da479ab62a588e"]);
    let explicit = json!(["/api/healthmonitor?name=my-hm2"]);
    for _ in 0..2 {
        world.gdp.spec.health_monitor_template = Some("my-hm1".into());
        world.gdp.spec.health_monitor_refs.clear();
        check(&["GET / HTTP/1.1"], generated.clone(), &mut world);
        world.gdp.spec.health_monitor_template = None;
        world.gdp.spec.health_monitor_refs = vec!["my-hm2".into()];
        check(&[], explicit.clone(), &mut world);
    }
    world.gdp.spec.health_monitor_refs.clear();
    check(&["HEAD / HTTP/1.0"], generated.clone(), &mut world);
    for _ in 0..2 {
        world.put("k8s", rule(json!({"healthMonitorTemplate": "my-hm1"})));
        check(&["GET / HTTP/1.1"], generated.clone(), &mut world);
        world.put("k8s", rule(json!({"healthMonitorRefs": ["my-hm2"]})));
        check(&[], explicit.clone(), &mut world);
    }
}

// catalogue amko: 134
#[test]
fn a_rules_template_goes_before_the_policys_unless_it_is_invalid() {
    let mut world = world();
    let mut other = world.view.monitors[&("admin".to_owned(), "my-hm1".to_owned())].clone();
    other.http_request = "HEAD /other HTTP/1.0".into();
    world.view.monitors.insert(("admin".into(), "other".into()), other);
    world.gdp.spec.health_monitor_template = Some("my-hm1".into());
    let mut template_of_foo = |template: Option<&str>| {
        if let Some(template) = template {
            world.put("k8s", rule(json!({"healthMonitorTemplate": template})));
        }
        let outcome = world.outcome();
        let monitor = outcome.desired.monitors.values().find(|monitor| monitor.service == "foo.avi.com").unwrap();
        let template = monitor.description.rsplit_once("created from: ").map(|(_, template)| template.to_owned());
        (template.unwrap(), statuses(&world))
    };
    let status = |text: &str| vec![format!("rule: {text}")];
    assert_eq!(template_of_foo(None), ("my-hm1".into(), vec![]));
    assert_eq!(template_of_foo(Some("other")), ("other".into(), status("Accepted")));
    let unknown = "health monitor template unknown not found";
    assert_eq!(template_of_foo(Some("unknown")), ("my-hm1".into(), status(unknown)));
}

// catalogue amko: 135
#[test]
fn a_rules_algorithms_are_followed() {
    let mut world = world();
    let mut group = |settings: Value| {
        world.put("k8s", rule(json!({"poolAlgorithmSettings": settings})));
        let group = body(&mut world, "foo.avi.com")["groups"][0].clone();
        ["algorithm", "consistent_hash_mask", "fallback_algorithm"].map(|key| group[key].clone())
    };
    let topology = "GSLB_ALGORITHM_TOPOLOGY";
    assert_eq!(group(json!({"lbAlgorithm": topology})), [json!(topology), Value::Null, Value::Null]);
    let hash = "GSLB_ALGORITHM_CONSISTENT_HASH";
    assert_eq!(group(json!({"lbAlgorithm": hash, "hashMask": 20})), [json!(hash), json!(20), Value::Null]);
    let (geo, fallback) = ("GSLB_ALGORITHM_GEO", "GSLB_ALGORITHM_ROUND_ROBIN");
    assert_eq!(
        group(json!({"lbAlgorithm": geo, "geoFallback": {"lbAlgorithm": fallback}})),
        [json!(geo), Value::Null, json!(fallback)]
    );
}

// catalogue amko: 136
#[test]
fn a_public_address_comes_changes_and_goes_and_outlives_its_ingress() {
    let mut world = world();
    let public = |world: &mut World| {
        let members = body(world, "foo.avi.com")["groups"][0]["members"].clone();
        let of = |member: &Value| member["public_ip"]["ip"]["addr"].as_str().map(str::to_owned);
        members.as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    let set = |world: &mut World, address: &str| {
        world.put("k8s", rule(json!({"publicIP": [{"cluster": "k8s", "ip": address}]})));
    };
    let with = |address: &str| vec![Some(address.to_owned()), None];
    assert_eq!(public(&mut world), [None, None]);
    set(&mut world, "160.10.1.1");
    assert_eq!(public(&mut world), with("160.10.1.1"));
    set(&mut world, "160.10.1.2");
    assert_eq!(public(&mut world), with("160.10.1.2"));
    let object = ingress("ing1", &[("foo.avi.com", "10.1.1.1")]);
    world.remove("k8s", &object);
    assert_eq!(public(&mut world), [None], "the other cluster's member");
    world.put("k8s", object);
    assert_eq!(public(&mut world), with("160.10.1.2"));
    world.put("k8s", rule(json!({})));
    assert_eq!(public(&mut world), [None, None]);
}

// catalogue amko: 137
#[test]
fn swapped_priorities_are_followed() {
    let mut world = world();
    let mut members = |k8s: u32, oshift: u32| {
        let split = json!([{"cluster": "k8s", "priority": k8s}, {"cluster": "oshift", "priority": oshift}]);
        world.put("k8s", rule(json!({"trafficSplit": split})));
        services(&world.outcome()).remove(1)
    };
    assert_eq!(members(1, 2), "foo.avi.com: 10.2.2.2*1@2(oshift) 10.1.1.1*1@1(k8s)");
    assert_eq!(members(2, 1), "foo.avi.com: 10.1.1.1*1@2(k8s) 10.2.2.2*1@1(oshift)");
}

// catalogue amko: 138
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
    let moved = json!([{"vip": "10.9.9.9", "site": "azure", "publicIP": "160.10.9.7"}]);
    world.put("k8s", rule(json!({"thirdPartyMembers": moved})));
    let body = self::body(&mut world, "foo.avi.com");
    assert_eq!(body["groups"][1]["members"][0]["public_ip"]["ip"]["addr"], "160.10.9.7");
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

// catalogue amko: 83
#[test]
fn what_a_rule_names_is_looked_up_in_the_tenant_of_its_namespace_in_the_leader() {
    let mut world = world();
    let monitor = world.view.monitors[&("admin".to_owned(), "my-hm1".to_owned())].clone();
    world.view.monitors.insert(("t2".into(), "of-t2".into()), monitor);
    world.put("k8s", rule(json!({"healthMonitorRefs": ["of-t2"]})));
    let lookup = |world: &mut World| {
        world.outcome();
        (RuleBook::lookups(&world.index, &world.config), statuses(world))
    };
    let looked_up = |tenant: &str| vec![(tenant.to_owned(), Lookup::HealthMonitor("of-t2".into()))];
    let unknown = vec!["rule: Health Monitor Ref of-t2 error for rule GSLBHostRule".to_owned()];
    assert_eq!(lookup(&mut world), (looked_up("admin"), unknown.clone()));
    let in_t2 = namespace("default", json!({}), json!({"ako.vmware.com/tenant-name": "t2"}));
    world.put("oshift", in_t2.clone());
    assert_eq!(lookup(&mut world), (looked_up("admin"), unknown), "a member cluster's namespace does not count");
    world.put("k8s", in_t2);
    assert_eq!(lookup(&mut world), (looked_up("t2"), vec!["rule: Accepted".to_owned()]));
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
