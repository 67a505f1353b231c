//! Pools and their servers (avi-api 7.1).

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use objects::Object;
use se_protocol::{HttpPoolState, ServerState};
use serde_json::{Value, json};

use super::{Status, View, is_enabled, list, monitors};
use crate::routes::neighbours;

/// Port of servers where neither they nor their pool say one (2.6).
const PORT_DEFAULT: u64 = 80;

/// How a pool is, in numbers.
pub(super) struct Health {
    pub(super) status: Status,
    pub(super) servers: u64,
    pub(super) servers_enabled: u64,
    pub(super) servers_up: u64,
}

impl Health {
    /// On all engines together.
    pub(super) fn of(object: &Object, view: &View<'_>) -> Self {
        let found = view.reports.http_pool(&object.uuid);
        let status = status_of(object, found.as_ref(), view);
        let servers = Servers::of(object, found.as_ref(), &status);
        servers.health(status)
    }
}

/// `/runtime`.
pub(super) fn summary(object: &Object, view: &View<'_>) -> Value {
    shown(object, &Health::of(object, view))
}

fn shown(object: &Object, health: &Health) -> Value {
    let percent = |of: u64| (100 * health.servers_up).checked_div(of).unwrap_or_default();
    json!({
        "uuid": object.uuid, "name": object.name, "oper_status": health.status.to_json(),
        "num_servers": health.servers, "num_servers_enabled": health.servers_enabled,
        "num_servers_up": health.servers_up, "percent_servers_up_total": percent(health.servers),
        "percent_servers_up_enabled": percent(health.servers_enabled),
    })
}

/// `/runtime/detail`: what each engine says; the controller's own view where none says anything.
pub(super) fn detail(object: &Object, view: &View<'_>) -> Value {
    let of_each = on_engines(object, view, |_, summary| summary);
    if of_each.is_empty() { json!([summary(object, view)]) } else { Value::Array(of_each) }
}

/// `/runtime/server`: servers in the order of the object, with the best state that an engine has.
pub(super) fn servers(object: &Object, view: &View<'_>) -> Value {
    let found = view.reports.http_pool(&object.uuid);
    let status = status_of(object, found.as_ref(), view);
    let results = Servers::of(object, found.as_ref(), &status).to_json();
    json!({"count": results.len(), "results": results})
}

/// `/runtime/server/detail`: the same from each engine.
pub(super) fn servers_detail(object: &Object, view: &View<'_>) -> Value {
    Value::Array(on_engines(object, view, |servers, mut summary| {
        summary["servers"] = Value::Array(servers.to_json());
        summary
    }))
}

/// One element per connected engine that has the pool.
fn on_engines(object: &Object, view: &View<'_>, shape: impl Fn(&Servers<'_>, Value) -> Value) -> Vec<Value> {
    let of_each = view.connected().filter_map(|engine| {
        let found = engine.report.as_deref()?.http_pool(&object.uuid)?;
        let status = status_of(object, Some(found), view);
        let servers = Servers::of(object, Some(found), &status);
        let mut summary = shown(object, &servers.health(status));
        summary["se_uuid"] = json!(engine.uuid);
        summary["se_name"] = json!(engine.name);
        Some(shape(&servers, summary))
    });
    of_each.collect()
}

fn status_of(object: &Object, found: Option<&HttpPoolState>, view: &View<'_>) -> Status {
    match found {
        _ if !is_enabled(&object.body) => Status::disabled(""),
        Some(found) => Status::of(found.state, &found.reason, Some(found.since_us)),
        None if neighbours::virtual_services_above(object, view.projection).is_empty() => {
            Status { state: "OPER_UNUSED", reason: "no virtual service uses it".to_owned(), since_us: None }
        }
        None => view.awaited(object, None),
    }
}

/// The servers of a pool, each with its state.
struct Servers<'a>(Vec<Server<'a>>);

struct Server<'a> {
    configured: &'a Value,
    port: u64,
    status: Status,
    reported: Option<&'a ServerState>,
}

impl<'a> Servers<'a> {
    /// Those of the object, with what was reported of the same address and port; each report is used once.
    fn of(object: &'a Object, found: Option<&'a HttpPoolState>, pool: &Status) -> Self {
        let number = |value: &Value, field: &str| value.get(field).and_then(Value::as_u64).filter(|port| *port > 0);
        let port_default = object.body.get("default_server_port").and_then(Value::as_u64).unwrap_or(PORT_DEFAULT);
        let mut reported: HashMap<SocketAddr, VecDeque<&ServerState>> = HashMap::new();
        for server in found.iter().flat_map(|found| &found.servers) {
            reported.entry(server.address).or_default().push_back(server);
        }
        let servers = list(&object.body, "servers").iter().map(|configured| {
            let port = number(configured, "port").unwrap_or(port_default);
            let state = address(configured, port).and_then(|address| reported.get_mut(&address)?.pop_front());
            let status = match state {
                _ if configured.get("enabled") == Some(&Value::Bool(false)) => Status::disabled(""),
                Some(state) => Status::of(state.state, &state.reason, Some(state.since_us)),
                // Nothing is known of it that is not known of its pool.
                None if found.is_none() => Status { since_us: None, ..pool.clone() },
                None => {
                    let reason = "no service engine has reported it yet".to_owned();
                    Status { state: "OPER_INITIALIZING", reason, since_us: None }
                }
            };
            Server { configured, port, status, reported: state }
        });
        Self(servers.collect())
    }

    fn health(&self, status: Status) -> Health {
        let count = |is: fn(&&Server<'_>) -> bool| u64::try_from(self.0.iter().filter(is).count()).unwrap_or(u64::MAX);
        let is_enabled = |server: &&Server<'_>| server.configured.get("enabled") != Some(&Value::Bool(false));
        let (servers, servers_enabled, servers_up) =
            (count(|_| true), count(is_enabled), count(|server| server.status.is_up()));
        Health { status, servers, servers_enabled, servers_up }
    }

    fn to_json(&self) -> Vec<Value> {
        self.0.iter().map(Server::to_json).collect()
    }
}

impl Server<'_> {
    fn to_json(&self) -> Value {
        let mut out = json!({
            "ip_addr": self.configured.get("ip"), "port": self.port, "oper_status": self.status.to_json(),
            "is_standby": false,
        });
        for field in ["hostname", "enabled", "ratio", "server_node", "external_uuid"] {
            if let Some(value) = self.configured.get(field) {
                out[field] = value.clone();
            }
        }
        if let Some(state) = self.reported.filter(|state| !state.monitors.is_empty()) {
            out["health_monitor_info"] = monitors(&state.monitors);
        }
        out
    }
}

fn address(server: &Value, port: u64) -> Option<SocketAddr> {
    let ip: IpAddr = server.pointer("/ip/addr")?.as_str()?.parse().ok()?;
    Some(SocketAddr::new(ip, u16::try_from(port).ok()?))
}
