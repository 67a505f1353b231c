//! Bodies in few bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::de::IgnoredAny;
use serde_json::Value;

/// Shapes that are kept; there are a few for each type.
const SHAPES_MAX: usize = 256;

/// A body as JSON text. A tree of the same takes several times the memory; it is made when somebody looks into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body(Arc<str>);

/// Keys of a body, ascending.
pub type Shape = Arc<[Box<str>]>;

/// Shapes, each once: thousands of bodies have the same keys.
#[derive(Debug, Default)]
pub struct Shapes(BTreeSet<Shape>);

impl Body {
    /// The text of a body.
    #[must_use]
    pub fn new(body: &Value) -> Self {
        Self(body.to_string().into())
    }

    /// JSON.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The body as a tree.
    #[must_use]
    pub fn read(&self) -> Value {
        // It was made of a tree, whose text is always readable.
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// Its keys.
    #[must_use]
    pub fn shape(&self) -> Shape {
        let fields: BTreeMap<Box<str>, IgnoredAny> = serde_json::from_str(&self.0).unwrap_or_default();
        fields.into_keys().collect()
    }
}

impl Shapes {
    /// The same shape, in the memory of the one before it.
    pub fn share(&mut self, shape: &Shape) -> Shape {
        if let Some(known) = self.0.get(shape) {
            return Arc::clone(known);
        }
        if self.0.len() >= SHAPES_MAX {
            self.0.clear();
        }
        self.0.insert(Arc::clone(shape));
        Arc::clone(shape)
    }
}
