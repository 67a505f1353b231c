//! Filters of a list, compiled against a type once and then asked for each object.

use avi_schema::{Kind, TypeSchema};
use serde_json::Value;

use crate::object::Object;
use crate::projection::Projection;
use crate::{reference, rules};

/// One condition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filter {
    /// Nothing matches: the type cannot have what is asked for.
    Nothing,
    /// A member against a text.
    Member { name: String, test: Test },
    /// The name (or, without `by_name`, the uuid) of an object that a reference member points at.
    Target { name: String, by_name: bool, wanted: String },
    /// `markers` has this key and, when given, this value. Both parameters make one condition.
    Label { key: Option<String>, value: Option<String> },
    /// Free text in a member, or in name and description.
    Search { member: Option<String>, text: String },
    /// The object points at this stored reference.
    RefersTo(String),
    /// The object of this path and uuid points at it.
    ReferredBy { path: String, uuid: String },
}

/// How a member is compared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    Equals(String),
    Contains(String),
    /// Lower-cased.
    ContainsIgnoringCase(String),
    In(Vec<String>),
    Greater(String),
    Less(String),
}

impl Filter {
    /// The conditions that the parameters mean for this type; parameters that mean nothing to it are left out.
    pub(crate) fn compile(schema: &TypeSchema, parameters: &[(String, String)]) -> Vec<Self> {
        let value_of = |key: &str| parameters.iter().find(|(k, _)| k == key).map(|(_, value)| value.clone());
        let mut filters: Vec<Self> =
            parameters.iter().filter_map(|(key, value)| Self::of(schema, key, value)).collect();
        let (key, value) = (value_of("label_key"), value_of("label_value"));
        if key.is_some() || value.is_some() {
            filters.push(Self::Label { key, value });
        }
        filters
    }

    fn of(schema: &TypeSchema, key: &str, value: &str) -> Option<Self> {
        let value = value.to_owned();
        let graph = |make: fn(&str, &str) -> Self| {
            Some(value.split_once(':').map_or(Self::Nothing, |(path, uuid)| make(path, uuid)))
        };
        match key {
            "cloud" => return Self::target(schema, "cloud_ref", true, value),
            "cloud_uuid" => return Self::target(schema, "cloud_ref", false, value),
            "search" | "isearch" => return Some(search(&value)),
            "refers_to" => return graph(|path, uuid| Self::RefersTo(reference::stored(path, uuid))),
            "referred_by" => {
                return graph(|path, uuid| Self::ReferredBy { path: path.to_owned(), uuid: uuid.to_owned() });
            }
            _ => {}
        }
        let (name, operator) = key.split_once('.').unwrap_or((key, ""));
        if operator == "name" || operator == "uuid" {
            return Self::target(schema, name, operator == "name", value);
        }
        if !is_scalar(schema, name) {
            // An operator lists what it created in order to delete it: never answer with everything else.
            return (name == "created_by").then_some(Self::Nothing);
        }
        let test = match operator {
            "" => Test::Equals(value),
            "contains" => Test::Contains(value),
            "icontains" => Test::ContainsIgnoringCase(value.to_lowercase()),
            "in" => Test::In(value.split(',').map(|one| one.trim().to_owned()).collect()),
            "gt" => Test::Greater(value),
            "lt" => Test::Less(value),
            _ => return None,
        };
        Some(Self::Member { name: name.to_owned(), test })
    }

    fn target(schema: &TypeSchema, name: &str, by_name: bool, wanted: String) -> Option<Self> {
        let is_ref = |kind: &Kind| match kind {
            Kind::Ref(_) => true,
            Kind::List { of, .. } => matches!(of, Kind::Ref(_)),
            _ => false,
        };
        let exists = name == "tenant_ref" || schema.message.field(name).is_some_and(|field| is_ref(&field.kind));
        exists.then(|| Self::Target { name: name.to_owned(), by_name, wanted })
    }

    /// Whether an object meets the condition.
    pub(crate) fn matches(&self, projection: &Projection, schema: &TypeSchema, object: &Object) -> bool {
        match self {
            Self::Nothing => false,
            Self::Member { name, test } => {
                text_of(schema, object, name).is_some_and(|text| test.holds(&text, is_boolean(schema, name)))
            }
            Self::Target { name, by_name, wanted } => {
                let stored = |text: &str| {
                    let Some((path, uuid)) = reference::parse_stored(text) else { return false };
                    match by_name {
                        true => projection.get(path, uuid).is_some_and(|target| target.name == *wanted),
                        false => uuid == wanted,
                    }
                };
                if name == "tenant_ref" {
                    return stored(&reference::stored("tenant", &object.tenant));
                }
                match object.body.get(name) {
                    Some(Value::String(text)) => stored(text),
                    Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).any(stored),
                    _ => false,
                }
            }
            Self::Label { key, value } => {
                let markers = object.body.get("markers").and_then(Value::as_array).into_iter().flatten();
                markers.into_iter().any(|marker| has_label(marker, key.as_deref(), value.as_deref()))
            }
            Self::Search { member: Some(name), text } => {
                text_of(schema, object, name).is_some_and(|found| found.to_lowercase().contains(text))
            }
            Self::Search { member: None, text } => ["name", "description"]
                .iter()
                .any(|name| text_of(schema, object, name).is_some_and(|found| found.to_lowercase().contains(text))),
            Self::RefersTo(target) => rules::references(schema, &object.body).contains(target),
            Self::ReferredBy { path, uuid } => match (projection.types().get(path), projection.get(path, uuid)) {
                (Some(schema), Some(by)) => rules::references(schema, &by.body).contains(&object.reference()),
                _ => false,
            },
        }
    }
}

impl Test {
    fn holds(&self, text: &str, is_boolean: bool) -> bool {
        match self {
            Self::Equals(wanted) if is_boolean => is_true(wanted) == (text == "true"),
            Self::Equals(wanted) => text == wanted,
            Self::Contains(part) => text.contains(part),
            Self::ContainsIgnoringCase(part) => text.to_lowercase().contains(part),
            Self::In(wanted) => wanted.iter().any(|wanted| wanted == text),
            Self::Greater(bound) => compare(text, bound).is_gt(),
            Self::Less(bound) => compare(text, bound).is_lt(),
        }
    }
}

/// A scalar member that may be compared; secrets may not, or they could be guessed letter by letter.
pub(crate) fn member(schema: &TypeSchema, object: &Object, name: &str) -> Option<Value> {
    match name {
        "name" => Some(Value::from(object.name.clone())),
        "uuid" => Some(Value::from(object.uuid.clone())),
        "_last_modified" => Some(Value::from(object.last_modified_us)),
        _ if !is_scalar(schema, name) => None,
        _ => object.body.get(name).cloned(),
    }
}

fn text_of(schema: &TypeSchema, object: &Object, name: &str) -> Option<String> {
    member(schema, object, name).map(|value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    })
}

/// Numbers by value, everything else by text.
fn compare(a: &str, b: &str) -> std::cmp::Ordering {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => a.cmp(b),
    }
}

fn is_scalar(schema: &TypeSchema, name: &str) -> bool {
    let is_common = matches!(name, "name" | "uuid" | "_last_modified");
    let is_scalar =
        |kind: &Kind| matches!(kind, Kind::Bool | Kind::Int { .. } | Kind::Float | Kind::String | Kind::Enum(_));
    is_common || schema.message.field(name).is_some_and(|field| is_scalar(&field.kind) && !field.sensitive)
}

fn is_boolean(schema: &TypeSchema, name: &str) -> bool {
    schema.message.field(name).is_some_and(|field| matches!(field.kind, Kind::Bool))
}

fn is_true(text: &str) -> bool {
    text.is_empty() || text == "1" || text.eq_ignore_ascii_case("true")
}

fn has_label(marker: &Value, key: Option<&str>, value: Option<&str>) -> bool {
    let has_value = |wanted: &str| {
        let values = marker.get("values").and_then(Value::as_array).into_iter().flatten();
        values.into_iter().any(|value| value.as_str() == Some(wanted))
    };
    key.is_none_or(|key| marker.get("key").and_then(Value::as_str) == Some(key)) && value.is_none_or(has_value)
}

/// `(name,foo)` searches one member, plain text name and description.
fn search(value: &str) -> Filter {
    let inner = value.strip_prefix('(').and_then(|inner| inner.strip_suffix(')'));
    match inner.and_then(|inner| inner.split_once(',')) {
        Some((member, text)) => {
            Filter::Search { member: Some(member.trim().to_owned()), text: text.trim().to_lowercase() }
        }
        None => Filter::Search { member: None, text: value.to_lowercase() },
    }
}
