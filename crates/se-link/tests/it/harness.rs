//! A controller's end and an engine's end, each with its directory.

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use model::{
    DomainName, Revision, Version, Weight,
    gslb::{
        DownResponse, GslbMember, GslbPool, GslbService, MemberAlgorithm, MemberLocation, MonitorScope, PoolAlgorithm,
    },
};
use se_link::{
    Answers, Authority, Backoff, Client, ClientConfig, EngineStatus, Explain, JoinToken, LinkState, SearchLogs, Server,
    ServerConfig, join,
};
use se_protocol::{
    DEFAULT_GROUP, GroupSnapshots, MemberStates, PortOffset, Report, Snapshot,
    explain::{DnsAnswerText, DnsExplanation, ExplainRefusal},
    logs::{DnsLog, Log, LogPage, LogRefusal},
};
use tokio::sync::watch;

/// Longest wait for a condition; a busy machine is slow, a broken link waits for ever.
const WITHIN: Duration = Duration::from_secs(20);
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

pub(crate) fn version(incarnation: &str, revision: u64) -> Version {
    Version { incarnation: incarnation.into(), term: 0, revision: Revision(revision) }
}

/// A snapshot of `services` GSLB services.
pub(crate) fn snapshot(incarnation: &str, revision: u64, services: u32) -> Arc<Snapshot> {
    Arc::new(Snapshot {
        version: version(incarnation, revision),
        cluster_uuid: "cluster-1".into(),
        port_offset: PortOffset::UNPRIVILEGED,
        clients: se_protocol::Clients::default(),
        dns_services: Vec::new(),
        gslb_domains: vec![DomainName::parse("example.com").unwrap()],
        gslb_services: (0..services).map(service).map(Arc::new).collect(),
        monitors: Vec::new(),
        http: model::http::HttpObjects::default(),
        registrations: Vec::new(),
    })
}

fn service(number: u32) -> GslbService {
    let member = |last: u8| GslbMember {
        ip: [192, 0, 2, last].into(),
        public_ip: None,
        fqdn: None,
        location: MemberLocation::OfAddress,
        weight: Weight::try_from(u64::from(last)).unwrap(),
        enabled: true,
        cluster_uuid: Some("cluster-1".into()),
        vs_uuid: Some(format!("virtualservice-{number}-{last}")),
        hostname: None,
        preference_order: 1,
        proxies: Vec::new(),
    };
    GslbService {
        uuid: format!("gslbservice-{number:06}"),
        name: format!("app{number}.example.com"),
        tenant: "admin".into(),
        enabled: true,
        domain_names: vec![DomainName::parse(&format!("app{number}.example.com")).unwrap()],
        wildcard_match: false,
        ttl: None,
        num_dns_ip: None,
        pool_algorithm: PoolAlgorithm::Priority,
        use_client_subnet: true,
        min_members: 0,
        resolve_cname: false,
        topology_policies: false,
        pools: vec![GslbPool {
            name: "app-10".into(),
            priority: 10.try_into().unwrap(),
            enabled: true,
            algorithm: MemberAlgorithm::RoundRobin,
            fallback_algorithm: None,
            hash_prefix_v4: None,
            hash_prefix_v6: None,
            min_health_monitors_up: None,
            members: (1..=3).map(member).collect(),
        }],
        down_response: DownResponse::None,
        health_monitors: vec!["healthmonitor-1".into()],
        monitor_scope: MonitorScope::AllMembers,
        controller_health: true,
        site_quorum: None,
    }
}

pub(crate) struct Controller {
    pub(crate) server: Server,
    pub(crate) snapshots: watch::Sender<Option<Arc<GroupSnapshots>>>,
    pub(crate) states: watch::Sender<Arc<MemberStates>>,
}

impl Controller {
    pub(crate) fn start(dir: &Path) -> Self {
        Self::start_at(dir, ([127, 0, 0, 1], 0).into())
    }

    pub(crate) fn start_at(dir: &Path, address: SocketAddr) -> Self {
        Self::start_with(dir, address, 90 * 24 * HOUR)
    }

    pub(crate) fn start_with(dir: &Path, address: SocketAddr, certificate_lifetime: Duration) -> Self {
        let authority = Arc::new(Authority::open(dir, now()).unwrap());
        let (snapshots, states) = (watch::Sender::new(None), watch::Sender::default());
        let mut config = ServerConfig::new(TcpListener::bind(address).unwrap());
        config.certificate_lifetime = certificate_lifetime;
        let server = Server::start(config, authority, snapshots.subscribe(), states.subscribe()).unwrap();
        Self { server, snapshots, states }
    }

    pub(crate) fn token(&self) -> JoinToken {
        self.token_for(self.server.local_addr())
    }

    pub(crate) fn token_for(&self, address: SocketAddr) -> JoinToken {
        self.server.authority().create_token(vec![address.to_string()], DEFAULT_GROUP, HOUR, now()).unwrap()
    }

    pub(crate) fn token_into(&self, group: &str) -> JoinToken {
        let address = self.server.local_addr().to_string();
        self.server.authority().create_token(vec![address], group, HOUR, now()).unwrap()
    }

    pub(crate) fn publish(&self, snapshot: &Arc<Snapshot>) {
        self.snapshots.send_replace(Some(Arc::new(GroupSnapshots::same(Arc::clone(snapshot)))));
    }

    /// Waits until the engine's status is as asked.
    pub(crate) async fn engine(&self, uuid: &str, is_wanted: impl Fn(&EngineStatus) -> bool) -> EngineStatus {
        let mut engines = self.server.engines();
        let found = until(&mut engines, |engines| engines.0.get(uuid).is_some_and(&is_wanted)).await;
        found.0[uuid].clone()
    }
}

pub(crate) struct Engine {
    pub(crate) client: Client,
    pub(crate) snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    pub(crate) reports: watch::Sender<Option<Arc<Report>>>,
    pub(crate) uuid: String,
}

impl Engine {
    /// Joins and starts.
    pub(crate) async fn join(dir: &Path, token: &JoinToken) -> Self {
        join(token, dir, "engine-1").await.unwrap();
        Self::start(config(dir))
    }

    pub(crate) fn start(config: ClientConfig) -> Self {
        let mut client = Client::open(config).unwrap();
        let reports = watch::Sender::new(None);
        client.start(reports.subscribe(), Answers { explain: explain(), logs: logs() });
        let uuid = client.identity().engine_uuid.clone();
        Self { snapshots: client.snapshots(), client, reports, uuid }
    }

    pub(crate) async fn runs(&mut self, snapshot: &Arc<Snapshot>) {
        let version = &snapshot.version;
        let found = until(&mut self.snapshots, |now| now.as_ref().is_some_and(|now| now.version == *version)).await;
        assert_eq!(found.as_ref(), Some(snapshot));
    }

    /// Waits until the link is away for a reason that contains `words`.
    pub(crate) async fn is_away(&self, words: &str) {
        until(&mut self.client.state(), |state| matches!(state, LinkState::Away { reason } if reason.contains(words)))
            .await;
    }

    pub(crate) async fn is_connected(&self) {
        until(&mut self.client.state(), |state| matches!(state, LinkState::Connected { .. })).await;
    }
}

pub(crate) fn config(dir: &Path) -> ClientConfig {
    let mut config = ClientConfig::new(dir, "0.1.0-test", 7);
    config.backoff = Backoff { first: Duration::from_millis(10), longest: Duration::from_millis(40) };
    config
}

/// As many logs as the virtual service's name says.
fn logs() -> SearchLogs {
    Arc::new(|query| {
        let Ok(count) = query.virtual_service.parse() else { return Err(LogRefusal("the disk is gone".into())) };
        let log = |id| Log::from(DnsLog { id, reason: "because ".repeat(100), ..DnsLog::default() });
        let logs = (0..count).take(query.limit as usize).map(log).collect();
        Ok(LogPage { count, logs, groups: Vec::new(), is_complete: true })
    })
}

fn explain() -> Explain {
    Arc::new(|question| {
        if question.name == "bad" {
            return Err(ExplainRefusal::Question("`bad` is no name".into()));
        }
        Ok(DnsExplanation {
            question: question.clone(),
            dns_service: "virtualservice-1".into(),
            version: version("a", 1),
            steps: Vec::new(),
            members: Vec::new(),
            answer: DnsAnswerText { rcode: "NOERROR".into(), answer: vec!["x".into()], authority: Vec::new() },
        })
    })
}

/// Waits for a value that is as asked, and gives it.
#[track_caller]
pub(crate) fn until<T: Clone>(
    receiver: &mut watch::Receiver<T>,
    is_wanted: impl Fn(&T) -> bool,
) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(WITHIN, receiver.wait_for(|value| is_wanted(value))).await {
            Ok(Ok(value)) => value.clone(),
            Ok(Err(_)) => panic!("the sender is gone; waited for at {caller}"),
            Err(_) => panic!("did not come in {WITHIN:?}; waited for at {caller}"),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "tokens and certificates of real sockets need the real time")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}
