//! A record as one flat JSON object: `time level component target message`, then the fields.

use serde_json::{Map, Value};

use crate::layer::Record;

/// Put before a field's name where it would hide one of the record's own.
const CLASH_PREFIX: &str = "field_";

/// The line, with its newline. Time is UTC with microseconds, RFC 3339.
pub(crate) fn line(record: &Record<'_>) -> String {
    let mut object = Map::new();
    object.insert("time".to_owned(), format!("{:.6}", record.time).into());
    object.insert("level".to_owned(), record.level.as_str().to_ascii_lowercase().into());
    object.insert("component".to_owned(), record.component.clone().into());
    object.insert("target".to_owned(), record.target.into());
    object.insert("message".to_owned(), record.fields.message.clone().into());
    for (name, value) in &record.fields.named {
        let own = object.contains_key(*name);
        let key = if own { format!("{CLASH_PREFIX}{name}") } else { (*name).to_owned() };
        object.insert(key, value.clone());
    }
    let mut line = Value::Object(object).to_string();
    line.push('\n');
    line
}
