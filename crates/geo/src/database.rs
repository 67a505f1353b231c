//! Several tables as one.

use std::net::IpAddr;
use std::sync::Arc;

use crate::table::{Place, Table};

/// Tables by priority: the first that knows an address says where it is.
#[derive(Debug, Default)]
pub struct Database {
    tables: Box<[Arc<Table>]>,
}

/// Where an address is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found<'d> {
    /// `None` where no table knows it.
    pub place: Option<&'d Place>,
    /// Leading bits of the address that this depends on: addresses that share them are at the same place.
    pub prefix: u8,
}

impl Database {
    /// `tables`, the most important first.
    #[must_use]
    pub fn new(tables: impl IntoIterator<Item = Arc<Table>>) -> Self {
        Self { tables: tables.into_iter().collect() }
    }

    /// Whether nothing can be found in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// Where `ip` is. Allocates nothing.
    #[must_use]
    pub fn find(&self, ip: IpAddr) -> Found<'_> {
        let (ip, mut longest) = (ip.to_canonical(), 0);
        for table in &self.tables {
            let (place, prefix) = table.find(ip);
            longest = longest.max(prefix);
            if place.is_some() {
                return Found { place, prefix: longest };
            }
        }
        Found { place: None, prefix: longest }
    }
}
