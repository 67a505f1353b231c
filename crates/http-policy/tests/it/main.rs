//! One test binary: what the crate promises, through its public door.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod balance;
mod carry_over;
mod checks;
mod corpus;
mod rules;
mod virtual_hosting;

use http_policy::{Decision, Request, Table};
use model::http::{HttpConfig, Target, VirtualService};
use model::testing::{http_config, http_pool, virtual_service};

/// Where every virtual service of these tests listens.
fn vip() -> std::net::SocketAddr {
    "192.0.2.1:80".parse().unwrap()
}

/// A plain GET by a client of the documentation.
fn get<'a>(host: &'a str, path: &'a str) -> Request<'a> {
    Request {
        method: "GET",
        host,
        path,
        query: None,
        https: false,
        port: 80,
        client: "198.51.100.7".parse().unwrap(),
        headers: &(&[] as &[(&str, &str)]),
    }
}

/// One virtual service, and pools by name, each with one server.
fn config(service: VirtualService, pools: &[&str]) -> HttpConfig {
    let pools = pools.iter().map(|name| http_pool(name, &[("192.0.2.10:80".parse().unwrap(), 1)])).collect();
    http_config(1, vec![service], pools)
}

/// Compiles a configuration that has no problem.
fn compile(config: &HttpConfig) -> Table {
    let (table, problems) = Table::compile(config, None);
    assert_eq!(problems, []);
    table
}

fn service(target: Option<Target>) -> VirtualService {
    virtual_service("vs", vip(), target)
}

fn decide<'t>(table: &'t Table, request: &Request<'_>) -> Decision<'t> {
    table.listeners[&vip()].service.decide(request)
}
