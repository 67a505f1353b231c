//! Virtual services that share a VsVip listen on different ports (avi-api 4.2).

use serde_json::{Map, Value};

use super::target;
use crate::error::WriteError;
use crate::key;
use crate::projection::Projection;
use crate::rules::Draft;
use crate::write::guards::Guards;

/// Ports of one protocol.
struct Listener {
    first: i64,
    last: i64,
    protocol: &'static str,
}

pub(super) fn check(draft: &Draft<'_>, guards: &mut Guards) -> Result<(), WriteError> {
    let (projection, object) = (draft.projection, &draft.object);
    let Some(vs_vip) = target(projection, &object.body, "vsvip_ref") else { return Ok(()) };
    let relevant = ["vsvip_ref", "services", "network_profile_ref"];
    let is_same = |field: &&str| draft.before.is_some_and(|before| before.body.get(*field) == object.body.get(*field));
    if relevant.iter().all(is_same) {
        return Ok(());
    }
    let own = listeners(projection, &object.body);
    for (index, listener) in own.iter().enumerate() {
        if own.iter().take(index).any(|earlier| listener.overlaps(earlier)) {
            return Err(WriteError::invalid(format!("services[{index}].port"), "another service has it too"));
        }
    }
    for by in projection.referrers(vs_vip.path, &vs_vip.uuid) {
        let Some(other) = projection.get("virtualservice", &by.uuid).filter(|other| other.uuid != object.uuid) else {
            continue;
        };
        let theirs = listeners(projection, &other.body);
        if let Some(clash) = own.iter().find(|own| theirs.iter().any(|their| own.overlaps(their))) {
            let problem = format!(
                "{} port {} on VsVip {} is used by VirtualService {}",
                clash.protocol, clash.first, vs_vip.name, other.name
            );
            return Err(WriteError::invalid("services", problem));
        }
    }
    guards.take_turn(projection, key::listeners(&vs_vip.uuid), &object.uuid);
    Ok(())
}

impl Listener {
    fn overlaps(&self, other: &Self) -> bool {
        self.protocol == other.protocol && self.first <= other.last && other.first <= self.last
    }
}

fn listeners(projection: &Projection, body: &Map<String, Value>) -> Vec<Listener> {
    let services = body.get("services").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
    let listeners = services.filter_map(|service| {
        let number = |name: &str| service.get(name).and_then(Value::as_i64);
        let first = number("port")?;
        let last = number("port_range_end").filter(|last| *last >= first).unwrap_or(first);
        let profile = target(projection, service, "override_network_profile_ref")
            .or_else(|| target(projection, body, "network_profile_ref"));
        let kind = profile.and_then(|profile| profile.body.get("profile")?.get("type")?.as_str());
        Some(Listener { first, last, protocol: protocol(kind.unwrap_or_default()) })
    });
    listeners.collect()
}

fn protocol(kind: &str) -> &'static str {
    match kind {
        _ if kind.contains("_UDP_") => "UDP",
        _ if kind.contains("_SCTP_") => "SCTP",
        _ => "TCP",
    }
}
