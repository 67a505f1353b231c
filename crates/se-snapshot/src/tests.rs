//! The whole way from stored objects to a snapshot.

use std::time::Duration;

use model::{
    DomainName, FullLogs, LogGroup, LogPolicy, Revision, Version,
    dns::ErrorResponse,
    gslb::{DownResponse, MemberAlgorithm, MonitorScope},
    monitor::{Check, StatusClass},
};
use se_protocol::{PortOffset, Snapshot};
use serde_json::{Value, json};

use crate::{Memo, Object, Problem, build};

/// A world with one DNS virtual service, one Gslb, one service and one monitor; `change` edits it.
fn world(change: impl FnOnce(&mut Value)) -> (Snapshot, Vec<Problem>) {
    let mut objects = json!({
        "cluster": {"uuid": "cluster-1", "name": "cluster-0-1"},
        "tenant": {"uuid": "admin", "name": "admin"},
        "applicationprofile": {"uuid": "applicationprofile-1", "name": "dns", "type": "APPLICATION_PROFILE_TYPE_DNS",
            "dns_service_profile": {"num_dns_ip": 1, "ttl": 30, "negative_caching_ttl": 60,
                "domain_names": ["avi.iberia.local"], "admin_email": "dnsadmin@iberia.local",
                "error_response": "DNS_ERROR_RESPONSE_ERROR", "edns": true}},
        "virtualservice": {"uuid": "virtualservice-1", "name": "dns-vs", "enabled": true,
            "application_profile_ref": "applicationprofile-1",
            "vip": [{"vip_id": "0", "ip_address": {"addr": "127.0.0.1", "type": "V4"}}],
            "services": [{"port": 5300, "port_range_end": 5300}]},
        "gslb": {"uuid": "gslb-1", "name": "Default", "leader_cluster_uuid": "cluster-1",
            "dns_configs": [{"domain_name": "avi.iberia.local"}],
            "sites": [{"cluster_uuid": "cluster-1", "name": "site1", "dns_vses": [{"dns_vs_uuid": "virtualservice-1"}]},
                      {"cluster_uuid": "cluster-2", "name": "site2", "enabled": true}]},
        "gslbservice": {"uuid": "gslbservice-1", "name": "hello.avi.iberia.local",
            "domain_names": ["Hello.avi.iberia.local"],
            "health_monitor_refs": ["https://h/api/healthmonitor/healthmonitor-1#amko--http--hello"],
            "groups": [{"name": "10", "priority": 10, "algorithm": "GSLB_ALGORITHM_ROUND_ROBIN",
                "min_health_monitors_up": 2, "members": [
                    {"ip": {"addr": "10.10.25.1", "type": "V4"}, "ratio": 6, "cluster_uuid": "cluster-1",
                     "vs_uuid": "virtualservice-9"},
                    {"ip": {"addr": "10.10.23.1", "type": "V4"}, "ratio": 2, "cluster_uuid": "cluster-2",
                     "vs_uuid": ""}]}]},
        "healthmonitor": {"uuid": "healthmonitor-1", "name": "amko--http--hello", "type": "HEALTH_MONITOR_HTTP",
            "send_interval": 10, "receive_timeout": 4, "successful_checks": 3, "failed_checks": 3, "monitor_port": 80,
            "http_monitor": {"http_request": "HEAD / HTTP/1.0", "http_response_code": ["HTTP_2XX", "HTTP_ANY"]}},
    });
    change(&mut objects);
    // As stored: what is common to all types is not among the fields.
    let common = |object: &mut Value, field: &str| match object.as_object_mut().unwrap().shift_remove(field) {
        Some(Value::String(text)) => text,
        other => panic!("{field}: {other:?}"),
    };
    let stored: Vec<(String, String, String, Value)> = objects
        .as_object_mut()
        .unwrap()
        .iter_mut()
        .map(|(kind, object)| (kind.clone(), common(object, "uuid"), common(object, "name"), object.take()))
        .collect();
    let version = Version { incarnation: "i".into(), term: 0, revision: Revision(7) };
    let objects = stored.iter().map(|(kind, uuid, name, fields)| Object {
        kind,
        uuid,
        name,
        tenant: "admin",
        fields: fields.as_object().unwrap(),
        created_us: 0,
        modified_us: 1_000,
        revision: 1,
    });
    let (snapshot, problems, _) = build(objects, version, PortOffset::UNPRIVILEGED, Memo::default());
    (snapshot, problems)
}

#[test]
fn the_addresses_of_a_virtual_service_are_those_of_its_vsvip() {
    let (snapshot, problems) = world(|w| {
        w["vsvip"] = json!({"uuid": "vsvip-1", "name": "dns-vip", "vip": [
            {"vip_id": "0", "ip_address": {"addr": "192.0.2.53", "type": "V4"}},
            {"vip_id": "1", "enabled": false, "ip_address": {"addr": "192.0.2.54", "type": "V4"}}]});
        w["virtualservice"]["vsvip_ref"] = json!("/api/vsvip/vsvip-1");
    });
    assert_eq!(problems, []);
    let addresses: Vec<String> = snapshot.dns_services[0].addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["192.0.2.53"]);
}

#[test]
fn the_published_story_becomes_a_snapshot() {
    let (snapshot, problems) = world(|_| ());
    assert_eq!(problems, []);
    assert_eq!(snapshot.version.revision, Revision(7));
    assert_eq!((snapshot.cluster_uuid.as_str(), snapshot.port_offset), ("cluster-1", PortOffset::UNPRIVILEGED));
    let apex = DomainName::parse("avi.iberia.local").unwrap();
    assert_eq!(snapshot.gslb_domains, std::slice::from_ref(&apex));

    let [vs] = snapshot.dns_services.as_slice() else { panic!("{:?}", snapshot.dns_services) };
    assert_eq!((vs.ports.as_slice(), vs.addresses.len(), vs.enabled), ([5300].as_slice(), 1, true));
    assert_eq!(vs.gslb_domains.as_deref(), Some([apex.clone()].as_slice()));
    assert_eq!((vs.profile.ttl.get(), vs.profile.negative_ttl.get(), vs.profile.num_dns_ip), (30, 60, 1));
    assert_eq!(vs.profile.on_error, ErrorResponse::Respond);
    assert_eq!(vs.profile.zones[0].apex, apex);
    assert_eq!(vs.profile.zones[0].rname().unwrap().as_str(), "dnsadmin@iberia.local");

    let [service] = snapshot.gslb_services.as_slice() else { panic!("{:?}", snapshot.gslb_services) };
    assert_eq!(service.domain_names[0].as_str(), "hello.avi.iberia.local");
    assert_eq!((service.tenant.as_str(), service.ttl, service.num_dns_ip), ("admin", None, None));
    assert_eq!((service.monitor_scope, service.controller_health), (MonitorScope::AllMembers, true));
    let pool = &service.pools[0];
    assert_eq!((pool.priority.get(), pool.algorithm), (10, MemberAlgorithm::RoundRobin));
    assert_eq!(pool.min_health_monitors_up, Some(2));
    assert_eq!(pool.members.iter().map(|m| m.weight.get()).collect::<Vec<_>>(), [6, 2]);
    assert_eq!(pool.members[0].vs_uuid.as_deref(), Some("virtualservice-9"));
    assert_eq!(pool.members[1].vs_uuid, None);

    let [monitor] = snapshot.monitors.as_slice() else { panic!("{:?}", snapshot.monitors) };
    assert_eq!(service.health_monitors, std::slice::from_ref(&monitor.uuid));
    assert_eq!((monitor.send_interval, monitor.receive_timeout), (Duration::from_secs(10), Duration::from_secs(4)));
    assert_eq!((monitor.failed_checks, monitor.port, monitor.quickstart), (3, Some(80), true));
    let Check::Http(http) = &monitor.check else { panic!("{:?}", monitor.check) };
    assert_eq!(http.request, "HEAD / HTTP/1.0");
    assert_eq!(http.status_classes, [StatusClass::Hundreds(2), StatusClass::Any]);
}

#[test]
fn milliseconds_of_a_monitor_come_before_its_seconds() {
    let timing = |fields: &[(&str, u64)]| {
        let (snapshot, _) =
            world(|w| fields.iter().for_each(|(field, value)| w["healthmonitor"][*field] = json!(value)));
        let monitor = &snapshot.monitors[0];
        [monitor.send_interval, monitor.receive_timeout].map(|time| time.as_millis())
    };
    assert_eq!(timing(&[]), [10_000, 4_000]);
    assert_eq!(timing(&[("send_interval_ms", 200)]), [200, 200]);
    assert_eq!(timing(&[("send_interval_ms", 200), ("receive_timeout_ms", 50)]), [200, 50]);
    assert_eq!(timing(&[("receive_timeout_ms", 500)]), [10_000, 500]);
}

#[test]
fn what_algorithms_go_by_is_read() {
    let (snapshot, problems) = world(|w| {
        w["gslbservice"]["use_edns_client_subnet"] = json!(false);
        let pool = &mut w["gslbservice"]["groups"][0];
        pool["algorithm"] = json!("GSLB_ALGORITHM_GEO");
        pool["fallback_algorithm"] = json!("GSLB_ALGORITHM_CONSISTENT_HASH");
        pool["consistent_hash_mask"] = json!(24);
        pool["consistent_hash_mask6"] = json!(56);
        pool["members"][1]["preference_order"] = json!(128);
    });
    assert_eq!(problems, []);
    let service = &snapshot.gslb_services[0];
    let pool = &service.pools[0];
    assert!(!service.use_client_subnet);
    assert_eq!(pool.fallback_algorithm, Some(MemberAlgorithm::ConsistentHash));
    assert_eq!((pool.hash_prefix_v4, pool.hash_prefix_v6), (Some(24), Some(56)));
    assert_eq!(pool.members.iter().map(|m| m.preference_order).collect::<Vec<_>>(), [1, 128]);

    let (snapshot, problems) = world(|_| ());
    assert_eq!(problems, []);
    let service = &snapshot.gslb_services[0];
    let pool = &service.pools[0];
    assert!(service.use_client_subnet, "the default");
    assert_eq!((pool.fallback_algorithm, pool.hash_prefix_v4, pool.hash_prefix_v6), (None, None, None));
    check(
        |w| {
            w["gslbservice"]["groups"][0]["algorithm"] = json!("GSLB_ALGORITHM_GEO");
            w["gslbservice"]["groups"][0]["fallback_algorithm"] = json!("GSLB_ALGORITHM_TOPOLOGY");
        },
        &[
            "GslbService hello.avi.iberia.local, groups[0].fallback_algorithm: `GSLB_ALGORITHM_TOPOLOGY` cannot stand in \
           for GSLB_ALGORITHM_GEO; round robin does",
        ],
        |s| s.gslb_services[0].pools[0].fallback_algorithm.is_none(),
    );
}

/// One edit, the problems it causes (as text), and whether what `still` looks for is in the snapshot.
#[track_caller]
fn check(change: impl FnOnce(&mut Value), expected: &[&str], still: impl FnOnce(&Snapshot) -> bool) {
    let (snapshot, problems) = world(change);
    let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(texts, expected);
    assert!(still(&snapshot), "{snapshot:?}");
}

#[test]
fn what_cannot_be_used_is_skipped_and_the_rest_is_kept() {
    check(
        |w| w["gslbservice"]["groups"][0]["members"][0]["ip"]["addr"] = json!("10.10.25"),
        &["GslbService hello.avi.iberia.local, groups[0].members[0].ip: `10.10.25` is not an IP address; skipped"],
        |s| s.gslb_services[0].pools[0].members.len() == 1,
    );
    check(
        |w| w["gslbservice"]["groups"][0]["members"][1]["ratio"] = json!(21),
        &[
            "GslbService hello.avi.iberia.local, groups[0].members[1].ratio: weight 21 is outside 1 to 20; the member is skipped",
        ],
        |s| s.gslb_services[0].pools[0].members.len() == 1,
    );
    check(
        |w| w["gslbservice"]["domain_names"] = json!(["a b"]),
        &[
            "GslbService hello.avi.iberia.local, domain_names[0]: `a b` has a character that a domain name cannot hold; skipped",
            "GslbService hello.avi.iberia.local, domain_names: no domain name; the service is not answered",
        ],
        |s| s.gslb_services.is_empty() && s.dns_services.len() == 1,
    );
    check(
        |w| w["applicationprofile"]["type"] = json!("APPLICATION_PROFILE_TYPE_L4"),
        &[
            "VirtualService dns-vs, application_profile_ref: `APPLICATION_PROFILE_TYPE_L4` is not run by this release; the service does not run",
        ],
        |s| s.dns_services.is_empty() && s.gslb_services.len() == 1,
    );
    check(
        |w| w["healthmonitor"]["type"] = json!("HEALTH_MONITOR_PING"),
        &["HealthMonitor amko--http--hello, type: `HEALTH_MONITOR_PING` is not probed by this release; no verdict"],
        |s| matches!(&s.monitors[0].check, Check::Unsupported(kind) if kind == "HEALTH_MONITOR_PING"),
    );
    check(
        |w| w["virtualservice"]["services"] = json!([{"port": 0}]),
        &[
            "VirtualService dns-vs, services[0].port: 0 to 0 is no range of 1 to 64 ports; skipped",
            "VirtualService dns-vs, services: nothing to listen on; the service does not run",
        ],
        |s| s.dns_services.is_empty(),
    );
    check(
        |w| w["applicationprofile"]["dns_service_profile"]["admin_email"] = json!("a b@c"),
        &[
            "ApplicationProfile dns, dns_service_profile.admin_email: `a b@c` has a character that a domain name cannot hold; `hostmaster` is used",
        ],
        |s| s.dns_services[0].profile.zones[0].admin_email == "hostmaster",
    );
    check(
        |w| w["gslbservice"]["health_monitor_refs"] = json!(["healthmonitor-2"]),
        &[
            "HealthMonitor healthmonitor-2: no such object; it gives no verdict",
            "HealthMonitor healthmonitor-2, type: `none` is not probed by this release; no verdict",
        ],
        |s| s.gslb_services[0].health_monitors == ["healthmonitor-2"],
    );
}

#[test]
fn a_dns_service_that_the_site_does_not_list_serves_no_gslb_names() {
    check(|w| w["gslb"]["sites"][0]["dns_vses"] = json!([]), &[], |s| s.dns_services[0].gslb_domains.is_none());
    check(
        |w| w["gslb"]["sites"][0]["dns_vses"][0]["domain_names"] = json!(["b.avi.iberia.local"]),
        &[],
        |s| s.dns_services[0].gslb_domains.as_ref().unwrap()[0].as_str() == "b.avi.iberia.local",
    );
    check(
        |w| drop(w.as_object_mut().unwrap().shift_remove("gslb")),
        &[],
        |s| s.gslb_domains.is_empty() && s.dns_services[0].gslb_domains.is_none(),
    );
}

#[test]
fn members_of_a_site_that_is_off_are_off() {
    check(
        |w| w["gslb"]["sites"][1]["enabled"] = json!(false),
        &[],
        |s| {
            let members = &s.gslb_services[0].pools[0].members;
            members[0].enabled && !members[1].enabled
        },
    );
}

#[test]
fn members_are_probed_by_the_proxies_of_their_site() {
    let proxies = |kind: &str, public: bool, suspended: bool| {
        let (snapshot, problems) = world(|w| {
            w["gslb"]["sites"][0]["suspend_mode"] = json!(suspended);
            w["gslb"]["sites"][1]["hm_proxies"] = json!([{"site_uuid": "cluster-1", "proxy_type": kind}]);
            if public {
                let public_ip = json!({"ip": {"addr": "192.0.2.7", "type": "V4"}});
                w["gslbservice"]["groups"][0]["members"][1]["public_ip"] = public_ip;
            }
        });
        assert_eq!(problems, []);
        let members = &snapshot.gslb_services[0].pools[0].members;
        assert!(members[0].proxies.is_empty(), "a member of another site");
        members[1].proxies.iter().map(|proxy| format!("{} {}", proxy.site, proxy.name)).collect::<Vec<_>>()
    };
    let (private, all) = ("GSLB_HEALTH_MONITOR_PROXY_PRIVATE_MEMBERS", "GSLB_HEALTH_MONITOR_PROXY_ALL_MEMBERS");
    assert_eq!(proxies(private, true, false), ["cluster-1 site1"]);
    assert_eq!(proxies(private, false, false), [""; 0], "no public address beside its own");
    assert_eq!(proxies(all, false, false), ["cluster-1 site1"]);
    assert_eq!(proxies("ALL_MEMBERS", false, false), ["cluster-1 site1"]);
    assert_eq!(proxies(all, true, true), ["cluster-1 site1"], "it is named, and not heard");
}

#[test]
fn monitors_that_are_off_are_not_in_the_snapshot() {
    check(
        |w| w["gslbservice"]["hm_off"] = json!(true),
        &[],
        |s| s.monitors.is_empty() && s.gslb_services[0].health_monitors.is_empty(),
    );
}

#[test]
fn down_responses_are_read() {
    let (snapshot, _) = world(|w| {
        w["gslbservice"]["down_response"] = json!({"type": "GSLB_SERVICE_DOWN_RESPONSE_FALLBACK_IP", "fallback_ip": {"addr": "192.0.2.1", "type": "V4"}});
    });
    let expected = DownResponse::FallbackIp { v4: Some("192.0.2.1".parse().unwrap()), v6: None };
    assert_eq!(snapshot.gslb_services[0].down_response, expected);
}

#[test]
fn an_empty_store_makes_an_empty_snapshot() {
    let version = Version { incarnation: "i".into(), term: 0, revision: Revision(0) };
    let (snapshot, problems, _) = build([], version, PortOffset::NONE, Memo::default());
    assert!(problems.is_empty() && snapshot.dns_services.is_empty() && snapshot.cluster_uuid.is_empty());
}

#[test]
fn logs_follow_the_policy_of_the_service_and_the_rates_of_its_group() {
    let logs = |change: fn(&mut Value)| world(change).0.dns_services.remove(0).logs;
    assert_eq!(logs(|_| ()), LogPolicy::default());
    let full = logs(|objects| {
        objects["virtualservice"]["analytics_policy"] =
            json!({"significant_log_throttle": 0, "full_client_logs": {"enabled": true, "duration": 2, "throttle": 7}});
    });
    let until_us = Some(1_000 + 2 * 60_000_000);
    assert_eq!((full.significant_per_s, full.full), (0, Some(FullLogs { per_s: 7, until_us })));
    let grouped = logs(|objects| {
        objects["serviceenginegroup"] = json!({"uuid": "serviceenginegroup-1", "name": "Default-Group",
            "significant_log_throttle": 5, "non_significant_log_throttle": 0});
        objects["virtualservice"]["analytics_policy"] =
            json!({"full_client_logs": {"enabled": true, "duration": 0, "throttle": 0}});
    });
    assert_eq!(grouped.full, Some(FullLogs { per_s: 0, until_us: None }));
    let uuid = "serviceenginegroup-1".to_owned();
    assert_eq!(grouped.group, LogGroup { uuid, significant_per_s: 5, non_significant_per_s: 0 });
}

#[test]
fn a_quorum_counts_the_active_sites_that_take_part() {
    let quorum = |quorum: Value| {
        let (snapshot, problems) = world(|w| {
            let site =
                |number: usize, kind: &str| json!({"cluster_uuid": format!("cluster-{number}"), "member_type": kind});
            let mut sites: Vec<Value> = (1..=5).map(|number| site(number, "GSLB_ACTIVE_MEMBER")).collect();
            sites.push(site(6, "GSLB_PASSIVE_MEMBER"));
            sites[3]["enabled"] = json!(false);
            sites[4]["suspend_mode"] = json!(true);
            w["gslb"]["sites"] = json!(sites);
            w["gslbservice"]["site_quorum"] = quorum;
        });
        assert_eq!(problems, []);
        snapshot.gslb_services[0].site_quorum.map(|it| (it.needed, it.active))
    };
    assert_eq!(quorum(Value::Null), None);
    assert_eq!(quorum(json!({"type": "SITE_QUORUM_NONE"})), None);
    assert_eq!(quorum(json!({"type": "SITE_QUORUM_ANY"})), Some((1, 3)));
    assert_eq!(quorum(json!({"type": "SITE_QUORUM_MAJORITY"})), Some((2, 3)));
    assert_eq!(quorum(json!({"type": "SITE_QUORUM_ALL"})), Some((3, 3)));
    assert_eq!(quorum(json!({"type": "SITE_QUORUM_COUNT", "count": 2})), Some((2, 3)));
    assert_eq!(quorum(json!({"type": "SITE_QUORUM_COUNT", "count": 9})), Some((3, 3)));
}
