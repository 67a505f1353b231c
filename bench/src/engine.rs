//! An engine on a fixed snapshot: three weighted members, a TCP monitor on each, one UDP worker.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use model::monitor::{Check, HealthMonitor};
use model::{Revision, Version, testing};
use se_protocol::{PortOffset, Snapshot};
use service_engine::EngineConfig;
use tokio::sync::watch;

/// Name that is asked for.
pub(crate) const NAME: &str = "hello.avi.iberia.local";
/// Members and their weights.
pub(crate) const MEMBERS: [(Ipv4Addr, u64); 3] =
    [(Ipv4Addr::new(127, 10, 25, 46), 6), (Ipv4Addr::new(127, 10, 26, 40), 4), (Ipv4Addr::new(127, 10, 23, 40), 2)];

/// Where the engine listens, and where its members' server does.
#[derive(Debug, clap::Args)]
pub(crate) struct EngineArgs {
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    backend_port: u16,
}

/// Runs until killed.
pub(crate) async fn run(args: EngineArgs) -> anyhow::Result<()> {
    let (_sender, snapshots) = watch::channel(Some(Arc::new(snapshot(&args))));
    let config =
        EngineConfig { workers: NonZeroUsize::MIN, seed: 1, descriptors: 1024, name: "bench".to_owned(), logs: None };
    let engine = service_engine::start(&config, snapshots)?;
    tokio::signal::ctrl_c().await.context("waiting for a signal")?;
    engine.shutdown().await;
    Ok(())
}

fn snapshot(args: &EngineArgs) -> Snapshot {
    let mut dns = testing::dns_service("avi.iberia.local");
    dns.addresses = vec![args.listen.ip()];
    dns.ports = vec![args.listen.port()];
    let members = MEMBERS.iter().map(|(ip, weight)| testing::member(&ip.to_string(), *weight)).collect();
    let mut service = testing::service(NAME, vec![testing::pool(10, members)]);
    service.health_monitors = vec!["healthmonitor-bench".into()];
    Snapshot {
        version: Version { incarnation: "bench".into(), term: 0, revision: Revision(1) },
        cluster_uuid: "cluster-bench".into(),
        port_offset: PortOffset::NONE,
        clients: se_protocol::Clients::default(),
        dns_services: vec![dns],
        gslb_domains: vec![testing::domain("avi.iberia.local")],
        gslb_services: vec![Arc::new(service)],
        monitors: vec![Arc::new(HealthMonitor {
            uuid: "healthmonitor-bench".into(),
            name: "tcp".into(),
            send_interval: Duration::from_secs(1),
            receive_timeout: Duration::from_secs(1),
            successful_checks: 2,
            failed_checks: 2,
            port: Some(args.backend_port),
            quickstart: true,
            check: Check::Tcp { request: None, response: None },
        })],
        http: model::http::HttpObjects::default(),
        registrations: Vec::new(),
    }
}
