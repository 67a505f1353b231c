//! Defaults and required fields, at every level that is present (avi-api 2.1).

use avi_schema::{Default, Kind, MessageSchema};
use serde_json::{Map, Value};

use crate::error::WriteError;

/// Fills in the defaults that need no other object. Defaults by name (`Default-Cloud`) are resolved when an object is
/// written, because they become references that are guarded.
pub(crate) fn fill(message: &MessageSchema, body: &mut Map<String, Value>) {
    for field in message.fields {
        if !body.contains_key(field.name)
            && let Some(value) = value_of(field.default)
        {
            body.insert(field.name.to_owned(), value);
        }
        if let Some(value) = body.get_mut(field.name) {
            fill_value(&field.kind, value);
        }
    }
    for field in message.fields {
        if let Default::SameAs(sibling) = field.default
            && !body.contains_key(field.name)
            && let Some(value) = body.get(sibling).cloned()
        {
            body.insert(field.name.to_owned(), value);
        }
    }
}

/// Fills in the defaults inside a value of this kind.
pub(crate) fn fill_value(kind: &Kind, value: &mut Value) {
    match (kind, value) {
        (Kind::Message(message), Value::Object(body)) => fill(message, body),
        (Kind::List { of, .. }, Value::Array(elements)) => {
            for element in elements {
                fill_value(of, element);
            }
        }
        _ => {}
    }
}

/// The value of a default that stands on its own.
pub(crate) fn value_of(default: Default) -> Option<Value> {
    match default {
        Default::Absent | Default::RefName(_) | Default::SameAs(_) => None,
        Default::Bool(value) => Some(Value::Bool(value)),
        Default::Int(value) => Some(Value::from(value)),
        Default::Str(value) => Some(Value::from(value)),
        Default::Message => Some(Value::Object(Map::new())),
    }
}

/// Refuses a body that lacks a required field; `at` is the dotted path of the message, empty at the top.
pub(crate) fn check_required(message: &MessageSchema, body: &Map<String, Value>, at: &str) -> Result<(), WriteError> {
    for field in message.fields {
        let at = join(at, field.name);
        match body.get(field.name) {
            None if field.required => return Err(WriteError::Required(at)),
            None => {}
            Some(value) => check_required_value(&field.kind, value, &at)?,
        }
    }
    Ok(())
}

fn check_required_value(kind: &Kind, value: &Value, at: &str) -> Result<(), WriteError> {
    match (kind, value) {
        (Kind::Message(message), Value::Object(body)) => check_required(message, body, at),
        (Kind::List { of, .. }, Value::Array(elements)) => {
            let mut numbered = elements.iter().enumerate();
            numbered.try_for_each(|(index, element)| check_required_value(of, element, &format!("{at}[{index}]")))
        }
        _ => Ok(()),
    }
}

/// Dotted path of a member.
pub(crate) fn join(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}
