//! What changed in a service, and why, in words for the person at the terminal.

mod side;

use std::collections::BTreeSet;
use std::net::IpAddr;

use self::side::Side;
use crate::desired::{GslbService, Member, MonitorRefs, ObjectName};
use crate::selection::Reason;
use crate::{MemberKind, NAMESPACE, ObjectRef, Outcome, Policy, Requirement, Selector};

/// One thing that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeReason {
    /// The service it concerns.
    pub service: ObjectName,
    /// What changed, and why: `ratio of 127.10.26.40 (s1az2) 4 → 3: GlobalDeploymentPolicy avi-system/global-gdp`.
    pub text: String,
}

/// Explains the difference between two translations, service by service. Empty when nothing changed.
#[must_use]
pub fn explain_change(old: &Outcome, new: &Outcome) -> Vec<ChangeReason> {
    let (old_side, new_side) = (Side::new(old), Side::new(new));
    let names: BTreeSet<&ObjectName> = old.desired.services.keys().chain(new.desired.services.keys()).collect();
    let mut reasons = Vec::new();
    for name in names {
        let before = old.desired.services.get(name);
        let after = new.desired.services.get(name);
        if before == after && old_side.monitors(name) == new_side.monitors(name) {
            continue;
        }
        let explanation = Explanation { name, old: &old_side, new: &new_side, lines: Vec::new() };
        let lines = explanation.service(before, after);
        reasons.extend(lines.into_iter().map(|text| ChangeReason { service: name.clone(), text }));
    }
    reasons
}

struct Explanation<'a> {
    name: &'a ObjectName,
    old: &'a Side<'a>,
    new: &'a Side<'a>,
    lines: Vec<String>,
}

impl Explanation<'_> {
    fn service(mut self, before: Option<&GslbService>, after: Option<&GslbService>) -> Vec<String> {
        self.members(before, after);
        if let (Some(before), Some(after)) = (before, after) {
            self.names(before, after);
            self.properties(before, after);
            self.monitors(before, after);
            self.objects(before, after);
        }
        self.lines
    }

    /// Members that left, moved, changed and joined.
    fn members(&mut self, before: Option<&GslbService>, after: Option<&GslbService>) {
        let old: Vec<(u32, &Member)> = before.into_iter().flat_map(GslbService::members).collect();
        let new: Vec<(u32, &Member)> = after.into_iter().flat_map(GslbService::members).collect();
        for (_, member) in &old {
            if new.iter().any(|(_, m)| m.address == member.address) {
                continue;
            }
            match moved_to(member, &old, &new) {
                Some(address) => self.lines.push(format!(
                    "address of {} ({}) {} → {address}: its status changed",
                    member.object.spoken(),
                    member.object.cluster,
                    member.address
                )),
                None => self.lines.push(format!("member {} left: {}", named(member), self.why_left(&member.object))),
            }
        }
        for (priority, member) in &new {
            match old.iter().find(|(_, m)| m.address == member.address) {
                Some((old_priority, before)) => self.member(*old_priority, before, *priority, member),
                None if old.iter().any(|(_, m)| moved_to(m, &old, &new) == Some(member.address)) => {}
                None => {
                    self.lines.push(format!("member {} joined: {}", named(member), self.why_joined(&member.object)))
                }
            }
        }
    }

    fn member(&mut self, old_priority: u32, before: &Member, priority: u32, after: &Member) {
        let because = self.because();
        if before.object.cluster != after.object.cluster {
            self.lines.push(format!(
                "{} now stands for {} ({}), no longer for {} ({})",
                after.address,
                after.object.spoken(),
                after.object.cluster,
                before.object.spoken(),
                before.object.cluster
            ));
        }
        if before.ratio != after.ratio {
            self.lines.push(format!("ratio of {} {} → {}: {because}", named(after), before.ratio, after.ratio));
        }
        if old_priority != priority {
            self.lines.push(format!("priority of {} {old_priority} → {priority}: {because}", named(after)));
        }
        if before.public_ip != after.public_ip {
            let text = after.public_ip.map_or_else(|| "none".to_owned(), |address| address.to_string());
            self.lines.push(format!("public address of {} is now {text}: {because}", named(after)));
        }
        if before.vs != after.vs {
            let vip_only =
                |of: &Outcome| of.policy.as_ref().and_then(|p| p.clusters.get(&after.object.cluster).copied());
            let why = if vip_only(self.old.outcome) == vip_only(self.new.outcome) {
                format!("annotations of {}", after.object.spoken())
            } else {
                format!("syncVipOnly of cluster {}, {because}", after.object.cluster)
            };
            self.lines.push(format!("virtual service of {} changed: {why}", named(after)));
        }
    }

    /// Aliases that came and went.
    fn names(&mut self, before: &GslbService, after: &GslbService) {
        let rule = |side: &Side<'_>, alias: &String| {
            let of_service = side.outcome.aliases.granted.get(self.name)?;
            of_service.get(alias)?.as_ref().map(ToString::to_string)
        };
        let gone = before.domain_names.iter().filter(|alias| !after.domain_names.contains(alias));
        let come = after.domain_names.iter().filter(|alias| !before.domain_names.contains(alias));
        let gone = gone.map(|alias| match rule(self.old, alias) {
            Some(rule) => format!("alias {alias} left: {rule} no longer gives it"),
            None => format!("alias {alias} left"),
        });
        let come = come.map(|alias| match rule(self.new, alias) {
            Some(rule) => format!("alias {alias} joined: {rule}"),
            None => format!("alias {alias} joined"),
        });
        let lines: Vec<String> = gone.chain(come).collect();
        self.lines.extend(lines);
    }

    fn properties(&mut self, before: &GslbService, after: &GslbService) {
        let because = self.because();
        if before.ttl != after.ttl {
            let text = |ttl: Option<u32>| ttl.map_or_else(|| "the controller's".to_owned(), |ttl| format!("{ttl} s"));
            self.lines.push(format!("TTL {} → {}: {because}", text(before.ttl), text(after.ttl)));
        }
        if before.algorithm != after.algorithm {
            let (old, new) = (before.algorithm, after.algorithm);
            let text = if old.name() == new.name() {
                format!("settings of algorithm {} changed: {because}", new.name())
            } else {
                format!("algorithm {} → {}: {because}", old.name(), new.name())
            };
            self.lines.push(text);
        }
        if before.down_response != after.down_response {
            let text = after.down_response.map_or("not set", |response| response.name());
            self.lines.push(format!("answer when all is down is now {text}: {because}"));
        }
        if before.persistence != after.persistence {
            let text = after.persistence.as_ref().map_or("off".to_owned(), |p| format!("by profile {}", p.profile));
            self.lines.push(format!("site persistence is now {text}: {because}"));
        }
        if before.created_by != after.created_by {
            self.lines.push(format!("owner is now {}", after.created_by));
        }
    }

    fn monitors(&mut self, before: &GslbService, after: &GslbService) {
        let because = self.because();
        match (&before.monitors, &after.monitors) {
            (MonitorRefs::Generated(_), MonitorRefs::Generated(_)) => self.generated_monitors(after),
            (old, new) if old == new => {}
            (_, MonitorRefs::None) => self.lines.push(format!("no monitors any more, control plane only: {because}")),
            (_, MonitorRefs::Explicit(names)) => {
                self.lines.push(format!("monitors are now {}: {because}", names.join(", ")));
            }
            (_, MonitorRefs::Generated(_)) => self.lines.push(format!("monitors are generated again: {because}")),
        }
    }

    fn generated_monitors(&mut self, service: &GslbService) {
        let (old, new) = (self.old.monitors(&service.name), self.new.monitors(&service.name));
        let spoken = |description: &str| {
            let what = description.split_once(", ").map_or("", |(_, rest)| rest);
            what.split_once(", ").map_or_else(|| "port".to_owned(), |(_, path)| path.to_owned())
        };
        for monitor in old {
            if !new.iter().any(|m| m.name == monitor.name) {
                self.lines.push(format!("monitor removed ({})", spoken(&monitor.description)));
            }
        }
        for monitor in new {
            match old.iter().find(|m| m.name == monitor.name) {
                None => self.lines.push(format!("monitor added ({})", spoken(&monitor.description))),
                Some(before) if before != monitor => {
                    self.lines.push(format!("monitor changed ({})", spoken(&monitor.description)));
                }
                Some(_) => {}
            }
        }
    }

    /// Objects that share an address with another, which is the one that its member names.
    fn objects(&mut self, before: &GslbService, after: &GslbService) {
        let is_named = |service: &GslbService, object: &ObjectRef| service.members().any(|(_, m)| m.object == *object);
        for object in &before.objects {
            if !after.objects.contains(object) && !is_named(before, object) {
                let text = format!("{} ({}) left a shared address", object.spoken(), object.cluster);
                self.lines.push(format!("{text}: {}", self.why_left(object)));
            }
        }
        for object in &after.objects {
            if !before.objects.contains(object) && !is_named(after, object) {
                let text = format!("{} ({}) joined a shared address", object.spoken(), object.cluster);
                self.lines.push(format!("{text}: {}", self.why_joined(object)));
            }
        }
    }

    /// What set a property: the rule for this name where that changed, else the policy.
    fn because(&self) -> String {
        match (self.old.outcome.rules.get(self.name), self.new.outcome.rules.get(self.name)) {
            (before, Some(rule)) if before != Some(rule) => format!("GSLBHostRule {}", rule.name),
            (Some(rule), None) => format!("GSLBHostRule {} is no longer in force", rule.name),
            _ => policy(self.new.outcome.policy.as_ref()),
        }
    }

    /// Whether both translations have the same selector.
    fn has_same(&self, selector: fn(&Policy) -> Option<&Selector>) -> bool {
        let [old, new] = [self.old, self.new].map(|side| side.outcome.policy.as_ref().and_then(selector));
        old == new
    }

    fn why_left(&self, object: &ObjectRef) -> String {
        if object.kind == MemberKind::ThirdParty {
            return self.because();
        }
        let spoken = object.spoken();
        let because = policy(self.new.outcome.policy.as_ref().or(self.old.outcome.policy.as_ref()));
        match self.new.rejection(object) {
            Some(Reason::LabelMissing(unmet)) if self.has_same(|policy| policy.app_selector.as_ref()) => {
                unmet_by(unmet, &spoken)
            }
            Some(Reason::LabelMissing(unmet)) => format!("{because} now selects {unmet}"),
            Some(Reason::NamespaceLabelMissing(unmet))
                if self.has_same(|policy| policy.namespace_selector.as_ref()) =>
            {
                unmet_by(unmet, &format!("namespace {}", object.namespace))
            }
            Some(Reason::NamespaceLabelMissing(unmet)) => format!("{because} now selects namespaces with {unmet}"),
            Some(Reason::ClusterNotSelected(cluster)) => format!("cluster {cluster} dropped from {because}"),
            Some(Reason::NoPolicy) => format!("{because} deleted"),
            Some(Reason::NoSelector) => format!("{because} selects nothing any more"),
            Some(reason) => format!("{spoken}: {reason}"),
            None => self.why_gone(object),
        }
    }

    /// Why there is no word about an object under its host in the new translation.
    fn why_gone(&self, object: &ObjectRef) -> String {
        let spoken = object.spoken();
        let records = self.new.records(object);
        let accepted = records.map_or(&[][..], |records| &records.accepted);
        if !self.new.outcome.clusters.contains(&object.cluster) {
            return format!("cluster {} dropped from GSLBConfig", object.cluster);
        }
        if let Some(here) = accepted.iter().find(|candidate| candidate.object == *object) {
            return match here.host == self.name.name {
                true => format!("{spoken} is at {} in tenant {} now", here.address, here.tenant),
                false => format!("{spoken} has host {} now", here.host),
            };
        }
        if let Some(elsewhere) = accepted.first() {
            return format!("{spoken} has host {} now", elsewhere.host);
        }
        if records.is_some_and(|records| !records.rejected.is_empty()) {
            return format!("{spoken} has another host now");
        }
        if self.old.was_held(object) {
            return format!("cluster {} answered, {spoken} is not there", object.cluster);
        }
        format!("{spoken} deleted")
    }

    fn why_joined(&self, object: &ObjectRef) -> String {
        if object.kind == MemberKind::ThirdParty {
            return self.because();
        }
        let spoken = object.spoken();
        let because = policy(self.new.outcome.policy.as_ref());
        match self.old.rejection(object) {
            Some(Reason::LabelMissing(unmet)) if self.has_same(|policy| policy.app_selector.as_ref()) => {
                met_by(unmet, &spoken)
            }
            Some(Reason::NamespaceLabelMissing(unmet))
                if self.has_same(|policy| policy.namespace_selector.as_ref()) =>
            {
                met_by(unmet, &format!("namespace {}", object.namespace))
            }
            Some(
                Reason::NoPolicy
                | Reason::NoSelector
                | Reason::LabelMissing(_)
                | Reason::NamespaceLabelMissing(_)
                | Reason::ClusterNotSelected(_),
            ) => format!("{spoken}, selected by {because}"),
            Some(Reason::NoHostRule(_) | Reason::HostRuleNotAccepted { .. } | Reason::NoGlobalName(_)) => {
                format!("{spoken} got its name by a HostRule")
            }
            Some(Reason::NoStatus | Reason::NoAddress | Reason::NoHost | Reason::NoEntryOfAko(_)) => {
                format!("{spoken} got its address")
            }
            Some(_) | None => spoken,
        }
    }
}

/// The new address of a member's object, when the object only moved within the service.
fn moved_to(member: &Member, old: &[(u32, &Member)], new: &[(u32, &Member)]) -> Option<IpAddr> {
    let (_, moved) = new.iter().find(|(_, m)| m.object == member.object)?;
    let is_new = !old.iter().any(|(_, m)| m.address == moved.address);
    is_new.then_some(moved.address)
}

fn named(member: &Member) -> String {
    format!("{} ({})", member.address, member.object.cluster)
}

fn policy(policy: Option<&Policy>) -> String {
    match policy {
        Some(policy) => format!("GlobalDeploymentPolicy {NAMESPACE}/{}", policy.name),
        None => "GlobalDeploymentPolicy".to_owned(),
    }
}

fn unmet_by(unmet: &Requirement, whose: &str) -> String {
    match unmet {
        Requirement::Is { key, value } => format!("label {key}={value} dropped from {whose}"),
        unmet => format!("labels of {whose} do not satisfy {unmet} any more"),
    }
}

fn met_by(met: &Requirement, whose: &str) -> String {
    match met {
        Requirement::Is { key, value } => format!("label {key}={value} added to {whose}"),
        met => format!("labels of {whose} satisfy {met} now"),
    }
}
