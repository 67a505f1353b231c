//! An operator as a process of its own, on API servers.

use std::sync::Arc;
use std::time::Duration;

use amko_translate::{LogLevel, NAMESPACE};
use anyhow::Context;
use avi_client::{Config, chain};
use k8s_watch::Source;
use k8s_watch_api::{Access, ApiCalls, ApiServer, LEADER_KINDS, MEMBER_KINDS, POLICY_KINDS};
use lifecycle::{Admin, Family, Kind, Metrics, Ready, Sample, StopSignals, within_shutdown};
use telemetry::{FILTER_DEBUG, FILTER_DEFAULT, Filter};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::announce::Item;
use crate::event::{Teller, WriteCounts};
use crate::federation::Federation;
use crate::herald::Herald;
use crate::named::{Named, follow_named, given};
use crate::operator::{Beside, LastAddress, start_with};
use crate::role::{Role, Roles};
use crate::spec::Resolved;
use crate::status::Board;
use crate::{Amko, AmkoArgs, AmkoConfig, Progress, announce};

/// Secret with the kubeconfig of the members, where the operator runs in a pod (amko 11).
const MEMBERS_SECRET: &str = "gslb-config-secret";
/// Its key.
const MEMBERS_KEY: &str = "gslb-members";
/// Pause before something that was not there is looked for again; also how often a Secret that is in use is read.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// Longest wait for the leader's API server, where an event is written to it.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// What outlives an operator that begins anew.
struct Surroundings {
    counts: Arc<WriteCounts>,
    log: Option<Filter>,
    /// What this operator is in its federation, where it takes part in one.
    roles: Option<Roles>,
    herald: Herald,
    /// Where the operator is asked for its status.
    board: Board,
    /// Address of the controller that was configured last.
    address: LastAddress,
}

/// The member clusters: how they are reached, and the context of each.
#[derive(Clone, PartialEq)]
pub(crate) struct Members {
    access: Access,
    contexts: Vec<String>,
}

impl AmkoArgs {
    /// Runs until SIGTERM or SIGINT. How much is logged follows the GSLBConfig by `log`; `None`: it stays as it is.
    ///
    /// # Errors
    /// A file is of no use or the admin address is taken; a cluster or controller that does not answer is no error.
    pub async fn run(self, log: Option<Filter>) -> anyhow::Result<()> {
        let mut stop = StopSignals::listen().context("listening for a request to end")?;
        let resolved = self.resolve()?;
        let (counts, progress) = (Arc::new(WriteCounts::default()), watch::Sender::default());
        let board = Board::default();
        let roles = resolved.federation.then(Roles::new);
        let ready = ready(progress.subscribe(), roles.clone());
        let admin = {
            let metrics = metrics(&counts, progress.subscribe());
            Admin::start_beside(resolved.admin_listen, metrics, ready, board.router()).await?
        };
        tracing::info!(admin = %admin.local_addr(), "operator runs");
        let (herald, announcements) = Herald::start(resolved.api_listen, progress.subscribe()).await?;
        let surroundings = Surroundings { counts, log, roles, herald, board, address: LastAddress::default() };
        run(&resolved, &surroundings, announcements, &progress, &mut stop).await?;
        tracing::info!("operator ends");
        Ok(())
    }
}

async fn run(
    resolved: &Resolved,
    surroundings: &Surroundings,
    announcements: mpsc::Receiver<Item>,
    progress: &watch::Sender<Progress>,
    stop: &mut StopSignals,
) -> anyhow::Result<()> {
    let prepared = async {
        let (leader, policies, members) = prepare(resolved).await?;
        let contexts = &members.contexts;
        if resolved.leader_context.is_some() && !contexts.contains(&leader) {
            tracing::warn!(
                leader,
                contexts = contexts.join(" "),
                "--leader-context is not in the kubeconfig of the members; where the GSLBConfig calls the leader otherwise, \
                 name that"
            );
        }
        anyhow::Ok((leader, policies, members))
    };
    let (leader, policies, members) = tokio::select! {
        prepared = prepared => prepared?,
        () = stop.wait() => return Ok(()),
    };
    // Who adds or removes a member, or changes its credentials, has the operator begin anew; another controller, or other
    // credentials for it, it takes up as it runs.
    let mut following = JoinSet::new();
    let calls = ApiCalls::new(&*leader, resolved.leader.clone(), "meridian-amko", ANSWER_MAX);
    following.spawn(announce::run(calls, resolved.pod.clone(), announcements));
    let from_secret = resolved.members.is_none().then(|| policies.clone());
    let (sender, mut members) = watch::channel(members);
    following.spawn(follow_members(from_secret, sender));
    let is_able = watch::Sender::new(false);
    let stop_federation = CancellationToken::new();
    let mut federation = JoinSet::new();
    if let Some(roles) = surroundings.roles.clone() {
        let (context, access, members) = (leader.clone(), resolved.leader.clone(), members.clone());
        let teller = Teller::new(Some(surroundings.herald.events()), Arc::clone(&surroundings.counts));
        let task = Federation { context, access, members, is_able: is_able.subscribe(), roles, teller };
        federation.spawn(task.run(stop_federation.clone()));
    }
    let given = resolved.controller.as_ref().map(|controller| given(controller, resolved.tls.clone())).transpose()?;
    let (sender, mut named) = watch::channel(None);
    // Held, so that `named` waits where nobody is to be named.
    let _unnamed = match given {
        Some(_) => Some(sender),
        None => {
            following.spawn(follow_named(policies, resolved.tls.is_none(), sender));
            None
        }
    };
    loop {
        let wanted: Option<Named> = named.borrow_and_update().clone();
        let sources = members.borrow_and_update().sources(&leader, &resolved.leader);
        let config = given.clone().or_else(|| wanted.map(|wanted| wanted.config(resolved.tls.clone())));
        let controllers = config.clone().map(watch::Sender::new);
        let ended = async {
            loop {
                tokio::select! {
                    () = stop.wait() => return true,
                    // The tasks end with this function only.
                    changed = members.changed() => return changed.is_err(),
                    changed = named.changed() => match (&controllers, named.borrow_and_update().clone()) {
                        _ if changed.is_err() => return true,
                        (Some(controllers), Some(named)) => {
                            let config = named.config(resolved.tls.clone());
                            controllers.send_replace(config);
                        }
                        _ => return false,
                    },
                }
            }
        };
        let is_last = match (config, &controllers) {
            (Some(config), Some(controllers)) => {
                let amko = operate(&leader, sources, (config, controllers.subscribe()), surroundings).await?;
                is_able.send_replace(true);
                let is_last = forward(&amko, progress, ended).await;
                within_shutdown(amko.shutdown()).await;
                is_last
            }
            _ => ended.await,
        };
        if is_last {
            // The leases are given back when no write is under way any more.
            stop_federation.cancel();
            within_shutdown(async { while federation.join_next().await.is_some() {} }).await;
            return Ok(());
        }
    }
}

/// The leader's name, its API server as far as it holds policies, and the members. Waits for the members' Secret.
pub(crate) async fn prepare(resolved: &Resolved) -> anyhow::Result<(String, ApiServer, Members)> {
    let leader = leader_name(resolved).await?;
    let policies = ApiServer::new(&leader, resolved.leader.clone(), POLICY_KINDS);
    let access = match &resolved.members {
        Some(members) => members.clone(),
        None => members_from_secret(&policies).await,
    };
    let contexts = access.contexts().await?.all;
    Ok((leader, policies, Members { access, contexts }))
}

/// Copies progress until `end`.
async fn forward<T>(amko: &Amko, progress: &watch::Sender<Progress>, end: impl Future<Output = T>) -> T {
    let mut now = amko.progress();
    let mut end = std::pin::pin!(end);
    loop {
        progress.send_replace(now.borrow_and_update().clone());
        tokio::select! {
            ended = &mut end => return ended,
            changed = now.changed() => if changed.is_err() {
                return end.await; // the operator ended by itself; its last words are logged
            },
        }
    }
}

async fn operate(
    leader: &str,
    sources: Vec<Arc<dyn Source>>,
    (controller, controllers): (Config, watch::Receiver<Config>),
    surroundings: &Surroundings,
) -> anyhow::Result<Amko> {
    let log_level = surroundings.log.clone().map(log_level);
    let config = AmkoConfig {
        leader: leader.to_owned(),
        sources,
        controller,
        events: Some(surroundings.herald.events()),
        log_level,
    };
    let permit = surroundings.roles.as_ref().map(Roles::permit);
    let counts = Arc::clone(&surroundings.counts);
    let address = Arc::clone(&surroundings.address);
    let beside = Beside { counts, controllers: Some(controllers), permit, address, ..Beside::default() };
    let amko = start_with(config, beside).await.context("starting the operator")?;
    surroundings.herald.present(&amko);
    surroundings.board.show(&amko);
    Ok(amko)
}

/// Sets the level that the GSLBConfig names.
fn log_level(log: Filter) -> Arc<dyn Fn(LogLevel) + Send + Sync> {
    Arc::new(move |level| {
        let filter = match level {
            LogLevel::Debug => FILTER_DEBUG,
            LogLevel::Info => FILTER_DEFAULT,
            LogLevel::Warn => "warn,notify=error",
            LogLevel::Error => "error",
        };
        if let Err(error) = log.set(filter) {
            tracing::error!(reason = chain(&error), "logLevel cannot be set");
        }
    })
}

async fn leader_name(resolved: &Resolved) -> anyhow::Result<String> {
    let contexts = resolved.leader.contexts().await?;
    if let Some(name) = &resolved.leader_context {
        let is_there = matches!(resolved.leader, Access::InCluster) || contexts.all.contains(name);
        anyhow::ensure!(
            is_there,
            "--leader-context {name} is not in the leader's kubeconfig, which has {}; name one of them",
            contexts.all.join(", ")
        );
        return Ok(name.clone());
    }
    contexts.current.context("the leader's kubeconfig has no current context; name one with --leader-context")
}

impl Members {
    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    pub(crate) fn contexts(&self) -> &[String] {
        &self.contexts
    }

    /// A source for each member, and the leader's. All of the leader is read, whether or not the members' kubeconfig has
    /// a context for it: what is not read looks as if it were not there, and whether it is a member the GSLBConfig says.
    pub(crate) fn sources(&self, leader: &str, access: &Access) -> Vec<Arc<dyn Source>> {
        let mut sources: Vec<Arc<dyn Source>> = vec![Arc::new(ApiServer::new(leader, access.clone(), LEADER_KINDS))];
        for name in self.contexts.iter().filter(|name| *name != leader) {
            sources.push(Arc::new(ApiServer::new(name, self.access.clone().with_context(name), MEMBER_KINDS)));
        }
        sources
    }
}

async fn members_from_secret(leader: &ApiServer) -> Access {
    loop {
        match read_members(leader).await {
            Ok(access) => return access,
            Err(reason) => tracing::warn!(reason, "no kubeconfig of the members, looking again"),
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn read_members(leader: &ApiServer) -> Result<Access, String> {
    let origin = format!("Secret {NAMESPACE}/{MEMBERS_SECRET}");
    match leader.secret(NAMESPACE, MEMBERS_SECRET).await {
        Ok(Some(mut entries)) => match entries.remove(MEMBERS_KEY).map(String::from_utf8) {
            Some(Ok(text)) => Ok(Access::Text { text, origin, context: None }),
            Some(Err(_)) => Err(format!("the key {MEMBERS_KEY} of {origin} is no text")),
            None => Err(format!("{origin} has no key {MEMBERS_KEY}")),
        },
        Ok(None) => Err(format!("{origin} does not exist")),
        Err(error) => Err(format!("{origin} cannot be read: {}", chain(&error))),
    }
}

/// Tells when the members become others: contexts of the file, or anything in the Secret, which holds their
/// credentials too. A file's credentials are read anew at each connection. What cannot be read changes nothing.
async fn follow_members(from_secret: Option<ApiServer>, members: watch::Sender<Members>) {
    let mut told = String::new();
    loop {
        tokio::time::sleep(LOOK_AGAIN).await;
        let before = members.borrow().clone();
        let read = async {
            let access = match &from_secret {
                Some(leader) => read_members(leader).await?,
                None => before.access.clone(),
            };
            let contexts = access.contexts().await.map_err(|error| chain(&error))?.all;
            Ok::<_, String>(Members { access, contexts })
        };
        match read.await {
            Ok(now) => {
                told.clear();
                if now != before {
                    tracing::info!(before = before.contexts.join(" "), now = now.contexts.join(" "), "members changed");
                    members.send_replace(now);
                }
            }
            Err(reason) => {
                if told != reason {
                    tracing::warn!(reason, "the kubeconfig of the members cannot be read, they stay as they are");
                }
                told = reason;
            }
        }
    }
}

/// A follower is ready to take over.
fn ready(progress: watch::Receiver<Progress>, roles: Option<Roles>) -> Ready {
    let permit = roles.as_ref().map(Roles::permit);
    Arc::new(move || match (permit.as_ref().map(|permit| permit.role()), progress.borrow().is_synced) {
        (Some(Role::Follows { leader: Some(_) }), _) | (None | Some(Role::Leads { .. }), true) => Ok(()),
        (Some(Role::Waits { reason }), _) => Err(reason),
        (Some(Role::Follows { leader: None }), _) => Err("nobody is known to lead".to_owned()),
        (None | Some(Role::Leads { .. }), false) => Err("the controller does not hold yet what it should".to_owned()),
    })
}

fn metrics(counts: &Arc<WriteCounts>, progress: watch::Receiver<Progress>) -> Metrics {
    let mut metrics = Metrics::new("amko", env!("CARGO_PKG_VERSION"));
    let counts = Arc::clone(counts);
    metrics.read(move || {
        let progress = progress.borrow();
        let (written, refused) = counts.read();
        let count = |name, help, value| Family::single(name, help, Kind::Counter, value);
        let gauge = |name, help, value| Family::single(name, help, Kind::Gauge, value);
        let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let readable = progress.clusters.iter().map(|(cluster, readable)| Sample {
            labels: vec![("cluster", cluster.clone())],
            value: u64::from(*readable),
        });
        vec![
            Family {
                name: "cluster_readable",
                help: "1 when all of the cluster can be read; its members stay as they are otherwise",
                kind: Kind::Gauge,
                samples: readable.collect(),
            },
            count("controller_writes", "Objects written to the controller", written),
            count("controller_writes_failed", "Writes to the controller that failed", refused),
            gauge("gslb_services", "GSLB services that should be there", number(progress.services)),
            gauge("gslb_services_failing", "GSLB services that cannot be written", number(progress.failing.len())),
            gauge("synced", "1 when the controller holds what it should", u64::from(progress.is_synced)),
        ]
    });
    metrics
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Duration = Duration::from_secs(600);

    fn kubeconfig(contexts: &[&str]) -> String {
        let contexts: String = contexts.iter().map(|name| format!("- name: {name}\n")).collect();
        format!("apiVersion: v1\nkind: Config\ncontexts:\n{contexts}")
    }

    #[tokio::test]
    async fn a_leader_context_that_does_not_exist_is_told_with_those_that_do() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), kubeconfig(&["s1", "s2"])).unwrap();
        let name = async |context: &str| {
            let access = Access::Kubeconfig { path: file.path().to_owned(), context: Some(context.to_owned()) };
            let resolved = Resolved {
                leader: access,
                members: None,
                leader_context: Some(context.to_owned()),
                controller: None,
                tls: None,
                admin_listen: ([127, 0, 0, 1], 0).into(),
                federation: false,
                api_listen: crate::spec::ApiListen::Off,
                pod: None,
            };
            leader_name(&resolved).await.map_err(|error| error.to_string())
        };
        assert_eq!(name("s2").await.unwrap(), "s2");
        let told = "--leader-context s3 is not in the leader's kubeconfig, which has s1, s2; name one of them";
        assert_eq!(name("s3").await.unwrap_err(), told);
    }

    #[tokio::test(start_paused = true)]
    async fn members_that_come_and_go_in_the_file_are_told_and_a_broken_file_changes_nothing() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), kubeconfig(&["s1", "s2"])).unwrap();
        let access = Access::Kubeconfig { path: file.path().to_owned(), context: None };
        let contexts = access.contexts().await.unwrap().all;
        let (sender, mut members) = watch::channel(Members { access, contexts });
        let following = tokio::spawn(follow_members(None, sender));
        for contexts in [&["s1", "s2", "s3"][..], &["s1", "s3"]] {
            // Unreadable in between.
            std::fs::write(file.path(), "{").unwrap();
            tokio::time::sleep(LOOK_AGAIN * 2).await; // bounded: the clock of this test is paused
            assert!(!members.has_changed().unwrap());
            std::fs::write(file.path(), kubeconfig(contexts)).unwrap();
            tokio::time::timeout(WITHIN, members.changed()).await.unwrap().unwrap();
            assert_eq!(members.borrow_and_update().contexts, contexts);
        }
        let leader = Access::Kubeconfig { path: "leader".into(), context: None };
        let clusters = |leader_name: &str| {
            let sources = members.borrow().sources(leader_name, &leader);
            sources.iter().map(|source| source.cluster().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(clusters("s1"), ["s1", "s3"]);
        assert_eq!(clusters("leader"), ["leader", "s1", "s3"]);
        following.abort();
    }
}
