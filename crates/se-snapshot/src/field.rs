//! Reading fields of a stored object, keeping the place for problems.

use std::net::IpAddr;

use model::DomainName;
use serde_json::{Map, Value};

use crate::Problem;

static NOTHING: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);

/// The fields of an object that is not there.
pub(crate) fn nothing() -> &'static Map<String, Value> {
    &NOTHING
}

/// A message of a stored object, and where it is.
pub(crate) struct Message<'a> {
    object: &'a str,
    path: String,
    fields: &'a Map<String, Value>,
}

impl<'a> Message<'a> {
    /// The object itself; `object` is its name in problems.
    pub(crate) fn root(object: &'a str, fields: &'a Map<String, Value>) -> Self {
        Self { object, path: String::new(), fields }
    }

    /// A problem with one field; with an empty name, with the message itself.
    pub(crate) fn problem(&self, field: &str, reason: impl Into<String>) -> Problem {
        Problem { object: self.object.to_owned(), field: self.at(field), reason: reason.into() }
    }

    /// Whether the field is there.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// Whether the field says anything: it is there, and neither off, zero nor empty.
    pub(crate) fn is_set(&self, field: &str) -> bool {
        match self.fields.get(field) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(on)) => *on,
            Some(Value::Number(number)) => number.as_f64() != Some(0.0),
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Array(elements)) => !elements.is_empty(),
            Some(Value::Object(fields)) => !fields.is_empty(),
        }
    }

    /// Names of the fields that say anything.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> {
        let message = Message { object: self.object, path: String::new(), fields: self.fields };
        self.fields.keys().map(String::as_str).filter(move |name| message.is_set(name))
    }

    /// A text that is not empty.
    pub(crate) fn text(&self, field: &str) -> Option<&'a str> {
        self.fields.get(field).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// A boolean, or its default.
    pub(crate) fn flag(&self, field: &str, default: bool) -> bool {
        self.fields.get(field).and_then(Value::as_bool).unwrap_or(default)
    }

    /// A number that is not negative.
    pub(crate) fn number(&self, field: &str) -> Option<u64> {
        self.fields.get(field).and_then(Value::as_u64)
    }

    /// A number with a fraction.
    pub(crate) fn decimal(&self, field: &str) -> Option<f64> {
        self.fields.get(field).and_then(Value::as_f64)
    }

    /// The uuid a reference ends in, whatever form it is stored in.
    pub(crate) fn reference(&self, field: &str) -> Option<&'a str> {
        self.text(field).map(uuid_of)
    }

    /// The uuids of a list of references.
    pub(crate) fn references(&self, field: &str) -> Vec<&'a str> {
        self.texts(field).map(uuid_of).collect()
    }

    /// The texts of a list.
    pub(crate) fn texts(&self, field: &str) -> impl Iterator<Item = &'a str> {
        self.list(field).iter().filter_map(Value::as_str)
    }

    /// The numbers of a list.
    pub(crate) fn numbers(&self, field: &str) -> impl Iterator<Item = u64> {
        self.list(field).iter().filter_map(Value::as_u64)
    }

    /// The nested message; empty when it is not there.
    pub(crate) fn message(&self, field: &str) -> Message<'a> {
        let fields = self.fields.get(field).and_then(Value::as_object).unwrap_or(&NOTHING);
        Message { object: self.object, path: self.at(field), fields }
    }

    /// The nested message, if it is there.
    pub(crate) fn some(&self, field: &str) -> Option<Message<'a>> {
        self.fields.get(field).is_some_and(Value::is_object).then(|| self.message(field))
    }

    /// The messages of a list.
    pub(crate) fn messages(&self, field: &str) -> Vec<Message<'a>> {
        let items = self.list(field).iter().enumerate();
        items
            .map(|(index, item)| Message {
                object: self.object,
                path: self.at(&format!("{field}[{index}]")),
                fields: item.as_object().unwrap_or(&NOTHING),
            })
            .collect()
    }

    /// The address of an `IpAddr` message; `None` when it is absent.
    pub(crate) fn address(&self, field: &str) -> Option<Result<IpAddr, Problem>> {
        let text = self.message(field).text("addr")?;
        Some(text.parse().map_err(|_| self.problem(field, format!("`{text}` is not an IP address; skipped"))))
    }

    /// A domain name; `None` when it is absent.
    pub(crate) fn domain(&self, field: &str) -> Option<Result<DomainName, Problem>> {
        let text = self.text(field)?;
        Some(DomainName::parse(text).map_err(|error| self.problem(field, format!("{error}; skipped"))))
    }

    /// The domain names of a list; those that are none become problems.
    pub(crate) fn domains(&self, field: &str, problems: &mut Vec<Problem>) -> Vec<DomainName> {
        let mut found = Vec::new();
        for (index, text) in self.texts(field).enumerate() {
            match DomainName::parse(text) {
                Ok(name) if found.contains(&name) => {}
                Ok(name) => found.push(name),
                Err(error) => problems.push(self.problem(&format!("{field}[{index}]"), format!("{error}; skipped"))),
            }
        }
        found
    }

    fn list(&self, field: &str) -> &'a [Value] {
        self.fields.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn at(&self, field: &str) -> String {
        match (self.path.is_empty(), field.is_empty()) {
            (true, _) => field.to_owned(),
            (false, true) => self.path.clone(),
            (false, false) => format!("{}.{field}", self.path),
        }
    }
}

/// What a reference ends in: `https://host/api/pool/pool-1#name` is `pool-1`.
fn uuid_of(reference: &str) -> &str {
    let reference = reference.split('#').next().unwrap_or(reference);
    reference.rsplit('/').next().unwrap_or(reference)
}
