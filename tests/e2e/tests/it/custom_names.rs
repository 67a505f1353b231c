//! Two sites with names of their own and one in the world (the Tanzu story), as far as one controller tells it: HostRules
//! on real API servers, contexts with `@`, answers by dig.

use serde_json::{Value, json};

use crate::world::World;
use crate::world::custom_names::CONTEXTS;

const FRUIT: &str = "fruit.gslb.guzware.net";
const HOME: &str = "10.10.25.90";
const SITE_2: &str = "10.10.23.90";
const LOCAL: [(&str, &str, &str, &str); 2] =
    [("s1az1", "home", "fruit-global.guzware.net", HOME), ("s2", "site-2", "fruit-site-2.lab.guzware.net", SITE_2)];
const HOST_RULES: &str = "/apis/ako.vmware.com/v1beta1/namespaces/fruit/hostrules";
const INGRESSES: &str = "/apis/networking.k8s.io/v1/namespaces/fruit/ingresses";
const CONFIGS: &str = "/apis/amko.vmware.com/v1alpha1/namespaces/avi-system/gslbconfigs";
const POLICIES: &str = "/apis/amko.vmware.com/v1alpha2/namespaces/avi-system/globaldeploymentpolicies";

// catalogue amko: 163, 165, 168, 170, 172, 173
#[test]
fn two_sites_with_names_of_their_own_are_one_name_in_the_world() {
    let Some(mut world) = World::start_without_operator() else { return };
    fill(&mut world);
    world.start_amko_with_contexts();
    world.wait_until_synced();
    let mark = world.mark("amko");
    // AKO has not looked at the rules yet, and the second site has no such kind.
    assert_eq!(services(&world), Vec::<String>::new());
    world.wait_until_said("amko", 0, &["no HostRule", "fruit-site-2.lab.guzware.net"]);
    accept(&world, "s1az1");
    world.wait_for_split_of(FRUIT, &[(HOME, 2)]);
    world.define("s2", "examples/guzware/definitions/hostrules.yaml", HOST_RULES);
    world.make_from("s2", HOST_RULES, "examples/guzware/site-2/host-rule.yaml");
    accept(&world, "s2");
    world.wait_for_split_of(FRUIT, &[(HOME, 5), (SITE_2, 5)]);
    assert!(!world.has_said("amko", mark, &["cannot be read"]), "{}", world.logs());
    one_service_with_both_members(&world);
    answers_alternate_and_live_for_two_seconds(&world);
    who_is_down_is_not_answered(&mut world);
    a_rejected_rule_takes_its_member_away(&world);
    a_certificate_makes_it_secure(&world);
    aliases_are_answered_too(&world);
    another_global_name_takes_its_place(&world);
}

/// What is at the two sites when the operator begins: the kind HostRule at home alone.
fn fill(world: &mut World) {
    world.serve_domain("gslb.guzware.net");
    for collection in [CONFIGS, POLICIES] {
        let name = if collection == CONFIGS { "gc-1" } else { "global-gdp" };
        world.remove("s1az1", &format!("{collection}/{name}"));
    }
    world.make_from("s1az1", CONFIGS, "examples/guzware/gslb-config.yaml");
    world.make_from("s1az1", POLICIES, "examples/guzware/global-gdp.yaml");
    world.define("s1az1", "examples/guzware/definitions/hostrules.yaml", HOST_RULES);
    for (cluster, site, host, vip) in LOCAL {
        world.make(cluster, "/api/v1/namespaces", &json!({"metadata": {"name": "fruit"}}));
        world.make_from(cluster, INGRESSES, &format!("examples/guzware/{site}/ingress.yaml"));
        let status = json!({"loadBalancer": {"ingress": [{"ip": vip, "hostname": host}]}});
        world.set_status(cluster, &format!("{INGRESSES}/ingress-example"), &status);
        world.add_backend(&format!("{vip}:80"));
    }
    world.make_from("s1az1", HOST_RULES, "examples/guzware/home/host-rule.yaml");
}

fn services(world: &World) -> Vec<String> {
    world.held("gslbservice").into_keys().collect()
}

fn rule(world: &World, cluster: &str, patch: &Value) {
    world.merge(cluster, &format!("{HOST_RULES}/fruit"), patch);
}

/// As AKO does when nothing is wrong with a rule.
fn accept(world: &World, cluster: &str) {
    let status = json!({"status": "Accepted", "error": ""});
    world.set_status(cluster, &format!("{HOST_RULES}/fruit"), &status);
}

fn one_service_with_both_members(world: &World) {
    assert_eq!(services(world), [FRUIT], "hello is there too, and has no rule");
    let service = &world.held("gslbservice")[FRUIT];
    assert_eq!(service["domain_names"], json!([FRUIT]));
    let expected = LOCAL
        .iter()
        .zip(CONTEXTS)
        .map(|((_, _, host, _), (_, context))| format!("INGRESS/{context}/fruit/ingress-example/{host}"));
    assert_eq!(service["description"], expected.collect::<Vec<_>>().join(","));
    assert_eq!(monitors(world), ["HEALTH_MONITOR_HTTP /apple", "HEALTH_MONITOR_HTTP /banana"]);
}

/// Type and path of each generated monitor.
fn monitors(world: &World) -> Vec<String> {
    let ours = world.held("healthmonitor").into_iter().filter(|(name, _)| name.starts_with("amko--"));
    let mut all: Vec<String> = ours
        .map(|(_, monitor)| {
            let http = ["http_monitor", "https_monitor"].into_iter().find_map(|key| monitor.get(key)).unwrap();
            let path = http["http_request"].as_str().unwrap().split(' ').nth(1).unwrap().to_owned();
            format!("{} {path}", monitor["type"].as_str().unwrap())
        })
        .collect();
    all.sort();
    all
}

fn answers_alternate_and_live_for_two_seconds(world: &World) {
    let answers = world.answers(FRUIT, 12);
    assert_eq!(answers.len(), 12);
    assert!(answers.iter().all(|(_, ttl)| *ttl == 2), "{answers:?}");
    assert!(answers.windows(2).all(|two| two[0].0 != two[1].0), "{answers:?}");
}

fn who_is_down_is_not_answered(world: &mut World) {
    // Tuned by hand, which the operator respects, to see it within seconds.
    for (name, monitor) in world.held("healthmonitor") {
        if name.starts_with("amko--") {
            let tuned = json!({"send_interval": 1, "receive_timeout": 1});
            world.tune("healthmonitor", monitor["uuid"].as_str().unwrap(), &tuned);
        }
    }
    let home = 3; // after those of the three clusters
    world.kill_backend(home);
    world.wait_for_split_of(FRUIT, &[(SITE_2, 6)]);
    world.revive_backend_at(home, &format!("{HOME}:80"));
    world.wait_for_split_of(FRUIT, &[(HOME, 3), (SITE_2, 3)]);
}

fn a_rejected_rule_takes_its_member_away(world: &World) {
    let mark = world.mark("amko");
    let status = json!({"status": "Rejected", "error": "wafPolicy of-mine not found"});
    world.set_status("s2", &format!("{HOST_RULES}/fruit"), &status);
    world.wait_for_split_of(FRUIT, &[(HOME, 4)]);
    let words = ["makes no member", "HostRule fruit/fruit is not in force: Rejected: wafPolicy of-mine not found"];
    world.wait_until_said("amko", mark, &words);
    accept(world, "s2");
    world.wait_for_split_of(FRUIT, &[(HOME, 2), (SITE_2, 2)]);
}

/// The monitors alone show it: nobody answers HTTPS here.
fn a_certificate_makes_it_secure(world: &World) {
    let tls = |value: Value| json!({"spec": {"virtualhost": {"tls": value}}});
    rule(world, "s1az1", &tls(json!({"sslKeyCertificate": {"name": "fruit", "type": "ref"}})));
    let secure = ["HEALTH_MONITOR_HTTPS /apple", "HEALTH_MONITOR_HTTPS /banana"];
    world.wait("secure monitors", || monitors(world) == secure);
    rule(world, "s1az1", &tls(Value::Null));
    let insecure = secure.map(|line| line.replace("HTTPS", "HTTP"));
    world.wait("insecure monitors", || monitors(world) == insecure);
    world.wait_for_split_of(FRUIT, &[(HOME, 2), (SITE_2, 2)]);
}

fn aliases_are_answered_too(world: &World) {
    let alias = "obst.gslb.guzware.net";
    let gslb = |include: bool| json!({"fqdn": FRUIT, "includeAliases": include});
    rule(world, "s1az1", &json!({"spec": {"virtualhost": {"aliases": [alias], "gslb": gslb(true)}}}));
    world.wait_for_split_of(alias, &[(HOME, 2), (SITE_2, 2)]);
    rule(world, "s1az1", &json!({"spec": {"virtualhost": {"gslb": gslb(false)}}}));
    world.wait("no answer for the alias", || world.count_of(alias, 1).is_empty());
    world.wait_for_split_of(FRUIT, &[(HOME, 2), (SITE_2, 2)]);
}

fn another_global_name_takes_its_place(world: &World) {
    let veg = "veg.gslb.guzware.net";
    for (cluster, ..) in LOCAL {
        rule(world, cluster, &json!({"spec": {"virtualhost": {"gslb": {"fqdn": veg}}}}));
    }
    world.wait_for_split_of(veg, &[(HOME, 2), (SITE_2, 2)]);
    world.wait("the old one to go", || services(world) == [veg]);
    assert!(world.count_of(FRUIT, 1).is_empty());
    for (cluster, ..) in LOCAL {
        world.remove(cluster, &format!("{HOST_RULES}/fruit"));
    }
    world.wait("nothing to be left", || services(world).is_empty() && monitors(world).is_empty());
}
