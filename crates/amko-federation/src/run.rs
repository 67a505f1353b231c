//! One run of the federation, step by step (amko 9.3).

use std::collections::BTreeSet;

use k8s_crds::{AmkoCluster, AmkoClusterCondition};
use serde_json::Value;

use crate::condition::{Outcome, Step, replace};
use crate::copy::{Copied, Write, writes};

/// Namespace of everything that takes part.
pub const NAMESPACE: &str = "avi-system";

/// How it is settled who leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// By `isLeader`, as in the original.
    ByHand,
    /// By leases; whether this cluster's operator leads at present.
    ByLease {
        /// It does.
        leads: bool,
    },
}

/// Another cluster of the federation.
#[derive(Debug, Clone, PartialEq)]
pub enum Member {
    /// There is no client for it, for this reason.
    Unusable(String),
    /// It did not say, for this reason.
    Silent(String),
    /// Its `AMKOCluster` objects in `avi-system`.
    Answered(Vec<AmkoCluster>),
}

/// Whether this cluster may write to the controller (amko 1.7, 9.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It leads.
    Leads,
    /// Another one does.
    Follows,
    /// Nothing is written until this is put right.
    Refused(String),
}

/// Why a run ended early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// There is no `AMKOCluster`: nothing to do.
    Nothing,
    /// This is not tried again before something changes.
    Settled,
    /// This is tried again.
    Error(String),
}

/// What to write to members.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Copies {
    /// Each with the context of its member.
    pub writes: Vec<(String, Write)>,
    /// What went wrong so far.
    pub reasons: Vec<String>,
}

/// A run: what was found so far.
#[derive(Debug, Clone)]
pub struct Run {
    own: AmkoCluster,
    mode: Mode,
    conditions: Vec<AmkoClusterCondition>,
    standing: Standing,
    /// Members that take part from here on.
    valid: BTreeSet<String>,
}

impl Run {
    /// Steps 1 and 2, from the own cluster's `AMKOCluster` objects of all namespaces. Where there is more or less than one,
    /// no condition can be shown.
    ///
    /// # Errors
    /// Why there is no run.
    pub fn begin(own: &[AmkoCluster], mode: impl FnOnce(&AmkoCluster) -> Mode) -> Result<Self, Stop> {
        let [own] = own else {
            return Err(match own {
                [] => Stop::Nothing,
                _ => Stop::Error("only one AMKOClusterObject allowed per cluster".to_owned()),
            });
        };
        let mode = mode(own);
        Ok(Self { own: own.clone(), mode, conditions: vec![], standing: Standing::Leads, valid: BTreeSet::new() })
    }

    /// Steps 3 and 4.
    ///
    /// # Errors
    /// Why the run ended.
    pub fn check_own(&mut self) -> Result<(), Stop> {
        let leads = match self.mode {
            Mode::ByHand => self.own.spec.is_leader,
            Mode::ByLease { leads } => leads,
        };
        if !leads {
            self.say(Step::Validation, &Outcome::NotLeader);
            self.standing = Standing::Follows;
            return Err(Stop::Settled);
        }
        if let Err(reason) = sanity(&self.own) {
            self.refuse(Step::Validation, reason);
            return Err(Stop::Settled);
        }
        self.say(Step::Validation, &Outcome::Success);
        Ok(())
    }

    /// Step 5, first half: the other clusters, which are to be asked for their `AMKOCluster` objects. `contexts` are those
    /// of the members' kubeconfig, or why it cannot be read.
    ///
    /// # Errors
    /// Why the run ended.
    pub fn others(&mut self, contexts: &Result<Vec<String>, String>) -> Result<Vec<String>, Stop> {
        const LEAD: &str = "error in initialising member cluster contexts: ";
        let spec = self.own.spec.clone();
        let hard = |run: &mut Self, reason: String| {
            run.refuse(Step::Initialisation, reason.clone());
            Err(Stop::Error(reason))
        };
        let contexts = match contexts {
            Ok(contexts) => contexts,
            Err(reason) => return hard(self, format!("error in fetching the GSLB_CONFIG env variable, {reason}")),
        };
        if !spec.clusters.contains(&spec.cluster_context) {
            let reason = format!("current cluster context {} not part of member clusters", spec.cluster_context);
            return hard(self, format!("{LEAD}{reason}"));
        }
        let mut others: Vec<String> = vec![];
        for context in spec.clusters.iter().filter(|context| **context != spec.cluster_context) {
            if !contexts.contains(context) {
                let what = format!("context \"{context}\" does not exist");
                let reason = format!("error in building context config for kubernetes cluster {context}: {what}");
                return hard(self, format!("{LEAD}{reason}"));
            }
            if !others.contains(context) {
                others.push(context.clone());
            }
        }
        if others.is_empty() {
            return Err(Stop::Error("no valid cluster contexts found".to_owned()));
        }
        Ok(others)
    }

    /// Steps 5 and 6: what the others said, each with its context.
    ///
    /// # Errors
    /// Why the run ended.
    pub fn validate(&mut self, members: &[(String, Member)]) -> Result<(), Stop> {
        let unusable = members.iter().filter_map(|(context, member)| match member {
            Member::Unusable(reason) => {
                Some(format!("error in initializing member custer context {context}: {reason}"))
            }
            Member::Silent(_) | Member::Answered(_) => None,
        });
        let unusable: Vec<String> = unusable.collect();
        let is_any_usable = unusable.len() < members.len();
        self.say(Step::Initialisation, &soft(unusable));
        if !is_any_usable {
            return Err(Stop::Error("no valid cluster contexts found".to_owned()));
        }
        let mut reasons = Vec::new();
        for (context, member) in members {
            let objects = match member {
                Member::Unusable(_) => continue,
                Member::Silent(reason) => {
                    reasons.push(format!("error in getting AMKOCluster list for cluster {context}: {reason}"));
                    continue;
                }
                Member::Answered(objects) => objects,
            };
            match self.check(context, objects) {
                Ok(()) => drop(self.valid.insert(context.clone())),
                Err(Flaw::Soft(reason)) => reasons.push(reason),
                Err(Flaw::Hard(reason)) => {
                    self.valid.clear();
                    self.refuse(Step::MemberValidation, reason.clone());
                    return Err(Stop::Error(reason));
                }
            }
        }
        let why = reasons.join(",");
        self.say(Step::MemberValidation, &soft(reasons));
        if self.valid.is_empty() { Err(Stop::Error(why)) } else { Ok(()) }
    }

    /// The members that get copies.
    #[must_use]
    pub fn valid(&self) -> &BTreeSet<String> {
        &self.valid
    }

    /// Step 7 or 8: what to write to each member, from the leader's objects of a kind and those of each member, each a
    /// list or why it was not read.
    ///
    /// # Errors
    /// Why the run ended.
    pub fn copies(
        &mut self,
        kind: Copied,
        leader: &Result<Vec<Value>, String>,
        members: &[(String, Result<Vec<Value>, String>)],
    ) -> Result<Copies, Stop> {
        let step = kind.step();
        let leader = match leader {
            Ok(objects) if objects.len() > 1 => return Err(self.hard(step, kind.several())),
            Ok(objects) => objects.first(),
            Err(reason) => return Err(self.hard(step, reason.clone())),
        };
        let mut copies = Copies::default();
        for (context, there) in members {
            match there {
                Ok(objects) => {
                    let writes = writes(kind, leader, objects);
                    copies.writes.extend(writes.into_iter().map(|write| (context.clone(), write)));
                }
                Err(reason) => copies.reasons.push(format!(
                    "can't list {} in {NAMESPACE} namespace for {context} cluster: {reason}",
                    kind.plural()
                )),
            }
        }
        Ok(copies)
    }

    /// Ends step 7 or 8 with what went wrong.
    pub fn federated(&mut self, kind: Copied, reasons: Vec<String>) {
        self.say(kind.step(), &soft(reasons));
    }

    /// What to show.
    #[must_use]
    pub fn conditions(&self) -> &[AmkoClusterCondition] {
        &self.conditions
    }

    /// Whether this cluster may write to the controller.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The own object.
    #[must_use]
    pub fn own(&self) -> &AmkoCluster {
        &self.own
    }

    fn check(&self, context: &str, objects: &[AmkoCluster]) -> Result<(), Flaw> {
        let [member] = objects else {
            return Err(Flaw::Soft(match objects {
                [] => format!("no AMKOCluster object present in cluster {context}, can't federate"),
                _ => format!("more than one AMKOCluster objects present in cluster {context}, can't federate"),
            }));
        };
        // Who takes part in an election is no leader by that alone.
        let is_elected = |cluster: &AmkoCluster| cluster.spec.leader_election == Some(true);
        let elects = matches!(self.mode, Mode::ByLease { .. }) && is_elected(member);
        if member.spec.is_leader && !elects {
            return Err(Flaw::Hard(format!("AMKO in cluster {context} is also a leader, conflicting state")));
        }
        let (own, other) = (&self.own.spec.version, &member.spec.version);
        if own != other {
            return Err(Flaw::Soft(format!(
                "version mismatch, current AMKO: {own}, AMKO in cluster {context}: {other}"
            )));
        }
        Ok(())
    }

    fn refuse(&mut self, step: Step, reason: String) {
        self.say(step, &Outcome::Hard(reason.clone()));
        self.standing = Standing::Refused(reason);
    }

    /// A failure of the federation alone: the cluster leads on.
    fn hard(&mut self, step: Step, reason: String) -> Stop {
        self.say(step, &Outcome::Hard(reason.clone()));
        Stop::Error(reason)
    }

    fn say(&mut self, step: Step, outcome: &Outcome) {
        replace(&mut self.conditions, step.condition(outcome));
    }
}

impl Copied {
    fn step(self) -> Step {
        match self {
            Self::Config => Step::Config,
            Self::Policy => Step::Policy,
        }
    }
}

impl Write {
    /// What is said where it fails.
    #[must_use]
    pub fn failure(&self, kind: Copied, context: &str, reason: &str) -> String {
        match self {
            Self::Create { name, .. } => {
                let object = match kind {
                    Copied::Config => "GSLBConfig",
                    Copied::Policy => "GSLBConfig object", // sic
                };
                format!("error in creating {object} {NAMESPACE}/{name} on cluster {context}: {reason}")
            }
            Self::Replace { name, .. } => {
                format!("can't update object {NAMESPACE}/{name} on cluster {context}: {reason}")
            }
            Self::Delete { .. } => {
                format!("error in deleting all objects of kind {} on cluster {context}: {reason}", kind.kind())
            }
        }
    }
}

enum Flaw {
    Soft(String),
    Hard(String),
}

fn soft(reasons: Vec<String>) -> Outcome {
    if reasons.is_empty() { Outcome::Success } else { Outcome::Some(reasons) }
}

/// Step 4: whether an object has what it must have.
///
/// # Errors
/// What is missing.
pub fn sanity(own: &AmkoCluster) -> Result<(), String> {
    if own.metadata.namespace.as_deref() != Some(NAMESPACE) {
        return Err(format!("AMKOCluster's namespace is not {NAMESPACE}"));
    }
    for (field, value) in [("clusterContext", &own.spec.cluster_context), ("version", &own.spec.version)] {
        if value.is_empty() {
            return Err(format!("{field} field can't be empty in AMKOCluster object"));
        }
    }
    Ok(())
}
