//! Who may write federated objects, and when (avi-api 5.1, 5.2).

use serde_json::{Map, Value};

use crate::error::WriteError;
use crate::key;
use crate::object::Object;
use crate::projection::Projection;
use crate::write::guards::Guards;

/// Whether an object belongs to every site of the federation.
pub(crate) fn is_federated(path: &str, body: &Map<String, Value>) -> bool {
    matches!(path, "gslb" | "gslbservice" | "federationcheckpoint")
        || body.get("is_federated").and_then(Value::as_bool) == Some(true)
}

/// Refuses the write of a federated object on a follower or during maintenance. `after` is `None` for a delete.
///
/// Without a Gslb object there is no federation yet, and whoever holds the objects may write them.
pub(crate) fn check(
    projection: &Projection,
    before: Option<&Object>,
    after: Option<&Object>,
    guards: &mut Guards,
) -> Result<(), WriteError> {
    let Some(gslb) = projection.single("gslb") else {
        guards.require_absent(key::single("gslb"));
        return Ok(());
    };
    guards.require_unchanged(gslb);
    if !is_leader(projection, &gslb.body) {
        return match (before, after) {
            (Some(_), Some(after)) if after.path == "gslb" && is_leader(projection, &after.body) => Ok(()),
            (Some(before), Some(after)) if lets_members_switch(gslb) && differs_in_enabled_only(before, after) => {
                Ok(())
            }
            _ => Err(WriteError::NotLeader),
        };
    }
    let ends_maintenance = after.is_some_and(|after| after.path == "gslb" && !in_maintenance(after));
    if in_maintenance(gslb) && !ends_maintenance {
        return Err(WriteError::Maintenance);
    }
    Ok(())
}

/// Whether this controller is the leader that a Gslb names.
pub(super) fn is_leader(projection: &Projection, gslb: &Map<String, Value>) -> bool {
    let leader = gslb.get("leader_cluster_uuid").and_then(Value::as_str);
    projection.single("cluster").is_some_and(|own| leader == Some(own.uuid.as_str()))
}

fn in_maintenance(gslb: &Object) -> bool {
    gslb.body.get("maintenance_mode").and_then(Value::as_bool) == Some(true)
}

fn lets_members_switch(gslb: &Object) -> bool {
    gslb.body.get("enable_config_by_members").and_then(Value::as_bool) == Some(true)
}

/// Whether only the `enabled` flags of groups and members differ.
fn differs_in_enabled_only(before: &Object, after: &Object) -> bool {
    let without_enabled = |object: &Object| {
        let mut body = object.body.clone();
        for group in elements(body.get_mut("groups")) {
            remove_enabled(group);
            for member in elements(group.get_mut("members")) {
                remove_enabled(member);
            }
        }
        body
    };
    before.path == "gslbservice" && before.name == after.name && without_enabled(before) == without_enabled(after)
}

fn elements(list: Option<&mut Value>) -> &mut [Value] {
    list.and_then(Value::as_array_mut).map_or(&mut [], Vec::as_mut_slice)
}

fn remove_enabled(element: &mut Value) {
    if let Some(element) = element.as_object_mut() {
        element.remove("enabled");
    }
}
