//! avi-api 4.2 and 11.4: addresses of VIPs, given and allocated.

use std::collections::{BTreeMap, BTreeSet};

use objects::{Class, Projection, network_runtime};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{Verb, World, uuid_of};

/// A world with a network `n` whose range for VIPs goes from `.10` to `last`, usable through the cloud's IPAM profile.
fn world(last: u8) -> World {
    let mut world = World::new();
    world.create("network", network("n", 0, last));
    use_networks(&mut world, &["n"], json!({}));
    world
}

fn network(name: &str, third: u8, last: u8) -> Value {
    let address = |fourth: u8| json!({"addr": format!("10.0.{third}.{fourth}"), "type": "V4"});
    json!({"name": name, "configured_subnets": [{"prefix": {"ip_addr": address(0), "mask": 24},
        "static_ip_ranges": [{"range": {"begin": address(10), "end": address(last)}, "type": "STATIC_IPS_FOR_VIP"}]}]})
}

/// Makes an IPAM profile of these networks that of the cloud.
fn use_networks(world: &mut World, names: &[&str], extra: Value) {
    let usable: Vec<Value> = names
        .iter()
        .map(|name| json!({"nw_ref": format!("/api/network?name={name}"), "labels": [{"key": "net", "value": name}]}))
        .collect();
    let mut profile = json!({"name": "ipam", "type": "IPAMDNS_TYPE_INTERNAL"});
    profile["internal_profile"] = json!({ "usable_networks": usable });
    profile.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    world.create("ipamdnsproviderprofile", profile);
    let cloud = world.projection.single("cloud").unwrap().uuid.clone();
    world.patch("cloud", &cloud, json!({"replace": {"ipam_provider_ref": "/api/ipamdnsproviderprofile?name=ipam"}}));
}

fn automatic(name: &str) -> Value {
    json!({"name": name, "vip": [{"vip_id": "0", "auto_allocate_ip": true}]})
}

fn fixed(name: &str, address: &str) -> Value {
    json!({"name": name, "vip": [{"vip_id": "0", "ip_address": {"addr": address}}]})
}

fn address_of(vs_vip: &Value) -> &str {
    vs_vip["vip"][0]["ip_address"]["addr"].as_str().unwrap()
}

#[track_caller]
fn check_refused(world: &World, verb: &Verb<'_>, text: &str) {
    let error = world.refusal(verb);
    assert_eq!(error.class(), Class::Validation, "{error}");
    assert!(error.to_string().contains(text), "{error}");
}

fn free_addresses(world: &World) -> u64 {
    let network = world.projection.by_name("network", "admin", None, "n").unwrap();
    let runtime = network_runtime(&world.projection, network);
    runtime["subnet_runtime"][0]["ip_range_runtimes"][0]["free_ip_count"].as_u64().unwrap()
}

/// Line 75.
#[test]
fn a_given_address_is_taken_as_it_is() {
    let mut world = World::new();
    let vs_vip = world.create("vsvip", fixed("v", "192.0.2.1"));
    let vip = &vs_vip["vip"][0];
    for (field, value) in [
        ("vip_id", json!("0")),
        ("enabled", json!(true)),
        ("auto_allocate_ip", json!(false)),
        ("avi_allocated_vip", json!(false)),
        ("prefix_length", json!(32)),
        ("auto_allocate_ip_type", json!("V4_ONLY")),
        ("ip_address", json!({"addr": "192.0.2.1", "type": "V4"})),
    ] {
        assert_eq!(vip[field], value, "{field}");
    }
    assert!(vs_vip["vrf_context_ref"].as_str().unwrap().ends_with("#global"));
    check_refused(
        &world,
        &Verb::Create("vsvip", fixed("w", "192.0.2.1")),
        "IP address 192.0.2.1 conflicts with VsVip v",
    );
    let mut elsewhere = fixed("w", "192.0.2.1");
    elsewhere["vrf_context_ref"] = json!("/api/vrfcontext?name=management");
    world.create("vsvip", elsewhere);
    check_refused(
        &world,
        &Verb::Create("vsvip", fixed("x", "2001:db8::1")),
        "vip[0].ip_address: '2001:db8::1' is no IPv4",
    );
    let nothing = json!({"name": "x", "vip": [{"vip_id": "0"}]});
    check_refused(&world, &Verb::Create("vsvip", nothing), "vip[0].ip_address: Required field missing");
}

/// Line 76; step 6.
#[test]
fn an_allocated_address_says_where_it_came_from() {
    let mut world = world(20);
    let vs_vip = world.create("vsvip", automatic("v"));
    assert_eq!(address_of(&vs_vip), "10.0.0.10");
    let vip = &vs_vip["vip"][0];
    assert_eq!(vip["avi_allocated_vip"], true);
    let subnet = json!({"ip_addr": {"addr": "10.0.0.0", "type": "V4"}, "mask": 24});
    assert_eq!((&vip["subnet"], &vip["ipam_network_subnet"]["subnet"]), (&subnet, &subnet));
    assert!(vip["ipam_network_subnet"]["network_ref"].as_str().unwrap().ends_with("#n"));
    assert!(vip["discovered_networks"][0]["network_ref"].as_str().unwrap().ends_with("#n"));
    let network = world.projection.by_name("network", "admin", None, "n").unwrap().clone();
    let runtime = network_runtime(&world.projection, &network);
    let range = &runtime["subnet_runtime"][0]["ip_range_runtimes"][0];
    assert_eq!((&range["total_ip_count"], &range["free_ip_count"]), (&json!(11), &json!(10)));
    let expected = json!({"ip": {"addr": "10.0.0.10", "type": "V4"}, "obj_info": "v", "obj_uuid": vs_vip["uuid"]});
    assert_eq!(range["allocated_ips"], json!([expected]));
    check_refused_delete(&world, &network.uuid);
}

fn check_refused_delete(world: &World, network: &str) {
    let error = world.refusal(&Verb::Delete("network", network));
    assert!(error.to_string().contains("'VsVip v'"), "{error}");
}

/// Line 77, step 5 and 8.
#[test]
fn a_range_without_a_free_address_says_so_and_nothing_is_made() {
    let mut world = world(12);
    world.create("vsvip", fixed("given", "10.0.0.11"));
    assert_eq!(address_of(&world.create("vsvip", automatic("a"))), "10.0.0.10");
    assert_eq!(address_of(&world.create("vsvip", automatic("b"))), "10.0.0.12", "what was given is passed over");
    let text = "No available free IPs for the requested network: n has no free IPv4 address in its ranges for VIPs";
    check_refused(&world, &Verb::Create("vsvip", automatic("c")), text);
    let mut six = automatic("c");
    six["vip"][0]["auto_allocate_ip_type"] = json!("V4_V6");
    check_refused(&world, &Verb::Create("vsvip", six), "No available free IPs");
    assert_eq!(world.names("vsvip", ""), ["a", "b", "given"]);
}

/// Step 8: `auto_allocate_ip` with an address.
#[test]
fn a_preferred_address_is_got_or_refused() {
    let mut world = world(20);
    let prefer = |name: &str, address: &str| {
        let mut body = automatic(name);
        body["vip"][0]["ip_address"] = json!({"addr": address});
        body
    };
    assert_eq!(address_of(&world.create("vsvip", prefer("v", "10.0.0.15"))), "10.0.0.15");
    check_refused(
        &world,
        &Verb::Create("vsvip", prefer("w", "10.0.0.15")),
        "IP address 10.0.0.15 conflicts with VsVip v",
    );
    check_refused(&world, &Verb::Create("vsvip", prefer("w", "10.0.0.99")), "No available free IPs");
}

/// Lines 79 and 80.
#[test]
fn an_allocated_address_stays_through_every_replace() {
    let mut world = world(20);
    world.create("vsvip", automatic("other"));
    let vs_vip = world.create("vsvip", automatic("v"));
    let uuid = uuid_of(&vs_vip);
    let again = world.replace("vsvip", uuid, automatic("v"));
    assert_eq!((address_of(&again), &again["vip"][0]["avi_allocated_vip"]), ("10.0.0.11", &json!(true)));
    assert_eq!(world.replace("vsvip", uuid, again.clone())["vip"], again["vip"]);
    let change = |change: fn(&mut Value)| {
        let mut body = automatic("v");
        change(&mut body);
        Verb::Replace("vsvip", uuid, body)
    };
    let preferred = "If a new preferred IP is needed, please recreate the VIP";
    check_refused(&world, &change(|b| b["vip"][0]["ip_address"] = json!({"addr": "10.0.0.19"})), preferred);
    let other_id = change(|b| b["vip"][0]["vip_id"] = json!("1"));
    check_refused(&world, &other_id, "Changing an existing VIP's vip_id is not supported");
    let other_vrf = change(|b| b["vrf_context_ref"] = json!("/api/vrfcontext?name=management"));
    check_refused(&world, &other_vrf, "Cannot modify VrfContext");
    let more = change(|b| b["vip"].as_array_mut().unwrap().push(json!({"vip_id": "1", "auto_allocate_ip": true})));
    check_refused(&world, &more, "entries cannot come or go");
    check_refused(&world, &change(|b| b["vip"] = json!([])), "entries cannot come or go");
    let mut world = world;
    world.create("network", network("m", 1, 20));
    let moved = change(|b| b["vip"][0]["ipam_network_subnet"] = json!({"network_ref": "/api/network?name=m"}));
    check_refused(&world, &moved, "recreate the VIP to move it");
}

/// Line 81.
#[test]
fn a_deleted_vsvip_gives_its_address_back() {
    let mut world = world(10);
    let first = world.create("vsvip", automatic("a"));
    assert_eq!(free_addresses(&world), 0);
    world.write(&Verb::Delete("vsvip", uuid_of(&first))).unwrap();
    assert_eq!(free_addresses(&world), 1);
    assert_eq!(address_of(&world.create("vsvip", automatic("b"))), address_of(&first));
    // A given one comes back when its entry goes.
    let given = world.create("vsvip", fixed("g", "192.0.2.1"));
    world.replace("vsvip", uuid_of(&given), json!({"name": "g"}));
    world.create("vsvip", fixed("h", "192.0.2.1"));
}

/// Line 82; step 2.
#[test]
fn the_network_follows_from_vrf_order_labels_and_wish() {
    let mut world = World::new();
    let vrf = world.create("vrfcontext", json!({"name": "VRF_AZ1"}));
    let mut in_vrf = network("in-vrf", 1, 20);
    in_vrf["vrf_context_ref"] = vrf["url"].clone();
    world.create("network", network("n", 0, 20));
    world.create("network", in_vrf);
    world.create("network", network("last", 2, 20));
    use_networks(&mut world, &["n", "in-vrf", "last"], json!({"allocate_ip_in_vrf": true}));
    let mut body = automatic("v");
    body["vrf_context_ref"] = vrf["url"].clone();
    assert_eq!(address_of(&world.create("vsvip", body)), "10.0.1.10");
    assert_eq!(address_of(&world.create("vsvip", automatic("w"))), "10.0.0.10");
    let mut labelled = automatic("x");
    labelled["ipam_selector"] = json!({"type": "SELECTOR_IPAM", "labels": [{"key": "net", "value": "last"}]});
    assert_eq!(address_of(&world.create("vsvip", labelled)), "10.0.2.10");
    let mut named = automatic("y");
    named["vip"][0]["ipam_network_subnet"] = json!({"network_ref": "/api/network?name=last"});
    assert_eq!(address_of(&world.create("vsvip", named)), "10.0.2.11");
    let mut subnet = automatic("z");
    subnet["vip"][0]["ipam_network_subnet"] = json!({"network_ref": "/api/network?name=last",
        "subnet": {"ip_addr": {"addr": "10.9.0.0"}, "mask": 24}});
    check_refused(&world, &Verb::Create("vsvip", subnet), "last has no configured subnet 10.9.0.0/24");
    let mut unknown = automatic("z");
    unknown["vip"][0]["ipam_network_subnet"] = json!({"network_ref": "/api/network?name=none"});
    check_refused(&world, &Verb::Create("vsvip", unknown), "Network object not found");
}

#[test]
fn a_network_of_another_vrf_gives_each_address_once() {
    let mut world = world(12);
    let mut addresses = BTreeSet::new();
    for (name, vrf) in [("a", "global"), ("b", "management"), ("c", "global")] {
        let mut body = automatic(name);
        body["vrf_context_ref"] = json!(format!("/api/vrfcontext?name={vrf}"));
        addresses.insert(address_of(&world.create("vsvip", body)).to_owned());
    }
    assert_eq!(addresses.len(), 3);
}

#[test]
fn a_cloud_without_ipam_says_what_is_missing() {
    let world = World::new();
    check_refused(&world, &Verb::Create("vsvip", automatic("v")), "Cloud Default-Cloud has no ipam_provider_ref");
}

#[test]
fn both_families_come_together() {
    let mut world = World::new();
    let mut network = network("n", 0, 20);
    let six = |host: &str| json!({"addr": format!("2001:db8::{host}"), "type": "V6"});
    network["configured_subnets"].as_array_mut().unwrap().push(json!({
        "prefix": {"ip_addr": six(""), "mask": 64},
        "static_ip_ranges": [{"range": {"begin": six("0"), "end": six("5")}}, {"range": {"begin": six("a"), "end": six("b")}}]}));
    world.create("network", network);
    use_networks(&mut world, &["n"], json!({}));
    let mut body = automatic("v");
    body["vip"][0]["auto_allocate_ip_type"] = json!("V4_V6");
    let vip = world.create("vsvip", body)["vip"][0].clone();
    assert_eq!((&vip["ip_address"]["addr"], &vip["ip6_address"]["addr"]), (&json!("10.0.0.10"), &json!("2001:db8::1")));
    assert_eq!(vip["subnet6"]["mask"], 64);
    let ranges = json!([{"prefix": {"ip_addr": {"addr": "10.0.0.0"}, "mask": 24}, "static_ip_ranges": [
        {"range": {"begin": {"addr": "10.0.1.1"}, "end": {"addr": "10.0.1.2"}}}]}]);
    let outside = json!({"name": "m", "configured_subnets": ranges});
    check_refused(
        &world,
        &Verb::Create("network", outside),
        "configured_subnets[0].static_ip_ranges[0].range: 10.0.1.1 to 10.0.1.2 is not within 10.0.0.0/24",
    );
}

/// 4.3.
#[test]
fn names_lie_in_the_domains_of_the_cloud() {
    let mut world = World::new();
    let with_name = |name: &str, address: &str, fqdn: &str| {
        let mut body = fixed(name, address);
        body["dns_info"] = json!([{"fqdn": fqdn}]);
        body
    };
    world.create("vsvip", with_name("before", "192.0.2.1", "anything.example.net"));
    let profile = json!({"name": "dns", "type": "IPAMDNS_TYPE_INTERNAL_DNS",
        "internal_profile": {"dns_service_domain": [{"domain_name": "example.com"}]}});
    world.create("ipamdnsproviderprofile", profile);
    let cloud = world.projection.single("cloud").unwrap().clone();
    world.patch("cloud", &cloud.uuid, json!({"replace": {"dns_provider_ref": "/api/ipamdnsproviderprofile?name=dns"}}));
    let made = world.create("vsvip", with_name("in", "192.0.2.2", "App.Example.com"));
    assert_eq!(made["dns_info"][0]["type"], "DNS_RECORD_A");
    world.create("vsvip", with_name("shared", "192.0.2.3", "app.example.com"));
    let outside = with_name("out", "192.0.2.4", "app.example.net");
    check_refused(
        &world,
        &Verb::Create("vsvip", outside),
        "FQDN app.example.net does not match any of the configured DNS domains",
    );
    let mut twice = with_name("twice", "192.0.2.4", "a.example.com");
    twice["dns_info"].as_array_mut().unwrap().push(json!({"fqdn": "A.example.com"}));
    check_refused(&world, &Verb::Create("vsvip", twice), "dns_info[1].fqdn: 'A.example.com' is given twice");
    let cloud = world.projection.single("cloud").unwrap().clone();
    assert_eq!(objects::dns_domains(&world.projection, &cloud), Some(vec!["example.com".to_owned()]));
    // A virtual service of the older form may leave the domain out.
    let older = json!({"name": "vs", "fqdn": "short", "services": [{"port": 80}], "vip": [{"ip_address": {"addr": "192.0.2.9"}}]});
    assert_eq!(world.create("virtualservice", older)["fqdn"], "short.example.com");
}

#[derive(Debug, Clone)]
enum Step {
    Allocate(u8),
    Give(u8, u8),
    Keep(u8),
    Delete(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0_u8..12).prop_map(Step::Allocate),
        1 => (0_u8..12, 10_u8..20).prop_map(|(name, address)| Step::Give(name, address)),
        1 => (0_u8..12).prop_map(Step::Keep),
        2 => (0_u8..12).prop_map(Step::Delete),
    ];
    proptest::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever comes and goes, nobody shares an address, an address is refused only when none is free, and what is
    /// held at the end is exactly what the VsVips have.
    #[test]
    fn addresses_are_never_doubled_and_never_lost(steps in steps()) {
        let mut world = world(17);
        let mut held: BTreeMap<u8, (String, String)> = BTreeMap::new();
        for step in steps {
            let in_range = held.values().filter(|(_, address)| (10..=17).contains(&last_byte(address))).count();
            match step {
                Step::Allocate(name) if !held.contains_key(&name) => {
                    match world.write(&Verb::Create("vsvip", automatic(&format!("v{name}")))) {
                        Ok(made) => {
                            held.insert(name, (uuid_of(&made).to_owned(), address_of(&made).to_owned()));
                        }
                        Err(error) => {
                            prop_assert!(error.to_string().contains("No available free IPs"), "{}", error);
                            prop_assert_eq!(in_range, 8, "refused although an address is free");
                        }
                    }
                }
                Step::Give(name, address) if !held.contains_key(&name) => {
                    let address = format!("10.0.0.{address}");
                    let is_held = held.values().any(|(_, other)| *other == address);
                    let made = world.write(&Verb::Create("vsvip", fixed(&format!("v{name}"), &address)));
                    prop_assert_eq!(made.is_err(), is_held);
                    if let Ok(made) = made {
                        held.insert(name, (uuid_of(&made).to_owned(), address));
                    }
                }
                Step::Keep(name) => {
                    if let Some((uuid, address)) = held.get(&name) {
                        let shown = world.get("vsvip", uuid, true);
                        let kept = world.replace("vsvip", uuid, shown);
                        prop_assert_eq!(address_of(&kept), address);
                    }
                }
                Step::Delete(name) => {
                    if let Some((uuid, _)) = held.remove(&name) {
                        world.write(&Verb::Delete("vsvip", &uuid)).unwrap();
                    }
                }
                Step::Allocate(_) | Step::Give(..) => {}
            }
            let distinct: BTreeSet<_> = held.values().map(|(_, address)| address).collect();
            prop_assert_eq!(distinct.len(), held.len());
        }
        let vrf = world.projection.by_name("vrfcontext", "admin", None, "global").unwrap().uuid.clone();
        let prefix = format!("/address/{vrf}/");
        let keys: BTreeSet<_> = world.keys.keys().filter_map(|key| key.strip_prefix(&prefix)).map(str::to_owned).collect();
        let expected: BTreeSet<_> = held.values().map(|(_, address)| address.clone()).collect();
        prop_assert_eq!(keys, expected);
        let in_range = held.values().filter(|(_, address)| (10..=17).contains(&last_byte(address))).count();
        prop_assert_eq!(free_addresses(&world), 8 - u64::try_from(in_range).unwrap());
        let mut read_again = Projection::new(world.projection.types().clone());
        for (key, (value, revision)) in &world.keys {
            read_again.apply_put(key, value, *revision).unwrap();
        }
        prop_assert!(read_again == world.projection, "a restart sees other addresses");
    }
}

fn last_byte(address: &str) -> u8 {
    address.rsplit('.').next().unwrap().parse().unwrap()
}
