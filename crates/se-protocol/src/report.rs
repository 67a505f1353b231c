//! What an engine tells the controller.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use model::Version;
use serde::{Deserialize, Serialize};

/// The engine's whole view of its own state, complete each time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Version of the snapshot the engine runs.
    pub version: Version,
    /// State of each DNS virtual service.
    pub dns_services: Vec<DnsServiceState>,
    /// State of each GSLB service; those that did not change are shared with the report before.
    pub gslb_services: Vec<Arc<GslbServiceState>>,
    /// State of each L7 virtual service, EVH children among them, in the order of their uuids; shared likewise.
    pub http_services: Vec<Arc<HttpServiceState>>,
    /// State of each pool of L7 virtual services, in the order of their uuids; shared likewise.
    pub http_pools: Vec<Arc<HttpPoolState>>,
}

/// Members and servers that are up, by uuid of their GSLB service or pool. An engine that starts again goes on with those
/// that were.
pub type UpMembers = BTreeMap<String, BTreeSet<IpAddr>>;

impl Report {
    /// Members that are up, and servers: an address of a pool counts where all servers at it are up.
    #[must_use]
    pub fn up_members(&self) -> UpMembers {
        let services = self.gslb_services.iter().map(|service| {
            let members = service.pools.iter().flat_map(|pool| &pool.members);
            let up = members.filter(|member| member.state == State::Up).map(|member| member.ip);
            (service.uuid.clone(), up.collect::<BTreeSet<IpAddr>>())
        });
        let pools = self.http_pools.iter().map(|pool| {
            let with = |is_up: bool| {
                pool.servers.iter().filter(move |it| (it.state == State::Up) == is_up).map(|it| it.address.ip())
            };
            let not_up: BTreeSet<IpAddr> = with(false).collect();
            (pool.uuid.clone(), with(true).filter(|ip| !not_up.contains(ip)).collect())
        });
        services.chain(pools).filter(|(_, up)| !up.is_empty()).collect()
    }
}

/// Operational state. Avi: `OperationalStatus.state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Serving.
    Up,
    /// Not serving.
    Down,
    /// No verdict yet.
    Unknown,
    /// Switched off by the administrator.
    Disabled,
}

impl State {
    /// Wire value, for example `OPER_UP`.
    #[must_use]
    pub fn as_avi(self) -> &'static str {
        match self {
            Self::Up => "OPER_UP",
            Self::Down => "OPER_DOWN",
            Self::Unknown => "OPER_UNKNOWN",
            Self::Disabled => "OPER_DISABLED",
        }
    }
}

/// State of a DNS virtual service on this engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsServiceState {
    /// Object uuid.
    pub uuid: String,
    /// State; down when a listener could not be opened.
    pub state: State,
    /// Why, in words, empty when up.
    pub reason: String,
    /// Addresses it listens on, after the port offset.
    pub listeners: Vec<SocketAddr>,
}

/// State of an L7 virtual service, or of an EVH child, on this engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpServiceState {
    /// Object uuid.
    pub uuid: String,
    /// Down when a listener could not be opened, or when it has pools and none is up (avi-api 7.1).
    pub state: State,
    /// Why, in words, empty when up.
    pub reason: String,
    /// When `state` last changed, microseconds since the Unix epoch.
    pub since_us: i64,
    /// Addresses it listens on, after the port offset; empty of a child.
    pub listeners: Vec<SocketAddr>,
}

/// State of a pool of servers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HttpPoolState {
    /// Object uuid.
    pub uuid: String,
    /// Up when at least one server is up.
    pub state: State,
    /// Why, in words, empty when up.
    pub reason: String,
    /// When `state` last changed, microseconds since the Unix epoch.
    pub since_us: i64,
    /// Servers in the order of the object.
    pub servers: Vec<ServerState>,
}

/// State of a server of a pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerState {
    /// Address and port as configured.
    pub address: SocketAddr,
    /// Verdict; up without monitors.
    pub state: State,
    /// Why, in words.
    pub reason: String,
    /// When `state` last changed, microseconds since the Unix epoch.
    pub since_us: i64,
    /// Each monitor in the order of the pool.
    pub monitors: Vec<MonitorState>,
}

/// State of a GSLB service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GslbServiceState {
    /// Object uuid.
    pub uuid: String,
    /// Up when at least one pool is usable.
    pub state: State,
    /// Why, in words.
    pub reason: String,
    /// When `state` last changed, microseconds since the Unix epoch.
    pub since_us: i64,
    /// Pools in the order of the object.
    pub pools: Vec<PoolState>,
}

/// State of a pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PoolState {
    /// Pool name.
    pub name: String,
    /// Up when at least one member is up.
    pub state: State,
    /// Members in the order of the object.
    pub members: Vec<MemberState>,
}

/// State of a member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemberState {
    /// Address.
    pub ip: IpAddr,
    /// Verdict of everything that counts.
    pub state: State,
    /// What this engine perceives: the same, unless the service asks other sites too.
    pub perceived: State,
    /// Why, in words, for example `1 of 1 required monitors pass`.
    pub reason: String,
    /// When `state` last changed, microseconds since the Unix epoch.
    pub since_us: i64,
    /// Verdict of the data plane alone.
    pub datapath: State,
    /// Verdict of the control plane; `None` when the member has no virtual service or the site does not ask for it.
    pub controller: Option<State>,
    /// Each monitor in the order of the service.
    pub monitors: Vec<MonitorState>,
}

/// State of one monitor on one member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MonitorState {
    /// Object uuid.
    pub uuid: String,
    /// Object name.
    pub name: String,
    /// Address and port that are really probed, after the port offset.
    pub target: SocketAddr,
    /// Verdict.
    pub state: State,
    /// Consecutive results against the present state.
    pub streak: u32,
    /// Last failure: code of avi-api 6.1 (`CONNECTION_REFUSED` …) with a sentence; `None` after a pass.
    pub last_failure: Option<String>,
    /// Round trip of the last pass in microseconds.
    pub latency_us: Option<u64>,
    /// Uuid of the engine, or cluster uuid of the site, that probes it in place of this one.
    pub probed_by: Option<String>,
}

#[cfg(test)]
mod tests {
    use model::Revision;

    use super::*;

    #[test]
    fn an_address_of_a_pool_was_up_where_all_servers_at_it_were() {
        let server = |address: &str, state| ServerState {
            address: address.parse().unwrap(),
            state,
            reason: String::new(),
            since_us: 1,
            monitors: vec![],
        };
        let servers = vec![
            server("192.0.2.1:80", State::Up),
            server("192.0.2.1:81", State::Down),
            server("192.0.2.2:80", State::Up),
            server("192.0.2.2:81", State::Up),
            server("192.0.2.3:80", State::Unknown),
        ];
        let pool = |uuid: &str, servers| {
            let (uuid, reason) = (uuid.to_owned(), String::new());
            Arc::new(HttpPoolState { uuid, state: State::Up, reason, since_us: 1, servers })
        };
        let report = Report {
            version: Version { incarnation: "a".into(), term: 0, revision: Revision(1) },
            dns_services: vec![],
            gslb_services: vec![],
            http_services: vec![],
            http_pools: vec![pool("pool-1", servers), pool("pool-2", vec![])],
        };
        let up = [("pool-1".to_owned(), ["192.0.2.2".parse().unwrap()].into())];
        assert_eq!(report.up_members(), up.into());
    }
}
