//! The types this release knows, by API path.

use std::collections::BTreeMap;
use std::sync::Arc;

use avi_schema::TypeSchema;

/// Schema tables by API path; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Types(Arc<BTreeMap<&'static str, &'static TypeSchema>>);

impl Types {
    /// The registry of these tables, for example of `avi_schema::TYPES`.
    pub fn new(tables: impl IntoIterator<Item = &'static TypeSchema>) -> Self {
        Self(Arc::new(tables.into_iter().map(|table| (table.path, table)).collect()))
    }

    /// The table of an API path such as `healthmonitor`.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&'static TypeSchema> {
        self.0.get(path).copied()
    }

    /// All tables, by path.
    pub fn iter(&self) -> impl Iterator<Item = &'static TypeSchema> {
        self.0.values().copied()
    }
}

impl PartialEq for Types {
    /// Tables are static: the same paths mean the same tables.
    fn eq(&self, other: &Self) -> bool {
        self.0.keys().eq(other.0.keys())
    }
}
