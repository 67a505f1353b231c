//! One translation: what it looks up, what it cannot use, and how long its result is good.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Object, Problem, World};

/// Looks objects up for one result, and notes which: the result is good as long as they stay the same.
pub(crate) struct Reading<'w, 'a> {
    world: &'w World<'a>,
    seen: BTreeSet<Seen>,
    parts: BTreeSet<Part>,
    problems: Vec<Problem>,
}

/// Type and uuid of what another result, used in this one, was made of.
type Part = (&'static str, String);

/// An object that a result depends on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    kind: &'static str,
    uuid: String,
    /// `None` of an object that was not there.
    revision: Option<u64>,
}

/// A result, and what it was made from.
#[derive(Debug)]
pub(crate) struct Made<T> {
    /// The result.
    pub(crate) value: T,
    /// What of the objects could not be used.
    pub(crate) problems: Vec<Problem>,
    seen: BTreeSet<Seen>,
    parts: BTreeSet<Part>,
}

/// Results by uuid, of this build and of the one before.
#[derive(Debug)]
pub(crate) struct Results<T> {
    before: BTreeMap<String, Made<T>>,
    now: BTreeMap<String, Made<T>>,
}

impl<'w, 'a> Reading<'w, 'a> {
    /// What `make` returns, with what it looked up.
    pub(crate) fn run<T>(world: &'w World<'a>, make: impl FnOnce(&mut Self) -> T) -> Made<T> {
        let (seen, parts, problems) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        let mut reading = Self { world, seen, parts, problems };
        let value = make(&mut reading);
        let Self { seen, parts, problems, .. } = reading;
        Made { value, problems, seen, parts }
    }

    /// The object, if there is one.
    pub(crate) fn get(&mut self, kind: &'static str, uuid: &str) -> Option<Object<'a>> {
        let object = self.world.get(kind, uuid);
        let revision = object.map(|object| object.revision);
        self.seen.insert(Seen { kind, uuid: uuid.to_owned(), revision });
        object
    }

    /// Depends on all that `part`, the result of `uuid`, depends on. Its problems stay its own: it may be part of several
    /// results.
    pub(crate) fn rely_on<T>(&mut self, kind: &'static str, uuid: &str, part: &Made<T>) {
        self.parts.insert((kind, uuid.to_owned()));
        self.seen.extend(part.seen.iter().cloned());
    }

    /// Tells of something that cannot be used.
    pub(crate) fn tell(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// The problems so far, for parts that take a list of them.
    pub(crate) fn problems(&mut self) -> &mut Vec<Problem> {
        &mut self.problems
    }
}

impl<T> Made<T> {
    /// Uuids of the results of one type that are parts of it.
    pub(crate) fn parts<'m>(&'m self, kind: &'m str) -> impl Iterator<Item = &'m str> {
        self.parts.iter().filter(move |(known, _)| *known == kind).map(|(_, uuid)| uuid.as_str())
    }

    /// Whether all that it was made from is still the same.
    pub(crate) fn is_good(&self, world: &World<'_>) -> bool {
        self.seen.iter().all(|seen| world.get(seen.kind, &seen.uuid).map(|object| object.revision) == seen.revision)
    }
}

impl<T> Default for Results<T> {
    fn default() -> Self {
        Self { before: BTreeMap::new(), now: BTreeMap::new() }
    }
}

impl<T> Results<T> {
    /// Begins another build: what is not asked for in it is forgotten with the next.
    pub(crate) fn begin(&mut self) {
        self.before = std::mem::take(&mut self.now);
    }

    /// The result of `uuid`: that of this build, that of the one before if it is still good, or what `make` returns.
    pub(crate) fn get<'w, 'a>(
        &mut self,
        uuid: &str,
        world: &'w World<'a>,
        make: impl FnOnce(&mut Reading<'w, 'a>) -> T,
    ) -> &Made<T> {
        let Self { before, now } = self;
        now.entry(uuid.to_owned()).or_insert_with(|| {
            before.remove(uuid).filter(|made| made.is_good(world)).unwrap_or_else(|| Reading::run(world, make))
        })
    }

    /// Takes the result of `uuid` over from the build before, if there is one. The caller knows that it is good.
    pub(crate) fn keep(&mut self, uuid: &str) {
        if let Some((uuid, made)) = self.before.remove_entry(uuid) {
            self.now.insert(uuid, made);
        }
    }

    /// Ends the build: what was not asked for is forgotten.
    pub(crate) fn end(&mut self) {
        self.before.clear();
    }

    /// The results of this build, in the order of their uuids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Made<T>)> {
        self.now.iter().map(|(uuid, made)| (uuid.as_str(), made))
    }

    /// Problems of this build.
    pub(crate) fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.now.values().flat_map(|made| &made.problems)
    }
}
