//! GSLB write rules (avi-api 5.1, 5.2) and the validation of monitors (avi-api 6.1).

use objects::Class;
use serde_json::{Value, json};

use crate::world::{Verb, World, federated_monitor, gslb_service, tcp_monitor, uuid_of, virtual_service};

#[track_caller]
fn check_refused(world: &World, verb: &Verb<'_>, text: &str) {
    let error = world.refusal(verb);
    assert!(error.to_string().contains(text), "{error}");
    assert_eq!(error.class(), Class::Validation, "{error}");
}

fn gslb_uuid(world: &World) -> String {
    world.projection.single("gslb").unwrap().uuid.clone()
}

#[test]
fn a_service_as_amko_sends_it_gains_nothing_that_has_no_default() {
    let mut world = World::with_gslb();
    let service = world.create("gslbservice", gslb_service("app.avi.iberia.local", &["192.0.2.1"]));
    assert_eq!(service["site_persistence_enabled"], false);
    assert_eq!(service["is_federated"], true);
    for absent in ["ttl", "num_dns_ip", "down_response", "hm_off"] {
        assert!(service.get(absent).is_none(), "{absent}");
    }
}

#[test]
fn a_domain_name_belongs_to_one_service() {
    let mut world = World::with_gslb();
    let first = world.create("gslbservice", gslb_service("app.avi.iberia.local", &["192.0.2.1"]));
    let mut second = gslb_service("other.avi.iberia.local", &["192.0.2.2"]);
    second["domain_names"] = json!(["other.avi.iberia.local", "APP.avi.iberia.local."]);
    let create = Verb::Create("gslbservice", second.clone());
    check_refused(&world, &create, "domain name conflicting with existing domain name");
    assert_eq!(world.projection.gslb_service_of("App.avi.iberia.local").unwrap().uuid, uuid_of(&first));

    let mut moved = gslb_service("app.avi.iberia.local", &["192.0.2.1"]);
    moved["domain_names"] = json!(["elsewhere.avi.iberia.local"]);
    world.replace("gslbservice", uuid_of(&first), moved);
    world.create("gslbservice", second);
}

#[test]
fn a_domain_name_lies_in_a_sub_domain() {
    let world = World::with_gslb();
    let outside = Verb::Create("gslbservice", gslb_service("app.example.com", &["192.0.2.1"]));
    check_refused(&world, &outside, "app.example.com does not match any of the GSLB sub-domains");
    let malformed = Verb::Create("gslbservice", gslb_service("a..avi.iberia.local", &["192.0.2.1"]));
    check_refused(&world, &malformed, "domain_names[0]: ");
    let mut twice = gslb_service("app.avi.iberia.local", &["192.0.2.1"]);
    twice["domain_names"] = json!(["app.avi.iberia.local", "App.avi.iberia.local"]);
    check_refused(&world, &Verb::Create("gslbservice", twice), "given twice");
    let without_gslb = World::new();
    let early = Verb::Create("gslbservice", gslb_service("app.avi.iberia.local", &["192.0.2.1"]));
    check_refused(&without_gslb, &early, "does not match any of the GSLB sub-domains");
}

#[test]
fn a_service_uses_federated_monitors_only() {
    let mut world = World::with_gslb();
    let local = world.create("healthmonitor", tcp_monitor("local"));
    let mut body = gslb_service("app.avi.iberia.local", &["192.0.2.1"]);
    body["health_monitor_refs"] = json!([local["url"]]);
    let text = "health_monitor_refs: HealthMonitor local is not federated";
    check_refused(&world, &Verb::Create("gslbservice", body), text);
}

#[test]
fn maintenance_refuses_federated_writes_until_it_is_cleared() {
    let mut world = World::with_gslb();
    let service = world.create("gslbservice", gslb_service("app.avi.iberia.local", &["192.0.2.1"]));
    let gslb = gslb_uuid(&world);
    world.patch("gslb", &gslb, json!({"replace": {"maintenance_mode": true}}));
    let text = "GSLB system is in maintenance mode.";
    let uuid = uuid_of(&service);
    for verb in [
        Verb::Create("gslbservice", gslb_service("b.avi.iberia.local", &["192.0.2.1"])),
        Verb::Patch("gslbservice", uuid, json!({"replace": {"enabled": false}})),
        Verb::Delete("gslbservice", uuid),
        Verb::Create("healthmonitor", federated_monitor("hm")),
        Verb::Patch("gslb", &gslb, json!({"replace": {"description": "x"}})),
    ] {
        check_refused(&world, &verb, text);
    }
    world.create("healthmonitor", tcp_monitor("local"));
    world.patch("gslb", &gslb, json!({"replace": {"maintenance_mode": false}}));
    world.write(&Verb::Delete("gslbservice", uuid)).unwrap();
}

/// A controller that follows, as if the Gslb had been replicated to it.
fn follower(enable_config_by_members: bool) -> (World, String) {
    let mut world = World::with_gslb();
    let service = world.create("gslbservice", gslb_service("app.avi.iberia.local", &["192.0.2.1"]));
    let mut gslb = objects::Object::clone(world.projection.single("gslb").unwrap());
    gslb.body.insert("leader_cluster_uuid".into(), json!("cluster-other"));
    gslb.body.insert("enable_config_by_members".into(), json!(enable_config_by_members));
    let key = objects::key::object("gslb", &gslb.uuid);
    world.revision += 1;
    world.keys.insert(key.clone(), (gslb.to_bytes(), world.revision));
    world.projection.apply_put(&key, &gslb.to_bytes(), world.revision).unwrap();
    (world, uuid_of(&service).to_owned())
}

#[test]
fn a_follower_refuses_federated_writes() {
    let (mut world, uuid) = follower(false);
    for verb in [
        Verb::Create("gslbservice", gslb_service("b.avi.iberia.local", &["192.0.2.1"])),
        Verb::Patch("gslbservice", &uuid, json!({"replace": {"enabled": false}})),
        Verb::Delete("gslbservice", &uuid),
        Verb::Create("healthmonitor", federated_monitor("hm")),
    ] {
        check_refused(&world, &verb, "Config Operations can be done ONLY on leader");
    }
    world.create("healthmonitor", tcp_monitor("local"));
}

#[test]
fn a_follower_may_switch_members_where_the_leader_lets_it() {
    let (mut world, uuid) = follower(true);
    let switched = world.patch(
        "gslbservice",
        &uuid,
        json!({"json_patch": [{"op": "replace", "path": "/groups/0/members/0/enabled", "value": false}]}),
    );
    assert_eq!(switched["groups"][0]["members"][0]["enabled"], false);
    let more = json!({"json_patch": [{"op": "replace", "path": "/groups/0/members/0/ratio", "value": 2}]});
    check_refused(&world, &Verb::Patch("gslbservice", &uuid, more), "ONLY on leader");
}

#[test]
fn a_follower_becomes_leader_by_naming_itself() {
    let (mut world, _) = follower(false);
    let (gslb, own) = (gslb_uuid(&world), world.cluster_uuid());
    let more = Verb::Patch("gslb", &gslb, json!({"replace": {"leader_cluster_uuid": own, "send_interval": 20}}));
    check_refused(&world, &more, "send_interval: a site is made the leader alone: change this once it leads");
    let renamed = Verb::Patch("gslb", &gslb, json!({"replace": {"leader_cluster_uuid": own, "name": "Other"}}));
    check_refused(&world, &renamed, "name: a site is made the leader alone");
    let changed = world.patch("gslb", &gslb, json!({"replace": {"leader_cluster_uuid": own}}));
    assert_eq!(changed["view_id"], 1);
    world.create("gslbservice", gslb_service("b.avi.iberia.local", &["192.0.2.1"]));
    let away = Verb::Patch("gslb", &gslb, json!({"replace": {"leader_cluster_uuid": "cluster-3"}}));
    check_refused(&world, &away, "leader_cluster_uuid: a site is made the leader there");
}

#[test]
fn a_gslb_needs_its_own_site_a_dns_virtual_service_and_a_sub_domain() {
    let mut world = World::new();
    let profile = "/api/applicationprofile?name=System-DNS";
    let mut dns = virtual_service("dns", "192.0.2.53");
    dns["application_profile_ref"] = json!(profile);
    let dns = world.create("virtualservice", dns);
    let http = world.create("virtualservice", virtual_service("http", "192.0.2.80"));
    let good = world.gslb_body(uuid_of(&dns));
    let refused = |change: &dyn Fn(&mut Value), text: &str| {
        let mut body = good.clone();
        change(&mut body);
        check_refused(&world, &Verb::Create("gslb", body), text);
    };
    refused(&|b| b["dns_configs"] = json!([]), "dns_configs: Required field missing");
    refused(&|b| b["dns_configs"][0]["domain_name"] = json!("a..b"), "dns_configs[0].domain_name");
    refused(&|b| b["leader_cluster_uuid"] = json!("cluster-2"), "ONLY on leader");
    refused(&|b| b["sites"][0]["cluster_uuid"] = json!("cluster-2"), "own cluster");
    refused(&|b| b["sites"][0]["member_type"] = json!("GSLB_PASSIVE_MEMBER"), "GSLB_ACTIVE_MEMBER");
    refused(&|b| b["sites"][0]["dns_vses"] = json!([]), "sites[0].dns_vses");
    refused(&|b| b["sites"][0]["dns_vses"][0]["dns_vs_uuid"] = json!("virtualservice-0"), "does not exist");
    refused(&|b| b["sites"][0]["dns_vses"][0]["dns_vs_uuid"] = http["uuid"].clone(), "is not of DNS type");
    let gslb = world.create("gslb", good.clone());
    assert!(gslb["third_party_sites"][0]["cluster_uuid"].as_str().unwrap().starts_with("tp_cluster-"));
    let error = world.refusal(&Verb::Create("gslb", good.clone()));
    assert_eq!((error.to_string().as_str(), error.class()), ("Gslb already exists.", Class::Conflict));
    let again = world.replace("gslb", uuid_of(&gslb), good);
    assert_eq!(again["third_party_sites"], gslb["third_party_sites"]);
}

#[test]
fn an_election_goes_on_when_the_gslb_is_written_by_who_knows_nothing_of_it() {
    let mut world = World::with_gslb();
    let uuid = gslb_uuid(&world);
    let mut plain = world.get("gslb", &uuid, false);
    for field in ["leader_election", "_last_modified"] {
        plain.as_object_mut().unwrap().shift_remove(field);
    }
    let own = plain["sites"][0].clone();
    for number in [2, 3] {
        let mut site = own.clone();
        site["password"] = "secret".into();
        site["name"] = format!("site-{number}").into();
        site["cluster_uuid"] = format!("cluster-{number}").into();
        site["ip_addresses"][0]["addr"] = format!("192.0.2.{number}").into();
        plain["sites"].as_array_mut().unwrap().push(site);
    }
    assert_eq!(world.replace("gslb", &uuid, plain.clone())["leader_election"], false);
    let with = |value: bool| {
        let mut body = plain.clone();
        body["leader_election"] = value.into();
        body
    };
    assert_eq!(world.replace("gslb", &uuid, with(true))["leader_election"], true);
    assert_eq!(world.replace("gslb", &uuid, plain.clone())["leader_election"], true);
    let patched = world.patch("gslb", &uuid, json!({"replace": {"view_id": 99}}));
    assert_ne!(patched["view_id"], 99, "it goes by who leads");
    assert_eq!(world.replace("gslb", &uuid, with(false))["leader_election"], false);
}

#[test]
fn members_of_a_site_are_probed_for_the_others_by_an_active_site_of_the_gslb() {
    let mut world = World::with_gslb();
    let uuid = gslb_uuid(&world);
    let mut good = world.get("gslb", &uuid, false);
    good.as_object_mut().unwrap().shift_remove("_last_modified");
    let own = world.cluster_uuid();
    let mut passive = good["sites"][0].clone();
    passive.as_object_mut().unwrap().shift_remove("dns_vses");
    for (field, value) in [("name", "passive"), ("cluster_uuid", "cluster-2"), ("member_type", "GSLB_PASSIVE_MEMBER")] {
        passive[field] = value.into();
    }
    passive["ip_addresses"][0]["addr"] = "192.0.2.2".into();
    passive["password"] = "secret".into();
    passive["hm_proxies"] = json!([{"site_uuid": own}]);
    good["sites"].as_array_mut().unwrap().push(passive);
    let all = "GSLB_HEALTH_MONITOR_PROXY_ALL_MEMBERS";
    good["third_party_sites"][0]["hm_proxies"] = json!([{"site_uuid": own, "proxy_type": all}]);
    let written = world.replace("gslb", &uuid, good.clone());
    let private = "GSLB_HEALTH_MONITOR_PROXY_PRIVATE_MEMBERS";
    assert_eq!(written["sites"][1]["hm_proxies"], json!([{"site_uuid": own, "proxy_type": private}]));
    assert_eq!(written["third_party_sites"][0]["hm_proxies"][0]["proxy_type"], all);

    let refused = |change: &dyn Fn(&mut Value), text: &str| {
        let mut body = good.clone();
        change(&mut body);
        check_refused(&world, &Verb::Replace("gslb", &uuid, body), text);
    };
    let at = "sites[1].hm_proxies[0]";
    refused(&|b| b["sites"][1]["hm_proxies"] = json!([{}]), &format!("{at}.site_uuid: Required field missing"));
    refused(
        &|b| b["sites"][1]["hm_proxies"] = json!([{"site_uuid": "cluster-3"}]),
        &format!("{at}.site_uuid: 'cluster-3' is no active site of this Gslb"),
    );
    let its_own = |b: &mut Value| b["third_party_sites"][0]["hm_proxies"][0]["site_uuid"] = "cluster-2".into();
    refused(&its_own, "third_party_sites[0].hm_proxies[0].site_uuid: 'cluster-2' is no active site");
    refused(&|b| b["sites"][1]["hm_proxies"][0]["proxy_type"] = "SOME".into(), &format!("{at}.proxy_type: 'SOME'"));
    let twice = json!([{"site_uuid": own}, {"site_uuid": own}]);
    refused(&|b| b["sites"][1]["hm_proxies"] = twice.clone(), "sites[1].hm_proxies[1].site_uuid: ");
    refused(&|b| b["sites"][0]["hm_proxies"] = twice.clone(), "sites[0].hm_proxies: an active site probes by itself");
}

#[test]
fn a_gslb_goes_after_its_services() {
    let mut world = World::with_gslb();
    let service = world.create("gslbservice", gslb_service("app.avi.iberia.local", &["192.0.2.1"]));
    let gslb = gslb_uuid(&world);
    let error = world.refusal(&Verb::Delete("gslb", &gslb));
    assert_eq!(error.class(), Class::Referred);
    assert!(error.to_string().contains("['GslbService app.avi.iberia.local']"), "{error}");
    world.write(&Verb::Delete("gslbservice", uuid_of(&service))).unwrap();
    world.write(&Verb::Delete("gslb", &gslb)).unwrap();
    assert!(world.projection.single("gslb").is_none());
}

#[test]
fn a_monitor_needs_timing_that_works_and_its_own_message() {
    let world = World::new();
    let refused = |body: Value, text: &str| check_refused(&world, &Verb::Create("healthmonitor", body), text);
    let mut slow = tcp_monitor("m");
    slow["receive_timeout"] = json!(11);
    refused(slow, "receive_timeout: 11 is longer than the send_interval of 10");
    let mut slow = tcp_monitor("m");
    (slow["send_interval_ms"], slow["receive_timeout_ms"]) = (json!(200), json!(201));
    refused(slow, "receive_timeout_ms: 201 is longer than the send_interval_ms of 200");
    let mut busy = tcp_monitor("m");
    busy["send_interval_ms"] = json!(49);
    refused(busy, "send_interval_ms");
    refused(json!({"name": "m", "type": "HEALTH_MONITOR_HTTP"}), "http_monitor: Required field missing");
    let no_code = json!({"name": "m", "type": "HEALTH_MONITOR_HTTPS", "https_monitor": {}});
    refused(no_code, "https_monitor.http_response_code: Required field missing");
    refused(json!({"name": "m", "type": "HEALTH_MONITOR_DNS"}), "dns_monitor: Required field missing");
    let mut half_open = tcp_monitor("m");
    half_open["tcp_monitor"] = json!({"tcp_half_open": true, "tcp_request": "x"});
    refused(half_open, "tcp_monitor.tcp_request: not possible together with tcp_half_open");
    let mut portless = tcp_monitor("m");
    portless["is_federated"] = json!(true);
    refused(portless, "monitor_port: Required field missing");
    refused(json!({"name": "m"}), "type: Required field missing");
    refused(json!({"name": "m", "type": "TCP"}), "type: 'TCP' is not possible");
}

#[test]
fn a_quorum_of_sites_outlives_a_replace_of_a_client_that_does_not_know_it() {
    let mut world = World::with_gslb();
    let plain = gslb_service("app.avi.iberia.local", &["192.0.2.1"]);
    let service = world.create("gslbservice", plain.clone());
    assert!(service.get("site_quorum").is_none());
    let uuid = uuid_of(&service).to_owned();
    let majority = json!({"site_quorum": {"type": "SITE_QUORUM_MAJORITY"}});
    world.patch("gslbservice", &uuid, json!({"replace": majority}));
    assert_eq!(world.replace("gslbservice", &uuid, plain.clone())["site_quorum"]["type"], "SITE_QUORUM_MAJORITY");
    let with = |quorum: Value| {
        let mut body = plain.clone();
        body["site_quorum"] = quorum;
        body
    };
    let none = with(json!({"type": "SITE_QUORUM_NONE"}));
    assert_eq!(world.replace("gslbservice", &uuid, none)["site_quorum"]["type"], "SITE_QUORUM_NONE");
    for (quorum, text) in [
        (json!({"type": "SITE_QUORUM_COUNT"}), "site_quorum.count: a count is needed"),
        (json!({"type": "SITE_QUORUM_ALL", "count": 2}), "site_quorum.count: a count goes with"),
    ] {
        check_refused(&world, &Verb::Replace("gslbservice", &uuid, with(quorum)), text);
    }
    let counted = with(json!({"type": "SITE_QUORUM_COUNT", "count": 2}));
    assert_eq!(world.replace("gslbservice", &uuid, counted.clone())["site_quorum"]["count"], 2);
    let gone = world.patch("gslbservice", &uuid, json!({"delete": {"site_quorum": {}}}));
    assert!(gone.get("site_quorum").is_none());
    world.replace("gslbservice", &uuid, counted);
    assert!(world.replace("gslbservice", &uuid, with(Value::Null)).get("site_quorum").is_none());
}
