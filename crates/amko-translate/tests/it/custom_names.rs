//! Global names by HostRules (amko 3.3 rule 5, 4.2, 4.4, 13.12).

use serde_json::json;

use crate::world::{World, edit, host_rule, ingress, monitors, rejections, route, service, services};

/// `foo.k8s.local` and `foo.oshift.local`, both `foo.avi.com` by an accepted rule.
fn foo() -> World {
    let mut world = World::new();
    world.config.use_custom_global_fqdn = true;
    world.put("k8s", ingress("ing1", &[("foo.k8s.local", "10.1.1.1")]));
    world.put("oshift", route("r1", "foo.oshift.local", "10.2.2.2"));
    world.put("k8s", host_rule("hr1", "foo.k8s.local", "foo.avi.com"));
    world.put("oshift", host_rule("hr1", "foo.oshift.local", "foo.avi.com"));
    world
}

const BOTH: &str = "foo.avi.com: 10.1.1.1*1@10(k8s) 10.2.2.2*1@10(oshift)";

// catalogue amko: 163, 173
#[test]
fn local_hosts_of_two_clusters_are_members_under_the_global_name() {
    let mut world = foo();
    let rules = ["foo.k8s.local", "foo.oshift.local"].map(|host| host_rule("hr1", host, "foo.avi.com"));
    world.remove("oshift", &rules[1]);
    let outcome = world.outcome();
    assert_eq!(services(&outcome), ["foo.avi.com: 10.1.1.1*1@10(k8s)"]);
    let reason = "no HostRule of its cluster gives host foo.oshift.local a global name";
    assert_eq!(rejections(&outcome), [format!("Route default/r1: {reason}")]);
    world.put("oshift", rules[1].clone());
    let outcome = world.outcome();
    assert_eq!(services(&outcome), [BOTH]);
    let service = outcome.desired.services.values().next().unwrap();
    assert_eq!(service.description(), "INGRESS/k8s/default/ing1/foo.k8s.local,ROUTE/oshift/default/r1");
    assert_eq!(service.domain_names, ["foo.avi.com"]);
    world.remove("k8s", &rules[0]);
    world.remove("oshift", &rules[1]);
    assert!(world.outcome().desired.services.is_empty());
}

#[test]
fn a_rule_of_another_cluster_names_nothing() {
    let mut world = foo();
    world.remove("k8s", &host_rule("hr1", "", ""));
    world.put("oshift", host_rule("hr2", "foo.k8s.local", "foo.avi.com"));
    assert_eq!(services(&world.outcome()), ["foo.avi.com: 10.2.2.2*1@10(oshift)"]);
}

// catalogue amko: 164
#[test]
fn a_template_holds_for_a_custom_name() {
    let mut world = foo();
    world.gdp.spec.health_monitor_template = Some("my-hm1".into());
    let outcome = world.outcome();
    assert_eq!(monitors(&outcome), ["HTTP 80 GET / HTTP/1.1"]);
    let monitor = outcome.desired.monitors.values().next().unwrap();
    assert!(
        monitor.description.contains("gsname: foo.avi.com") && monitor.description.ends_with("created from: my-hm1")
    );
}

// catalogue amko: 165, 166
#[test]
fn aliases_are_names_when_the_rule_includes_them() {
    let mut world = foo();
    let rule = |include: bool, aliases: &[&str]| {
        edit(&host_rule("hr1", "foo.k8s.local", "foo.avi.com"), |body| {
            body["spec"]["virtualhost"]["aliases"] = json!(aliases);
            body["spec"]["virtualhost"]["gslb"]["includeAliases"] = json!(include);
        })
    };
    let mut check = |include, aliases: &[&str], expected: &[&str]| {
        world.put("k8s", rule(include, aliases));
        let outcome = world.outcome();
        assert_eq!(outcome.desired.services.values().next().unwrap().domain_names, expected);
        assert_eq!(services(&outcome), [BOTH]);
    };
    check(false, &["b.com", "a.com"], &["foo.avi.com"]);
    check(true, &["z.com", "a.com"], &["a.com", "foo.avi.com", "z.com"]);
    check(true, &[], &["foo.avi.com"]);
    check(false, &["a.com"], &["foo.avi.com"]);
}

// catalogue amko: 167
#[test]
fn passthrough_has_no_custom_name() {
    let mut world = foo();
    let annotated = edit(&ingress("ing1", &[("foo.k8s.local", "10.1.1.1")]), |body| {
        body["metadata"]["annotations"] = json!({"passthrough.ako.vmware.com/enabled": "True"});
    });
    world.put("k8s", annotated);
    let outcome = world.outcome();
    assert_eq!(services(&outcome), ["foo.avi.com: 10.2.2.2*1@10(oshift)"]);
    let reason = "it is passthrough, which has no custom global name";
    assert_eq!(rejections(&outcome), [format!("Ingress default/ing1: {reason}")]);
    let passthrough = edit(&route("r1", "foo.oshift.local", "10.2.2.2"), |body| {
        body["spec"]["tls"] = json!({"termination": "passthrough"});
    });
    world.put("oshift", passthrough);
    let outcome = world.outcome();
    assert!(outcome.desired.services.is_empty() && outcome.desired.monitors.is_empty());
    assert_eq!(rejections(&outcome)[1], format!("Route default/r1: {reason}"));
}

/// In default mode the annotation means nothing (amko 3.4).
#[test]
fn a_passthrough_ingress_is_an_ordinary_one_in_default_mode() {
    let mut world = World::new();
    let annotated = edit(&ingress("ing1", &[("foo.avi.com", "10.1.1.1")]), |body| {
        body["metadata"]["annotations"] = json!({"passthrough.ako.vmware.com/enabled": "true"});
    });
    world.put("k8s", annotated);
    assert_eq!(services(&world.outcome()), ["foo.avi.com: 10.1.1.1*1@10(k8s)"]);
}

// catalogue amko: 168
#[test]
fn another_global_name_takes_the_members_along() {
    let mut world = foo();
    assert_eq!(services(&world.outcome()), [BOTH]);
    world.put("k8s", host_rule("hr1", "foo.k8s.local", "bar.avi.com"));
    let split = ["bar.avi.com: 10.1.1.1*1@10(k8s)", "foo.avi.com: 10.2.2.2*1@10(oshift)"];
    assert_eq!(services(&world.outcome()), split);
    world.put("oshift", host_rule("hr1", "foo.oshift.local", "bar.avi.com"));
    assert_eq!(services(&world.outcome()), [BOTH.replace("foo", "bar")]);
    world.remove("k8s", &host_rule("hr1", "", ""));
    world.remove("oshift", &host_rule("hr1", "", ""));
    let outcome = world.outcome();
    assert!(outcome.desired.services.is_empty() && outcome.desired.monitors.is_empty());
}

// catalogue amko: 170
#[test]
fn only_a_rule_that_ako_accepted_counts() {
    let mut world = foo();
    let with_status = |status: serde_json::Value| {
        edit(&host_rule("hr1", "foo.k8s.local", "foo.avi.com"), |body| body["status"] = status)
    };
    let mut check = |rule: k8s_crds::Object, reason: Option<&str>| {
        world.put("k8s", rule);
        let outcome = world.outcome();
        match reason {
            None => assert_eq!(services(&outcome), [BOTH]),
            Some(reason) => {
                assert_eq!(services(&outcome), ["foo.avi.com: 10.2.2.2*1@10(oshift)"]);
                assert_eq!(rejections(&outcome), [format!("Ingress default/ing1: {reason}")]);
            }
        }
    };
    let rejected = json!({"status": "Rejected", "error": "duplicate fqdn foo.k8s.local found in a/b"});
    check(
        with_status(rejected),
        Some("HostRule default/hr1 is not in force: Rejected: duplicate fqdn foo.k8s.local found in a/b"),
    );
    check(with_status(json!({"status": "Accepted"})), None);
    check(with_status(json!({})), Some("HostRule default/hr1 is not in force: AKO has not looked at it yet"));
    check(with_status(json!({"status": "accepted"})), Some("HostRule default/hr1 is not in force: accepted"));
}

/// amko 12 line 38: the original makes a service with an empty name.
#[test]
fn a_rule_without_a_global_name_names_nothing() {
    let mut world = foo();
    world.put("k8s", host_rule("hr1", "foo.k8s.local", ""));
    let outcome = world.outcome();
    assert_eq!(services(&outcome), ["foo.avi.com: 10.2.2.2*1@10(oshift)"]);
    assert_eq!(rejections(&outcome), ["Ingress default/ing1: HostRule default/hr1 has no gslb.fqdn"]);
}

// catalogue amko: 169, 171
#[test]
fn a_second_rule_for_a_host_changes_nothing_and_a_rejected_one_takes_its_member_away() {
    let mut world = foo();
    let second = edit(&host_rule("hr0", "foo.k8s.local", "other.avi.com"), |body| {
        body["status"] = json!({"status": "Rejected", "error": "duplicate fqdn"});
    });
    world.put("k8s", second);
    assert_eq!(services(&world.outcome()), [BOTH]);
    // Both accepted, which AKO does not do: the older one counts, whatever its name.
    let aged = |name: &str, global: &str, day: u32| {
        edit(&host_rule(name, "foo.k8s.local", global), |body| {
            body["metadata"]["creationTimestamp"] = json!(format!("2026-01-0{day}T00:00:00Z"));
        })
    };
    world.put("k8s", aged("hr0", "other.avi.com", 2));
    world.put("k8s", aged("hr1", "foo.avi.com", 1));
    assert_eq!(services(&world.outcome()), [BOTH]);
    let with_duplicates = edit(&host_rule("hr1", "foo.oshift.local", "foo.avi.com"), |body| {
        body["spec"]["virtualhost"]["aliases"] = json!(["a.com", "a.com"]);
        body["status"] = json!({"status": "Rejected", "error": "duplicate alias"});
    });
    world.put("oshift", with_duplicates);
    assert_eq!(services(&world.outcome()), ["foo.avi.com: 10.1.1.1*1@10(k8s)"]);
}

// catalogue amko: 169
#[test]
fn an_alias_of_both_clusters_is_one_name() {
    let mut world = foo();
    for (cluster, host) in [("k8s", "foo.k8s.local"), ("oshift", "foo.oshift.local")] {
        let rule = edit(&host_rule("hr1", host, "foo.avi.com"), |body| {
            body["spec"]["virtualhost"]["aliases"] = json!(["a.com"]);
            body["spec"]["virtualhost"]["gslb"]["includeAliases"] = json!(true);
        });
        world.put(cluster, rule);
    }
    let outcome = world.outcome();
    assert_eq!(outcome.desired.services.values().next().unwrap().domain_names, ["a.com", "foo.avi.com"]);
    assert_eq!(outcome.aliases.refused, []);
}

// catalogue amko: 172
#[test]
fn a_certificate_by_a_rule_makes_the_monitors_secure_until_it_goes() {
    let mut world = foo();
    assert_eq!(monitors(&world.outcome()), ["HTTP 80 HEAD / HTTP/1.0"]);
    let secure = |namespace: &str| {
        edit(&host_rule("hr1", "foo.k8s.local", "foo.avi.com"), |body| {
            body["metadata"]["namespace"] = json!(namespace);
            body["spec"]["virtualhost"]["tls"] = json!({"sslKeyCertificate": {"name": "my-cert", "type": "ref"}});
        })
    };
    world.put("k8s", secure("default"));
    assert_eq!(monitors(&world.outcome()), ["HTTPS 443 HEAD / HTTP/1.0"]);
    world.put("k8s", host_rule("hr1", "foo.k8s.local", "foo.avi.com"));
    assert_eq!(monitors(&world.outcome()), ["HTTP 80 HEAD / HTTP/1.0"]);
    // A rule of another namespace names the host, and its certificate is not the Ingress's.
    world.remove("k8s", &host_rule("hr1", "", ""));
    world.put("k8s", secure("other"));
    let outcome = world.outcome();
    assert_eq!(
        (services(&outcome), monitors(&outcome)),
        (vec![BOTH.to_owned()], vec!["HTTP 80 HEAD / HTTP/1.0".into()])
    );
}

#[test]
fn a_pattern_names_every_host_that_it_fits_unless_a_closer_rule_does() {
    let mut world = World::new();
    world.config.use_custom_global_fqdn = true;
    world.put(
        "k8s",
        ingress("ing1", &[("a.lab.local", "10.1.1.1"), ("b.lab.local", "10.1.1.2"), ("c.net", "10.1.1.3")]),
    );
    let pattern = |name: &str, kind: &str, fqdn: &str, global: &str| {
        edit(&host_rule(name, fqdn, global), |body| body["spec"]["virtualhost"]["fqdnType"] = json!(kind))
    };
    world.put("k8s", pattern("contains", "Contains", "lab", "contains.avi.com"));
    let outcome = world.outcome();
    assert_eq!(services(&outcome), ["contains.avi.com: 10.1.1.1*1@10(k8s) 10.1.1.2*1@10(k8s)"]);
    assert_eq!(
        rejections(&outcome),
        ["Ingress default/ing1: no HostRule of its cluster gives host c.net a global name"]
    );
    world.put("k8s", pattern("short", "Wildcard", "*.local", "short.avi.com"));
    world.put("k8s", pattern("long", "Wildcard", "*.lab.local", "long.avi.com"));
    assert_eq!(services(&world.outcome()), ["long.avi.com: 10.1.1.1*1@10(k8s) 10.1.1.2*1@10(k8s)"]);
    world.put("k8s", pattern("exact", "Exact", "b.lab.local", "exact.avi.com"));
    let expected = ["exact.avi.com: 10.1.1.2*1@10(k8s)", "long.avi.com: 10.1.1.1*1@10(k8s)"];
    assert_eq!(services(&world.outcome()), expected);
}

#[test]
fn gslb_rules_are_about_the_global_name() {
    let mut world = foo();
    let rule = json!({
        "metadata": {"name": "ghr", "namespace": "default"},
        "spec": {"fqdn": "foo.avi.com", "ttl": 7},
    });
    world.put("k8s", k8s_crds::Object::GslbHostRule(serde_json::from_value(rule).unwrap()));
    assert_eq!(world.outcome().desired.services.values().next().unwrap().ttl, Some(7));
}

#[test]
fn a_switch_of_the_mode_renames_the_services() {
    let mut world = foo();
    assert_eq!(services(&world.outcome()), [BOTH]);
    world.config.use_custom_global_fqdn = false;
    let local = ["foo.k8s.local: 10.1.1.1*1@10(k8s)", "foo.oshift.local: 10.2.2.2*1@10(oshift)"];
    assert_eq!(services(&world.outcome()), local);
}

#[test]
fn a_service_of_type_load_balancer_has_a_global_name_too() {
    let mut world = foo();
    world.put("k8s", service("db", "db.k8s.local", "10.1.1.5", &[(5432, "TCP")]));
    let reason = "Service default/db: no HostRule of its cluster gives host db.k8s.local a global name";
    assert_eq!(rejections(&world.outcome()), [reason]);
    world.put("k8s", host_rule("hr2", "db.k8s.local", "db.avi.com"));
    assert_eq!(services(&world.outcome()), ["db.avi.com: 10.1.1.5*1@10(k8s)", BOTH]);
}
