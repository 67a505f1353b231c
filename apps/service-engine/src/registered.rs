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
    /// It was known to be up since this engine runs: what it comes to from a guess is no news.
    was_up: bool,
}

/// Names that came or went with a virtual service.
#[derive(Debug, PartialEq, Eq)]
struct Flip {
    vs: String,
    names: String,
    is_up: bool,
    /// The virtual service was known to be up before, so that somebody may have used the names.
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
                        let was_up = self.verdict(uuid) == Some(true) || known.is_some_and(|owner| owner.was_up);
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
        tell(&self.judge());
    }

    /// Takes what this engine says of the virtual services that it runs, in the order of their uuids.
    pub(crate) fn hear_own(&mut self, states: &[Arc<HttpServiceState>]) {
        let is_same = |(one, other): (&Arc<HttpServiceState>, &Arc<HttpServiceState>)| {
            Arc::ptr_eq(one, other) || (&one.uuid, one.state) == (&other.uuid, other.state)
        };
        if self.own.len() != states.len() || !self.own.iter().zip(states).all(is_same) {
            self.own = states.to_vec();
            tell(&self.judge());
        }
    }

    /// Publishes and withdraws what follows from the states. All states come first: a name that goes from one owner to
    /// another is there all the time.
    fn judge(&mut self) -> Vec<Flip> {
        let mut owners = std::mem::take(&mut self.owners);
        let mut flipped = Vec::new();
        for (uuid, owner) in &mut owners {
            let verdict = self.verdict(uuid);
            let is_up = verdict.unwrap_or(owner.is_up);
            if std::mem::replace(&mut owner.is_up, is_up) != is_up {
                flipped.push((uuid.clone(), is_up, owner.was_up));
            }
            owner.was_up |= verdict == Some(true);
        }
        self.owners = owners;
        let flip = |(uuid, is_up, was_up): (String, bool, bool)| {
            let slots = self.owners.get(&uuid).map_or(&[][..], |owner| owner.slots.as_slice());
            let changed: Vec<&DomainName> = slots.iter().filter_map(|slot| self.publish(*slot)).collect();
            (!changed.is_empty()).then(|| Flip { vs: self.name_of(&uuid), names: shown(&changed), is_up, was_up })
        };
        flipped.into_iter().filter_map(flip).collect()
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
        self.verdict(uuid).unwrap_or(was_up)
    }

    /// Whether a virtual service is up; `None` while that may become known.
    fn verdict(&self, uuid: &str) -> Option<bool> {
        let own = self.own.binary_search_by(|state| state.uuid.as_str().cmp(uuid)).ok();
        let own = own.and_then(|place| self.own.get(place)).map_or(State::Unknown, |state| state.state);
        let cluster = self.snapshot.as_ref().map_or("", |snapshot| &snapshot.cluster_uuid);
        let state = if own == State::Unknown { self.told.get(cluster, uuid) } else { own };
        match state {
            State::Up => Some(true),
            State::Down | State::Disabled => Some(false),
            State::Unknown => self.told.is_complete.then_some(false),
        }
    }
}

/// Says what a client may have seen; what follows from the first verdict after a start is the ordinary course.
fn tell(flips: &[Flip]) {
    for Flip { vs, names, is_up, was_up } in flips {
        match (is_up, was_up) {
            (true, true) => info!(vs, names, "names published again, their virtual service is up"),
            (true, false) => debug!(vs, names, "names published, their virtual service is up"),
            (false, true) => info!(vs, names, "names withdrawn, their virtual service is not up any more"),
            (false, false) => debug!(vs, names, "names withdrawn, their virtual service is not up"),
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
