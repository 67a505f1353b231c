//! Whatever changed, a build with a memo is the build from scratch; and what did not change is the same object.

use std::collections::BTreeMap;

use model::{Revision, Version};
use proptest::prelude::*;
use se_protocol::Snapshot;
use serde_json::{Map, Value, json};

use super::*;
use crate::{Object, build};

/// Name, fields, when it was made, and revision.
type StoredObject = (String, Map<String, Value>, i64, u64);

/// Stored objects by type and uuid, and what was built of them last.
#[derive(Default)]
struct Stored {
    objects: BTreeMap<(&'static str, String), StoredObject>,
    revision: u64,
    memo: crate::Memo,
}

const KINDS: [&str; 14] = [
    "virtualservice",
    "pool",
    "poolgroup",
    "httppolicyset",
    "sslkeyandcertificate",
    "applicationprofile",
    "vsvip",
    "serviceenginegroup",
    "stringgroup",
    "tenant",
    "healthmonitor",
    "cloud",
    "ipamdnsproviderprofile",
    "sslprofile",
];

impl Stored {
    fn put(&mut self, kind: &'static str, number: u8, fields: Value) {
        let Value::Object(fields) = fields else { panic!("{fields}") };
        let (key, created_us) = ((kind, format!("{kind}-{number}")), i64::from(number % 3));
        let name = match (kind, number) {
            ("sslkeyandcertificate", 3) => "System-Default-Cert".into(),
            ("serviceenginegroup", 1) => "Default-Group".into(),
            _ => format!("{kind} {number}"),
        };
        self.objects.insert(key, (name, fields, created_us, self.revision));
    }

    fn built(&self, memo: crate::Memo) -> (Snapshot, Vec<Problem>, crate::Memo) {
        let objects = self.objects.iter().map(|((kind, uuid), (name, fields, created_us, revision))| Object {
            kind,
            uuid,
            name,
            tenant: if uuid.ends_with('1') { "tenant-1" } else { "tenant-2" },
            fields,
            created_us: *created_us,
            modified_us: 0,
            revision: *revision,
        });
        let version = Version { incarnation: "i".into(), term: 0, revision: Revision(self.revision) };
        build(objects, version, PortOffset::NONE, memo)
    }

    /// What is built with all that was built before.
    fn next(&mut self) -> (Snapshot, Vec<Problem>) {
        let memo = std::mem::take(&mut self.memo);
        let (snapshot, problems, memo) = self.built(memo);
        self.memo = memo;
        self.revision += 1;
        (snapshot, problems)
    }
}

/// One of many forms of an object; some of them have problems.
fn fields(kind: &str, seed: u8) -> Value {
    let (a, b) = (seed % 4, (seed / 4) % 4);
    match kind {
        "virtualservice" => {
            let mut fields = json!({
                "application_profile_ref": format!("/api/applicationprofile/applicationprofile-{}", seed % 3),
                "vsvip_ref": format!("/api/vsvip/vsvip-{}", seed % 2),
                "services": [{"port": 80}, {"port": 443 + u16::from(a), "enable_ssl": b > 0}],
                "enabled": !seed.is_multiple_of(7),
                "http_policies": [{"index": 2, "http_policy_set_ref": format!("httppolicyset-{a}")},
                    {"index": 1, "http_policy_set_ref": format!("httppolicyset-{b}")}],
                "ssl_key_and_certificate_refs": [format!("sslkeyandcertificate-{a}")],
                "ssl_profile_ref": format!("sslprofile-{b}"),
                "se_group_ref": if b == 3 { "serviceenginegroup-2" } else { "" },
                "waf_policy_ref": if seed.is_multiple_of(31) { "wafpolicy-1" } else { "" },
            });
            match seed % 5 {
                0 => fields["pool_ref"] = json!(format!("pool-{a}")),
                1 => fields["pool_group_ref"] = json!(format!("poolgroup-{b}")),
                2 => {
                    fields["type"] = json!("VS_TYPE_VH_PARENT");
                    fields["vh_type"] = json!("VS_TYPE_VH_ENHANCED");
                }
                _ => {
                    fields["type"] = json!("VS_TYPE_VH_CHILD");
                    fields["vh_type"] = json!("VS_TYPE_VH_ENHANCED");
                    fields["vh_parent_vs_ref"] = json!(format!("virtualservice-{a}"));
                    fields["vsvip_ref"] = json!("");
                    fields["vh_matches"] = json!([{"host": format!("app{b}.example.com"), "rules": []}]);
                }
            }
            fields
        }
        "pool" => json!({"servers": [{"ip": {"addr": format!("192.0.2.{seed}")}, "ratio": seed % 22}],
            "health_monitor_refs": [format!("healthmonitor-{a}")], "ssl_profile_ref": if seed.is_multiple_of(9) { "p" } else { "" }}),
        "poolgroup" => json!({"members": [{"pool_ref": format!("pool-{a}"), "priority_label": a.to_string()},
            {"pool_ref": format!("pool-{b}"), "priority_label": if seed.is_multiple_of(5) { "x" } else { "7" }}]}),
        "httppolicyset" => json!({"http_request_policy": {"rules": [
            {"index": 1, "name": "r", "match": {"path": {"match_criteria": "BEGINS_WITH", "match_str": ["/"],
                "string_group_refs": [format!("stringgroup-{a}")]}},
                "switching_action": {"action": "HTTP_SWITCHING_SELECT_POOL", "pool_ref": format!("pool-{b}")}}]},
            "http_security_policy": {"rules": [{"index": 1, "name": "s", "action": {"action":
                if seed % 6 == 5 { "HTTP_SECURITY_ACTION_RATE_LIMIT" } else { "HTTP_SECURITY_ACTION_CLOSE_CONN" }}}]}}),
        "sslkeyandcertificate" => json!({"certificate": {"certificate": format!("cert {seed}")},
            "key": if seed.is_multiple_of(4) { "" } else { "key" }, "ca_certs": [{"ca_ref": format!("sslkeyandcertificate-{b}")}]}),
        "applicationprofile" => {
            let kind = ["HTTP", "HTTP", "HTTP", "DNS", "L4"][usize::from(seed) % 5];
            json!({"type": format!("APPLICATION_PROFILE_TYPE_{kind}"), "http_profile": {"xff_enabled": a > 0,
                "hsts_enabled": b > 2,
                "ssl_client_certificate_mode": if seed.is_multiple_of(11) { "SSL_CLIENT_CERTIFICATE_REQUIRE" } else { "" }}})
        }
        "vsvip" => json!({"cloud_ref": "cloud-1", "vip": [{"ip_address": {"addr": format!("192.0.2.{a}")}}],
            "dns_info": [{"fqdn": format!("app{b}.example.com")}, {"fqdn": format!("x{a}.example.com"), "ttl": seed}]}),
        "stringgroup" => json!({"type": "SG_TYPE_STRING", "kv": [{"key": format!("/{seed}")}]}),
        "healthmonitor" => json!({"type": "HEALTH_MONITOR_TCP", "send_interval": seed}),
        "cloud" => json!({"dns_provider_ref": format!("ipamdnsproviderprofile-{}", seed % 2)}),
        "ipamdnsproviderprofile" => json!({"type": "IPAMDNS_TYPE_INTERNAL_DNS",
            "internal_profile": {"ttl": seed, "dns_service_domain": [{"domain_name": "example.com"}]}}),
        _ => json!({}),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_memo_changes_nothing(
        first in prop::collection::vec(any::<u8>(), KINDS.len() * 4),
        commits in prop::collection::vec(
            prop::collection::vec((0..20_usize, 0..6_u8, prop::option::weighted(0.8, any::<u8>())), 0..3), 1..12)
    ) {
        let mut stored = Stored::default();
        for (place, seed) in first.into_iter().enumerate() {
            let kind = KINDS[place % KINDS.len()];
            stored.put(kind, u8::try_from(place / KINDS.len()).unwrap(), fields(kind, seed));
        }
        for commit in commits {
            let (snapshot, problems) = stored.next();
            let (expected, all_problems, _) = stored.built(crate::Memo::default());
            prop_assert_eq!(&snapshot.http, &expected.http);
            prop_assert_eq!(snapshot.monitors, expected.monitors);
            prop_assert_eq!(snapshot.registrations, expected.registrations);
            prop_assert_eq!(problems, all_problems);
            for (kind, number, seed) in commit {
                let kind = KINDS.get(kind).copied().unwrap_or("virtualservice");
                match seed {
                    Some(seed) => stored.put(kind, number, fields(kind, seed)),
                    None => drop(stored.objects.remove(&(kind, format!("{kind}-{number}")))),
                }
            }
        }
    }
}

/// Two virtual services with a certificate in common, and a parent with two children.
fn two_and_a_family() -> Stored {
    let mut stored = Stored::default();
    stored.put("applicationprofile", 0, json!({"type": "APPLICATION_PROFILE_TYPE_HTTP"}));
    stored.put("sslkeyandcertificate", 0, json!({"certificate": {"certificate": "cert"}, "key": "key"}));
    stored.put("httppolicyset", 0, fields("httppolicyset", 0));
    stored.put("stringgroup", 0, fields("stringgroup", 0));
    for number in 0..5_u8 {
        stored.put("vsvip", number, json!({"vip": [{"ip_address": {"addr": format!("192.0.2.{number}")}}]}));
        stored.put("pool", number, json!({"servers": [{"ip": {"addr": "192.0.2.9"}}]}));
        let mut service = json!({"application_profile_ref": "applicationprofile-0", "pool_ref": format!("pool-{number}"),
            "vsvip_ref": format!("vsvip-{number}"), "services": [{"port": 443, "enable_ssl": true}],
            "ssl_key_and_certificate_refs": ["sslkeyandcertificate-0"],
            "http_policies": [{"index": 1, "http_policy_set_ref": "httppolicyset-0"}]});
        if number >= 2 {
            service["vh_type"] = json!("VS_TYPE_VH_ENHANCED");
            service["type"] = json!(if number == 2 { "VS_TYPE_VH_PARENT" } else { "VS_TYPE_VH_CHILD" });
        }
        if number > 2 {
            service["ssl_key_and_certificate_refs"] = json!([]);
            service["vh_parent_vs_ref"] = json!("virtualservice-2");
            service["vh_matches"] = json!([{"host": format!("app{number}.example.com")}]);
        }
        stored.put("virtualservice", number, service);
    }
    stored
}

/// Which parts are the same objects: services, then children, then pools.
fn same(before: &HttpObjects, after: &HttpObjects) -> (Vec<bool>, Vec<bool>, Vec<bool>) {
    fn each<T>(before: &[Arc<T>], after: &[Arc<T>]) -> Vec<bool> {
        assert_eq!(before.len(), after.len());
        before.iter().zip(after).map(|(before, after)| Arc::ptr_eq(before, after)).collect()
    }
    let children = |objects: &HttpObjects| objects.services[2].children.clone();
    (
        each(&before.services, &after.services),
        each(&children(before), &children(after)),
        each(&before.pools, &after.pools),
    )
}

#[test]
fn a_change_makes_nothing_anew_that_does_not_depend_on_it() {
    let mut stored = two_and_a_family();
    let (first, problems) = stored.next();
    assert_eq!((problems, first.http.pools.len()), (vec![], 5));
    assert!(Arc::ptr_eq(&first.http.services[0].certificates[0], &first.http.services[1].certificates[0]));
    let policies = |objects: &HttpObjects, service: usize| objects.services[service].host.policies[0].clone();
    assert!(Arc::ptr_eq(&policies(&first.http, 0), &policies(&first.http, 1)));

    stored.put("pool", 1, json!({"servers": [{"ip": {"addr": "192.0.2.8"}}]}));
    let (second, _) = stored.next();
    let only_the_pool = (vec![true; 3], vec![true; 2], vec![true, false, true, true, true]);
    assert_eq!(same(&first.http, &second.http), only_the_pool);

    stored.put("vsvip", 1, json!({"vip": [{"ip_address": {"addr": "192.0.2.77"}}]}));
    let (third, _) = stored.next();
    assert_eq!(same(&second.http, &third.http), (vec![true, false, true], vec![true; 2], vec![true; 5]));
    assert!(Arc::ptr_eq(&policies(&first.http, 1), &policies(&third.http, 1)), "parts survive their user");
    assert!(Arc::ptr_eq(&third.http.services[0].certificates[0], &third.http.services[1].certificates[0]));

    let mut child = Value::Object(stored.objects[&("virtualservice", "virtualservice-4".to_owned())].1.clone());
    child["enabled"] = json!(false);
    stored.put("virtualservice", 4, child);
    let (fourth, _) = stored.next();
    // Made in the order 3 (created at 0), 4 (at 1).
    assert_eq!(same(&third.http, &fourth.http), (vec![true, true, false], vec![true, false], vec![true; 5]));

    stored.put("sslkeyandcertificate", 0, json!({"certificate": {"certificate": "new"}, "key": "key"}));
    let (fifth, _) = stored.next();
    assert_eq!(same(&fourth.http, &fifth.http), (vec![false; 3], vec![true; 2], vec![true; 5]));
    assert_eq!(fifth.http.services[1].certificates[0].chain_pem, "new\n");
}

#[test]
fn a_child_is_in_the_engine_group_of_its_parent() {
    let mut stored = two_and_a_family();
    for number in 1..3 {
        stored.put("serviceenginegroup", number, json!({}));
    }
    let mut parent = Value::Object(stored.objects[&("virtualservice", "virtualservice-2".to_owned())].1.clone());
    parent["se_group_ref"] = json!("/api/serviceenginegroup/serviceenginegroup-2");
    stored.put("virtualservice", 2, parent);
    let (first, _) = stored.next();
    let groups = |snapshot: &Snapshot| {
        let children = snapshot.http.services[2].children.iter();
        children.map(|child| child.host.logs.group.uuid.clone()).collect::<Vec<_>>()
    };
    assert_eq!(groups(&first), ["serviceenginegroup-2"; 2]);
    assert_eq!(first.http.services[0].host.logs.group.uuid, "serviceenginegroup-1");
    stored.put("pool", 1, json!({}));
    let (second, _) = stored.next();
    assert_eq!(same(&first.http, &second.http).1, [true; 2]);
    assert_eq!(same(&first.http, &second.http).0, [true; 3]);
}
