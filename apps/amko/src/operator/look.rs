//! One look at everything: what is in force, what follows, what to write.

use std::collections::{BTreeMap, BTreeSet};

use amko_translate::{
    ACCEPTED, ClusterObjects, Config, ConfigError, Desired, Identity, InForce, Index, Inputs, Lookup, NAMESPACE,
    ObjectRef, Outcome, PolicyBook, PublishedService, Reason, RuleBook, UUID_ANNOTATION, choose_config, explain_change,
    hold, is_shared, lookups, translate,
};
use k8s_crds::{Kind, ObjectKey};
use k8s_watch::WriteBack;
use reconcile::{Key, ObjectType, Owner, Situation, Unit, plan};
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use super::wishes::wishes;
use super::{Done, FIRST_ANSWER_WAIT, Operator, Phase};
use crate::AmkoEvent;
use crate::reading::{self, FORMER_OWNER};
use crate::writer;

/// Unusable objects told at once; an operator that sees these knows what to look for.
const UNUSABLE_TOLD_MAX: usize = 20;

impl Operator {
    /// Looks at everything and begins what follows. Says when to look again at the latest.
    pub(super) fn look(&mut self, now: Instant) -> Option<Instant> {
        self.note_candidates();
        let index = self.clusters.picture();
        let leader = index.leader().to_owned();
        self.statuses.compare(index.cluster(&leader).into_iter().flat_map(ClusterObjects::objects));
        if !self.is_permitted(now) {
            self.stand_by(now);
            return None;
        }
        let Some((config, identity)) = self.settle_config(&index, now) else {
            self.work.clear();
            self.draft_without_config(&index);
            return None;
        };
        let wake = self.reconcile(&index, &config, &identity, now);
        // Reading waits for writes under way, whose end is a reason to look again.
        let read_at = self.link.wake().filter(|_| !self.work.is_in_flight());
        [wake, read_at].into_iter().flatten().min()
    }

    fn reconcile(&mut self, index: &Index, config: &Config, identity: &Identity, now: Instant) -> Option<Instant> {
        self.begin_reading(identity, now);
        let unanswered = self.await_first_answers(index, config, now);
        if !self.link.may_write(now) || unanswered.is_some() {
            self.work.clear();
            return unanswered;
        }
        self.set_phase(config, Phase::Syncing);
        if self.begin_look_ups(index, config, now) {
            self.work.clear();
            return None;
        }
        let review = self.book.review(index, config, &self.view);
        let rules = self.rules.review(index, config, &self.view, &self.absent.doubtful);
        self.warn(index, now);
        for (name, text) in review.statuses {
            let is_error = text != "success";
            let key = leader_object(Kind::GlobalDeploymentPolicy, NAMESPACE, &name);
            let status = json!({"errorStatus": text, "warnings": self.warnings.of(&key)});
            self.write_status(&key, status, &text, is_error);
        }
        self.tell_rules(rules);
        match self.translate(index, config, identity) {
            None => self.work.clear(),
            Some(outcome) => {
                self.names.note(index, &outcome.aliases);
                self.explain(&outcome);
                self.tell_refused_aliases(&outcome);
                self.tell_unusable(&outcome);
                self.plan(&outcome.desired, index, config, identity, now);
                self.outcome = Some(outcome);
                self.begin_writes();
            }
        }
        self.draft(config);
        self.finish_sync(config);
        [self.work.wake(now), self.absent.again_at, self.warnings.again_at].into_iter().flatten().min()
    }

    fn begin_reading(&mut self, identity: &Identity, now: Instant) {
        if self.link.is_due(now) && !self.work.is_in_flight() {
            self.link.begin_reading();
            let (client, client_number, identity) = (self.client.clone(), self.client_number, identity.clone());
            let leave = self.leave.clone();
            self.tasks.spawn(async move {
                tokio::select! {
                    () = leave.cancelled() => Done::NotRead,
                    result = reading::read(&client, &identity) => Done::Read { identity, client_number, result },
                }
            });
        }
    }

    /// What should be on the controller; `None` while no policy is known, and nothing may be concluded from that.
    fn translate(&self, index: &Index, config: &Config, identity: &Identity) -> Option<Outcome> {
        let policy = match self.book.in_force() {
            InForce::Unknown => return None,
            InForce::Nothing => None,
            InForce::Policy(policy) => Some(policy.as_ref()),
        };
        let (services, monitors) = self.published.as_ref().map_or((&[][..], &[][..]), |(s, m)| (s, m));
        let rules = self.rules.in_force();
        let held = hold(services, monitors, index, policy, rules);
        let standing = self.standing(identity);
        let placed = match &self.outcome {
            Some(outcome) => outcome.placed(),
            None => placed(services),
        };
        let (view, names) = (&self.view, &self.names);
        let (held, placed, standing) = (&held, &placed, &standing);
        Some(translate(Inputs { index, config, policy, identity, view, held, placed, rules, standing, names }))
    }

    /// The `GSLBConfig` in force with its identity; `None` when nothing may be done.
    fn settle_config(&mut self, index: &Index, now: Instant) -> Option<(Config, Identity)> {
        let choice = choose_config(index.gslb_configs(), self.config.as_ref().map(|config| config.name.as_str()));
        for (namespace, name, error) in choice.refused {
            let key = leader_object(Kind::GslbConfig, &namespace, &name);
            let text = error.to_string();
            self.write_status(&key, self.config_status(&text), &text, true);
            if error != ConfigError::Another && error != ConfigError::Namespace {
                self.phase = Phase::Starting;
            }
        }
        let Some(config) = choice.config else {
            let has_answered = index.cluster(index.leader()).is_some_and(|cluster| cluster.has_answered());
            if has_answered && !std::mem::replace(&mut self.is_idle_told, true) {
                self.teller.tell(AmkoEvent::Idle { cluster: index.leader().to_owned() });
            }
            self.phase = Phase::Starting;
            return None;
        };
        self.is_idle_told = false;
        self.follow_edits(&config);
        self.follow_config(&config, now);
        if self.config.as_ref().is_some_and(|before| before.refresh_interval != config.refresh_interval) {
            self.link.restart(now);
        }
        let Some(uuid) = config.uuid.or_else(|| self.rehearsed_uuid()) else {
            // Nothing is written under an identity that is not stored yet.
            let uuid = *self.generated.get_or_insert_with(new_uuid);
            let value = uuid.hyphenated().to_string();
            let write = WriteBack::Annotation { key: UUID_ANNOTATION.to_owned(), value };
            self.statuses.write(&leader_object(Kind::GslbConfig, NAMESPACE, &config.name), write);
            self.config = Some(config);
            return None;
        };
        self.generated = Some(uuid);
        let identity = Identity::new(uuid);
        if self.identity.as_ref() != Some(&identity) {
            self.identity = Some(identity.clone());
            self.client = self.client.clone().on_behalf_of(identity.as_str());
            self.published = None;
            self.link.restart(now);
        }
        self.config = Some(config.clone());
        Some((config, identity))
    }

    /// Until when to wait for clusters to answer; `None` when all have, or have had their time. A silent one is told
    /// once.
    fn await_first_answers(&mut self, index: &Index, config: &Config, now: Instant) -> Option<Instant> {
        let answered = |cluster: &String| index.cluster(cluster).is_some_and(|cluster| cluster.has_answered());
        let watched = config.clusters.iter().filter(|cluster| self.sources.contains(*cluster));
        let silent: BTreeSet<String> = watched.filter(|cluster| !answered(cluster)).cloned().collect();
        if !silent.is_empty() && now < self.first_answers_until {
            return Some(self.first_answers_until);
        }
        for cluster in self.silent.difference(&silent) {
            self.teller.tell(AmkoEvent::ClusterBack { cluster: cluster.clone() });
        }
        for cluster in silent.difference(&self.silent) {
            tracing::debug!(cluster, waited_s = FIRST_ANSWER_WAIT.as_secs(), "no first answer");
            self.teller.tell(AmkoEvent::ClusterSilent { cluster: cluster.clone() });
        }
        self.silent = silent;
        None
    }

    /// Asks the controller about objects that policies name; says whether an answer is awaited.
    fn begin_look_ups(&mut self, index: &Index, config: &Config, now: Instant) -> bool {
        if self.is_looking_up {
            return true;
        }
        let is_same =
            index.policies().eq(self.absent.policies.iter()) && index.host_rules().eq(self.absent.rules.iter());
        if !is_same || self.absent.again_at.is_some_and(|at| at <= now) {
            self.absent.policies = index.policies().cloned().collect();
            self.absent.rules = index.host_rules().cloned().collect();
            self.absent.lookups.clear();
            self.absent.again_at = None;
        }
        let tenant = PolicyBook::lookup_tenant(index, config);
        let named = index.policies().flat_map(|policy| lookups(&policy.spec)).map(|lookup| (tenant.clone(), lookup));
        let asked: BTreeSet<(String, Lookup)> = named
            .chain(RuleBook::lookups(index, config))
            .filter(|(tenant, lookup)| !self.view.answers(tenant, lookup))
            .filter(|asked| !self.absent.lookups.contains(asked))
            .collect();
        if asked.is_empty() {
            return false;
        }
        self.is_looking_up = true;
        let (client, mut view, leave) = (self.client.clone(), self.view.clone(), self.leave.clone());
        let looking_up = async move {
            let mut error = None;
            for (tenant, lookup) in &asked {
                if let Err(failed) = reading::look_up(&client, tenant, lookup, &mut view).await {
                    error = Some(failed);
                }
            }
            Done::LookedUp { view, asked: asked.into_iter().collect(), error }
        };
        self.tasks.spawn(async move {
            tokio::select! {
                () = leave.cancelled() => Done::NotLookedUp,
                done = looking_up => done,
            }
        });
        true
    }

    /// Notes what changed since the last look, for the writes that follow.
    fn explain(&mut self, outcome: &Outcome) {
        let Some(before) = &self.outcome else { return };
        for change in explain_change(before, outcome) {
            let unit = Unit { tenant: change.service.tenant, service: change.service.name };
            self.work.explain(unit, change.text);
        }
    }

    /// Tells of each selected object that makes no member, once per reason.
    fn tell_unusable(&mut self, outcome: &Outcome) {
        let rejected = outcome.selection.rejected.iter().filter(|rejected| rejected.reason.is_unusable());
        let now: BTreeMap<ObjectRef, Reason> = rejected.map(|r| (r.object.clone(), r.reason.clone())).collect();
        let fresh = now.iter().filter(|(object, reason)| self.unusable.get(object) != Some(reason));
        for (object, reason) in fresh.take(UNUSABLE_TOLD_MAX) {
            self.teller.tell(AmkoEvent::NotServed {
                cluster: object.cluster.clone(),
                object: object.spoken(),
                reason: reason.clone(),
            });
        }
        self.unusable = now;
    }

    fn plan(&mut self, desired: &Desired, index: &Index, config: &Config, identity: &Identity, now: Instant) {
        let owner = owner(identity);
        let is_settled = config.clusters.iter().all(|cluster| index.is_settled(cluster));
        let is_opaque = |key: &Key| {
            let object = self.observed.objects.get(key);
            object.is_some_and(|object| PublishedService::from_body(&key.tenant, &object.body()).objects.is_empty())
        };
        // A service that does not say what stands behind it may belong to a silent cluster.
        let keep = |key: &Key| match key.kind {
            ObjectType::HealthMonitor => is_shared(&key.name),
            ObjectType::GslbService => !is_settled && is_opaque(key),
        };
        let wanted = wishes(desired);
        let plan = plan(&Situation { wanted: &wanted, observed: &self.observed, owner: &owner, keep: &keep });
        tracing::debug!(steps = plan.steps.len(), conflicts = plan.conflicts.len(), "planned");
        self.note_plan(&plan);
        self.work.tell_conflicts(&plan, &self.teller);
        self.work.set(plan, now);
    }

    /// Begins as many writes as may be under way.
    pub(super) fn begin_writes(&mut self) {
        if self.rehearsal.is_some() || !self.is_permitted(Instant::now()) {
            return;
        }
        while let Some(job) = self.work.next() {
            let (client, teller, leave) = (self.client.clone(), self.teller.clone(), self.leave.clone());
            let (unit, why) = (job.unit.clone(), job.why.clone());
            self.tasks.spawn(async move {
                tokio::select! {
                    () = leave.cancelled() => Done::GivenUp { unit, why },
                    written = writer::write(client, job, teller) => Done::Written(written),
                }
            });
        }
    }

    /// Says in the `GSLBConfig` that everything was tried once; again, where somebody replaced it.
    fn finish_sync(&mut self, config: &Config) {
        if self.phase == Phase::Accepted {
            let key = leader_object(Kind::GslbConfig, NAMESPACE, &config.name);
            self.write_final_state(&key, config);
        }
        if self.work.is_idle() && self.phase == Phase::Syncing {
            let services = self.outcome.as_ref().map_or(0, |outcome| outcome.desired.services.len());
            let in_the_way = self.work.services_in_the_way();
            self.teller.tell(AmkoEvent::Synced { services: services.saturating_sub(in_the_way), in_the_way });
            self.set_phase(config, Phase::Accepted);
        }
    }

    /// Moves the `GSLBConfig`'s status on; never back to syncing.
    fn set_phase(&mut self, config: &Config, phase: Phase) {
        let key = leader_object(Kind::GslbConfig, NAMESPACE, &config.name);
        match (self.phase, phase) {
            (Phase::Starting, Phase::Syncing) => {
                self.statuses.write(&key, WriteBack::Status(self.config_status("syncing all objects")));
            }
            (Phase::Syncing, Phase::Accepted) => {
                self.statuses.write(&key, WriteBack::Status(self.config_status("synced all objects")));
                self.write_final_state(&key, config);
            }
            _ => return,
        }
        self.phase = phase;
    }

    fn write_final_state(&mut self, key: &ObjectKey, config: &Config) {
        let state = self.final_state(config);
        let is_error = state != ACCEPTED;
        self.write_status(key, self.config_status(&state), &state, is_error);
    }

    pub(super) fn write_status(&mut self, key: &ObjectKey, status: serde_json::Value, text: &str, is_error: bool) {
        self.note_status(key, &status, text, is_error);
        if self.statuses.write(key, WriteBack::Status(status)) {
            let object = key.to_string();
            self.teller.tell(AmkoEvent::Status { object, text: text.to_owned(), is_error });
        }
    }
}

pub(crate) fn owner(identity: &Identity) -> Owner {
    Owner { name: identity.as_str().to_owned(), former: vec![FORMER_OWNER.to_owned()] }
}

/// Tenants of memberships as the controller has them.
fn placed(services: &[PublishedService]) -> BTreeMap<ObjectRef, String> {
    let objects = services.iter().flat_map(|service| service.objects.iter().map(move |object| (object, service)));
    objects.map(|(object, service)| (object.clone(), service.name.tenant.clone())).collect()
}

pub(super) fn leader_object(kind: Kind, namespace: &str, name: &str) -> ObjectKey {
    ObjectKey { kind, namespace: Some(namespace.to_owned()), name: name.to_owned() }
}

/// A version 1 UUID (amko 1.8 step 3) with a random node, marked as such (RFC 9562 §6.10).
pub(super) fn new_uuid() -> Uuid {
    let random = Uuid::new_v4();
    let [a, b, c, d, e, f, ..] = *random.as_bytes();
    Uuid::now_v1(&[a | 1, b, c, d, e, f])
}
