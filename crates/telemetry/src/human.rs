//! A record as a line for a person.
//!
//! `12:00:01 amko        GSLB service updated  gslb_service=hello  reason="the split changed"`

use std::fmt::Write;

use serde_json::Value;
use tracing::Level;

use crate::{Colour, field, layer::Record};

/// Room for the longest component of ours, `controller`, so that messages start in one column.
const COMPONENT_WIDTH: usize = 10;

/// ANSI: faint, for what the eye may skip.
const FAINT: &str = "2";

/// The line, with its newline. Control characters are escaped: a value cannot start a line of its own.
pub(crate) fn line(record: &Record<'_>, colour: Colour) -> String {
    let time = record.time.to_zoned(record.zone.clone()).strftime("%H:%M:%S").to_string();
    let mut out = paint(&time, FAINT, colour);
    let _ = write!(out, " {:<COMPONENT_WIDTH$}", record.component);
    out.push_str("  ");
    if let Some(code) = level_colour(record.level) {
        out.push_str(&paint(record.level.as_str(), code, colour));
        out.push_str("  ");
    }
    escape_into(&mut out, &record.fields.message);
    let (reason, facts): (Vec<_>, Vec<_>) = record.fields.named.iter().partition(|(name, _)| *name == field::REASON);
    for (name, value) in facts.into_iter().chain(reason) {
        out.push_str("  ");
        out.push_str(&paint(&format!("{name}="), FAINT, colour));
        value_into(&mut out, value);
    }
    out.push('\n');
    out
}

fn level_colour(level: Level) -> Option<&'static str> {
    match level {
        Level::ERROR => Some("31"),
        Level::WARN => Some("33"),
        Level::INFO => None,
        Level::DEBUG | Level::TRACE => Some(FAINT),
    }
}

fn paint(text: &str, code: &str, colour: Colour) -> String {
    match colour {
        Colour::Always => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        Colour::Never => text.to_owned(),
    }
}

/// A word as it is, anything else in quotes.
fn value_into(out: &mut String, value: &Value) {
    match value {
        Value::String(text) if is_bare(text) => escape_into(out, text),
        Value::String(text) => {
            out.push('"');
            escape_into(out, &text.replace('\\', "\\\\").replace('"', "\\\""));
            out.push('"');
        }
        other => out.push_str(&other.to_string()),
    }
}

fn is_bare(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '"' | '='))
}

fn escape_into(out: &mut String, text: &str) {
    for c in text.chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
}
