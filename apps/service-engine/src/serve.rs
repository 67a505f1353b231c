//! An engine as a process of its own: joined to a controller, with an admin address, until it is asked to end.

mod http_metrics;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use lifecycle::{Admin, Family, Kind, Metrics, Ready, Sample, StopSignals, within_shutdown};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use se_link::{Answers, Client, ClientConfig, IdentityError, JoinToken, LinkState, OpenError};
use se_protocol::explain::ExplainRefusal;
use se_protocol::{Report, State};
use tokio::sync::watch;

use crate::spec::Resolved;
use crate::{Counts, EngineArgs, EngineConfig, ExplainError, ExplainHandle, LogCounter, LogCounts, Stats, start_with};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Directory, in the data directory, of the logs.
const LOGS: &str = "logs";

impl EngineArgs {
    /// Runs until SIGTERM or SIGINT.
    ///
    /// # Errors
    /// The engine has not joined and cannot, its directory is of no use, or an address is taken.
    pub async fn run(self) -> anyhow::Result<()> {
        let mut stop = StopSignals::listen().context("listening for a request to end")?;
        let resolved = self.resolve()?;
        let mut client = tokio::select! {
            client = open_or_join(&resolved) => client?,
            () = stop.wait() => return Ok(()),
        };
        let descriptors = raise_descriptors().context("asking how many files may be open")?;
        let config = EngineConfig {
            workers: resolved.workers,
            seed: rand::random(),
            descriptors,
            name: resolved.name.clone(),
            logs: Some(resolved.data.join(LOGS)),
        };
        let engine = start_with(&config, client.snapshots(), client.member_states(), client.up_members().clone())?;
        let handle = engine.explain_handle();
        let logs = engine.log_handle();
        let answers = Answers {
            explain: Arc::new(move |question| explain(&handle, question)),
            logs: Arc::new(move |query| logs.search(query)),
        };
        client.start(engine.reports(), answers);

        let metrics = metrics(engine.counts(), engine.log_counter(), engine.reports(), client.state());
        let (reports, obstacle) = (engine.reports(), engine.obstacle());
        let ready: Ready = Arc::new(move || readiness(reports.borrow().as_deref(), obstacle.borrow().as_deref()));
        let admin = Admin::start(resolved.admin_listen, metrics, ready).await?;
        tracing::info!(engine = resolved.name, admin = %admin.local_addr(), "engine runs");

        stop.wait().await;
        tracing::info!("engine ends");
        within_shutdown(async {
            engine.shutdown().await;
            client.shutdown().await;
        })
        .await;
        Ok(())
    }
}

/// How many files may be open, raised to what the system grants: a connection through the proxy has one on each side.
fn raise_descriptors() -> nix::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => Ok(hard),
        Err(error) => {
            tracing::warn!(soft, hard, reason = %error, "the limit of open files stays low");
            Ok(soft)
        }
    }
}

/// Joins where there is no identity that can be used, or a token that it was not got with. An engine that has one and
/// cannot join anew goes on with it.
async fn open_or_join(resolved: &Resolved) -> anyhow::Result<Client> {
    let opening = || format!("opening {}", resolved.data.display());
    let opened = match (open(resolved).await?, &resolved.join) {
        (Err(OpenError::Identity(IdentityError::None)), None) => bail!(
            "this engine has not joined a controller: make a token with `meridian join-token` where the controller is, \
             then start the engine with --join FILE"
        ),
        (Err(OpenError::Identity(IdentityError::None | IdentityError::Damaged(_))), Some(_)) => None,
        (opened, _) => Some(opened.with_context(opening)?),
    };
    let Some(file) = resolved.join.as_deref().filter(|file| opened.is_none() || file.exists()) else {
        return opened.context("there is neither an identity nor a token");
    };
    let known = opened.as_ref().map(|client| client.identity().token_id.as_str());
    match (join_with(file, known, resolved).await.with_context(|| format!("joining with {}", file.display())), opened) {
        (Ok(false), Some(client)) => Ok(client),
        (Err(error), Some(client)) => {
            tracing::warn!(reason = format!("{error:#}"), "did not join anew, goes on as the engine that it was");
            Ok(client)
        }
        (Err(error), None) => Err(error),
        (Ok(_), client) => {
            drop(client); // it holds the directory
            open(resolved).await?.with_context(opening)
        }
    }
}

/// Joins, unless the identity was got with this very token; says whether it did.
async fn join_with(file: &Path, known: Option<&str>, resolved: &Resolved) -> anyhow::Result<bool> {
    let token = read_token(file)?;
    if known == Some(token.id.as_str()) {
        return Ok(false);
    }
    let identity = se_link::join(&token, &resolved.data, &resolved.name).await?;
    tracing::info!(engine = identity.engine_uuid, "joined the controller");
    Ok(true)
}

async fn open(resolved: &Resolved) -> anyhow::Result<Result<Client, OpenError>> {
    let mut config = ClientConfig::new(&resolved.data, VERSION, rand::random());
    config.controllers.clone_from(&resolved.controllers);
    // It waits for the disk: not on an async thread.
    tokio::task::spawn_blocking(move || Client::open(config)).await.context("opening the engine's directory")
}

fn read_token(file: &Path) -> anyhow::Result<JoinToken> {
    let text = std::fs::read_to_string(file).context("reading it")?;
    Ok(JoinToken::parse(&text)?)
}

fn explain(
    handle: &ExplainHandle,
    question: &se_protocol::explain::DnsQuestion,
) -> Result<se_protocol::explain::DnsExplanation, ExplainRefusal> {
    handle.explain_dns(question).map_err(|error| match error {
        ExplainError::NoDnsService => ExplainRefusal::Unavailable(error.to_string()),
        ExplainError::Question(_) => ExplainRefusal::Question(error.to_string()),
    })
}

/// It runs a snapshot, and every virtual service of it listens; `obstacle` is why one of L7 does not.
fn readiness(report: Option<&Report>, obstacle: Option<&str>) -> Result<(), String> {
    let report = report.ok_or("no snapshot yet: waiting for the controller")?;
    match report.dns_services.iter().find(|service| service.state == State::Down) {
        Some(service) => Err(format!("DNS virtual service {}: {}", service.uuid, service.reason)),
        None => obstacle.map_or(Ok(()), |obstacle| Err(obstacle.to_owned())),
    }
}

fn metrics(
    counts: watch::Receiver<Counts>,
    logs: LogCounter,
    reports: watch::Receiver<Option<Arc<Report>>>,
    state: watch::Receiver<LinkState>,
) -> Metrics {
    let mut metrics = Metrics::new("engine", VERSION);
    metrics.read(move || {
        let now = *counts.borrow();
        let dns = |name, help, value: fn(&Stats) -> u64| Family {
            name,
            help,
            kind: Kind::Counter,
            samples: now
                .dns
                .iter()
                .map(|(transport, stats)| Sample {
                    labels: vec![("transport", transport.as_str().to_lowercase())],
                    value: value(stats),
                })
                .collect(),
        };
        let probe = |outcome: &str, value| Sample { labels: vec![("outcome", outcome.to_owned())], value };
        let written = |name, help, logged: LogCounts| Family::single(name, help, Kind::Counter, logged.written);
        let dropped = |name, help, logged: LogCounts| {
            let sample = |reason: &str, value| Sample { labels: vec![("reason", reason.to_owned())], value };
            let samples = vec![
                sample("throttle", logged.dropped_throttle),
                sample("ring", logged.dropped_ring),
                sample("disk", logged.dropped_disk),
            ];
            Family { name, help, kind: Kind::Counter, samples }
        };
        let revision = reports.borrow().as_ref().map_or(0, |report| report.version.revision.0);
        let connected = u64::from(matches!(&*state.borrow(), LinkState::Connected { .. }));
        let mut families = vec![
            dns("dns_queries", "DNS messages received", |stats| stats.queries),
            dns("dns_answers", "DNS messages sent", |stats| stats.answers),
            dns("dns_dropped", "DNS messages that got no answer", |stats| stats.dropped),
            dns("dns_errors", "Receiving or sending that failed", |stats| stats.errors),
            written("dns_logs_written", "DNS logs written to disk", logs.dns()),
            dropped(
                "dns_logs_dropped",
                "DNS logs wanted but not kept: beyond the rate, the ring full, or the disk not writable",
                logs.dns(),
            ),
            written("http_logs_written", "HTTP logs written to disk", logs.http()),
            dropped(
                "http_logs_dropped",
                "HTTP logs wanted but not kept: beyond the rate, the ring full, or the disk not writable",
                logs.http(),
            ),
            Family {
                name: "probes",
                help: "Health probes that ended",
                kind: Kind::Counter,
                samples: vec![probe("passed", now.probes_passed), probe("failed", now.probes_failed)],
            },
            Family::single(
                "probe_targets",
                "Targets that this engine probes, rather than another one for it",
                Kind::Gauge,
                now.probe_targets,
            ),
            Family::single("snapshot_revision", "Revision of the snapshot that runs", Kind::Gauge, revision),
            Family::single("controller_connected", "1 with a controller, 0 without", Kind::Gauge, connected),
        ];
        families.extend(http_metrics::families(&now.http));
        families
    });
    metrics
}

#[cfg(test)]
mod tests {
    use model::{Revision, Version};
    use se_protocol::DnsServiceState;

    use super::*;

    #[test]
    fn an_engine_is_ready_once_every_service_that_is_on_listens() {
        let report = |states: &[State]| {
            let service = |state: &State| DnsServiceState {
                uuid: "virtualservice-1".into(),
                state: *state,
                reason: "address in use".into(),
                listeners: vec![],
            };
            let version = Version { incarnation: "a".into(), term: 0, revision: Revision(1) };
            Report {
                version,
                dns_services: states.iter().map(service).collect(),
                gslb_services: vec![],
                http_services: vec![],
                http_pools: vec![],
            }
        };
        assert!(readiness(None, None).unwrap_err().contains("waiting for the controller"));
        assert_eq!(readiness(Some(&report(&[])), None), Ok(()));
        assert_eq!(readiness(Some(&report(&[State::Up, State::Disabled])), None), Ok(()));
        assert_eq!(readiness(Some(&report(&[State::Up])), Some("in use")), Err("in use".to_owned()));
        let reason = readiness(Some(&report(&[State::Up, State::Down])), None).unwrap_err();
        assert_eq!(reason, "DNS virtual service virtualservice-1: address in use");
    }
}
