//! A member at an address that one site alone reaches: that site probes it for all others (`hm_proxies`).

use serde_json::{Value, json};

use crate::world::World;
use crate::world::sites::{SITES, Site};

const NAME: &str = "store.avi.iberia.local";
/// Local to the second site; the others have no route to it.
const PRIVATE: &str = "172.16.77.5";
const PUBLIC: &str = "198.51.100.7";
const LEADER: &Site = &SITES[0];
const PROXY: &Site = &SITES[1];
const OTHER: &Site = &SITES[2];

/// The member's site, a third party, is probed for by these.
fn probe_by(world: &World, proxies: &[&Site]) {
    let gslb = world.held("gslb")["Default"].clone();
    let named = |site: &&Site| {
        let listed = gslb["sites"].as_array().unwrap().iter().find(|it| it["name"] == site.name);
        json!({"site_uuid": listed.unwrap()["cluster_uuid"], "proxy_type": "GSLB_HEALTH_MONITOR_PROXY_PRIVATE_MEMBERS"})
    };
    let proxies: Vec<Value> = proxies.iter().map(named).collect();
    let sites = json!([{"name": "store", "hm_proxies": proxies}]);
    world.tune("gslb", gslb["uuid"].as_str().unwrap(), &json!({"third_party_sites": sites}));
}

/// Makes the service; its uuid.
fn create_service(world: &World) -> String {
    let monitor = json!({
        "name": "page", "type": "HEALTH_MONITOR_TCP", "is_federated": true, "monitor_port": 80, "tcp_monitor": {},
        "send_interval": 1, "receive_timeout": 1, "failed_checks": 2, "successful_checks": 1
    });
    world.create("healthmonitor", &monitor);
    let store = &world.held("gslb")["Default"]["third_party_sites"][0]["cluster_uuid"];
    let member = json!({
        "ip": {"addr": PRIVATE, "type": "V4"}, "public_ip": {"ip": {"addr": PUBLIC, "type": "V4"}},
        "cluster_uuid": store,
    });
    let service = json!({
        "name": NAME, "domain_names": [NAME], "ttl": 2, "health_monitor_refs": ["/api/healthmonitor?name=page"],
        "groups": [{"name": "first", "priority": 10, "members": [member]}]
    });
    world.create("gslbservice", &service)["uuid"].as_str().unwrap().to_owned()
}

fn is_answered_by(world: &World, site: &Site) -> bool {
    world.answers_of(site.dns, NAME, 1) == [PRIVATE]
}

/// Who probes the member, as a site says, with how many targets its engine probes.
fn probing(world: &World, site: &Site, service: &str) -> (Value, u64) {
    let member = world.first_member_at(site, service);
    (member["health_monitor_info"][0]["probed_by_site"].clone(), world.metric_of(site.engine, "meridian_probe_targets"))
}

/// Waits until a site gives this reason; the engine's report may be later than its answers.
fn wait_for_reason(world: &World, site: &Site, service: &str, why: &str) {
    world.wait(&format!("{} to say: {why}", site.name), || {
        world.first_member_at(site, service)["oper_status"]["reason"].to_string().contains(why)
    });
}

#[test]
fn a_member_that_one_site_alone_reaches_is_up_everywhere_while_that_site_probes_it_for_all() {
    let Some(mut world) = World::start_bare_sites() else { return };
    world.start_private_backend(PROXY, PRIVATE);
    probe_by(&world, &[]);
    let service = create_service(&world);

    // Each for itself: who cannot reach it, misses it.
    world.wait("the site that reaches it", || is_answered_by(&world, PROXY));
    for site in [LEADER, OTHER] {
        let state = || world.first_member_at(site, &service)["oper_status"]["state"].clone();
        world.wait("the others to miss it", || state() == "OPER_DOWN");
        assert!(!is_answered_by(&world, site), "{}", site.name);
    }

    probe_by(&world, &[PROXY]);
    for site in [LEADER, OTHER] {
        world.wait("one to probe for all", || probing(&world, site, &service) == (json!(PROXY.name), 0));
        world.wait("all to have the member", || is_answered_by(&world, site));
        wait_for_reason(&world, site, &service, "; site1 probes it for all sites");
    }
    assert_eq!(probing(&world, PROXY, &service), (Value::Null, 1));
    let said = world.explain_at(LEADER, NAME);
    assert!(said.contains("site1 probes it for all sites"), "{said}");

    // What it finds counts everywhere.
    world.stop_last_backend();
    for site in &SITES {
        world.wait("all to miss the member", || world.answers_of(site.dns, NAME, 1).is_empty());
    }
    wait_for_reason(&world, OTHER, &service, "CONNECTION_REFUSED; site1 probes it");
    world.start_private_backend(PROXY, PRIVATE);
    for site in &SITES {
        world.wait("all to have the member again", || is_answered_by(&world, site));
    }

    // A site that cannot be seen takes no member down, nor does who tries in its place and does not reach it.
    world.cut(PROXY.name);
    for site in [LEADER, OTHER] {
        world.wait("the others to probe in its place, in vain", || {
            let info = &world.first_member_at(site, &service)["health_monitor_info"][0];
            let tried = !info["oper_status"]["reason"].is_null();
            tried && info.get("probed_by").is_none() && world.metric_of(site.engine, "meridian_probe_targets") == 1
        });
        let why = "up before, no verdict of page yet; site1 probes it for all sites and is not heard: probed here";
        wait_for_reason(&world, site, &service, why);
    }
    for site in [LEADER, OTHER] {
        assert!(is_answered_by(&world, site), "{}", world.logs());
    }

    world.join(PROXY.name);
    for site in [LEADER, OTHER] {
        world.wait("one to probe for all again", || probing(&world, site, &service) == (json!(PROXY.name), 0));
        assert!(is_answered_by(&world, site), "{}", world.logs());
    }
    world.stop_last_backend();
    for site in &SITES {
        world.wait("all to miss the member", || world.answers_of(site.dns, NAME, 1).is_empty());
    }
}
