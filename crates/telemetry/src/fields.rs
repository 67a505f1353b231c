//! What an event or a span carries: the message and the named values, in the order they were written.

use std::error::Error;
use std::fmt;

use serde_json::Value;
use tracing::field::{Field, Visit};

/// Prefix under which the bridge from the `log` crate passes a record's origin.
const LOG_BRIDGE: &str = "log.";

/// The message and the named values of one event or span.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    /// The constant text; empty for a span.
    pub(crate) message: String,
    /// Target of a record that came through the `log` crate.
    pub(crate) log_target: Option<String>,
    /// Name and value, in the order they were written.
    pub(crate) named: Vec<(&'static str, Value)>,
}

impl Fields {
    /// Take the values whose names are not here yet: what is nearer to the event wins.
    pub(crate) fn inherit(&mut self, outer: &Self) {
        for (name, value) in &outer.named {
            if !self.named.iter().any(|(known, _)| known == name) {
                self.named.push((name, value.clone()));
            }
        }
    }

    fn put(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            ("log.target", Value::String(target)) => self.log_target = Some(target),
            (name, _) if name.starts_with(LOG_BRIDGE) => {}
            (name, value) => match self.named.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = value, // a span field that was recorded later
                None => self.named.push((name, value)),
            },
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::String(value.to_owned()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::Bool(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Value::from(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, Value::from(value)); // JSON has no NaN: it becomes null
    }

    /// The whole chain, once: our errors do not repeat their source.
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = value.to_string();
        let mut next = value.source();
        while let Some(source) = next {
            text.push_str(": ");
            text.push_str(&source.to_string());
            next = source.source();
        }
        self.put(field, Value::String(text));
    }
}
