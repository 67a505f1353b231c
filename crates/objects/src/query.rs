//! The query of a list, parsed (avi-api 1.8).

pub(crate) mod filter;

pub(crate) use filter::Filter;

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
    /// Member to sort by, and whether downwards.
    pub(crate) sort: Option<(String, bool)>,
    /// Everything else, in order: filters, applied by [`crate::list()`].
    pub(crate) filters: Vec<(String, String)>,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            page: 1,
            page_size: PAGE_SIZE_DEFAULT,
            include_name: false,
            skip_default: false,
            fields: Vec::new(),
            exclude: Vec::new(),
            join: Vec::new(),
            sort: None,
            filters: Vec::new(),
        }
    }
}

impl Query {
    /// The query of decoded `(key, value)` pairs; a key without `=` has no value.
    ///
    /// # Errors
    /// When `page` or `page_size` is no positive number.
    pub fn parse<'a>(pairs: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> Result<Self, ReadError> {
        let mut query = Self::default();
        for (key, value) in pairs {
            let text = value.unwrap_or_default();
            match key {
                "page" => query.page = number(key, text)?,
                "page_size" | "limit_by" => query.page_size = number(key, text)?.min(PAGE_SIZE_MAX),
                "include_name" | "include_refs" => query.include_name |= is_on(text),
                "skip_default" => query.skip_default |= is_on(text),
                "fields" => query.fields.extend(words(text)),
                "exclude" => query.exclude.extend(words(text)),
                "join_subresources" | "join" => query.join.extend(words(text)),
                "sort" => query.sort = sort(text),
                _ => query.filters.push((key.to_owned(), text.to_owned())),
            }
        }
        Ok(query)
    }

    /// How the query wants each object shown at `now_us`, microseconds since the epoch.
    #[must_use]
    pub fn render_options<'a>(&'a self, base_url: &'a str, now_us: i64) -> RenderOptions<'a> {
        RenderOptions {
            base_url,
            names: self.include_name,
            fields: &self.fields,
            exclude: &self.exclude,
            skip_default: self.skip_default,
            is_reply: false,
            now_us,
        }
    }
}

/// A flag is on without a value, with an empty one, and with any spelling of true (avi-api 1.1).
fn is_on(text: &str) -> bool {
    text.is_empty() || text == "1" || text.eq_ignore_ascii_case("true")
}

fn number(parameter: &str, text: &str) -> Result<usize, ReadError> {
    let parsed = text.trim().parse().ok().filter(|number| *number > 0);
    parsed.ok_or_else(|| ReadError::Parameter { parameter: parameter.to_owned(), value: text.to_owned() })
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned)
}

fn sort(text: &str) -> Option<(String, bool)> {
    let (field, downwards) = text.strip_prefix('-').map_or((text, false), |field| (field, true));
    (!field.is_empty()).then(|| (field.to_owned(), downwards))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, Option<&str>)]) -> Result<Query, ReadError> {
        Query::parse(pairs.iter().copied())
    }

    #[test]
    fn every_spelling_of_a_flag_is_understood() {
        for (value, on) in [
            (None, true),
            (Some(""), true),
            (Some("true"), true),
            (Some("True"), true),
            (Some("TRUE"), true),
            (Some("1"), true),
            (Some("false"), false),
            (Some("0"), false),
        ] {
            assert_eq!(parse(&[("include_name", value)]).unwrap().include_name, on, "{value:?}");
        }
    }

    #[test]
    fn pages_have_a_default_and_a_limit() {
        assert_eq!(parse(&[]).unwrap().page_size, PAGE_SIZE_DEFAULT);
        assert_eq!(parse(&[("page_size", Some("5000"))]).unwrap().page_size, PAGE_SIZE_MAX);
        assert_eq!(parse(&[("limit_by", Some("7"))]).unwrap().page_size, 7);
        for bad in ["0", "-1", "x", ""] {
            let error = parse(&[("page", Some(bad))]).unwrap_err();
            assert_eq!(error.to_string(), format!("page: '{bad}' is not a positive number"));
        }
    }
}
