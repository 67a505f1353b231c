//! The part that this operator has in a federation: what it is, and the copies of its objects (amko 9).
//!
//! Level-triggered: every [`LOOK`] the own cluster's objects are read, and when they changed, or [`AGAIN`] has passed, all
//! is done again: members are validated, what differs there is written, conditions are shown. So a copy that somebody
//! edited by hand is put right within seconds, where the original leaves it (amko 12 line 36).
//!
//! Who leads is what `isLeader` says, or, with `leaderElection`, who holds the leases (`election.rs`).

mod copies;
mod own;

use std::collections::BTreeMap;
use std::time::Duration;

use amko_federation::{Copied, Member, Mode, Run, Standing, Stop, sanity};
use k8s_crds::{AmkoCluster, AmkoClusterLeader};
use k8s_watch_api::{Access, ApiCalls, CallError};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::AmkoEvent;
use crate::election::{self, Election};
use crate::event::Teller;
use crate::role::{Permit, Role, Roles};
use crate::serve::Members;
use copies::each;
use own::Own;

/// Who wrote what is written here (amko 9.1).
const MANAGER: &str = "AMKO-Federator";
/// Pause between two looks at the own cluster.
const LOOK: Duration = Duration::from_secs(2);
/// Longest time until all is done again.
const AGAIN: Duration = Duration::from_secs(10);
/// Longest wait for one answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Longest wait for an election to end, which gives the leases back.
const END_WITHIN: Duration = Duration::from_secs(5);

/// What a federation is run with.
pub(crate) struct Federation {
    /// The own cluster: its context, and how it is reached.
    pub(crate) context: String,
    pub(crate) access: Access,
    pub(crate) members: watch::Receiver<Members>,
    /// Whether an operator could write, were it to lead: it knows its controller.
    pub(crate) is_able: watch::Receiver<bool>,
    pub(crate) roles: Roles,
    pub(crate) teller: Teller,
}

/// The task.
struct Federator {
    context: String,
    access: Access,
    own: ApiCalls,
    members: watch::Receiver<Members>,
    is_able: watch::Receiver<bool>,
    roles: Roles,
    teller: Teller,
    permit: Permit,
    /// A connection for each other cluster, made from these members.
    others: BTreeMap<String, ApiCalls>,
    made_of: Option<Members>,
    election: Option<Running>,
    /// What was told last.
    told: String,
    was_leader: Option<bool>,
}

/// An election that is taken part in.
struct Running {
    /// Own context, all clusters, and whether it is preferred; another election where these change.
    of: (String, Vec<String>, bool),
    stands: watch::Sender<bool>,
    stop: CancellationToken,
    task: JoinSet<()>,
}

impl Federation {
    /// Takes part until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let own = ApiCalls::new(self.context.as_str(), self.access.clone(), MANAGER, ANSWER_MAX);
        let mut federator = Federator {
            context: self.context,
            access: self.access,
            own,
            members: self.members,
            is_able: self.is_able,
            permit: self.roles.permit(),
            roles: self.roles,
            teller: self.teller,
            others: BTreeMap::new(),
            made_of: None,
            election: None,
            told: String::new(),
            was_leader: None,
        };
        tokio::select! {
            () = federator.look_again_and_again() => {}
            () = stop.cancelled() => {}
        }
        federator.end_election().await;
    }
}

impl Federator {
    async fn look_again_and_again(&mut self) {
        let mut before = None;
        let mut due = Instant::now();
        loop {
            match own::read(&self.own).await {
                Ok(own) => {
                    let (text, is_able) = (own.fingerprint(), *self.is_able.borrow());
                    if before.as_ref() != Some(&(text.clone(), self.permit.role(), is_able))
                        || Instant::now() >= due
                        || self.others_changed()
                    {
                        self.all(&own).await;
                        due = Instant::now() + AGAIN;
                        before = Some((text, self.permit.role(), is_able));
                    }
                }
                // What was settled stays: an API server that is away makes nobody leader or follower.
                Err(reason) => self.tell(&format!("the own cluster cannot be read: {reason}")),
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.permit.changed() => {}
                Ok(()) = self.is_able.changed() => {}
            }
        }
    }

    /// One run of everything.
    async fn all(&mut self, own: &Own) {
        self.renew_others();
        let elects = |cluster: &AmkoCluster| cluster.spec.leader_election == Some(true);
        let leads = matches!(self.permit.role(), Role::Leads { .. });
        let begun = Run::begin(&own.clusters, |cluster| match elects(cluster) {
            true => Mode::ByLease { leads },
            false => Mode::ByHand,
        });
        let mut run = match begun {
            Ok(run) => run,
            Err(stop) => {
                self.drop_election();
                return self.wait_for(match stop {
                    Stop::Nothing => "No AMKOCluster object was found".to_owned(),
                    Stop::Settled => String::new(),
                    Stop::Error(reason) => reason,
                });
            }
        };
        self.tell_flip(run.own());
        let is_elected = elects(run.own());
        let answers = self.ask_members(run.own()).await;
        let result = self.federate(&mut run, own, &answers).await;
        if is_elected {
            self.elect(&run, own, &answers).await;
        } else {
            self.drop_election();
            self.roles.set(match run.standing() {
                Standing::Leads => Role::Leads { term: None },
                Standing::Follows => Role::Follows { leader: leader_by_hand(run.own(), &answers) },
                Standing::Refused(reason) => boot_error(reason),
            });
        }
        if let Err(Stop::Error(reason)) = result {
            self.tell(&format!("federation: {reason}"));
        } else {
            self.told.clear();
        }
        let leader = self.leader(run.own(), &answers);
        self.show(run.own(), run.conditions(), leader).await;
    }

    /// Steps 3 to 8 of amko 9.3.
    async fn federate(&self, run: &mut Run, own: &Own, answers: &[(String, Member)]) -> Result<(), Stop> {
        run.check_own()?;
        let others = run.others(&Ok(self.contexts()))?;
        let answers: Vec<_> = answers.iter().filter(|(context, _)| others.contains(context)).cloned().collect();
        run.validate(&answers)?;
        let members: Vec<&ApiCalls> = run.valid().iter().filter_map(|context| self.others.get(context)).collect();
        for kind in [Copied::Config, Copied::Policy] {
            let objects = Ok(own.objects(kind).to_vec());
            let copies = run.copies(kind, &objects, &copies::read(kind, &members).await)?;
            let reasons = copies::write(kind, &members, copies, &self.permit, run.own()).await;
            run.federated(kind, reasons);
        }
        Ok(())
    }

    /// The `AMKOCluster` objects of the other clusters of the federation, as far as the kubeconfig names them.
    async fn ask_members(&self, own: &AmkoCluster) -> Vec<(String, Member)> {
        let others = own.spec.clusters.iter().filter(|context| **context != own.spec.cluster_context);
        let others: Vec<&ApiCalls> = others.filter_map(|context| self.others.get(context)).collect();
        each(&others, |api| async move {
            match own::clusters(api, Some(amko_federation::NAMESPACE)).await {
                Ok(clusters) => Member::Answered(clusters),
                Err(error @ CallError::Access { .. }) => Member::Unusable(error.to_string()),
                Err(error) => Member::Silent(error.to_string()),
            }
        })
        .await
    }

    /// Takes part in the election, while nothing speaks against it.
    async fn elect(&mut self, run: &Run, own: &Own, answers: &[(String, Member)]) {
        let spec = &run.own().spec;
        let by_hand = answers.iter().find(|(_, member)| {
            matches!(member, Member::Answered(clusters) if clusters.iter().any(|cluster| {
                cluster.spec.is_leader && cluster.spec.leader_election != Some(true)
            }))
        });
        let unknown = spec.clusters.iter().find(|c| **c != spec.cluster_context && !self.others.contains_key(*c));
        let against = match (by_hand, sanity(run.own()), unknown) {
            (Some((context, _)), ..) => Some(format!("AMKO in cluster {context} is also a leader, conflicting state")),
            (_, Err(reason), _) => Some(reason),
            (.., Some(context)) => Some(format!("cluster {context} is not in the kubeconfig of the members")),
            _ if !spec.clusters.contains(&spec.cluster_context) => {
                Some(format!("current cluster context {} not part of member clusters", spec.cluster_context))
            }
            _ => None,
        };
        if let Some(reason) = against {
            self.drop_election();
            return self.wait_for(reason);
        }
        let of = (spec.cluster_context.clone(), spec.clusters.clone(), spec.is_leader);
        // A preference counts at the start alone.
        let is_same = self.election.as_ref().is_some_and(|running| (&running.of.0, &running.of.1) == (&of.0, &of.1));
        if !is_same {
            self.drop_election();
            self.election = Some(self.begin_election(of));
        }
        // Who has nothing to lead with would take from the others what they have.
        let has_policy = !own.policies.is_empty() || !copies::any_policy(&self.others_in(run.own())).await;
        let stands = own.configs.len() == 1 && has_policy && *self.is_able.borrow();
        if let Some(running) = &self.election {
            running.stands.send_if_modified(|before| std::mem::replace(before, stands) != stands);
        }
    }

    fn begin_election(&self, of: (String, Vec<String>, bool)) -> Running {
        let (context, clusters, is_preferred) = of.clone();
        let members = self.members.borrow().access().clone();
        let calls = clusters.iter().map(|name| {
            let access = if *name == context { self.access.clone() } else { members.clone().with_context(name) };
            ApiCalls::new(name.as_str(), access, MANAGER, election::ANSWER_MAX)
        });
        let (sender, stands) = watch::channel(false);
        let clusters = calls.collect();
        let election = Election { context, clusters, is_preferred, stands, roles: self.roles.clone() };
        let stop = CancellationToken::new();
        let mut task = JoinSet::new();
        task.spawn(election.run(stop.clone()));
        Running { of, stands: sender, stop, task }
    }

    /// Gives the leases back. No write may be under way: it is for the end of the process.
    async fn end_election(&mut self) {
        let Some(mut running) = self.election.take() else { return };
        self.roles.set(Role::Follows { leader: None });
        running.stop.cancel();
        drop(tokio::time::timeout(END_WITHIN, running.task.join_next()).await);
    }

    /// The same at once; the leases run out by themselves.
    fn drop_election(&mut self) {
        if self.election.take().is_some() {
            self.roles.set(Role::Follows { leader: None });
        }
    }

    fn wait_for(&mut self, reason: String) {
        self.roles.set(boot_error(&reason));
    }

    /// Who leads, to be shown.
    fn leader(&self, own: &AmkoCluster, answers: &[(String, Member)]) -> Option<AmkoClusterLeader> {
        match self.permit.role() {
            Role::Leads { term } => Some(AmkoClusterLeader {
                cluster_context: own.spec.cluster_context.clone(),
                term: term.and_then(|term| i64::try_from(term).ok()),
            }),
            Role::Follows { leader } => leader.map(|cluster_context| {
                // Its own word on the term, where it can be asked.
                let said = answers.iter().find(|(context, _)| *context == cluster_context);
                let term = match said {
                    Some((_, Member::Answered(clusters))) => {
                        let leader = clusters.first().and_then(|cluster| cluster.status.as_ref()?.leader.as_ref());
                        leader.filter(|leader| leader.cluster_context == cluster_context).and_then(|it| it.term)
                    }
                    _ => None,
                };
                AmkoClusterLeader { cluster_context, term }
            }),
            Role::Waits { .. } => None,
        }
    }

    fn contexts(&self) -> Vec<String> {
        self.members.borrow().contexts().to_vec()
    }

    fn others_changed(&self) -> bool {
        self.made_of.as_ref() != Some(&*self.members.borrow())
    }

    /// Connections are kept while the members are the same: a Secret holds their credentials.
    fn renew_others(&mut self) {
        let members = self.members.borrow_and_update().clone();
        if self.made_of.as_ref() == Some(&members) {
            return;
        }
        let others = members.contexts().iter().filter(|name| **name != self.context).map(|name| {
            let access = members.access().clone().with_context(name);
            (name.clone(), ApiCalls::new(name.as_str(), access, MANAGER, ANSWER_MAX))
        });
        self.others = others.collect();
        self.made_of = Some(members);
        // An election reaches the clusters with the credentials of before.
        if self.election.is_some() {
            self.drop_election();
        }
    }

    fn others_in(&self, own: &AmkoCluster) -> Vec<&ApiCalls> {
        own.spec.clusters.iter().filter_map(|context| self.others.get(context)).collect()
    }

    fn tell(&mut self, what: &str) {
        if self.told != what {
            tracing::warn!(cluster = self.context, reason = what, "federation is not complete, trying on");
            what.clone_into(&mut self.told);
        }
    }

    /// amko 9.5
    fn tell_flip(&mut self, own: &AmkoCluster) {
        let is_leader = own.spec.is_leader;
        if self.was_leader.replace(is_leader).is_some_and(|was| was != is_leader) {
            self.teller.tell(AmkoEvent::LeaderFlagChanged { is_leader });
        }
    }
}

/// In the words with which the original ends (amko 1.7).
fn boot_error(reason: &str) -> Role {
    Role::Waits { reason: format!("error during boot up: {reason}") }
}

/// The other cluster that says it leads.
fn leader_by_hand(own: &AmkoCluster, answers: &[(String, Member)]) -> Option<String> {
    let leads =
        |member: &Member| matches!(member, Member::Answered(clusters) if clusters.iter().any(|c| c.spec.is_leader));
    let found = answers.iter().find(|(context, member)| *context != own.spec.cluster_context && leads(member));
    found.map(|(context, _)| context.clone())
}
