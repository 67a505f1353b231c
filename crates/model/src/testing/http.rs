//! L7 virtual services.

use std::sync::Arc;
use std::time::Duration;

use crate::http::{
    Algorithm, Child, FailAction, HostMatch, HttpConfig, HttpProfile, PathMatch, PathRule, Pool, PoolGroup,
    PoolGroupMember, RequestMatch, Server, ServicePort, StringCriterion, Target, VirtualHost, VirtualService,
};
use crate::{LogPolicy, Revision, Version};

/// A configuration at `revision` of one store.
#[must_use]
pub fn http_config(revision: u64, services: Vec<VirtualService>, pools: Vec<Pool>) -> HttpConfig {
    HttpConfig {
        version: Version { incarnation: "test".into(), term: 0, revision: Revision(revision) },
        services: services.into_iter().map(Arc::new).collect(),
        pools: pools.into_iter().map(Arc::new).collect(),
        pool_groups: vec![],
    }
}

/// An enabled virtual host `virtualservice-NAME` with the default profile.
#[must_use]
pub fn virtual_host(name: &str, target: Option<Target>) -> VirtualHost {
    VirtualHost {
        uuid: format!("virtualservice-{name}"),
        name: name.to_owned(),
        tenant: "admin".into(),
        enabled: true,
        profile: HttpProfile::default(),
        policies: vec![],
        logs: LogPolicy::default(),
        target,
        pools_up_min: 1,
    }
}

/// A virtual service that listens at `address` in plain text, without children.
#[must_use]
pub fn virtual_service(name: &str, address: std::net::SocketAddr, target: Option<Target>) -> VirtualService {
    VirtualService {
        host: virtual_host(name, target),
        addresses: vec![address.ip()],
        ports: vec![ServicePort { port: address.port(), listen_port: address.port(), tls: false, http2: false }],
        certificates: vec![],
        children: vec![],
    }
}

/// A child that takes all requests to `host`.
#[must_use]
pub fn child(name: &str, host: &str, target: Option<Target>) -> Arc<Child> {
    let matches = vec![HostMatch { host: host.to_owned(), rules: vec![] }];
    Arc::new(Child { host: virtual_host(name, target), matches })
}

/// A rule on the path, named after its value.
#[must_use]
pub fn path_rule(criterion: StringCriterion, value: &str) -> PathRule {
    PathRule { name: value.to_owned(), matches: path(criterion, value) }
}

/// A match on the path.
#[must_use]
pub fn path(criterion: StringCriterion, value: &str) -> RequestMatch {
    let path =
        PathMatch { criterion, negated: false, case_sensitive: false, decoded: true, values: vec![value.to_owned()] };
    RequestMatch { path: Some(path), ..RequestMatch::default() }
}

/// The pool `pool-NAME` as a target.
#[must_use]
pub fn to_pool(name: &str) -> Option<Target> {
    Some(Target::Pool(format!("pool-{name}")))
}

/// A round robin pool `pool-NAME` without monitors. `servers` are addresses with their ratios.
#[must_use]
pub fn http_pool(name: &str, servers: &[(std::net::SocketAddr, u8)]) -> Pool {
    Pool {
        uuid: format!("pool-{name}"),
        name: name.to_owned(),
        enabled: true,
        algorithm: Algorithm::RoundRobin,
        servers: servers.iter().map(|&(address, ratio)| http_server(address, ratio)).collect(),
        health_monitors: vec![],
        monitors_up_min: None,
        servers_up_min: 1,
        passive_health: true,
        connections_per_server_max: 0,
        response_timeout: Duration::ZERO,
        idle_timeout: Duration::from_secs(60),
        connection_lifetime: Duration::from_secs(600),
        requests_per_connection_max: 0,
        fail_action: FailAction::ServiceUnavailable,
    }
}

/// An enabled server.
#[must_use]
pub fn http_server(address: std::net::SocketAddr, ratio: u8) -> Server {
    Server { ip: address.ip(), port: address.port(), hostname: address.ip().to_string(), enabled: true, ratio }
}

/// A pool group `poolgroup-NAME`. `members` are pool names with ratio and priority.
#[must_use]
pub fn pool_group(name: &str, members: &[(&str, u16, u32)]) -> PoolGroup {
    PoolGroup {
        uuid: format!("poolgroup-{name}"),
        name: name.to_owned(),
        members: members
            .iter()
            .map(|&(pool, ratio, priority)| PoolGroupMember { pool: format!("pool-{pool}"), ratio, priority })
            .collect(),
        servers_min: 0,
    }
}
