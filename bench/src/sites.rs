//! Several controllers as sites of one GSLB: how fast followers follow, how fast another one leads (goal C4), and what
//! clients see of a blackout.
//!
//! In a network namespace of its own: sites differ by address, and answer names at port 53.

mod blackouts;
mod failover;
mod follow;
mod world;

use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::Context;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use self::world::{Site, World, now, service};
use crate::Output;
use crate::measure::memory_mib;
use crate::page::in_namespace;
use crate::table::{self, Row};

/// Connections that write at the same time, each its own services.
const WRITERS: usize = 8;
/// Services among which those are that are written.
const SERVICES: usize = 200;

/// Runs [`inside`] in a namespace in which every 10.x address is local, and then the blackouts in theirs.
pub(crate) fn run(output: &Output) -> anyhow::Result<()> {
    in_namespace("sites-inside", output)?;
    table::publish_more(&blackouts::run(output)?, output.json.as_deref())
}

/// One leader and two followers, from one site alone to the death of each leader.
pub(crate) async fn inside(quick: bool, meridian: &Path) -> anyhow::Result<Vec<Row>> {
    let (changes, missed, rounds, writes) = if quick { (40, 500, 3, 400) } else { (200, 10_000, 10, 4_000) };
    let mut world = World::start(meridian).await?;
    let mut services = make(world.leader()).await?;
    let mut rows = vec![rate(&world, "one site", &mut services, writes).await?];

    world.federate(3).await?;
    world.wait_until_equal().await?;
    rows.push(rate(&world, "three sites", &mut services, writes).await?);
    rows.extend(follow::delay(&world, "three sites", changes).await?);

    rows.extend(follow::catch_up(&mut world, missed).await?);
    rows.extend(follow::join(&mut world, missed).await?);

    // Beside as many services as the leader that is elected has.
    rows.push(rate(&world, "three sites", &mut services, writes).await?);
    world.elect().await?;
    // The first of these waits for the first election.
    services[0] = world.put(&path_of(&services[0])?, &services[0]).await?;
    rows.push(rate(&world, "elected", &mut services, writes).await?);
    rows.extend(follow::delay(&world, "elected", changes).await?);
    rows.extend(failover::run(&mut world, rounds).await?);
    for site in &world.sites {
        let count = site.count().await.context("the number of services")?;
        let (resident, _) = memory_mib(site.pid()?)?;
        let what = format!("memory of the controller of {}, {count} services, resident, MiB", site.name);
        rows.push(Row::alone("-", what, resident, None));
    }
    Ok(rows)
}

async fn make(site: &Site) -> anyhow::Result<Vec<Value>> {
    let made = stream::iter(0..SERVICES).map(|number| async move {
        let body = service(&format!("written-{number}"), Ipv4Addr::new(10, 10, 25, 46));
        site.api.post("/api/gslbservice", &body, "admin").await
    });
    Ok(made.buffered(WRITERS).try_collect().await?)
}

/// Writes the services again and again, from several connections.
async fn rate(world: &World, how: &str, services: &mut [Value], writes: usize) -> anyhow::Result<Row> {
    let start = now();
    let shares = services.chunks_mut(SERVICES / WRITERS).map(|share| async move {
        for write in 0..writes / WRITERS {
            let number = write % share.len();
            let service = &mut share[number];
            service["ttl"] = json!(write % 60 + 1);
            *service = world.put(&path_of(service)?, service).await?;
        }
        anyhow::Ok(())
    });
    futures::future::try_join_all(shares).await.with_context(|| format!("writing, {how}"))?;
    let rate = writes as f64 / start.elapsed().as_secs_f64();
    let count = world.leader().count().await.context("the number of services")?;
    let what = format!("{how}, {count} services: {writes} writes over {WRITERS} connections, writes/s");
    Ok(Row::alone("-", what, rate, None))
}

fn path_of(service: &Value) -> anyhow::Result<String> {
    Ok(format!("/api/gslbservice/{}", service["uuid"].as_str().context("the service's uuid")?))
}
