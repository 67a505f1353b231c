//! The forms of a PATCH (avi-api 1.10), applied to the object as a client would see it; the result is a PUT body.
//!
//! Secrets are masked in that document, so that a patch can neither compare nor copy them.

mod json_patch;

use std::collections::{HashMap, HashSet};

use avi_schema::{Kind, MessageSchema, TypeSchema};
use serde_json::{Map, Value};

use crate::coerce::{Coercion, SENSITIVE, without_empty};
use crate::defaults;
use crate::error::WriteError;
use crate::natural_key;
use crate::object::Object;
use crate::reference;

/// The PUT body that a patch makes of the stored object. `add`, `replace`, `delete` (or `remove`) and `json_patch` may
/// come together and are applied in this order; a bare list is a JSON patch.
pub(crate) fn apply(
    schema: &TypeSchema,
    stored: &Object,
    patch: &Value,
    coercion: &Coercion<'_>,
) -> Result<Map<String, Value>, WriteError> {
    let mut document = document(schema, stored);
    match patch {
        Value::Array(operations) => json_patch::apply(schema.message, &mut document, operations, coercion)?,
        Value::Object(patch) => {
            let verbs = ["add", "replace", "delete", "remove"];
            if !verbs.iter().any(|verb| patch.contains_key(*verb)) && !patch.contains_key("json_patch") {
                return Err(WriteError::Body("expected add, replace, delete or json_patch"));
            }
            for verb in verbs {
                let Some(fields) = patch.get(verb).filter(|fields| !fields.is_null()) else { continue };
                let Value::Object(fields) = fields else {
                    return Err(WriteError::invalid(verb, "expected an object"));
                };
                for (name, value) in fields {
                    apply_field(schema.message, &mut document, verb, name, value, coercion)?;
                }
            }
            match patch.get("json_patch") {
                None | Some(Value::Null) => {}
                Some(Value::Array(operations)) => {
                    json_patch::apply(schema.message, &mut document, operations, coercion)?;
                }
                Some(_) => return Err(WriteError::invalid("json_patch", "expected a list of operations")),
            }
        }
        _ => return Err(WriteError::Body("expected a JSON object or a list of operations")),
    }
    Ok(document)
}

fn document(schema: &TypeSchema, stored: &Object) -> Map<String, Value> {
    let mut document = stored.body.clone();
    mask(schema.message, &mut document);
    document.insert("uuid".to_owned(), Value::from(stored.uuid.clone()));
    document.insert("name".to_owned(), Value::from(stored.name.clone()));
    document.insert("tenant_ref".to_owned(), Value::from(reference::stored("tenant", &stored.tenant)));
    document
}

/// Hides every secret.
pub(crate) fn mask(message: &MessageSchema, body: &mut Map<String, Value>) {
    for field in message.fields {
        match body.get_mut(field.name) {
            Some(value) if field.sensitive => *value = Value::from(SENSITIVE),
            Some(value) => mask_value(&field.kind, value),
            None => {}
        }
    }
}

fn mask_value(kind: &Kind, value: &mut Value) {
    match (kind, value) {
        (Kind::Message(message), Value::Object(body)) => mask(message, body),
        (Kind::List { of, .. }, Value::Array(elements)) => {
            elements.iter_mut().for_each(|element| mask_value(of, element));
        }
        _ => {}
    }
}

fn apply_field(
    message: &MessageSchema,
    document: &mut Map<String, Value>,
    verb: &str,
    name: &str,
    value: &Value,
    coercion: &Coercion<'_>,
) -> Result<(), WriteError> {
    let Some(kind) = kind_of(message, name) else { return Ok(()) };
    let removes = matches!(verb, "delete" | "remove");
    if let Kind::List { of, key, .. } = kind
        && verb != "replace"
    {
        let elements = elements(of, value, name, coercion)?;
        let list = document.entry(name).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            match (removes, elements.is_empty()) {
                (true, true) => list.clear(),
                (true, false) => subtract(of, key, list, &elements),
                (false, _) => merge(of, key, list, elements),
            }
        }
        return Ok(());
    }
    let value = if removes { None } else { coercion.value(&kind, value, None, name)? };
    match value {
        Some(value) => drop(document.insert(name.to_owned(), value)),
        None => drop(document.remove(name)),
    }
    Ok(())
}

/// What a member holds: by the table, as text for the common ones, anything where unknown members are kept.
fn kind_of(message: &MessageSchema, name: &str) -> Option<Kind> {
    let known = message.fields.iter().find(|field| field.name == name).map(|field| field.kind);
    match name {
        "name" | "tenant_ref" | "uuid" => Some(known.unwrap_or(Kind::String)),
        _ => known.or(message.keep_unknown.then_some(Kind::Any)),
    }
}

/// The elements that a patch gives for a list, each in stored form; one that stands alone is a list of one.
fn elements(of: &Kind, value: &Value, at: &str, coercion: &Coercion<'_>) -> Result<Vec<Value>, WriteError> {
    let given = match value {
        Value::Null => &[],
        Value::Array(given) => given.as_slice(),
        one => std::slice::from_ref(one),
    };
    let numbered = given.iter().enumerate();
    let coerced = numbered.map(|(index, element)| coercion.value(of, element, None, &format!("{at}[{index}]")));
    coerced.filter_map(Result::transpose).collect()
}

/// Appends elements; one that is there already takes over the members that are given.
fn merge(of: &Kind, key: Option<&str>, list: &mut Vec<Value>, elements: Vec<Value>) {
    let mut places: HashMap<String, usize> = HashMap::new();
    for (place, old) in list.iter().enumerate() {
        places.extend(identity(of, key, old).map(|identity| (identity, place)));
    }
    for element in elements {
        let identity = identity(of, key, &element);
        match (
            identity.as_ref().and_then(|identity| places.get(identity)).and_then(|place| list.get_mut(*place)),
            element,
        ) {
            (Some(Value::Object(old)), Value::Object(element)) => old.extend(element),
            (Some(old), element) => *old = element,
            (None, element) => {
                places.extend(identity.map(|identity| (identity, list.len())));
                list.push(element);
            }
        }
    }
}

/// Removes the elements that are given.
fn subtract(of: &Kind, key: Option<&str>, list: &mut Vec<Value>, elements: &[Value]) {
    let gone: HashSet<String> = elements.iter().filter_map(|element| identity(of, key, element)).collect();
    list.retain(|old| identity(of, key, old).is_none_or(|identity| !gone.contains(&identity)));
}

/// What makes two elements the same one: the natural key, or the whole value once its defaults are filled in.
fn identity(of: &Kind, key: Option<&str>, element: &Value) -> Option<String> {
    if let Some(key) = key {
        return natural_key::identity(key, element);
    }
    let mut whole = element.clone();
    defaults::fill_value(of, &mut whole);
    mask_value(of, &mut whole);
    let mut whole = without_empty(&whole)?;
    whole.sort_all_objects();
    Some(whole.to_string())
}
