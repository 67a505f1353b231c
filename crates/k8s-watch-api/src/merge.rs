//! Several kinds become one stream. Pure: news in, events out.

use std::collections::BTreeMap;

use k8s_crds::{Kind, Object, ObjectKey};
use k8s_watch::{Event, Problem};

/// What the task of one kind tells.
#[derive(Debug)]
pub(crate) enum News {
    /// All objects of the kind, and those that cannot be read.
    Listed {
        kind: Kind,
        objects: Vec<Object>,
        unreadable: Vec<(ObjectKey, Problem)>,
    },
    Applied(Box<Object>),
    Deleted(ObjectKey),
    /// It changed, and cannot be read now.
    Unreadable(ObjectKey, Problem),
    /// What keeps the kind from being listed or watched; `None` when nothing does.
    Trouble(Kind, Option<Problem>),
    /// Whether the kind is served; told of those that not every cluster has.
    Served(Kind, bool),
}

/// Which object in which state: another of the same name has another id, and a restored cluster may count anew.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    uid: Option<String>,
    revision: Option<String>,
}

/// What was told, as far as it is needed to tell what changed.
#[derive(Debug)]
pub(crate) struct Merge {
    /// Kinds, and whether they were listed.
    listed: BTreeMap<Kind, bool>,
    /// Objects until all kinds were listed; `None` from then on.
    waiting: Option<BTreeMap<ObjectKey, Object>>,
    told: BTreeMap<ObjectKey, Version>,
    troubles: BTreeMap<Kind, Problem>,
    unreadable: BTreeMap<ObjectKey, Problem>,
    problems_told: Vec<Problem>,
    served_told: BTreeMap<Kind, bool>,
}

impl Merge {
    pub(crate) fn new(kinds: &[Kind]) -> Self {
        Self {
            listed: kinds.iter().map(|kind| (*kind, false)).collect(),
            waiting: Some(BTreeMap::new()),
            told: BTreeMap::new(),
            troubles: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            problems_told: Vec::new(),
            served_told: BTreeMap::new(),
        }
    }

    /// Events that tell these news.
    pub(crate) fn take(&mut self, news: News) -> Vec<Event> {
        let mut events = Vec::new();
        match news {
            News::Listed { kind, objects, unreadable } => self.list(kind, objects, unreadable, &mut events),
            News::Applied(object) => self.apply(*object, &mut events),
            News::Deleted(key) => self.delete(&key, &mut events),
            News::Unreadable(key, problem) => drop(self.unreadable.insert(key, problem)),
            News::Trouble(kind, problem) => match problem {
                Some(problem) => drop(self.troubles.insert(kind, problem)),
                None => drop(self.troubles.remove(&kind)),
            },
            News::Served(kind, is_served) => {
                if self.served_told.insert(kind, is_served) != Some(is_served) {
                    events.push(Event::Served(kind, is_served));
                }
            }
        }
        self.problems(&mut events);
        events
    }

    /// What is not in the list is gone, unless it only cannot be read.
    fn list(
        &mut self,
        kind: Kind,
        objects: Vec<Object>,
        unreadable: Vec<(ObjectKey, Problem)>,
        events: &mut Vec<Event>,
    ) {
        self.unreadable.retain(|key, _| key.kind != kind);
        self.unreadable.extend(unreadable);
        let present: std::collections::BTreeSet<ObjectKey> = objects.iter().map(Object::key).collect();
        let is_gone = |key: &ObjectKey| key.kind == kind && !present.contains(key);
        let gone: Vec<ObjectKey> =
            self.told.keys().filter(|key| is_gone(key) && !self.unreadable.contains_key(*key)).cloned().collect();
        for key in gone {
            self.delete(&key, events);
        }
        for object in objects {
            self.apply(object, events);
        }
        self.listed.insert(kind, true);
        if self.listed.values().all(|listed| *listed)
            && let Some(waiting) = self.waiting.take()
        {
            events.push(Event::Reset(waiting.into_values().collect()));
        }
    }

    fn apply(&mut self, object: Object, events: &mut Vec<Event>) {
        let key = object.key();
        self.unreadable.remove(&key);
        let metadata = object.metadata();
        let version = Version { uid: metadata.uid.clone(), revision: metadata.resource_version.clone() };
        if self.told.get(&key) == Some(&version) {
            return;
        }
        self.told.insert(key.clone(), version);
        match &mut self.waiting {
            Some(waiting) => drop(waiting.insert(key, object)),
            None => events.push(Event::Apply(Box::new(object))),
        }
    }

    fn delete(&mut self, key: &ObjectKey, events: &mut Vec<Event>) {
        self.unreadable.remove(key);
        if self.told.remove(key).is_none() {
            return;
        }
        match &mut self.waiting {
            Some(waiting) => drop(waiting.remove(key)),
            None => events.push(Event::Delete(key.clone())),
        }
    }

    /// Tells the problems where they differ from those told; what all kinds suffer from is told once.
    fn problems(&mut self, events: &mut Vec<Event>) {
        let mut now: Vec<Problem> = Vec::new();
        for problem in self.troubles.values().chain(self.unreadable.values()) {
            if !now.contains(problem) {
                now.push(problem.clone());
            }
        }
        if now != self.problems_told {
            self.problems_told.clone_from(&now);
            events.push(Event::Problems(now));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::decode;

    const KINDS: [Kind; 2] = [Kind::Namespace, Kind::Service];

    fn service(name: &str, uid: &str, revision: u32) -> Object {
        let metadata = json!({"name": name, "namespace": "a", "uid": uid, "resourceVersion": revision.to_string()});
        decode("s2", Kind::Service, json!({ "metadata": metadata })).unwrap()
    }

    fn services(objects: Vec<Object>) -> News {
        News::Listed { kind: Kind::Service, objects, unreadable: Vec::new() }
    }

    fn namespaces() -> News {
        News::Listed { kind: Kind::Namespace, objects: Vec::new(), unreadable: Vec::new() }
    }

    fn problem(what: &str) -> Problem {
        Problem { place: "p".into(), what: what.into(), advice: "d".into() }
    }

    /// `reset a b`, `apply a`, `delete a`, `problems x y`.
    fn told(events: Vec<Event>) -> Vec<String> {
        let tell = |event| match event {
            Event::Reset(objects) => {
                objects.iter().fold("reset".to_owned(), |text, object| format!("{text} {}", object.key().name))
            }
            Event::Apply(object) => format!("apply {}", object.key().name),
            Event::Delete(key) => format!("delete {}", key.name),
            Event::Problems(problems) => problems.iter().fold("problems".to_owned(), |t, p| format!("{t} {}", p.what)),
            Event::Served(kind, is_served) => format!("served {kind} {is_served}"),
        };
        events.into_iter().map(tell).collect()
    }

    #[track_caller]
    fn check(merge: &mut Merge, news: News, expected: &[&str]) {
        assert_eq!(told(merge.take(news)), expected);
    }

    #[test]
    fn the_reset_waits_for_all_kinds_and_holds_what_changed_meanwhile() {
        let mut merge = Merge::new(&KINDS);
        check(&mut merge, services(vec![service("x", "1", 1), service("y", "2", 2)]), &[]);
        check(&mut merge, News::Applied(Box::new(service("z", "3", 3))), &[]);
        check(&mut merge, News::Deleted(service("x", "1", 1).key()), &[]);
        check(&mut merge, namespaces(), &["reset y z"]);
        check(&mut merge, namespaces(), &[]);
    }

    #[test]
    fn a_new_list_tells_what_differs() {
        let mut merge = Merge::new(&KINDS);
        check(&mut merge, namespaces(), &[]);
        check(
            &mut merge,
            services(vec![service("x", "1", 1), service("y", "2", 2), service("z", "3", 3)]),
            &["reset x y z"],
        );
        let again = vec![service("x", "1", 1), service("y", "2", 9), service("z", "4", 3), service("w", "5", 4)];
        check(&mut merge, services(again), &["apply y", "apply z", "apply w"]);
        check(&mut merge, services(vec![service("x", "1", 1)]), &["delete w", "delete y", "delete z"]);
    }

    #[test]
    fn what_cannot_be_read_is_a_problem_and_no_deletion() {
        let mut merge = Merge::new(&KINDS);
        check(&mut merge, namespaces(), &[]);
        check(&mut merge, services(vec![service("x", "1", 1)]), &["reset x"]);
        let key = service("x", "1", 1).key();
        check(&mut merge, News::Unreadable(key.clone(), problem("bad")), &["problems bad"]);
        let unreadable = vec![(key.clone(), problem("bad"))];
        check(&mut merge, News::Listed { kind: Kind::Service, objects: vec![], unreadable }, &[]);
        check(&mut merge, News::Applied(Box::new(service("x", "1", 2))), &["apply x", "problems"]);
        check(&mut merge, News::Unreadable(key.clone(), problem("bad")), &["problems bad"]);
        check(&mut merge, News::Deleted(key), &["delete x", "problems"]);
    }

    #[test]
    fn whether_a_kind_is_served_is_told_first_and_when_it_changes() {
        let mut merge = Merge::new(&KINDS);
        check(&mut merge, News::Served(Kind::Route, false), &["served Route false"]);
        check(&mut merge, namespaces(), &[]);
        check(&mut merge, News::Served(Kind::Route, false), &[]);
        check(&mut merge, services(vec![]), &["reset"]);
        check(&mut merge, News::Served(Kind::Route, true), &["served Route true"]);
    }

    #[test]
    fn what_all_kinds_suffer_from_is_told_once_and_deletes_nothing() {
        let mut merge = Merge::new(&KINDS);
        check(&mut merge, namespaces(), &[]);
        check(&mut merge, services(vec![service("x", "1", 1)]), &["reset x"]);
        let trouble = |kind, what: Option<&str>| News::Trouble(kind, what.map(problem));
        check(&mut merge, trouble(Kind::Service, Some("away")), &["problems away"]);
        check(&mut merge, trouble(Kind::Namespace, Some("away")), &[]);
        check(&mut merge, trouble(Kind::Service, None), &[]);
        check(&mut merge, trouble(Kind::Namespace, None), &["problems"]);
    }
}
