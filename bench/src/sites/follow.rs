//! How long followers take: for one change, for all that they missed, for everything at their first time.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use anyhow::Context;
use avi_client::AviClient;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::task::{JoinHandle, spawn_blocking};

use super::world::{World, answered, now, service, wait_until};
use crate::measure::percentile;
use crate::table::Row;

/// Promise for 10,000 services on two cores, seconds.
const CATCH_UP_S_MAX: f64 = 5.0;
/// Requests at a time while services are made.
const FILL_AT_ONCE: usize = 8;
/// The changed service moves between these two.
const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 10, 25, 46), Ipv4Addr::new(10, 10, 26, 40)];
/// The site that is away, or new.
const FOLLOWER: usize = 2;

/// Changes one service again and again, and asks all followers for it meanwhile.
pub(crate) async fn delay(world: &World, how: &str, changes: usize) -> anyhow::Result<Vec<Row>> {
    let name = format!("delay-{how}").replace(' ', "-");
    let (leader, api) = (world.leader().name, &world.leader().api);
    let mut body = api.post("/api/gslbservice", &service(&name, ADDRESSES[0]), "admin").await?;
    let path = format!("/api/gslbservice/{}", body["uuid"].as_str().context("its uuid")?);
    for site in &world.sites {
        ask(site.dns, &name, ADDRESSES[0]).await.context("a thread that asked")??;
    }
    let (mut writes, mut from_sent, mut from_answered) = (Vec::new(), Vec::new(), Vec::new());
    for change in 1..=changes {
        let wanted = ADDRESSES[change % 2];
        body["groups"][0]["members"][0]["ip"]["addr"] = wanted.to_string().into();
        let asking: Vec<_> =
            world.sites.iter().filter(|site| site.name != leader).map(|site| ask(site.dns, &name, wanted)).collect();
        let start = now();
        body = world.put(&path, &body).await?;
        let written = now();
        writes.push(milliseconds(start, written));
        for answer in asking {
            let answer = answer.await.context("a thread that asked")??;
            from_sent.push(milliseconds(start, answer));
            from_answered.push(milliseconds(written, answer));
        }
    }
    let rows = |what: &str, times: &[f64]| {
        [50.0, 99.0].map(|percent| {
            let what = format!("{how}: {what}, {changes} changes, p{percent}, ms");
            Row::alone("-", what, percentile(times, percent), None)
        })
    };
    Ok([
        rows("PUT sent to PUT answered", &writes),
        rows("PUT sent to answer of a follower", &from_sent),
        rows("PUT answered to answer of a follower", &from_answered),
    ]
    .concat())
}

/// Stops a follower, writes `services`, and starts it again.
pub(crate) async fn catch_up(world: &mut World, services: usize) -> anyhow::Result<Vec<Row>> {
    world.sites[FOLLOWER].kill_controller();
    let last = fill(&world.leader().api, services).await?;
    let start = now();
    world.sites[FOLLOWER].start_controller()?;
    let (site, total) = (&world.sites[FOLLOWER], world.leader().count().await.context("the leader's count")?);
    let asking = ask(site.dns, &last, ADDRESSES[0]);
    site.wait_ready()?;
    let ready = seconds(start, now());
    let counted = counted(world, total).await?;
    let answer = asking.await.context("a thread that asked")??;
    let what = |what: &str| format!("follower that missed {services} services, started to {what}, s");
    Ok(vec![
        Row::alone("-", what("ready"), ready, None),
        Row::alone("S1", what("all there"), seconds(start, counted), Some(CATCH_UP_S_MAX)),
        Row::alone("S1", what("last one answered"), seconds(start, answer), Some(CATCH_UP_S_MAX)),
    ])
}

/// Takes a follower out, puts a site that knows nothing in its place, and lets that one join.
pub(crate) async fn join(world: &mut World, last: usize) -> anyhow::Result<Vec<Row>> {
    world.federate(FOLLOWER).await?;
    wait_until("the copy at a site that was taken out to go", async || world.sites[FOLLOWER].count().await == Some(0))
        .await?;
    world.replace(FOLLOWER).await?;
    let total = world.leader().count().await.context("the leader's count")?;
    let asking = ask(world.sites[FOLLOWER].dns, &name(last), ADDRESSES[0]);
    let start = now();
    world.federate(FOLLOWER + 1).await?;
    let counted = counted(world, total).await?;
    let answer = asking.await.context("a thread that asked")??;
    let what = |what: &str| format!("new site, {total} services, PUT of the Gslb sent to {what}, s");
    Ok(vec![
        Row::alone("S1", what("all there"), seconds(start, counted), Some(CATCH_UP_S_MAX)),
        Row::alone("S1", what("last one answered"), seconds(start, answer), Some(CATCH_UP_S_MAX)),
    ])
}

/// When the follower has as many services as `total`.
async fn counted(world: &World, total: u64) -> anyhow::Result<Instant> {
    let site = &world.sites[FOLLOWER];
    wait_until(&format!("{total} services at {}", site.name), async || site.count().await == Some(total)).await?;
    Ok(now())
}

/// Makes services; the name of the one that was made after all others.
async fn fill(api: &AviClient, count: usize) -> anyhow::Result<String> {
    let made = stream::iter(1..count).map(|number| async move {
        api.post("/api/gslbservice", &service(&name(number), ADDRESSES[0]), "admin").await
    });
    made.buffer_unordered(FILL_AT_ONCE).try_for_each(async |_| Ok(())).await?;
    api.post("/api/gslbservice", &service(&name(count), ADDRESSES[0]), "admin").await?;
    Ok(name(count))
}

fn name(number: usize) -> String {
    format!("missed-{number}")
}

/// Begins to ask, on a thread of its own.
fn ask(dns: SocketAddr, name: &str, wanted: Ipv4Addr) -> JoinHandle<anyhow::Result<Instant>> {
    let name = name.to_owned();
    spawn_blocking(move || answered(dns, &name, wanted))
}

fn seconds(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_secs_f64()
}

fn milliseconds(from: Instant, to: Instant) -> f64 {
    seconds(from, to) * 1000.0
}
