//! An address to a place on earth, and how far places are from each other.
//!
//! Start at [`Database`]: the tables of a geo database by priority, whose [`Database::find`] tells the [`Place`] of an
//! address and how much of the address it depends on, without allocating. A [`Table`] is compiled from a file
//! ([`Table::compile`], in one of the [`Format`]s: that of MaxMind, or CSV with own locations) where files are, and
//! travels to where queries are as the bytes of [`Table::encode`]. [`Point`] measures great-circle distances. No
//! downloads, no files, no clock. Covers avi-api 2.24 (`GslbGeoDbProfile`) and what 5.6 needs of it.
#![warn(missing_docs)]

mod build;
mod codec;
mod csv;
mod database;
mod maxmind;
mod point;
mod table;

pub use build::TableError;
pub use codec::DecodeError;
pub use csv::CsvError;
pub use database::{Database, Found};
pub use maxmind::MaxMindError;
pub use point::Point;
pub use table::{Format, Place, Table};
