//! `meridian amko plan`: what would be written, and why.

mod args;
mod document;
mod text;

pub(crate) use args::Output;
pub use args::PlanArgs;
pub(crate) use document::document;
pub use document::{Change, ClusterLine, FieldChange, PlanDocument, StatusLine, Verdict};
