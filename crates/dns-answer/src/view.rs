//! What an answer is made from: one table and the health of its members, at one version.

use std::sync::Arc;

use gslb::Slots;
use model::Version;

use crate::table::Table;

/// Everything one DNS virtual service answers from. A query takes one view and uses nothing else.
#[derive(Debug)]
pub struct View {
    /// Version of the snapshot it was made from.
    pub version: Version,
    /// Names, zones, profile.
    pub table: Table,
    /// Health of the members, changed in place.
    pub slots: Arc<Slots>,
}
