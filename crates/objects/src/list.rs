//! Reading: one object, or a page of those that match a query.

use std::sync::Arc;

use avi_schema::TypeSchema;

use crate::error::ReadError;
use crate::object::Object;
use crate::projection::{Projection, Visibility};
use crate::query::Query;

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Page {
    /// The objects of this page, in order.
    pub objects: Vec<Arc<Object>>,
    /// All that match, on whatever page.
    pub count: usize,
    /// Number of the next page, if there is one.
    pub next: Option<usize>,
}

/// The object of this uuid.
///
/// # Errors
/// When there is none that the caller sees.
pub fn read<'a>(
    projection: &'a Projection,
    schema: &TypeSchema,
    uuid: &str,
    visibility: Visibility<'_>,
) -> Result<&'a Arc<Object>, ReadError> {
    let object = projection.get(schema.path, uuid).filter(|object| visibility.sees(schema, object));
    object.ok_or(ReadError::NotFound(schema.model))
}

/// The page of a type's objects that a query asks for.
///
/// # Errors
/// When the page lies beyond the end; page 1 always exists.
pub fn list(
    projection: &Projection,
    schema: &TypeSchema,
    visibility: Visibility<'_>,
    query: &Query,
) -> Result<Page, ReadError> {
    todo!()
}
