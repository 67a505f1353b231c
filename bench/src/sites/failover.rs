//! The leader is killed, again and again: how long until another site writes, and that never two do at once.

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use avi_client::AviClient;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::world::{World, now, service};
use crate::measure::percentile;
use crate::table::Row;

/// Goal C4, seconds.
const FAILOVER_S_MAX: f64 = 3.0;
/// Who writes gives a request up after this time: what then came of it is not known.
const REQUEST_MAX: Duration = Duration::from_secs(1);
/// Time between two tries at the same site.
const TRY_EVERY: Duration = Duration::from_millis(5);
/// How long all sites are tried after another one leads, and again after the old leader is back.
const TRIED_FOR: Duration = Duration::from_secs(1);
/// Longest time without any leader.
const PATIENCE: Duration = Duration::from_secs(60);
/// Acknowledged writes that wait to be looked at.
const WRITES_QUEUED_MAX: usize = 4_096;

/// A write that was answered 201.
struct Acknowledged {
    site: usize,
    name: String,
    at: Instant,
}

/// Kills whoever leads, `rounds` times, while all sites are asked to write all the time.
pub(crate) async fn run(world: &mut World, rounds: usize) -> anyhow::Result<Vec<Row>> {
    let (mut times, mut acknowledged, mut doubled) = (Vec::new(), Vec::new(), 0_usize);
    for round in 0..rounds {
        let (took, writes) = self::round(world, round).await?;
        times.push(took);
        doubled += usize::from(two_at_once(&writes, world.sites.len()));
        acknowledged.extend(writes.into_iter().map(|write| write.name));
        world.wait_until_equal().await?;
    }
    let lost = lost(world, &acknowledged).await?;
    let what = |figure: &str| format!("leader killed to a write elsewhere answered 201, {rounds} rounds, {figure}, s");
    Ok(vec![
        Row::alone("C4", what("p50"), percentile(&times, 50.0), None),
        Row::alone("C4", what("max"), percentile(&times, 100.0), Some(FAILOVER_S_MAX)),
        Row::alone("C4", "rounds in which two sites wrote at the same time", doubled as f64, Some(0.0)),
        Row::alone("C4", format!("of {} acknowledged writes missing at a site", acknowledged.len()), lost, Some(0.0)),
    ])
}

/// Seconds until another site wrote, and all that was acknowledged meanwhile.
async fn round(world: &mut World, round: usize) -> anyhow::Result<(f64, Vec<Acknowledged>)> {
    let stop = Arc::new(AtomicBool::new(false));
    let (sender, mut acknowledged) = mpsc::channel(WRITES_QUEUED_MAX);
    let mut writers = JoinSet::new();
    for (number, site) in world.sites.iter().enumerate() {
        let api = site.impatient(REQUEST_MAX)?;
        api.login().await?;
        writers.spawn(write(api, number, round, sender.clone(), Arc::clone(&stop)));
    }
    drop(sender);
    let mut writes = Vec::new();
    let gone = next(&mut acknowledged, &mut writes).await?.0;
    // Only now, so that the first one it knows of is the leader's.
    let killed = now();
    world.sites[gone].kill_controller();
    let took = loop {
        let (site, at) = next(&mut acknowledged, &mut writes).await?;
        if site != gone {
            break at.saturating_duration_since(killed).as_secs_f64();
        }
    };
    tokio::time::sleep(TRIED_FOR).await;
    world.sites[gone].start_controller()?;
    world.sites[gone].wait_ready()?;
    tokio::time::sleep(TRIED_FOR).await;
    stop.store(true, Ordering::Relaxed);
    while let Some(write) = acknowledged.recv().await {
        writes.push(write);
    }
    writers.join_all().await;
    Ok((took, writes))
}

/// Site and time of the next acknowledged write.
async fn next(
    acknowledged: &mut mpsc::Receiver<Acknowledged>,
    writes: &mut Vec<Acknowledged>,
) -> anyhow::Result<(usize, Instant)> {
    let write = timeout(PATIENCE, acknowledged.recv()).await.context("no site took a write within a minute")?;
    let write = write.context("nobody writes any more")?;
    let found = (write.site, write.at);
    writes.push(write);
    Ok(found)
}

/// Tries to write at one site, until told to stop.
async fn write(
    api: AviClient,
    site: usize,
    round: usize,
    acknowledged: mpsc::Sender<Acknowledged>,
    stop: Arc<AtomicBool>,
) {
    let mut number = 0_usize;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let name = format!("round-{round}-{site}-{number}");
        let body = service(&name, Ipv4Addr::new(10, 10, 25, 47));
        if api.post("/api/gslbservice", &body, "admin").await.is_ok() {
            let write = Acknowledged { site, name, at: now() };
            if acknowledged.send(write).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(TRY_EVERY).await;
    }
}

/// Whether one site wrote between two writes of another. The old leader's end before the new one's begin.
fn two_at_once(writes: &[Acknowledged], sites: usize) -> bool {
    let span = |site: usize| {
        let times = writes.iter().filter(|write| write.site == site).map(|write| write.at);
        Some((times.clone().min()?, times.max()?))
    };
    let spans: Vec<_> = (0..sites).filter_map(span).collect();
    let overlap = |a: &(Instant, Instant), b: &(Instant, Instant)| a.0 < b.1 && b.0 < a.1;
    spans.iter().enumerate().any(|(index, a)| spans.iter().skip(index + 1).any(|b| overlap(a, b)))
}

/// How many of the acknowledged writes are missing, counted at each site.
async fn lost(world: &World, acknowledged: &[String]) -> anyhow::Result<f64> {
    let mut missing = 0_usize;
    for site in &world.sites {
        let query = [("page_size", "200"), ("fields", "name")];
        let services = site.api.list("/api/gslbservice", &query, "admin").await?;
        let names: HashSet<&str> = services.iter().filter_map(|service| service["name"].as_str()).collect();
        missing += acknowledged.iter().filter(|name| !names.contains(name.as_str())).count();
    }
    Ok(missing as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sites_write_at_once_when_their_writes_interleave() {
        let start = now();
        let writes = |sites: &[usize]| -> Vec<Acknowledged> {
            let at = |number: usize| start + Duration::from_millis(number as u64);
            let of =
                |(number, site): (usize, &usize)| Acknowledged { site: *site, name: String::new(), at: at(number) };
            sites.iter().enumerate().map(of).collect()
        };
        assert!(!two_at_once(&writes(&[0, 0, 1, 1, 2]), 3));
        assert!(two_at_once(&writes(&[0, 1, 0, 1]), 3));
    }
}
