//! The prober through its public door, against servers on loopback.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its server fails")]

mod outcomes;
mod schedule;
mod servers;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use health_probe::{Config, ProbeResult, Prober, Target};
use model::monitor::{Check, HealthMonitor};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

/// Longest wait for anything in these tests.
const PATIENCE: Duration = Duration::from_secs(20);

fn start() -> (Prober, mpsc::Receiver<ProbeResult>, CancellationToken) {
    let stop = CancellationToken::new();
    let (prober, results) = Prober::start(&Config { seed: 7, in_flight_max: 512 }, stop.clone()).unwrap();
    (prober, results, stop)
}

/// Every 10 s, 4 s, three failures, two passes, quick start.
fn monitor(check: Check) -> HealthMonitor {
    HealthMonitor {
        uuid: "healthmonitor-1".into(),
        name: "m".into(),
        send_interval: Duration::from_secs(10),
        receive_timeout: Duration::from_secs(4),
        successful_checks: 2,
        failed_checks: 3,
        port: None,
        quickstart: true,
        check,
    }
}

fn target(monitor: &HealthMonitor, address: SocketAddr, host: &str) -> Target {
    Target::new(Arc::new(monitor.clone()), address, host)
}

async fn next(results: &mut mpsc::Receiver<ProbeResult>) -> ProbeResult {
    timeout(PATIENCE, results.recv()).await.expect("no result in time").expect("prober ended")
}
