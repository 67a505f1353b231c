//! What policies and rules are told beside their verdict: services of theirs that the controller will not have, and
//! entries that count for nothing (amko 12 lines 7 and 8).
//!
//! They stand in `status.warnings`, which the original does not have; its own fields keep its words. A service that has
//! a rule warns there, the others in the policy.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use amko_translate::{InForce, Index, NAMESPACE, ObjectName, repeated_splits};
use k8s_crds::{Kind, ObjectKey, TrafficSplit};
use reconcile::Unit;
use tokio::time::Instant;

use super::Operator;
use super::look::leader_object;
use crate::AmkoEvent;

/// Warnings that an object shows; of more than these it says only that there are more.
const SHOWN_MAX: usize = 10;
/// Characters of one warning.
const WARNING_CHARS_MAX: usize = 400;
/// The warnings of one object change no more often: a controller that takes and refuses in turns makes no storm of
/// writes at the API server.
const PAUSE: Duration = Duration::from_secs(5);

/// What each object shows at present.
#[derive(Default)]
pub(super) struct Warnings {
    shown: BTreeMap<ObjectKey, Shown>,
    /// When to look again for a change that is held back.
    pub(super) again_at: Option<Instant>,
}

struct Shown {
    lines: Vec<String>,
    since: Instant,
}

impl Warnings {
    /// Takes over what should be shown; what changed too lately stays as it is for now.
    fn settle(&mut self, mut wanted: BTreeMap<ObjectKey, Vec<String>>, now: Instant) {
        self.again_at = None;
        for key in self.shown.keys() {
            wanted.entry(key.clone()).or_default();
        }
        for (key, lines) in wanted {
            let due = self.shown.get(&key).map(|shown| shown.since + PAUSE);
            match self.shown.get(&key) {
                Some(shown) if shown.lines == lines => {
                    if lines.is_empty() && due.is_some_and(|due| due <= now) {
                        self.shown.remove(&key);
                    }
                }
                Some(_) if due.is_some_and(|due| due > now) => {
                    self.again_at = [self.again_at, due].into_iter().flatten().min();
                }
                None if lines.is_empty() => {}
                _ => drop(self.shown.insert(key, Shown { lines, since: now })),
            }
        }
    }

    /// Warnings of an object; `None` where it has none.
    pub(super) fn of(&self, key: &ObjectKey) -> Option<&[String]> {
        let lines = &self.shown.get(key)?.lines[..];
        (!lines.is_empty()).then_some(lines)
    }
}

impl Operator {
    /// Settles what policy and rules in force are warned of.
    pub(super) fn warn(&mut self, index: &Index, now: Instant) {
        let doubts = self.split_doubts(index);
        for (key, reason) in doubts.iter().filter(|doubt| !self.split_doubts.contains(doubt)) {
            self.teller.tell(AmkoEvent::ConfigDoubtful { object: key.to_string(), reason: reason.clone() });
        }
        let mut wanted: BTreeMap<ObjectKey, Vec<String>> = BTreeMap::new();
        for (key, reason) in &doubts {
            wanted.entry(key.clone()).or_default().push(reason.clone());
        }
        self.split_doubts = doubts;
        for (unit, line) in self.work.unwelcome() {
            let Some(key) = self.answerable(unit) else { continue };
            wanted.entry(key).or_default().push(line);
        }
        self.warnings.settle(wanted.into_iter().map(|(key, lines)| (key, bounded(lines))).collect(), now);
    }

    /// The object that settles what a service is: its rule, or else the policy.
    fn answerable(&self, unit: &Unit) -> Option<ObjectKey> {
        let name = ObjectName { tenant: unit.tenant.clone(), name: unit.service.clone() };
        if let Some((namespace, rule)) = self.rules.in_force().get(&name).and_then(|rule| rule.name.split_once('/')) {
            return Some(leader_object(Kind::GslbHostRule, namespace, rule));
        }
        match self.book.in_force() {
            InForce::Policy(policy) => Some(leader_object(Kind::GlobalDeploymentPolicy, NAMESPACE, &policy.name)),
            InForce::Unknown | InForce::Nothing => None,
        }
    }

    /// Entries of the policy and of the rules in force that another entry takes the place of.
    fn split_doubts(&self, index: &Index) -> Vec<(ObjectKey, String)> {
        let of = |key: ObjectKey, split: &[TrafficSplit]| {
            repeated_splits(split).into_iter().map(move |reason| (key.clone(), reason))
        };
        let mut doubts = Vec::new();
        if let InForce::Policy(policy) = self.book.in_force() {
            let object = index.policies().find(|object| object.metadata.name.as_ref() == Some(&policy.name));
            let key = leader_object(Kind::GlobalDeploymentPolicy, NAMESPACE, &policy.name);
            doubts.extend(object.into_iter().flat_map(|object| of(key.clone(), &object.spec.traffic_split)));
        }
        let in_force: BTreeSet<&str> = self.rules.in_force().values().map(|rule| rule.name.as_str()).collect();
        for object in index.host_rules() {
            let metadata = &object.metadata;
            let namespace = metadata.namespace.as_deref().unwrap_or_default();
            let name = metadata.name.as_deref().unwrap_or_default();
            if in_force.contains(format!("{namespace}/{name}").as_str()) {
                doubts.extend(of(leader_object(Kind::GslbHostRule, namespace, name), &object.spec.traffic_split));
            }
        }
        doubts
    }
}

fn bounded(mut lines: Vec<String>) -> Vec<String> {
    let is_more = lines.len() > SHOWN_MAX;
    lines.truncate(SHOWN_MAX);
    for line in &mut lines {
        if let Some((end, _)) = line.char_indices().nth(WARNING_CHARS_MAX) {
            line.truncate(end);
            line.push('…');
        }
    }
    if is_more {
        lines.push("there are more; `meridian amko status` names all".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ObjectKey {
        leader_object(Kind::GlobalDeploymentPolicy, NAMESPACE, name)
    }

    #[test]
    fn warnings_change_at_once_and_then_after_a_pause() {
        let (mut warnings, begin) = (Warnings::default(), Instant::now());
        let mut settle = |lines: &[&str], at: u64| {
            let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
            let wanted = if lines.is_empty() { BTreeMap::new() } else { [(key("a"), lines)].into() };
            warnings.settle(wanted, begin + Duration::from_secs(at));
            let again_s = warnings.again_at.map(|at| at.duration_since(begin).as_secs());
            (warnings.of(&key("a")).map(<[String]>::to_vec).unwrap_or_default().join(" "), again_s)
        };
        assert_eq!(settle(&[], 0), (String::new(), None));
        assert_eq!(settle(&["x"], 1), ("x".to_owned(), None));
        assert_eq!(settle(&[], 2), ("x".to_owned(), Some(6)));
        assert_eq!(settle(&["x"], 3), ("x".to_owned(), None), "what goes and comes back is no change");
        assert_eq!(settle(&["y"], 4), ("x".to_owned(), Some(6)));
        assert_eq!(settle(&["y"], 6), ("y".to_owned(), None));
        assert_eq!(settle(&[], 11), (String::new(), None));
        assert_eq!(settle(&["x"], 12), (String::new(), Some(16)));
        assert_eq!(settle(&[], 16), (String::new(), None));
        assert!(warnings.shown.is_empty(), "what warns of nothing is forgotten");
    }

    #[test]
    fn many_and_long_warnings_are_cut() {
        let lines = bounded((0..12).map(|_| "ä".repeat(1000)).collect());
        assert_eq!((lines.len(), lines[0].chars().count()), (SHOWN_MAX + 1, WARNING_CHARS_MAX + 1));
        assert!(lines[SHOWN_MAX].contains("meridian amko status"));
        assert_eq!(bounded(vec!["x".to_owned()]), ["x"]);
    }
}
