//! An object as a client sees it (avi-api 1.7, 1.16, 2.1).

use serde_json::Value;

use crate::object::Object;
use crate::projection::Projection;

/// How to show an object.
#[derive(Debug, Clone, Copy, Default)]
pub struct RenderOptions<'a> {
    /// Scheme and host that urls start with: `https://10.0.0.1`.
    pub base_url: &'a str,
    /// Append `#name` to `url` and every reference: always after a write, on GET only with `include_name`.
    pub names: bool,
    /// Only these top-level members (and the common ones); empty means all.
    pub fields: &'a [String],
    /// Not these top-level members.
    pub exclude: &'a [String],
    /// Leave out what equals its default.
    pub skip_default: bool,
}

/// The object as JSON: url, absolute references, masked secrets, no null, no empty text, no empty list.
#[must_use]
pub fn render(projection: &Projection, object: &Object, options: &RenderOptions<'_>) -> Value {
    todo!()
}

/// The url of an object without name, which is also the `Location` of a created one when `names` appends it.
#[must_use]
pub fn url(object: &Object, base_url: &str, names: bool) -> String {
    let name = if names && !object.name.is_empty() { format!("#{}", object.name) } else { String::new() };
    format!("{base_url}{}{name}", object.reference())
}
