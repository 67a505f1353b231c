//! A plan as a document: for programs as it is, for people by `text.rs`.

use std::collections::{BTreeMap, BTreeSet};

use amko_translate::{Identity, MemberKind};
use k8s_crds::{Object, ObjectKey};
use reconcile::{Action, Conflict, Key, ObjectType, Ownership, Step};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clusters::Reach;
use crate::operator::{Draft, Said, owner};
use crate::writer::own_reasons;

/// What would be written to a controller, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanDocument {
    /// Address of the controller.
    pub controller: String,
    /// Context of the cluster with the `GSLBConfig`.
    pub leader: String,
    /// Name of the `GSLBConfig` in force; `None`: nothing would be written.
    pub gslb_config: Option<String>,
    /// Objects that were tried out: `GlobalDeploymentPolicy avi-system/global-gdp`.
    pub candidates: Vec<String>,
    /// Why nothing can be said of some or all objects.
    pub notes: Vec<String>,
    /// Writes, in order.
    pub changes: Vec<Change>,
    /// Services that would not be written because of another's object: `gslbservice admin/a.b belongs to amko-x`.
    pub in_the_way: Vec<String>,
    /// GSLB services that stay as they are.
    pub unchanged: usize,
    /// What objects of the leader would be told.
    pub statuses: Vec<StatusLine>,
    /// The clusters.
    pub clusters: Vec<ClusterLine>,
}

/// One object that would be written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// What would be done.
    pub verdict: Verdict,
    /// `gslbservice` or `healthmonitor`.
    pub kind: &'static str,
    /// Tenant.
    pub tenant: String,
    /// Name.
    pub name: String,
    /// GSLB service that it belongs to.
    pub gslb_service: String,
    /// What differs, for a change; what it will be, for a new object.
    pub fields: Vec<FieldChange>,
    /// Why.
    pub why: Vec<String>,
    /// Whether it is due without the candidates too.
    pub is_due_anyway: bool,
}

/// What would be done with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Made.
    Create,
    /// Changed.
    Change,
    /// Taken over from another owner.
    Adopt,
    /// Deleted and made anew under its name: what differs cannot be changed in place.
    Replace,
    /// Deleted.
    Delete,
}

/// One field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldChange {
    /// `groups[amko-gs-group-10].members[10.1.1.1].ratio`.
    pub path: String,
    /// What is there; `null`: nothing.
    pub from: Option<Value>,
    /// What would be there; `null`: nothing.
    pub to: Option<Value>,
}

/// What an object of the leader would be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusLine {
    /// `GlobalDeploymentPolicy avi-system/global-gdp`.
    pub object: String,
    /// Its status.
    pub text: String,
    /// Whether it says that the object is not accepted.
    pub is_error: bool,
    /// Whether it says something else now.
    pub is_new: bool,
}

/// A cluster, and how it can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterLine {
    /// Context.
    pub cluster: String,
    /// Whether all of it was read; the members of one that was not stay as they are.
    pub is_readable: bool,
    /// What cannot be read.
    pub problems: Vec<String>,
    /// Objects that become members.
    pub members: usize,
}

/// Keys of a new service that say nothing to a person: constants, and what stands in the line already.
const ROUTINE: [&str; 13] = [
    "name",
    "tenant_ref",
    "created_by",
    "enabled",
    "health_monitor_scope",
    "pool_algorithm",
    "controller_health_status_enabled",
    "is_federated",
    "min_members",
    "resolve_cname",
    "use_edns_client_subnet",
    "wildcard_match",
    "allow_duplicate_monitors",
];

/// Compares two drafts: as things are, and with the candidates.
pub(crate) fn document(
    url: &str,
    leader: &str,
    candidates: &[Object],
    now: &Draft,
    then: Option<&Draft>,
    reach: &BTreeMap<String, Reach>,
) -> PlanDocument {
    let draft = then.unwrap_or(now);
    let due: Vec<&Step> = if then.is_some() { now.plan.steps.iter().collect() } else { Vec::new() };
    let changes = changes(draft, &due);
    let touched: BTreeSet<(&str, &str)> =
        changes.iter().map(|change| (change.tenant.as_str(), change.gslb_service.as_str())).collect();
    let services = draft.outcome.iter().flat_map(|outcome| outcome.desired.services.keys());
    let blocked: BTreeSet<(&str, &str)> =
        draft.plan.conflicts.iter().map(|c| (c.unit.tenant.as_str(), c.unit.service.as_str())).collect();
    let unchanged = services
        .map(|name| (name.tenant.as_str(), name.name.as_str()))
        .filter(|name| !touched.contains(name) && !blocked.contains(name))
        .count();
    let mut in_the_way: Vec<String> = draft.plan.conflicts.iter().map(Conflict::to_string).collect();
    in_the_way.sort();
    PlanDocument {
        controller: url.to_owned(),
        leader: leader.to_owned(),
        gslb_config: draft.config.as_ref().map(|config| config.name.clone()),
        candidates: candidates.iter().map(|object| object.key().to_string()).collect(),
        notes: notes(draft),
        changes,
        in_the_way,
        unchanged,
        statuses: draft.said.iter().map(|(key, said)| status(key, said)).collect(),
        clusters: clusters(draft, leader, reach),
    }
}

fn notes(draft: &Draft) -> Vec<String> {
    let mut notes = Vec::new();
    if draft.config.is_none() {
        notes.push("there is no valid GSLBConfig: nothing is written or deleted".to_owned());
    } else if draft.outcome.is_none() {
        notes.push("no GlobalDeploymentPolicy was ever valid: everything stays as it is".to_owned());
    }
    let identity = draft.identity.as_ref().filter(|identity| !has_ours(draft, identity));
    if let Some(identity) = identity {
        notes.push(format!("the controller has nothing of ours ({})", identity.as_str()));
    }
    notes
}

fn has_ours(draft: &Draft, identity: &Identity) -> bool {
    let owner = owner(identity);
    draft.observed.objects.iter().any(|(key, object)| owner.ownership(key.kind, object) == Ownership::Ours)
}

fn status(key: &ObjectKey, said: &Said) -> StatusLine {
    StatusLine { object: key.to_string(), text: said.text.clone(), is_error: said.is_error, is_new: said.is_new }
}

fn clusters(draft: &Draft, leader: &str, reach: &BTreeMap<String, Reach>) -> Vec<ClusterLine> {
    let members = draft.config.iter().flat_map(|config| config.clusters.iter().map(String::as_str));
    let names: Vec<&str> = members.collect();
    let leader = (!names.contains(&leader)).then_some(leader);
    let accepted = draft.outcome.iter().flat_map(|outcome| &outcome.selection.accepted);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for candidate in accepted.filter(|candidate| candidate.object.kind != MemberKind::ThirdParty) {
        *counts.entry(&candidate.object.cluster).or_default() += 1;
    }
    names
        .into_iter()
        .chain(leader)
        .map(|cluster| {
            let reach = reach.get(cluster);
            let problems: Vec<String> =
                reach.iter().flat_map(|reach| reach.problems.iter().map(ToString::to_string)).collect();
            let is_readable = draft.readable.get(cluster).copied().unwrap_or(false);
            ClusterLine {
                cluster: cluster.to_owned(),
                is_readable,
                problems,
                members: counts.get(cluster).copied().unwrap_or_default(),
            }
        })
        .collect()
}

/// One entry for each object. What is only on the way, such as a service without a monitor that is about to be made
/// anew, is left out.
fn changes(draft: &Draft, due: &[&Step]) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    let mut places: BTreeMap<&Key, usize> = BTreeMap::new();
    for step in &draft.plan.steps {
        let Some(mut change) = change(step, draft) else { continue };
        change.is_due_anyway = due.iter().any(|other| other.key == step.key && other.action == step.action);
        match places.get(&step.key) {
            Some(place) if changes[*place].verdict == Verdict::Delete => {
                changes[*place] = Change { verdict: Verdict::Replace, ..change };
            }
            Some(_) => {}
            None => {
                places.insert(&step.key, changes.len());
                changes.push(change);
            }
        }
    }
    // Together what belongs together, services before their monitors.
    changes.sort_by(|a, b| {
        let place = |change: &Change| {
            let is_monitor = change.kind != ObjectType::GslbService.path();
            (change.tenant.clone(), change.gslb_service.clone(), is_monitor, change.name.clone())
        };
        place(a).cmp(&place(b))
    });
    changes
}

fn change(step: &Step, draft: &Draft) -> Option<Change> {
    let observed = draft.observed.objects.get(&step.key).map(|object| object.body());
    let (verdict, fields) = match &step.action {
        Action::Create { body } => (Verdict::Create, telling(&body.read())),
        Action::Update { why, .. } => {
            let fields = why.iter().map(|diff| FieldChange {
                path: diff.path.clone(),
                from: diff.observed.clone(),
                to: diff.wanted.clone(),
            });
            (Verdict::Change, fields.collect())
        }
        Action::Adopt { body, .. } => (Verdict::Adopt, differing(&body.read(), observed.as_ref())),
        Action::Delete { .. } => (Verdict::Delete, Vec::new()),
        Action::Detach { .. } => return None,
    };
    let explained = draft.reasons.get(&step.unit).filter(|_| step.key.kind == ObjectType::GslbService);
    Some(Change {
        verdict,
        kind: step.key.kind.path(),
        tenant: step.key.tenant.clone(),
        name: step.key.name.clone(),
        gslb_service: step.unit.service.clone(),
        fields,
        why: explained.cloned().unwrap_or_else(|| own_reasons(step)),
        is_due_anyway: false,
    })
}

/// What a new object will be, as far as it tells something.
fn telling(body: &Value) -> Vec<FieldChange> {
    let fields = body.as_object().into_iter().flatten();
    let telling = fields.filter(|(key, value)| !ROUTINE.contains(&key.as_str()) && **value != Value::Bool(false));
    telling.map(|(key, value)| FieldChange { path: key.clone(), from: None, to: Some(value.clone()) }).collect()
}

fn differing(body: &Value, observed: Option<&Value>) -> Vec<FieldChange> {
    let fields = body.as_object().into_iter().flatten().filter(|(key, _)| key.as_str() != "tenant_ref");
    let of = |key: &str| observed.and_then(|observed| observed.get(key)).cloned();
    let pairs = fields.map(|(key, value)| FieldChange { path: key.clone(), from: of(key), to: Some(value.clone()) });
    pairs.filter(|field| field.from != field.to).collect()
}
