//! A snapshot compiled for answering: services with cursors, health slots, one view per DNS virtual service.

use std::collections::HashMap;
use std::sync::Arc;

use dns_answer::{Table, TableProblem, View};
use gslb::{Service, Slots};
use model::gslb::GslbService;
use se_protocol::Snapshot;

/// A snapshot and what was compiled from it.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) snapshot: Arc<Snapshot>,
    /// Parallel to the snapshot's services.
    pub(crate) services: Vec<CompiledService>,
    pub(crate) slots: Arc<Slots>,
}

/// A compiled service and its first health slot; members follow in the order of the object.
#[derive(Debug)]
pub(crate) struct CompiledService {
    pub(crate) service: Arc<Service>,
    pub(crate) first_slot: u32,
}

impl Compiled {
    /// Compiles `snapshot`; rings that did not change keep the cursors of `previous`.
    pub(crate) fn new(snapshot: Arc<Snapshot>, previous: Option<&Compiled>) -> Self {
        let previous = previous.map_or(&[][..], |previous| &previous.services);
        let known: HashMap<&str, &Service> =
            previous.iter().map(|known| (known.service.uuid.as_str(), &*known.service)).collect();
        let mut next_slot = 0_u32;
        let services = snapshot
            .gslb_services
            .iter()
            .map(|service| {
                let first_slot = next_slot;
                next_slot = next_slot.saturating_add(u32::try_from(Service::slot_count(service)).unwrap_or(u32::MAX));
                let compiled = Service::compile(service, first_slot, known.get(service.uuid.as_str()).copied());
                CompiledService { service: Arc::new(compiled), first_slot }
            })
            .collect();
        Self { snapshot, services, slots: Arc::new(Slots::new(next_slot as usize)) }
    }

    /// One view per enabled DNS virtual service, by uuid, and what could not be used.
    pub(crate) fn views(&self) -> (Vec<(String, Arc<View>)>, Vec<TableProblem>) {
        let pairs: Vec<(&GslbService, Arc<Service>)> = self
            .snapshot
            .gslb_services
            .iter()
            .zip(&self.services)
            .map(|(service, compiled)| (service, Arc::clone(&compiled.service)))
            .collect();
        let mut problems = Vec::new();
        let views = self
            .snapshot
            .dns_services
            .iter()
            .filter(|virtual_service| virtual_service.enabled)
            .map(|virtual_service| {
                let (table, found) = Table::compile(virtual_service, &self.snapshot.gslb_domains, &pairs);
                problems.extend(found);
                let view = View { version: self.snapshot.version.clone(), table, slots: Arc::clone(&self.slots) };
                (virtual_service.uuid.clone(), Arc::new(view))
            })
            .collect();
        (views, problems)
    }
}
