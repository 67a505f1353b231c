//! The end of a request: its record, its counts, its connection to the server.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::request::Parts;
use http_policy::{Lease, Pool, RulePlace, ServerState};

use crate::access::{AccessRecord, Ending, ServerUse};
use crate::client::Client;
use crate::clock;
use crate::exchange::Exchange;
use crate::view::Held;
use crate::worker::Worker;

/// What is known of a request. Its record is written when this is dropped, however that comes.
pub(crate) struct Finish {
    pub(crate) client: Rc<Client>,
    pub(crate) view: Rc<Held>,
    pub(crate) parts: Parts,
    pub(crate) received: SystemTime,
    pub(crate) started: Instant,
    /// Place of the child that took it, and the rule that gave it; `None` before the decision.
    pub(crate) host: Option<Option<usize>>,
    pub(crate) child_rule: Option<String>,
    /// The rule that decided.
    pub(crate) rule: Option<RulePlace>,
    /// Where the client was sent.
    pub(crate) location: Option<String>,
    pub(crate) status: u16,
    pub(crate) request_octets: u64,
    pub(crate) response_octets: u64,
    pub(crate) server: Option<UsedServer>,
    pub(crate) first_octet: Option<Duration>,
    /// What is true when nothing else is said: whoever drops it early is the client.
    pub(crate) ending: Ending,
}

/// The server that a request was given to.
pub(crate) struct UsedServer {
    pub(crate) pool: Arc<Pool>,
    pub(crate) address: SocketAddr,
    pub(crate) state: Arc<ServerState>,
    pub(crate) lease: Option<Lease>,
    pub(crate) attempts: u32,
    pub(crate) reused: bool,
    pub(crate) connect: Duration,
    pub(crate) sent: Option<Instant>,
    pub(crate) response: Option<Duration>,
}

impl Finish {
    pub(crate) fn new(client: &Rc<Client>, view: Rc<Held>, parts: Parts) -> Box<Self> {
        client.begin();
        Box::new(Self {
            client: Rc::clone(client),
            view,
            parts,
            received: clock::wall(),
            started: clock::now(),
            host: None,
            child_rule: None,
            rule: None,
            location: None,
            status: 0,
            request_octets: 0,
            response_octets: 0,
            server: None,
            first_octet: None,
            ending: Ending::ClientClosed,
        })
    }

    /// Uuid of the virtual service or child that took it.
    pub(crate) fn host_uuid(&self) -> Option<&str> {
        let listener = self.view.table.listeners.get(&self.client.listener.address)?;
        Some(&listener.service.host(self.host?)?.source.uuid)
    }

    /// The response's head has come.
    pub(crate) fn answered(&mut self) {
        let now = clock::now();
        self.first_octet = Some(now.saturating_duration_since(self.started));
        if let Some(server) = &mut self.server {
            server.response = server.sent.map(|sent| now.saturating_duration_since(sent));
        }
    }

    /// The response has ended: the server is free, and its connection can be used again if both sides want.
    pub(crate) fn give_back(&mut self, exchange: Exchange, worker: &Worker, keep_alive: bool) {
        self.request_octets = exchange.body_octets;
        let Some(server) = &mut self.server else { return };
        server.lease = None;
        if keep_alive && exchange.is_sent() {
            if self.client.bound.is_on() {
                self.client.bound.give(exchange.upstream, &server.state);
            } else {
                worker.kept.give(exchange.upstream, &server.state, &server.pool.source, worker.timer.now_ms());
            }
        }
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        if matches!(self.ending, Ending::ClientClosed | Ending::Tunnel) && self.client.listener.is_aborted.get() {
            self.ending = Ending::Drained;
        }
        let total = clock::now().saturating_duration_since(self.started);
        let stats = &self.client.worker.stats;
        stats.octets_in.add(self.request_octets);
        stats.octets_out.add(self.response_octets);
        let service = self.view.table.listeners.get(&self.client.listener.address).map(|listener| &listener.service);
        let host = self.host.and_then(|child| service?.host(child));
        let rule = self.rule.and_then(|place| host?.rule_name(place));
        let is_security = matches!(self.rule, Some(RulePlace::Security(_)));
        let record = AccessRecord {
            version: &self.view.table.version,
            host,
            child_rule: self.child_rule.as_deref(),
            security_rule: rule.filter(|_| is_security),
            request_rule: rule.filter(|_| !is_security),
            location: self.location.as_deref(),
            received: self.received,
            client: self.client.peer,
            local: self.client.local,
            tls: self.client.tls.as_ref(),
            method: &self.parts.method,
            uri: &self.parts.uri,
            http_version: self.parts.version,
            request_headers: &self.parts.headers,
            request_octets: self.request_octets,
            status: self.status,
            response_octets: self.response_octets,
            server: self.server.as_ref().map(|server| ServerUse {
                pool: &server.pool.source,
                address: server.address,
                attempts: server.attempts,
                reused: server.reused,
                connect: server.connect,
                response: server.response,
            }),
            first_octet: self.first_octet,
            total,
            ending: self.ending,
        };
        self.client.worker.shared.log.record(&record);
        self.client.end();
    }
}
