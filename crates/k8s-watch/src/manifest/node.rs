//! A document as a tree whose nodes know their lines.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::Spanned;

use super::unique_names::UniqueNames;

/// One value and the line on which it stands, counted from 1; 0 when unknown.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) content: Content,
}

/// What stands there.
#[derive(Debug)]
pub(super) enum Content {
    Null,
    Bool(bool),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    String(String),
    List(Vec<Node>),
    Map(Vec<Field>),
}

/// A named value; its line is the name's.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) node: Node,
}

/// A text that is no document.
#[derive(Debug)]
pub(super) struct Malformed {
    pub(super) line: Option<usize>,
    pub(super) message: String,
}

/// Parses one YAML document whose first line is line `first_line` of its file.
pub(super) fn parse_yaml(text: &str, first_line: usize) -> Result<Node, Malformed> {
    let mut node: Node = serde_saphyr::from_str(text).map_err(|error| {
        let error = error.without_snippet();
        let line = error.location().and_then(|location| usize::try_from(location.line()).ok()).filter(|line| *line > 0);
        Malformed { line: line.map(|line| line + first_line - 1), message: without_place(&error.to_string()) }
    })?;
    node.shift(first_line - 1);
    Ok(node)
}

/// Parses a JSON file. Lines come from the YAML parser, which reads nearly all JSON; without it they are unknown.
pub(super) fn parse_json(text: &str) -> Result<Node, Malformed> {
    if text.trim().is_empty() {
        return Ok(Node::from(Value::Null));
    }
    let malformed = |error: serde_json::Error| Malformed {
        line: Some(error.line()).filter(|line| *line > 0),
        message: without_place(&error.to_string()),
    };
    // The YAML parser finds names that come twice, but it does not read all JSON.
    serde_json::from_str::<UniqueNames>(text).map_err(malformed)?;
    let value: Value = serde_json::from_str(text).map_err(malformed)?;
    Ok(parse_yaml(text, 1).unwrap_or_else(|_| Node::from(value)))
}

/// First line of a parser's message without the place at its end, which counts from the start of the document.
fn without_place(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let line = line.rfind(" at line ").map_or(line, |end| &line[..end]);
    // What follows is advice to who calls the parser.
    line.find(", set DuplicateKeyPolicy").map_or(line, |end| &line[..end]).to_owned()
}

impl From<Value> for Node {
    fn from(value: Value) -> Self {
        let content = match value {
            Value::Null => Content::Null,
            Value::Bool(value) => Content::Bool(value),
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(value), _) => Content::Integer(value),
                (None, Some(value)) => Content::Unsigned(value),
                (None, None) => Content::Float(number.as_f64().unwrap_or_default()),
            },
            Value::String(text) => Content::String(text),
            Value::Array(values) => Content::List(values.into_iter().map(Self::from).collect()),
            Value::Object(fields) => {
                let field = |(name, value)| Field { name, line: 0, node: Self::from(value) };
                Content::Map(fields.into_iter().map(field).collect())
            }
        };
        Self { line: 0, content }
    }
}

impl Node {
    fn shift(&mut self, lines: usize) {
        if self.line > 0 {
            self.line += lines;
        }
        match &mut self.content {
            Content::List(nodes) => nodes.iter_mut().for_each(|node| node.shift(lines)),
            Content::Map(fields) => {
                for field in fields {
                    if field.line > 0 {
                        field.line += lines;
                    }
                    field.node.shift(lines);
                }
            }
            _ => {}
        }
    }
}

impl Content {
    /// For a sentence: "a list", "a number".
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Integer(_) | Self::Unsigned(_) | Self::Float(_) => "a number",
            Self::String(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Content>::deserialize(deserializer)?;
        Ok(Self { line: line_of(&spanned), content: spanned.value })
    }
}

fn line_of<T>(spanned: &Spanned<T>) -> usize {
    usize::try_from(spanned.referenced.line()).unwrap_or(0)
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        Content::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(i64::try_from(value).map_or(Content::Unsigned(value), Content::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        Ok(Content::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Content, E> {
        Ok(Content::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Content, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = seq.next_element()? {
            nodes.push(node);
        }
        Ok(Content::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = map.next_key::<Spanned<String>>()? {
            fields.push(Field { line: line_of(&name), name: name.value, node: map.next_value()? });
        }
        Ok(Content::Map(fields))
    }
}
