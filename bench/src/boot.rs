//! C2: the operator's start beside real API servers that are full, and its restart with nothing changed.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use futures::{TryStreamExt, stream};

use crate::clusters::{CLUSTERS, Clusters, apply, ingress};
use crate::measure::{Server, cpu_time, memory_mib, peak_memory_mib};
use crate::system::{DOMAIN, System, serve_http};
use crate::table::Row;

/// Address of all applications of a cluster.
const VIPS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 11, 25, 1), Ipv4Addr::new(127, 11, 26, 1), Ipv4Addr::new(127, 11, 23, 1)];
/// Requests to an API server at a time, while it is filled.
const FILL_AT_ONCE: usize = 32;

/// Fills the clusters, then starts the operator twice.
pub(crate) async fn run(quick: bool, meridian: &Path) -> anyhow::Result<Vec<Row>> {
    let hosts = if quick { 200 } else { 5_000 };
    serve_http(&VIPS)?;
    let mut clusters = Clusters::start(System::start(meridian, None).await?).await?;
    let mut rows = memory_rows(&clusters, "before any application")?;
    fill(&clusters, hosts).await?;

    let what = |what: &str| format!("boot, 3 x {hosts} Ingresses: {what}");
    boot(&mut clusters, &mut rows, &what)?;
    let services = clusters.system.api.list("/api/gslbservice", &[("page_size", "200")], "admin").await?;
    let members = |service: &serde_json::Value| service["groups"][0]["members"].as_array().map_or(0, Vec::len);
    let whole = services.iter().filter(|service| members(service) == CLUSTERS.len()).count();
    anyhow::ensure!(whole == hosts, "{whole} of {hosts} services have a member in each cluster");
    rows.extend(memory_rows(&clusters, "after it")?);

    drop(clusters.amko.take());
    let what = |what: &str| format!("restart with nothing changed: {what}");
    boot(&mut clusters, &mut rows, &what)?;
    Ok(rows)
}

/// One start of the operator, until the controller holds what it should.
fn boot(clusters: &mut Clusters, rows: &mut Vec<Row>, what: &impl Fn(&str) -> String) -> anyhow::Result<()> {
    const REQUESTS: &str = "meridian_api_requests_total";
    let before = clusters.system.controller_counter(REQUESTS)?.unwrap_or(0.0);
    let controller_cpu = cpu_time(clusters.system.controller.pid())?;
    let start = now();
    clusters.start_amko()?;
    let took = start.elapsed().as_secs_f64();
    let amko = clusters.amko.as_ref().context("the operator")?.pid();
    let writes = clusters.amko_counter("meridian_controller_writes_total")?;
    rows.push(Row::alone("C2", what("seconds"), took, None));
    rows.push(Row::alone("C2", what("CPU of amko, s"), cpu_time(amko)?.as_secs_f64(), None));
    let controller_cpu = cpu_time(clusters.system.controller.pid())? - controller_cpu;
    rows.push(Row::alone("C2", what("CPU of the controller, s"), controller_cpu.as_secs_f64(), None));
    rows.push(Row::alone("C2", what("peak memory of amko, MiB"), peak_memory_mib(amko)?, None));
    if let Some(requests) = clusters.system.controller_counter(REQUESTS)? {
        rows.push(Row::alone("C2", what("REST calls"), requests - before, None));
    }
    if let Some(writes) = writes {
        rows.push(Row::alone("C2", what("REST writes"), writes, None));
    }
    Ok(())
}

async fn fill(clusters: &Clusters, hosts: usize) -> anyhow::Result<()> {
    for (client, vip) in clusters.clients.iter().zip(VIPS) {
        stream::iter((0..hosts).map(Ok))
            .try_for_each_concurrent(FILL_AT_ONCE, |number: usize| async move {
                let (name, host) = (format!("app{number}"), format!("app{number}.{DOMAIN}"));
                apply(client, &ingress(&name, &host)?, &host, vip).await
            })
            .await?;
    }
    Ok(())
}

fn memory_rows(clusters: &Clusters, when: &str) -> anyhow::Result<Vec<Row>> {
    let parts: [(&str, Option<&Server>); 3] = [
        ("controller", Some(&clusters.system.controller)),
        ("engine", Some(&clusters.system.engine)),
        ("amko", clusters.amko.as_ref()),
    ];
    let parts = parts.into_iter().filter_map(|(name, server)| Some((name, server?)));
    parts
        .map(|(name, server)| {
            let (resident, _) = memory_mib(server.pid())?;
            Ok(Row::alone("-", format!("memory of {name} {when}, resident, MiB"), resident, None))
        })
        .collect()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn now() -> Instant {
    Instant::now()
}
