//! Clusters that have not answered keep what the controller has for them.

use amko_translate::{Desired, Index, NameBook, ObjectName, PublishedMonitor, PublishedService};

use crate::world::{World, edit, host_rule, ingress, monitors, name, route, services, split};

/// What the controller holds for a translation.
fn published(desired: &Desired) -> (Vec<PublishedService>, Vec<PublishedMonitor>) {
    let bodies = |name: &ObjectName| name.tenant.clone();
    let services = desired.services.values().map(|s| PublishedService::from_body(&bodies(&s.name), &s.to_body()));
    let monitors = desired.monitors.values().filter_map(|m| PublishedMonitor::from_body(&m.name.tenant, &m.to_body()));
    (services.collect(), monitors.collect())
}

/// Starts anew: the leader answers with what it had, `oshift` is silent.
fn restart(world: &mut World, leader: Vec<k8s_crds::Object>) {
    let before = world.outcome();
    let mut index = Index::new("k8s");
    index.reset("k8s", leader);
    world.published = published(&before.desired);
    world.names = NameBook::new(&world.published.0);
    world.index = index;
}

fn both() -> World {
    let mut world = World::new();
    world.put("k8s", ingress("ing1", &[("foo.avi.com", "10.1.1.1")]));
    let paths = |body: &mut serde_json::Value| {
        body["spec"]["rules"][0]["http"]["paths"] =
            serde_json::json!([{"path": "/x", "pathType": "Prefix", "backend": {}}]);
    };
    world.put("oshift", edit(&ingress("ing1", &[("foo.avi.com", "10.2.2.2")]), paths));
    world.put("oshift", ingress("ing2", &[("bar.avi.com", "10.2.2.3")]));
    world
}

#[test]
fn a_silent_cluster_keeps_its_members_and_monitors() {
    let mut world = both();
    let before = world.outcome();
    restart(&mut world, vec![ingress("ing1", &[("foo.avi.com", "10.1.1.1")])]);
    let after = world.outcome();
    assert_eq!(after.desired.services, before.desired.services);
    assert_eq!(after.desired.monitors, before.desired.monitors);
}

#[test]
fn the_policy_still_governs_held_members() {
    let mut world = both();
    restart(&mut world, vec![]);
    world.gdp.spec.traffic_split = vec![split("oshift", 7, 20)];
    assert_eq!(
        services(&world.outcome()),
        ["bar.avi.com: 10.2.2.3*7@20(oshift)", "foo.avi.com: 10.2.2.2*7@20(oshift)"]
    );
    world.gdp.spec.match_clusters.pop();
    assert!(services(&world.outcome()).is_empty(), "the cluster is not selected any more");
}

#[test]
fn what_the_answering_cluster_says_counts() {
    let mut world = both();
    restart(&mut world, vec![ingress("ing1", &[("foo.avi.com", "10.1.1.9")])]);
    let expected = ["bar.avi.com: 10.2.2.3*1@10(oshift)", "foo.avi.com: 10.1.1.9*1@10(k8s) 10.2.2.2*1@10(oshift)"];
    assert_eq!(services(&world.outcome()), expected, "an address that changed meanwhile is not kept");
}

#[test]
fn members_go_when_the_cluster_answers_without_them() {
    let mut world = both();
    restart(&mut world, vec![]);
    assert_eq!(world.outcome().desired.services.len(), 2);
    world.index.reset("oshift", vec![ingress("ing2", &[("bar.avi.com", "10.2.2.3")])]);
    assert_eq!(services(&world.outcome()), ["bar.avi.com: 10.2.2.3*1@10(oshift)"]);
    assert_eq!(monitors(&world.outcome()), ["HTTP 80 HEAD / HTTP/1.0"]);
}

#[test]
fn an_unreadable_file_holds_only_what_was_never_seen() {
    let mut world = both();
    restart(&mut world, vec![]);
    let ing2 = ingress("ing2", &[("bar.avi.com", "10.2.2.3")]);
    world.index.set_problems("oshift", true);
    world.index.reset("oshift", vec![ing2.clone()]);
    assert_eq!(world.outcome().desired.services.len(), 2, "ing1 may be in the file");
    world.index.delete("oshift", &ing2.key());
    assert_eq!(services(&world.outcome()), ["foo.avi.com: 10.2.2.2*1@10(oshift)"], "ing2 was seen to go");
}

#[test]
fn several_pools_lose_no_held_member() {
    let mut world = both();
    world.gdp.spec.traffic_split = vec![split("oshift", 3, 20)];
    let before = world.outcome();
    restart(&mut world, vec![ingress("ing1", &[("foo.avi.com", "10.1.1.1")])]);
    assert_eq!(world.outcome().desired.services, before.desired.services);
}

#[test]
fn while_all_are_silent_pools_tell_whose_a_member_is() {
    let mut world = both();
    world.gdp.spec.traffic_split = vec![split("oshift", 3, 20)];
    let before = world.outcome();
    restart(&mut world, vec![]);
    world.index = Index::new("k8s");
    let after = world.outcome();
    assert_eq!(services(&after), services(&before));
    assert_eq!(after.desired.monitors, before.desired.monitors);
}

#[test]
fn a_silent_cluster_keeps_its_routes_and_their_shared_monitor() {
    let mut world = World::new();
    let passthrough = edit(&route("r1", "foo.avi.com", "10.2.2.2"), |body| {
        body["spec"]["tls"] = serde_json::json!({"termination": "passthrough"});
    });
    world.put("oshift", passthrough);
    let before = world.outcome();
    restart(&mut world, vec![]);
    let after = world.outcome();
    assert_eq!(after.desired, before.desired);
    world.index.reset("oshift", vec![]);
    assert!(world.outcome().desired.services.is_empty(), "it answered, the route is not there");
}

#[test]
fn a_silent_cluster_keeps_the_aliases_of_its_rules() {
    let mut world = both();
    let rule = edit(&host_rule("hr1", "foo.avi.com", ""), |body| {
        body["spec"]["virtualhost"]["aliases"] = serde_json::json!(["a.com"]);
    });
    world.put("oshift", rule.clone());
    let before = world.outcome();
    let leader = vec![ingress("ing1", &[("foo.avi.com", "10.1.1.1")])];
    restart(&mut world, leader);
    assert_eq!(world.outcome().desired.services, before.desired.services);
    // It answers: what it said then counts, though another part of it cannot be read.
    let objects = vec![rule.clone(), ingress("ing1", &[("foo.avi.com", "10.2.2.2")])];
    world.index.reset("oshift", objects);
    world.index.set_problems("oshift", true);
    let names = |world: &mut World| world.outcome().desired.services[&name("foo.avi.com")].domain_names.clone();
    assert_eq!(names(&mut world), ["a.com", "foo.avi.com"]);
    world.remove("oshift", &rule);
    assert_eq!(names(&mut world), ["foo.avi.com"]);
}

#[test]
fn a_silent_cluster_keeps_its_members_under_their_global_name() {
    let mut world = World::new();
    world.config.use_custom_global_fqdn = true;
    world.put("oshift", ingress("ing1", &[("foo.local", "10.2.2.2")]));
    world.put("oshift", host_rule("hr1", "foo.local", "foo.avi.com"));
    let before = world.outcome();
    restart(&mut world, vec![]);
    assert_eq!(world.outcome().desired, before.desired);
}

/// A rule that cannot be read looks like one that is not there.
#[test]
fn a_member_keeps_its_global_name_while_the_rule_about_it_may_be_unreadable() {
    let mut world = World::new();
    world.config.use_custom_global_fqdn = true;
    let ingress = ingress("ing1", &[("foo.local", "10.2.2.2")]);
    world.put("oshift", ingress.clone());
    world.put("oshift", host_rule("hr1", "foo.local", "foo.avi.com"));
    restart(&mut world, vec![]);
    world.index.reset(
        "oshift",
        vec![edit(&ingress, |body| {
            body["status"]["loadBalancer"]["ingress"][0]["ip"] = serde_json::json!("10.2.2.9");
        })],
    );
    world.index.set_problems("oshift", true);
    assert_eq!(services(&world.outcome()), ["foo.avi.com: 10.2.2.9*1@10(oshift)"]);
    world.index.set_problems("oshift", false);
    assert!(world.outcome().desired.services.is_empty(), "there is none");
    // What was read in full is known, whatever cannot be read later.
    world.index.set_problems("oshift", true);
    assert!(world.outcome().desired.services.is_empty());
}

#[test]
fn members_of_every_kind_are_kept_until_their_cluster_answers_without_them() {
    let objects = [
        "INGRESS/oshift/default/o1/x.avi.com",
        "LBSVC/oshift/default/o1",
        "ROUTE/oshift/default/o1",
        "MCI/oshift/default/o1/x.avi.com",
    ];
    for object in objects {
        let mut world = World::new();
        let body = serde_json::json!({
            "name": "x.avi.com",
            "description": object,
            "groups": [{"members": [{"ip": {"addr": "10.2.2.4", "type": "V4"}}]}],
        });
        world.published = (vec![PublishedService::from_body("admin", &body)], vec![]);
        world.index = Index::new("k8s");
        world.index.reset("k8s", vec![]);
        assert_eq!(services(&world.outcome()), ["x.avi.com: 10.2.2.4*1@10(oshift)"], "{object}");
        world.index.reset("oshift", vec![]);
        assert!(world.outcome().desired.services.is_empty(), "{object}");
    }
}
