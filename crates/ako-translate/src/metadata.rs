//! Markers and `service_metadata`: what an object says about where it comes from (ako 2.4, 2.5).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::NamespacedName;

/// Markers beside `clustername`. Empty ones are not written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Markers {
    /// `Namespace`.
    pub namespace: Option<String>,
    /// `Host`.
    pub hosts: Vec<String>,
    /// `ServiceName`.
    pub service: Option<String>,
    /// `Path`.
    pub paths: Vec<String>,
    /// `Port`.
    pub port: Option<u16>,
    /// `Protocol`.
    pub protocols: Vec<String>,
    /// `IngressName`.
    pub ingresses: Vec<String>,
}

/// What `service_metadata` says; the keys that stay empty in this release are only written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceMetadata {
    /// `namespace_ingress_name`: of a child, every Ingress that shares the host.
    pub ingresses: Vec<NamespacedName>,
    /// `ingress_name` and `namespace`, of a pool.
    pub ingress: Option<NamespacedName>,
    /// `hostnames`.
    pub hosts: Vec<String>,
    /// `namespace_svc_name`, of the virtual service of a Service.
    pub services: Vec<NamespacedName>,
    /// `fqdn_reuse_policy`, of a child.
    pub strict_hosts: Option<bool>,
    /// `host_namespace_ingress_name`, of a child.
    pub ingresses_by_host: BTreeMap<String, Vec<NamespacedName>>,
}

impl Markers {
    /// The list `markers`, in the order of ako 2.4.
    #[must_use]
    pub fn to_value(&self, cluster: &str) -> Value {
        let one = |value: &Option<String>| value.iter().cloned().collect::<Vec<_>>();
        let all = [
            ("clustername", vec![cluster.to_owned()]),
            ("Namespace", one(&self.namespace)),
            ("Host", self.hosts.clone()),
            ("ServiceName", one(&self.service)),
            ("Path", self.paths.clone()),
            ("Port", self.port.iter().map(ToString::to_string).collect()),
            ("Protocol", self.protocols.clone()),
            ("IngressName", self.ingresses.clone()),
        ];
        let set = all.into_iter().filter(|(_, values)| !values.is_empty());
        set.map(|(key, values)| json!({"key": key, "values": values})).collect()
    }
}

impl ServiceMetadata {
    /// The text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let names = |names: &[NamespacedName]| -> Value {
            if names.is_empty() { Value::Null } else { names.iter().map(ToString::to_string).collect() }
        };
        let by_host: serde_json::Map<String, Value> =
            self.ingresses_by_host.iter().map(|(host, of)| (host.clone(), names(of))).collect();
        json!({
            "namespace_ingress_name": names(&self.ingresses),
            "ingress_name": self.ingress.as_ref().map(|ingress| ingress.name.as_str()).unwrap_or_default(),
            "namespace": self.ingress.as_ref().map(|ingress| ingress.namespace.as_str()).unwrap_or_default(),
            "hostnames": if self.hosts.is_empty() { Value::Null } else { json!(self.hosts) },
            "namespace_svc_name": names(&self.services),
            "crd_status": {"type": "", "value": "", "status": ""},
            "pool_ratio": 0,
            "passthrough_parent_ref": "",
            "passthrough_child_ref": "",
            "gateway": "",
            "httproute": "",
            "httproute_rule_name": "",
            "insecureedgetermallow": false,
            "is_mci_ingress": false,
            "fqdn_reuse_policy": match self.strict_hosts {
                Some(true) => "Strict",
                Some(false) => "InterNamespaceAllowed",
                None => "",
            },
            "host_namespace_ingress_name": if by_host.is_empty() { Value::Null } else { Value::Object(by_host) },
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_come_in_the_order_of_the_specification() {
        let markers = Markers {
            namespace: Some("default".into()),
            hosts: vec!["shop.example.com".into()],
            service: Some("web".into()),
            paths: vec!["/a".into(), "/b".into()],
            port: None,
            protocols: vec![],
            ingresses: vec!["shop".into()],
        };
        let value = markers.to_value("prod1");
        let keys: Vec<_> = value.as_array().unwrap().iter().map(|marker| marker["key"].as_str().unwrap()).collect();
        assert_eq!(keys, ["clustername", "Namespace", "Host", "ServiceName", "Path", "IngressName"], "ako 2.4");
        assert_eq!(value[4]["values"], json!(["/a", "/b"]));
        assert_eq!(Markers::default().to_value("prod1"), json!([{"key": "clustername", "values": ["prod1"]}]));
    }

    #[test]
    fn all_keys_are_always_there() {
        let text = ServiceMetadata {
            ingress: Some(NamespacedName::new("default", "shop")),
            hosts: vec!["shop.example.com".into()],
            ..ServiceMetadata::default()
        }
        .to_text();
        // The beginning is literal in ako 9.7.
        let literal = r#"{"namespace_ingress_name":null,"ingress_name":"shop","namespace":"default","hostnames":["shop.example.com"],"#;
        assert!(text.starts_with(literal), "{text}");
        let keys: Vec<String> = serde_json::from_str::<serde_json::Map<_, _>>(&text).unwrap().keys().cloned().collect();
        assert_eq!(keys.len(), 16, "ako 2.5: {keys:?}");
    }
}
