//! Macros: an object together with those given inside it, all or nothing (avi-api 1.11).

use avi_schema::{Kind, MessageSchema, TypeSchema};
use serde_json::{Map, Value};

use super::{Batch, Write, WriteContext};
use crate::error::WriteError;
use crate::projection::Projection;
use crate::types::Types;
use crate::{reference, rules};

/// Objects inside objects, one in the other, at most.
const LEVELS_MAX: usize = 8;
/// Types that a macro never deletes on its way down.
const KEPT: [&str; 7] =
    ["tenant", "cloud", "serviceengine", "serviceenginegroup", "network", "vrfcontext", "ipamdnsproviderprofile"];

/// What a macro does with the object it names, and with those inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MacroVerb {
    /// Makes all of them.
    Create,
    /// Replaces those that are there, by uuid or name, and makes the others.
    Replace,
    /// Removes the object, and what it refers to and nobody else does.
    Delete,
}

/// The type of a `model_name`, in whatever case: `PKIprofile` is `PKIProfile`.
///
/// # Errors
/// When no type has that name.
pub fn model(types: &Types, name: &str) -> Result<&'static TypeSchema, WriteError> {
    let found = types.iter().find(|schema| schema.model.eq_ignore_ascii_case(name));
    found.ok_or_else(|| WriteError::invalid("model_name", format!("'{name}' is no model of this release")))
}

/// Decides a macro over `data`, an object of type `schema` in which `<x>_ref_data` and `<x>_refs_data` stand for the
/// objects that `<x>_ref` and `<x>_refs` refer to.
///
/// # Errors
/// The text and class of the refusal; none of the objects is written then.
pub fn decide_macro(
    projection: &Projection,
    schema: &'static TypeSchema,
    verb: MacroVerb,
    data: &Value,
    context: &WriteContext<'_>,
) -> Result<Write, WriteError> {
    let mut batch = Batch::new(projection, context);
    match verb {
        MacroVerb::Delete => {
            let uuid = existing(&mut batch, schema, data).ok_or(WriteError::NotFound(schema.model))?;
            batch.delete(schema, &uuid)?;
            delete_below(&mut batch, schema, &uuid)?;
        }
        MacroVerb::Create | MacroVerb::Replace => {
            let data = super::members(data)?;
            let input = Value::Object(resolved(&mut batch, schema.message, data, verb, 1)?);
            match existing(&mut batch, schema, &input).filter(|_| verb == MacroVerb::Replace) {
                Some(uuid) => drop(batch.replace(schema, &uuid, &input)?),
                None if verb == MacroVerb::Replace => return Err(WriteError::NotFound(schema.model)),
                None => drop(batch.create(schema, &input)?),
            }
        }
    }
    batch.finish()
}

/// `input` with every object inside it written and referred to.
fn resolved(
    batch: &mut Batch<'_>,
    message: &MessageSchema,
    input: &Map<String, Value>,
    verb: MacroVerb,
    level: usize,
) -> Result<Map<String, Value>, WriteError> {
    if level > LEVELS_MAX {
        return Err(WriteError::invalid("data", format!("more than {LEVELS_MAX} objects lie one inside the other")));
    }
    let mut out = input.clone();
    for (name, value) in input {
        if let Some(field) = name.strip_suffix("_data").and_then(|field| message.field(field)) {
            out.shift_remove(name);
            match (field.kind, value) {
                (_, Value::Null) => {}
                (Kind::Ref(path), Value::Object(data)) => {
                    let made = inner(batch, path, data, verb, level)?;
                    out.insert(field.name.to_owned(), Value::from(made));
                }
                (Kind::List { of: Kind::Ref(path), .. }, Value::Array(list)) => {
                    let mut made = Vec::new();
                    for data in list {
                        made.push(Value::from(inner(batch, path, super::members(data)?, verb, level)?));
                    }
                    // Beside the list itself they come in addition, but AKO repeats there by name what it sends here.
                    let given = out.get(field.name).and_then(Value::as_array).cloned().unwrap_or_default();
                    let others = given.into_iter().filter(|given| !is_made(batch, path, given, &made));
                    let all: Vec<Value> = others.collect::<Vec<_>>().into_iter().chain(made).collect();
                    out.insert(field.name.to_owned(), Value::Array(all));
                }
                _ => return Err(WriteError::invalid(name.clone(), "expected the object that is referred to")),
            }
            continue;
        }
        let Some(field) = message.field(name) else { continue };
        match (field.kind, value) {
            (Kind::Message(inside), Value::Object(body)) => {
                out.insert(name.clone(), Value::Object(resolved(batch, inside, body, verb, level)?));
            }
            (Kind::List { of: Kind::Message(inside), .. }, Value::Array(elements)) => {
                let mut list = Vec::with_capacity(elements.len());
                for element in elements {
                    list.push(match element {
                        Value::Object(body) => Value::Object(resolved(batch, inside, body, verb, level)?),
                        other => other.clone(),
                    });
                }
                out.insert(name.clone(), Value::Array(list));
            }
            _ => {}
        }
    }
    Ok(out)
}

/// Writes an object inside another; the reference to it.
fn inner(
    batch: &mut Batch<'_>,
    path: &str,
    data: &Map<String, Value>,
    verb: MacroVerb,
    level: usize,
) -> Result<String, WriteError> {
    let schema = batch.projection().types().get(path);
    let schema =
        schema.ok_or_else(|| WriteError::invalid("data", format!("there is no type {path} in this release")))?;
    let input = Value::Object(resolved(batch, schema.message, data, verb, level + 1)?);
    let uuid = existing(batch, schema, &input).filter(|_| verb == MacroVerb::Replace);
    let written = batch.aside(|batch| match uuid {
        Some(uuid) => batch.replace(schema, &uuid, &input),
        None => batch.create(schema, &input),
    })?;
    Ok(written.reference())
}

/// Whether a reference means one of those that were just made.
fn is_made(batch: &mut Batch<'_>, path: &str, given: &Value, made: &[Value]) -> bool {
    let Some(text) = given.as_str() else { return false };
    made.iter().filter_map(Value::as_str).any(|made| {
        let uuid = reference::parse_stored(made).map_or("", |(_, uuid)| uuid);
        let name = batch.projection().get(path, uuid).map(|object| object.name.clone()).unwrap_or_default();
        text.contains(uuid) || text.ends_with(&format!("name={name}")) || text == name
    })
}

/// Uuid of the stored object that `data` is about.
fn existing(batch: &mut Batch<'_>, schema: &'static TypeSchema, data: &Value) -> Option<String> {
    let text = |name: &str| data.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let tenant = batch.context().tenant;
    let projection = batch.projection();
    if let Some(uuid) = text("uuid") {
        return projection.get(schema.path, uuid).map(|object| object.uuid.clone());
    }
    projection.by_name(schema.path, tenant, None, text("name")?).map(|object| object.uuid.clone())
}

/// Removes what a removed object referred to, where nobody else does.
fn delete_below(batch: &mut Batch<'_>, schema: &'static TypeSchema, uuid: &str) -> Result<(), WriteError> {
    let removed = batch.base().get(schema.path, uuid).cloned().ok_or(WriteError::NotFound(schema.model))?;
    for text in rules::references(schema, &removed.body) {
        let Some((path, uuid)) = reference::parse_stored(&text) else { continue };
        let Some(target) = batch.projection().get(path, uuid).cloned() else { continue };
        let is_used = !batch.projection().referrers(path, uuid).is_empty();
        let is_kept = KEPT.contains(&path) || target.system_default || target.tenant != removed.tenant;
        let Some(schema) = batch.projection().types().get(path).filter(|_| !is_used && !is_kept) else { continue };
        batch.aside(|batch| batch.delete(schema, uuid))?;
        delete_below(batch, schema, uuid)?;
    }
    Ok(())
}
