//! A document's tree read into the types of its kind, with every field that these types do not know.

use std::{cell::RefCell, fmt};

use k8s_crds::{Kind, Object};
use serde::{
    Deserialize,
    de::{self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor},
    forward_to_deserialize_any,
};

use super::node::{Content, Field, Node};

/// A field that its type does not know.
#[derive(Debug)]
pub(super) struct Unknown {
    /// For example `spec.rules[0].hots`.
    pub(super) path: String,
    /// Its last part.
    pub(super) name: String,
    pub(super) line: usize,
    /// Fields that the type knows.
    pub(super) known: &'static [&'static str],
}

/// A field whose value does not fit.
#[derive(Debug)]
pub(super) struct FieldError {
    pub(super) path: String,
    pub(super) line: usize,
    pub(super) message: String,
}

impl FieldError {
    pub(super) fn advice(&self) -> &'static str {
        if self.message.ends_with("expected a string") {
            "put the value in quotes; what was known of the object stays in force"
        } else {
            "correct it; what was known of the object stays in force"
        }
    }
}

/// Reads one object of `kind`.
pub(super) fn read(node: &Node, kind: Kind) -> Result<(Object, Vec<Unknown>), FieldError> {
    let unknown = RefCell::new(Vec::new());
    let reader = Reader { node, path: &Path::Root, unknown: &unknown };
    let object = match kind {
        Kind::Namespace => Object::Namespace(Deserialize::deserialize(reader)?),
        Kind::Service => Object::Service(Deserialize::deserialize(reader)?),
        Kind::Ingress => Object::Ingress(Deserialize::deserialize(reader)?),
        Kind::Secret => Object::Secret(Deserialize::deserialize(reader)?),
        Kind::ConfigMap => Object::ConfigMap(Deserialize::deserialize(reader)?),
        Kind::Node => Object::Node(Deserialize::deserialize(reader)?),
        Kind::EndpointSlice => Object::EndpointSlice(Deserialize::deserialize(reader)?),
        Kind::IngressClass => Object::IngressClass(Deserialize::deserialize(reader)?),
        Kind::GslbConfig => Object::GslbConfig(Deserialize::deserialize(reader)?),
        Kind::GlobalDeploymentPolicy => Object::GlobalDeploymentPolicy(Deserialize::deserialize(reader)?),
        Kind::GslbHostRule => Object::GslbHostRule(Deserialize::deserialize(reader)?),
        Kind::HostRule => Object::HostRule(Deserialize::deserialize(reader)?),
        Kind::Route => Object::Route(Deserialize::deserialize(reader)?),
        Kind::MultiClusterIngress => Object::MultiClusterIngress(Deserialize::deserialize(reader)?),
        Kind::ServiceImport => Object::ServiceImport(Deserialize::deserialize(reader)?),
        Kind::ClusterSet => Object::ClusterSet(Deserialize::deserialize(reader)?),
    };
    Ok((object, unknown.into_inner()))
}

/// Where in the object, as a chain up to its root.
enum Path<'p> {
    Root,
    Field(&'p Path<'p>, &'p str),
    Entry(&'p Path<'p>, usize),
}

impl Path<'_> {
    fn is_root(&self) -> bool {
        matches!(self, Self::Root)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Path::Root, name) => f.write_str(name),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Entry(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// Serde's way through the tree.
struct Reader<'a> {
    node: &'a Node,
    path: &'a Path<'a>,
    unknown: &'a RefCell<Vec<Unknown>>,
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = FieldError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        let (path, line) = (self.path, self.node.line);
        let result = match &self.node.content {
            Content::Null => visitor.visit_unit(),
            Content::Bool(value) => visitor.visit_bool(*value),
            Content::Integer(value) => visitor.visit_i64(*value),
            Content::Unsigned(value) => visitor.visit_u64(*value),
            Content::Float(value) => visitor.visit_f64(*value),
            Content::String(value) => visitor.visit_str(value),
            Content::List(nodes) => {
                visitor.visit_seq(Entries { nodes: nodes.iter().enumerate(), path, unknown: self.unknown })
            }
            Content::Map(fields) => {
                visitor.visit_map(Fields { fields: fields.iter(), current: None, path, unknown: self.unknown })
            }
        };
        result.map_err(|error| error.at(path, line))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        if let Content::Map(fields) = &self.node.content {
            for field in fields {
                let names_the_type = self.path.is_root() && matches!(&*field.name, "apiVersion" | "kind");
                if !names_the_type && !known.contains(&&*field.name) {
                    self.unknown.borrow_mut().push(Unknown {
                        path: Path::Field(self.path, &field.name).to_string(),
                        name: field.name.clone(),
                        line: field.line,
                        known,
                    });
                }
            }
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self.node.content {
            Content::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        match &self.node.content {
            Content::String(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier
    }
}

struct Entries<'a> {
    nodes: std::iter::Enumerate<std::slice::Iter<'a, Node>>,
    path: &'a Path<'a>,
    unknown: &'a RefCell<Vec<Unknown>>,
}

impl<'de> SeqAccess<'de> for Entries<'_> {
    type Error = FieldError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, FieldError> {
        let Some((index, node)) = self.nodes.next() else {
            return Ok(None);
        };
        let reader = Reader { node, path: &Path::Entry(self.path, index), unknown: self.unknown };
        seed.deserialize(reader).map(Some)
    }
}

struct Fields<'a> {
    fields: std::slice::Iter<'a, Field>,
    current: Option<&'a Field>,
    path: &'a Path<'a>,
    unknown: &'a RefCell<Vec<Unknown>>,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = FieldError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, FieldError> {
        self.current = self.fields.next();
        let Some(field) = self.current else {
            return Ok(None);
        };
        seed.deserialize(field.name.as_str().into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, FieldError> {
        let Some(field) = self.current.take() else {
            return Err(de::Error::custom("a value was asked for before its name"));
        };
        let path = Path::Field(self.path, &field.name);
        // Said here as well as inside, because a value that is refused whole (nothing where a map belongs) has no inside.
        seed.deserialize(Reader { node: &field.node, path: &path, unknown: self.unknown })
            .map_err(|error| error.at(&path, field.line))
    }
}

impl FieldError {
    /// Fills in the place, unless a deeper one is known.
    fn at(mut self, path: &Path<'_>, line: usize) -> Self {
        if self.path.is_empty() {
            self.path = path.to_string();
        }
        if self.line == 0 {
            self.line = line;
        }
        self
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for FieldError {}

/// The message without the names of number types.
fn in_words(message: String) -> String {
    match message.rsplit_once(", expected ") {
        Some((got, "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "usize")) => {
            let range = if got.starts_with("invalid value") { " within its range" } else { "" };
            format!("{got}, expected a whole number{range}")
        }
        Some((got, "f32" | "f64")) => format!("{got}, expected a number"),
        _ => message,
    }
}

impl de::Error for FieldError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { path: String::new(), line: 0, message: in_words(message.to_string()) }
    }
}
