//! Which HTTP requests are logged, and what is kept of them until the writer makes a log.
//!
//! A proxy worker asks before it copies anything: a request that is fine and not wanted costs a look at the policy of its
//! virtual host. What is wanted is copied, texts one after the other into one allocation, and goes into a ring that never
//! makes the worker wait. A child logs by its own policy and under its own uuid; a request that nobody took is the log of
//! the virtual service that the client connected to.

mod record;

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http_proxy::{AccessLog, AccessRecord, Ending};
use log_store::Inlet;
use model::LogPolicy;
use model::http::HttpObjects;
use rustc_hash::FxHashMap;

use crate::log_gate::{Admission, Gate, Groups};

pub(crate) use record::Record;

/// Takes the records of a proxy's requests; the logs of one engine.
pub(crate) struct AccessLogger {
    /// `None` in an engine that keeps none.
    inlet: Option<Inlet<Record>>,
    engine: Arc<str>,
    groups: Groups,
    services: ArcSwap<Services>,
}

/// What each virtual service and child may log.
#[derive(Default)]
struct Services {
    by_uuid: FxHashMap<String, Arc<Service>>,
    /// Those that clients connect to.
    by_address: FxHashMap<SocketAddr, Arc<Service>>,
}

struct Service {
    uuid: String,
    gate: Gate,
}

impl AccessLogger {
    pub(crate) fn new(inlet: Option<Inlet<Record>>, engine: &str, groups: Groups) -> Self {
        Self { inlet, engine: engine.into(), groups, services: ArcSwap::default() }
    }

    /// Puts the policies of a configuration into force; rates that stay go on counting.
    pub(crate) fn adopt(&self, http: &HttpObjects) {
        let before = self.services.load();
        let mut services = Services::default();
        let service_of = |uuid: &String, policy: &LogPolicy| {
            let known = before.by_uuid.get(uuid).map(Arc::clone);
            let service = known.unwrap_or_else(|| Arc::new(Service { uuid: uuid.clone(), gate: Gate::new() }));
            service.gate.adopt(policy, &self.groups);
            service
        };
        for parent in &http.services {
            let service = service_of(&parent.host.uuid, &parent.host.logs);
            for address in parent.addresses.iter().map(|ip| ip.to_canonical()) {
                let at = |port| (SocketAddr::new(address, port), Arc::clone(&service));
                services.by_address.extend(parent.ports.iter().map(|port| at(port.listen_port)));
            }
            services.by_uuid.insert(service.uuid.clone(), service);
            for child in &parent.children {
                let service = service_of(&child.host.uuid, &child.host.logs);
                services.by_uuid.insert(service.uuid.clone(), service);
            }
        }
        self.services.store(Arc::new(services));
    }
}

impl AccessLog for AccessLogger {
    fn record(&self, record: &AccessRecord<'_>) {
        let Some(inlet) = &self.inlet else { return };
        let significant = is_significant(record);
        // Most requests are fine, and most virtual hosts log errors only.
        if !significant && record.host.is_some_and(|host| host.source.logs.full.is_none()) {
            return;
        }
        let services = self.services.load();
        let service = match record.host {
            Some(host) => services.by_uuid.get(&host.source.uuid),
            None => services.by_address.get(&SocketAddr::new(record.local.ip().to_canonical(), record.local.port())),
        };
        // The proxy may be a configuration ahead, or behind.
        let Some(service) = service else { return };
        match service.gate.admit(significant, inlet.recent_us()) {
            Admission::Admitted => {
                inlet.push(Record::new(record, &service.uuid, significant, &self.engine));
            }
            // The port differs between most clients.
            Admission::Throttled => inlet.throttled(usize::from(record.client.port())),
            Admission::Unwanted => {}
        }
    }
}

/// Whether a request is an error, as an analytics profile has it by default (avi-api 2.14): 4xx and 5xx, whoever said
/// it, and whatever ended before its time.
fn is_significant(record: &AccessRecord<'_>) -> bool {
    match record.ending {
        Ending::Complete | Ending::Local | Ending::Redirected | Ending::Tunnel => record.status >= 400,
        Ending::NotFound
        | Ending::ClosedByRule
        | Ending::Refused
        | Ending::NoServer(_)
        | Ending::Unreachable
        | Ending::ServerClosed
        | Ending::BadResponse
        | Ending::ServerTimeout
        | Ending::ClientTimeout
        | Ending::BodyTooLarge
        | Ending::BadBody
        | Ending::ClientClosed
        | Ending::Drained => true,
    }
}

#[cfg(test)]
mod tests;
