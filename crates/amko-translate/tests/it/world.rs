//! Clusters, objects and a policy to translate.

use std::collections::{BTreeMap, BTreeSet};

use amko_translate::{
    Config, ControllerView, Identity, InForce, Index, Inputs, KnownMonitor, Lookup, NameBook, ObjectName, Outcome,
    PolicyBook, PublishedMonitor, PublishedService, RuleBook, RuleStatus, Traffic, hold, translate,
};
use k8s_crds::{GlobalDeploymentPolicy, LabelSelector, MatchCluster, Object, ObjectKey, TrafficSplit};
use serde_json::{Value, json};

/// UUID of the identity; the one in the specification's examples.
pub(crate) const UUID: &str = "3e328a5c-a717-11ed-a422-0a580a80025b";

/// Everything that a translation depends on.
pub(crate) struct World {
    pub(crate) index: Index,
    pub(crate) config: Config,
    pub(crate) gdp: GlobalDeploymentPolicy,
    pub(crate) view: ControllerView,
    pub(crate) published: (Vec<PublishedService>, Vec<PublishedMonitor>),
    pub(crate) book: PolicyBook,
    pub(crate) rules: RuleBook,
    pub(crate) rule_statuses: Vec<RuleStatus>,
    pub(crate) standing: BTreeMap<ObjectName, Traffic>,
    pub(crate) doubtful: BTreeSet<(String, Lookup)>,
    pub(crate) placed: BTreeMap<amko_translate::ObjectRef, String>,
    pub(crate) names: NameBook,
}

impl World {
    /// Clusters `k8s` (leader) and `oshift`, both selected by address only, label `app: gslb`.
    pub(crate) fn new() -> Self {
        let mut index = Index::new("k8s");
        index.reset("k8s", vec![]);
        index.reset("oshift", vec![]);
        let mut gdp = GlobalDeploymentPolicy::default();
        gdp.metadata.name = Some("global-gdp".into());
        gdp.metadata.namespace = Some("avi-system".into());
        gdp.spec.match_rules.app_selector = selector("app", "gslb");
        gdp.spec.match_clusters =
            ["k8s", "oshift"].map(|c| MatchCluster { cluster: c.into(), sync_vip_only: Some(true) }).to_vec();
        let config = Config {
            name: "gc-1".into(),
            clusters: vec!["k8s".into(), "oshift".into()],
            tenant: "admin".into(),
            refresh_interval: std::time::Duration::from_secs(600),
            log_level: amko_translate::LogLevel::Info,
            unknown_log_level: None,
            follows_leader: true,
            api_version: None,
            use_custom_global_fqdn: false,
            uuid: None,
        };
        let monitor = |kind: &str| KnownMonitor {
            is_federated: true,
            kind: format!("HEALTH_MONITOR_{kind}"),
            http_request: "GET /health HTTP/1.1".into(),
            http_response_code: vec!["HTTP_2XX".into()],
        };
        let named = |name: &str| ("admin".to_owned(), name.to_owned());
        let view = ControllerView {
            monitors: [(named("my-hm1"), monitor("HTTP")), (named("my-hm2"), monitor("TCP"))].into(),
            persistence_profiles: [named("gslb-persistence")].into(),
            pki_profiles: [named("pki-a"), named("pki-b")].into(),
            third_party_sites: ["azure".to_owned()].into(),
        };
        Self {
            index,
            config,
            gdp,
            view,
            published: (vec![], vec![]),
            book: PolicyBook::default(),
            rules: RuleBook::default(),
            rule_statuses: vec![],
            standing: BTreeMap::new(),
            doubtful: BTreeSet::new(),
            placed: BTreeMap::new(),
            names: NameBook::default(),
        }
    }

    pub(crate) fn outcome(&mut self) -> Outcome {
        if !self.gdp.metadata.name.as_deref().unwrap_or_default().is_empty() {
            self.index.apply("k8s", Object::GlobalDeploymentPolicy(self.gdp.clone()));
        }
        self.book.review(&self.index, &self.config, &self.view);
        self.rule_statuses = self.rules.review(&self.index, &self.config, &self.view, &self.doubtful);
        let policy = match self.book.in_force() {
            InForce::Policy(policy) => Some(policy.as_ref()),
            InForce::Nothing => None,
            InForce::Unknown => panic!("no policy was ever valid"),
        };
        let held = hold(&self.published.0, &self.published.1, &self.index, policy, self.rules.in_force());
        let outcome = translate(Inputs {
            index: &self.index,
            config: &self.config,
            policy,
            identity: &identity(),
            view: &self.view,
            held: &held,
            placed: &self.placed,
            rules: self.rules.in_force(),
            standing: &self.standing,
            names: &self.names,
        });
        self.names.note(&self.index, &outcome.aliases);
        outcome
    }

    pub(crate) fn put(&mut self, cluster: &str, object: Object) {
        self.index.apply(cluster, object);
    }

    pub(crate) fn remove(&mut self, cluster: &str, object: &Object) {
        self.index.delete(cluster, &object.key());
    }

    pub(crate) fn delete_policy(&mut self) {
        let key: ObjectKey = Object::GlobalDeploymentPolicy(self.gdp.clone()).key();
        self.gdp = GlobalDeploymentPolicy::default();
        self.index.delete("k8s", &key);
    }
}

pub(crate) fn identity() -> Identity {
    Identity::new(UUID.parse().unwrap())
}

pub(crate) fn selector(key: &str, value: &str) -> Option<LabelSelector> {
    Some(LabelSelector { label: [(key.to_owned(), value.to_owned())].into(), ..LabelSelector::default() })
}

pub(crate) fn split(cluster: &str, weight: i64, priority: i64) -> TrafficSplit {
    TrafficSplit { cluster: cluster.into(), weight: Some(weight), priority: Some(priority) }
}

/// An Ingress `default/name` with label `app: gslb`; one rule with path `/` and one status entry per host.
pub(crate) fn ingress(name: &str, hosts: &[(&str, &str)]) -> Object {
    let rules: Vec<_> = hosts.iter().map(|(host, _)| json!({"host": host, "http": {"paths": []}})).collect();
    let entries: Vec<_> = hosts.iter().map(|(host, ip)| json!({"hostname": host, "ip": ip})).collect();
    object(json!({
        "kind": "Ingress",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": "gslb"}},
        "spec": {"rules": rules},
        "status": {"loadBalancer": {"ingress": entries}},
    }))
}

/// A LoadBalancer Service `default/name` with label `app: gslb`.
pub(crate) fn service(name: &str, host: &str, ip: &str, ports: &[(u16, &str)]) -> Object {
    let ports: Vec<_> = ports.iter().map(|(port, protocol)| json!({"port": port, "protocol": protocol})).collect();
    object(json!({
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": "gslb"}},
        "spec": {"type": "LoadBalancer", "ports": ports},
        "status": {"loadBalancer": {"ingress": [{"hostname": host, "ip": ip}]}},
    }))
}

/// A Route `default/name` with label `app: gslb`, served by an AKO at this address.
pub(crate) fn route(name: &str, host: &str, ip: &str) -> Object {
    object(json!({
        "kind": "Route",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": "gslb"}},
        "spec": {"host": host},
        "status": {"ingress": [{"host": host, "routerName": "ako-oshift", "conditions": [{"message": ip}]}]},
    }))
}

/// A HostRule `default/name` that AKO accepted; without a global name when that is empty.
pub(crate) fn host_rule(name: &str, host: &str, global: &str) -> Object {
    object(json!({
        "kind": "HostRule",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"virtualhost": {"fqdn": host, "gslb": {"fqdn": global}}},
        "status": {"status": "Accepted"},
    }))
}

pub(crate) fn namespace(name: &str, labels: Value, annotations: Value) -> Object {
    object(json!({"kind": "Namespace", "metadata": {"name": name, "labels": labels, "annotations": annotations}}))
}

/// The object with a JSON merge at the top: `edit(&ingress, |body| body["metadata"]["labels"] = json!({}))`.
pub(crate) fn edit(object: &Object, change: impl FnOnce(&mut Value)) -> Object {
    let mut body = match object {
        Object::Ingress(o) => serde_json::to_value(o),
        Object::Service(o) => serde_json::to_value(o),
        Object::Namespace(o) => serde_json::to_value(o),
        Object::HostRule(o) => serde_json::to_value(o),
        Object::Route(o) => serde_json::to_value(o),
        Object::GslbConfig(o) => serde_json::to_value(o),
        Object::GlobalDeploymentPolicy(o) => serde_json::to_value(o),
        other => panic!("{} is nothing that this operator reads", other.key()),
    }
    .unwrap();
    body["kind"] = object.kind().as_str().into();
    change(&mut body);
    self::object(body)
}

fn object(mut body: Value) -> Object {
    let kind = body["kind"].as_str().unwrap().to_owned();
    body["apiVersion"] = match kind.as_str() {
        "Ingress" => "networking.k8s.io/v1".into(),
        _ => "v1".into(),
    };
    match kind.as_str() {
        "Ingress" => Object::Ingress(serde_json::from_value(body).unwrap()),
        "Service" => Object::Service(serde_json::from_value(body).unwrap()),
        "Namespace" => Object::Namespace(serde_json::from_value(body).unwrap()),
        "HostRule" => Object::HostRule(serde_json::from_value(body).unwrap()),
        "Route" => Object::Route(serde_json::from_value(body).unwrap()),
        other => panic!("{other}"),
    }
}

pub(crate) fn name(name: &str) -> ObjectName {
    ObjectName { tenant: "admin".into(), name: name.into() }
}

/// Services with their members, one line each: `foo.avi.com: 10.1.1.1*6@10(k8s) …` as address*ratio@priority(cluster).
pub(crate) fn services(outcome: &Outcome) -> Vec<String> {
    let lines = outcome.desired.services.values().map(|service| {
        let members: Vec<_> = service
            .members()
            .map(|(priority, m)| format!("{}*{}@{priority}({})", m.address, m.ratio, m.object.cluster))
            .collect();
        format!("{}: {}", service.name.name, members.join(" "))
    });
    lines.collect()
}

/// Rejected objects with their reasons, one line each.
pub(crate) fn rejections(outcome: &Outcome) -> Vec<String> {
    outcome.selection.rejected.iter().map(|r| format!("{}: {}", r.object.spoken(), r.reason)).collect()
}

/// What the monitors do, one line each.
pub(crate) fn monitors(outcome: &Outcome) -> Vec<String> {
    let body = |m: &amko_translate::HealthMonitor| m.to_body();
    let lines = outcome.desired.monitors.values().map(|m| {
        let kind = m.kind().trim_start_matches("HEALTH_MONITOR_");
        let request = ["http_monitor", "https_monitor"]
            .iter()
            .find_map(|key| body(m)[key]["http_request"].as_str().map(str::to_owned))
            .unwrap_or_default();
        format!("{kind} {} {request}", body(m)["monitor_port"]).trim_end().to_owned()
    });
    let mut lines: Vec<_> = lines.collect();
    lines.sort();
    lines
}
