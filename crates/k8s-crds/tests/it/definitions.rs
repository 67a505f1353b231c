//! The schemas know the fields of the types, no more and no less, and refuse what amko 2 refuses.

use std::collections::{BTreeMap, BTreeSet};

use k8s_crds::{
    Acceptance, AddressEntry, AmkoCluster, AmkoClusterCondition, AmkoClusterLeader, AmkoClusterSpec, AmkoClusterStatus,
    BackendService, BalancedAt, ClusterSet, ClusterSetSpec, DownResponse, GeoFallback, GlobalDeploymentPolicy,
    GlobalDeploymentPolicySpec, GlobalDeploymentPolicyStatus, GslbConfig, GslbConfigSpec, GslbConfigStatus,
    GslbHostRule, GslbHostRuleSpec, GslbHostRuleStatus, GslbLeader, ImportedEndpoint, ImportedPort, Kind,
    LabelRequirement, LabelSelector, MatchCluster, MatchRules, MemberCluster, MultiClusterBackend, MultiClusterIngress,
    MultiClusterIngressSpec, MultiClusterIngressStatus, PoolAlgorithmSettings, PublicIp, ServiceImport,
    ServiceImportSpec, SetMember, SitePersistence, ThirdPartyMember, TrafficSplit, definitions,
};
use serde::Serialize;
use serde_json::{Value, json};

/// The definition of a kind.
fn definition(kind: &str) -> Value {
    let mut all = definitions().into_iter().map(|(_, definition)| definition);
    all.find(|definition| definition["spec"]["names"]["kind"] == kind).unwrap()
}

fn schema(kind: &str) -> Value {
    definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// Paths of fields in a schema, `spec.trafficSplit.weight`.
fn fields_of_schema(schema: &Value, path: &str, fields: &mut BTreeSet<String>) {
    if let Some(items) = schema.get("items") {
        return fields_of_schema(items, path, fields);
    }
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    for (name, schema) in properties {
        let path = format!("{path}.{name}");
        fields_of_schema(schema, &path, fields);
        fields.insert(path);
    }
}

fn fields_of_value(value: &Value, path: &str, fields: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| fields_of_value(item, path, fields)),
        Value::Object(entries) if !path.ends_with(".label") && !path.ends_with(".matchLabels") => {
            for (name, value) in entries {
                let path = format!("{path}.{name}");
                fields_of_value(value, &path, fields);
                fields.insert(path);
            }
        }
        _ => {}
    }
}

/// `full` has a value in each field, so that each is written.
#[track_caller]
fn check(kind: &str, full: impl Serialize) {
    let (mut known, mut written) = (BTreeSet::new(), BTreeSet::new());
    fields_of_schema(&schema(kind), "", &mut known);
    fields_of_value(&serde_json::to_value(full).unwrap(), "", &mut written);
    written.extend([".apiVersion".to_owned(), ".kind".to_owned()]);
    assert_eq!(known, written);
}

#[test]
fn each_field_of_the_types_is_in_the_schema() {
    let text = || Some("x".to_owned());
    let pairs: BTreeMap<_, _> = [("x".to_owned(), "x".to_owned())].into();
    let requirement = LabelRequirement { values: vec!["x".to_owned()], ..LabelRequirement::default() };
    let selector = LabelSelector { label: pairs.clone(), match_labels: pairs, match_expressions: vec![requirement] };
    check(
        Kind::GslbConfig.as_str(),
        GslbConfig {
            metadata: Default::default(),
            spec: GslbConfigSpec {
                gslb_leader: GslbLeader { tenant: text(), ..Default::default() },
                member_clusters: vec![MemberCluster::default()],
                refresh_interval: Some(1),
                log_level: text(),
                use_custom_global_fqdn: Some(true),
            },
            status: Some(GslbConfigStatus { controller: text(), ..GslbConfigStatus::default() }),
        },
    );
    check(
        Kind::GlobalDeploymentPolicy.as_str(),
        GlobalDeploymentPolicy {
            metadata: Default::default(),
            spec: GlobalDeploymentPolicySpec {
                match_rules: MatchRules { app_selector: Some(selector.clone()), namespace_selector: Some(selector) },
                match_clusters: vec![MatchCluster { sync_vip_only: Some(true), ..Default::default() }],
                traffic_split: vec![TrafficSplit { weight: Some(1), priority: Some(1), ..Default::default() }],
                ttl: Some(1),
                control_plane_hm_only: Some(true),
                health_monitor_refs: vec!["x".to_owned()],
                health_monitor_template: text(),
                site_persistence_ref: text(),
                pki_profile_ref: text(),
                default_domain: text(),
                pool_algorithm_settings: Some(PoolAlgorithmSettings {
                    hash_mask: Some(1),
                    geo_fallback: Some(GeoFallback { hash_mask: Some(1), ..Default::default() }),
                    ..Default::default()
                }),
                down_response: Some(DownResponse { fallback_ip: text(), ..Default::default() }),
            },
            status: Some(GlobalDeploymentPolicyStatus { warnings: Some(vec!["x".to_owned()]), ..Default::default() }),
        },
    );
}

#[test]
fn each_field_of_a_host_rule_is_in_the_schema() {
    let text = || Some("x".to_owned());
    check(
        Kind::GslbHostRule.as_str(),
        GslbHostRule {
            metadata: Default::default(),
            spec: GslbHostRuleSpec {
                fqdn: "x".to_owned(),
                ttl: Some(1),
                site_persistence: Some(SitePersistence { enabled: true, profile_ref: text(), pki_profile_ref: text() }),
                third_party_members: vec![ThirdPartyMember { public_ip: text(), ..Default::default() }],
                control_plane_hm_only: Some(true),
                health_monitor_refs: vec!["x".to_owned()],
                health_monitor_template: text(),
                pool_algorithm_settings: Some(PoolAlgorithmSettings {
                    hash_mask: Some(1),
                    geo_fallback: Some(GeoFallback { hash_mask: Some(1), ..Default::default() }),
                    ..Default::default()
                }),
                traffic_split: vec![TrafficSplit { weight: Some(1), priority: Some(1), ..Default::default() }],
                public_ip: vec![PublicIp::default()],
                down_response: Some(DownResponse { fallback_ip: text(), ..Default::default() }),
            },
            status: Some(GslbHostRuleStatus { warnings: Some(vec!["x".to_owned()]), ..Default::default() }),
        },
    );
}

#[test]
fn each_field_of_a_multi_cluster_ingress_is_in_the_schema() {
    let text = || Some("x".to_owned());
    check(
        "MultiClusterIngress",
        MultiClusterIngress {
            metadata: Default::default(),
            spec: MultiClusterIngressSpec {
                host_name: "x".to_owned(),
                secret_name: text(),
                config: vec![MultiClusterBackend {
                    path: text(),
                    cluster: "x".to_owned(),
                    weight: Some(1),
                    service: BackendService::default(),
                }],
            },
            status: Some(MultiClusterIngressStatus {
                load_balancer: BalancedAt { ingress: vec![AddressEntry { hostname: text(), ip: text() }] },
                status: Some(Acceptance::default()),
            }),
        },
    );
}

#[test]
fn each_field_of_an_import_and_of_a_set_is_in_the_schema() {
    let ports = vec![ImportedPort { port: 80, endpoints: vec![ImportedEndpoint::default()] }];
    let spec = ServiceImportSpec { svc_ports: ports, ..Default::default() };
    check("ServiceImport", ServiceImport { metadata: Default::default(), spec });
    let spec = ClusterSetSpec { clusters: vec![SetMember::default()], ..Default::default() };
    check("ClusterSet", ClusterSet { metadata: Default::default(), spec });
}

#[test]
fn kinds_of_ako_have_their_short_names_and_a_status_of_its_own() {
    let definition = definition("MultiClusterIngress");
    assert_eq!(definition["metadata"]["name"], "multiclusteringresses.ako.vmware.com");
    assert_eq!(definition["spec"]["names"]["shortNames"][0], "mci");
    let version = &definition["spec"]["versions"][0];
    assert_eq!((&version["name"], version["subresources"].get("status").is_some()), (&"v1alpha1".into(), true));
}

#[test]
fn each_field_of_a_cluster_s_part_is_in_the_schema_and_its_status_is_apart() {
    check(
        "AMKOCluster",
        AmkoCluster {
            metadata: Default::default(),
            spec: AmkoClusterSpec { clusters: vec!["x".to_owned()], leader_election: Some(true), ..Default::default() },
            status: Some(AmkoClusterStatus {
                conditions: vec![AmkoClusterCondition::default()],
                leader: Some(AmkoClusterLeader { term: Some(1), ..Default::default() }),
            }),
        },
    );
    let definition = definition("AMKOCluster");
    assert_eq!(definition["metadata"]["name"], "amkoclusters.amko.vmware.com");
    let version = &definition["spec"]["versions"][0];
    assert_eq!((&version["name"], &version["subresources"]), (&json!("v1alpha1"), &json!({"status": {}})));
    assert_eq!(version["schema"]["openAPIV3Schema"].get("required"), None, "amko 2: no spec is required");
}

#[test]
fn status_is_written_on_the_main_resource_and_short_names_are_those_of_the_original() {
    for (kind, name, short, version) in [
        (Kind::GslbConfig, "gslbconfigs.amko.vmware.com", "gc", "v1alpha1"),
        (Kind::GlobalDeploymentPolicy, "globaldeploymentpolicies.amko.vmware.com", "gdp", "v1alpha2"),
        (Kind::GslbHostRule, "gslbhostrules.amko.vmware.com", "ghr", "v1alpha1"),
    ] {
        let definition = definition(kind.as_str());
        assert_eq!(definition["metadata"]["name"], name);
        assert_eq!(definition["spec"]["names"]["shortNames"][0], short);
        let versions = definition["spec"]["versions"].as_array().unwrap();
        assert_eq!(versions.len(), 1);
        assert_eq!(versions[0]["name"], version);
        assert_eq!(versions[0].get("subresources"), None);
        assert_eq!(versions[0].get("additionalPrinterColumns"), None);
    }
}

#[test]
fn limits_are_those_of_the_specification() {
    let schema = schema(Kind::GlobalDeploymentPolicy.as_str());
    let limits = |path: &str| {
        let schema = schema.pointer(&format!("/properties/spec/properties/{path}")).unwrap();
        (schema["minimum"].as_i64().unwrap(), schema["maximum"].as_i64().unwrap(), schema["default"].as_i64())
    };
    assert_eq!(limits("ttl"), (0, 86_400, None));
    assert_eq!(limits("trafficSplit/items/properties/weight"), (1, 20, Some(1)));
    assert_eq!(limits("trafficSplit/items/properties/priority"), (0, 100, Some(10)));
    assert_eq!(limits("poolAlgorithmSettings/properties/hashMask"), (1, 31, None));
    assert_eq!(limits("poolAlgorithmSettings/properties/geoFallback/properties/hashMask"), (1, 31, None));
}
