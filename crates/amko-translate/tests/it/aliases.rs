//! Aliases in default mode, and who gets one that two services claim (amko 4.1, 4.3, 13.11).

use amko_translate::Outcome;
use k8s_crds::Object;
use serde_json::json;

use crate::world::{World, edit, host_rule, ingress, route, services};

const BOTH: &str = "foo.avi.com: 10.1.1.1*1@10(k8s) 10.2.2.2*1@10(oshift)";

fn foo() -> World {
    let mut world = World::new();
    world.put("k8s", ingress("ing1", &[("foo.avi.com", "10.1.1.1")]));
    world.put("oshift", route("r1", "foo.avi.com", "10.2.2.2"));
    world
}

/// An accepted rule with aliases, older the smaller its name.
fn rule(name: &str, host: &str, aliases: &[&str]) -> Object {
    edit(&host_rule(name, host, ""), |body| body["spec"]["virtualhost"]["aliases"] = json!(aliases))
}

fn names(outcome: &Outcome, service: &str) -> Vec<String> {
    outcome.desired.services[&crate::world::name(service)].domain_names.clone()
}

// catalogue amko: 98, 157, 158, 159, 162
#[test]
fn names_are_the_host_and_the_aliases_of_all_clusters() {
    let mut world = foo();
    let mut check = |cluster: &str, aliases: Option<&[&str]>, expected: &[&str]| {
        match aliases {
            Some(aliases) => world.put(cluster, rule("hr1", "foo.avi.com", aliases)),
            None => world.remove(cluster, &rule("hr1", "", &[])),
        }
        let outcome = world.outcome();
        assert_eq!(names(&outcome, "foo.avi.com"), expected);
        assert_eq!(services(&outcome), [BOTH], "members stay");
        let body = outcome.desired.services.values().next().unwrap().to_body();
        assert_eq!(body["domain_names"], json!(expected));
    };
    check("k8s", Some(&["z.com", "a.com"]), &["a.com", "foo.avi.com", "z.com"]);
    check("oshift", Some(&["o.com"]), &["a.com", "foo.avi.com", "o.com", "z.com"]);
    check("k8s", Some(&["z.com", "a.com", "b.com"]), &["a.com", "b.com", "foo.avi.com", "o.com", "z.com"]);
    check("k8s", Some(&["x.com"]), &["foo.avi.com", "o.com", "x.com"]);
    check("k8s", Some(&[]), &["foo.avi.com", "o.com"]);
    check("oshift", None, &["foo.avi.com"]);
}

// catalogue amko: 160
#[test]
fn a_rejected_rule_gives_no_aliases() {
    let mut world = foo();
    world.put("k8s", rule("hr1", "foo.avi.com", &["a.com"]));
    assert_eq!(names(&world.outcome(), "foo.avi.com"), ["a.com", "foo.avi.com"]);
    let rejected = edit(&rule("hr1", "foo.avi.com", &["a.com", "a.com"]), |body| {
        body["status"] = json!({"status": "Rejected", "error": "duplicate alias"});
    });
    world.put("k8s", rejected);
    assert_eq!(names(&world.outcome(), "foo.avi.com"), ["foo.avi.com"]);
}

// catalogue amko: 161
#[test]
fn an_alias_of_both_clusters_is_one_name() {
    let mut world = foo();
    world.put("k8s", rule("hr1", "foo.avi.com", &["a.com"]));
    world.put("oshift", rule("hr1", "foo.avi.com", &["a.com"]));
    let outcome = world.outcome();
    assert_eq!(names(&outcome, "foo.avi.com"), ["a.com", "foo.avi.com"]);
    assert_eq!(outcome.aliases.refused, []);
    world.remove("k8s", &rule("hr1", "", &[]));
    assert_eq!(names(&world.outcome(), "foo.avi.com"), ["a.com", "foo.avi.com"]);
    world.remove("oshift", &rule("hr1", "", &[]));
    assert_eq!(names(&world.outcome(), "foo.avi.com"), ["foo.avi.com"]);
}

/// amko 12 line 39: the original lets nobody inherit.
#[test]
fn who_has_an_alias_keeps_it_and_the_next_inherits() {
    let mut world = foo();
    world.put("k8s", ingress("ing2", &[("bar.avi.com", "10.1.1.2")]));
    world.put("k8s", rule("hr9", "bar.avi.com", &["a.com"]));
    assert_eq!(names(&world.outcome(), "bar.avi.com"), ["a.com", "bar.avi.com"]);
    // A rule that would come first by name claims it too.
    world.put("k8s", rule("hr1", "foo.avi.com", &["a.com", "b.com"]));
    let outcome = world.outcome();
    assert_eq!(names(&outcome, "bar.avi.com"), ["a.com", "bar.avi.com"]);
    assert_eq!(names(&outcome, "foo.avi.com"), ["b.com", "foo.avi.com"]);
    let refused = &outcome.aliases.refused[0];
    assert_eq!(
        (refused.alias.as_str(), refused.rule.to_string(), refused.holder.name.as_str()),
        ("a.com", "HostRule default/hr1 (k8s)".to_owned(), "bar.avi.com")
    );
    world.remove("k8s", &rule("hr9", "", &[]));
    let outcome = world.outcome();
    assert_eq!(names(&outcome, "bar.avi.com"), ["bar.avi.com"]);
    assert_eq!(names(&outcome, "foo.avi.com"), ["a.com", "b.com", "foo.avi.com"]);
    assert_eq!(outcome.aliases.refused, []);
}

/// The controller would refuse both services (amko 4.4).
#[test]
fn the_name_of_a_service_is_no_alias_of_another() {
    let mut world = foo();
    world.put("k8s", ingress("ing2", &[("bar.avi.com", "10.1.1.2")]));
    world.put("k8s", rule("hr1", "foo.avi.com", &["bar.avi.com", "foo.avi.com"]));
    let outcome = world.outcome();
    assert_eq!(names(&outcome, "foo.avi.com"), ["foo.avi.com"]);
    assert_eq!(outcome.aliases.refused.len(), 1);
}

#[test]
fn a_rule_of_a_cluster_that_is_not_selected_gives_no_aliases() {
    let mut world = foo();
    world.put("oshift", rule("hr1", "foo.avi.com", &["a.com"]));
    world.gdp.spec.match_clusters.retain(|entry| entry.cluster == "k8s");
    assert_eq!(names(&world.outcome(), "foo.avi.com"), ["foo.avi.com"]);
}

#[test]
fn a_certificate_counts_in_default_mode_too() {
    let mut world = World::new();
    world.put("k8s", ingress("ing1", &[("foo.avi.com", "10.1.1.1")]));
    let secure = edit(&host_rule("hr1", "foo.avi.com", ""), |body| {
        body["spec"]["virtualhost"]["tls"] = json!({"sslKeyCertificate": {"name": "my-cert"}});
    });
    world.put("k8s", secure);
    assert_eq!(crate::world::monitors(&world.outcome()), ["HTTPS 443 HEAD / HTTP/1.0"]);
}
