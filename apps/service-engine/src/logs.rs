//! Which DNS answers are logged, and what is kept of them until the writer makes a log.
//!
//! An answer that is fine is logged where the virtual service says so, an error always; both as often as the rates
//! allow, see `log_gate.rs`.

use std::net::SocketAddr;
use std::sync::Arc;

use dns_answer::{Account, Arrival, View};
use dns_server::Transport;
use log_store::{Entry, Inlet};
use model::LogPolicy;
use se_protocol::logs::Log;

use crate::clock::now_us;
use crate::log_gate::{Admission, Gate, Groups};

/// The DNS logs of one engine.
pub(crate) struct Logs {
    /// `None` in an engine that keeps none.
    inlet: Option<Inlet<Record>>,
    engine: Arc<str>,
    groups: Groups,
}

/// The logs of one DNS virtual service.
pub(crate) struct ServiceLogs {
    inlet: Option<Inlet<Record>>,
    engine: Arc<str>,
    gate: Gate,
}

/// How a query came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Came {
    pub(crate) client: SocketAddr,
    pub(crate) service: SocketAddr,
    pub(crate) transport: Transport,
    pub(crate) query_bytes: usize,
}

/// What is kept of an answer until the writer comes to it.
#[derive(Debug)]
pub(crate) struct Record {
    at_us: i64,
    view: Arc<View>,
    account: Account,
    significant: bool,
    came: Came,
    engine: Arc<str>,
}

impl Logs {
    pub(crate) fn new(inlet: Option<Inlet<Record>>, engine: &str, groups: Groups) -> Self {
        Self { inlet, engine: engine.into(), groups }
    }

    /// Logs of a virtual service whose policy is yet to come.
    pub(crate) fn of_service(&self) -> ServiceLogs {
        ServiceLogs { inlet: self.inlet.clone(), engine: Arc::clone(&self.engine), gate: Gate::new() }
    }

    /// Puts a policy into force; rates that stay go on counting.
    pub(crate) fn adopt(&self, service: &ServiceLogs, policy: &LogPolicy) {
        service.gate.adopt(policy, &self.groups);
    }
}

impl ServiceLogs {
    /// Whether an answer is to be logged; counts it when only a rate says no.
    pub(crate) fn admits(&self, significant: bool, client: SocketAddr) -> bool {
        let Some(inlet) = &self.inlet else { return false };
        let admission = self.gate.admit(significant, inlet.recent_us());
        if admission == Admission::Throttled {
            // The port differs between the queries of most clients.
            inlet.throttled(usize::from(client.port()));
        }
        admission == Admission::Admitted
    }

    pub(crate) fn push(&self, view: Arc<View>, account: Account, significant: bool, came: Came) {
        if let Some(inlet) = &self.inlet {
            let engine = Arc::clone(&self.engine);
            inlet.push(Record { at_us: now_us(), view, account, significant, came, engine });
        }
    }
}

impl Entry for Record {
    fn log(self) -> Log {
        let Came { client, service, transport, query_bytes } = self.came;
        let over_tcp = transport == Transport::Tcp;
        let arrival = Arrival { at_us: self.at_us, client, service, over_tcp, query_bytes, engine: &self.engine };
        self.account.log(&self.view, self.significant, &arrival).into()
    }
}

#[cfg(test)]
mod tests {
    use log_store::{Limits, Writer};
    use model::FullLogs;
    use se_protocol::logs::LogKind;

    use super::*;
    use crate::log_gate::tests::policy;

    /// How many of 1,000 answers that are fine are logged, in at most two seconds.
    fn admitted(service: &ServiceLogs) -> usize {
        let client = SocketAddr::from(([192, 0, 2, 1], 5353));
        (0..1_000).filter(|_| service.admits(false, client)).count()
    }

    #[test]
    fn what_only_a_rate_keeps_out_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let writer = Writer::start(dir.path(), LogKind::Dns, Limits::default()).unwrap();
        let logs = Logs::new(Some(writer.inlet()), "engine", Groups::default());
        let service = logs.of_service();
        logs.adopt(&service, &policy(None, 0));
        assert_eq!((admitted(&service), writer.inlet().counts().dropped_throttle), (0, 0));
        logs.adopt(&service, &policy(Some(FullLogs { per_s: 10, until_us: None }), 0));
        let own = admitted(&service);
        assert!([10, 20].contains(&own), "{own}");
        assert_eq!(writer.inlet().counts().dropped_throttle, 1_000 - own as u64);
        writer.shutdown();
    }

    #[test]
    fn an_engine_without_a_directory_logs_nothing() {
        let logs = Logs::new(None, "engine", Groups::default());
        let service = logs.of_service();
        logs.adopt(&service, &policy(Some(FullLogs { per_s: 0, until_us: None }), 0));
        assert_eq!(admitted(&service), 0);
    }
}
