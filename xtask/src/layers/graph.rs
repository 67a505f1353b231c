//! Who depends on whom, from `cargo metadata`.
//!
//! Normal and build dependencies only: what tests use is not part of what is shipped.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use anyhow::Context;
use serde::Deserialize;

/// The workspace's crates, and everything below them.
pub(super) struct Graph {
    /// Ordered by name.
    pub(super) members: Vec<Member>,
    /// Package id to the ids it uses.
    uses: BTreeMap<String, BTreeSet<String>>,
    names: BTreeMap<String, String>,
}

/// A crate of the workspace.
pub(super) struct Member {
    id: String,
    pub(super) name: String,
    /// As written in `package.metadata.layer`.
    pub(super) layer_name: Option<String>,
    /// Names of its direct dependencies.
    pub(super) uses: BTreeSet<String>,
}

impl Graph {
    /// # Errors
    /// `json` is not what `cargo metadata --format-version 1` prints.
    pub(super) fn parse(json: &[u8]) -> anyhow::Result<Self> {
        let metadata: Metadata = serde_json::from_slice(json).context("reading cargo metadata")?;
        let ours: BTreeSet<_> = metadata.workspace_members.into_iter().collect();
        let uses: BTreeMap<_, _> = metadata.resolve.nodes.into_iter().map(|node| (node.id, used(node.deps))).collect();
        let names: BTreeMap<_, _> =
            metadata.packages.iter().map(|package| (package.id.clone(), package.name.clone())).collect();
        let members = metadata
            .packages
            .into_iter()
            .filter(|package| ours.contains(&package.id))
            .map(|package| Member {
                uses: uses.get(&package.id).into_iter().flatten().filter_map(|id| names.get(id).cloned()).collect(),
                layer_name: package.metadata.and_then(|metadata| metadata.layer),
                name: package.name,
                id: package.id,
            })
            .collect();
        Ok(Self::sorted(members, uses, names))
    }

    fn sorted(
        mut members: Vec<Member>,
        uses: BTreeMap<String, BTreeSet<String>>,
        names: BTreeMap<String, String>,
    ) -> Self {
        members.sort_by(|a, b| a.name.cmp(&b.name));
        Self { members, uses, names }
    }

    /// The shortest way from a member to a crate of this name, both included; `None` when there is none.
    pub(super) fn path(&self, from: &Member, to: &str) -> Option<Vec<String>> {
        let mut before: BTreeMap<&str, &str> = BTreeMap::new();
        let mut queue = VecDeque::from([from.id.as_str()]);
        while let Some(id) = queue.pop_front() {
            if self.name(id) == to {
                let mut path = vec![self.name(id).to_owned()];
                let mut at = id;
                while let Some(previous) = before.get(at) {
                    path.push(self.name(previous).to_owned());
                    at = previous;
                }
                path.reverse();
                return Some(path);
            }
            for next in self.uses.get(id).into_iter().flatten() {
                if next != &from.id && !before.contains_key(next.as_str()) {
                    before.insert(next, id);
                    queue.push_back(next);
                }
            }
        }
        None
    }

    fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.names.get(id).map_or(id, String::as_str)
    }

    /// A small graph for tests: members with layer and dependencies, then the other crates.
    #[cfg(test)]
    pub(super) fn of(members: &[(&str, &str, &[&str])], others: &[(&str, &[&str])]) -> Self {
        let set = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        let all = members.iter().map(|(name, _, uses)| (*name, *uses)).chain(others.iter().copied());
        let uses: BTreeMap<_, _> = all.map(|(name, uses)| (name.to_owned(), set(uses))).collect();
        let names = uses.keys().map(|name| (name.clone(), name.clone())).collect();
        let member = |(name, layer, uses): &(&str, &str, &[&str])| Member {
            id: (*name).to_owned(),
            name: (*name).to_owned(),
            layer_name: Some((*layer).to_owned()),
            uses: set(uses),
        };
        Self::sorted(members.iter().map(member).collect(), uses, names)
    }
}

fn used(deps: Vec<Dep>) -> BTreeSet<String> {
    let shipped = |dep: &Dep| dep.dep_kinds.iter().any(|kind| kind.kind.as_deref() != Some("dev"));
    deps.into_iter().filter(shipped).map(|dep| dep.pkg).collect()
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    metadata: Option<PackageMetadata>,
}

#[derive(Deserialize)]
struct PackageMetadata {
    layer: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dep>,
}

#[derive(Deserialize)]
struct Dep {
    pkg: String,
    dep_kinds: Vec<DepKind>,
}

#[derive(Deserialize)]
struct DepKind {
    /// `None` is a normal dependency, else `dev` or `build`.
    kind: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_read_without_dev_dependencies() {
        let json = br#"{
          "packages": [
            {"id": "path+file:///m/gslb#0.1.0", "name": "gslb", "metadata": {"layer": "logic"}},
            {"id": "path+file:///m/bare#0.1.0", "name": "bare", "metadata": null},
            {"id": "registry+serde@1", "name": "serde", "metadata": {"docs": {}}}
          ],
          "workspace_members": ["path+file:///m/gslb#0.1.0", "path+file:///m/bare#0.1.0"],
          "resolve": {"nodes": [
            {"id": "path+file:///m/gslb#0.1.0", "deps": [
              {"pkg": "registry+serde@1", "dep_kinds": [{"kind": null}, {"kind": "dev"}]},
              {"pkg": "path+file:///m/bare#0.1.0", "dep_kinds": [{"kind": "dev"}]}
            ]},
            {"id": "path+file:///m/bare#0.1.0", "deps": []},
            {"id": "registry+serde@1", "deps": []}
          ]}
        }"#;
        let graph = Graph::parse(json).unwrap();
        let names: Vec<_> = graph.members.iter().map(|member| member.name.as_str()).collect();
        assert_eq!(names, ["bare", "gslb"]);
        assert_eq!(graph.members[0].layer_name, None);
        assert_eq!(graph.members[1].layer_name.as_deref(), Some("logic"));
        assert_eq!(graph.members[1].uses, BTreeSet::from(["serde".to_owned()]));
        assert_eq!(graph.path(&graph.members[1], "serde"), Some(vec!["gslb".to_owned(), "serde".to_owned()]));
        assert_eq!(graph.path(&graph.members[1], "bare"), None);
    }

    #[test]
    fn something_else_than_metadata_is_refused() {
        assert_eq!(Graph::parse(b"{}").err().unwrap().to_string(), "reading cargo metadata");
    }
}
