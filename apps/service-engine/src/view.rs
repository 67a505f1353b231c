//! A snapshot compiled for answering: services with cursors, health slots, one view per DNS virtual service.

use std::sync::Arc;

use dns_answer::{Records, TableProblem, View};
use geo::{Database, Table};
use gslb::{PublicClients, Service, Slots, Surroundings};
use model::gslb::GslbService;
use se_protocol::{Clients, GeoDatabase, Snapshot};

/// Slots that may lie unused before all services are numbered anew, besides as many as are used.
const UNUSED_SLOTS_MAX: u32 = 1024;

/// A snapshot and what was compiled from it.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) snapshot: Arc<Snapshot>,
    /// Parallel to the snapshot's services.
    pub(crate) services: Vec<CompiledService>,
    pub(crate) slots: Arc<Slots>,
    /// Records of virtual services; those that are new are not published yet.
    pub(crate) records: Arc<Records>,
    /// One per enabled DNS virtual service, by uuid.
    pub(crate) views: Vec<(String, Arc<View>)>,
    /// What could not be used.
    pub(crate) problems: Vec<TableProblem>,
    /// What services were compiled with.
    surroundings: Surroundings,
    /// First slot that no service ever had.
    next_slot: u32,
}

/// A compiled service and its first health slot; members follow in the order of the object.
#[derive(Debug)]
pub(crate) struct CompiledService {
    pub(crate) service: Arc<Service>,
    pub(crate) first_slot: u32,
}

impl Compiled {
    /// Compiles `snapshot`; what is the same object as in `previous` is taken from there, and rings that did not change
    /// keep their cursors.
    pub(crate) fn new(snapshot: Arc<Snapshot>, previous: Option<&Compiled>) -> Self {
        let surroundings = surroundings(&snapshot, previous);
        let next_slot = previous.map(|previous| previous.next_slot);
        let (mut services, mut next_slot) = compile(&snapshot, previous, next_slot, &surroundings);
        let used = snapshot.gslb_services.iter().map(|service| slots_of(service)).fold(0, u32::saturating_add);
        if next_slot > used.saturating_mul(2).saturating_add(UNUSED_SLOTS_MAX) {
            (services, next_slot) = compile(&snapshot, previous, None, &surroundings);
        }
        let slots = Arc::new(Slots::new(next_slot as usize));
        let records = Records::compile(&snapshot.registrations, previous.map(|known| &known.records));
        let (views, problems) = (Vec::new(), Vec::new());
        let mut compiled = Self { snapshot, services, slots, records, views, problems, surroundings, next_slot };
        compiled.make_views(previous);
        compiled
    }

    fn make_views(&mut self, previous: Option<&Compiled>) {
        let pairs: Vec<(&Arc<GslbService>, &Arc<Service>)> = self
            .snapshot
            .gslb_services
            .iter()
            .zip(&self.services)
            .map(|(service, compiled)| (service, &compiled.service))
            .collect();
        for virtual_service in self.snapshot.dns_services.iter().filter(|virtual_service| virtual_service.enabled) {
            let known = previous.and_then(|known| known.views.iter().find(|(uuid, _)| *uuid == virtual_service.uuid));
            let known = known.map(|(_, view)| &view.table);
            let (table, problems) =
                dns_answer::Table::compile(virtual_service, &self.snapshot.gslb_domains, &pairs, known);
            self.problems.extend(problems);
            let (slots, records) = (Arc::clone(&self.slots), Arc::clone(&self.records));
            let geo = Arc::clone(&self.surroundings.geo);
            let view = View { version: self.snapshot.version.clone(), table, slots, geo, records };
            self.views.push((virtual_service.uuid.clone(), Arc::new(view)));
        }
    }
}

/// The services, and the first slot that is free. A service keeps its slots as long as it needs as many, so that others
/// need not be compiled again; without `next_slot` all are numbered anew.
fn compile(
    snapshot: &Snapshot,
    previous: Option<&Compiled>,
    next_slot: Option<u32>,
    surroundings: &Surroundings,
) -> (Vec<CompiledService>, u32) {
    let known = previous.iter().flat_map(|known| known.snapshot.gslb_services.iter().zip(&known.services));
    let mut known = known.peekable();
    let keeps_slots = next_slot.is_some();
    let mut next_slot = next_slot.unwrap_or(0);
    let compile = |service: &Arc<GslbService>| {
        while known.next_if(|(known, _)| known.uuid < service.uuid).is_some() {}
        let known = known.next_if(|(known, _)| known.uuid == service.uuid);
        let kept_slot = known.filter(|(known, _)| keeps_slots && slots_of(known) == slots_of(service));
        let first_slot = kept_slot.map_or(next_slot, |(_, known)| known.first_slot);
        if kept_slot.is_none() {
            next_slot = next_slot.saturating_add(slots_of(service));
        }
        let service = match known {
            Some((same, compiled))
                if kept_slot.is_some() && Arc::ptr_eq(same, service) && compiled.service.is_same_in(surroundings) =>
            {
                Arc::clone(&compiled.service)
            }
            _ => {
                let known = known.map(|(_, compiled)| &*compiled.service);
                Arc::new(Service::compile(service, first_slot, known, surroundings))
            }
        };
        CompiledService { service, first_slot }
    };
    let services = snapshot.gslb_services.iter().map(compile).collect();
    (services, next_slot)
}

/// What is known of clients; the same as before where that did not change, so that services need not be compiled again.
fn surroundings(snapshot: &Snapshot, previous: Option<&Compiled>) -> Surroundings {
    let clients = &snapshot.clients;
    let known = previous.map(|known| (&known.snapshot.clients, &known.surroundings));
    let geo = match known.filter(|(before, _)| before.geo_databases == clients.geo_databases) {
        Some((_, known)) => Arc::clone(&known.geo),
        None => Arc::new(database(clients)),
    };
    let public_clients = match known.filter(|(before, _)| before.public == clients.public) {
        Some((_, known)) => known.public_clients.clone(),
        None => clients.public.as_ref().map(|group| Arc::new(PublicClients::compile(group))),
    };
    Surroundings { geo, public_clients }
}

fn database(clients: &Clients) -> Database {
    let table = |database: &GeoDatabase| {
        let pieces = clients.pieces_of(database);
        let table = pieces.map(Table::decode);
        match table {
            Some(Ok(table)) => {
                tracing::info!(database = database.name, ranges = table.len(), "geo database in force");
                return Some(Arc::new(table));
            }
            Some(Err(error)) => tracing::warn!(database = database.name, reason = %error, "geo database left out"),
            None => tracing::warn!(database = database.name, "geo database left out: parts of it are missing"),
        }
        None
    };
    Database::new(clients.geo_databases.iter().filter_map(table))
}

fn slots_of(service: &GslbService) -> u32 {
    u32::try_from(Service::slot_count(service)).unwrap_or(u32::MAX)
}
