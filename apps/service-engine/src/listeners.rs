//! The sockets of the DNS virtual services: opened, kept, closed as the snapshot says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use arc_swap::ArcSwap;
use dns_answer::{Limit, View};
use dns_server::{Running, Stats, Transport};
use gslb::Advance;
use model::dns::DnsVirtualService;
use se_protocol::{DnsServiceState, PortOffset, Snapshot, State};
use tracing::{error, info};

use crate::logs::{Came, Logs, ServiceLogs};

/// Listeners of one engine, by uuid of their virtual service.
pub(crate) struct Listeners {
    workers: NonZeroUsize,
    open: BTreeMap<String, Service>,
    /// What sockets counted that are closed since: a counter never goes back.
    closed: [(Transport, Stats); 2],
    logs: Logs,
}

/// One virtual service: the view it answers from, and its sockets.
struct Service {
    answerer: Arc<Answerer>,
    over_tcp: bool,
    sockets: BTreeMap<SocketAddr, Result<Running, String>>,
}

/// Answers from whatever view is in force.
pub(crate) struct Answerer {
    view: ArcSwap<View>,
    logs: ServiceLogs,
}

/// An answerer at one of its addresses.
struct AtAddress {
    answerer: Arc<Answerer>,
    address: SocketAddr,
}

impl dns_server::Answer for AtAddress {
    fn answer(&self, query: &[u8], client: SocketAddr, transport: Transport, out: &mut [u8]) -> Option<usize> {
        let limit = match transport {
            Transport::Udp => Limit::Udp,
            Transport::Tcp => Limit::Tcp,
        };
        let Answerer { view, logs } = &*self.answerer;
        let view = view.load();
        // Decided before anything is kept: most answers are not logged.
        let mut account = None;
        let length = dns_answer::answer_telling(&view, query, client.ip(), limit, out, &mut Advance, |told, packet| {
            if logs.admits(told.is_significant(), client) {
                account = Some((told.account(packet), told.is_significant()));
            }
        });
        if let Some((account, significant)) = account {
            let came = Came { client, service: self.address, transport, query_bytes: query.len() };
            logs.push(Arc::clone(&view), account, significant, came);
        }
        length
    }
}

impl Listeners {
    pub(crate) fn new(workers: NonZeroUsize, logs: Logs) -> Self {
        let closed = [Transport::Udp, Transport::Tcp].map(|transport| (transport, Stats::default()));
        Self { workers, open: BTreeMap::new(), closed, logs }
    }

    /// Makes the sockets those of `snapshot`. A socket that stays is not touched, only its view is swapped.
    pub(crate) async fn adopt(&mut self, snapshot: &Snapshot, views: &[(String, Arc<View>)]) {
        self.close_what_is_gone(snapshot).await;
        for (uuid, view) in views {
            let Some(virtual_service) = snapshot.dns_services.iter().find(|known| known.uuid == *uuid) else {
                continue;
            };
            let service = self.open.entry(uuid.clone()).or_insert_with(|| Service {
                answerer: Arc::new(Answerer { view: ArcSwap::new(Arc::clone(view)), logs: self.logs.of_service() }),
                over_tcp: virtual_service.profile.over_tcp,
                sockets: BTreeMap::new(),
            });
            service.answerer.view.store(Arc::clone(view));
            self.logs.adopt(&service.answerer.logs, &virtual_service.logs);
            service.open(virtual_service, snapshot.port_offset, self.workers);
        }
    }

    /// Tries again what could not be opened; returns whether anything was.
    pub(crate) fn retry(&mut self, snapshot: &Snapshot) -> bool {
        let workers = self.workers;
        let mut opened = false;
        for (uuid, service) in &mut self.open {
            if service.sockets.values().all(Result::is_ok) {
                continue;
            }
            if let Some(virtual_service) = snapshot.dns_services.iter().find(|known| known.uuid == *uuid) {
                opened |= service.open(virtual_service, snapshot.port_offset, workers);
            }
        }
        opened
    }

    /// What all sockets counted since the engine started, by transport.
    pub(crate) fn counts(&self) -> [(Transport, Stats); 2] {
        let running =
            || self.open.values().flat_map(|service| service.sockets.values().filter_map(|it| it.as_ref().ok()));
        self.closed.map(|(transport, closed)| {
            (transport, running().map(|it| it.stats_of(transport)).fold(closed, Stats::plus))
        })
    }

    /// State of every DNS virtual service of `snapshot`.
    pub(crate) fn states(&self, snapshot: &Snapshot) -> Vec<DnsServiceState> {
        snapshot.dns_services.iter().map(|virtual_service| self.state(virtual_service)).collect()
    }

    pub(crate) async fn close(&mut self) {
        for service in std::mem::take(&mut self.open).into_values() {
            self.close_sockets(service.sockets.into_values()).await;
        }
    }

    async fn close_what_is_gone(&mut self, snapshot: &Snapshot) {
        let mut closing = Vec::new();
        self.open.retain(|uuid, service| {
            let wanted = snapshot.dns_services.iter().find(|known| known.uuid == *uuid && known.enabled);
            let addresses = wanted.map(|wanted| addresses(wanted, snapshot.port_offset)).unwrap_or_default();
            let same_transports = wanted.is_some_and(|wanted| wanted.profile.over_tcp == service.over_tcp);
            let gone: Vec<SocketAddr> = service
                .sockets
                .keys()
                .filter(|address| !same_transports || !addresses.contains(address))
                .copied()
                .collect();
            closing.extend(gone.iter().filter_map(|address| service.sockets.remove(address)));
            if let Some(wanted) = wanted {
                service.over_tcp = wanted.profile.over_tcp;
            }
            wanted.is_some()
        });
        self.close_sockets(closing.into_iter()).await;
    }

    async fn close_sockets(&mut self, sockets: impl Iterator<Item = Result<Running, String>>) {
        for running in sockets.flatten() {
            for (transport, counted) in running.stop().await {
                for (_, closed) in self.closed.iter_mut().filter(|(of, _)| *of == transport) {
                    *closed = closed.plus(counted);
                }
            }
        }
    }

    fn state(&self, virtual_service: &DnsVirtualService) -> DnsServiceState {
        let sockets = self.open.get(&virtual_service.uuid).map(|service| &service.sockets);
        let listeners: Vec<SocketAddr> = sockets
            .iter()
            .flat_map(|sockets| sockets.iter().filter(|(_, socket)| socket.is_ok()))
            .map(|(address, _)| *address)
            .collect();
        let failure = sockets.and_then(|sockets| sockets.values().find_map(|socket| socket.as_ref().err()).cloned());
        let (state, reason) = match failure {
            _ if !virtual_service.enabled => (State::Disabled, "switched off".to_owned()),
            Some(failure) => (State::Down, failure),
            None if listeners.is_empty() => (State::Down, "it has no address to listen on".to_owned()),
            None => (State::Up, String::new()),
        };
        DnsServiceState { uuid: virtual_service.uuid.clone(), state, reason, listeners }
    }
}

impl Service {
    /// Opens what is not open; returns whether anything was opened.
    fn open(&mut self, virtual_service: &DnsVirtualService, offset: PortOffset, workers: NonZeroUsize) -> bool {
        let vs = &virtual_service.name;
        let mut opened = false;
        for address in addresses(virtual_service, offset) {
            if matches!(self.sockets.get(&address), Some(Ok(_))) {
                continue;
            }
            let answerer = AtAddress { answerer: Arc::clone(&self.answerer), address };
            let socket = dns_server::Listeners::bind(address, workers, self.over_tcp, Arc::new(answerer))
                .map_err(|error| error.to_string());
            match &socket {
                Ok(_) => {
                    opened = true;
                    info!(%vs, %address, "DNS virtual service answers");
                }
                // Said once, not at each try.
                Err(reason) if self.sockets.get(&address).and_then(|known| known.as_ref().err()) != Some(reason) => {
                    error!(%vs, %address, reason, "DNS virtual service cannot listen");
                }
                Err(_) => {}
            }
            self.sockets.insert(address, socket);
        }
        opened
    }
}

/// Where a virtual service listens, after the port offset.
fn addresses(virtual_service: &DnsVirtualService, offset: PortOffset) -> Vec<SocketAddr> {
    virtual_service
        .addresses
        .iter()
        .flat_map(|ip| virtual_service.ports.iter().map(|port| SocketAddr::new(*ip, offset.apply(*port))))
        .collect()
}
