//! What an answer is made from: one table and the health of its members, at one version.

use std::sync::Arc;

use dns_wire::OwnedName;
use geo::Database;
use gslb::Slots;
use model::Version;

use crate::records::Records;
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
    /// Where clients are.
    pub geo: Arc<Database>,
    /// Records of virtual services, of which those inside the zones of the table are answered.
    pub records: Arc<Records>,
}

impl View {
    /// Whether `name` lies in one of its zones.
    #[must_use]
    pub fn is_authoritative_for(&self, name: &str) -> bool {
        OwnedName::from_text(name).is_ok_and(|name| self.table.zone_of(name.as_name()).is_some())
    }
}
