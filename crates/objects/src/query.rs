//! The query of a list, parsed (avi-api 1.8).

use crate::error::ReadError;
use crate::render::RenderOptions;

/// Objects on a page when the query does not say.
pub const PAGE_SIZE_DEFAULT: usize = 25;
/// Most objects on a page; a larger wish is cut to this.
pub const PAGE_SIZE_MAX: usize = 1000;

/// A parsed list query. Parameters that mean nothing to a type are ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Page, from 1.
    pub page: usize,
    /// Objects on a page, 1 to [`PAGE_SIZE_MAX`].
    pub page_size: usize,
    /// `include_name` or `include_refs`.
    pub include_name: bool,
    /// `skip_default`.
    pub skip_default: bool,
    /// Top-level members to show; empty means all.
    pub fields: Vec<String>,
    /// Top-level members to leave out.
    pub exclude: Vec<String>,
    /// Sub-resources to join: `runtime`.
    pub join: Vec<String>,
    /// Everything else, in order: the filters, applied by [`crate::list()`].
    pub(crate) filters: Vec<(String, String)>,
}

impl Query {
    /// The query of decoded `(key, value)` pairs; a key without `=` has no value.
    ///
    /// # Errors
    /// When `page` or `page_size` is no positive number.
    pub fn parse<'a>(pairs: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> Result<Self, ReadError> {
        todo!()
    }

    /// How the query wants each object shown.
    #[must_use]
    pub fn render_options<'a>(&'a self, base_url: &'a str) -> RenderOptions<'a> {
        RenderOptions {
            base_url,
            names: self.include_name,
            fields: &self.fields,
            exclude: &self.exclude,
            skip_default: self.skip_default,
        }
    }
}
