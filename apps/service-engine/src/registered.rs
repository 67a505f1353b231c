//! Which records of virtual services are published: those that have an owner that is up (avi-api 4.4).
//!
//! Whether a virtual service is up, this engine knows of those that it runs; of the others the controller tells.

use std::collections::BTreeMap;
use std::sync::Arc;

use dns_answer::Records;
use model::DomainName;
use se_protocol::{HttpServiceState, Snapshot, State, ToldStates};
use tracing::{debug, info};

/// Names that one line tells of.
const NAMES_TOLD_MAX: usize = 4;

/// Books of one engine on the owners of records. One writer; the records are what readers see.
#[derive(Debug, Default)]
pub(crate) struct Registered {
    records: Arc<Records>,
    /// What is run; its controller is that of the virtual services.
    snapshot: Option<Arc<Snapshot>>,
    /// Virtual services that own a record, by uuid.
    owners: BTreeMap<String, Owner>,
    told: ToldStates,
    /// What this engine last said of the virtual services that it runs.
    own: Vec<Arc<HttpServiceState>>,
}

#[derive(Debug)]
struct Owner {
    /// Of its records.
    slots: Vec<u32>,
    is_up: bool,
    /// It was up since the engine knows of it: that it is up for the first time is no news.
    was_up: bool,
}

impl Registered {
    /// Takes over a new snapshot: publishes what is to be published of `records`, before anyone reads them.
    pub(crate) fn adopt(&mut self, snapshot: &Arc<Snapshot>, records: &Arc<Records>) {
        let before = self.snapshot.replace(Arc::clone(snapshot));
        let is_same_controller = before.is_some_and(|before| before.cluster_uuid == snapshot.cluster_uuid);
        if Arc::ptr_eq(&self.records, records) && is_same_controller {
            return;
        }
        self.records = Arc::clone(records);
        let before = std::mem::take(&mut self.owners);
        for (slot, registration) in records.registrations() {
            for uuid in &registration.virtual_services {
                match self.owners.get_mut(uuid) {
                    Some(owner) => owner.slots.push(slot),
                    None => {
                        // An address that may be down is better than no name, as long as nobody can tell.
                        let known = before.get(uuid);
                        let is_up = self.is_up(uuid, known.is_none_or(|owner| owner.is_up));
                        let was_up = is_up || known.is_some_and(|owner| owner.was_up);
                        let owner = Owner { slots: vec![slot], is_up, was_up };
                        self.owners.insert(uuid.clone(), owner);
                    }
                }
            }
        }
        for (slot, _) in records.registrations() {
            self.publish(slot);
        }
    }

    /// Takes what the controller tells about virtual services.
    pub(crate) fn hear(&mut self, told: ToldStates) {
        self.told = told;
        self.judge();
    }

    /// Takes what this engine says of the virtual services that it runs, in the order of their uuids.
    pub(crate) fn hear_own(&mut self, states: &[Arc<HttpServiceState>]) {
        let is_same = |(one, other): (&Arc<HttpServiceState>, &Arc<HttpServiceState>)| {
            Arc::ptr_eq(one, other) || (&one.uuid, one.state) == (&other.uuid, other.state)
        };
        if self.own.len() != states.len() || !self.own.iter().zip(states).all(is_same) {
            self.own = states.to_vec();
            self.judge();
        }
    }

    /// Publishes and withdraws what follows from the states.
    fn judge(&mut self) {
        let is_up = |(uuid, owner): (&String, &Owner)| (uuid.clone(), self.is_up(uuid, owner.is_up));
        let flips: Vec<(String, bool)> = self.owners.iter().map(is_up).collect();
        for (uuid, is_up) in flips {
            let Some(owner) = self.owners.get_mut(&uuid) else { continue };
            if std::mem::replace(&mut owner.is_up, is_up) == is_up {
                continue;
            }
            let is_news = std::mem::replace(&mut owner.was_up, true);
            let slots = owner.slots.clone();
            let changed: Vec<&DomainName> = slots.into_iter().filter_map(|slot| self.publish(slot)).collect();
            if changed.is_empty() {
                continue;
            }
            let (vs, names) = (self.name_of(&uuid), shown(&changed));
            match is_up {
                true if is_news => info!(vs, names, "names published again, their virtual service is up"),
                true => debug!(vs, names, "names published, their virtual service is up"),
                false => info!(vs, names, "names withdrawn, their virtual service is not up any more"),
            }
        }
    }

    /// What people call a virtual service, as far as this engine runs it.
    fn name_of(&self, uuid: &str) -> String {
        let services = self.snapshot.iter().flat_map(|snapshot| &snapshot.http.services);
        let mut hosts = services
            .flat_map(|service| std::iter::once(&service.host).chain(service.children.iter().map(|child| &child.host)));
        hosts.find(|host| host.uuid == uuid).map_or_else(|| uuid.to_owned(), |host| host.name.clone())
    }

    /// Publishes the record of a slot as the states of its owners say; its name, when that is new.
    fn publish(&self, slot: u32) -> Option<&DomainName> {
        let registration = self.records.registration(slot)?;
        let is_up = |uuid: &str| self.owners.get(uuid).is_some_and(|owner| owner.is_up);
        self.records.publish(slot, registration.is_published(is_up)).then_some(&registration.name)
    }

    /// Whether a virtual service is up. What nobody knows, though it may become known, stays as it was.
    fn is_up(&self, uuid: &str, was_up: bool) -> bool {
        let own = self.own.binary_search_by(|state| state.uuid.as_str().cmp(uuid)).ok();
        let own = own.and_then(|place| self.own.get(place)).map_or(State::Unknown, |state| state.state);
        let cluster = self.snapshot.as_ref().map_or("", |snapshot| &snapshot.cluster_uuid);
        let state = if own == State::Unknown { self.told.get(cluster, uuid) } else { own };
        match state {
            State::Up => true,
            State::Down | State::Disabled => false,
            State::Unknown => !self.told.is_complete && was_up,
        }
    }
}

fn shown(names: &[&DomainName]) -> String {
    let first: Vec<&str> = names.iter().take(NAMES_TOLD_MAX).map(|name| name.as_str()).collect();
    match names.len().saturating_sub(NAMES_TOLD_MAX) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests;
