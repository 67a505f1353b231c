//! Who has which name, over time: what a rule gave stays while the rule cannot be read.
//!
//! After a start the controller is what is known. A cluster that is away, or a rule that cannot be read, explains nothing
//! of it yet; that is no reason to take a name away.

use std::collections::{BTreeMap, BTreeSet};

use crate::aliases::Aliases;
use crate::desired::ObjectName;
use crate::{Index, ObjectRef, PublishedService};

/// Remembers who has which name.
#[derive(Debug, Clone, Default)]
pub struct NameBook {
    holders: BTreeMap<String, ObjectName>,
    /// Aliases that the controller had and that no rule explained yet.
    unexplained: BTreeSet<(ObjectName, String)>,
    /// Service of each object that the controller had, while its cluster was not read in full.
    services: BTreeMap<ObjectRef, String>,
}

impl NameBook {
    /// Begins with what the controller has.
    #[must_use]
    pub fn new(published: &[PublishedService]) -> Self {
        let mut book = Self::default();
        for service in published {
            for alias in service.domain_names.iter().filter(|name| **name != service.name.name) {
                book.holders.entry(alias.clone()).or_insert_with(|| service.name.clone());
                book.unexplained.insert((service.name.clone(), alias.clone()));
            }
            let objects = service.objects.iter().map(|object| (object.clone(), service.name.name.clone()));
            book.services.extend(objects);
        }
        book
    }

    /// Takes over how a translation settled it.
    pub fn note(&mut self, index: &Index, aliases: &Aliases) {
        let granted = aliases.granted.iter().flat_map(|(service, of)| of.iter().map(move |alias| (service, alias)));
        self.holders.clear();
        for (service, (alias, rule)) in granted {
            self.holders.insert(alias.clone(), service.clone());
            if rule.is_some() {
                self.unexplained.remove(&(service.clone(), alias.clone()));
            }
        }
        self.services.retain(|object, _| !index.is_settled(&object.cluster));
    }

    pub(crate) fn holder(&self, alias: &str) -> Option<&ObjectName> {
        self.holders.get(alias)
    }

    pub(crate) fn unexplained(&self) -> impl Iterator<Item = &(ObjectName, String)> {
        self.unexplained.iter()
    }

    /// Name of the service in which the controller has an object, when the rule about it may be one that cannot be read.
    pub(crate) fn service_of(&self, index: &Index, object: &ObjectRef) -> Option<&str> {
        let service = self.services.get(object)?;
        (!index.is_settled(&object.cluster)).then_some(service.as_str())
    }
}
