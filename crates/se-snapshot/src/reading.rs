//! One translation: what it looks up, what it cannot use, and how long its result is good.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Object, Problem, World,
    changes::{Key, key},
};

/// Looks objects up for one result, and notes which: the result is good as long as they stay the same.
pub(crate) struct Reading<'w, 'a> {
    world: &'w World<'a>,
    seen: BTreeSet<Key>,
    parts: BTreeSet<Part>,
    problems: Vec<Problem>,
}

/// Type and uuid of what another result, used in this one, was made of.
type Part = (&'static str, String);

/// A result, and what it was made from.
#[derive(Debug)]
pub(crate) struct Made<T> {
    /// The result.
    pub(crate) value: T,
    /// What of the objects could not be used.
    pub(crate) problems: Vec<Problem>,
    /// Objects that it was made from; some of them may not exist.
    seen: BTreeSet<Key>,
    parts: BTreeSet<Part>,
}

/// Results by uuid.
#[derive(Debug)]
pub(crate) struct Results<T> {
    /// Each with the build that asked for it last.
    known: BTreeMap<String, (u64, Made<T>)>,
    /// Builds so far.
    build: u64,
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
    pub(crate) fn get(&mut self, kind: &str, uuid: &str) -> Option<Object<'a>> {
        self.seen.insert(key(kind, uuid));
        self.world.get(kind, uuid)
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
    /// Types and uuids of the results that are parts of it.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.parts.iter().map(|(kind, uuid)| (*kind, uuid.as_str()))
    }

    /// Whether all that it was made from is as it was in the build before.
    pub(crate) fn is_good(&self, world: &World<'_>) -> bool {
        !world.changes.touch(&self.seen)
    }
}

impl<T> Default for Results<T> {
    fn default() -> Self {
        Self { known: BTreeMap::new(), build: 0 }
    }
}

impl<T> Results<T> {
    /// Begins another build.
    pub(crate) fn begin(&mut self) {
        self.build += 1;
    }

    /// The result of `uuid`: that of this build, that of the one before if it is still good, or what `make` returns.
    pub(crate) fn get<'w, 'a>(
        &mut self,
        uuid: &str,
        world: &'w World<'a>,
        make: impl FnOnce(&mut Reading<'w, 'a>) -> T,
    ) -> &Made<T> {
        let is_known = match self.known.get_mut(uuid) {
            Some((build, made)) if *build == self.build || made.is_good(world) => {
                *build = self.build;
                true
            }
            _ => false,
        };
        if !is_known {
            self.known.insert(uuid.to_owned(), (self.build, Reading::run(world, make)));
        }
        &self.known[uuid].1
    }

    /// Takes the result of `uuid` over from the build before. The caller knows that it is good.
    pub(crate) fn keep(&mut self, uuid: &str) {
        if let Some((build, _)) = self.known.get_mut(uuid) {
            *build = self.build;
        }
    }

    /// Ends the build: what was not asked for is forgotten.
    pub(crate) fn end(&mut self) {
        self.known.retain(|_, (build, _)| *build == self.build);
    }

    /// The results of this build, in the order of their uuids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Made<T>)> {
        self.known.iter().map(|(uuid, (_, made))| (uuid.as_str(), made))
    }

    /// Problems of this build.
    pub(crate) fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.known.values().flat_map(|(_, made)| &made.problems)
    }
}
