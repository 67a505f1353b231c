//! Pools of servers, and groups of pools.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::policy::{LocalResponse, Redirect};

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Target {
    /// A pool, by uuid.
    Pool(String),
    /// A pool group, by uuid.
    PoolGroup(String),
}

/// Servers that can take the same requests. Avi: `Pool`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    /// Object uuid, `pool-…`.
    pub uuid: String,
    /// Object name.
    pub name: String,
    /// Administrative switch; a disabled pool is never up.
    pub enabled: bool,
    /// How a server is chosen.
    pub algorithm: Algorithm,
    /// Servers in the order of the object.
    pub servers: Vec<Server>,
    /// Uuids of the health monitors that decide on its servers. Without one a server counts as up.
    pub health_monitors: Vec<String>,
    /// Monitors that have to pass; `None` is all. Avi: `min_health_monitors_up`.
    pub monitors_up_min: Option<u32>,
    /// Servers that have to be up for it to be up (avi-api 7.1); 0 counts as 1. Avi: `min_servers_up`.
    pub servers_up_min: u32,
    /// Whether failures of live traffic count too. Avi: `inline_health_monitor`.
    pub passive_health: bool,
    /// Requests at a time per server; 0 = unlimited. Avi: `max_concurrent_connections_per_server`.
    pub connections_per_server_max: u32,
    /// From a request sent to its response's head; zero = the engine's default. Avi: `server_timeout`.
    pub response_timeout: Duration,
    /// A kept connection closes after so long without a request. Avi: `conn_pool_properties`, idle.
    pub idle_timeout: Duration,
    /// A kept connection takes no request after so long. Avi: `conn_pool_properties`, life.
    pub connection_lifetime: Duration,
    /// Requests per kept connection; 0 = unlimited. Avi: `conn_pool_properties`, reuse.
    pub requests_per_connection_max: u32,
    /// What clients get when no server is usable.
    pub fail_action: FailAction,
}

/// A pool target. Avi: `Server`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Address.
    pub ip: IpAddr,
    /// Port, the pool's default already applied.
    pub port: u16,
    /// Host name, or the address as text.
    pub hostname: String,
    /// A disabled server gets no new request.
    pub enabled: bool,
    /// Share, 1 to 20.
    pub ratio: u8,
}

/// How a server is chosen (avi-api 10.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// In turn, as often as the ratios say. Avi: `LB_ALGORITHM_ROUND_ROBIN`.
    RoundRobin,
    /// The one with the fewest requests under way per ratio. Avi: `LB_ALGORITHM_LEAST_CONNECTIONS`.
    LeastConnections,
}

/// What clients get when no server is usable (avi-api 10.9). Avi: `fail_action`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FailAction {
    /// 503 with a short page.
    ServiceUnavailable,
    /// The connection closes without an answer. Avi: `FAIL_ACTION_CLOSE_CONN`.
    CloseConnection,
    /// This answer. Avi: `FAIL_ACTION_HTTP_LOCAL_RSP`.
    Respond(LocalResponse),
    /// Elsewhere. Avi: `FAIL_ACTION_HTTP_REDIRECT`.
    Redirect(Redirect),
}

/// Pools that share requests. Avi: `PoolGroup`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolGroup {
    /// Object uuid, `poolgroup-…`.
    pub uuid: String,
    /// Object name.
    pub name: String,
    /// Members in the order of the object.
    pub members: Vec<PoolGroupMember>,
    /// A priority with fewer servers up is used together with the next; 0 = never. Avi: `min_servers`.
    pub servers_min: u16,
}

/// One pool of a group. Avi: `PoolGroupMember`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolGroupMember {
    /// Pool uuid.
    pub pool: String,
    /// Share among pools of the same priority, 0 to 1000; 0 = receives nothing.
    pub ratio: u16,
    /// The highest with a pool that is up is used; a missing label is 0, the lowest (avi-api 10.5).
    pub priority: u32,
}
