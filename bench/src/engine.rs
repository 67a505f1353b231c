//! An engine on a fixed snapshot: three weighted members, a TCP monitor on each, one UDP worker.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use model::dns::{DnsProfile, DnsVirtualService, ErrorResponse, Zone};
use model::gslb::{DownResponse, GslbMember, GslbPool, GslbService, MemberAlgorithm, MonitorScope, PoolAlgorithm};
use model::monitor::{Check, HealthMonitor};
use model::{DomainName, PoolPriority, Revision, Ttl, Version, Weight};
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
    let (_sender, snapshots) = watch::channel(Some(Arc::new(snapshot(&args)?)));
    let config = EngineConfig { workers: NonZeroUsize::MIN, seed: 1, descriptors: 1024 };
    let engine = service_engine::start(&config, snapshots)?;
    tokio::signal::ctrl_c().await.context("waiting for a signal")?;
    engine.shutdown().await;
    Ok(())
}

fn snapshot(args: &EngineArgs) -> anyhow::Result<Snapshot> {
    let domain = DomainName::parse("avi.iberia.local")?;
    let members = MEMBERS
        .iter()
        .map(|(ip, weight)| {
            Ok(GslbMember {
                ip: IpAddr::V4(*ip),
                weight: Weight::try_from(*weight)?,
                enabled: true,
                cluster_uuid: None,
                vs_uuid: None,
                hostname: None,
            })
        })
        .collect::<anyhow::Result<_>>()?;
    Ok(Snapshot {
        version: Version { incarnation: "bench".into(), term: 0, revision: Revision(1) },
        cluster_uuid: "cluster-bench".into(),
        port_offset: PortOffset::NONE,
        dns_services: vec![DnsVirtualService {
            uuid: "virtualservice-bench".into(),
            name: "g-dns".into(),
            enabled: true,
            addresses: vec![args.listen.ip()],
            ports: vec![args.listen.port()],
            profile: DnsProfile {
                num_dns_ip: 1,
                ttl: Ttl::try_from(30)?,
                zones: vec![Zone { apex: domain.clone(), name_server: None, admin_email: "hostmaster".into() }],
                negative_ttl: Ttl::try_from(30)?,
                on_error: ErrorResponse::Respond,
                aaaa_empty_response: true,
                edns: true,
                over_tcp: true,
            },
            gslb_domains: Some(vec![domain.clone()]),
        }],
        gslb_domains: vec![domain],
        gslb_services: vec![GslbService {
            uuid: "gslbservice-bench".into(),
            name: NAME.into(),
            tenant: "admin".into(),
            enabled: true,
            domain_names: vec![DomainName::parse(NAME)?],
            wildcard_match: false,
            ttl: None,
            num_dns_ip: None,
            pool_algorithm: PoolAlgorithm::Priority,
            pools: vec![GslbPool {
                name: "pool".into(),
                priority: PoolPriority::try_from(10)?,
                enabled: true,
                algorithm: MemberAlgorithm::RoundRobin,
                min_health_monitors_up: None,
                members,
            }],
            down_response: DownResponse::None,
            health_monitors: vec!["healthmonitor-bench".into()],
            monitor_scope: MonitorScope::AllMembers,
            controller_health: true,
        }],
        monitors: vec![HealthMonitor {
            uuid: "healthmonitor-bench".into(),
            name: "tcp".into(),
            send_interval: Duration::from_secs(1),
            receive_timeout: Duration::from_secs(1),
            successful_checks: 2,
            failed_checks: 2,
            port: Some(args.backend_port),
            quickstart: true,
            check: Check::Tcp { request: None, response: None },
        }],
    })
}
