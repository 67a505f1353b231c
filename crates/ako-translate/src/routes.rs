//! Routes to the pods of each node, in the VRF of the cluster (ako 6.1).
//!
//! The original gives each node a random id for as long as it lives; here the id follows from the names of cluster and
//! node, so that a restart writes nothing.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::Node;
use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use uuid::Builder;

use crate::backend::internal_addresses;
use crate::desired::Site;
use crate::left_out::{LeftOut, Reason, Source};
use crate::namespace::annotation;
use crate::settings::{ServiceType, Subnet, parse_subnet};
use crate::view::View;

/// Label of the routes of a cluster, and key of the marker of its objects.
const CLUSTER_LABEL: &str = "clustername";

/// Pod subnets of a node, in place of those of its spec.
const POD_CIDRS: &str = "ako.vmware.com/pod-cidrs";

/// Addresses of a node, where Antrea names them.
const ANTREA_ADDRESSES: &str = "node.antrea.io/transport-addresses";

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticRoute {
    /// `C-<uuid>-<index>`.
    pub id: String,
    /// Pods of a node.
    pub prefix: Subnet,
    /// Address of the node, of the family of the prefix.
    pub next_hop: IpAddr,
}

/// Routes, and what has none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Routes {
    /// `None`: they are left alone.
    pub(crate) routes: Option<Vec<StaticRoute>>,
    pub(crate) left_out: Vec<LeftOut>,
}

/// Routes of all nodes, by name of the node.
pub(crate) fn build(view: &mut View<'_>, site: &Site) -> Routes {
    let settings = &site.settings;
    if !settings.static_routes || settings.service_type != ServiceType::ClusterIp || settings.cni == "ncp" {
        return Routes::default();
    }
    let mut routes = Vec::new();
    let mut owners: BTreeMap<Subnet, &str> = BTreeMap::new();
    let mut left_out = Vec::new();
    for (name, node) in view.nodes() {
        let mut leave_out = |reason| left_out.push(LeftOut::whole(Source::Node(name.clone()), reason));
        for (index, text) in pod_subnets(node).into_iter().enumerate() {
            let Some(prefix) = parse_subnet(&text) else {
                leave_out(Reason::InvalidSubnet(text));
                continue;
            };
            let is_of_family = |address: &IpAddr| address.is_ipv4() == prefix.address.is_ipv4();
            let Some(next_hop) = addresses(node, &settings.cni).into_iter().find(is_of_family) else {
                leave_out(Reason::NoNodeAddress);
                continue;
            };
            if let Some(other) = owners.get(&prefix) {
                leave_out(Reason::DuplicateSubnet { node: (*other).to_owned(), subnet: text });
                continue;
            }
            owners.insert(prefix, name);
            let id = format!("{}-{}-{index}", settings.cluster, node_id(&settings.cluster, name));
            routes.push(StaticRoute { id, prefix, next_hop });
        }
    }
    Routes { routes: Some(routes), left_out }
}

impl StaticRoute {
    /// As an element of `static_routes`.
    #[must_use]
    pub fn to_value(&self, cluster: &str) -> Value {
        let address = |address: IpAddr| json!({"addr": address.to_string(), "type": family(address)});
        json!({
            "route_id": self.id,
            "prefix": {"ip_addr": address(self.prefix.address), "mask": self.prefix.mask},
            "next_hop": address(self.next_hop),
            "labels": [{"key": CLUSTER_LABEL, "value": cluster}],
        })
    }
}

/// `static_routes` of a VRF as it should be, from those that are there: routes of others first and as they are, then
/// ours. A route of ours whose prefix another owner has is not added.
#[must_use]
pub fn merge_routes(there: &[Value], ours: &[StaticRoute], cluster: &str) -> Vec<Value> {
    let mut merged: Vec<Value> = there.iter().filter(|route| !is_of(route, cluster)).cloned().collect();
    let others = merged.len();
    for route in ours {
        let value = route.to_value(cluster);
        if !merged[..others].iter().any(|other| other["prefix"] == value["prefix"]) {
            merged.push(value);
        }
    }
    merged
}

fn is_of(route: &Value, cluster: &str) -> bool {
    let labels = route["labels"].as_array().into_iter().flatten();
    labels.into_iter().any(|label| label["key"] == CLUSTER_LABEL && label["value"] == cluster)
}

fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "V4" } else { "V6" }
}

/// Pod subnets of a node; an annotation wins over the spec.
fn pod_subnets(node: &Node) -> Vec<String> {
    if let Some(list) = annotation(&node.metadata, POD_CIDRS) {
        return list.split(',').map(|cidr| cidr.trim().to_owned()).filter(|cidr| !cidr.is_empty()).collect();
    }
    let spec = node.spec.as_ref();
    let several = spec.and_then(|spec| spec.pod_cidrs.clone()).filter(|cidrs| !cidrs.is_empty());
    several.unwrap_or_else(|| spec.and_then(|spec| spec.pod_cidr.clone()).into_iter().collect())
}

fn addresses(node: &Node, cni: &str) -> Vec<IpAddr> {
    let of_antrea = (cni == "antrea").then(|| annotation(&node.metadata, ANTREA_ADDRESSES)).flatten();
    let named: Vec<IpAddr> =
        of_antrea.into_iter().flat_map(|list| list.split(',')).filter_map(|text| text.trim().parse().ok()).collect();
    if named.is_empty() { internal_addresses(node).collect() } else { named }
}

/// A version 5 UUID (RFC 9562 §5.5) but for its name space, which is the cluster's name.
fn node_id(cluster: &str, node: &str) -> String {
    let digest = Sha1::digest(format!("{cluster}/{node}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Builder::from_sha1_bytes(bytes).into_uuid().hyphenated().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(id: &str, prefix: &str) -> StaticRoute {
        let next_hop = "10.52.2.23".parse().unwrap();
        StaticRoute { id: id.to_owned(), prefix: parse_subnet(prefix).unwrap(), next_hop }
    }

    #[test]
    fn a_route_is_that_of_the_specification() {
        let expected: Value = serde_json::from_str(
            r#"{"route_id": "prod1-6f1c…-0",
                "prefix": {"ip_addr": {"addr": "10.244.1.0", "type": "V4"}, "mask": 24},
                "next_hop": {"addr": "10.52.2.23", "type": "V4"},
                "labels": [{"key": "clustername", "value": "prod1"}]}"#,
        )
        .unwrap();
        assert_eq!(route("prod1-6f1c…-0", "10.244.1.0/24").to_value("prod1"), expected, "ako 9.7");
    }

    #[test]
    fn routes_of_others_stay_and_come_first() {
        let ours = [route("a-1-0", "10.244.1.0/24"), route("a-2-0", "10.244.2.0/24")];
        let by_hand = json!({"route_id": "1", "prefix": {"ip_addr": {"addr": "0.0.0.0", "type": "V4"}, "mask": 0}});
        let of_other = route("b-1-0", "10.244.2.0/24").to_value("b");
        let old = route("a-9-0", "10.244.9.0/24").to_value("a");
        let there = [old, of_other.clone(), by_hand.clone()];
        let merged = merge_routes(&there, &ours, "a");
        assert_eq!(merged, [of_other, by_hand, ours[0].to_value("a")], "the prefix of another cluster is not taken");
        assert_eq!(merge_routes(&merged, &ours, "a"), merged, "nothing to write the second time");
    }

    #[test]
    fn the_id_of_a_node_follows_from_its_name() {
        assert_eq!(node_id("a", "n1"), node_id("a", "n1"));
        assert_ne!(node_id("a", "n1"), node_id("a", "n2"));
        assert_ne!(node_id("a", "n1"), node_id("b", "n1"));
        assert_eq!(node_id("a", "n1").len(), 36);
    }
}
