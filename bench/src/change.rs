//! C1 with many services: what one changed GSLB service costs controller and engine, by how many there are.
//!
//! The services are changed one after the other over REST, so that hardly any two of them share a snapshot.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use avi_client::AviClient;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use crate::measure::{cpu_time, wait_for};
use crate::system::{DOMAIN, System};
use crate::table::Row;

/// Requests at a time while services are made.
const FILL_AT_ONCE: usize = 8;
/// CPU of an engine within this time, at rest, below which it has nothing left to do.
const REST: Duration = Duration::from_millis(500);

/// Makes more and more services, and changes some at each stage.
pub(crate) async fn run(quick: bool, meridian: &Path) -> anyhow::Result<Vec<Row>> {
    let (stages, changes): (&[usize], usize) = if quick { (&[10, 200], 50) } else { (&[10, 1_000, 2_000, 5_000], 300) };
    let system = System::start(meridian, None).await?;
    let monitor = json!({
        "name": "bench", "type": "HEALTH_MONITOR_TCP", "monitor_port": 80, "is_federated": true, "send_interval": 3600
    });
    let monitor = system.api.post("/api/healthmonitor", &monitor, "admin").await?;
    let monitor = monitor["url"].as_str().context("the monitor's url")?.to_owned();
    let (mut services, mut rows) = (Vec::new(), Vec::new());
    for stage in stages {
        let made = stream::iter(services.len()..*stage).map(|number| make(&system.api, number, &monitor));
        services.extend(made.buffered(FILL_AT_ONCE).try_collect::<Vec<Value>>().await?);
        wait_for_rest(&system)?;
        rows.extend(change(&system, &mut services, changes).await?);
    }
    Ok(rows)
}

async fn make(api: &AviClient, number: usize, monitor: &str) -> anyhow::Result<Value> {
    let member = |third: usize| {
        json!({
            "ip": {"type": "V4", "addr": format!("127.{third}.{}.{}", number / 250, number % 250 + 1)},
            "ratio": 1, "enabled": true
        })
    };
    let service = json!({
        "name": format!("app{number}"), "domain_names": [format!("app{number}.{DOMAIN}")],
        "health_monitor_refs": [monitor], "is_federated": true,
        "groups": [{"name": "pool", "priority": 10, "algorithm": "GSLB_ALGORITHM_ROUND_ROBIN",
            "members": [member(21), member(22), member(23)]}]
    });
    Ok(api.post("/api/gslbservice", &service, "admin").await?)
}

/// Writes `changes` services anew, spread over all of them, each with another weight than before.
async fn change(system: &System, services: &mut [Value], changes: usize) -> anyhow::Result<Vec<Row>> {
    let count = services.len();
    let used = || anyhow::Ok((cpu_time(system.controller.pid())?, cpu_time(system.engine.pid())?));
    let (controller, engine) = used()?;
    let start = now();
    for change in 0..changes {
        let service = &mut services[change * 7 % count];
        let ratio = &mut service["groups"][0]["members"][0]["ratio"];
        *ratio = json!(ratio.as_u64().unwrap_or(1) % 20 + 1);
        let path = format!("/api/gslbservice/{}", service["uuid"].as_str().context("its uuid")?);
        *service = system.api.put(&path, service, "admin").await?;
    }
    let took = start.elapsed();
    wait_for_rest(system)?;
    let (controller, engine) = (used()?.0 - controller, used()?.1 - engine);
    let each = |whole: Duration| whole.as_secs_f64() * 1000.0 / changes as f64;
    let row = |what: &str, value| Row::alone("C1", format!("{count} services, one changed: {what}"), value, None);
    Ok(vec![
        row("CPU of the controller, ms", each(controller)),
        row("CPU of the engine, ms", each(engine)),
        row("REST call, ms", each(took)),
    ])
}

/// Until neither process has much to do: what was begun is done.
fn wait_for_rest(system: &System) -> anyhow::Result<()> {
    let used =
        || -> anyhow::Result<Duration> { Ok(cpu_time(system.controller.pid())? + cpu_time(system.engine.pid())?) };
    let mut before = used()?;
    wait_for("controller and engine to be at rest", || {
        std::thread::sleep(REST);
        let now = used().unwrap_or_default();
        now.saturating_sub(std::mem::replace(&mut before, now)) < REST / 20
    })
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn now() -> Instant {
    Instant::now()
}
