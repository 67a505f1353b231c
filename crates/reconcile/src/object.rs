//! Objects on a controller, and whose they are.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

/// Type of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectType {
    /// `healthmonitor`.
    HealthMonitor,
    /// `gslbservice`.
    GslbService,
}

/// Type, tenant and name: identity of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Type.
    pub kind: ObjectType,
    /// Tenant.
    pub tenant: String,
    /// Name.
    pub name: String,
}

/// A service and its monitors: what is written together and in order. A failed step stops the rest of its unit alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit {
    /// Tenant.
    pub tenant: String,
    /// Name of the service.
    pub service: String,
}

/// An object that should be there.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// Identity.
    pub key: Key,
    /// Service it belongs to; for a service itself its own name.
    pub unit: Unit,
    /// Body as it is to be sent.
    pub body: Value,
}

/// An object that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedObject {
    /// UUID.
    pub uuid: String,
    /// Body as the controller gave it.
    pub body: Value,
    /// Keys of the body that we last sent, none when we did not. One that we sent once and want no more is removed, not
    /// kept.
    pub sent: Vec<Box<str>>,
    /// Service that a monitor was made for, when its description says so.
    pub service: Option<String>,
}

/// All objects that are known to be there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observed {
    /// By identity.
    pub objects: BTreeMap<Key, ObservedObject>,
}

/// Who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// `created_by` of our services, value of the marker `created-by` of our monitors.
    pub name: String,
    /// Names under which earlier releases of us made services.
    pub former: Vec<String>,
}

/// Whose an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// Ours.
    Ours,
    /// Nobody's that it says.
    Unmarked,
    /// Another's.
    Another(String),
}

impl ObjectType {
    /// Segment of the path, `healthmonitor`.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::HealthMonitor => "healthmonitor",
            Self::GslbService => "gslbservice",
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind.path(), self.tenant, self.name)
    }
}

impl Key {
    /// A service's unit; a monitor's own, for want of a service.
    #[must_use]
    pub(crate) fn own_unit(&self) -> Unit {
        Unit { tenant: self.tenant.clone(), service: self.name.clone() }
    }
}

impl ObservedObject {
    /// An object that we did not write. Thousands are held for long: the body is held in no more memory than it needs.
    #[must_use]
    pub fn new(uuid: String, body: Value, service: Option<String>) -> Self {
        Self { uuid, body: compact(body), sent: Vec::new(), service }
    }

    /// The same, which came of sending `body`.
    #[must_use]
    pub fn sent_as(self, body: &Value) -> Self {
        let keys = body.as_object().into_iter().flat_map(|fields| fields.keys());
        Self { sent: keys.map(|key| key.as_str().into()).collect(), ..self }
    }

    /// Unit it belongs to.
    pub(crate) fn unit(&self, key: &Key) -> Unit {
        match (&self.service, key.kind) {
            (Some(service), ObjectType::HealthMonitor) => Unit { tenant: key.tenant.clone(), service: service.clone() },
            _ => key.own_unit(),
        }
    }
}

/// The same value without the room for more that was made while it was read.
fn compact(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(compact).collect::<Box<[_]>>().into_vec()),
        Value::Object(fields) => {
            let mut exact = Map::with_capacity(fields.len());
            exact.extend(fields.into_iter().map(|(key, value)| (key, compact(value))));
            Value::Object(exact)
        }
        other => other,
    }
}

impl Owner {
    /// Whose an observed object is.
    #[must_use]
    pub fn ownership(&self, kind: ObjectType, body: &Value) -> Ownership {
        let owner = match kind {
            ObjectType::GslbService => body["created_by"].as_str(),
            ObjectType::HealthMonitor => marker(body),
        };
        match owner.filter(|owner| !owner.is_empty()) {
            None => Ownership::Unmarked,
            Some(owner) if owner == self.name => Ownership::Ours,
            Some(owner) if kind == ObjectType::GslbService && self.former.iter().any(|f| f == owner) => Ownership::Ours,
            Some(owner) => Ownership::Another(owner.to_owned()),
        }
    }
}

fn marker(body: &Value) -> Option<&str> {
    let marker = body["markers"].as_array()?.iter().find(|marker| marker["key"] == "created-by")?;
    marker["values"][0].as_str()
}
