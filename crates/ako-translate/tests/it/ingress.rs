//! Which Ingresses are ours, what they ask for, and what is left out (ako 4.1, 4.5, 5.7; catalogue 14.1, 14.4, 14.9).

use ako_translate::{Kind, ObjectType, Severity};
use serde_json::{Value, json};

use crate::world::{World, bodies, class, created, hosts, ingress, ingress_with, left_out, pools, web};

/// One Ingress `default/ing`; what is served, and what is left out.
#[track_caller]
fn check(rules: &[(&str, &[&str])], change: impl FnOnce(&mut Value), served: &[&str], expected: &[&str]) {
    let mut world = World::new();
    for object in web("web", &["10.1.1.1"]) {
        world.put(object);
    }
    world.put(ingress_with("ing", rules, change));
    let outcome = world.outcome();
    assert_eq!(hosts(&outcome), served);
    assert_eq!(left_out(&outcome), expected);
}

#[test]
fn what_an_ingress_asks_for_is_served_or_left_out_with_a_reason() {
    check(&[("foo.com", &["/=web"]), ("bar.com", &["/=web"])], |_| {}, &["bar.com", "foo.com"], &[]);
    check(&[("foo.com", &["/=web"]), ("foo.com", &["/a=web"])], |_| {}, &["foo.com"], &[]);
    check(&[("FOO.com", &["/=web"])], |_| {}, &["foo.com"], &[]);
    check(&[("*.foo.com", &["/=web"])], |_| {}, &["*.foo.com"], &[]);
    // 14.1, 21: a host made from name, namespace and the first domain by alphabet, here `avi.internal`.
    check(&[("", &["/=web"])], |_| {}, &["ing.default.avi.internal"], &[]);
    // 14.1, 26.
    check(
        &[("foo.org", &["/=web"]), ("foo.com", &["/=web"])],
        |_| {},
        &["foo.com"],
        &["Ingress default/ing: host foo.org is in none of the cloud's DNS domains"],
    );
    check(&[("a b", &["/=web"])], |_| {}, &[], &["Ingress default/ing: `a b` is not a host name"]);
    check(&[("*foo.com", &["/=web"])], |_| {}, &[], &["Ingress default/ing: `*foo.com` is not a host name"]);
    check(&[], |_| {}, &[], &["Ingress default/ing: it has no rule with a path"]);
    check(
        &[("foo.com", &["/=web"]), ("bar.com", &["/=web"])],
        |body| body["spec"]["rules"][1]["http"] = Value::Null,
        &["foo.com"],
        &["Ingress default/ing, bar.com: a rule has no http section"],
    );
    check(
        &[("foo.com", &["/=web"])],
        |body| body["spec"]["defaultBackend"] = json!({"service": {"name": "web", "port": {"number": 80}}}),
        &["foo.com"],
        &["Ingress default/ing: spec.defaultBackend is ignored"],
    );
    check(
        &[("foo.com", &["/=web", "/x=web"])],
        |body| {
            let resource = json!({"resource": {"apiGroup": "a", "kind": "Bucket", "name": "b"}});
            body["spec"]["rules"][0]["http"]["paths"][1]["backend"] = resource;
        },
        &["foo.com"],
        &["Ingress default/ing, foo.com/x: a backend is no Service"],
    );
    check(
        &[("foo.com", &["/=web"])],
        |body| body["metadata"]["annotations"]["passthrough.ako.vmware.com/enabled"] = "true".into(),
        &[],
        &["Ingress default/ing: annotation passthrough.ako.vmware.com/enabled is not supported by this release"],
    );
}

#[test]
fn the_class_decides_whose_an_ingress_is() {
    let named = |name: &'static str| move |body: &mut Value| body["spec"]["ingressClassName"] = name.into();
    let rules: [(&str, &[&str]); 1] = [("foo.com", &["/=web"])];
    check(&rules, named("avi-lb"), &["foo.com"], &[]);
    check(&rules, named("nginx"), &[], &["Ingress default/ing: IngressClass nginx does not exist"]);
    // The old annotation is not looked at.
    let old = |body: &mut Value| body["metadata"]["annotations"]["kubernetes.io/ingress.class"] = "nginx".into();
    check(&rules, old, &["foo.com"], &[]);
}

/// 14.4, 69 to 71.
#[test]
fn an_ingress_follows_its_class() {
    let mut world = World::new();
    world.put(ingress("ing", &[("foo.com", &["/=web"])]));
    world.put(class("avi-lb", "ako.vmware.com/avi-lb", false));
    let outcome = world.outcome();
    assert!(
        left_out(&outcome)[0].starts_with("Ingress default/ing: it names no IngressClass, and none is the default: ")
    );
    assert_eq!(outcome.left_out[0].reason.severity(), Severity::LeftOut, "nobody serves it");
    world.put(class("other", "k8s.io/ingress-nginx", true));
    let outcome = world.outcome();
    let none = "Ingress default/ing: it names no IngressClass, and no class of ako.vmware.com/avi-lb is the default";
    assert_eq!(left_out(&outcome), [none]);
    assert_eq!(outcome.left_out[0].reason.severity(), Severity::NotOurs);
    world.put(class("mine", "ako.vmware.com/avi-lb", true));
    assert_eq!(hosts(&world.outcome()), ["foo.com"]);

    world.put(ingress_with("ing", &[("foo.com", &["/=web"])], |body| body["spec"]["ingressClassName"] = "mine".into()));
    world.put(class("mine", "k8s.io/ingress-nginx", true));
    assert_eq!(left_out(&world.outcome()), ["Ingress default/ing: IngressClass mine is for k8s.io/ingress-nginx"]);
    world.put(class("mine", "ako.vmware.com/avi-lb", false));
    assert_eq!(hosts(&world.outcome()), ["foo.com"]);
    world.delete(Kind::IngressClass, "mine");
    assert_eq!(left_out(&world.outcome()), ["Ingress default/ing: IngressClass mine does not exist"]);
}

/// 14.1, 22 to 24.
#[test]
fn a_made_up_host_goes_when_a_name_is_given() {
    let mut world = World::new();
    world.cloud.domains = Some(vec![".com".into()]);
    world.put(ingress("ingress-nohost", &[("", &["/foo=web", "/bar=web"])]));
    let outcome = world.outcome();
    assert_eq!(hosts(&outcome), ["ingress-nohost.default.com"]);
    assert_eq!(pools(&outcome).len(), 2, "one pool per path");
    assert!(!outcome.ingresses.values().next().unwrap()[0].is_shown, "no status entry, ako 4.8");
    world.put(ingress("ingress-nohost", &[("foo.com", &["/foo=web"])]));
    let outcome = world.outcome();
    assert_eq!(hosts(&outcome), ["foo.com"]);
    assert!(outcome.ingresses.values().next().unwrap()[0].is_shown);
    world.cloud.domains = None;
    world.put(ingress("ingress-nohost", &[("", &["/foo=web"])]));
    let reason = "Ingress default/ingress-nohost: a rule has no host, and the cloud has no DNS domain to make one in";
    assert_eq!(left_out(&world.outcome()), [reason]);
}

/// 14.9, 182 and 183.
#[test]
fn a_host_of_two_namespaces_has_one_child_with_a_policy_set_for_each() {
    let mut world = World::new();
    world.put(ingress("default/ing1", &[("foo.com", &["/foo=web"])]));
    world.put(ingress("default/ing2", &[("foo.com", &["/bar=web"])]));
    world.put(ingress("red/ing3", &[("foo.com", &["/red=web"])]));
    let outcome = world.outcome();
    let child = bodies(&outcome, ObjectType::ChildVirtualService);
    assert_eq!(child.len(), 1);
    assert_eq!(child[0]["http_policies"].as_array().unwrap().len(), 2);
    assert_eq!(child[0]["http_policies"][0]["index"], 11);
    assert_eq!(bodies(&outcome, ObjectType::PoolGroup).len(), 3);
    let sets = bodies(&outcome, ObjectType::HttpPolicySet);
    let markers = |set: &Value| set["markers"].as_array().unwrap()[1..].to_vec();
    let of_default = sets.iter().find(|set| set["markers"][1]["values"][0] == "default").unwrap();
    assert_eq!(
        Value::Array(markers(of_default)),
        json!([{"key": "Namespace", "values": ["default"]}, {"key": "Host", "values": ["foo.com"]},
            {"key": "Path", "values": ["/bar", "/foo"]}, {"key": "IngressName", "values": ["ing1", "ing2"]}]),
        "ako 2.4"
    );
}

/// 14.2, 50 and 51.
#[test]
fn the_longest_path_comes_first_and_exact_is_exact() {
    let mut world = World::new();
    world.put(ingress("ing", &[("foo.com", &["=web", "/=web", "/cart=web", "/cart/pay==web"])]));
    let set = bodies(&world.outcome(), ObjectType::HttpPolicySet).remove(0);
    let rules: Vec<_> = set["http_request_policy"]["rules"].as_array().unwrap().clone();
    let paths: Vec<_> = rules.iter().map(|rule| rule["match"]["path"]["match_str"][0].clone()).collect();
    assert_eq!(paths, [json!("/cart/pay"), json!("/cart"), json!("/"), Value::Null]);
    assert_eq!(rules[0]["match"]["path"]["match_criteria"], "EQUALS");
    assert_eq!(rules[3].get("match"), None, "a rule without a path matches everything");
    assert_eq!(rules[3]["index"], 3);
}

#[test]
fn the_older_of_two_equal_paths_is_served() {
    let mut world = World::new();
    web("web", &[]).into_iter().for_each(|object| world.put(object));
    world.put(ingress_with("a", &[("foo.com", &["/=web", "/a=web"])], created(20)));
    world.put(ingress_with("b", &[("foo.com", &["/=web"])], created(10)));
    let outcome = world.outcome();
    assert_eq!(pools(&outcome).keys().cloned().collect::<Vec<_>>(), ["default/a foo.com/a", "default/b foo.com/"]);
    let reason = "Ingress default/a, foo.com/: Ingress default/b has the same host and path, and came first";
    assert_eq!(left_out(&outcome), [reason]);
    world.delete(Kind::Ingress, "b");
    let outcome = world.outcome();
    assert_eq!(pools(&outcome).keys().cloned().collect::<Vec<_>>(), ["default/a foo.com/", "default/a foo.com/a"]);
    assert!(outcome.left_out.is_empty());
}

#[test]
fn paths_that_would_share_names_are_told() {
    check(
        &[("foo.com", &["/a/b=web", "/a_b=web"])],
        |_| {},
        &["foo.com"],
        &["Ingress default/ing, foo.com/a_b: its objects would have the names of those of path `/a/b` of Ingress \
           default/ing"],
    );
    // The same path exactly and as a prefix, to the same backend: one pool, two rules.
    check(&[("foo.com", &["/a=web", "/a==web"])], |_| {}, &["foo.com"], &[]);
}

/// `prod` + `eu-shop.com` and `prod-eu` + `shop.com` read the same when joined.
#[test]
fn hosts_that_would_share_names_are_told() {
    let mut world = World::new();
    world.put(ingress_with("prod/ing", &[("eu-shop.com", &["/=web"])], created(20)));
    world.put(ingress_with("prod-eu/ing", &[("shop.com", &["/=web"])], created(10)));
    let outcome = world.outcome();
    assert_eq!(hosts(&outcome), ["shop.com"], "the older one");
    let reason = "Ingress prod/ing, eu-shop.com: its objects would have the names of those of host shop.com";
    assert!(left_out(&outcome).contains(&reason.to_owned()), "{:?}", left_out(&outcome));
    assert!(!outcome.ingresses.contains_key(&crate::world::named("prod/ing")));
}

#[test]
fn with_strict_hosts_the_first_namespace_owns_a_host() {
    let mut world = World::new();
    world.set("fqdnReusePolicy", "Strict");
    for namespace in ["red", "blue", "green"] {
        web(&format!("{namespace}/web"), &[]).into_iter().for_each(|object| world.put(object));
    }
    world.put(ingress_with("red/a", &[("foo.com", &["/=web"])], created(10)));
    world.put(ingress_with("blue/b", &[("foo.com", &["/b=web"]), ("bar.com", &["/=web"])], created(20)));
    world.put(ingress_with("green/c", &[("bar.com", &["/c=web"])], created(30)));
    let outcome = world.outcome();
    assert_eq!(left_out(&outcome), ["Ingress blue/b: host foo.com is claimed by namespace red"], "refused as a whole");
    assert_eq!(pools(&outcome).keys().cloned().collect::<Vec<_>>(), ["green/c bar.com/c", "red/a foo.com/"]);
    world.delete(Kind::Ingress, "red/a");
    let outcome = world.outcome();
    assert_eq!(left_out(&outcome), ["Ingress green/c: host bar.com is claimed by namespace blue"]);
    assert_eq!(hosts(&outcome), ["bar.com", "foo.com"], "the host is free, and goes to the next");
    let metadata = bodies(&outcome, ObjectType::ChildVirtualService)[0]["service_metadata"].clone();
    assert!(metadata.as_str().unwrap().contains("\"fqdn_reuse_policy\":\"Strict\""));
}

#[test]
fn a_class_with_parameters_is_not_served_without_them() {
    let mut world = World::new();
    let mut body = class("infra", "ako.vmware.com/avi-lb", false);
    if let ako_translate::ClusterObject::IngressClass(class) = &mut body {
        let parameters = json!({"apiGroup": "ako.vmware.com", "kind": "AviInfraSetting", "name": "my-infra"});
        class.spec.as_mut().unwrap().parameters = serde_json::from_value(parameters).unwrap();
    }
    world.put(body);
    world.put(ingress_with("ing", &[("foo.com", &["/=web"])], |b| b["spec"]["ingressClassName"] = "infra".into()));
    let reason = "Ingress default/ing: AviInfraSetting my-infra of its class is not supported by this release";
    assert_eq!(left_out(&world.outcome()), [reason]);
}
