//! Rules of the Avi objects: defaults, references, validation, patches, filters, back-references.
//!
//! Values in, values out: a [`Projection`] (every stored object, indexed) and an input give a [`Write`] (what to commit
//! and under which guards) or an error with the exact text that clients match. One generic path serves all types and
//! is driven by the tables of `avi-schema`; what is not table data sits in `rules`, one file per type. No store, no
//! clock, no HTTP status: the edge turns guards into a transaction and a [`Class`] into a status code.
//!
//! Start with [`write`](mod@write) (create, replace, patch, delete, and how races are excluded), then [`Projection`],
//! [`render()`] and [`list()`], then `ipam` (addresses of VIPs). Covers avi-api 1.6 to 1.12, 1.16, 2.1 to 2.19, 4.1 to
//! 4.3, 5.1, 5.2, 10.2 as far as rules go, and the validation of 6.1.
#![warn(missing_docs)]

mod coerce;
mod defaults;
mod error;
pub mod federated;
mod ipam;
pub mod key;
mod list;
mod natural_key;
mod object;
mod patch;
mod projection;
mod query;
mod reference;
mod render;
mod rules;
mod types;
pub mod write;

pub use error::{Class, ReadError, UniqueBy, WriteError};
pub use ipam::network_runtime;
pub use list::{Page, list, read, select};
pub use object::{DecodeError, Object};
pub use projection::{ADMIN, Applied, Projection, Referrer, Visibility};
pub use query::{PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, Query};
pub use render::{RenderOptions, render, render_as, url};
pub use rules::dns_domains;
pub use types::Types;
pub use write::{
    Batch, Change, Effect, Guard, MacroVerb, Origin, Write, WriteContext, create, decide_macro, delete, model, patch,
    replace,
};
