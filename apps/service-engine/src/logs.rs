//! Which answers are logged, and what is kept of them until the writer makes a log.
//!
//! An answer that is fine is logged where the virtual service says so, an error always; both as often as the rates of
//! the virtual service and of its engine group allow (avi-api 7.5). The rates are looked at first: what is not logged
//! costs a few reads of memory and nothing else.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use dns_answer::{Account, Arrival, View};
use dns_log::Throttle;
use dns_server::Transport;
use log_store::{Entry, Inlet};
use model::LogPolicy;
use se_protocol::logs::DnsLog;

use crate::clock::now_us;

/// Microseconds of a second.
const SECOND_US: i64 = 1_000_000;
/// Non-significant logs are off.
const NEVER_US: i64 = i64::MIN;
/// They are on without end.
const FOR_EVER_US: i64 = i64::MAX;

/// The logs of one engine.
pub(crate) struct Logs {
    /// `None` in an engine that keeps none.
    inlet: Option<Inlet<Record>>,
    engine: Arc<str>,
    /// Rates of the groups in use, by uuid.
    groups: BTreeMap<String, Weak<Rates>>,
}

/// The logs of one DNS virtual service.
pub(crate) struct ServiceLogs {
    inlet: Option<Inlet<Record>>,
    engine: Arc<str>,
    own: Rates,
    group: ArcSwap<Rates>,
    /// Until when answers that are fine are logged.
    full_until_us: AtomicI64,
}

/// Rates of both kinds of logs.
#[derive(Default)]
struct Rates {
    significant: Throttle,
    non_significant: Throttle,
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
    pub(crate) fn new(inlet: Option<Inlet<Record>>, engine: &str) -> Self {
        Self { inlet, engine: engine.into(), groups: BTreeMap::new() }
    }

    /// Logs of a virtual service whose policy is yet to come.
    pub(crate) fn of_service(&self) -> ServiceLogs {
        ServiceLogs {
            inlet: self.inlet.clone(),
            engine: Arc::clone(&self.engine),
            own: Rates::default(),
            group: ArcSwap::default(),
            full_until_us: AtomicI64::new(NEVER_US),
        }
    }

    /// Puts a policy into force; rates that stay go on counting.
    pub(crate) fn adopt(&mut self, service: &ServiceLogs, policy: &LogPolicy) {
        let LogPolicy { significant_per_s, full, group } = policy;
        service.own.significant.set(*significant_per_s);
        service.own.non_significant.set(full.map_or(0, |full| full.per_s));
        let until = full.map_or(NEVER_US, |full| full.until_us.unwrap_or(FOR_EVER_US));
        service.full_until_us.store(until, Ordering::Relaxed);

        self.groups.retain(|_, rates| rates.strong_count() > 0);
        let rates = self.groups.get(&group.uuid).and_then(Weak::upgrade).unwrap_or_default();
        rates.significant.set(group.significant_per_s);
        rates.non_significant.set(group.non_significant_per_s);
        self.groups.insert(group.uuid.clone(), Arc::downgrade(&rates));
        service.group.store(rates);
    }
}

impl ServiceLogs {
    /// Whether an answer is to be logged; counts it when only a rate says no.
    pub(crate) fn admits(&self, significant: bool, client: SocketAddr) -> bool {
        let Some(inlet) = &self.inlet else { return false };
        if !significant && self.full_until_us.load(Ordering::Relaxed) == NEVER_US {
            return false;
        }
        let recent_us = inlet.recent_us();
        if !significant && recent_us > self.full_until_us.load(Ordering::Relaxed) {
            return false;
        }
        let second = second_of(recent_us);
        let admitted = self.own.of(significant).admit(second) && self.group.load().of(significant).admit(second);
        if !admitted {
            // The port differs between the queries of most clients.
            inlet.throttled(usize::from(client.port()));
        }
        admitted
    }

    pub(crate) fn push(&self, view: Arc<View>, account: Account, significant: bool, came: Came) {
        if let Some(inlet) = &self.inlet {
            let engine = Arc::clone(&self.engine);
            inlet.push(Record { at_us: now_us(), view, account, significant, came, engine });
        }
    }
}

impl Rates {
    fn of(&self, significant: bool) -> &Throttle {
        if significant { &self.significant } else { &self.non_significant }
    }
}

impl Entry for Record {
    fn log(self) -> DnsLog {
        let Came { client, service, transport, query_bytes } = self.came;
        let over_tcp = transport == Transport::Tcp;
        let arrival = Arrival { at_us: self.at_us, client, service, over_tcp, query_bytes, engine: &self.engine };
        self.account.log(&self.view, self.significant, &arrival)
    }
}

/// A number that changes with each second.
fn second_of(us: i64) -> u32 {
    u32::try_from(us.div_euclid(SECOND_US).rem_euclid(i64::from(u32::MAX))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use log_store::{Limits, Writer};
    use model::{FullLogs, LogGroup};

    use super::*;

    fn policy(full: Option<FullLogs>, group: u32) -> LogPolicy {
        let group = LogGroup { uuid: "g".into(), significant_per_s: 0, non_significant_per_s: group };
        LogPolicy { significant_per_s: 0, full, group }
    }

    /// How many of 1,000 answers that are fine are logged, in at most two seconds.
    fn admitted(service: &ServiceLogs) -> usize {
        let client = SocketAddr::from(([192, 0, 2, 1], 5353));
        (0..1_000).filter(|_| service.admits(false, client)).count()
    }

    #[test]
    fn answers_that_are_fine_are_logged_where_and_as_long_as_the_policy_says() {
        let dir = tempfile::tempdir().unwrap();
        let writer = Writer::start(dir.path(), Limits::default()).unwrap();
        let mut logs = Logs::new(Some(writer.inlet()), "engine");
        let service = logs.of_service();
        let full = |per_s, until_us| Some(FullLogs { per_s, until_us });
        logs.adopt(&service, &policy(None, 0));
        assert_eq!(admitted(&service), 0);
        assert!(service.admits(true, SocketAddr::from(([192, 0, 2, 1], 1))));
        logs.adopt(&service, &policy(full(0, Some(now_us() - SECOND_US)), 0));
        assert_eq!(admitted(&service), 0);
        assert_eq!(writer.inlet().counts().dropped_throttle, 0);
        logs.adopt(&service, &policy(full(0, Some(now_us() + 3_600 * SECOND_US)), 0));
        assert_eq!(admitted(&service), 1_000);
        logs.adopt(&service, &policy(full(10, None), 0));
        let own = admitted(&service);
        assert!([10, 20].contains(&own), "{own}");
        assert_eq!(writer.inlet().counts().dropped_throttle, 1_000 - own as u64);
        logs.adopt(&service, &policy(full(0, None), 100));
        let other = logs.of_service();
        logs.adopt(&other, &policy(full(0, None), 100));
        let both = admitted(&service) + admitted(&other);
        assert!([100, 200].contains(&both), "the group's rate holds for both together, not {both}");
        writer.shutdown();
    }

    #[test]
    fn an_engine_without_a_directory_logs_nothing() {
        let mut logs = Logs::new(None, "engine");
        let service = logs.of_service();
        logs.adopt(&service, &policy(Some(FullLogs { per_s: 0, until_us: None }), 0));
        assert_eq!(admitted(&service), 0);
    }
}
