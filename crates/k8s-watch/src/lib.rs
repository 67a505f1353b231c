//! Clusters as streams of objects; here, directories of manifests.
//!
//! A [`Source`] is one cluster. Its watch starts with an [`Event::Reset`] that holds everything, then tells changes.
//! [`ManifestDirectory`] is the source that needs no Kubernetes; API servers come behind the same trait.
//!
//! Reading starts at `manifest.rs` (bytes of a file to objects and problems, pure) and `directory.rs` (files, their
//! changes, write-backs). What a kind means is not decided here.
#![warn(missing_docs)]

mod directory;
mod event;
mod manifest;
mod source;

pub use directory::ManifestDirectory;
pub use event::{Event, Problem};
pub use manifest::read_objects;
pub use source::{Source, WriteBack, WriteBackError};
