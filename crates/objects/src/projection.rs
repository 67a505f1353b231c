//! Every stored object in memory, indexed for names, lists, back-references and exclusive claims.
//!
//! The projection is fed with every change of the store in commit order ([`Projection::apply_put`],
//! [`Projection::apply_delete`]) and computes everything else from the objects themselves, so that a rebuild and a
//! replay of changes end in the same state. Objects are shared by `Arc`: a reader takes what it needs and lets go of
//! whatever lock the edge put around the projection.

mod held;
mod sorted_map;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use avi_schema::{Scope, TypeSchema};

pub(crate) use self::held::Held;
use self::sorted_map::SortedMap;
use crate::object::{DecodeError, Object};
use crate::rules::Claim;
use crate::types::Types;
use crate::write::{Effect, Write};
use crate::{defaults, key, reference, rules};

/// Uuid and name of the built-in tenant.
pub const ADMIN: &str = "admin";

/// Indexed view of all objects. A clone is cheap: it shares what neither of the two changes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Projection {
    types: Types,
    by_type: BTreeMap<&'static str, TypeIndex>,
    /// Reference text (`/api/<path>/<uuid>`) to the objects that hold it.
    referrers: SortedMap<String, Ids>,
    /// Exclusive key (name, domain name, single) to its holder.
    claims: SortedMap<String, Id>,
    /// Key that writers take turns on (back-references, listeners) to the revision that wrote it last.
    turns: SortedMap<String, u64>,
    /// Uuid of a VRF or network to the addresses that are held there, and by whom.
    addresses: SortedMap<String, Held>,
    /// Tenant uuid to the objects it owns, global types left out.
    owned: SortedMap<String, Ids>,
}

/// Path and uuid.
type Id = (&'static str, String);

/// A set of objects.
type Ids = SortedMap<Id, ()>;

#[derive(Debug, Clone, Default, PartialEq)]
struct TypeIndex {
    by_uuid: SortedMap<String, Arc<Object>>,
    /// By tenant, name, uuid: the order of lists.
    by_name: SortedMap<(String, String, String), Arc<Object>>,
}

/// What a change meant to the projection.
#[derive(Debug, Clone, PartialEq)]
pub enum Applied {
    /// An object was created, replaced or removed.
    Object {
        /// What was there.
        before: Option<Arc<Object>>,
        /// What is there now.
        after: Option<Arc<Object>>,
    },
    /// A guard key or a key of somebody else.
    Other,
}

/// An object that points at another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Referrer {
    /// CamelCase model.
    pub model: &'static str,
    /// Name.
    pub name: String,
    /// API path.
    pub path: &'static str,
    /// Uuid.
    pub uuid: String,
}

/// Which tenants' objects a caller sees (avi-api 1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility<'a> {
    /// All tenants (`X-Avi-Tenant: *`).
    All,
    /// The tenant of this uuid, and what `admin` shares with everyone.
    Tenant(&'a str),
}

impl Visibility<'_> {
    /// Whether a caller sees this object.
    #[must_use]
    pub fn sees(self, schema: &TypeSchema, object: &Object) -> bool {
        match self {
            Self::All => true,
            Self::Tenant(tenant) => object.tenant == tenant || is_shared(schema, object),
        }
    }
}

fn is_shared(schema: &TypeSchema, object: &Object) -> bool {
    schema.scope == Scope::Global || (schema.scope.is_shared() && object.tenant == ADMIN)
}

impl Projection {
    /// An empty projection over these types.
    #[must_use]
    pub fn new(types: Types) -> Self {
        Self { types, ..Self::default() }
    }

    /// The types it knows.
    #[must_use]
    pub fn types(&self) -> &Types {
        &self.types
    }

    /// Takes in a key written at store revision `modified`; keys that are none of ours are ignored.
    ///
    /// # Errors
    /// When an object's bytes do not decode; the projection is unchanged then, and so is what the store holds.
    pub fn apply_put(&mut self, key: &str, value: &[u8], modified: u64) -> Result<Applied, DecodeError> {
        if key.starts_with(key::OBJECT_PREFIX) {
            let object = Object::from_bytes(&self.types, value, modified)?;
            return Ok(self.insert(object));
        }
        if [key::REFS_PREFIX, key::DELETES_PREFIX, key::LISTENERS_PREFIX].iter().any(|turn| key.starts_with(turn)) {
            self.turns.insert(key.to_owned(), modified);
        }
        Ok(Applied::Other)
    }

    /// Takes in the removal of a key.
    pub fn apply_delete(&mut self, key: &str) -> Applied {
        if let Some((path, uuid)) = key::parse_object(key) {
            return Applied::Object { before: self.remove(path, uuid), after: None };
        }
        self.turns.remove(key);
        Applied::Other
    }

    /// Takes in a whole write that was committed at `revision`, for callers that are the only writer.
    ///
    /// # Errors
    /// As [`Self::apply_put`].
    pub fn apply_write(&mut self, write: &Write, revision: u64) -> Result<(), DecodeError> {
        for effect in &write.effects {
            match effect {
                Effect::Put(key, value) => drop(self.apply_put(key, value, revision)?),
                Effect::Delete(key) => drop(self.apply_delete(key)),
            }
        }
        Ok(())
    }

    /// The object of this type and uuid.
    #[must_use]
    pub fn get(&self, path: &str, uuid: &str) -> Option<&Arc<Object>> {
        self.by_type.get(path)?.by_uuid.get(uuid)
    }

    /// The object that a tenant means by a name: its own, else `admin`'s; for cloud-scoped types narrowed to `cloud`
    /// when given.
    #[must_use]
    pub fn by_name(&self, path: &str, tenant: &str, cloud: Option<&str>, name: &str) -> Option<&Arc<Object>> {
        let index = self.by_type.get(path)?;
        let find = |tenant: &str| {
            let from = (tenant.to_owned(), name.to_owned(), String::new());
            let same_name = index.by_name.from(&from).take_while(|((t, n, _), _)| t == tenant && n == name);
            same_name.map(|(_, object)| object).find(|object| cloud.is_none() || reference::cloud_of(object) == cloud)
        };
        find(tenant).or_else(|| find(ADMIN))
    }

    /// The one object of a singleton or at-most-one type.
    #[must_use]
    pub fn single(&self, path: &str) -> Option<&Arc<Object>> {
        self.objects(path).next()
    }

    /// All objects of a type by tenant and name, whoever may see them.
    pub fn objects(&self, path: &str) -> impl Iterator<Item = &Arc<Object>> {
        self.by_type.get(path).into_iter().flat_map(|index| index.by_name.values())
    }

    /// All objects of a type by uuid, whoever may see them.
    pub fn objects_by_uuid(&self, path: &str) -> impl Iterator<Item = &Arc<Object>> {
        self.by_type.get(path).into_iter().flat_map(|index| index.by_uuid.values())
    }

    /// What a caller sees of a type: by name, the own tenant's objects before those that `admin` shares.
    #[must_use]
    pub fn visible(&self, schema: &TypeSchema, visibility: Visibility<'_>) -> Vec<&Arc<Object>> {
        let seen = self.objects(schema.path).filter(|object| visibility.sees(schema, object));
        let mut seen: Vec<&Arc<Object>> = seen.collect();
        match visibility {
            // The index is in order of tenant, so these sorts merge a few sorted runs.
            Visibility::All => seen.sort_by(|a, b| a.name.cmp(&b.name)),
            Visibility::Tenant(tenant) => seen.sort_by_key(|object| object.tenant != tenant),
        }
        seen
    }

    /// Who points at this object, by model and name; the object itself is left out.
    #[must_use]
    pub fn referrers(&self, path: &str, uuid: &str) -> Vec<Referrer> {
        let ids = self.referrers.get(&reference::stored(path, uuid)).into_iter().flat_map(ids);
        let others = ids.filter(|(p, u)| (*p, u.as_str()) != (path, uuid));
        self.describe(others)
    }

    /// The objects that this one points at, as far as they exist.
    #[must_use]
    pub fn targets(&self, object: &Object) -> Vec<&Arc<Object>> {
        let references = self.references_of(object);
        let targets = references.iter().filter_map(|stored| reference::parse_stored(stored));
        targets.filter_map(|(path, uuid)| self.get(path, uuid)).collect()
    }

    /// Objects that a tenant owns, by model and name.
    #[must_use]
    pub fn owned_by(&self, tenant: &str) -> Vec<Referrer> {
        self.describe(self.owned.get(tenant).into_iter().flat_map(ids))
    }

    /// The tenant of this name.
    #[must_use]
    pub fn tenant_by_name(&self, name: &str) -> Option<&Arc<Object>> {
        self.by_name("tenant", ADMIN, None, name)
    }

    /// The GSLB service that answers for exactly this domain name.
    #[must_use]
    pub fn gslb_service_of(&self, domain_name: &str) -> Option<&Arc<Object>> {
        self.claimant(&key::fqdn(domain_name))
    }

    /// The object that holds an exclusive key.
    pub(crate) fn claimant(&self, key: &str) -> Option<&Arc<Object>> {
        let (path, uuid) = self.claims.get(key)?;
        self.get(path, uuid)
    }

    /// Revision at which a key that writers take turns on was written last.
    pub(crate) fn turn_taken(&self, key: &str) -> Option<u64> {
        self.turns.get(key).copied()
    }

    /// Addresses held in a VRF, or allocated from a network.
    pub(crate) fn addresses(&self, space: &str) -> Option<&Held> {
        self.addresses.get(space)
    }

    fn insert(&mut self, mut object: Object) -> Applied {
        let before = self.remove(object.path, &object.uuid);
        if let Some(schema) = self.types.get(object.path) {
            defaults::fill(schema.message, &mut object.body);
        }
        let object = Arc::new(object);
        self.index(&object);
        Applied::Object { before, after: Some(object) }
    }

    fn index(&mut self, object: &Arc<Object>) {
        let id: Id = (object.path, object.uuid.clone());
        for reference in self.references_of(object) {
            self.referrers.get_or_default(reference).insert(id.clone(), ());
        }
        for (key, claim) in self.claims_of(object) {
            if let Claim::Address { space, address } = claim {
                self.addresses.get_or_default(space).insert(address, id.clone());
            }
            self.claims.insert(key, id.clone());
        }
        if self.is_owned(object) {
            self.owned.get_or_default(object.tenant.clone()).insert(id, ());
        }
        let index = self.by_type.entry(object.path).or_default();
        index.by_uuid.insert(object.uuid.clone(), object.clone());
        index.by_name.insert(order_of(object), object.clone());
    }

    fn remove(&mut self, path: &str, uuid: &str) -> Option<Arc<Object>> {
        let index = self.by_type.get_mut(path)?;
        let object = index.by_uuid.remove(uuid)?;
        index.by_name.remove(&order_of(&object));
        if index.by_uuid.is_empty() {
            self.by_type.remove(path);
        }
        let id: Id = (object.path, object.uuid.clone());
        for reference in self.references_of(&object) {
            remove_from(&mut self.referrers, &reference, &id);
        }
        for (key, claim) in self.claims_of(&object) {
            if self.claims.get(&key) == Some(&id) {
                self.claims.remove(&key);
                self.free_address(&claim);
            }
        }
        remove_from(&mut self.owned, &object.tenant, &id);
        Some(object)
    }

    fn references_of(&self, object: &Object) -> BTreeSet<String> {
        self.types.get(object.path).map(|schema| rules::references(schema, &object.body)).unwrap_or_default()
    }

    fn claims_of(&self, object: &Object) -> Vec<(String, Claim)> {
        let Some(schema) = self.types.get(object.path) else { return Vec::new() };
        rules::claims(schema, object).into_iter().map(|claim| (claim.key(schema, object), claim)).collect()
    }

    fn free_address(&mut self, claim: &Claim) {
        let Claim::Address { space, address } = claim else { return };
        if let Some(held) = self.addresses.get_mut(space) {
            held.remove(*address);
            if held.is_empty() {
                self.addresses.remove(space);
            }
        }
    }

    fn is_owned(&self, object: &Object) -> bool {
        self.types.get(object.path).is_some_and(|schema| schema.scope != Scope::Global)
    }

    fn describe<'a>(&self, ids: impl Iterator<Item = &'a Id>) -> Vec<Referrer> {
        let described = ids.filter_map(|(path, uuid)| {
            let (object, schema) = (self.get(path, uuid)?, self.types.get(path)?);
            Some(Referrer { model: schema.model, name: object.name.clone(), path, uuid: uuid.clone() })
        });
        let mut described: Vec<Referrer> = described.collect();
        described.sort();
        described
    }
}

fn order_of(object: &Object) -> (String, String, String) {
    (object.tenant.clone(), object.name.clone(), object.uuid.clone())
}

fn ids(ids: &Ids) -> impl Iterator<Item = &Id> {
    ids.iter().map(|(id, ())| id)
}

fn remove_from(index: &mut SortedMap<String, Ids>, key: &str, id: &Id) {
    if let Some(ids) = index.get_mut(key) {
        ids.remove(id);
        if ids.is_empty() {
            index.remove(key);
        }
    }
}
