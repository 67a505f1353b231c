//! What a PUT carries beyond what is wanted.
//!
//! A PUT replaces the whole object. What a person set by hand and we have no opinion about goes along, so that it
//! survives; system fields (`uuid`, `url`, `_last_modified`) do not.

use serde_json::Value;

use crate::diff::TUNABLE;
use crate::object::ObjectType;

/// Keys of a service that we may have no opinion about.
const SERVICE_TWEAKS: [&str; 5] = ["ttl", "num_dns_ip", "hm_off", "topology_policy_enabled", "markers"];

/// The same for a monitor.
const MONITOR_TWEAKS: [&str; 2] = ["disable_quickstart", "authentication"];

/// The same for a member of a service.
const MEMBER_TWEAKS: [&str; 5] = ["public_ip", "location", "hostname", "preference_order", "description"];

/// The wanted body with what a person tuned in the observed one. Of that we sent the keys `sent`.
pub(crate) fn with_tweaks(kind: ObjectType, wanted: &Value, observed: &Value, sent: &[Box<str>]) -> Value {
    let mut body = wanted.clone();
    let was_sent = |key: &str| sent.iter().any(|sent| **sent == *key);
    let tweaks = match kind {
        ObjectType::GslbService => SERVICE_TWEAKS.as_slice(),
        ObjectType::HealthMonitor => MONITOR_TWEAKS.as_slice(),
    };
    for key in tweaks {
        if let Some(value) = tweak(observed, key)
            && wanted.get(*key).is_none()
            && !was_sent(key)
        {
            body[*key] = value.clone();
        }
    }
    match kind {
        ObjectType::HealthMonitor => {
            keep_tuning(&mut body, observed);
            keep_markers(&mut body, observed);
        }
        ObjectType::GslbService => keep_member_tweaks(&mut body, observed),
    }
    body
}

/// Puts the hand-tuned timing of a monitor into a body.
pub(crate) fn keep_tuning(body: &mut Value, observed: &Value) {
    for key in TUNABLE {
        if let Some(value) = observed.get(key).filter(|value| value.is_u64()) {
            body[key] = value.clone();
        }
    }
}

/// Markers of others stay beside ours.
fn keep_markers(body: &mut Value, observed: &Value) {
    let others = observed["markers"].as_array().into_iter().flatten().filter(|marker| marker["key"] != "created-by");
    if let Some(markers) = body["markers"].as_array_mut() {
        markers.extend(others.cloned());
    }
}

fn keep_member_tweaks(body: &mut Value, observed: &Value) {
    let groups = observed["groups"].as_array().into_iter().flatten();
    let there: Vec<&Value> = groups.flat_map(|group| group["members"].as_array().into_iter().flatten()).collect();
    for group in body["groups"].as_array_mut().into_iter().flatten() {
        for member in group["members"].as_array_mut().into_iter().flatten() {
            let Some(before) = there.iter().find(|before| before["ip"]["addr"] == member["ip"]["addr"]) else {
                continue;
            };
            for key in MEMBER_TWEAKS {
                if let Some(value) = tweak(before, key)
                    && member.get(key).is_none()
                {
                    member[key] = value.clone();
                }
            }
        }
    }
}

/// A value that says something: not a default that the controller filled in.
fn tweak<'a>(body: &'a Value, key: &str) -> Option<&'a Value> {
    let value = body.get(key)?;
    let is_default = match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Number(number) => key == "preference_order" && number.as_u64() == Some(1),
        Value::Bool(true) | Value::Object(_) => false,
    };
    (!is_default).then_some(value)
}
