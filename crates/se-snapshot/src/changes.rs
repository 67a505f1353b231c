//! What changed from one build to the next.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Object, World};

/// Type and uuid of an object, as references have them: `pool/pool-…`.
pub(crate) type Key = String;

pub(crate) fn key(kind: &str, uuid: &str) -> Key {
    format!("{kind}/{uuid}")
}

/// Objects at a build, in the order of their uuids, with their revisions.
#[derive(Debug, Default)]
pub(crate) struct Revisions {
    by_kind: BTreeMap<String, Vec<(String, u64)>>,
}

/// Objects that came, went or were written since the build before.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    keys: BTreeSet<Key>,
}

impl Revisions {
    /// What is different in `world`, and what is to be compared with next time.
    pub(crate) fn follow(self, world: &World<'_>) -> (Self, Changes) {
        let (mut before, mut now, mut changes) = (self.by_kind, BTreeMap::new(), Changes::default());
        for (&kind, objects) in &world.by_kind {
            let known = before.remove(kind).unwrap_or_default();
            now.insert(kind.to_owned(), changes.follow_kind(kind, known, objects));
        }
        for (kind, known) in before {
            changes.keys.extend(known.iter().map(|(uuid, _)| key(&kind, uuid)));
        }
        (Self { by_kind: now }, changes)
    }
}

impl Changes {
    /// Whether any of these changed.
    pub(crate) fn touch(&self, keys: &BTreeSet<Key>) -> bool {
        let (few, many) = if keys.len() < self.keys.len() { (keys, &self.keys) } else { (&self.keys, keys) };
        few.iter().any(|key| many.contains(key))
    }

    fn follow_kind(&mut self, kind: &str, known: Vec<(String, u64)>, objects: &[Object<'_>]) -> Vec<(String, u64)> {
        let is_same = known.len() == objects.len()
            && known.iter().zip(objects).all(|((uuid, revision), now)| *revision == now.revision && uuid == now.uuid);
        if is_same {
            return known;
        }
        let mut known = known.into_iter().peekable();
        let mut now = Vec::with_capacity(objects.len());
        for object in objects {
            while let Some((gone, _)) = known.next_if(|(uuid, _)| uuid.as_str() < object.uuid) {
                self.keys.insert(key(kind, &gone));
            }
            let before = known.next_if(|(uuid, _)| uuid == object.uuid);
            if before.as_ref().is_none_or(|(_, revision)| *revision != object.revision) {
                self.keys.insert(key(kind, object.uuid));
            }
            let uuid = before.map_or_else(|| object.uuid.to_owned(), |(uuid, _)| uuid);
            now.push((uuid, object.revision));
        }
        self.keys.extend(known.map(|(gone, _)| key(kind, &gone)));
        now
    }
}
