//! Avi object types as data: fields, defaults, ranges, references, system objects.
//!
//! One [`TypeSchema`] per API type, all of them in [`TYPES`]; the generic create/read/update/delete path of `objects`
//! is driven by these tables, so a new type is a new file under `types/` and a line in [`TYPES`]. No decisions here.
//!
//! A [`Kind::Ref`] may name a type that [`TYPES`] does not hold yet: the field is part of the API, is left out of
//! stored objects until its type arrives, and carries neither a default nor a requirement until then.
//! Source: avi-api sections 2 and appendix A (release 30.2.1).
#![warn(missing_docs)]

mod schema;
mod system;
mod types;

pub use schema::{Default, Field, Kind, MessageSchema, Names, Scope, TypeSchema};
pub use system::{SystemObject, system_objects};
pub use types::{SERVICE_ENGINE, TYPES, by_model, by_path};
