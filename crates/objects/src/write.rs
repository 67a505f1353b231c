//! Create, replace, patch and delete as values: what to commit, and under which conditions.
//!
//! ```text
//!  input ──▶ coerce (schema) ──▶ rules (type) ──▶ guards and effects ──▶ the edge: one store transaction
//!                 ▲                   ▲
//!                 └──── Projection ───┘            Conflict? wait until the projection has caught up, decide again
//! ```
//!
//! # How races are excluded
//! A write is decided on a projection that may be behind the store, so everything the decision relied on is repeated
//! as a [`Guard`] and checked by the store in the same transaction:
//!
//! * **Two writers of one object.** Replace, patch and delete compare the object's key with the revision they read.
//! * **Names.** Each unique thing an object holds (its name, the domain names of a GSLB service, being the only `gslb`)
//!   is a key. Taking it requires it absent, and puts it; giving it up deletes it.
//! * **A new reference against the delete of its target.** A write that adds a reference requires the target present
//!   and writes the target's `/refs/…` key, without comparing it, so referrers do not disturb each other. A delete
//!   requires the target's `/refs/…` key unchanged since the projection said that nobody points at it. Whichever
//!   commits second fails. A write that adds more than a few dozen references to objects of one type does the same
//!   with one key for all of them: it writes `/refs/<type>` and compares `/deletes/<type>`, a delete the other way
//!   round. System default objects cannot be deleted, so references to them need no guard. A tenant
//!   is the target of each object it owns.
//! * **GSLB.** Federated writes compare the `gslb` object (or its absence) they were judged by: maintenance mode, leader and
//!   sub-domains cannot change in between. A new GSLB service counts as a reference to `gslb`.
//!
//! * **Addresses.** An address that a VsVip holds is a key within its VRF, taken like a name, whether it was given or
//!   allocated. Which one is allocated depends on [`WriteContext::attempt`], so that writers who met in a conflict part.
//! * **Listeners.** Virtual services on one VsVip write its `/listeners/…` key, comparing it: their ports cannot overlap.
//!
//! Some writes are more than one object: a virtual service with an address brings a VsVip, a cloud its VRFs, a macro
//! whatever it holds inline. [`Batch`] decides them one after the other, and they are one write of one transaction.
//!
//! On a conflict the edge lets the projection reach the store's revision and calls the same function again: either
//! the write is still right, under new guards, or the error with the right text comes out by itself.

mod assembly;
mod batch;
mod compound;
pub(crate) mod guards;

use std::sync::Arc;

use avi_schema::{Names, Scope, TypeSchema};
use serde_json::{Map, Value};

pub use self::batch::Batch;
pub use self::compound::{MacroVerb, decide_macro, model};

use self::assembly::Assembly;
use self::guards::Guards;
use crate::coerce::Mode;
use crate::error::WriteError;
use crate::object::Object;
use crate::projection::{Projection, Visibility};
use crate::{key, reference, rules};

/// Most guards and most effects of one write; the bound of the store's transactions.
pub const KEYS_MAX: usize = 128;
/// Longest name, in characters (avi-api 2.1).
pub const NAME_CHARS_MAX: usize = 255;

/// A write that was decided and waits for its commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// What happens.
    pub change: Change,
    /// What else happens in the same commit, in order.
    pub others: Vec<Change>,
    /// What was accepted and deserves a look, in sentences.
    pub warnings: Vec<String>,
    /// Conditions, at most [`KEYS_MAX`].
    pub guards: Vec<Guard>,
    /// Keys to write, at most [`KEYS_MAX`], each once.
    pub effects: Vec<Effect>,
}

/// What a write does to its object.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The object is new.
    Created(Arc<Object>),
    /// The object changed.
    Replaced {
        /// As it was.
        before: Arc<Object>,
        /// As it will be; render this in the response.
        after: Arc<Object>,
    },
    /// The object goes.
    Deleted(Arc<Object>),
}

/// A condition of the commit; the edge maps it to a store comparison of the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// The key does not exist.
    Absent(String),
    /// The key exists.
    Present(String),
    /// The key was last written at this store revision.
    ModifiedAt(String, u64),
}

/// A key to write; the edge maps it to a store operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Creates or replaces.
    Put(String, Vec<u8>),
    /// Removes.
    Delete(String),
}

/// Who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A client of the API.
    Client,
    /// The controller itself: may create singletons, and is not held to leader and maintenance rules.
    Controller {
        /// Mark what it creates as a system default object.
        system_default: bool,
    },
}

/// The circumstances of a write.
#[derive(Clone, Copy)]
pub struct WriteContext<'a> {
    /// Uuid of the tenant that owns a new object whose body names none: the request's, or the user's default for `*`.
    pub tenant: &'a str,
    /// What the caller sees, and may therefore write.
    pub visibility: Visibility<'a>,
    /// Microseconds since the epoch.
    pub now_us: i64,
    /// A fresh random uuid (36 characters, lower case, no prefix) at each call.
    pub new_uuid: &'a (dyn Fn() -> String + Sync),
    /// Uuid that the `Slug` header asks for.
    pub slug: Option<&'a str>,
    /// Who writes.
    pub origin: Origin,
    /// How often this write was decided before and lost to another writer.
    pub attempt: u32,
}

impl Write {
    /// The object as it will be, `None` for a delete.
    #[must_use]
    pub fn object(&self) -> Option<&Arc<Object>> {
        self.change.object()
    }
}

impl Change {
    /// The object as it will be, `None` for a delete.
    #[must_use]
    pub fn object(&self) -> Option<&Arc<Object>> {
        match self {
            Self::Created(object) | Self::Replaced { after: object, .. } => Some(object),
            Self::Deleted(_) => None,
        }
    }
}

/// Decides a POST: a new object from `input` (avi-api 1.9).
///
/// # Errors
/// The text and class of the refusal.
pub fn create(
    projection: &Projection,
    schema: &'static TypeSchema,
    input: &Value,
    context: &WriteContext<'_>,
) -> Result<Write, WriteError> {
    let mut batch = Batch::new(projection, context);
    batch.create(schema, input)?;
    batch.finish()
}

/// Decides a PUT: the object's configuration becomes `input` (avi-api 1.10). `Value::Null` stands for an empty body,
/// which only a singleton accepts: nothing changes but `_last_modified`. The uuid of a singleton is that of
/// [`Projection::single`].
///
/// # Errors
/// The text and class of the refusal.
pub fn replace(
    projection: &Projection,
    schema: &'static TypeSchema,
    uuid: &str,
    input: &Value,
    context: &WriteContext<'_>,
) -> Result<Write, WriteError> {
    let kept = with_our_fields(projection, schema, uuid, input);
    replace_whole(projection, schema, uuid, kept.as_ref().unwrap_or(input), context)
}

/// What clients of Avi's API cannot know of, and so leave out, stays. It goes with a PATCH, or as `null`.
fn with_our_fields(projection: &Projection, schema: &'static TypeSchema, uuid: &str, input: &Value) -> Option<Value> {
    let fields = rules::of(schema.path)?.our_fields();
    let before = projection.get(schema.path, uuid)?;
    let mut kept = input.as_object()?.clone();
    for field in fields {
        if let Some(value) = before.body.get(*field) {
            kept.entry(*field).or_insert_with(|| value.clone());
        }
    }
    Some(Value::Object(kept))
}

fn replace_whole(
    projection: &Projection,
    schema: &'static TypeSchema,
    uuid: &str,
    input: &Value,
    context: &WriteContext<'_>,
) -> Result<Write, WriteError> {
    let mut batch = Batch::new(projection, context);
    batch.replace(schema, uuid, input)?;
    batch.finish()
}

/// Decides a PATCH in any of the accepted forms (avi-api 1.10): it is applied to what is stored, and the result is
/// judged like a PUT.
///
/// # Errors
/// The text and class of the refusal.
pub fn patch(
    projection: &Projection,
    schema: &'static TypeSchema,
    uuid: &str,
    input: &Value,
    context: &WriteContext<'_>,
) -> Result<Write, WriteError> {
    let before = existing(projection, schema, uuid, context)?;
    let assembly = Assembly { projection, schema, context, before: Some(before) };
    let coercion = assembly.coercion(Mode::Fragment, &before.tenant, reference::cloud_of(before).map(str::to_owned));
    let patched = crate::patch::apply(schema, before, input, &coercion)?;
    replace_whole(projection, schema, uuid, &Value::Object(patched), context)
}

/// Decides a DELETE (avi-api 1.10).
///
/// # Errors
/// The text and class of the refusal.
pub fn delete(
    projection: &Projection,
    schema: &'static TypeSchema,
    uuid: &str,
    context: &WriteContext<'_>,
) -> Result<Write, WriteError> {
    let mut batch = Batch::new(projection, context);
    batch.delete(schema, uuid)?;
    batch.finish()
}

/// A create of this object alone.
fn create_alone(
    projection: &Projection,
    schema: &'static TypeSchema,
    input: &Map<String, Value>,
    context: &WriteContext<'_>,
) -> Result<Write, WriteError> {
    if schema.names == Names::Singleton && context.origin == Origin::Client {
        return Err(WriteError::MethodNotAllowed("POST"));
    }
    let assembly = Assembly { projection, schema, context, before: None };
    let tenant = assembly.tenant(input)?;
    let (name, uuid, body) = (assembly.name(input)?, assembly.uuid(input)?, assembly.body(input, &tenant)?);
    let mut object = Object::new(schema.path, uuid, name, tenant, body, context.now_us);
    object.system_default = context.origin == Origin::Controller { system_default: true };
    assembly.finish(object)
}

/// A replace of this object alone.
fn replace_alone(
    projection: &Projection,
    schema: &'static TypeSchema,
    uuid: &str,
    input: &Value,
    context: &WriteContext<'_>,
) -> Result<Write, WriteError> {
    let before = existing(projection, schema, uuid, context)?;
    let assembly = Assembly { projection, schema, context, before: Some(before) };
    if schema.names == Names::Singleton && input.is_null() {
        return assembly.finish(assembly.successor(before.name.clone(), before.body.clone()));
    }
    let input = members(input)?;
    assembly.check_not_stale(input)?;
    assembly.replace(input)
}

/// A delete of this object alone.
fn delete_alone(
    projection: &Projection,
    schema: &'static TypeSchema,
    uuid: &str,
    context: &WriteContext<'_>,
) -> Result<Write, WriteError> {
    if schema.names == Names::Singleton {
        return Err(WriteError::MethodNotAllowed("DELETE"));
    }
    let object = existing(projection, schema, uuid, context)?;
    if object.system_default && context.origin == Origin::Client {
        return Err(WriteError::SystemDefault);
    }
    let mut guards = Guards::default();
    guards.require_unchanged(object);
    if context.origin == Origin::Client && rules::is_federated(object.path, &object.body) {
        rules::check_federation(projection, Some(object), None, &mut guards)?;
    }
    if let Some(rules) = rules::of(schema.path) {
        rules.check_delete(projection, object, &mut guards)?;
    }
    let referrers = projection.referrers(object.path, &object.uuid);
    if !referrers.is_empty() {
        let referrers = referrers.iter().map(|by| format!("{} {}", by.model, by.name)).collect();
        return Err(WriteError::Referred { model: schema.model, referrers });
    }
    guards.require_unreferred(projection, object);
    guards.delete(key::object(object.path, &object.uuid));
    for claim in rules::claim_keys(schema, object) {
        guards.delete(claim);
    }
    guards.finish(Change::Deleted(object.clone()))
}

/// The object to write, if the caller sees and owns it.
fn existing<'a>(
    projection: &'a Projection,
    schema: &TypeSchema,
    uuid: &str,
    context: &WriteContext<'_>,
) -> Result<&'a Arc<Object>, WriteError> {
    let object = projection.get(schema.path, uuid).filter(|object| context.visibility.sees(schema, object));
    let object = object.ok_or(WriteError::NotFound(schema.model))?;
    match context.visibility {
        Visibility::Tenant(tenant) if schema.scope != Scope::Global && object.tenant != tenant => {
            Err(WriteError::OtherTenant { model: schema.model, name: object.name.clone() })
        }
        _ => Ok(object),
    }
}

fn members(input: &Value) -> Result<&Map<String, Value>, WriteError> {
    input.as_object().ok_or(WriteError::Body("expected a JSON object"))
}
