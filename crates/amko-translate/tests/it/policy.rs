//! What a policy selects and sets (amko 2.2, 5.4, 13.1, 13.10).

use k8s_crds::{DownResponse, GeoFallback, LabelRequirement, LabelSelector, PoolAlgorithmSettings};
use serde_json::json;

use crate::world::{World, edit, ingress, monitors, namespace, rejections, route, selector, service, services, split};

/// A host in each cluster, and one unlabelled Ingress.
fn two_clusters() -> World {
    let mut world = World::new();
    world.put("k8s", ingress("ing1", &[("foo.avi.com", "10.1.1.1")]));
    world.put("oshift", ingress("ing1", &[("foo.avi.com", "10.2.2.2")]));
    let unlabelled = edit(&ingress("ing2", &[("bar.avi.com", "10.1.1.2")]), |body| {
        body["metadata"]["labels"] = json!({"app": "other"});
    });
    world.put("k8s", unlabelled);
    world
}

// catalogue amko: 3, 4, 7, 8, 10
#[test]
fn only_labelled_objects_of_selected_clusters_become_members() {
    let mut world = two_clusters();
    assert_eq!(services(&world.outcome()), ["foo.avi.com: 10.1.1.1*1@10(k8s) 10.2.2.2*1@10(oshift)"]);
    let oshift = world.gdp.spec.match_clusters.pop().unwrap();
    assert_eq!(services(&world.outcome()), ["foo.avi.com: 10.1.1.1*1@10(k8s)"]);
    world.gdp.spec.match_clusters = vec![oshift];
    let outcome = world.outcome();
    assert_eq!(services(&outcome), ["foo.avi.com: 10.2.2.2*1@10(oshift)"]);
    assert_eq!(rejections(&outcome)[0], "Ingress default/ing1: cluster k8s is not in matchClusters");
    world.gdp.spec.match_clusters.clear();
    assert!(world.outcome().desired.services.is_empty());
}

// catalogue amko: 2
#[test]
fn labelled_objects_of_every_kind_in_the_selected_cluster_become_members() {
    let mut world = World::new();
    world.gdp.spec.match_clusters.truncate(1);
    let objects = [
        ingress("ing1", &[("foo.avi.com", "10.1.1.1")]),
        service("svc1", "svc.avi.com", "10.1.1.2", &[(80, "TCP")]),
        route("r1", "route.avi.com", "10.1.1.3"),
    ];
    for object in &objects {
        world.put("k8s", object.clone());
        world.put("oshift", object.clone());
    }
    let expected =
        ["foo.avi.com: 10.1.1.1*1@10(k8s)", "route.avi.com: 10.1.1.3*1@10(k8s)", "svc.avi.com: 10.1.1.2*1@10(k8s)"];
    assert_eq!(services(&world.outcome()), expected);
    for object in &objects {
        world.put("k8s", edit(object, |body| body["metadata"]["labels"] = json!({})));
    }
    assert!(world.outcome().desired.services.is_empty());
}

// catalogue amko: 6, 11
#[test]
fn another_label_selects_other_objects() {
    let mut world = two_clusters();
    assert_eq!(services(&world.outcome()), ["foo.avi.com: 10.1.1.1*1@10(k8s) 10.2.2.2*1@10(oshift)"]);
    world.gdp.spec.match_rules.app_selector = selector("app", "other");
    assert_eq!(services(&world.outcome()), ["bar.avi.com: 10.1.1.2*1@10(k8s)"]);
    world.gdp.spec.match_rules.app_selector = selector("app", "nothing");
    assert!(world.outcome().desired.services.is_empty());
}

// catalogue amko: 13
#[test]
fn a_selector_with_two_labels_selects_nothing() {
    let mut world = two_clusters();
    let label = [("app".to_owned(), "gslb".to_owned()), ("b".to_owned(), "c".to_owned())].into();
    world.gdp.spec.match_rules.app_selector = Some(LabelSelector { label, ..LabelSelector::default() });
    let outcome = world.outcome();
    assert!(outcome.desired.services.is_empty());
    let expected = "the policy has no appSelector and no namespaceSelector that counts: one label, matchLabels or \
                    matchExpressions";
    assert_eq!(rejections(&outcome)[0], format!("Ingress default/ing1: {expected}"));
}

#[test]
fn full_selectors_take_and_leave_objects_by_every_operator() {
    let mut world = two_clusters();
    let expression = |key: &str, operator: &str, values: &[&str]| LabelRequirement {
        key: key.into(),
        operator: operator.into(),
        values: values.iter().map(ToString::to_string).collect(),
    };
    let app_in = LabelSelector {
        match_expressions: vec![expression("app", "In", &["gslb", "other"])],
        ..LabelSelector::default()
    };
    world.gdp.spec.match_rules.app_selector = Some(app_in.clone());
    let all = ["bar.avi.com: 10.1.1.2*1@10(k8s)", "foo.avi.com: 10.1.1.1*1@10(k8s) 10.2.2.2*1@10(oshift)"];
    assert_eq!(services(&world.outcome()), all);
    // A namespace that is not known has no labels that could satisfy, or lack, anything.
    let not_hidden = LabelSelector {
        match_expressions: vec![expression("hidden", "DoesNotExist", &[])],
        ..LabelSelector::default()
    };
    world.gdp.spec.match_rules.namespace_selector = Some(not_hidden);
    assert!(world.outcome().desired.services.is_empty());
    world.put("k8s", namespace("default", json!({}), json!({})));
    assert_eq!(services(&world.outcome()), [all[0], "foo.avi.com: 10.1.1.1*1@10(k8s)"]);
    world.put("k8s", namespace("default", json!({"hidden": ""}), json!({})));
    let outcome = world.outcome();
    assert!(outcome.desired.services.is_empty());
    let expected = "Ingress default/ing1: its namespace has the label hidden, which is excluded";
    assert_eq!(rejections(&outcome)[0], expected);
    // Both together, and one label of the original beside them.
    world.gdp.spec.match_rules.namespace_selector = None;
    let selector = LabelSelector { label: [("app".to_owned(), "other".to_owned())].into(), ..app_in };
    world.gdp.spec.match_rules.app_selector = Some(selector);
    let outcome = world.outcome();
    assert_eq!(services(&outcome), [all[0]]);
    assert_eq!(rejections(&outcome)[0], "Ingress default/ing1: it lacks the label app=other");
}

// catalogue amko: 14
#[test]
fn a_namespace_selector_alone_ignores_the_labels_of_objects() {
    let mut world = two_clusters();
    world.gdp.spec.match_rules.app_selector = None;
    world.gdp.spec.match_rules.namespace_selector = selector("team", "a");
    assert!(world.outcome().desired.services.is_empty());
    world.put("k8s", namespace("default", json!({"team": "a"}), json!({})));
    assert_eq!(services(&world.outcome()), ["bar.avi.com: 10.1.1.2*1@10(k8s)", "foo.avi.com: 10.1.1.1*1@10(k8s)"]);
}

// catalogue amko: 15
#[test]
fn both_selectors_must_match() {
    let mut world = two_clusters();
    world.gdp.spec.match_rules.namespace_selector = selector("team", "a");
    world.put("k8s", namespace("default", json!({"team": "a"}), json!({})));
    assert_eq!(services(&world.outcome()), ["foo.avi.com: 10.1.1.1*1@10(k8s)"]);
}

// catalogue amko: 16
#[test]
fn a_deleted_policy_leaves_no_service() {
    let mut world = two_clusters();
    world.outcome();
    world.delete_policy();
    let outcome = world.outcome();
    assert_eq!(outcome.desired, amko_translate::Desired::default());
    assert_eq!(rejections(&outcome)[0], "Ingress default/ing1: there is no GlobalDeploymentPolicy");
}

// catalogue amko: 17
#[test]
fn an_invalid_update_changes_nothing() {
    let mut world = two_clusters();
    let before = world.outcome();
    world.gdp.spec.ttl = Some(5);
    world.gdp.spec.traffic_split = vec![split("k8s", 50, 10)];
    assert_eq!(world.outcome(), before);
}

// catalogue amko: 140, 141, 142, 143, 144
#[test]
fn weights_and_priorities_follow_the_split() {
    let mut world = two_clusters();
    world.gdp.spec.traffic_split = vec![split("k8s", 5, 8), split("oshift", 5, 8)];
    assert_eq!(services(&world.outcome()), ["foo.avi.com: 10.1.1.1*5@8(k8s) 10.2.2.2*5@8(oshift)"]);
    world.gdp.spec.traffic_split = vec![split("k8s", 5, 12)];
    assert_eq!(services(&world.outcome()), ["foo.avi.com: 10.1.1.1*5@12(k8s) 10.2.2.2*1@10(oshift)"]);
    world.gdp.spec.traffic_split = vec![split("k8s", 5, 20)];
    assert_eq!(services(&world.outcome()), ["foo.avi.com: 10.1.1.1*5@20(k8s) 10.2.2.2*1@10(oshift)"]);
    world.gdp.spec.traffic_split = vec![split("k8s", 5, 12), split("oshift", 2, 15)];
    assert_eq!(services(&world.outcome()), ["foo.avi.com: 10.2.2.2*2@15(oshift) 10.1.1.1*5@12(k8s)"]);
    let body = world.outcome().desired.services.values().next().unwrap().to_body();
    assert_eq!([&body["groups"][0]["name"], &body["groups"][1]["name"]], ["amko-gs-group-15", "amko-gs-group-12"]);
    world.gdp.spec.traffic_split = vec![split("k8s", 5, 12), split("oshift", 2, 30)];
    assert_eq!(services(&world.outcome()), ["foo.avi.com: 10.2.2.2*2@30(oshift) 10.1.1.1*5@12(k8s)"]);
    world.gdp.spec.traffic_split = vec![split("k8s", 5, 12), split("oshift", 2, 0)];
    let body = world.outcome().desired.services.values().next().unwrap().to_body();
    assert_eq!(body["groups"][1]["name"], "amko-gs-group-0");
    assert_eq!(body["groups"][0]["priority"], 12);
}

// catalogue amko: 125
#[test]
fn the_ttl_is_sent_when_set_even_when_zero() {
    let mut world = two_clusters();
    let mut ttl = |ttl| {
        world.gdp.spec.ttl = ttl;
        world.outcome().desired.services.values().next().unwrap().to_body().get("ttl").cloned()
    };
    assert_eq!(ttl(None), None);
    assert_eq!(ttl(Some(10)), Some(json!(10)));
    assert_eq!(ttl(Some(20)), Some(json!(20)));
    assert_eq!(ttl(Some(0)), Some(json!(0)));
}

// catalogue amko: 121, 123
#[test]
fn explicit_monitors_replace_generated_ones() {
    let mut world = two_clusters();
    world.gdp.spec.health_monitor_refs = vec!["my-hm2".into(), "my-hm1".into()];
    world.gdp.spec.traffic_split = vec![split("k8s", 5, 12)];
    let outcome = world.outcome();
    assert!(outcome.desired.monitors.is_empty());
    let body = outcome.desired.services.values().next().unwrap().to_body();
    let expected = json!(["/api/healthmonitor?name=my-hm2", "/api/healthmonitor?name=my-hm1"]);
    assert_eq!(body["health_monitor_refs"], expected);
    assert_eq!(body["groups"][0]["min_health_monitors_up"], 3);
    assert_eq!(body["groups"][1]["min_health_monitors_up"], 3);
    world.gdp.spec.health_monitor_refs = vec!["my-hm3".into()];
    assert_eq!(world.outcome(), outcome, "an unknown ref keeps the old ones");
    world.gdp.spec.health_monitor_refs = vec!["my-hm1".into()];
    let body = world.outcome().desired.services.values().next().unwrap().to_body();
    assert_eq!(body["health_monitor_refs"], json!(["/api/healthmonitor?name=my-hm1"]));
    assert_eq!(body["groups"][0]["min_health_monitors_up"], 2);
}

// catalogue amko: 154
#[test]
fn control_plane_only_attaches_no_monitor() {
    let mut world = two_clusters();
    world.gdp.spec.control_plane_hm_only = Some(true);
    let outcome = world.outcome();
    assert!(outcome.desired.monitors.is_empty());
    let body = outcome.desired.services.values().next().unwrap().to_body();
    assert!(body.get("health_monitor_refs").is_none());
    assert_eq!(body["groups"][0]["min_health_monitors_up"], 1);
    world.gdp.spec.control_plane_hm_only = Some(false);
    assert_eq!(world.outcome().desired.monitors.len(), 1);
}

#[test]
fn a_template_gives_request_line_and_codes() {
    let mut world = two_clusters();
    world.gdp.spec.health_monitor_template = Some("my-hm1".into());
    let outcome = world.outcome();
    assert_eq!(monitors(&outcome), ["HTTP 80 GET / HTTP/1.1"]);
    let monitor = outcome.desired.monitors.values().next().unwrap();
    assert_eq!(
        monitor.description,
        "created by: amko, gsname: foo.avi.com, path: /, protocol: http, created from: my-hm1"
    );
    assert_eq!(monitor.to_body()["http_monitor"]["http_response_code"], json!(["HTTP_2XX"]));
    world.view.monitors.get_mut(&("admin".into(), "my-hm1".into())).unwrap().http_request = "HEAD /x HTTP/1.0".into();
    assert_eq!(monitors(&world.outcome()), ["HTTP 80 HEAD / HTTP/1.0"], "it follows the controller");
}

// catalogue amko: 124
#[test]
fn persistence_is_for_services_with_tls() {
    let mut world = two_clusters();
    let tls = edit(&ingress("ing3", &[("tls.avi.com", "10.1.1.3")]), |body| {
        body["spec"]["tls"] = json!([{"hosts": ["tls.avi.com"]}]);
    });
    world.put("k8s", tls);
    world.gdp.spec.site_persistence_ref = Some("gslb-persistence".into());
    let bodies = |world: &mut World| -> Vec<_> {
        world.outcome().desired.services.values().map(amko_translate::GslbService::to_body).collect()
    };
    let [plain, secure] = &bodies(&mut world)[..] else { panic!() };
    assert_eq!(plain["site_persistence_enabled"], false);
    assert!(plain.get("application_persistence_profile_ref").is_none());
    assert_eq!(secure["site_persistence_enabled"], true);
    let profile = "/api/applicationpersistenceprofile?name=gslb-persistence";
    assert_eq!(secure["application_persistence_profile_ref"], profile);
    assert_eq!(secure["pki_profile_ref"], "/api/pkiprofile?name=pki-a", "the first one of the controller");
    world.gdp.spec.pki_profile_ref = Some("pki-b".into());
    assert_eq!(bodies(&mut world)[1]["pki_profile_ref"], "/api/pkiprofile?name=pki-b");
}

// catalogue amko: 126
#[test]
fn the_algorithm_is_that_of_every_pool() {
    let mut world = two_clusters();
    let mut group = |settings: PoolAlgorithmSettings| {
        world.gdp.spec.pool_algorithm_settings = Some(settings);
        let group = world.outcome().desired.services.values().next().unwrap().to_body()["groups"][0].clone();
        ["algorithm", "fallback_algorithm", "consistent_hash_mask"].map(|key| group.get(key).cloned())
    };
    let settings = |algorithm: &str, hash_mask, geo_fallback| PoolAlgorithmSettings {
        lb_algorithm: format!("GSLB_ALGORITHM_{algorithm}"),
        hash_mask,
        geo_fallback,
    };
    let name = |algorithm: &str| Some(json!(format!("GSLB_ALGORITHM_{algorithm}")));
    assert_eq!(group(settings("ROUND_ROBIN", None, None)), [name("ROUND_ROBIN"), None, None]);
    assert_eq!(group(settings("TOPOLOGY", None, None)), [name("TOPOLOGY"), None, None]);
    assert_eq!(group(settings("CONSISTENT_HASH", Some(20), None)), [name("CONSISTENT_HASH"), None, Some(json!(20))]);
    let fallback = |algorithm: &str, hash_mask| {
        Some(GeoFallback { lb_algorithm: format!("GSLB_ALGORITHM_{algorithm}"), hash_mask })
    };
    let geo = settings("GEO", None, fallback("CONSISTENT_HASH", Some(8)));
    assert_eq!(group(geo), [name("GEO"), name("CONSISTENT_HASH"), Some(json!(8))]);
    let geo = settings("GEO", None, fallback("ROUND_ROBIN", None));
    assert_eq!(group(geo), [name("GEO"), name("ROUND_ROBIN"), None]);
}

// catalogue amko: 146
#[test]
fn an_emptied_status_takes_its_member_alone() {
    let mut world = World::new();
    let object = ingress("ing1", &[("foo.avi.com", "10.1.1.1")]);
    world.put("k8s", object.clone());
    world.put("oshift", route("r1", "foo.avi.com", "10.2.2.2"));
    assert_eq!(services(&world.outcome()), ["foo.avi.com: 10.1.1.1*1@10(k8s) 10.2.2.2*1@10(oshift)"]);
    world.put("k8s", edit(&object, |body| body["status"] = json!({"loadBalancer": {}})));
    assert_eq!(services(&world.outcome()), ["foo.avi.com: 10.2.2.2*1@10(oshift)"]);
}

// catalogue amko: 147
#[test]
fn the_annotation_for_tls_brings_persistence() {
    let mut world = two_clusters();
    world.gdp.spec.site_persistence_ref = Some("gslb-persistence".into());
    let secured = |world: &mut World| {
        let outcome = world.outcome();
        let body = outcome.desired.services.values().next().unwrap().to_body();
        (monitors(&outcome), body["application_persistence_profile_ref"].clone())
    };
    assert_eq!(secured(&mut world), (vec!["HTTP 80 HEAD / HTTP/1.0".to_owned()], json!(null)));
    let object = ingress("ing1", &[("foo.avi.com", "10.1.1.1")]);
    let annotated = edit(&object, |body| {
        body["metadata"]["annotations"] = json!({"ako.vmware.com/enable-tls": "true"});
    });
    world.put("k8s", annotated);
    let profile = json!("/api/applicationpersistenceprofile?name=gslb-persistence");
    assert_eq!(secured(&mut world), (vec!["HTTPS 443 HEAD / HTTP/1.0".to_owned()], profile));
}

// catalogue amko: 155
#[test]
fn the_down_response_is_sent_with_its_address() {
    let mut world = two_clusters();
    let mut response = |kind: &str, address: Option<&str>| {
        let kind = format!("GSLB_SERVICE_DOWN_RESPONSE_{kind}");
        world.gdp.spec.down_response = Some(DownResponse { kind, fallback_ip: address.map(str::to_owned) });
        world.outcome().desired.services.values().next().unwrap().to_body()["down_response"].clone()
    };
    assert_eq!(response("ALL_RECORDS", None), json!({"type": "GSLB_SERVICE_DOWN_RESPONSE_ALL_RECORDS"}));
    let expected =
        json!({"type": "GSLB_SERVICE_DOWN_RESPONSE_FALLBACK_IP", "fallback_ip": {"addr": "10.9.9.9", "type": "V4"}});
    assert_eq!(response("FALLBACK_IP", Some("10.9.9.9")), expected);
}

// catalogue amko: 156
#[test]
fn sync_vip_only_decides_per_cluster_whether_identifiers_are_sent() {
    let mut world = World::new();
    let annotations = json!({
        "ako.vmware.com/host-fqdn-vs-uuid-map": r#"{"foo.avi.com":"virtualservice-1"}"#,
        "ako.vmware.com/controller-cluster-uuid": "cluster-1",
    });
    for (cluster, address) in [("k8s", "10.1.1.1"), ("oshift", "10.2.2.2")] {
        let object = ingress("ing1", &[("foo.avi.com", address)]);
        world.put(cluster, edit(&object, |body| body["metadata"]["annotations"] = annotations.clone()));
    }
    let mut identified = |vip_only: [bool; 2]| -> Vec<_> {
        for (cluster, vip_only) in world.gdp.spec.match_clusters.iter_mut().zip(vip_only) {
            cluster.sync_vip_only = Some(vip_only);
        }
        let body = world.outcome().desired.services.values().next().unwrap().to_body();
        let members = body["groups"][0]["members"].as_array().unwrap().clone();
        members.iter().map(|m| ["vs_uuid", "cluster_uuid"].map(|key| m.get(key).cloned())).collect()
    };
    let known = [Some(json!("virtualservice-1")), Some(json!("cluster-1"))];
    assert_eq!(identified([true, true]), [[None, None], [None, None]]);
    assert_eq!(identified([false, true]), [known.clone(), [None, None]]);
    assert_eq!(identified([false, false]), [known.clone(), known.clone()]);
    assert_eq!(identified([true, false]), [[None, None], known]);
}
