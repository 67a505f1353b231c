//! Differences between a body that is wanted and one that is there.
//!
//! Only keys that we send count, and a few whose absence means something. Lists are compared without order: the
//! controller promises none, and the original operator sends its own. References are compared by name.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fmt;

use serde_json::Value;

use crate::object::{ObjectType, Observed};

/// One field that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldDiff {
    /// Where: `groups[amko-gs-group-10].members[10.1.1.1].ratio`.
    pub path: String,
    /// What is there; `None`: nothing.
    pub observed: Option<Value>,
    /// What is wanted; `None`: nothing.
    pub wanted: Option<Value>,
}

/// What a comparison has to know beyond the two bodies.
pub(crate) struct Comparison<'a> {
    kind: ObjectType,
    /// Names of objects by UUID, for references without a name.
    names: &'a Names<'a>,
}

/// Names of objects by UUID, looked up by nobody most of the time: references carry names.
pub(crate) struct Names<'a> {
    observed: &'a Observed,
    by_uuid: OnceCell<HashMap<&'a str, &'a str>>,
}

/// Keys whose values a person may tune; they are never compared.
pub(crate) const TUNABLE: [&str; 6] = [
    "send_interval",
    "receive_timeout",
    "send_interval_ms",
    "receive_timeout_ms",
    "successful_checks",
    "failed_checks",
];

/// Keys of a service, a pool and a member that mean something when they are absent.
const MANAGED: [&str; 8] = [
    "health_monitor_refs",
    "down_response",
    "application_persistence_profile_ref",
    "pki_profile_ref",
    "fallback_algorithm",
    "consistent_hash_mask",
    "vs_uuid",
    "cluster_uuid",
];

impl<'a> Comparison<'a> {
    pub(crate) fn new(kind: ObjectType, names: &'a Names<'a>) -> Self {
        Self { kind, names }
    }

    /// Differences, in the order of the wanted body.
    pub(crate) fn diff(&self, wanted: &Value, observed: &Value, sent: &[Box<str>]) -> Vec<FieldDiff> {
        let mut diffs = Vec::new();
        self.object("", wanted, observed, &mut diffs);
        // What a person tuned went along.
        for key in sent.iter().filter(|key| wanted.get(&***key).is_none() && !TUNABLE.contains(&&***key)) {
            if let Some(left) = observed.get(&**key)
                && !diffs.iter().any(|diff| *diff.path == **key)
            {
                diffs.push(FieldDiff { path: key.to_string(), observed: Some(left.clone()), wanted: None });
            }
        }
        diffs
    }

    fn object(&self, path: &str, wanted: &Value, observed: &Value, diffs: &mut Vec<FieldDiff>) {
        for (key, value) in wanted.as_object().into_iter().flatten() {
            if key == "tenant_ref" || TUNABLE.contains(&key.as_str()) {
                continue; // A tenant cannot change, it is part of the identity.
            }
            self.value(&join(path, key), key, value, observed.get(key), diffs);
        }
        for key in MANAGED {
            let there = observed.get(key).filter(|value| !is_empty(value));
            if let (None, Some(there)) = (wanted.get(key), there) {
                diffs.push(FieldDiff { path: join(path, key), observed: Some(there.clone()), wanted: None });
            }
        }
    }

    fn value(&self, path: &str, key: &str, wanted: &Value, observed: Option<&Value>, diffs: &mut Vec<FieldDiff>) {
        let is_same = match (wanted, observed) {
            (Value::Object(_), Some(there @ Value::Object(_))) => return self.object(path, wanted, there, diffs),
            (Value::Array(items), Some(Value::Array(there))) if items.iter().chain(there).any(Value::is_object) => {
                return self.items(path, key, items, there, diffs);
            }
            (Value::Array(items), Some(Value::Array(there))) => {
                let sorted = |list: &[Value]| {
                    let mut list: Vec<_> = list.iter().map(|item| self.normal(key, item)).collect();
                    list.sort_unstable();
                    list
                };
                sorted(items) == sorted(there)
            }
            (_, Some(there)) => self.normal(key, wanted) == self.normal(key, there),
            (_, None) => is_default(key, wanted),
        };
        if !is_same {
            diffs.push(FieldDiff { path: path.to_owned(), observed: observed.cloned(), wanted: Some(wanted.clone()) });
        }
    }

    /// Lists of objects, matched by what names an element.
    fn items(&self, path: &str, key: &str, wanted: &[Value], observed: &[Value], diffs: &mut Vec<FieldDiff>) {
        for item in wanted {
            let id = identity(item);
            let path = format!("{path}[{id}]");
            match observed.iter().find(|there| identity(there) == id) {
                Some(there) => self.value(&path, key, item, Some(there), diffs),
                None => diffs.push(FieldDiff { path, observed: None, wanted: Some(item.clone()) }),
            }
        }
        if key == "markers" {
            return; // Others may mark our objects too.
        }
        for there in observed {
            let id = identity(there);
            if !wanted.iter().any(|item| identity(item) == id) {
                diffs.push(FieldDiff { path: format!("{path}[{id}]"), observed: Some(there.clone()), wanted: None });
            }
        }
    }

    /// A scalar in a form that compares.
    fn normal(&self, key: &str, value: &Value) -> String {
        match value {
            Value::String(text) if key.ends_with("_ref") || key.ends_with("_refs") => self.name_of(text).to_owned(),
            Value::String(text) if key == "description" && self.kind == ObjectType::GslbService => {
                let mut entries: Vec<_> = text.split(',').collect();
                entries.sort_unstable();
                entries.join(",")
            }
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }

    fn name_of<'t>(&'t self, reference: &'t str) -> &'t str {
        self.names.of(reference)
    }
}

impl<'a> Names<'a> {
    pub(crate) fn new(observed: &'a Observed) -> Self {
        Self { observed, by_uuid: OnceCell::new() }
    }

    /// Name of the object that a reference points to: `…?name=x`, `…/uuid#x`, or `…/uuid` of an object that is known.
    pub(crate) fn of<'t>(&'t self, reference: &'t str) -> &'t str {
        if let Some((_, name)) = reference.split_once('#').or_else(|| reference.split_once("?name=")) {
            return name;
        }
        let uuid = reference.rsplit('/').next().unwrap_or(reference);
        let by_uuid = self.by_uuid.get_or_init(|| {
            let objects = self.observed.objects.iter();
            objects.map(|(key, object)| (&*object.uuid, key.name.as_str())).collect()
        });
        by_uuid.get(uuid).copied().unwrap_or(uuid)
    }
}

/// What names an element of a list: a member its address, a pool its name, a marker its key.
fn identity(item: &Value) -> String {
    let name = item["ip"]["addr"].as_str().or_else(|| item["name"].as_str()).or_else(|| item["key"].as_str());
    name.map_or_else(|| item.to_string(), str::to_owned)
}

/// Whether leaving a key out means the same as sending this value (avi-api 2.8, 2.23).
fn is_default(key: &str, value: &Value) -> bool {
    match key {
        "enabled" | "controller_health_status_enabled" | "use_edns_client_subnet" => *value == true,
        "ratio" => *value == 1,
        "priority" => *value == 10,
        "ttl" => false, // absent, it is that of the DNS service
        _ => is_empty(value),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_u64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

impl fmt::Display for FieldDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match (&self.observed, &self.wanted) {
            (Some(observed), Some(wanted)) => write!(f, "{}: {} → {}", self.path, text(observed), text(wanted)),
            (None, Some(Value::Object(_))) => write!(f, "{}: missing", self.path),
            (None, Some(wanted)) => write!(f, "{}: unset → {}", self.path, text(wanted)),
            (Some(Value::Object(_)), None) => write!(f, "{}: not wanted", self.path),
            (Some(observed), None) => write!(f, "{}: {} → unset", self.path, text(observed)),
            (None, None) => write!(f, "{}", self.path),
        }
    }
}
