//! A cluster to translate. As in ako 14: cluster name `cluster`, tenant `admin`, LARGE, domains `.com` and
//! `avi.internal`; the class `avi-lb` is the default one.

use std::collections::{BTreeMap, BTreeSet};

use ako_translate::{
    Cloud, CloudKind, ClusterObject, Index, Kind, NamespacedName, Object, ObjectType, Outcome, Settings, Site, Spec,
    Translator,
};
use serde_json::{Value, json};

/// A certificate and a key that look like ones.
pub(crate) const CERTIFICATE: &str = include_str!("../data/one.pem");
/// Another one of the same key.
pub(crate) const RENEWED: &str = include_str!("../data/renewed.pem");
pub(crate) const KEY: &str = include_str!("../data/one.key");

pub(crate) struct World {
    pub(crate) index: Index,
    pub(crate) values: BTreeMap<String, String>,
    pub(crate) cloud: Cloud,
    pub(crate) kept: BTreeSet<(String, u32)>,
    pub(crate) translator: Option<Translator>,
}

impl World {
    pub(crate) fn new() -> Self {
        let values = [
            ("clusterName", "cluster"),
            ("enableEVH", "true"),
            ("vipNetworkList", r#"[{"networkName":"vip-net","cidr":"10.10.25.0/24"}]"#),
        ];
        let mut world = Self {
            index: Index::default(),
            values: values.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            cloud: Cloud {
                kind: CloudKind::None,
                domains: Some(vec![".com".into(), "avi.internal".into()]),
                vrf: "global".into(),
                is_enterprise: true,
            },
            kept: BTreeSet::new(),
            translator: None,
        };
        world.put(class("avi-lb", "ako.vmware.com/avi-lb", true));
        world
    }

    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.values.insert(key.to_owned(), value.to_owned());
    }

    pub(crate) fn put(&mut self, object: ClusterObject) {
        self.index.apply(object);
    }

    pub(crate) fn delete(&mut self, kind: Kind, name: &str) {
        self.index.delete(kind, &named(name));
    }

    pub(crate) fn site(&self) -> Site {
        Site::new(Settings::parse(&self.values, "avi-system").unwrap(), self.cloud.clone())
    }

    /// Translates with what was kept from before.
    pub(crate) fn outcome(&mut self) -> Outcome {
        let site = self.site();
        let translator = self.translator.get_or_insert_with(|| Translator::new(site.clone()));
        translator.set_site(site);
        translator.translate(&self.index, &self.kept)
    }
}

/// `ns/name`, or `default/name`.
pub(crate) fn named(name: &str) -> NamespacedName {
    let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
    NamespacedName::new(namespace, name)
}

/// An Ingress `ns/name` with rules `host` and `/path=service:port`; the port may be left out.
pub(crate) fn ingress(name: &str, rules: &[(&str, &[&str])]) -> ClusterObject {
    ingress_with(name, rules, |_| {})
}

pub(crate) fn ingress_with(name: &str, rules: &[(&str, &[&str])], change: impl FnOnce(&mut Value)) -> ClusterObject {
    let name = named(name);
    let rules: Vec<Value> = rules
        .iter()
        .map(|(host, paths)| {
            let paths: Vec<Value> = paths.iter().map(|path| path_of(path)).collect();
            json!({"host": host, "http": {"paths": paths}})
        })
        .collect();
    let mut body = json!({"metadata": {"name": name.name, "namespace": name.namespace, "uid": name.to_string(),
        "annotations": {}}, "spec": {"rules": rules}});
    change(&mut body);
    ClusterObject::Ingress(serde_json::from_value(body).unwrap())
}

/// `/path=service:port`; `==` for an exact path.
fn path_of(text: &str) -> Value {
    let (path, backend) = text.split_once('=').unwrap();
    let (kind, backend) = backend.strip_prefix('=').map_or(("Prefix", backend), |backend| ("Exact", backend));
    let (service, port) = backend.split_once(':').unwrap_or((backend, "80"));
    let port = match port.parse::<u16>() {
        Ok(number) => json!({"number": number}),
        Err(_) => json!({"name": port}),
    };
    json!({"path": path, "pathType": kind, "backend": {"service": {"name": service, "port": port}}})
}

/// Created so many seconds after all began.
pub(crate) fn created(at: u32) -> impl FnOnce(&mut Value) {
    move |body| body["metadata"]["creationTimestamp"] = format!("2026-01-01T00:{:02}:{:02}Z", at / 60, at % 60).into()
}

pub(crate) fn tls(hosts: &'static [&'static str], secret: &'static str) -> impl FnOnce(&mut Value) {
    move |body| body["spec"]["tls"] = json!([{"hosts": hosts, "secretName": secret}])
}

/// A Service with port 80 to 8080, and a slice with such pods.
pub(crate) fn web(name: &str, pods: &[&str]) -> [ClusterObject; 2] {
    [service(name, json!({"ports": [{"port": 80, "targetPort": 8080}]})), slice(name, 8080, pods)]
}

pub(crate) fn service(name: &str, spec: Value) -> ClusterObject {
    service_with(name, json!({}), spec)
}

pub(crate) fn service_with(name: &str, annotations: Value, spec: Value) -> ClusterObject {
    let name = named(name);
    let metadata = json!({"name": name.name, "namespace": name.namespace, "annotations": annotations});
    ClusterObject::Service(serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap())
}

/// A slice of a Service; a pod is `address`, `address@node`, with `!` in front when it is not ready, `-` when it goes.
pub(crate) fn slice(service: &str, port: u16, pods: &[&str]) -> ClusterObject {
    slice_named(&format!("{service}-1"), service, json!([{"port": port, "protocol": "TCP"}]), pods)
}

pub(crate) fn slice_named(name: &str, service: &str, ports: Value, pods: &[&str]) -> ClusterObject {
    let (service, name) = (named(service), named(name));
    let endpoints: Vec<Value> = pods
        .iter()
        .map(|pod| {
            let (address, node) = pod.trim_start_matches(['!', '-']).split_once('@').unwrap_or((pod, ""));
            let mut endpoint = json!({"addresses": [address.trim_start_matches(['!', '-'])],
                "conditions": {"ready": !pod.starts_with(['!', '-']), "terminating": pod.starts_with('-')}});
            if !node.is_empty() {
                endpoint["nodeName"] = node.into();
            }
            endpoint
        })
        .collect();
    let body = json!({
        "metadata": {"name": name.name, "namespace": service.namespace,
            "labels": {"kubernetes.io/service-name": service.name}},
        "addressType": "IPv4", "ports": ports, "endpoints": endpoints});
    ClusterObject::EndpointSlice(serde_json::from_value(body).unwrap())
}

pub(crate) fn secret(name: &str, certificate: &str, key: &str) -> ClusterObject {
    secret_of(name, &[("tls.crt", certificate), ("tls.key", key)])
}

pub(crate) fn secret_of(name: &str, data: &[(&str, &str)]) -> ClusterObject {
    let name = named(name);
    let mut secret = k8s_openapi::api::core::v1::Secret::default();
    secret.metadata.name = Some(name.name);
    secret.metadata.namespace = Some(name.namespace);
    let data = data.iter().map(|(key, value)| ((*key).to_owned(), k8s_openapi::ByteString(value.as_bytes().to_vec())));
    secret.data = Some(data.collect());
    ClusterObject::Secret(secret)
}

pub(crate) fn class(name: &str, controller: &str, is_default: bool) -> ClusterObject {
    let annotations = json!({"ingressclass.kubernetes.io/is-default-class": is_default.to_string()});
    let body = json!({"metadata": {"name": name, "annotations": annotations}, "spec": {"controller": controller}});
    ClusterObject::IngressClass(serde_json::from_value(body).unwrap())
}

pub(crate) fn namespace(name: &str, labels: Value, annotations: Value) -> ClusterObject {
    let body = json!({"metadata": {"name": name, "labels": labels, "annotations": annotations}});
    ClusterObject::Namespace(serde_json::from_value(body).unwrap())
}

pub(crate) fn node(name: &str, address: &str, cidrs: &[&str]) -> ClusterObject {
    node_with(name, address, cidrs, json!({}), json!({}))
}

pub(crate) fn node_with(name: &str, address: &str, cidrs: &[&str], labels: Value, annotations: Value) -> ClusterObject {
    let body = json!({
        "metadata": {"name": name, "labels": labels, "annotations": annotations},
        "spec": {"podCIDRs": cidrs},
        "status": {"addresses": [{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": address}]}});
    ClusterObject::Node(serde_json::from_value(body).unwrap())
}

/// Servers of the only pool, `address:port`, with `!` in front of one that is disabled.
pub(crate) fn servers(outcome: &Outcome) -> Vec<String> {
    let pools = pools(outcome);
    assert_eq!(pools.len(), 1, "{pools:?}");
    pools.into_iter().next().unwrap().1
}

/// Servers of each pool, by `ns/ingress path` or by port.
pub(crate) fn pools(outcome: &Outcome) -> BTreeMap<String, Vec<String>> {
    let named = |object: &Object| match &object.spec {
        Spec::Pool(pool) => {
            let name = match (&pool.metadata.ingress, object.markers.port) {
                (Some(ingress), _) => {
                    format!("{ingress} {}{}", object.markers.hosts[0], object.markers.paths.join(","))
                }
                (None, port) => port.unwrap_or_default().to_string(),
            };
            let servers = pool.servers.iter().map(|server| {
                let mark = if server.enabled { "" } else { "!" };
                format!("{mark}{}:{}", server.address, server.port)
            });
            Some((name, servers.collect()))
        }
        _ => None,
    };
    outcome.desired.objects().filter_map(named).collect()
}

/// What is left out, one line each.
pub(crate) fn left_out(outcome: &Outcome) -> Vec<String> {
    outcome.left_out.iter().map(ToString::to_string).collect()
}

/// Hosts that are served, ascending.
pub(crate) fn hosts(outcome: &Outcome) -> Vec<String> {
    let children = outcome.desired.objects().filter(|object| object.key.kind == ObjectType::ChildVirtualService);
    let mut hosts: Vec<String> = children.map(|child| child.markers.hosts[0].clone()).collect();
    hosts.sort();
    hosts
}

/// Bodies of all objects of a type, in order.
pub(crate) fn bodies(outcome: &Outcome, kind: ObjectType) -> Vec<Value> {
    let site = &outcome.desired.site;
    outcome.desired.objects().filter(|object| object.key.kind == kind).map(|object| object.to_body(site)).collect()
}

/// Everything that a translation says, as text that compares.
pub(crate) fn all(outcome: &Outcome) -> String {
    let site = &outcome.desired.site;
    let mut lines: Vec<String> = outcome.desired.objects().map(|object| object.to_body(site).to_string()).collect();
    lines.extend(left_out(outcome));
    lines.push(format!("{:?} {:?} {:?}", outcome.desired.routes, outcome.ingresses, outcome.services));
    lines.join("\n")
}
