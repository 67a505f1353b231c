//! Parents and children: one address, many names (avi-api 2.4, 10.2).

use serde_json::{Map, Value, json};

use super::target;
use crate::error::WriteError;
use crate::object::Object;
use crate::projection::Projection;
use crate::reference;
use crate::rules::{Claim, Draft, Show};
use crate::write::guards::Guards;

/// What a virtual service is to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Alone,
    Parent,
    Child,
}

impl Role {
    pub(super) fn of(body: &Map<String, Value>) -> Self {
        match body.get("type").and_then(Value::as_str) {
            Some("VS_TYPE_VH_PARENT") => Self::Parent,
            Some("VS_TYPE_VH_CHILD") => Self::Child,
            _ => Self::Alone,
        }
    }
}

pub(super) fn check(draft: &Draft<'_>, role: Role, guards: &mut Guards) -> Result<(), WriteError> {
    match role {
        Role::Alone => Ok(()),
        Role::Parent => check_parent(draft),
        Role::Child => check_child(draft, guards),
    }
}

/// Server names belong to one child of a parent.
pub(super) fn claims(body: &Map<String, Value>) -> Vec<Claim> {
    if Role::of(body) != Role::Child {
        return Vec::new();
    }
    let parent = body.get("vh_parent_vs_ref").and_then(Value::as_str).and_then(reference::parse_stored);
    let Some((_, parent)) = parent else { return Vec::new() };
    let names = body.get("vh_domain_name").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut names: Vec<String> = names.map(str::to_ascii_lowercase).collect();
    names.sort();
    names.dedup();
    names.into_iter().map(|domain_name| Claim::VhDomain { parent: parent.to_owned(), domain_name }).collect()
}

/// A parent shows its children.
pub(super) fn show(show: &mut Show<'_>, object: &Object) {
    if Role::of(&object.body) != Role::Parent {
        return;
    }
    let children: Vec<Value> = children(show.projection, object).into_iter().map(|child| json!(child.uuid)).collect();
    if !children.is_empty() {
        show.set("vh_child_vs_uuid", Value::Array(children));
    }
}

fn children<'p>(projection: &'p Projection, parent: &Object) -> Vec<&'p Object> {
    let by = projection.referrers(parent.path, &parent.uuid);
    let services = by.iter().filter_map(|by| projection.get("virtualservice", &by.uuid));
    let is_child = |service: &&Object| {
        target(projection, &service.body, "vh_parent_vs_ref").is_some_and(|its| its.uuid == parent.uuid)
    };
    services.map(AsRef::as_ref).filter(is_child).collect()
}

fn check_parent(draft: &Draft<'_>) -> Result<(), WriteError> {
    let kind = draft.object.body.get("vh_type");
    if draft.before.is_some_and(|before| before.body.get("vh_type") != kind)
        && let Some(child) = children(draft.projection, &draft.object).first()
    {
        return Err(WriteError::invalid("vh_type", format!("cannot change while there are children ({})", child.name)));
    }
    Ok(())
}

fn check_child(draft: &Draft<'_>, guards: &mut Guards) -> Result<(), WriteError> {
    let body = &draft.object.body;
    let Some(parent) = target(draft.projection, body, "vh_parent_vs_ref") else {
        return Err(WriteError::Required("vh_parent_vs_ref".to_owned()));
    };
    if Role::of(&parent.body) != Role::Parent {
        return Err(WriteError::invalid("vh_parent_vs_ref", format!("VirtualService {} is no parent", parent.name)));
    }
    if parent.body.get("vh_type") != body.get("vh_type") {
        let problem = format!("differs from that of the parent {}", parent.name);
        return Err(WriteError::invalid("vh_type", problem));
    }
    if body.contains_key("vsvip_ref") {
        return Err(WriteError::invalid("vsvip_ref", "a child has the address of its parent"));
    }
    let is_sni = body.get("vh_type").and_then(Value::as_str) != Some("VS_TYPE_VH_ENHANCED");
    if is_sni && body.contains_key("services") {
        return Err(WriteError::invalid("services", "a child listens where its parent does"));
    }
    let needed = if is_sni { "vh_domain_name" } else { "vh_matches" };
    if !body.contains_key(needed) {
        return Err(WriteError::Required(needed.to_owned()));
    }
    guards.require_unchanged(parent);
    Ok(())
}
