//! `Pool` (avi-api 2.6, 10.6, 10.9).

use std::sync::Arc;
use std::time::Duration;

use model::http::{Algorithm, Pool, Server};

use super::{fail_action, unsupported};
use crate::{field::Message, reading::Reading};

/// The pool; `None` where there is none of that uuid, or where its servers must not be spoken to in the way we could.
pub(super) fn read(uuid: &str, reading: &mut Reading<'_, '_>) -> Option<Arc<Pool>> {
    let object = reading.get("pool", uuid)?;
    let label = format!("Pool {}", object.name);
    let pool = Message::root(&label, object.fields);
    if !unsupported::may_be_spoken_to(&pool, reading) {
        return None;
    }
    let default_port = pool.number("default_server_port").and_then(|port| u16::try_from(port).ok()).unwrap_or(80);
    let servers = pool.messages("servers").iter().filter_map(|entry| server(entry, default_port, reading)).collect();
    let monitors = pool.references("health_monitor_refs").into_iter().map(str::to_owned).collect();
    let count = |field: &str| pool.number(field).and_then(|count| u32::try_from(count).ok());
    let kept = pool.message("conn_pool_properties");
    let kept_for = |field: &str, default_ms: u64| Duration::from_millis(kept.number(field).unwrap_or(default_ms));
    Some(Arc::new(Pool {
        uuid: object.uuid.to_owned(),
        name: object.name.to_owned(),
        enabled: pool.flag("enabled", true),
        algorithm: algorithm(&pool, reading),
        servers,
        health_monitors: monitors,
        monitors_up_min: count("min_health_monitors_up"),
        servers_up_min: count("min_servers_up").unwrap_or(1),
        passive_health: pool.flag("inline_health_monitor", true),
        connections_per_server_max: count("max_concurrent_connections_per_server").unwrap_or(0),
        response_timeout: Duration::from_millis(pool.number("server_timeout").unwrap_or(0)),
        idle_timeout: kept_for("upstream_connpool_conn_idle_tmo", 60_000),
        connection_lifetime: kept_for("upstream_connpool_conn_life_tmo", 600_000),
        requests_per_connection_max: kept
            .number("upstream_connpool_conn_max_reuse")
            .map_or(0, |count| u32::try_from(count).unwrap_or(u32::MAX)),
        fail_action: fail_action::read(&pool.message("fail_action"), reading),
    }))
}

fn algorithm(pool: &Message<'_>, reading: &mut Reading<'_, '_>) -> Algorithm {
    match pool.text("lb_algorithm") {
        Some("LB_ALGORITHM_ROUND_ROBIN") => Algorithm::RoundRobin,
        None | Some("LB_ALGORITHM_LEAST_CONNECTIONS") => Algorithm::LeastConnections,
        Some(other) => {
            let reason = format!("`{other}` is not in this release; LB_ALGORITHM_LEAST_CONNECTIONS is used");
            reading.tell(pool.problem("lb_algorithm", reason));
            Algorithm::LeastConnections
        }
    }
}

fn server(entry: &Message<'_>, default_port: u16, reading: &mut Reading<'_, '_>) -> Option<Server> {
    let ip = match entry.address("ip") {
        Some(Ok(ip)) => ip,
        Some(Err(problem)) => {
            reading.tell(problem);
            return None;
        }
        None => {
            reading.tell(entry.problem("ip", "no address; the server is skipped"));
            return None;
        }
    };
    let ratio = entry.number("ratio").unwrap_or(1);
    let Some(ratio) = u8::try_from(ratio).ok().filter(|ratio| (1..=20).contains(ratio)) else {
        reading.tell(entry.problem("ratio", format!("{ratio} is outside 1 to 20; the server is skipped")));
        return None;
    };
    let port = entry.number("port").and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0);
    Some(Server {
        ip,
        port: port.unwrap_or(default_port),
        hostname: entry.text("hostname").map_or_else(|| ip.to_string(), str::to_owned),
        enabled: entry.flag("enabled", true),
        ratio,
    })
}
