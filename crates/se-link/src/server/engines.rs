//! What is known of the engines, and the way to those that are connected.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::SocketAddr,
    sync::Arc,
};

use model::Version;
use parking_lot::Mutex;
use se_protocol::{
    MemberStates, Report, Reports,
    explain::{DnsExplanation, DnsQuestion, ExplainRefusal},
    logs::{LogPage, LogQuery, LogRefusal},
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

/// Questions that wait for one engine; more are refused, the asker may come again.
const ASKS_MAX: usize = 16;

/// One engine.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineStatus {
    /// Uuid that the controller gave it.
    pub uuid: String,
    /// What people call it.
    pub name: String,
    /// Its service engine group, by name or uuid, as the join token said.
    pub group: String,
    /// Version of its software.
    pub software: String,
    /// Where it connected from.
    pub address: Option<SocketAddr>,
    /// Whether it is connected now.
    pub connected: bool,
    /// Version it runs, as it last said.
    pub running: Option<Version>,
    /// Why it refused the last snapshot it refused; `None` once it took one.
    pub refusal: Option<String>,
    /// Its last report; of an engine that is not connected it may be out of date.
    pub report: Option<Arc<Report>>,
}

/// Engines that connected since this controller started, by uuid.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Engines(pub BTreeMap<String, EngineStatus>);

impl Engines {
    /// All of them, in the order of their uuids.
    pub fn list(&self) -> impl Iterator<Item = &EngineStatus> {
        self.0.values()
    }

    /// What connected engines say about the virtual services of controller cluster `cluster_uuid`, of L7 ones those
    /// `of_interest`; nothing of engines that are away, so that their virtual services become unknown.
    #[must_use]
    pub fn member_states(&self, cluster_uuid: &str, of_interest: &BTreeSet<String>) -> MemberStates {
        let reports = self.connected().filter_map(|engine| engine.report.as_deref());
        MemberStates::from_reports(cluster_uuid, of_interest, reports)
    }

    /// The last reports of connected engines; of one that is away nothing is known.
    #[must_use]
    pub fn reports(&self) -> Reports {
        self.connected().filter_map(|engine| engine.report.clone()).collect()
    }

    fn connected(&self) -> impl Iterator<Item = &EngineStatus> {
        self.0.values().filter(|engine| engine.connected)
    }
}

/// A question for an engine, and where its answer goes.
pub(crate) enum Ask {
    Explain { question: DnsQuestion, reply: oneshot::Sender<Result<DnsExplanation, ExplainRefusal>> },
    Logs { query: LogQuery, reply: oneshot::Sender<Result<LogPage, LogRefusal>> },
}

/// Who is connected. One session per engine: the newest, since an engine that comes again has lost the one before.
pub(crate) struct Registry {
    status: watch::Sender<Arc<Engines>>,
    sessions: Mutex<HashMap<String, Session>>,
}

struct Session {
    asks: mpsc::Sender<Ask>,
    replaced: CancellationToken,
}

/// A session's place in the registry, given back when dropped.
pub(crate) struct Place {
    registry: Arc<Registry>,
    uuid: String,
    pub(crate) asks: mpsc::Receiver<Ask>,
    /// Cancelled when the engine connected again.
    pub(crate) replaced: CancellationToken,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self { status: watch::Sender::new(Arc::new(Engines::default())), sessions: Mutex::default() }
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<Engines>> {
        self.status.subscribe()
    }

    pub(crate) fn enter(self: &Arc<Self>, engine: EngineStatus) -> Place {
        let (sender, asks) = mpsc::channel(ASKS_MAX);
        let replaced = CancellationToken::new();
        let uuid = engine.uuid.clone();
        let mut sessions = self.sessions.lock();
        let session = Session { asks: sender, replaced: replaced.clone() };
        if let Some(before) = sessions.insert(uuid.clone(), session) {
            before.replaced.cancel();
        }
        self.status.send_modify(|engines| {
            let engines = &mut Arc::make_mut(engines).0;
            // The report stays until the new session brings one.
            let report = engines.get(&uuid).and_then(|known| known.report.clone());
            engines.insert(uuid.clone(), EngineStatus { report, ..engine });
        });
        drop(sessions);
        Place { registry: Arc::clone(self), uuid, asks, replaced }
    }

    /// A way to an engine: to the one named, or to any that reported, rather one that answers DNS.
    pub(crate) fn asks_of(&self, uuid: Option<&str>) -> Option<mpsc::Sender<Ask>> {
        let sessions = self.sessions.lock();
        match uuid {
            Some(uuid) => sessions.get(uuid).map(|session| session.asks.clone()),
            None => {
                let status = self.status.borrow();
                let ready = status.0.values().filter_map(|engine| Some((engine, engine.report.as_ref()?)));
                let ready = ready.filter(|(engine, _)| engine.connected);
                let best = ready.max_by_key(|(_, report)| !report.dns_services.is_empty()).map(|(engine, _)| engine);
                best.and_then(|engine| sessions.get(&engine.uuid)).map(|session| session.asks.clone())
            }
        }
    }
}

impl Registry {
    /// Every engine that is known, by name, with the way to those that are connected.
    pub(crate) fn asks_of_all(&self) -> Vec<(String, Option<mpsc::Sender<Ask>>)> {
        let sessions = self.sessions.lock();
        let status = self.status.borrow();
        let way = |engine: &EngineStatus| sessions.get(&engine.uuid).map(|session| session.asks.clone());
        status.0.values().map(|engine| (engine.name.clone(), way(engine))).collect()
    }
}

impl Place {
    pub(crate) fn update(&self, change: impl FnOnce(&mut EngineStatus)) {
        let sessions = self.registry.sessions.lock();
        // A session that was replaced has nothing to say any more.
        if sessions.get(&self.uuid).is_some_and(|session| session.replaced == self.replaced) {
            self.registry.status.send_modify(|engines| {
                if let Some(engine) = Arc::make_mut(engines).0.get_mut(&self.uuid) {
                    change(engine);
                }
            });
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.update(|engine| engine.connected = false);
        let mut sessions = self.registry.sessions.lock();
        if sessions.get(&self.uuid).is_some_and(|session| session.replaced == self.replaced) {
            sessions.remove(&self.uuid);
        }
    }
}

#[cfg(test)]
mod tests {
    use model::Revision;
    use se_protocol::{DEFAULT_GROUP, DnsServiceState, State};

    use super::*;

    fn enter(registry: &Arc<Registry>, uuid: &str, dns_services: &[&str]) -> Place {
        let service = |uuid: &&str| DnsServiceState {
            uuid: (*uuid).to_owned(),
            state: State::Up,
            reason: String::new(),
            listeners: vec![],
        };
        let report = Report {
            version: Version { incarnation: "a".into(), term: 0, revision: Revision(1) },
            dns_services: dns_services.iter().map(service).collect(),
            gslb_services: vec![],
            http_services: vec![],
            http_pools: vec![],
        };
        let place = registry.enter(EngineStatus {
            uuid: uuid.to_owned(),
            name: uuid.to_owned(),
            group: DEFAULT_GROUP.to_owned(),
            software: String::new(),
            address: None,
            connected: true,
            running: None,
            refusal: None,
            report: None,
        });
        place.update(|engine| engine.report = Some(Arc::new(report)));
        place
    }

    #[test]
    fn a_question_goes_to_an_engine_that_answers_dns_where_there_is_one() {
        let registry = Arc::new(Registry::new());
        let asked = |place: &mut Place| {
            let question = DnsQuestion { name: "x".into(), qtype: "A".into(), client: None };
            let (reply, _) = oneshot::channel();
            let way = registry.asks_of(None).unwrap();
            way.try_send(Ask::Explain { question, reply }).unwrap_or_else(|_| panic!("the way is closed"));
            place.asks.try_recv().is_ok()
        };
        let mut first = enter(&registry, "se-1", &[]);
        assert!(asked(&mut first), "the only one");
        let mut second = enter(&registry, "se-2", &["virtualservice-1"]);
        let _last = enter(&registry, "se-3", &[]);
        assert!(asked(&mut second));
        drop(second);
        assert!(registry.asks_of(None).is_some());
    }
}
