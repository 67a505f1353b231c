//! Puts an object together from input, stored state, tables and rules.

use avi_schema::{Names, Scope, TypeSchema};
use serde_json::{Map, Value};

use super::guards::Guards;
use super::{Change, NAME_CHARS_MAX, Origin, Write, WriteContext};
use crate::coerce::{Coercion, Mode, text};
use crate::error::WriteError;
use crate::object::Object;
use crate::projection::{ADMIN, Projection};
use crate::reference::Resolver;
use crate::rules::{self, Draft};
use crate::{defaults, key, reference};

/// One create or replace on its way.
pub(super) struct Assembly<'a> {
    pub(super) projection: &'a Projection,
    pub(super) schema: &'static TypeSchema,
    pub(super) context: &'a WriteContext<'a>,
    /// As it was, for a replace.
    pub(super) before: Option<&'a std::sync::Arc<Object>>,
}

impl<'a> Assembly<'a> {
    /// The write of a replace by `input`, whose `_last_modified` no longer matters.
    pub(super) fn replace(&self, input: &Map<String, Value>) -> Result<Write, WriteError> {
        let before = self.before.ok_or(WriteError::NotFound(self.schema.model))?;
        if given(input, "uuid").is_some_and(|uuid| uuid.as_str() != Some(&before.uuid)) {
            return Err(WriteError::Immutable("uuid".to_owned()));
        }
        if self.schema.scope != Scope::Global
            && given(input, "tenant_ref").is_some()
            && self.tenant(input)? != before.tenant
        {
            return Err(WriteError::Immutable("Tenant".to_owned()));
        }
        let (name, body) = (self.name(input)?, self.body(input, &before.tenant)?);
        self.finish(self.successor(name, body))
    }

    /// Refuses an input that was made from an older state.
    pub(super) fn check_not_stale(&self, input: &Map<String, Value>) -> Result<(), WriteError> {
        let stored = self.before.map(|before| before.last_modified_us.to_string());
        let sent = match given(input, "_last_modified") {
            None => return Ok(()),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        match self.before {
            Some(before) if stored.as_deref() != Some(&sent) => {
                Err(WriteError::Stale { model: self.schema.model, name: before.name.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Uuid of the tenant that will own the object.
    pub(super) fn tenant(&self, input: &Map<String, Value>) -> Result<String, WriteError> {
        let named = given(input, "tenant_ref").map(|tenant| text(tenant, "tenant_ref")).transpose()?.flatten();
        match named {
            _ if self.schema.scope == Scope::Global => Ok(ADMIN.to_owned()),
            None => Ok(self.context.tenant.to_owned()),
            Some(text) => {
                let resolver = Resolver { projection: self.projection, tenant: ADMIN, any_tenant: true, cloud: None };
                let stored = resolver.resolve("tenant", text, "tenant_ref")?;
                Ok(reference::parse_stored(&stored).map_or_else(String::new, |(_, uuid)| uuid.to_owned()))
            }
        }
    }

    /// The object's name.
    pub(super) fn name(&self, input: &Map<String, Value>) -> Result<String, WriteError> {
        let named = given(input, "name").or_else(|| rules::of(self.schema.path)?.name_of(input));
        let Some(name) = named.map(|name| text(name, "name")).transpose()?.flatten() else {
            return match self.before {
                Some(before) if self.schema.names == Names::Singleton => Ok(before.name.clone()),
                _ => Err(WriteError::Required("name".to_owned())),
            };
        };
        if name.chars().count() > NAME_CHARS_MAX {
            return Err(WriteError::invalid("name", format!("at most {NAME_CHARS_MAX} characters are possible")));
        }
        if name.contains(|c: char| c == '#' || c.is_control()) {
            return Err(WriteError::invalid("name", "'#' and control characters are not possible"));
        }
        Ok(name.to_owned())
    }

    /// Uuid of a new object: what the client asks for where that is allowed, else a fresh one.
    pub(super) fn uuid(&self, input: &Map<String, Value>) -> Result<String, WriteError> {
        let from_input = input.get("uuid").and_then(Value::as_str).filter(|_| self.uses_uuid_from_input());
        let Some(asked) = self.context.slug.or(from_input).filter(|asked| !asked.is_empty()) else {
            return Ok(format!("{}-{}", self.schema.path, (self.context.new_uuid)()));
        };
        if !asked.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b)) {
            return Err(WriteError::invalid("uuid", format!("'{asked}' has other characters than A-Za-z0-9_.-")));
        }
        match self.projection.get(self.schema.path, asked) {
            Some(_) => Err(WriteError::UuidTaken { model: self.schema.model, uuid: asked.to_owned() }),
            None => Ok(asked.to_owned()),
        }
    }

    /// The stored form of the configuration, before rules and defaults.
    pub(super) fn body(&self, input: &Map<String, Value>, tenant: &str) -> Result<Map<String, Value>, WriteError> {
        let stored = self.before.map(|before| &before.body);
        let cloud = self.cloud(input, tenant)?;
        self.coercion(Mode::Whole, tenant, cloud).body(self.schema.message, input, stored)
    }

    /// How input of this object is read.
    pub(super) fn coercion<'t>(&'t self, mode: Mode, tenant: &'t str, cloud: Option<String>) -> Coercion<'t> {
        let any_tenant = self.schema.scope == Scope::Global;
        let resolver = Resolver { projection: self.projection, tenant, any_tenant, cloud };
        Coercion { resolver, mode, by_controller: self.context.origin != Origin::Client }
    }

    /// The object as it was, with new configuration and a later `_last_modified`.
    pub(super) fn successor(&self, name: String, body: Map<String, Value>) -> Object {
        let mut object = match self.before {
            Some(before) => Object::clone(before),
            None => Object::new(self.schema.path, String::new(), String::new(), String::new(), Map::new(), 0),
        };
        object.last_modified_us = self.context.now_us.max(object.last_modified_us.saturating_add(1));
        if self.before.is_none() {
            object.created_us = object.last_modified_us;
        }
        object.version = object.version.saturating_add(1);
        (object.name, object.body) = (name, body);
        object
    }

    /// Completes and judges the object, and guards what the judgement relied on.
    pub(super) fn finish(&self, object: Object) -> Result<Write, WriteError> {
        let (projection, schema, before) = (self.projection, self.schema, self.before);
        let before_draft = before.map(AsRef::as_ref);
        let mut draft = Draft {
            projection,
            context: self.context,
            before: before_draft,
            object,
            relied_on: Vec::new(),
            warnings: Vec::new(),
        };
        let rules = rules::of(schema.path);
        if let Some(rules) = rules {
            rules.complete(&mut draft)?;
        }
        defaults::fill(schema.message, &mut draft.object.body);
        defaults::check_required(schema.message, &draft.object.body, "")?;

        let mut guards = Guards::default();
        let object_key = key::object(schema.path, &draft.object.uuid);
        match draft.before {
            None => guards.require_absent(object_key.clone()),
            Some(before) => guards.require_unchanged(before),
        }
        if self.context.origin == Origin::Client && rules::is_federated(schema.path, &draft.object.body) {
            rules::check_federation(projection, draft.before, Some(&draft.object), &mut guards)?;
        }
        guards.move_claims(projection, schema, draft.before, &draft.object)?;
        if let Some(rules) = rules {
            rules.check(&draft, &mut guards)?;
        }
        for object in &draft.relied_on {
            guards.require_unchanged(object);
        }
        guards.put(object_key, draft.object.to_bytes());
        guards.add_references(projection, schema, draft.before, &draft.object);
        if before.is_none() && schema.scope != Scope::Global {
            let tenant = projection.get("tenant", &draft.object.tenant).ok_or(WriteError::NotFound("Tenant"))?;
            guards.refer_to(tenant, &draft.object.uuid);
        }

        let after = std::sync::Arc::new(draft.object);
        let change = match before {
            None => Change::Created(after),
            Some(before) => Change::Replaced { before: before.clone(), after },
        };
        Ok(Write { warnings: draft.warnings, ..guards.finish(change)? })
    }

    /// Uuid of the cloud that a cloud-scoped object will live in.
    fn cloud(&self, input: &Map<String, Value>, tenant: &str) -> Result<Option<String>, WriteError> {
        if !self.schema.scope.is_in_cloud() {
            return Ok(None);
        }
        let resolver = Resolver { projection: self.projection, tenant, any_tenant: false, cloud: None };
        let sent = given(input, "cloud_ref").map(|sent| text(sent, "cloud_ref")).transpose()?.flatten();
        let stored = match (sent, self.before) {
            (Some(sent), _) => Some(resolver.resolve("cloud", sent, "cloud_ref")?),
            (None, Some(before)) => reference::cloud_of(before).map(|uuid| reference::stored("cloud", uuid)),
            (None, None) => resolver.resolve_default("cloud", "Default-Cloud"),
        };
        Ok(stored.as_deref().and_then(reference::parse_stored).map(|(_, uuid)| uuid.to_owned()))
    }

    fn uses_uuid_from_input(&self) -> bool {
        let portal = |system: &std::sync::Arc<Object>| system.body.get("portal_configuration").cloned();
        let portal = self.projection.single("systemconfiguration").and_then(portal);
        portal.and_then(|portal| portal.get("use_uuid_from_input")?.as_bool()) == Some(true)
    }
}

/// A member that is set: null means that it is not.
fn given<'v>(input: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    input.get(name).filter(|value| !value.is_null() && value.as_str() != Some(""))
}
