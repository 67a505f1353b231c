//! Federated objects on their way between sites: the form in which they travel, and how a site takes them over.
//!
//! Objects keep uuid, name and `_last_modified` on all sites (avi-api 5.3). What they refer to that each site has for
//! itself, its tenants and system objects, has other uuids elsewhere: it travels by name.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::WriteError;
use crate::object::{DecodeError, Object};
use crate::projection::{ADMIN, Projection};
use crate::write::guards::Guards;
use crate::write::{Change, Effect, KEYS_MAX, Write};
use crate::{key, reference, rules};

/// An object as it travels.
#[derive(Debug, Serialize, Deserialize)]
struct Travelling {
    /// Name of the tenant that owns it.
    tenant: String,
    /// Its stored form, references by uuid to what travels too, by name to the rest.
    object: Value,
}

/// What a site takes over from the leader.
#[derive(Debug, Clone, PartialEq)]
pub enum Copied {
    /// The object is as here.
    Put(Box<Object>),
    /// The object of this type and uuid is gone.
    Delete {
        /// API path.
        path: String,
        /// Uuid.
        uuid: String,
    },
}

/// Why an object that travelled is of no use here.
#[derive(Debug, thiserror::Error)]
pub enum TravelError {
    /// What came is no object in this form.
    #[error("what came is no travelling object")]
    Json(#[source] serde_json::Error),
    /// The object inside is none.
    #[error("reading the object that came")]
    Object(#[source] DecodeError),
    /// The site lacks the tenant that owns it.
    #[error("there is no tenant {0} here")]
    Tenant(String),
}

/// Whether an object is copied to all sites: federated, and not one that each site makes for itself.
#[must_use]
pub fn is_replicated(object: &Object) -> bool {
    !object.system_default && rules::is_federated(object.path, &object.body)
}

/// Whether federated objects may be written here and now (avi-api 5.2).
///
/// # Errors
/// Another site leads, or there is maintenance.
pub fn check_may_write(projection: &Projection) -> Result<(), WriteError> {
    rules::check_federation(projection, None, None, &mut Guards::default())
}

/// Whether a write changes what is copied to all sites.
#[must_use]
pub fn touches_federation(write: &Write) -> bool {
    std::iter::once(&write.change).chain(&write.others).any(is_federated_change)
}

/// Whether a write changes anything beside that.
#[must_use]
pub fn touches_own(write: &Write) -> bool {
    std::iter::once(&write.change).chain(&write.others).any(|change| !is_federated_change(change))
}

fn is_federated_change(change: &Change) -> bool {
    match change {
        Change::Created(object) | Change::Deleted(object) => is_replicated(object),
        Change::Replaced { before, after } => is_replicated(before) || is_replicated(after),
    }
}

/// The object with this uuid among those that are copied to all sites.
#[must_use]
pub fn find<'p>(projection: &'p Projection, uuid: &str) -> Option<&'p Object> {
    let types = projection.types().iter();
    let mut found = types.filter_map(|schema| projection.get(schema.path, uuid)).map(AsRef::as_ref);
    found.find(|object| is_replicated(object))
}

/// The form in which `object` travels.
#[must_use]
pub fn pack(projection: &Projection, object: &Object) -> Vec<u8> {
    let tenant = projection.get("tenant", &object.tenant).map_or(object.tenant.as_str(), |tenant| &tenant.name);
    let mut body: Value = serde_json::from_slice(&object.to_bytes()).unwrap_or_default();
    each_reference(&mut body, &|text| {
        let target = reference::parse_stored(text).and_then(|(path, uuid)| projection.get(path, uuid))?;
        (!is_replicated(target)).then(|| format!("/api/{}?name={}", target.path, target.name))
    });
    let travelling = Travelling { tenant: tenant.to_owned(), object: body };
    serde_json::to_vec(&travelling).unwrap_or_default()
}

/// Name of the tenant of an object that travels.
///
/// # Errors
/// [`TravelError::Json`].
pub fn tenant_of(packed: &[u8]) -> Result<String, TravelError> {
    serde_json::from_slice::<Travelling>(packed).map(|travelling| travelling.tenant).map_err(TravelError::Json)
}

/// The object that travelled as `packed`, written by the leader at `last_modified_us`.
///
/// A reference to what this site does not have stays as it came, and points nowhere.
///
/// # Errors
/// [`TravelError`].
pub fn unpack(projection: &Projection, packed: &[u8], last_modified_us: i64) -> Result<Object, TravelError> {
    let Travelling { tenant, mut object } = serde_json::from_slice(packed).map_err(TravelError::Json)?;
    let owner = projection.tenant_by_name(&tenant).map(|tenant| tenant.uuid.clone());
    let owner = owner.ok_or(TravelError::Tenant(tenant))?;
    each_reference(&mut object, &|text| {
        let (path, name) = text.strip_prefix("/api/")?.split_once("?name=")?;
        let target =
            projection.by_name(path, &owner, None, name).or_else(|| projection.by_name(path, ADMIN, None, name));
        target.map(|target| target.reference())
    });
    if let Some(members) = object.as_object_mut() {
        members.insert("tenant".to_owned(), owner.into());
        members.insert("last_modified_us".to_owned(), last_modified_us.into());
    }
    let bytes = serde_json::to_vec(&object).map_err(TravelError::Json)?;
    Object::from_bytes(projection.types(), &bytes, 0).map_err(TravelError::Object)
}

/// What one transaction takes over.
#[derive(Debug, Default)]
pub struct Adoption {
    /// The keys to write, each once.
    pub effects: Vec<Effect>,
    /// How many of the copies these are.
    pub taken: usize,
}

/// The keys to write so that this site has what came: of `copies`, from the first on, what up to `transactions_max`
/// transactions carry, each at least one copy. These may happen at the same time: no two write the same object, or give and
/// take the same name. In another order than this, what refers is there before what it refers to, for a moment.
///
/// Nothing is judged: the leader did. A name that an object of this site alone holds goes over to the federated one.
#[must_use]
pub fn adopt(projection: &Projection, copies: &[Copied], transactions_max: usize) -> Vec<Adoption> {
    let mut scratch = projection.clone();
    let (mut adoptions, mut written) = (Vec::new(), HashSet::new());
    let mut left = copies;
    while !left.is_empty() && adoptions.len() < transactions_max {
        let adoption = adopt_some(&mut scratch, left);
        let keys = adoption.effects.iter().map(Effect::key).filter(|key| !is_turn(key));
        let keys: Vec<String> = keys.map(str::to_owned).collect();
        if keys.iter().any(|key| written.contains(key)) {
            break;
        }
        written.extend(keys);
        left = left.get(adoption.taken..).unwrap_or_default();
        adoptions.push(adoption);
    }
    adoptions
}

/// Whether all that counts of a key is that it was written.
fn is_turn(key: &str) -> bool {
    [key::REFS_PREFIX, key::DELETES_PREFIX].iter().any(|prefix| key.starts_with(prefix))
}

/// As much as one transaction carries; `projection` has it then.
fn adopt_some(projection: &mut Projection, copies: &[Copied]) -> Adoption {
    let mut adoption = Adoption::default();
    let mut places: HashMap<String, usize> = HashMap::new();
    for copy in copies {
        let new = one(projection, copy);
        let more = new.iter().filter(|effect| !places.contains_key(effect.key())).count();
        if adoption.taken > 0 && places.len() + more > KEYS_MAX {
            break;
        }
        for effect in new {
            // What does not decode was not made by `unpack`.
            match &effect {
                Effect::Put(key, value) => drop(projection.apply_put(key, value, 0)),
                Effect::Delete(key) => drop(projection.apply_delete(key)),
            }
            match places.entry(effect.key().to_owned()) {
                Entry::Occupied(place) => adoption.effects[*place.get()] = effect,
                Entry::Vacant(place) => {
                    place.insert(adoption.effects.len());
                    adoption.effects.push(effect);
                }
            }
        }
        adoption.taken += 1;
    }
    adoption
}

fn one(projection: &Projection, copy: &Copied) -> Vec<Effect> {
    let (path, uuid) = match copy {
        Copied::Put(object) => (object.path, object.uuid.as_str()),
        Copied::Delete { path, uuid } => (path.as_str(), uuid.as_str()),
    };
    let Some(schema) = projection.types().get(path) else { return Vec::new() };
    let before = projection.get(path, uuid);
    let held = |object: &Object| rules::claim_keys(schema, object);
    let mut guards = Guards::default();
    match copy {
        Copied::Put(object) => {
            guards.put(key::object(path, uuid), object.to_bytes());
            let kept = held(object);
            for claim in &kept {
                guards.put(claim.clone(), uuid.as_bytes().to_vec());
            }
            for claim in before.map(|before| held(before)).unwrap_or_default() {
                if !kept.contains(&claim) {
                    guards.delete(claim);
                }
            }
            guards.add_references(projection, schema, before.map(AsRef::as_ref), object);
        }
        Copied::Delete { .. } => {
            let Some(before) = before else { return Vec::new() };
            guards.delete(key::object(path, uuid));
            guards.delete(key::refs(path, uuid));
            guards.put(key::deletes(path), uuid.as_bytes().to_vec());
            for claim in held(before) {
                // It may have gone over to another since.
                if projection.claimant(&claim).is_none_or(|by| by.uuid == before.uuid) {
                    guards.delete(claim);
                }
            }
        }
    }
    guards.into_effects()
}

fn each_reference(value: &mut Value, change: &dyn Fn(&str) -> Option<String>) {
    match value {
        Value::String(text) if text.starts_with("/api/") => {
            if let Some(changed) = change(text) {
                *text = changed;
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| each_reference(element, change)),
        Value::Object(members) => members.values_mut().for_each(|member| each_reference(member, change)),
        _ => {}
    }
}
