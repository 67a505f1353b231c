//! Addresses of members that are known by their names: what a resolver found, and what is to be asked of it.
//!
//! The resolver is elsewhere. A build takes what it found so far, and tells what it would have liked to know
//! ([`Memo::names_asked`](crate::Memo::names_asked)).

use std::collections::BTreeMap;
use std::net::IpAddr;

use model::DomainName;

/// A name whose address is wanted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AskedName {
    /// The name.
    pub name: DomainName,
    /// Whether an IPv6 address is wanted, and not an IPv4 address.
    pub v6: bool,
}

/// What became of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// It has this address.
    To(IpAddr),
    /// It has none; why, in words.
    Failed(String),
}

/// What names resolve to; what is missing was not asked yet.
pub type Names = BTreeMap<AskedName, Resolved>;

/// What one service asked, and what it was told.
pub(crate) type Told = Vec<(AskedName, Option<Resolved>)>;

/// Looks names up, and remembers what for.
pub(crate) struct Asking<'n> {
    names: &'n Names,
    pub(crate) told: Told,
}

impl<'n> Asking<'n> {
    pub(crate) fn new(names: &'n Names) -> Self {
        Self { names, told: Told::new() }
    }

    pub(crate) fn ask(&mut self, name: DomainName, v6: bool) -> Option<Resolved> {
        let asked = AskedName { name, v6 };
        let resolved = self.names.get(&asked).cloned();
        self.told.push((asked, resolved.clone()));
        resolved
    }
}

/// Whether who was told this would be told the same again.
pub(crate) fn is_current(told: &Told, names: &Names) -> bool {
    told.iter().all(|(asked, resolved)| names.get(asked) == resolved.as_ref())
}

#[cfg(test)]
mod tests;
