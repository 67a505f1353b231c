use std::collections::BTreeMap;

use k8s_crds::{GeoFallback, MatchCluster, Object, PoolAlgorithmSettings, TrafficSplit};

use super::*;
use crate::{Config, Index, KnownMonitor, NAMESPACE, PoolAlgorithm};

fn policy(name: &str) -> GlobalDeploymentPolicy {
    let mut object = GlobalDeploymentPolicy::default();
    object.metadata.name = Some(name.to_owned());
    object.metadata.namespace = Some(NAMESPACE.to_owned());
    object.spec.match_rules.app_selector = selector(&[("app", "gslb")]);
    object.spec.match_clusters =
        ["k8s", "oshift"].map(|c| MatchCluster { cluster: c.into(), sync_vip_only: None }).to_vec();
    object
}

fn selector(pairs: &[(&str, &str)]) -> Option<LabelSelector> {
    let label: BTreeMap<_, _> = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    Some(LabelSelector { label, ..LabelSelector::default() })
}

fn split(cluster: &str, weight: Option<i64>, priority: Option<i64>) -> TrafficSplit {
    TrafficSplit { cluster: cluster.to_owned(), weight, priority }
}

fn view() -> ControllerView {
    let monitor = |is_federated, kind: &str, request: &str| KnownMonitor {
        is_federated,
        kind: format!("HEALTH_MONITOR_{kind}"),
        http_request: request.to_owned(),
        http_response_code: vec!["HTTP_2XX".to_owned()],
    };
    let named = |name: &str| ("admin".to_owned(), name.to_owned());
    ControllerView {
        monitors: [
            (named("System-GSLB-HTTP"), monitor(true, "HTTP", "GET /x HTTP/1.1")),
            (named("local"), monitor(false, "HTTP", "GET / HTTP/1.0")),
            (named("tcp"), monitor(true, "TCP", "")),
            (named("odd"), monitor(true, "HTTPS", "GET /")),
        ]
        .into(),
        persistence_profiles: [named("gslb-persistence")].into(),
        pki_profiles: [named("pki")].into(),
        third_party_sites: Default::default(),
    }
}

fn contexts() -> Vec<String> {
    vec!["k8s".to_owned(), "oshift".to_owned()]
}

#[track_caller]
fn check(change: impl FnOnce(&mut GlobalDeploymentPolicySpec), expected: &str) {
    let mut object = policy("global-gdp");
    change(&mut object.spec);
    let text = match validate(&object, &contexts(), "admin", &view()) {
        Ok(_) => "success".to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(text, expected);
}

// catalogue amko: 10, 13, 20
#[test]
fn a_valid_policy_is_a_success() {
    check(|_| {}, "success");
    check(|s| s.match_clusters.clear(), "success");
    check(|s| s.ttl = Some(10), "success");
    check(|s| s.match_rules.app_selector = selector(&[("a", "b"), ("c", "d")]), "success");
    check(|s| s.match_rules.app_selector = None, "success");
    check(|s| s.traffic_split = vec![split("k8s", Some(20), Some(0))], "success");
    check(|s| s.health_monitor_template = Some("System-GSLB-HTTP".into()), "success");
    check(|s| s.health_monitor_refs = vec!["System-GSLB-HTTP".into(), "tcp".into()], "success");
    check(|s| s.site_persistence_ref = Some("gslb-persistence".into()), "success");
}

// catalogue amko: 18, 19, 123, 132
#[test]
fn each_mistake_has_the_text_of_amko() {
    check(|s| s.match_rules.app_selector = selector(&[("", "b")]), "label value is missing for key  for appSelector");
    check(|s| s.match_rules.app_selector = selector(&[("a", "")]), "label key is missing for value  for appSelector");
    check(
        |s| s.match_rules.namespace_selector = selector(&[("", "b")]),
        "label value is missing for key for namespaceSelector",
    );
    check(
        |s| s.match_rules.namespace_selector = selector(&[("a", "")]),
        "label key is missing for value for namespaceSelector",
    );
    check(|s| s.match_clusters[0].cluster = "k9s".into(), "cluster context k9s not present in GSLBConfig");
    check(
        |s| s.traffic_split = vec![split("k9s", None, None)],
        "cluster k9s in traffic policy not present in GSLBConfig",
    );
    check(|s| s.traffic_split = vec![split("k8s", Some(50), None)], "traffic weight 50 must be between 1 and 20");
    check(|s| s.traffic_split = vec![split("k8s", Some(0), None)], "traffic weight 0 must be between 1 and 20");
    check(|s| s.traffic_split = vec![split("k8s", None, Some(101))], "priority 101 must be between 1 and 100");
    check(
        |s| {
            s.health_monitor_template = Some("x".into());
            s.health_monitor_refs = vec!["y".into()];
        },
        "health monitor reference and template cannot be specified together",
    );
    check(|s| s.health_monitor_template = Some("x".into()), "health monitor template x not found");
    check(|s| s.health_monitor_template = Some("local".into()), "health monitor template local not federated");
    check(
        |s| s.health_monitor_template = Some("tcp".into()),
        "health monitor template is not supported for non-path based health monitors",
    );
    check(
        |s| s.health_monitor_template = Some("odd".into()),
        "client request header in health monitor template odd is invalid",
    );
    check(|s| s.health_monitor_refs = vec!["my-hm3".into()], "health monitor ref my-hm3 is invalid");
    check(|s| s.health_monitor_refs = vec!["local".into()], "health monitor ref local is invalid");
    check(
        |s| {
            s.pool_algorithm_settings = Some(PoolAlgorithmSettings {
                lb_algorithm: "GSLB_ALGORITHM_CONSISTENT_HASH".into(),
                ..PoolAlgorithmSettings::default()
            });
        },
        "invalid pool algorithm: hashMask is required for ConsistentHash",
    );
    check(|s| s.site_persistence_ref = Some(String::new()), "empty string as site persistence reference not supported");
    check(|s| s.site_persistence_ref = Some("p".into()), "site persistence ref p not present");
    check(|s| s.pki_profile_ref = Some(String::new()), "empty string as pki profile reference not supported");
    check(|s| s.pki_profile_ref = Some("p".into()), "pki profile ref p not present");
    check(
        |s| {
            s.down_response = Some(k8s_crds::DownResponse {
                kind: "GSLB_SERVICE_DOWN_RESPONSE_FALLBACK_IP".into(),
                fallback_ip: None,
            });
        },
        "invalid down response configuration: Fallback IP is required for GSLB_SERVICE_DOWN_RESPONSE_FALLBACK_IP",
    );
    check(|s| s.ttl = Some(86_401), "ttl 86401 must be between 0 and 86400");
}

#[test]
fn the_first_of_several_mistakes_is_told() {
    check(
        |s| {
            s.ttl = Some(-1);
            s.traffic_split = vec![split("k8s", Some(50), Some(200))];
            s.match_clusters[1].cluster = "k9s".into();
        },
        "cluster context k9s not present in GSLBConfig",
    );
}

#[test]
fn absent_weight_and_priority_are_one_and_ten() {
    let mut object = policy("global-gdp");
    object.spec.traffic_split = vec![split("k8s", None, Some(12)), split("oshift", Some(5), None)];
    let policy = validate(&object, &contexts(), "admin", &view()).unwrap();
    assert_eq!(policy.split_of("k8s"), Split { ratio: 1, priority: 12 });
    assert_eq!(policy.split_of("oshift"), Split { ratio: 5, priority: 10 });
    assert_eq!(policy.split_of("other"), Split { ratio: 1, priority: 10 });
}

#[test]
fn a_cluster_that_is_split_twice_is_told_and_its_last_entry_counts() {
    let mut object = policy("global-gdp");
    object.spec.traffic_split = vec![split("k8s", Some(3), None), split("oshift", Some(5), None)];
    assert_eq!(repeated_splits(&object.spec.traffic_split), [""; 0]);
    object.spec.traffic_split.push(split("k8s", Some(7), None));
    let told = ["trafficSplit names cluster k8s 2 times, the last entry counts; remove the others"];
    assert_eq!(repeated_splits(&object.spec.traffic_split), told);
    assert_eq!(validate(&object, &contexts(), "admin", &view()).unwrap().split_of("k8s").ratio, 7);
}

#[test]
fn a_template_gives_its_method_version_and_codes() {
    let mut object = policy("global-gdp");
    object.spec.health_monitor_template = Some("System-GSLB-HTTP".into());
    let expected = MonitorPolicy::Template(Template {
        name: "System-GSLB-HTTP".into(),
        method: "GET".into(),
        version: "HTTP/1.1".into(),
        response_codes: vec!["HTTP_2XX".into()],
    });
    assert_eq!(validate(&object, &contexts(), "admin", &view()).unwrap().monitors, expected);
    object.spec.control_plane_hm_only = Some(true);
    assert!(validate(&object, &contexts(), "admin", &view()).unwrap().control_plane_only);
}

fn config() -> Config {
    Config {
        use_custom_global_fqdn: false,
        name: "gc-1".into(),
        clusters: contexts(),
        tenant: "admin".into(),
        refresh_interval: std::time::Duration::from_secs(600),
        log_level: crate::config::LogLevel::Info,
        unknown_log_level: None,
        follows_leader: true,
        api_version: None,
        uuid: None,
    }
}

struct World {
    index: Index,
    book: PolicyBook,
}

impl World {
    fn new() -> Self {
        let mut index = Index::new("k8s");
        index.reset("k8s", vec![]);
        Self { index, book: PolicyBook::default() }
    }

    fn apply(&mut self, object: GlobalDeploymentPolicy) -> Vec<(String, String)> {
        self.index.apply("k8s", Object::GlobalDeploymentPolicy(object));
        self.review()
    }

    fn review(&mut self) -> Vec<(String, String)> {
        self.book.review(&self.index, &config(), &view()).statuses
    }

    fn delete(&mut self, name: &str) {
        let key = Object::GlobalDeploymentPolicy(policy(name)).key();
        self.index.delete("k8s", &key);
    }

    fn in_force(&self) -> Option<&Policy> {
        match self.book.in_force() {
            InForce::Policy(policy) => Some(policy),
            _ => None,
        }
    }
}

fn status(name: &str, text: &str) -> (String, String) {
    (name.to_owned(), text.to_owned())
}

// catalogue amko: 1
#[test]
fn the_first_policy_is_in_force_at_once() {
    let mut world = World::new();
    assert_eq!(world.review(), []);
    assert_eq!(world.book.in_force(), &InForce::Nothing);
    let mut object = policy("global-gdp");
    object.spec.match_clusters.truncate(1);
    assert_eq!(world.apply(object), [status("global-gdp", "success")]);
    assert_eq!(world.in_force().unwrap().clusters.keys().collect::<Vec<_>>(), ["k8s"]);
}

// catalogue amko: 127
#[test]
fn algorithms_one_after_the_other_are_told_and_only_valid_ones_count() {
    let mut world = World::new();
    let mut object = policy("global-gdp");
    assert_eq!(world.apply(object.clone()), [status("global-gdp", "success")]);
    let mut set = |algorithm: &str, hash_mask, fallback: Option<(&str, Option<i64>)>| {
        object.spec.pool_algorithm_settings = Some(PoolAlgorithmSettings {
            lb_algorithm: format!("GSLB_ALGORITHM_{algorithm}"),
            hash_mask,
            geo_fallback: fallback.map(|(algorithm, hash_mask)| GeoFallback {
                lb_algorithm: format!("GSLB_ALGORITHM_{algorithm}"),
                hash_mask,
            }),
        });
        let told = world.apply(object.clone()).remove(0).1;
        (told, world.in_force().unwrap().algorithm)
    };
    let ok = "success".to_owned();
    let wrong = |text: &str| format!("invalid pool algorithm: {text}");
    assert_eq!(
        set("ROUND_ROBIN", None, Some(("ROUND_ROBIN", None))),
        (wrong("geoFallback not allowed for GSLB_ALGORITHM_ROUND_ROBIN"), PoolAlgorithm::RoundRobin)
    );
    let hashed = PoolAlgorithm::ConsistentHash { mask: 20 };
    assert_eq!(set("CONSISTENT_HASH", Some(20), None), (ok.clone(), hashed));
    let lacks = wrong("hashMask is required for GSLB_ALGORITHM_CONSISTENT_HASH as the geoFallback algorithm");
    assert_eq!(set("GEO", None, Some(("CONSISTENT_HASH", None))), (lacks, hashed));
    let geo = PoolAlgorithm::Geo { fallback_mask: Some(8) };
    assert_eq!(set("GEO", None, Some(("CONSISTENT_HASH", Some(8)))), (ok.clone(), geo));
    assert_eq!(set("TOPOLOGY", None, None), (ok, PoolAlgorithm::Topology));
}

// catalogue amko: 5
#[test]
fn a_second_policy_is_refused_until_the_first_is_deleted() {
    let mut world = World::new();
    assert_eq!(world.apply(policy("z-first")), [status("z-first", "success")]);
    let refused = status("a-second", "a GDP object already exists, can't add another");
    assert_eq!(world.apply(policy("a-second")), [status("z-first", "success"), refused.clone()]);
    assert_eq!(world.review()[1], refused, "it stays refused");
    world.delete("z-first");
    assert_eq!(world.review(), [status("a-second", "success")]);
    assert_eq!(world.in_force().unwrap().name, "a-second");
}

#[test]
fn an_invalid_policy_does_not_stand_in_the_way_of_a_valid_one() {
    let mut world = World::new();
    let mut object = policy("a-invalid");
    object.spec.ttl = Some(-1);
    world.apply(object);
    let statuses = world.apply(policy("b-valid"));
    assert_eq!(statuses, [status("a-invalid", "ttl -1 must be between 0 and 86400"), status("b-valid", "success")]);
    assert_eq!(world.review()[1], status("a-invalid", "a GDP object already exists, can't add another"));
}

// catalogue amko: 17
#[test]
fn an_invalid_update_leaves_the_last_valid_policy_in_force() {
    let mut world = World::new();
    let mut object = policy("global-gdp");
    object.spec.ttl = Some(10);
    world.apply(object.clone());
    object.spec.ttl = Some(20);
    object.spec.traffic_split = vec![split("k8s", Some(50), None)];
    let statuses = world.apply(object.clone());
    assert_eq!(statuses, [status("global-gdp", "traffic weight 50 must be between 1 and 20")]);
    assert_eq!(world.in_force().unwrap().ttl, Some(10));
    object.spec.traffic_split.clear();
    world.apply(object);
    assert_eq!(world.in_force().unwrap().ttl, Some(20));
}

#[test]
fn a_policy_that_was_never_valid_leaves_everything_as_it_is() {
    let mut world = World::new();
    let mut object = policy("global-gdp");
    object.spec.match_clusters[0].cluster = "k9s".into();
    world.apply(object);
    assert_eq!(world.book.in_force(), &InForce::Unknown);
}

#[test]
fn a_deleted_policy_leaves_nothing_in_force() {
    let mut world = World::new();
    world.apply(policy("global-gdp"));
    world.delete("global-gdp");
    assert_eq!(world.review(), []);
    assert_eq!(world.book.in_force(), &InForce::Nothing);
}

#[test]
fn absence_counts_only_when_all_of_the_leader_could_be_read() {
    let mut world = World::new();
    world.index.set_problems("k8s", true);
    world.review();
    assert_eq!(world.book.in_force(), &InForce::Unknown);
    world.index.set_problems("k8s", false);
    world.review();
    assert_eq!(world.book.in_force(), &InForce::Nothing);
}

// catalogue amko: 12
#[test]
fn a_policy_outside_avi_system_is_ignored_without_a_status() {
    let mut world = World::new();
    let mut object = policy("global-gdp");
    object.metadata.namespace = Some("default".into());
    assert_eq!(world.apply(object), []);
}

#[test]
fn a_policy_of_a_member_cluster_is_ignored() {
    let mut world = World::new();
    world.index.apply("oshift", Object::GlobalDeploymentPolicy(policy("global-gdp")));
    assert_eq!(world.review(), []);
}

#[test]
fn named_objects_are_looked_up() {
    let mut object = policy("global-gdp");
    object.spec.health_monitor_refs = vec!["a".into(), "b".into()];
    object.spec.site_persistence_ref = Some(String::new());
    object.spec.pki_profile_ref = Some("c".into());
    let expected =
        [Lookup::HealthMonitor("a".into()), Lookup::HealthMonitor("b".into()), Lookup::PkiProfile("c".into())];
    assert_eq!(lookups(&object.spec), expected);
}
