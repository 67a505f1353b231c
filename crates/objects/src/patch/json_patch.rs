//! JSON Patch (RFC 6902) with JSON pointers (RFC 6901), as loose as clients use it.
//!
//! Looser than the RFC in three points: `add` of a list to a list appends its elements (those that are there already
//! are not doubled), an element of a list may be named by its natural key instead of its index, and `replace` sets a
//! member that is absent, because an unset member has no null to replace. Unknown members of an operation are ignored.

use avi_schema::{Kind, MessageSchema};
use serde_json::{Map, Value};

use crate::coerce::Coercion;
use crate::error::WriteError;
use crate::natural_key;

/// Most operations of one patch.
const OPERATIONS_MAX: usize = 1000;

/// Applies all operations in order; on an error the document is of no use.
pub(super) fn apply(
    message: &'static MessageSchema,
    document: &mut Map<String, Value>,
    operations: &[Value],
    coercion: &Coercion<'_>,
) -> Result<(), WriteError> {
    if operations.len() > OPERATIONS_MAX {
        return Err(WriteError::invalid("json_patch", format!("at most {OPERATIONS_MAX} operations are possible")));
    }
    let mut root = Value::Object(std::mem::take(document));
    for (index, operation) in operations.iter().enumerate() {
        let at = format!("json_patch[{index}]");
        step(message, &mut root, operation, &at, coercion)?;
    }
    match root {
        Value::Object(patched) => *document = patched,
        _ => return Err(WriteError::invalid("json_patch", "the object itself cannot be replaced by something else")),
    }
    Ok(())
}

fn step(
    message: &'static MessageSchema,
    root: &mut Value,
    operation: &Value,
    at: &str,
    coercion: &Coercion<'_>,
) -> Result<(), WriteError> {
    let text = |name: &str| operation.get(name).and_then(Value::as_str);
    let op = text("op").ok_or_else(|| WriteError::Required(format!("{at}.op")))?;
    let path = text("path").ok_or_else(|| WriteError::Required(format!("{at}.path")))?;
    let tokens = |pointer: &str| {
        tokens(pointer).ok_or_else(|| WriteError::invalid(at, format!("'{pointer}' is not a JSON pointer")))
    };
    let value = || operation.get("value").ok_or_else(|| WriteError::Required(format!("{at}.value")));
    let from = || text("from").ok_or_else(|| WriteError::Required(format!("{at}.from"))).and_then(tokens);
    let missing = |pointer: &str| WriteError::invalid(at, format!("there is nothing at '{pointer}'"));
    let mut target = Target { message, root, tokens: tokens(path)? };
    let done = match op {
        "add" => target.add(value()?, coercion)?,
        "replace" => target.replace(value()?.clone()),
        "remove" => target.remove().is_some(),
        "test" => {
            if !target.test(value()?, coercion)? {
                return Err(WriteError::invalid(at, format!("the test of '{path}' failed")));
            }
            true
        }
        "copy" | "move" => {
            let mut source = Target { message, root: target.root, tokens: from()? };
            let taken = if op == "move" { source.remove() } else { source.get().cloned() };
            let taken = taken.ok_or_else(|| missing(text("from").unwrap_or_default()))?;
            Target { message, root: source.root, tokens: tokens(path)? }.insert(taken)
        }
        _ => return Err(WriteError::invalid(at, format!("op '{op}' is not add, replace, remove, move, copy or test"))),
    };
    if done { Ok(()) } else { Err(missing(path)) }
}

/// A place in the document.
struct Target<'a> {
    message: &'static MessageSchema,
    root: &'a mut Value,
    tokens: Vec<String>,
}

impl Target<'_> {
    fn add(&mut self, value: &Value, coercion: &Coercion<'_>) -> Result<bool, WriteError> {
        if let (Some(Kind::List { of, key, .. }), Value::Array(_)) = (self.kind(), value) {
            let elements = super::elements(of, value, &self.tokens.join("."), coercion)?;
            if self.get().is_none() && !self.insert(Value::Array(Vec::new())) {
                return Ok(false);
            }
            if let Some(Value::Array(list)) = self.get_mut() {
                super::merge(of, key, list, elements);
                return Ok(true);
            }
        }
        Ok(self.insert(value.clone()))
    }

    /// Puts a value where the pointer says: a member, or before an element of a list (`-` is its end).
    fn insert(&mut self, value: Value) -> bool {
        let Some(last) = self.tokens.last().cloned() else {
            *self.root = value;
            return true;
        };
        let place = self.place_in_parent();
        match (self.parent_mut(), place) {
            (Some(Value::Object(parent)), _) => drop(parent.insert(last, value)),
            (Some(Value::Array(list)), _) if last == "-" => list.push(value),
            (Some(Value::Array(list)), Some(index)) if index <= list.len() => list.insert(index, value),
            _ => return false,
        }
        true
    }

    fn replace(&mut self, value: Value) -> bool {
        let is_element = matches!(self.parent_mut(), Some(Value::Array(_)));
        match self.get_mut() {
            Some(old) => *old = value,
            None if is_element => return false,
            None => return self.insert(value),
        }
        true
    }

    fn remove(&mut self) -> Option<Value> {
        let last = self.tokens.last().cloned()?;
        let place = self.place_in_parent();
        match self.parent_mut()? {
            Value::Object(parent) => parent.shift_remove(&last),
            Value::Array(list) => place.filter(|index| *index < list.len()).map(|index| list.remove(index)),
            _ => None,
        }
    }

    fn test(&mut self, expected: &Value, coercion: &Coercion<'_>) -> Result<bool, WriteError> {
        let expected = match self.kind() {
            Some(kind) => coercion.value(&kind, expected, None, &self.tokens.join("."))?,
            None => Some(expected.clone()),
        };
        Ok(self.get() == expected.as_ref())
    }

    fn get(&mut self) -> Option<&Value> {
        self.get_mut().map(|value| &*value)
    }

    fn get_mut(&mut self) -> Option<&mut Value> {
        let depth = self.tokens.len();
        self.descend(depth)
    }

    fn parent_mut(&mut self) -> Option<&mut Value> {
        let depth = self.tokens.len().checked_sub(1)?;
        self.descend(depth)
    }

    /// Index that the last token means when the parent is a list.
    fn place_in_parent(&mut self) -> Option<usize> {
        let last = self.tokens.last()?.clone();
        let kind = self.kind_at(self.tokens.len() - 1);
        match self.parent_mut()? {
            Value::Array(list) => index_of(list, kind.as_ref(), &last),
            _ => None,
        }
    }

    fn descend(&mut self, depth: usize) -> Option<&mut Value> {
        let kinds: Vec<Option<Kind>> = (0..depth).map(|depth| self.kind_at(depth)).collect();
        let mut value = &mut *self.root;
        for (token, kind) in self.tokens.iter().zip(&kinds) {
            value = match value {
                Value::Object(body) => body.get_mut(token)?,
                Value::Array(list) => {
                    let index = index_of(list, kind.as_ref(), token)?;
                    list.get_mut(index)?
                }
                _ => return None,
            };
        }
        Some(value)
    }

    /// What the table says of the whole place.
    fn kind(&self) -> Option<Kind> {
        self.kind_at(self.tokens.len())
    }

    /// What the table says after the first `depth` tokens.
    fn kind_at(&self, depth: usize) -> Option<Kind> {
        let mut kind = Kind::Message(self.message);
        for token in self.tokens.iter().take(depth) {
            kind = match kind {
                Kind::Message(message) => super::kind_of(message, token)?,
                Kind::List { of, .. } => *of,
                _ => return None,
            };
        }
        Some(kind)
    }
}

/// The index that a token means: a number, or the natural key of an element.
fn index_of(list: &[Value], kind: Option<&Kind>, token: &str) -> Option<usize> {
    let is_index = token == "0" || (!token.starts_with('0') && token.bytes().all(|b| b.is_ascii_digit()));
    if is_index && let Ok(index) = token.parse() {
        return Some(index);
    }
    match kind {
        Some(Kind::List { key: Some(key), .. }) => {
            list.iter().position(|element| natural_key::is_named(key, element, token))
        }
        _ => list.iter().position(|element| element.as_str() == Some(token)),
    }
}

/// The unescaped tokens of a JSON pointer; none for the whole document.
fn tokens(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    let escaped = pointer.strip_prefix('/')?.split('/');
    Some(escaped.map(|token| token.replace("~1", "/").replace("~0", "~")).collect())
}
