//! What one version of the configuration comes to: who answers where, and with which certificates.

use std::net::SocketAddr;
use std::sync::Arc;

use http_policy::Table;
use model::http::HttpConfig;
use rustc_hash::FxHashMap;

use crate::proxy::Problem;
use crate::tls::TlsHosts;

/// Immutable; a request takes one and uses nothing else.
pub struct View {
    /// Routing and pools. Health of servers is set in place there.
    pub table: Table,
    /// Certificates per listener with TLS.
    pub(crate) tls: FxHashMap<SocketAddr, Arc<TlsHosts>>,
}

/// A view as one worker holds it. Requests share it by counting on the worker's own core, where counting the view itself
/// would take its line from every other core.
pub(crate) struct Held(Arc<View>);

impl Held {
    pub(crate) const fn new(view: Arc<View>) -> Self {
        Self(view)
    }
}

impl std::ops::Deref for Held {
    type Target = View;

    fn deref(&self) -> &View {
        &self.0
    }
}

impl View {
    /// Compiles `config`, sharing with `previous` what did not change.
    pub(crate) fn compile(config: &HttpConfig, previous: &Self) -> (Self, Vec<Problem>) {
        let (table, problems) = Table::compile(config, Some(&previous.table));
        let mut problems: Vec<Problem> = problems.into_iter().map(Problem::Config).collect();
        let mut tls: FxHashMap<SocketAddr, Arc<TlsHosts>> = FxHashMap::default();
        for service in &table.services {
            let source = &service.source;
            let addresses = source.addresses.iter().flat_map(|&ip| {
                source.ports.iter().filter(|port| port.tls).map(move |port| SocketAddr::new(ip, port.listen_port))
            });
            let mut hosts: Option<Arc<TlsHosts>> = None;
            for address in addresses {
                let hosts = hosts.get_or_insert_with(|| {
                    TlsHosts::compile(&source.certificates, previous.tls.get(&address), |error| {
                        let (object, name) = (source.host.uuid.clone(), source.host.name.clone());
                        problems.push(Problem::Certificate { object, name, source: error });
                    })
                });
                tls.entry(address).or_insert_with(|| Arc::clone(hosts));
            }
        }
        (Self { table, tls }, problems)
    }
}
