//! Objects on a controller, and whose they are.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::agreement::Agreement;
use crate::body::{Body, Shape, Shapes};
use crate::draft::Draft;

/// What says which object it is, and when it was written: never compared.
const IDENTITY: [&str; 4] = ["uuid", "url", "_last_modified", "tenant_ref"];

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
pub struct Wanted<D: Draft = Value> {
    /// Identity.
    pub key: Key,
    /// Service it belongs to; for a service itself its own name.
    pub unit: Unit,
    /// What the body as it is to be sent is made of.
    pub draft: D,
}

/// An object that is there. Tens of thousands are held for long, so that the body is text until it is looked into.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedObject {
    /// UUID.
    pub uuid: Box<str>,
    /// Keys of the body that we last sent, none when we did not. One that we sent once and want no more is removed, not
    /// kept.
    pub(crate) sent: Shape,
    /// Service that a monitor was made for, when its description says so.
    pub service: Option<Box<str>>,
    body: Body,
    /// Whose it says that it is.
    mark: Option<Box<str>>,
    /// Monitors that it refers to, as the controller names them.
    pub(crate) monitors: Box<[Box<str>]>,
    pub(crate) agreement: Agreement,
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
    /// An object of a given type with the body that the controller gave, and that we did not write.
    #[must_use]
    pub fn new(kind: ObjectType, uuid: &str, mut body: Value, service: Option<&str>) -> Self {
        let mark = mark(kind, &body).filter(|mark| !mark.is_empty()).map(Into::into);
        let monitors = match kind {
            ObjectType::GslbService => monitor_refs(&body).map(Into::into).collect(),
            ObjectType::HealthMonitor => Box::default(),
        };
        if let Some(fields) = body.as_object_mut() {
            fields.retain(|key, _| !IDENTITY.contains(&key.as_str()));
        }
        Self {
            uuid: uuid.into(),
            sent: Shape::default(),
            service: service.map(Into::into),
            body: Body::new(&body),
            mark,
            monitors,
            agreement: Agreement::default(),
        }
    }

    /// The same, which came of sending a body with these keys.
    #[must_use]
    pub fn sent_as(self, sent: Shape) -> Self {
        Self { sent, agreement: Agreement::default(), ..self }
    }

    /// Holds what we sent in the memory of others that were sent alike.
    pub fn share_sent(&mut self, shapes: &mut Shapes) {
        self.sent = shapes.share(&self.sent);
    }

    /// The same, which was known before as `known`: what we sent of it counts on.
    #[must_use]
    pub fn known_as(self, known: &Self) -> Self {
        let is_unchanged = self.uuid == known.uuid && self.body == known.body;
        let agreement = if is_unchanged { known.agreement.clone() } else { Agreement::default() };
        let sent = if self.uuid == known.uuid { Arc::clone(&known.sent) } else { self.sent };
        Self { sent, agreement, ..self }
    }

    /// Its body, without what says only which object it is.
    #[must_use]
    pub fn body(&self) -> Value {
        self.body.read()
    }

    /// Whose it says that it is.
    #[must_use]
    pub fn mark(&self) -> Option<&str> {
        self.mark.as_deref()
    }

    /// Unit it belongs to.
    pub(crate) fn unit(&self, key: &Key) -> Unit {
        match (&self.service, key.kind) {
            (Some(service), ObjectType::HealthMonitor) => {
                Unit { tenant: key.tenant.clone(), service: service.to_string() }
            }
            _ => key.own_unit(),
        }
    }
}

impl Owner {
    /// Whose an observed object is.
    #[must_use]
    pub fn ownership(&self, kind: ObjectType, object: &ObservedObject) -> Ownership {
        match object.mark.as_deref() {
            None => Ownership::Unmarked,
            Some(owner) if owner == self.name => Ownership::Ours,
            Some(owner) if kind == ObjectType::GslbService && self.former.iter().any(|f| f == owner) => Ownership::Ours,
            Some(owner) => Ownership::Another(owner.to_owned()),
        }
    }
}

/// Whose an object says that it is.
fn mark(kind: ObjectType, body: &Value) -> Option<&str> {
    match kind {
        ObjectType::GslbService => body["created_by"].as_str(),
        ObjectType::HealthMonitor => {
            let marker = body["markers"].as_array()?.iter().find(|marker| marker["key"] == "created-by")?;
            marker["values"][0].as_str()
        }
    }
}

/// References of a service to its monitors.
pub(crate) fn monitor_refs(body: &Value) -> impl Iterator<Item = &str> {
    body["health_monitor_refs"].as_array().into_iter().flatten().filter_map(Value::as_str)
}
