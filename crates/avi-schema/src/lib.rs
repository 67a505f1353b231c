//! Avi object types as data: fields, defaults, ranges, references, system objects.
//!
//! One [`TypeSchema`] per API type, all of them in [`TYPES`]; the generic create/read/update/delete path of `objects`
//! is driven by these tables, so a new type is a new file under `types/` and a line in [`TYPES`]. No decisions here.
//! Source: avi-api sections 2 and appendix A (release 30.2.1).
#![warn(missing_docs)]

mod schema;

pub use schema::{Default, Field, Kind, MessageSchema, Names, Scope, TypeSchema};
