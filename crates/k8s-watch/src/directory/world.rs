//! What the files mean together: which object is in force, what changed by a reading, what is wrong.
//!
//! Pure. Readings go in, [`World::settle`] tells what changed by them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use k8s_crds::{Kind, Object, ObjectKey};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::write_back::WrittenBack;
use crate::{
    event::Problem,
    manifest::{Found, Manifest},
};

/// Objects named in one message.
const NAMED_MAX: usize = 3;

/// All files of a cluster, what was written back, and the objects in force.
#[derive(Debug, Default)]
pub(super) struct World {
    files: BTreeMap<PathBuf, File>,
    /// Files that hold an object of this identity.
    holders: BTreeMap<ObjectKey, BTreeSet<PathBuf>>,
    written_back: BTreeMap<ObjectKey, WrittenBack>,
    /// What is wrong with a write-back.
    unusable_write_backs: BTreeMap<ObjectKey, Problem>,
    in_force: BTreeMap<ObjectKey, Object>,
    /// The file each object in force belongs to.
    origins: BTreeMap<ObjectKey, PathBuf>,
    /// Since when there is an Ingress that does not say so itself. Who came first keeps a host, so this has to stay.
    since: BTreeMap<ObjectKey, Timestamp>,
    /// Identities whose object may have changed since the last settling.
    touched: BTreeSet<ObjectKey>,
}

/// What is known from one file.
#[derive(Debug, Default)]
struct File {
    found: BTreeMap<ObjectKey, Found>,
    problems: Vec<Problem>,
    is_readable: bool,
    /// When it was changed or moved into place.
    changed_at: Option<Timestamp>,
    /// It is not there at the moment; perhaps its editor is about to put a new one in place.
    is_vanishing: bool,
}

/// What changed by the readings since the last settling.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Changes {
    pub(super) applied: Vec<Object>,
    pub(super) deleted: Vec<ObjectKey>,
}

impl World {
    /// The file at `path` was read. `place` is how messages name it, `changed_at` when it was changed or moved there.
    pub(super) fn file_read(&mut self, path: &Path, place: &str, manifest: Manifest, changed_at: Option<Timestamp>) {
        let before = self.take(path).found;
        let mut file = File { is_readable: true, problems: manifest.problems, changed_at, ..File::default() };
        if !manifest.has_objects {
            file.problems.push(without_object(place, &before));
            file.found = before;
            return self.put(path, file);
        }
        for found in manifest.objects {
            let key = found.object.key();
            if let Some(first) = file.found.get(&key) {
                file.problems.push(duplicate(&key, &found.place, &first.place));
            } else {
                file.found.insert(key, found);
            }
        }
        if manifest.is_incomplete {
            for (key, found) in before {
                file.found.entry(key).or_insert(found);
            }
        }
        self.put(path, file);
    }

    /// The file at `path` is there and cannot be read.
    pub(super) fn file_unreadable(&mut self, path: &Path, problem: Problem) {
        let found = self.take(path).found;
        let problems = vec![problem];
        self.put(path, File { found, problems, ..File::default() });
    }

    /// The file at `path` is not there; what it held stays in force for now, unless another file holds it.
    pub(super) fn file_vanishing(&mut self, path: &Path) {
        if let Some(file) = self.files.get_mut(path) {
            file.is_vanishing = true;
            self.touched.extend(file.found.keys().cloned());
        }
    }

    /// The file at `path` is gone, and with it what it held.
    pub(super) fn file_gone(&mut self, path: &Path) {
        self.take(path);
    }

    /// What is written back to `key` at present.
    pub(super) fn write_back_read(&mut self, key: ObjectKey, read: Result<Option<WrittenBack>, Problem>) {
        self.unusable_write_backs.remove(&key);
        match read {
            Ok(Some(written)) => {
                self.written_back.insert(key.clone(), written);
            }
            Ok(None) => {
                self.written_back.remove(&key);
            }
            Err(problem) => {
                self.unusable_write_backs.insert(key.clone(), problem);
            }
        }
        self.touched.insert(key);
    }

    /// Puts the readings into force; tells what changed. Applied before deleted, each in order.
    pub(super) fn settle(&mut self) -> Changes {
        let mut changes = Changes::default();
        for key in std::mem::take(&mut self.touched) {
            let Some((path, file, found)) = self.holder(&key) else {
                self.origins.remove(&key);
                self.since.remove(&key);
                if self.in_force.remove(&key).is_some() {
                    self.written_back.remove(&key);
                    self.unusable_write_backs.remove(&key);
                    changes.deleted.push(key);
                }
                continue;
            };
            // Until it is known whether the file comes back, nothing changes.
            if file.is_vanishing && self.in_force.contains_key(&key) {
                continue;
            }
            let (path, mut object, changed_at) = (path.clone(), found.object.clone(), file.changed_at);
            // A file that is only vanishing may come back, and is where the object belongs then.
            let holders = self.holders.get(&key);
            if !self.origins.get(&key).is_some_and(|origin| holders.is_some_and(|paths| paths.contains(origin))) {
                self.origins.insert(key.clone(), path);
            }
            self.date(&key, &mut object, changed_at);
            self.merge(&key, &mut object);
            if self.in_force.get(&key) != Some(&object) {
                self.in_force.insert(key, object.clone());
                changes.applied.push(object);
            }
        }
        changes
    }

    /// Objects in force, in order.
    pub(super) fn objects(&self) -> impl Iterator<Item = &Object> {
        self.in_force.values()
    }

    /// Whether an object of this identity is in force.
    pub(super) fn has(&self, key: &ObjectKey) -> bool {
        self.in_force.contains_key(key)
    }

    /// All that is wrong, in the order of the files.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let present = self.files.values().filter(|file| !file.is_vanishing);
        let mut problems: Vec<Problem> = present.flat_map(|file| file.problems.iter().cloned()).collect();
        for (key, paths) in self.holders.iter().filter(|(_, paths)| paths.len() > 1) {
            let Some((used, _, first)) = self.holder(key) else { continue };
            let others = paths.iter().filter(|path| *path != used).filter_map(|path| self.files.get(path));
            let others = others.filter(|file| !file.is_vanishing).filter_map(|file| file.found.get(key));
            problems.extend(others.map(|found| duplicate(key, &found.place, &first.place)));
        }
        problems.extend(self.unusable_write_backs.values().cloned());
        problems
    }

    /// Files that are known.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.files.keys()
    }

    /// Whether the file is known and could not be read.
    pub(super) fn is_unreadable(&self, path: &Path) -> bool {
        self.files.get(path).is_some_and(|file| !file.is_readable)
    }

    /// The object to be in force for `key`: of a file that is there before one that is vanishing, then of the file it
    /// belongs to already, so that a copy changes nothing, then of the first file in order.
    fn holder(&self, key: &ObjectKey) -> Option<(&PathBuf, &File, &Found)> {
        let origin = self.origins.get(key);
        let files = self.holders.get(key)?.iter().filter_map(|path| Some((path, self.files.get(path)?)));
        let (path, file) = files.min_by_key(|(path, file)| (file.is_vanishing, Some(*path) != origin))?;
        Some((path, file, file.found.get(key)?))
    }

    /// Says since when an Ingress is there, as a cluster would: as it was noted, else when it was seen first.
    fn date(&mut self, key: &ObjectKey, object: &mut Object, changed_at: Option<Timestamp>) {
        let metadata = object.metadata_mut();
        if key.kind != Kind::Ingress || metadata.creation_timestamp.is_some() {
            return;
        }
        let noted = self.written_back.get(key).and_then(|written| written.since);
        let Some(since) = noted.or_else(|| self.since.get(key).copied()).or(changed_at) else { return };
        self.since.insert(key.clone(), since);
        metadata.creation_timestamp = Some(Time(since));
    }

    fn merge(&mut self, key: &ObjectKey, object: &mut Object) {
        let Some(written) = self.written_back.get(key) else {
            return;
        };
        if !written.annotations.is_empty() {
            let annotations = object.metadata_mut().annotations.get_or_insert_default();
            for (key, value) in &written.annotations {
                match value {
                    Some(value) => drop(annotations.insert(key.clone(), value.clone())),
                    None => drop(annotations.remove(key)),
                }
            }
        }
        if let Some(status) = &written.status
            && let Err(error) = object.set_status(status.clone())
        {
            let problem = Problem {
                place: key.to_string(),
                what: format!("the status written back does not fit: {error}"),
                advice: "delete its file under .status/; its operator writes it anew".to_owned(),
            };
            self.unusable_write_backs.insert(key.clone(), problem);
        }
    }

    /// Takes a file out, with its holdings.
    fn take(&mut self, path: &Path) -> File {
        let file = self.files.remove(path).unwrap_or_default();
        for key in file.found.keys() {
            if let Some(paths) = self.holders.get_mut(key) {
                paths.remove(path);
                if paths.is_empty() {
                    self.holders.remove(key);
                }
            }
            self.touched.insert(key.clone());
        }
        file
    }

    fn put(&mut self, path: &Path, file: File) {
        for key in file.found.keys() {
            self.holders.entry(key.clone()).or_default().insert(path.to_owned());
            self.touched.insert(key.clone());
        }
        self.files.insert(path.to_owned(), file);
    }
}

fn without_object(place: &str, before: &BTreeMap<ObjectKey, Found>) -> Problem {
    let place = place.to_owned();
    if before.is_empty() {
        let (what, advice) = ("the file holds no object", "write one, or delete the file");
        return Problem { place, what: what.to_owned(), advice: advice.to_owned() };
    }
    let named = before.keys().take(NAMED_MAX).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let more = if before.len() > NAMED_MAX { ", …" } else { "" };
    Problem {
        place,
        what: format!("the file holds no object any more; {named}{more} stays in force"),
        advice: "write it again, or delete the file to delete what it held".to_owned(),
    }
}

fn duplicate(key: &ObjectKey, place: &str, first: &str) -> Problem {
    Problem {
        place: place.to_owned(),
        what: format!("{key} is at {first} already, which is used"),
        advice: "remove one of them".to_owned(),
    }
}

#[cfg(test)]
mod tests;
