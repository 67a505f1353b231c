//! Collects the guards and effects of one write.

use std::collections::{BTreeMap, BTreeSet};

use avi_schema::TypeSchema;

use super::{Change, Effect, Guard, KEYS_MAX, Write};
use crate::error::WriteError;
use crate::object::Object;
use crate::projection::Projection;
use crate::reference;
use crate::{key, rules};

/// Most new references to objects of one type that are guarded one by one; the keys of a transaction are few.
const SINGLE_REFS_MAX: usize = 32;

/// Guards and effects so far; each key at most once in either.
#[derive(Debug, Default)]
pub(crate) struct Guards {
    guards: Vec<Guard>,
    effects: Vec<Effect>,
}

impl Guards {
    /// The key must not exist.
    pub(crate) fn require_absent(&mut self, key: String) {
        self.guard(Guard::Absent(key));
    }

    /// The object must be as the projection has it.
    pub(crate) fn require_unchanged(&mut self, object: &Object) {
        self.guard(Guard::ModifiedAt(key::object(object.path, &object.uuid), object.modified));
    }

    /// The object must exist, and its delete must notice that `by` points at it. System default objects are never
    /// deleted and need neither.
    pub(crate) fn refer_to(&mut self, target: &Object, by: &str) {
        if target.system_default {
            return;
        }
        self.guard(Guard::Present(key::object(target.path, &target.uuid)));
        self.put(key::refs(target.path, &target.uuid), by.as_bytes().to_vec());
    }

    /// Nobody may have pointed at the object since the projection said so, and writers of many references to its type
    /// are to notice its delete.
    pub(crate) fn require_unreferred(&mut self, projection: &Projection, object: &Object) {
        self.require_turn(projection, key::refs_of_type(object.path));
        self.put(key::deletes(object.path), object.uuid.as_bytes().to_vec());
        let refs = key::refs(object.path, &object.uuid);
        match projection.turn_taken(&refs) {
            Some(modified) => {
                self.guard(Guard::ModifiedAt(refs.clone(), modified));
                self.delete(refs);
            }
            None => self.guard(Guard::Absent(refs)),
        }
    }

    /// Takes the claims of `after` that `before` does not hold, and gives up the others.
    ///
    /// # Errors
    /// When another object holds one.
    pub(crate) fn move_claims(
        &mut self,
        projection: &Projection,
        schema: &TypeSchema,
        before: Option<&Object>,
        after: &Object,
    ) -> Result<(), WriteError> {
        let held: BTreeSet<String> =
            before.map(|before| rules::claim_keys(schema, before).into_iter().collect()).unwrap_or_default();
        let mut kept = BTreeSet::new();
        for claim in rules::claims(schema, after) {
            let key = claim.key(schema, after);
            let holder = projection.claimant(&key);
            if let Some(holder) = holder.filter(|by| (by.path, &by.uuid) != (after.path, &after.uuid)) {
                return Err(claim.taken(schema, after, holder));
            }
            if !held.contains(&key) {
                self.require_absent(key.clone());
                self.put(key.clone(), after.uuid.as_bytes().to_vec());
            }
            kept.insert(key);
        }
        for key in held.difference(&kept) {
            self.delete(key.clone());
        }
        Ok(())
    }

    /// Guards the references that `after` has and `before` has not.
    pub(crate) fn add_references(
        &mut self,
        projection: &Projection,
        schema: &TypeSchema,
        before: Option<&Object>,
        after: &Object,
    ) {
        let held = before.map(|before| rules::references(schema, &before.body)).unwrap_or_default();
        let wanted = rules::references(schema, &after.body);
        let mut added: BTreeMap<&str, Vec<&Object>> = BTreeMap::new();
        for text in wanted.difference(&held) {
            let target = reference::parse_stored(text).and_then(|(path, uuid)| projection.get(path, uuid));
            if let Some(target) = target.filter(|target| (target.path, &target.uuid) != (after.path, &after.uuid)) {
                added.entry(target.path).or_default().push(target);
            }
        }
        for (path, targets) in added {
            if targets.len() > SINGLE_REFS_MAX {
                self.require_turn(projection, key::deletes(path));
                self.put(key::refs_of_type(path), after.uuid.as_bytes().to_vec());
                continue;
            }
            for target in targets {
                self.refer_to(target, &after.uuid);
            }
        }
    }

    /// Nobody may have written the key since the projection, and the next writer is to notice this one.
    pub(crate) fn take_turn(&mut self, projection: &Projection, key: String, by: &str) {
        self.require_turn(projection, key.clone());
        self.put(key, by.as_bytes().to_vec());
    }

    /// Nobody may have written the key since the projection.
    fn require_turn(&mut self, projection: &Projection, key: String) {
        self.guard(match projection.turn_taken(&key) {
            Some(modified) => Guard::ModifiedAt(key, modified),
            None => Guard::Absent(key),
        });
    }

    /// Writes a key.
    pub(crate) fn put(&mut self, key: String, value: Vec<u8>) {
        if !self.effects.iter().any(|effect| effect.key() == key) {
            self.effects.push(Effect::Put(key, value));
        }
    }

    /// Removes a key.
    pub(crate) fn delete(&mut self, key: String) {
        if !self.effects.iter().any(|effect| effect.key() == key) {
            self.effects.push(Effect::Delete(key));
        }
    }

    /// The write of what was collected.
    ///
    /// # Errors
    /// When a transaction cannot carry it.
    pub(crate) fn finish(self, change: Change) -> Result<Write, WriteError> {
        let keys = self.guards.len().max(self.effects.len());
        if keys > KEYS_MAX {
            return Err(WriteError::TooLarge { keys, max: KEYS_MAX });
        }
        let (guards, effects) = (self.guards, self.effects);
        Ok(Write { change, others: Vec::new(), warnings: Vec::new(), guards, effects })
    }

    /// The keys to write, whatever was to be guarded.
    pub(crate) fn into_effects(self) -> Vec<Effect> {
        self.effects
    }

    fn guard(&mut self, guard: Guard) {
        if !self.guards.contains(&guard) {
            self.guards.push(guard);
        }
    }
}

impl Guard {
    /// The key it looks at.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Absent(key) | Self::Present(key) | Self::ModifiedAt(key, _) => key,
        }
    }
}

impl Effect {
    /// The key it writes.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Put(key, _) | Self::Delete(key) => key,
        }
    }
}
