//! Reading: one object, or a page of those that match a query.

use std::cmp::Ordering;
use std::sync::Arc;

use avi_schema::TypeSchema;
use serde_json::Value;

use crate::error::ReadError;
use crate::object::Object;
use crate::projection::{Projection, Visibility};
use crate::query::{Filter, Query, filter};

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
    select(projection, schema, projection.visible(schema, visibility), query)
}

/// The page that a query asks for of objects that come in order of name, stored or not.
///
/// # Errors
/// As [`list`].
pub fn select(
    projection: &Projection,
    schema: &TypeSchema,
    mut found: Vec<&Arc<Object>>,
    query: &Query,
) -> Result<Page, ReadError> {
    let filters = Filter::compile(schema, &query.filters);
    found.retain(|object| filters.iter().all(|filter| filter.matches(projection, schema, object)));
    if let Some((member, downwards)) = &query.sort {
        // The sort is stable: equal members stay in order of name, the own tenant's first.
        found.sort_by_cached_key(|object| SortKey::of(schema, object, member));
        if *downwards {
            found.reverse();
        }
    }
    let (count, pages) = (found.len(), found.len().div_ceil(query.page_size).max(1));
    if query.page > pages {
        return Err(ReadError::Page { page: query.page, pages });
    }
    let first = (query.page - 1) * query.page_size;
    let objects = found.into_iter().skip(first).take(query.page_size).cloned().collect();
    Ok(Page { objects, count, next: (query.page < pages).then_some(query.page + 1) })
}

/// What a list is sorted by: absent members first, numbers by value, text by code point.
#[derive(PartialEq)]
enum SortKey {
    Absent,
    Number(f64),
    Text(String),
}

impl SortKey {
    fn of(schema: &TypeSchema, object: &Object, name: &str) -> Self {
        match filter::member(schema, object, name) {
            None => Self::Absent,
            Some(Value::Number(number)) => Self::Number(number.as_f64().unwrap_or_default()),
            Some(Value::String(text)) => Self::Text(text),
            Some(other) => Self::Text(other.to_string()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Absent => 0,
            Self::Number(_) => 1,
            Self::Text(_) => 2,
        }
    }
}

impl Eq for SortKey {}

impl Ord for SortKey {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
