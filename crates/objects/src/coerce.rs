//! Input into stored form, driven by the tables: types, ranges, enums, references, what is ignored and what stays.

use avi_schema::{Default, Field, Kind, MessageSchema};
use serde_json::{Map, Number, Value};

use crate::defaults::join;
use crate::error::WriteError;
use crate::natural_key::Counterparts;
use crate::reference::Resolver;

/// What a sensitive value looks like from outside (avi-api 2.1).
pub(crate) const SENSITIVE: &str = "<sensitive>";

/// How input is judged.
pub(crate) struct Coercion<'a> {
    pub(crate) resolver: Resolver<'a>,
    pub(crate) mode: Mode,
    /// The controller writes and may set fields that clients may not.
    pub(crate) by_controller: bool,
}

/// What the input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A whole configuration: immutable fields are compared, system-owned ones and defaults by name are carried in.
    Whole,
    /// A piece of one inside a PATCH, which will be judged again as part of the whole.
    Fragment,
}

impl Coercion<'_> {
    /// The stored form of a whole top-level message. `stored` is the object as it was, for a replace.
    pub(crate) fn body(
        &self,
        message: &MessageSchema,
        input: &Map<String, Value>,
        stored: Option<&Map<String, Value>>,
    ) -> Result<Map<String, Value>, WriteError> {
        let mut body = self.message(message, input, stored, "")?;
        for field in message.fields.iter().filter(|field| field.immutable && !self.by_controller) {
            let Some(stored) = stored else { continue };
            match (stored.get(field.name), body.get(field.name)) {
                (Some(old), None) => drop(body.insert(field.name.to_owned(), old.clone())),
                (old, new) if old != new => return Err(WriteError::Immutable(self.label(field))),
                _ => {}
            }
        }
        Ok(body)
    }

    /// The stored form of a value; `None` when it means "not set".
    pub(crate) fn value(
        &self,
        kind: &Kind,
        input: &Value,
        stored: Option<&Value>,
        at: &str,
    ) -> Result<Option<Value>, WriteError> {
        if input.is_null() {
            return Ok(None);
        }
        match kind {
            Kind::Bool => boolean(input, at).map(Some),
            Kind::Int { min, max } => integer(input, *min, *max, at).map(Some),
            Kind::Float => float(input, at).map(Some),
            Kind::String => Ok(text(input, at)?.map(Value::from)),
            Kind::Enum(values) => enumerated(input, values, at),
            Kind::Ref(path) => self.reference(path, input, at),
            Kind::Message(message) => {
                let Value::Object(input) = input else {
                    return Err(WriteError::invalid(at, format!("expected an object ({})", message.name)));
                };
                self.message(message, input, stored.and_then(Value::as_object), at)
                    .map(|body| Some(Value::Object(body)))
            }
            Kind::List { of, max, key } => self.list(of, *max, *key, input, stored, at),
            Kind::Any => Ok(without_empty(input)),
        }
    }

    fn message(
        &self,
        message: &MessageSchema,
        input: &Map<String, Value>,
        stored: Option<&Map<String, Value>>,
        at: &str,
    ) -> Result<Map<String, Value>, WriteError> {
        let mut body = Map::new();
        for field in message.fields {
            let old = stored.and_then(|stored| stored.get(field.name));
            if let Some(value) = self.field(field, input.get(field.name), old, &join(at, field.name))? {
                body.insert(field.name.to_owned(), value);
            }
        }
        let is_known = |name: &str| message.fields.iter().any(|field| field.name == name);
        if message.keep_unknown {
            let is_ours = |name: &str| at.is_empty() && is_common(name);
            let unknown = input.iter().filter(|(name, _)| !is_known(name) && !is_ours(name));
            body.extend(unknown.filter_map(|(name, value)| Some((name.clone(), without_empty(value)?))));
        } else if let (Some(stored), Mode::Whole) = (stored, self.mode) {
            // What another release wrote is invisible to clients, so a replace cannot mean to remove it.
            let unknown = stored.iter().filter(|(name, _)| !is_known(name));
            body.extend(unknown.map(|(name, value)| (name.clone(), value.clone())));
        }
        if message.name == "IpAddr" {
            complete_ip_addr(&mut body, at)?;
        }
        Ok(body)
    }

    fn field(
        &self,
        field: &Field,
        input: Option<&Value>,
        stored: Option<&Value>,
        at: &str,
    ) -> Result<Option<Value>, WriteError> {
        let is_whole = self.mode == Mode::Whole;
        if field.output_only && !self.by_controller {
            return Ok(stored.filter(|_| is_whole).cloned());
        }
        if field.sensitive && is_whole && input.and_then(Value::as_str) == Some(SENSITIVE) {
            return Ok(stored.cloned());
        }
        let value = input.map(|input| self.value(&field.kind, input, stored, at)).transpose()?.flatten();
        if let Some(value) = value.as_ref().and_then(Value::as_i64)
            && (1..field.min_nonzero).contains(&value)
        {
            let problem = format!("{value} is out of range, 0 or at least {} is possible", field.min_nonzero);
            return Err(WriteError::invalid(at, problem));
        }
        Ok(match (value, field.default, field.kind) {
            (None, Default::RefName(name), Kind::Ref(path)) if is_whole => {
                self.resolver.resolve_default(path, name).map(Value::from)
            }
            (value, _, _) => value,
        })
    }

    fn reference(&self, path: &'static str, input: &Value, at: &str) -> Result<Option<Value>, WriteError> {
        let Some(text) = text(input, at)? else { return Ok(None) };
        if self.resolver.projection.types().get(path).is_none() {
            return Ok(None); // a type of a later release
        }
        self.resolver.resolve(path, text, at).map(|stored| Some(Value::from(stored)))
    }

    fn list(
        &self,
        of: &Kind,
        max: usize,
        key: Option<&str>,
        input: &Value,
        stored: Option<&Value>,
        at: &str,
    ) -> Result<Option<Value>, WriteError> {
        let Value::Array(input) = input else {
            return Err(WriteError::invalid(at, "expected a list"));
        };
        if max > 0 && input.len() > max {
            return Err(WriteError::invalid(at, format!("{} elements, at most {max} are possible", input.len())));
        }
        let stored = stored.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let counterparts = Counterparts::new(key, stored);
        let mut list = Vec::with_capacity(input.len());
        for (index, element) in input.iter().enumerate() {
            let old = counterparts.of(element, index);
            list.extend(self.value(of, element, old, &format!("{at}[{index}]"))?);
        }
        Ok((!list.is_empty()).then_some(Value::Array(list)))
    }

    /// What an immutable field is called in the refusal: the model for references, `VrfContext`.
    fn label(&self, field: &Field) -> String {
        let model = match field.kind {
            Kind::Ref(path) => self.resolver.projection.types().get(path).map(|schema| schema.model),
            _ => None,
        };
        model.unwrap_or(field.name).to_owned()
    }
}

/// Members of every object that the controller owns, and runtime members that clone scripts post back (avi-api 1.9).
pub(crate) fn is_common(name: &str) -> bool {
    let common = ["uuid", "url", "name", "_last_modified", "tenant_ref", "configpb_attributes"];
    let runtime = ["version", "vip_runtime", "tls_ticket_key", "redis_db", "redis_port"];
    let more_runtime = ["marked_for_delete", "self_se_election", "vs_refs"];
    common.contains(&name) || runtime.contains(&name) || more_runtime.contains(&name)
}

/// A text; `None` for the empty one, which means "not set".
pub(crate) fn text<'v>(input: &'v Value, at: &str) -> Result<Option<&'v str>, WriteError> {
    let Value::String(text) = input else { return Err(WriteError::invalid(at, "expected a string")) };
    Ok((!text.is_empty()).then_some(text))
}

/// Any JSON without null, empty text and empty list as members; `None` when nothing is left of it.
pub(crate) fn without_empty(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::Array(elements) => {
            let kept: Vec<Value> = elements.iter().filter_map(without_empty).collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        Value::Object(body) => {
            Some(body.iter().filter_map(|(name, value)| Some((name.clone(), without_empty(value)?))).collect())
        }
        other => Some(other.clone()),
    }
}

fn boolean(input: &Value, at: &str) -> Result<Value, WriteError> {
    let spelled = match input {
        Value::Bool(value) => return Ok(Value::Bool(*value)),
        Value::String(text) => text.to_ascii_lowercase(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    match spelled.as_str() {
        "true" | "1" => Ok(Value::Bool(true)),
        "false" | "0" => Ok(Value::Bool(false)),
        _ => Err(WriteError::invalid(at, format!("{input} is not a boolean"))),
    }
}

fn integer(input: &Value, min: i64, max: i64, at: &str) -> Result<Value, WriteError> {
    let parsed = match input {
        Value::Number(number) => number.as_i64().or_else(|| whole(number)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    match parsed {
        Some(value) if (min..=max).contains(&value) => Ok(Value::from(value)),
        Some(value) => Err(WriteError::invalid(at, format!("{value} is out of range, {min} to {max} are possible"))),
        None => Err(WriteError::invalid(at, format!("{input} is not an integer"))),
    }
}

/// The integer that `3.0` means. Beyond 2^53 a float is not exact, so nothing there counts as whole.
fn whole(number: &Number) -> Option<i64> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    let value = number.as_f64().filter(|value| value.fract() == 0.0 && value.abs() <= EXACT_MAX)?;
    format!("{value:.0}").parse().ok()
}

fn float(input: &Value, at: &str) -> Result<Value, WriteError> {
    let parsed = match input {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => text.trim().parse().ok().and_then(Number::from_f64),
        _ => None,
    };
    parsed.map(Value::Number).ok_or_else(|| WriteError::invalid(at, format!("{input} is not a number")))
}

fn enumerated(input: &Value, values: &[&str], at: &str) -> Result<Option<Value>, WriteError> {
    match text(input, at)? {
        None => Ok(None),
        Some(text) if values.contains(&text) => Ok(Some(Value::from(text))),
        Some(text) => {
            Err(WriteError::invalid(at, format!("'{text}' is not possible, one of {} is", values.join(", "))))
        }
    }
}

/// Infers `type` from `addr`, or checks it (avi-api 2.3).
fn complete_ip_addr(body: &mut Map<String, Value>, at: &str) -> Result<(), WriteError> {
    let Some(addr) = body.get("addr").and_then(Value::as_str) else { return Ok(()) };
    let inferred = match addr.parse() {
        Ok(std::net::IpAddr::V4(_)) => "V4",
        Ok(std::net::IpAddr::V6(_)) => "V6",
        Err(_) => "DNS",
    };
    match body.get("type").and_then(Value::as_str) {
        None => drop(body.insert("type".to_owned(), Value::from(inferred))),
        Some(declared) if declared == inferred || declared == "DNS" => {}
        Some(declared) => {
            return Err(WriteError::invalid(join(at, "addr"), format!("'{addr}' is not of type {declared}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(result: Result<Value, WriteError>, expected: Result<Value, &str>) {
        assert_eq!(result.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
    }

    #[test]
    fn booleans_and_integers_are_read_from_text() {
        check(boolean(&json!("True"), "f"), Ok(json!(true)));
        check(boolean(&json!(0), "f"), Ok(json!(false)));
        check(boolean(&json!("yes"), "f"), Err("f: \"yes\" is not a boolean"));
        check(integer(&json!(" 7 "), 1, 9, "f"), Ok(json!(7)));
        check(integer(&json!(7.0), 1, 9, "f"), Ok(json!(7)));
        check(integer(&json!(7.5), 1, 9, "f"), Err("f: 7.5 is not an integer"));
        check(integer(&json!(10), 1, 9, "f"), Err("f: 10 is out of range, 1 to 9 are possible"));
        check(integer(&json!(u64::MAX), 1, 9, "f"), Err("f: 18446744073709551615 is not an integer"));
        check(integer(&json!(1e300), 1, 9, "f"), Err("f: 1e+300 is not an integer"));
        check(float(&json!("1.5"), "f"), Ok(json!(1.5)));
        check(float(&json!("nan"), "f"), Err("f: \"nan\" is not a number"));
    }

    #[test]
    fn untyped_json_loses_what_a_response_never_shows() {
        let given = json!({"a": null, "b": "", "c": [], "d": [null, {"e": ""}], "f": 0});
        assert_eq!(without_empty(&given), Some(json!({"d": [{}], "f": 0})));
    }
}
