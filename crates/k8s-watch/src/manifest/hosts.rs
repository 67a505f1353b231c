//! Host names of an Ingress: an API server takes lower case only.

use k8s_crds::Object;

use super::node::{Content, Node};

/// A host that was given with upper-case letters.
#[derive(Debug)]
pub(super) struct Upper {
    /// For example `spec.rules[0].host`.
    pub(super) path: String,
    pub(super) line: usize,
    /// As given.
    pub(super) host: String,
}

/// Makes the hosts of `object`, which was read from `node`, lower case; tells which were not.
pub(super) fn lower(object: &mut Object, node: &Node) -> Vec<Upper> {
    let Object::Ingress(ingress) = object else { return Vec::new() };
    let mut hosts = Hosts { node, found: Vec::new() };
    let spec = ingress.spec.iter_mut();
    for (index, rule) in spec.flat_map(|spec| spec.rules.iter_mut().flatten()).enumerate() {
        hosts.lower(rule.host.as_mut(), &["spec", "rules"], index, "host");
    }
    let balancer = ingress.status.iter_mut().filter_map(|status| status.load_balancer.as_mut());
    for (index, entry) in balancer.flat_map(|balancer| balancer.ingress.iter_mut().flatten()).enumerate() {
        hosts.lower(entry.hostname.as_mut(), &["status", "loadBalancer", "ingress"], index, "hostname");
    }
    hosts.found
}

struct Hosts<'n> {
    node: &'n Node,
    found: Vec<Upper>,
}

impl Hosts<'_> {
    /// `host` stands in the field `name` of entry `index` of the list at `list`.
    fn lower(&mut self, host: Option<&mut String>, list: &[&str], index: usize, name: &str) {
        let Some(host) = host.filter(|host| host.bytes().any(|byte| byte.is_ascii_uppercase())) else { return };
        let list_node = list.iter().try_fold(self.node, |node, name| field(node, name));
        let entry =
            list_node.and_then(|node| if let Content::List(nodes) = &node.content { nodes.get(index) } else { None });
        let line = entry.and_then(|entry| field(entry, name)).map_or(self.node.line, |node| node.line);
        let path = format!("{}[{index}].{name}", list.join("."));
        self.found.push(Upper { path, line, host: host.clone() });
        host.make_ascii_lowercase();
    }
}

fn field<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    let Content::Map(fields) = &node.content else { return None };
    fields.iter().find(|field| field.name == name).map(|field| &field.node)
}
