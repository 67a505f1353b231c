//! An operator that only says what it would do.
//!
//! It decides by the very code that writes in earnest; where that would write to the controller or to a cluster, this
//! takes note instead.

use std::collections::BTreeMap;
use std::time::Duration;

use amko_translate::{Config, Identity, Index, Outcome};
use avi_client::AviClient;
use k8s_crds::ObjectKey;
use reconcile::{Observed, Plan, Unit};
use serde_json::Value;
use tokio::sync::watch;
use uuid::Uuid;

use super::Operator;
use super::look::new_uuid;

/// What takes the place of writing.
pub(crate) struct Rehearsal {
    /// Where to tell what would be done.
    pub(crate) drafts: watch::Sender<Option<Draft>>,
    /// Longest wait for the first answers of all clusters.
    pub(crate) first_answer_wait: Duration,
    /// What the look under way found so far.
    under_way: Draft,
}

/// What would be done.
#[derive(Clone, Default)]
pub(crate) struct Draft {
    /// Whether it takes the candidates into account.
    pub(crate) has_candidates: bool,
    /// Writes to the controller.
    pub(crate) plan: Plan,
    /// What explains them, as changes since the draft before.
    pub(crate) reasons: BTreeMap<Unit, Vec<String>>,
    /// What should be on the controller; `None` while no policy is known.
    pub(crate) outcome: Option<Outcome>,
    /// What is on the controller.
    pub(crate) observed: Observed,
    /// What objects of the leader would be told.
    pub(crate) said: BTreeMap<ObjectKey, Said>,
    /// Clusters in use, and whether all of each can be read.
    pub(crate) readable: BTreeMap<String, bool>,
    /// The `GSLBConfig` in force.
    pub(crate) config: Option<Config>,
    /// What the controller is asked with.
    pub(crate) client: Option<AviClient>,
    /// Who writes.
    pub(crate) identity: Option<Identity>,
}

/// What an object would be told in its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) is_error: bool,
    /// Whether it says something else now.
    pub(crate) is_new: bool,
}

impl Rehearsal {
    pub(crate) fn new(drafts: watch::Sender<Option<Draft>>, first_answer_wait: Duration) -> Self {
        Self { drafts, first_answer_wait, under_way: Draft::default() }
    }
}

/// Each of these does nothing in earnest.
impl Operator {
    /// Before the picture is taken: what comes after may be in it too, never the other way round.
    pub(super) fn note_candidates(&mut self) {
        let has_candidates = self.clusters.has_candidates();
        if let Some(rehearsal) = &mut self.rehearsal {
            rehearsal.under_way = Draft { has_candidates, ..Draft::default() };
        }
    }

    /// An identity for a `GSLBConfig` that has none yet; in earnest it is stored first.
    pub(super) fn rehearsed_uuid(&mut self) -> Option<Uuid> {
        self.rehearsal.as_ref().map(|_| *self.generated.get_or_insert_with(new_uuid))
    }

    pub(super) fn note_plan(&mut self, plan: &Plan) {
        if let Some(rehearsal) = &mut self.rehearsal {
            rehearsal.under_way.plan = plan.clone();
        }
    }

    pub(super) fn note_status(&mut self, key: &ObjectKey, status: &Value, text: &str, is_error: bool) {
        let is_new = !self.statuses.shows(key, status);
        if let Some(rehearsal) = &mut self.rehearsal {
            rehearsal.under_way.said.insert(key.clone(), Said { text: text.to_owned(), is_error, is_new });
        }
    }

    /// Nothing would be done. While the leader has not answered, that is not known yet.
    pub(super) fn draft_without_config(&mut self, index: &Index) {
        let has_answered = index.cluster(index.leader()).is_some_and(|cluster| cluster.has_answered());
        if let (Some(rehearsal), true) = (&mut self.rehearsal, has_answered) {
            rehearsal.drafts.send_replace(Some(std::mem::take(&mut rehearsal.under_way)));
        }
    }

    /// Tells what would be done.
    pub(super) fn draft(&mut self, config: &Config) {
        let readable = self.readable();
        let Some(rehearsal) = &mut self.rehearsal else { return };
        let draft = Draft {
            reasons: self.work.reasons().clone(),
            outcome: self.outcome.clone(),
            observed: self.observed.clone(),
            readable,
            config: Some(config.clone()),
            client: Some(self.client.clone()),
            identity: self.identity.clone(),
            ..std::mem::take(&mut rehearsal.under_way)
        };
        rehearsal.drafts.send_replace(Some(draft));
    }
}
