//! Rehearses: runs the operator with its hands tied, first on what is there, then on what might be.

use std::sync::Arc;
use std::time::Duration;

use amko_translate::NAMESPACE;
use k8s_crds::{Kind, Object};
use reconcile::Conflict;
use tokio::sync::{mpsc, watch};

use crate::clusters::Clusters;
use crate::operator::{Beside, Draft, Rehearsal, StartError, start_with};
use crate::plan::{PlanDocument, document};
use crate::reading::read_one;
use crate::{AmkoConfig, AmkoEvent, EVENTS_WAITING_MAX};

/// Longest wait for the first answers of all clusters; those that are silent then keep their members.
const FIRST_ANSWER_WAIT: Duration = Duration::from_secs(20);
/// Longest wait for one draft, reading the controller and looking up what policies name included.
const DRAFT_WAIT: Duration = Duration::from_secs(120);

/// New services whose names are asked for one by one.
const OTHERS_MAX: usize = 1_000;

/// Kinds that can be tried out before they are applied.
pub(crate) const CANDIDATE_KINDS: &[Kind] = &[Kind::GslbConfig, Kind::GlobalDeploymentPolicy, Kind::GslbHostRule];

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum RehearseError {
    /// The operator cannot start.
    #[error("starting")]
    Start(#[source] StartError),
    /// The controller cannot be read.
    #[error("the controller cannot be used: {0}")]
    Controller(String),
    /// The leader cluster, without which nothing is known.
    #[error("cluster {0}, which holds the GSLBConfig, does not answer; look at its kubeconfig")]
    Leader(String),
    /// Something took too long.
    #[error("no plan within {} s; a cluster or the controller is too slow", DRAFT_WAIT.as_secs())]
    Slow,
    /// A candidate that would count for nothing where it is.
    #[error("{kind} {name} is in namespace {namespace}, and counts in {NAMESPACE} alone; give it that namespace")]
    Namespace {
        /// Kind.
        kind: Kind,
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
    },
}

/// What the operator would write, were it started now with `candidates` in place of what the leader has. It reads
/// clusters and controller, and writes to none.
///
/// # Errors
/// The leader cluster or the controller cannot be read, or a candidate is in a namespace where it has no effect.
pub async fn rehearse(mut config: AmkoConfig, candidates: Vec<Object>) -> Result<PlanDocument, RehearseError> {
    for candidate in &candidates {
        let key = candidate.key();
        let namespace = key.namespace.unwrap_or_default();
        if key.kind != Kind::GslbHostRule && namespace != NAMESPACE {
            return Err(RehearseError::Namespace { kind: key.kind, namespace, name: key.name });
        }
    }
    let leader = config.leader.clone();
    let url = config.controller.base_url.clone();
    let (events_sender, mut events) = mpsc::channel(EVENTS_WAITING_MAX);
    config.events = Some(events_sender);
    config.log_level = None;
    let clusters = Arc::new(Clusters::new(&leader));
    let (sender, mut drafts) = watch::channel(None);
    let rehearsal = Rehearsal::new(sender, FIRST_ANSWER_WAIT);
    let beside = Beside { clusters: Some(Arc::clone(&clusters)), rehearsal: Some(rehearsal), ..Beside::default() };
    let started = start_with(config, beside).await;
    let amko = started.map_err(RehearseError::Start)?;
    let now = next_draft(&mut drafts, &mut events, &leader, false).await?;
    let then = if candidates.is_empty() {
        None
    } else {
        clusters.try_out(candidates.clone());
        Some(next_draft(&mut drafts, &mut events, &leader, true).await?)
    };
    amko.shutdown().await;
    let (mut now, mut then) = (now, then);
    let last = then.as_mut().unwrap_or(&mut now);
    find_others(last).await;
    Ok(document(&url, &leader, &candidates, &now, then.as_ref(), &clusters.reach()))
}

/// In earnest, a service of another owner shows when ours is refused; here the controller is asked for each new name.
async fn find_others(draft: &mut Draft) {
    let Some(client) = draft.client.clone() else { return };
    let created: Vec<_> =
        draft.plan.steps.iter().filter(|step| step.creates_service()).take(OTHERS_MAX).cloned().collect();
    for step in created {
        // Who cannot be asked about one name does not get to hide the rest of the plan.
        let Ok(Some(object)) = read_one(&client, &step.key).await else { continue };
        draft.plan.steps.retain(|other| other.unit != step.unit);
        let owner = object.mark().map(str::to_owned);
        draft.plan.conflicts.push(Conflict { unit: step.unit, key: step.key, owner });
    }
}

/// Waits for a draft that has the candidates in it, or has not.
async fn next_draft(
    drafts: &mut watch::Receiver<Option<Draft>>,
    events: &mut mpsc::Receiver<AmkoEvent>,
    leader: &str,
    has_candidates: bool,
) -> Result<Draft, RehearseError> {
    let is_it = |draft: &Option<Draft>| draft.as_ref().is_some_and(|draft| draft.has_candidates == has_candidates);
    let mut is_leader_silent = false;
    let wait = async {
        loop {
            tokio::select! {
                found = drafts.wait_for(is_it) => {
                    let draft = found.ok().and_then(|found| found.clone());
                    return draft.ok_or(RehearseError::Slow);
                }
                event = events.recv() => match event {
                    Some(AmkoEvent::ControllerAway { reason }) => return Err(RehearseError::Controller(reason)),
                    Some(AmkoEvent::Problem { cluster, problem }) if cluster == leader => {
                        tracing::debug!(reason = %problem, "the leader cluster cannot be read");
                        is_leader_silent = true;
                    }
                    Some(_) => {}
                    None => return Err(RehearseError::Slow),
                },
            }
        }
    };
    let waited = tokio::time::timeout(DRAFT_WAIT, wait).await;
    waited.unwrap_or(Err(if is_leader_silent { RehearseError::Leader(leader.to_owned()) } else { RehearseError::Slow }))
}
