//! An object as it is stored.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::types::Types;

/// One configuration object.
///
/// `body` holds only configuration, without the members common to all types (`uuid`, `url`, `name`, `tenant_ref`,
/// `_last_modified`, `configpb_attributes`). Defaults are materialised when it is written, and again (for fields a
/// newer schema added) when a [`crate::Projection`] loads it: a reader of `body` never thinks about defaults. References are
/// stored as `/api/<path>/<uuid>`. Members that the schema does not know are kept, here and through every write. The
/// debug form leaves the configuration out: it may hold secrets.
#[derive(Clone, PartialEq)]
pub struct Object {
    /// API path of the type: `healthmonitor`.
    pub path: &'static str,
    /// `healthmonitor-…`, or what a `Slug` said.
    pub uuid: String,
    /// Name; empty only for a singleton without one.
    pub name: String,
    /// Uuid of the owning tenant; `admin` for global types.
    pub tenant: String,
    /// Configuration.
    pub body: Map<String, Value>,
    /// Microseconds since the epoch of the first write; 0 of objects stored before that was noted.
    pub created_us: i64,
    /// Microseconds since the epoch of the last write; strictly increasing per object.
    pub last_modified_us: i64,
    /// Writes so far, from 1. Avi: `configpb_attributes.version`.
    pub version: u64,
    /// Made by the controller and refused for delete.
    pub system_default: bool,
    /// Store revision of the last write; 0 until a projection has loaded it. Not part of the stored bytes.
    pub modified: u64,
    /// Members of the stored envelope that this release does not know.
    extra: Map<String, Value>,
}

/// Why stored bytes are no object.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are not the JSON of an object.
    #[error("a stored object does not parse")]
    Json(#[source] serde_json::Error),
    /// The type belongs to another release.
    #[error("objects of type {0} are unknown to this release")]
    UnknownType(String),
}

/// The stored form.
#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    path: Cow<'a, str>,
    uuid: Cow<'a, str>,
    name: Cow<'a, str>,
    tenant: Cow<'a, str>,
    #[serde(default)]
    created_us: i64,
    last_modified_us: i64,
    version: u64,
    #[serde(default)]
    system_default: bool,
    body: Cow<'a, Map<String, Value>>,
    #[serde(flatten)]
    extra: Cow<'a, Map<String, Value>>,
}

impl Object {
    /// A new object, written for the first time at `last_modified_us`.
    #[must_use]
    pub fn new(
        path: &'static str,
        uuid: String,
        name: String,
        tenant: String,
        body: Map<String, Value>,
        last_modified_us: i64,
    ) -> Self {
        let (version, system_default, modified, extra) = (1, false, 0, Map::new());
        let created_us = last_modified_us;
        Self { path, uuid, name, tenant, body, created_us, last_modified_us, version, system_default, modified, extra }
    }

    /// The bytes to store.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        use Cow::Borrowed;
        let envelope = Envelope {
            path: Borrowed(self.path),
            uuid: Borrowed(&self.uuid),
            name: Borrowed(&self.name),
            tenant: Borrowed(&self.tenant),
            created_us: self.created_us,
            last_modified_us: self.last_modified_us,
            version: self.version,
            system_default: self.system_default,
            body: Borrowed(&self.body),
            extra: Borrowed(&self.extra),
        };
        serde_json::to_vec(&envelope).expect("string keys and JSON values always serialise")
    }

    /// The object stored as `bytes`, last written at store revision `modified`.
    ///
    /// # Errors
    /// When the bytes are no object, or one of a type that `types` does not have.
    pub fn from_bytes(types: &Types, bytes: &[u8], modified: u64) -> Result<Self, DecodeError> {
        let envelope: Envelope<'_> = serde_json::from_slice(bytes).map_err(DecodeError::Json)?;
        let schema = types.get(&envelope.path).ok_or_else(|| DecodeError::UnknownType(envelope.path.to_string()))?;
        Ok(Self {
            path: schema.path,
            uuid: envelope.uuid.into_owned(),
            name: envelope.name.into_owned(),
            tenant: envelope.tenant.into_owned(),
            body: envelope.body.into_owned(),
            created_us: envelope.created_us,
            last_modified_us: envelope.last_modified_us,
            version: envelope.version,
            system_default: envelope.system_default,
            modified,
            extra: envelope.extra.into_owned(),
        })
    }

    /// The stored form of a reference to this object: `/api/<path>/<uuid>`.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("/api/{}/{}", self.path, self.uuid)
    }
}

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, uuid, name, version, modified, .. } = self;
        f.debug_struct("Object")
            .field("path", path)
            .field("uuid", uuid)
            .field("name", name)
            .field("version", version)
            .field("modified", modified)
            .finish_non_exhaustive()
    }
}
