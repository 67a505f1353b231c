//! One look at everything: what holds, what should be, what to write.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ako_translate::{
    Index, LeftOut, NamespacedName, Outcome, Severity, Site, Translator, UnitName, explain_change, status_patches,
};
use tokio::time::Instant;

use super::{Done, Operator, Translated, hosts, routes};
use crate::AkoEvent;
use crate::cluster::Said;
use crate::instructions::{self, Instructions};
use crate::plan::plan;
use crate::reading;
use crate::writer;

/// How long a parent stays after its last host is gone.
const EMPTY_PARENT_STAYS: Duration = Duration::from_secs(5);
/// Objects that are told not to be served, in one look.
const LEFT_OUT_TOLD_MAX: usize = 20;

impl Operator {
    /// Does what is due; says when to look again if nothing happens.
    pub(super) fn look(&mut self, now: Instant) -> Option<Instant> {
        let cluster = Arc::clone(&self.cluster);
        let said = cluster.said();
        if !said.has_answered {
            return None;
        }
        let Some(instructions) = self.settle_instructions(&said, now) else {
            self.work.clear();
            self.statuses.clear();
            return None;
        };
        let wake = self.reconcile(&said, &instructions, now);
        // Reading waits for writes under way, whose end is a reason to look again.
        let read_at = self.link.wake().filter(|_| !self.work.is_in_flight());
        [wake, read_at].into_iter().flatten().min()
    }

    fn reconcile(&mut self, said: &Said, instructions: &Arc<Instructions>, now: Instant) -> Option<Instant> {
        self.begin_reading(instructions, now);
        let Some(site) = self.site.clone().filter(|_| self.link.may_write(now)) else {
            self.work.clear();
            self.statuses.clear();
            return None;
        };
        let (outcome, parents_until) = self.translate(said, &site, instructions.deletes, now);
        self.tell_left_out(&outcome.left_out);
        self.tell_l4(&outcome);
        self.tell_unshown(&outcome);
        let steps = plan(&outcome.desired, &mut self.held, !said.has_problems, &self.work.refused());
        self.work.set(steps, now);
        self.begin_writes();
        self.keep_routes(&outcome, &site, now);
        self.statuses.set(status_patches(&said.index, &outcome, self.held.published()), &said.index, now);
        self.outcome = Some(outcome);
        self.tell_done(instructions, &site);
        [self.work.wake(now), self.statuses.wake(), self.routes.until, parents_until].into_iter().flatten().min()
    }

    /// The instructions in force; `None` when nothing may be done.
    fn settle_instructions(&mut self, said: &Said, now: Instant) -> Option<Arc<Instructions>> {
        self.follow_log_level(said);
        let instructions = match instructions::read(&said.config_map, &said.secret, &self.given) {
            Ok(instructions) => instructions,
            Err(reasons) => {
                if self.idle != reasons {
                    self.teller.tell(AkoEvent::Idle { reasons: reasons.clone() });
                }
                self.idle = reasons;
                return None;
            }
        };
        if !std::mem::take(&mut self.idle).is_empty() {
            self.teller.tell(AkoEvent::SettingsBack);
        }
        if let Some(known) = self.instructions.as_ref().filter(|known| ***known == instructions) {
            return Some(Arc::clone(known));
        }
        let instructions = Arc::new(instructions);
        if let Some(before) = self.instructions.replace(Arc::clone(&instructions)) {
            self.tell_edited(&before, &instructions);
            if before.controller != instructions.controller {
                self.client = None;
            }
        }
        self.is_synced_told = false;
        self.writes_before = self.teller.counts().read().0;
        // Whatever changed, the controller has to be asked anew before anything is concluded.
        self.link.restart(now);
        Some(instructions)
    }

    fn tell_edited(&self, before: &Instructions, now: &Instructions) {
        let mut texts = Vec::new();
        if before.settings.user() != now.settings.user() {
            texts.push(format!(
                "clusterName: objects of {} stay on the controller; to remove them set it back, and deleteConfig to \"true\"",
                before.settings.user()
            ));
        } else if before.settings != now.settings || before.vrf != now.vrf || before.full_sync != now.full_sync {
            texts.push("objects follow where they differ".to_owned());
        }
        if before.controller != now.controller {
            texts.push("another controller, or other credentials".to_owned());
        }
        match (before.deletes, now.deletes) {
            (false, true) => texts.push("deleteConfig: everything of this cluster is removed".to_owned()),
            (true, false) => texts.push("deleteConfig is off: everything is made again".to_owned()),
            _ => {}
        }
        self.teller.tell(AkoEvent::SettingsEdited { text: texts.join("; ") });
    }

    fn follow_log_level(&mut self, said: &Said) {
        let Some(set) = &self.set_log_level else { return };
        let level = said.config_map.as_ref().and_then(|values| values.get("logLevel"));
        if let Some(level) = level.filter(|level| self.log_level.as_ref() != Some(level)) {
            set(level);
            self.log_level = Some(level.clone());
        }
    }

    fn begin_reading(&mut self, instructions: &Arc<Instructions>, now: Instant) {
        if self.link.is_due(now) && !self.work.is_in_flight() {
            self.link.begin_reading();
            let (client, instructions) = (self.client.clone(), Arc::clone(instructions));
            self.tasks.spawn(async move {
                let result = reading::read(&instructions, client).await;
                Done::Read { instructions, result }
            });
        }
    }

    /// What should be there, and until when an empty parent stays.
    fn translate(&mut self, said: &Said, site: &Arc<Site>, deletes: bool, now: Instant) -> (Outcome, Option<Instant>) {
        let parents = self.outcome.iter().flat_map(|outcome| outcome.desired.units.keys());
        let mut kept: BTreeSet<(String, u32)> = parents
            .filter_map(|unit| match unit {
                UnitName::Parent { tenant, shard } if !deletes => Some((tenant.clone(), *shard)),
                _ => None,
            })
            .collect();
        kept.retain(|parent| self.empty_parents.get(parent).is_none_or(|since| *since + EMPTY_PARENT_STAYS > now));
        let from = Translated { revision: said.revision, deletes, kept: kept.clone(), site: Arc::clone(site) };
        let outcome = match self.outcome.take() {
            // A write ended, or a time came; nothing else did.
            Some(outcome) if self.translated.as_ref() == Some(&from) => outcome,
            before => {
                let translator = self.translator.get_or_insert_with(|| Translator::new((**site).clone()));
                translator.set_site((**site).clone());
                let nothing = Index::default();
                let outcome = translator.translate(if deletes { &nothing } else { &said.index }, &kept);
                self.explain(before.as_ref(), &outcome);
                self.translated = Some(from);
                outcome
            }
        };
        let used: BTreeSet<(String, u32)> =
            outcome.ingresses.values().flatten().map(|served| (served.tenant.clone(), served.shard)).collect();
        self.empty_parents.retain(|parent, _| kept.contains(parent) && !used.contains(parent));
        for parent in kept.into_iter().filter(|parent| !used.contains(parent)) {
            self.empty_parents.entry(parent).or_insert(now);
        }
        let until = self.empty_parents.values().min().map(|since| *since + EMPTY_PARENT_STAYS);
        (outcome, until)
    }

    /// Notes what changed since the last look, for when the controller has it.
    fn explain(&mut self, before: Option<&Outcome>, outcome: &Outcome) {
        let Some(before) = before else { return };
        for change in explain_change(before, outcome) {
            let reasons = self.reasons.entry(change.unit).or_default();
            if !reasons.contains(&change.text) {
                reasons.push(change.text);
            }
        }
    }

    /// Tells of each object that is ours and not served as it says, once per reason.
    fn tell_left_out(&mut self, left_out: &[LeftOut]) {
        let ours = left_out.iter().filter(|left_out| left_out.reason.severity() != Severity::NotOurs);
        let now: BTreeSet<LeftOut> = ours.cloned().collect();
        let fresh = now.difference(&self.left_out);
        for left_out in fresh.take(LEFT_OUT_TOLD_MAX) {
            self.teller.tell(AkoEvent::NotServed { what: left_out.to_string() });
        }
        self.left_out = now;
    }

    /// Tells of each Service of type LoadBalancer, once: what is made for it is not served by every engine.
    fn tell_l4(&mut self, outcome: &Outcome) {
        let now: BTreeSet<NamespacedName> = outcome.services.keys().cloned().collect();
        for service in now.difference(&self.l4_services) {
            let what = format!(
                "Service {service}: its VIP and virtual service are made, but Meridian's own service engines forward HTTP \
                 alone in this release; nothing answers at the VIP where they serve it"
            );
            self.teller.tell(AkoEvent::NotServed { what });
        }
        self.l4_services = now;
    }

    /// Tells of each host that is served and not shown in the status of its Ingress, once.
    fn tell_unshown(&mut self, outcome: &Outcome) {
        let hosts = outcome.ingresses.iter().flat_map(|(name, hosts)| hosts.iter().map(move |host| (name, host)));
        let now: BTreeSet<(NamespacedName, String)> =
            hosts.filter(|(_, host)| !host.is_shown).map(|(name, host)| (name.clone(), host.host.clone())).collect();
        for (ingress, host) in now.difference(&self.unshown).take(LEFT_OUT_TOLD_MAX) {
            let why = if host.starts_with('*') {
                "a host with a wildcard is no name that a status can hold"
            } else {
                "the Ingress names no host, this one was made from its own name"
            };
            self.teller.tell(AkoEvent::NotShown { ingress: ingress.to_string(), host: host.clone(), why });
        }
        self.unshown = now;
    }

    /// Begins as many writes as may be under way.
    pub(super) fn begin_writes(&mut self) {
        let (Some(client), Some(site)) = (&self.client, &self.site) else { return };
        while let Some(step) = self.work.next() {
            let write = writer::write(client.clone(), Arc::clone(site), step, self.teller.clone());
            self.tasks.spawn(async move { Done::Written(write.await) });
        }
    }

    fn keep_routes(&mut self, outcome: &Outcome, site: &Arc<Site>, now: Instant) {
        let (Some(wanted), Some(client)) = (&outcome.desired.routes, &self.client) else { return };
        let is_due = !self.routes.is_busy && self.routes.until.is_none_or(|until| until <= now);
        if !is_due {
            return;
        }
        self.routes.until = None;
        if !self.routes.differs(wanted, &site.settings.cluster) {
            return;
        }
        let Some(uuid) = self.routes.vrf.as_ref().and_then(|vrf| vrf["uuid"].as_str()) else { return };
        self.routes.is_busy = true;
        let write = routes::write(client.clone(), uuid.to_owned(), wanted.clone(), Arc::clone(site));
        self.tasks.spawn(async move { Done::Routes(write.await) });
    }

    /// Tells what the controller has by now.
    fn tell_done(&mut self, instructions: &Arc<Instructions>, site: &Arc<Site>) {
        if self.is_synced_told {
            let work = &self.work;
            let done: Vec<UnitName> = self.reasons.keys().filter(|unit| !work.concerns(unit)).cloned().collect();
            for unit in done {
                let why = self.reasons.remove(&unit).unwrap_or_default();
                self.tell_changed(&unit, why, site);
            }
        }
        if !self.work.is_idle() || self.routes.is_busy {
            return;
        }
        if instructions.deletes {
            self.finish_deletion(site);
            return;
        }
        if self.work.is_settling() {
            return;
        }
        let unfinished = self.work.unfinished();
        let was_told = std::mem::replace(&mut self.is_synced_told, true);
        let before = std::mem::replace(&mut self.unfinished_told, unfinished);
        if was_told && before == unfinished {
            return;
        }
        if !was_told {
            let work = &self.work;
            self.reasons.retain(|unit, _| work.concerns(unit));
        }
        let outcome = self.outcome.as_ref();
        if unfinished > 0 {
            self.teller.tell(AkoEvent::Unfinished { units: unfinished, hosts: outcome.map_or(0, hosts) });
        } else {
            let writes = self.teller.counts().read().0 - self.writes_before;
            let services = outcome.map_or(0, |outcome| outcome.services.len());
            self.teller.tell(AkoEvent::Synced { hosts: outcome.map_or(0, hosts), services, writes });
        }
    }

    fn tell_changed(&self, unit: &UnitName, why: Vec<String>, site: &Site) {
        let what = unit.to_string();
        let bare = |text: String| text.strip_prefix(&format!("{what} ")).map(str::to_owned).unwrap_or(text);
        let mut why: Vec<String> = why.into_iter().map(bare).collect();
        if let UnitName::Parent { tenant, shard } = unit {
            // Names and certificates of its hosts are told with the hosts.
            why.retain(|text| text.starts_with("added") || text.starts_with("removed"));
            let name = (tenant.clone(), site.names.parent(*shard));
            let vips = self.held.published().vips.get(&name).into_iter().flatten();
            why.extend(vips.filter_map(|vip| vip.floating.or(vip.v4).or(vip.v6)).map(|vip| format!("VIP {vip}")));
            if !why.iter().any(|text| text.starts_with("added") || text.starts_with("removed")) {
                return;
            }
        }
        self.teller.tell(AkoEvent::Changed { what, why });
    }

    fn finish_deletion(&mut self, site: &Arc<Site>) {
        if !self.work.is_done() {
            return;
        }
        if let (Some(group), Some(client)) = (self.labelled_group.take(), self.client.clone()) {
            let tenant = site.settings.tenant.clone();
            self.tasks.spawn(async move { Done::LabelRemoved(reading::remove_label(&client, group, &tenant).await) });
        }
        if !std::mem::replace(&mut self.is_synced_told, true) {
            self.reasons.clear();
            self.teller.tell(AkoEvent::Deleted);
        }
    }
}
