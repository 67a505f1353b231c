//! An object as a client sees it (avi-api 1.7, 1.16, 2.1).

use avi_schema::{Default, Field, Kind, MessageSchema, Scope, TypeSchema};
use serde_json::{Map, Value, json};

use crate::coerce::{SENSITIVE, without_empty};
use crate::defaults;
use crate::object::Object;
use crate::projection::Projection;
use crate::reference;
use crate::rules::{self, Show};

/// How to show an object.
#[derive(Debug, Clone, Copy, Default)]
pub struct RenderOptions<'a> {
    /// Scheme and host that urls start with: `https://10.0.0.1`.
    pub base_url: &'a str,
    /// Append `#name` to `url` and every reference: always after a write, on GET only with `include_name`.
    pub names: bool,
    /// Only these top-level members (and `url`, `uuid`, `name`, `_last_modified`); empty means all.
    pub fields: &'a [String],
    /// Not these top-level members.
    pub exclude: &'a [String],
    /// Leave out what equals its default.
    pub skip_default: bool,
    /// The object is the answer to a write, which leaves out some of what a read shows.
    pub is_reply: bool,
    /// Microseconds since the epoch, for what depends on the day: whether a certificate is about to expire.
    pub now_us: i64,
}

/// The object as JSON: url, absolute references, masked secrets, no null, no empty text, no empty list.
#[must_use]
pub fn render(projection: &Projection, object: &Object, options: &RenderOptions<'_>) -> Value {
    render_as(projection, projection.types().get(object.path), object, options)
}

/// The same of an object whose table is given: of one that is not stored.
#[must_use]
pub fn render_as(
    projection: &Projection,
    schema: Option<&TypeSchema>,
    object: &Object,
    options: &RenderOptions<'_>,
) -> Value {
    let rendering = Rendering { projection, options };
    let mut shown = Map::new();
    shown.insert("url".to_owned(), Value::from(url(object, options.base_url, options.names)));
    shown.insert("uuid".to_owned(), Value::from(object.uuid.clone()));
    if !object.name.is_empty() {
        shown.insert("name".to_owned(), Value::from(object.name.clone()));
    }
    if let Some(schema) = schema {
        rendering.message(schema.message, &object.body, |name| options.shows(name), &mut shown);
        if let Some(rules) = rules::of(schema.path) {
            rules.show(&mut Show { projection, options, shown: &mut shown }, object);
        }
    }
    if schema.is_none_or(|schema| schema.scope != Scope::Global) && options.shows("tenant_ref") {
        let stored = reference::stored("tenant", &object.tenant);
        shown.insert("tenant_ref".to_owned(), Value::from(rendering.reference(&stored)));
    }
    if !options.exclude.iter().any(|name| name == "_last_modified") {
        shown.insert("_last_modified".to_owned(), Value::from(object.last_modified_us.to_string()));
    }
    if options.shows("configpb_attributes") {
        shown.insert("configpb_attributes".to_owned(), json!({"version": object.version}));
    }
    Value::Object(shown)
}

/// The absolute url of an object; with its name, what a `Location` header carries.
#[must_use]
pub fn url(object: &Object, base_url: &str, names: bool) -> String {
    let name = if names && !object.name.is_empty() { format!("#{}", object.name) } else { String::new() };
    format!("{base_url}{}{name}", object.reference())
}

/// A value of this kind as a client sees it.
pub(crate) fn render_value(
    projection: &Projection,
    kind: &Kind,
    value: &Value,
    options: &RenderOptions<'_>,
) -> Option<Value> {
    Rendering { projection, options }.value(kind, value)
}

struct Rendering<'a> {
    projection: &'a Projection,
    options: &'a RenderOptions<'a>,
}

impl RenderOptions<'_> {
    pub(crate) fn shows(&self, name: &str) -> bool {
        let is_listed = |list: &[String]| list.iter().any(|listed| listed == name);
        (self.fields.is_empty() || is_listed(self.fields)) && !is_listed(self.exclude)
    }
}

impl Rendering<'_> {
    /// Known members in the order of the table, then unknown ones where the table keeps them.
    fn message(
        &self,
        message: &MessageSchema,
        body: &Map<String, Value>,
        shows: impl Fn(&str) -> bool,
        into: &mut Map<String, Value>,
    ) {
        for field in message.fields.iter().filter(|field| shows(field.name)) {
            if let Some(value) = body.get(field.name).and_then(|value| self.field(field, value)) {
                into.insert(field.name.to_owned(), value);
            }
        }
        if message.keep_unknown {
            let is_known = |name: &str| message.fields.iter().any(|field| field.name == name);
            for (name, value) in body.iter().filter(|(name, _)| !is_known(name) && shows(name)) {
                if let Some(value) = without_empty(value) {
                    into.insert(name.clone(), value);
                }
            }
        }
    }

    fn field(&self, field: &Field, value: &Value) -> Option<Value> {
        if field.get_only && self.options.is_reply {
            return None;
        }
        if field.sensitive {
            return without_empty(value).map(|_| Value::from(SENSITIVE));
        }
        if self.options.skip_default && self.is_default(field, value) {
            return None;
        }
        let shown = self.value(&field.kind, value)?;
        let says_nothing = shown.as_object().is_some_and(Map::is_empty) && field.default == Default::Message;
        (!(self.options.skip_default && says_nothing)).then_some(shown)
    }

    fn value(&self, kind: &Kind, value: &Value) -> Option<Value> {
        match (kind, value) {
            (Kind::Ref(_), Value::String(stored)) => Some(Value::from(self.reference(stored))),
            (Kind::Message(message), Value::Object(body)) => {
                let mut shown = Map::new();
                self.message(message, body, |_| true, &mut shown);
                Some(Value::Object(shown))
            }
            (Kind::List { of, .. }, Value::Array(elements)) => {
                let shown: Vec<Value> = elements.iter().filter_map(|element| self.value(of, element)).collect();
                (!shown.is_empty()).then_some(Value::Array(shown))
            }
            _ => without_empty(value),
        }
    }

    fn reference(&self, stored: &str) -> String {
        let base_url = self.options.base_url;
        let target = reference::parse_stored(stored).and_then(|(path, uuid)| self.projection.get(path, uuid));
        match target.filter(|_| self.options.names) {
            Some(target) => url(target, base_url, true),
            None => format!("{base_url}{stored}"),
        }
    }

    fn is_default(&self, field: &Field, value: &Value) -> bool {
        match field.default {
            Default::RefName(name) => {
                let target = value.as_str().and_then(reference::parse_stored);
                let target = target.and_then(|(path, uuid)| self.projection.get(path, uuid));
                target.is_some_and(|target| target.name == name)
            }
            Default::Message => false, // judged by what its own defaults leave of it
            default => defaults::value_of(default).as_ref() == Some(value),
        }
    }
}
