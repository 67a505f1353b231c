//! What the terminal says about a change.

use amko_translate::{Outcome, explain_change};
use k8s_crds::{LabelRequirement, LabelSelector};
use serde_json::json;

use crate::world::{World, edit, host_rule, ingress, namespace, selector, services, split};

/// The story's three members, as 6:4.
fn hello() -> World {
    let mut world = World::new();
    world.put("k8s", ingress("hello", &[("hello.avi.iberia.local", "127.10.25.40")]));
    world.put("oshift", ingress("hello", &[("hello.avi.iberia.local", "127.10.26.40")]));
    world.gdp.spec.traffic_split = vec![split("k8s", 6, 10), split("oshift", 4, 10)];
    world
}

#[track_caller]
fn check(change: impl FnOnce(&mut World), expected: &[&str]) {
    let mut world = hello();
    let before = world.outcome();
    change(&mut world);
    let after = world.outcome();
    assert_eq!(texts(&before, &after), expected, "{:?}", services(&after));
    assert!(texts(&after, &after).is_empty());
}

fn texts(before: &Outcome, after: &Outcome) -> Vec<String> {
    explain_change(before, after).into_iter().map(|reason| reason.text).collect()
}

#[test]
fn a_new_split_names_each_ratio_and_the_policy() {
    check(
        |world| world.gdp.spec.traffic_split = vec![split("k8s", 6, 10), split("oshift", 3, 20)],
        &[
            "ratio of 127.10.26.40 (oshift) 4 → 3: GlobalDeploymentPolicy avi-system/global-gdp",
            "priority of 127.10.26.40 (oshift) 10 → 20: GlobalDeploymentPolicy avi-system/global-gdp",
        ],
    );
}

#[test]
fn a_dropped_label_is_named() {
    check(
        |world| {
            let object = ingress("hello", &[("hello.avi.iberia.local", "127.10.26.40")]);
            world.put("oshift", edit(&object, |body| body["metadata"]["labels"] = json!({})));
        },
        &["member 127.10.26.40 (oshift) left: label app=gslb dropped from Ingress default/hello"],
    );
}

#[test]
fn a_deleted_object_is_named() {
    check(
        |world| world.remove("oshift", &ingress("hello", &[])),
        &["member 127.10.26.40 (oshift) left: Ingress default/hello deleted"],
    );
}

#[test]
fn a_lost_status_is_named() {
    check(
        |world| {
            let object = ingress("hello", &[("hello.avi.iberia.local", "127.10.26.40")]);
            world.put("oshift", edit(&object, |body| body["status"] = json!({})));
        },
        &["member 127.10.26.40 (oshift) left: Ingress default/hello: its status has no load balancer entry yet"],
    );
}

#[test]
fn a_renamed_host_is_named_on_both_sides() {
    check(
        |world| world.put("oshift", ingress("hello", &[("hi.avi.iberia.local", "127.10.26.40")])),
        &[
            "member 127.10.26.40 (oshift) left: Ingress default/hello has host hi.avi.iberia.local now",
            "member 127.10.26.40 (oshift) joined: Ingress default/hello",
        ],
    );
}

#[test]
fn a_new_object_is_named() {
    check(
        |world| world.put("oshift", ingress("more", &[("hello.avi.iberia.local", "127.10.26.41")])),
        &["member 127.10.26.41 (oshift) joined: Ingress default/more"],
    );
    check(
        |world| world.put("oshift", ingress("more", &[("hello.avi.iberia.local", "127.10.26.40")])),
        &["Ingress default/more (oshift) joined a shared address: Ingress default/more"],
    );
}

#[test]
fn a_changed_address_is_one_line() {
    check(
        |world| world.put("oshift", ingress("hello", &[("hello.avi.iberia.local", "127.10.26.44")])),
        &["address of Ingress default/hello (oshift) 127.10.26.40 → 127.10.26.44: its status changed"],
    );
}

#[test]
fn the_policy_is_named_for_what_it_drops() {
    check(
        |world| {
            world.gdp.spec.match_clusters.pop();
        },
        &["member 127.10.26.40 (oshift) left: \
             cluster oshift dropped from GlobalDeploymentPolicy avi-system/global-gdp"],
    );
    let selects = "GlobalDeploymentPolicy avi-system/global-gdp now selects app=web";
    check(
        |world| world.gdp.spec.match_rules.app_selector = selector("app", "web"),
        &[
            &format!("member 127.10.25.40 (k8s) left: {selects}"),
            &format!("member 127.10.26.40 (oshift) left: {selects}"),
        ],
    );
    let selects = "GlobalDeploymentPolicy avi-system/global-gdp now selects app in (web,shop)";
    let values = vec!["web".to_owned(), "shop".to_owned()];
    let web = LabelRequirement { key: "app".into(), operator: "In".into(), values };
    check(
        |world| {
            let selector = LabelSelector { match_expressions: vec![web], ..LabelSelector::default() };
            world.gdp.spec.match_rules.app_selector = Some(selector);
        },
        &[
            &format!("member 127.10.25.40 (k8s) left: {selects}"),
            &format!("member 127.10.26.40 (oshift) left: {selects}"),
        ],
    );
    let deleted = "GlobalDeploymentPolicy avi-system/global-gdp deleted";
    check(
        World::delete_policy,
        &[
            &format!("member 127.10.25.40 (k8s) left: {deleted}"),
            &format!("member 127.10.26.40 (oshift) left: {deleted}"),
        ],
    );
}

#[test]
fn a_cluster_dropped_from_the_config_is_named() {
    check(
        |world| {
            world.gdp.spec.match_clusters.pop();
            world.gdp.spec.traffic_split.pop();
            world.config.clusters.pop();
        },
        &["member 127.10.26.40 (oshift) left: cluster oshift dropped from GSLBConfig"],
    );
}

#[test]
fn properties_name_the_policy() {
    let because = "GlobalDeploymentPolicy avi-system/global-gdp";
    check(|world| world.gdp.spec.ttl = Some(10), &[&format!("TTL the controller's → 10 s: {because}")]);
    check(
        |world| world.gdp.spec.control_plane_hm_only = Some(true),
        &[&format!("no monitors any more, control plane only: {because}")],
    );
    check(
        |world| world.gdp.spec.health_monitor_refs = vec!["my-hm1".into()],
        &[&format!("monitors are now my-hm1: {because}")],
    );
    check(
        |world| world.gdp.spec.health_monitor_template = Some("my-hm1".into()),
        &["monitor changed (path: /, protocol: http, created from: my-hm1)"],
    );
}

#[test]
fn a_namespace_that_lost_its_label_is_named() {
    let mut world = hello();
    world.gdp.spec.match_rules.namespace_selector = selector("team", "a");
    for cluster in ["k8s", "oshift"] {
        world.put(cluster, namespace("default", json!({"team": "a"}), json!({})));
    }
    let before = world.outcome();
    world.put("oshift", namespace("default", json!({}), json!({})));
    let expected = ["member 127.10.26.40 (oshift) left: label team=a dropped from namespace default"];
    assert_eq!(texts(&before, &world.outcome()), expected);
}

#[test]
fn an_alias_is_named_with_the_rule_that_brought_it() {
    let host = "hello.avi.iberia.local";
    let rule = edit(&host_rule("hr1", host, ""), |body| {
        body["spec"]["virtualhost"]["aliases"] = json!(["hi.com"]);
    });
    check(|world| world.put("oshift", rule.clone()), &["alias hi.com joined: HostRule default/hr1 (oshift)"]);
    let mut world = hello();
    world.put("oshift", rule.clone());
    let before = world.outcome();
    world.remove("oshift", &rule);
    let expected = ["alias hi.com left: HostRule default/hr1 (oshift) no longer gives it"];
    assert_eq!(texts(&before, &world.outcome()), expected);
}

#[test]
fn a_global_name_that_came_moved_and_went_is_named() {
    let host = "hello.avi.iberia.local";
    let mut world = hello();
    world.config.use_custom_global_fqdn = true;
    let mut before = world.outcome();
    let mut step = |change: &dyn Fn(&mut World), expected: &[&str]| {
        change(&mut world);
        let after = world.outcome();
        assert_eq!(texts(&before, &after), expected);
        before = after;
    };
    let joined = "member 127.10.25.40 (k8s) joined: Ingress default/hello got its name by a HostRule";
    step(&|world| world.put("k8s", host_rule("hr1", host, "a.com")), &[joined]);
    step(
        &|world| world.put("k8s", host_rule("hr1", host, "b.com")),
        &[
            "member 127.10.25.40 (k8s) left: Ingress default/hello has host b.com now",
            "member 127.10.25.40 (k8s) joined: Ingress default/hello",
        ],
    );
    let rejected = edit(&host_rule("hr1", host, "b.com"), |body| body["status"]["status"] = json!("Rejected"));
    let left = "member 127.10.25.40 (k8s) left: Ingress default/hello: HostRule default/hr1 is not in force: Rejected";
    step(&|world| world.put("k8s", rejected.clone()), &[left]);
}
