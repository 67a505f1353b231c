//! Words of OpenAPI 3.0 as API servers take them ("structural schemas").

use serde_json::{Map, Value, json};

/// An object with these fields.
pub(super) fn object<const N: usize>(about: &str, required: &[&str], fields: [(&str, Value); N]) -> Value {
    let fields: Map<String, Value> = fields.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    let mut schema = json!({ "description": about, "type": "object", "properties": fields });
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

pub(super) fn array(about: &str, items: Value) -> Value {
    json!({ "description": about, "type": "array", "items": items })
}

pub(super) fn string(about: &str) -> Value {
    json!({ "description": about, "type": "string" })
}

/// A string out of a few.
pub(super) fn one_of(about: &str, values: &[&str]) -> Value {
    json!({ "description": about, "type": "string", "enum": values })
}

/// Any keys, with strings as values.
pub(super) fn string_map(about: &str) -> Value {
    json!({ "description": about, "type": "object", "additionalProperties": { "type": "string" } })
}

pub(super) fn boolean(about: &str) -> Value {
    json!({ "description": about, "type": "boolean" })
}

/// An integer, both limits included.
pub(super) fn integer(about: &str, limits: Option<(i64, i64)>) -> Value {
    let mut schema = json!({ "description": about, "type": "integer", "format": "int64" });
    if let Some((minimum, maximum)) = limits {
        schema["minimum"] = minimum.into();
        schema["maximum"] = maximum.into();
    }
    schema
}
