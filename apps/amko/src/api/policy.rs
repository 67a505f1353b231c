//! The policy in force as a filter, and the rules in force (amko 8.1).

use amko_translate::{HostRule, MonitorPolicy, Policy, RulePersistence, Selector};
use serde_json::{Map, Value, json};

use super::{Picture, graph};

/// The policy in force; nothing is selected and nothing set where there is none.
pub(super) fn filter(picture: &Picture) -> Value {
    let policy = picture.outcome.as_ref().and_then(|outcome| outcome.policy.as_ref());
    let namespaces = policy.and_then(|policy| policy.namespace_selector.as_ref()).map(|selector| {
        let selected = selected_namespaces(picture, policy, selector);
        let mut filter = label(selector);
        filter["Checksum"] = checksum(&selected).into();
        filter["SelectedNS"] = selected;
        filter["Lock"] = json!({});
        filter
    });
    let split = policy
        .into_iter()
        .flat_map(|policy| &policy.split)
        .map(|(cluster, split)| json!({"ClusterName": cluster, "Weight": split.ratio, "Priority": split.priority}));
    let clusters = policy.into_iter().flat_map(|policy| &policy.clusters);
    let clusters = clusters.map(|(cluster, is_vip_only)| (cluster.clone(), json!({"SyncVipsOnly": is_vip_only})));
    let (refs, template) = monitors(policy.map(|policy| &policy.monitors));
    let mut filter = json!({
        "AppFilter": policy.and_then(|policy| policy.app_selector.as_ref()).map(label),
        "NSFilter": namespaces,
        "TrafficSplit": split.collect::<Vec<_>>(),
        "ApplicableClusters": clusters.collect::<Map<_, _>>(),
        "HealthMonitorRefs": refs,
        "HealthMonitorTemplate": template,
        "SitePersistenceRef": policy.and_then(|policy| policy.persistence.as_ref()),
        "PkiProfileRef": policy.and_then(|policy| policy.pki_profile.as_ref()),
        "TTL": policy.and_then(|policy| policy.ttl),
        "GslbPoolAlgorithm": policy.map(|policy| graph::algorithm(policy.algorithm)),
        "GslbDownResponse": policy.and_then(|policy| policy.down_response).map(graph::down_response),
        "ControlPlaneHmOnly": policy.is_some_and(|policy| policy.control_plane_only),
        "DefaultDomain": policy.and_then(|policy| policy.default_domain.as_deref()).unwrap_or_default(),
    });
    filter["Checksum"] = checksum(&filter).into();
    filter["GlobalLock"] = json!({});
    filter
}

/// Names of the monitors that are attached, and of the template.
fn monitors(monitors: Option<&MonitorPolicy>) -> (&[String], Option<&str>) {
    match monitors {
        Some(MonitorPolicy::Refs(names)) => (names, None),
        Some(MonitorPolicy::Template(template)) => (&[], Some(template.name.as_str())),
        Some(MonitorPolicy::Generated) | None => (&[], None),
    }
}

/// The label that AMKO can show; a selector that asks for more is shown as `kubectl` takes it.
fn label(selector: &Selector) -> Value {
    match selector.pair() {
        Some((key, value)) => json!({"Key": key, "Value": value}),
        None => json!({"Key": "", "Value": "", "Selector": selector.to_string()}),
    }
}

/// Namespaces that are selected, by cluster.
fn selected_namespaces(picture: &Picture, policy: Option<&Policy>, selector: &Selector) -> Value {
    let clusters = policy.into_iter().flat_map(|policy| policy.clusters.keys());
    let selected = clusters.map(|cluster| {
        let all = picture.index.namespaces(cluster);
        let names = all.filter(|namespace| selector.unmet(namespace.metadata.labels.as_ref()).is_none());
        (cluster.clone(), names.filter_map(|namespace| namespace.metadata.name.clone()).collect())
    });
    Value::Object(selected.collect())
}

/// The rules in force, or the one of a global name; `null` where it has none.
pub(super) fn rules(picture: &Picture, fqdn: Option<&str>) -> Value {
    let rules = picture.outcome.iter().flat_map(|outcome| outcome.rules.values());
    let mut bodies = rules.filter(|rule| fqdn.is_none_or(|fqdn| fqdn == rule.fqdn)).map(rule);
    match fqdn {
        Some(_) => bodies.next().unwrap_or(Value::Null),
        None => bodies.collect(),
    }
}

/// Inner objects have the names of the custom resource (amko 2.3).
fn rule(rule: &HostRule) -> Value {
    let (refs, template) = monitors(rule.monitors.as_ref());
    let persistence = rule.persistence.as_ref().map(|persistence| match persistence {
        RulePersistence::Off => json!({"enabled": false}),
        RulePersistence::On { profile, pki_profile } => {
            json!({"enabled": true, "profileRef": profile, "pkiProfileRef": pki_profile})
        }
    });
    let split = rule
        .split
        .iter()
        .map(|(cluster, split)| json!({"cluster": cluster, "weight": split.ratio, "priority": split.priority}));
    let public_ips = rule.public_ips.iter().map(|(cluster, ip)| json!({"cluster": cluster, "ip": ip.to_string()}));
    let third_party = rule.third_party.iter().map(|party| {
        json!({
            "site": party.site,
            "vip": party.vip.to_string(),
            "publicIP": party.public_ip.map_or_else(String::new, |ip| ip.to_string()),
        })
    });
    let mut body = json!({
        "GSFqdn": rule.fqdn,
        "HmRefs": refs,
        "HmTemplate": template,
        "SitePersistence": persistence,
        "TTL": rule.ttl,
        "TrafficSplit": split.collect::<Vec<_>>(),
        "PublicIP": public_ips.collect::<Vec<_>>(),
        "ThirdPartyMembers": third_party.collect::<Vec<_>>(),
        "GslbPoolAlgorithm": rule.algorithm.map(graph::algorithm),
        "GslbDownResponse": rule.down_response.map(graph::down_response),
        "ControlPlaneHmOnly": rule.control_plane_only,
    });
    body["Checksum"] = checksum(&body).into();
    body["Lock"] = json!({});
    body
}

/// FNV-1a, 32 bits, of the JSON: tells whether two are the same, and nothing else (amko 5.7).
pub(super) fn checksum(body: &Value) -> u32 {
    body.to_string().bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
