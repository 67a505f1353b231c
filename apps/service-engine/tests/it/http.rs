//! L7 virtual services of an engine.

mod backend;
mod client;
mod connections;
mod health;
mod logs;
mod routing;
mod tls;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use model::http::{HttpObjects, Pool, PoolGroup, VirtualService};
use se_protocol::{HttpPoolState, HttpServiceState, Report, Snapshot, State};

use crate::running::{free_port, own_ip, snapshot};

/// Where a virtual service or a server of a test may listen.
fn free_address() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(own_ip()), free_port())
}

/// A snapshot of these alone; each list gets the order of its uuids.
fn http_snapshot(revision: u64, services: Vec<VirtualService>, pools: Vec<Pool>, groups: Vec<PoolGroup>) -> Snapshot {
    let (mut services, mut pools, mut pool_groups) = (arcs(services), arcs(pools), arcs(groups));
    services.sort_by(|a, b| a.host.uuid.cmp(&b.host.uuid));
    pools.sort_by(|a, b| a.uuid.cmp(&b.uuid));
    pool_groups.sort_by(|a, b| a.uuid.cmp(&b.uuid));
    Snapshot {
        dns_services: vec![],
        gslb_domains: vec![],
        gslb_services: vec![],
        http: HttpObjects { services, pools, pool_groups },
        ..snapshot(revision, 0, &[], 0)
    }
}

fn arcs<T>(list: Vec<T>) -> Vec<Arc<T>> {
    list.into_iter().map(Arc::new).collect()
}

fn service<'r>(report: &'r Report, name: &str) -> &'r HttpServiceState {
    let uuid = format!("virtualservice-{name}");
    report.http_services.iter().find(|service| service.uuid == uuid).unwrap()
}

fn pool<'r>(report: &'r Report, name: &str) -> &'r HttpPoolState {
    let uuid = format!("pool-{name}");
    report.http_pools.iter().find(|pool| pool.uuid == uuid).unwrap()
}

fn is_up(name: &'static str) -> impl Fn(&Report) -> bool {
    move |report| service(report, name).state == State::Up
}
